// Seeded random numbers. Every draw in the library comes from a Random that the caller's seed argument made: there is no
// global state, and the numbers are the same on every platform (the standard library's distributions are not).
#pragma once

#include <cstdint>

namespace quorate {

// SplitMix64 (Steele, Lea and Flood 2014). `stream` gives independent sequences for one seed: a trial's number, say.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0);

  std::uint64_t next();
  double uniform();                          // [0, 1), 53 bits
  std::uint64_t below(std::uint64_t bound);  // [0, bound), unbiased (Lemire 2019); bound >= 1
  double normal();                           // mean 0, variance 1 (Box-Muller, one of the pair)

 private:
  std::uint64_t state_;
};

}  // namespace quorate
