// Certainties in fixed, ordered cells.
#pragma once

#include <cmath>
#include <cstddef>

namespace quorate {

// From 0 and from 1 towards 1/2: one cell up to 2^-20, then 32 cells for each power of two. A fixed function: cells made
// from the calibration samples would break the exchangeability that ranks need.
inline constexpr std::size_t kCellsToHalf = 1 + 19 * 32;
inline constexpr std::size_t kCertaintyCells = 2 * kCellsToHalf + 1;

// Of a value in [0, 1/2]: ascending, from 0 to kCellsToHalf.
inline std::size_t cell_to_half(double value) {
  constexpr int kSmallest = -20;
  if (!(value >= std::ldexp(1.0, kSmallest))) return 0;
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);  // in [1/2, 1): value = fraction x 2^exponent
  const auto part = static_cast<std::size_t>((fraction - 0.5) * 64);
  return 1 + static_cast<std::size_t>(exponent - 1 - kSmallest) * 32 + part;
}

// Of a certainty in [0, 1]; ascending.
inline std::size_t certainty_cell(double certainty) {
  return certainty <= 0.5 ? cell_to_half(certainty) : kCertaintyCells - 1 - cell_to_half(1.0 - certainty);
}

}  // namespace quorate
