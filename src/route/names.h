// The words of signals and combinations, in the order of their enumerations.
#pragma once

#include <array>

namespace quorate {

inline constexpr std::array<const char*, 6> kSignalNames = {"confidence", "agreement", "vote_agreement",
                                                            "margin",     "entropy",   "given"};
inline constexpr std::array<const char*, 3> kCombineNames = {"last", "mean", "majority"};

}  // namespace quorate
