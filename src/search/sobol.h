// A scrambled Sobol sequence: points that fill the unit cube evenly, however many are taken.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace quorate {

// Sobol 1967 with the direction numbers of Joe and Kuo 2008, points in the order of the Gray code (Antonov and Saleev 1979),
// scrambled by Owen's nested uniform scrambling (1995): each digit is flipped or not at random, by a draw of its own for
// each value of the digits before it. So each point is uniform, and of each 2^m points n = j 2^m .. (j + 1) 2^m - 1 as many
// fall into any elementary interval as without scrambling. Digits: 53, all that a double in [0, 1) has.
class SobolSequence {
 public:
  static constexpr std::size_t kMostDimensions = 256;

  // Throws std::invalid_argument where there are more dimensions than direction numbers.
  SobolSequence(std::size_t dimensions, std::uint64_t seed);

  std::size_t dimensions() const { return directions_.size(); }

  // Point n >= 0 in [0, 1)^dimensions, into `point` [dimensions]. A function of n, dimension and seed alone.
  void at(std::int64_t n, std::span<double> point) const;

  // The first 64 binary digits of point n in one dimension, without scrambling, highest first.
  std::uint64_t digits(std::int64_t n, std::size_t dimension) const;

 private:
  std::vector<std::array<std::uint64_t, 64>> directions_;  // [dimensions][digits of n, lowest first]
  std::vector<std::uint64_t> keys_;                        // [dimensions]
};

// Owen's scrambling of a number's first 53 binary digits; those after are 0.
std::uint64_t nested_scramble(std::uint64_t digits, std::uint64_t key);

}  // namespace quorate
