// Sums of the logarithms of a candidate's terms, on vectors.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace quorate {

// How a float or a double is laid out.
template <class Real>
struct Layout {
  using Bits = std::conditional_t<sizeof(Real) == 8, std::uint64_t, std::uint32_t>;
  static constexpr int kMantissa = sizeof(Real) == 8 ? 52 : 23;
  static constexpr Bits kBias = sizeof(Real) == 8 ? 1023 : 127;
  static constexpr Bits kOne = kBias << kMantissa;
  static constexpr Bits kFraction = (Bits{1} << kMantissa) - 1;
};

template <class Real>
inline constexpr std::size_t kLogLanes = 256 / sizeof(Real);  // independent products

// What the logarithms are of: sums[i] + column[i], i in [0, count), clamped where a kernel does so.
template <class Real>
struct LogTerms {
  const Real* sums;
  const float* column;
  std::size_t count;    // a multiple of kLogLanes
  std::size_t factors;  // so many terms and a number in [1, 2) multiply to a normal number
  Real least;
  Real most;
};

template <bool kClamped, class Real>
[[gnu::always_inline]] inline void take_terms(const LogTerms<Real>& terms, std::size_t first, Real* __restrict term) {
  for (std::size_t lane = 0; lane < kLogLanes<Real>; ++lane) {
    const Real value = terms.sums[first + lane] + Real{terms.column[first + lane]};
    if constexpr (kClamped) {
      const Real raised = value > terms.least ? value : terms.least;
      term[lane] = raised < terms.most ? raised : terms.most;
    } else {
      term[lane] = value;
    }
  }
}

// One logarithm for all terms: of their product, kept as mantissas in [1, 2) and whole exponents.
template <class Real>
struct LogProduct {
  using Bits = typename Layout<Real>::Bits;
  alignas(64) Real mantissas[kLogLanes<Real>];
  alignas(64) Bits exponents[kLogLanes<Real>];  // two's complements

  LogProduct() {
    std::fill_n(mantissas, kLogLanes<Real>, Real{1});
    std::fill_n(exponents, kLogLanes<Real>, Bits{0});
  }

  // A lane at a time would wait for the one before.
  double log() const {
    constexpr std::size_t kApart = 8;
    double product[kApart];
    Bits exponent = 0;
    std::fill_n(product, kApart, 1.0);
    for (std::size_t lane = 0; lane < kLogLanes<Real>; ++lane) {
      product[lane % kApart] *= double{mantissas[lane]};
      exponent += exponents[lane];
    }
    const double whole =
        ((product[0] * product[1]) * (product[2] * product[3])) * ((product[4] * product[5]) * (product[6] * product[7]));
    return static_cast<double>(static_cast<std::make_signed_t<Bits>>(exponent)) * 0.69314718055994530942 + std::log(whole);
  }
};

template <class Real, bool kClamped>
struct MultiplyTerms {
  template <int>
  [[gnu::always_inline]] static void run(const LogTerms<Real>& terms, LogProduct<Real>* whole) {
    using In = Layout<Real>;
    constexpr std::size_t kLanes = kLogLanes<Real>;
    alignas(64) Real product[kLanes], term[kLanes];
    alignas(64) typename In::Bits exponents[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      product[lane] = whole->mantissas[lane];
      exponents[lane] = whole->exponents[lane];
    }
    for (std::size_t block = 0; block < terms.count; block += kLanes * terms.factors) {
      const std::size_t end = std::min(terms.count, block + kLanes * terms.factors);
      for (std::size_t i = block; i < end; i += kLanes) {
        take_terms<kClamped>(terms, i, term);
        for (std::size_t lane = 0; lane < kLanes; ++lane) product[lane] *= term[lane];
      }
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const auto bits = std::bit_cast<typename In::Bits>(product[lane]);
        exponents[lane] += (bits >> In::kMantissa) - In::kBias;
        product[lane] = std::bit_cast<Real>((bits & In::kFraction) | In::kOne);
      }
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      whole->mantissas[lane] = product[lane];
      whole->exponents[lane] = exponents[lane];
    }
  }
};

// The weighted sum of logarithms: log(2^e m) = e log 2 + 2 (s + s^3/3 + ...), s = (m - 1) / (m + 1), with m in [0.7, 1.42],
// so that |s| < 0.1766 and the series cut after s^21 lacks less than 2 s^23 / (23 (1 - s^2)) < 5e-19.
struct WeightedLogs {
  template <int>
  [[gnu::always_inline]] static void run(const LogTerms<double>& terms, const double* weights, double* result) {
    constexpr std::size_t kLanes = kLogLanes<double>;
    alignas(64) double sum[kLanes], term[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) sum[lane] = 0.0;
    for (std::size_t i = 0; i < terms.count; i += kLanes) {
      take_terms<true>(terms, i, term);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        // Moving 0.7's distance to 1 into the exponent cuts [0.7, 1.4) out at every power of two.
        const std::uint64_t bits = std::bit_cast<std::uint64_t>(term[lane]) + (Layout<double>::kOne - 0x3fe6666666666666u);
        const double exponent = std::bit_cast<double>((bits >> 52) | 0x4330000000000000u) - (0x1p52 + 1023.0);
        const double m = std::bit_cast<double>((bits & Layout<double>::kFraction) + 0x3fe6666666666666u);
        const double s = (m - 1.0) / (m + 1.0), square = s * s;
        double series = 1.0 / 21.0;
        for (int odd = 19; odd > 0; odd -= 2) series = series * square + 1.0 / odd;
        sum[lane] += weights[i + lane] * (exponent * 0.69314718055994530942 + 2.0 * s * series);
      }
    }
    *result = 0.0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) *result += sum[lane];
  }
};

}  // namespace quorate
