// The order in which samples stop as a threshold falls.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quorate {

// The samples [samples], most certain first, equals in the order of samples. Certainties in [0, 1].
std::vector<std::uint32_t> rank_by_certainty(std::span<const double> certainty);

}  // namespace quorate
