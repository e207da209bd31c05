#include "infer/smooth.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "oracle/smooth.h"
#include "quorate/core/random.h"

namespace quorate {
namespace {

const std::vector<int> kSizes = {1, 2, 4, 8, 16, 32};

// Runs of models whose batches take `fixed + each x samples`, times 1 with a scatter that differs from batch to batch by
// `bend` and from run to run by `scatter`.
std::vector<BatchRuns> random_series(Random& random, std::size_t models, std::size_t runs, double bend, double scatter) {
  std::vector<BatchRuns> series;
  for (std::size_t m = 0; m < models; ++m) {
    const double fixed = 1e-3 * random.uniform(), each = 1e-5 + 1e-3 * random.uniform();
    BatchRuns& batches = series.emplace_back();
    for (const int size : kSizes) {
      const double truth = (fixed + each * size) * std::exp(bend * random.normal());
      std::vector<double>& taken = batches.emplace_back();
      for (std::size_t k = 0; k < runs; ++k) taken.push_back(truth * std::exp(scatter * random.normal()));
    }
  }
  return series;
}

void expect_as_defined(const std::vector<BatchRuns>& series) {
  const auto got = smoothed_latencies_s(kSizes, series), wanted = oracle::smoothed(kSizes, series);
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t s = 0; s < got.size(); ++s) {
    ASSERT_EQ(got[s].size(), wanted[s].size());
    for (std::size_t b = 0; b < got[s].size(); ++b)
      if (std::isinf(wanted[s][b]))
        EXPECT_EQ(got[s][b], wanted[s][b]);
      else
        EXPECT_NEAR(got[s][b] / wanted[s][b], 1.0, 1e-9);
  }
}

TEST(Smooth, IsAsDefined) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const double bend = 0.3 * random.uniform(), scatter = 0.3 * random.uniform();
    auto series = random_series(random, 1 + random.below(5), 1 + random.below(12), bend, scatter);
    for (BatchRuns& batches : series)
      for (std::vector<double>& runs : batches)
        if (random.below(4) == 0) runs.clear();
    // Some move together, as where the machine is slow for a while.
    if (seed % 2 == 0)
      for (BatchRuns& batches : series)
        for (std::vector<double>& runs : batches)
          if (!runs.empty()) runs.back() *= 3.0;
    expect_as_defined(series);
  }
}

TEST(Smooth, FallingAndFlatLatenciesMeetALineThatIsNeither) {
  expect_as_defined(
      {{{6.0, 6.1, 6.2}, {5.0, 5.2, 5.1}, {4.0, 4.5, 4.1}, {3.0, 3.3, 3.1}, {2.0, 2.4, 2.1}, {1.0, 1.2, 1.3}}});
  expect_as_defined({{{1.0, 1.1, 1.2}, {3.0, 3.2, 3.1}, {8.0, 8.5, 8.1}, {20.0, 19.0, 20.1}, {50.0, 52.0, 51.0}, {}}});
}

TEST(Smooth, WhatDoesNotScatterStays) {
  Random random(1);
  const auto series = random_series(random, 4, 9, 0.5, 0.0);
  const auto got = smoothed_latencies_s(kSizes, series);
  for (std::size_t s = 0; s < series.size(); ++s)
    for (std::size_t b = 0; b < kSizes.size(); ++b) EXPECT_NEAR(got[s][b] / series[s][b][0], 1.0, 1e-12);
}

TEST(Smooth, FewBatchSizesOrRunsKeepTheirMedians) {
  Random random(2);
  for (const std::size_t runs : {1u, 2u}) {
    const auto series = random_series(random, 3, runs, 0.0, 0.3);
    const auto got = smoothed_latencies_s(kSizes, series);
    for (std::size_t b = 0; b < kSizes.size(); ++b) EXPECT_EQ(got[1][b], 0.5 * (series[1][b].front() + series[1][b].back()));
  }
  const BatchRuns two = {{1.0, 2.0, 3.0}, {}, {}, {}, {}, {7.0, 5.0, 6.0}};
  constexpr double kNever = std::numeric_limits<double>::infinity();
  EXPECT_EQ(smoothed_latencies_s(kSizes, {two})[0], (std::vector<double>{2.0, kNever, kNever, kNever, kNever, 6.0}));
  EXPECT_EQ(smoothed_latencies_s(kSizes, {BatchRuns(6)})[0], std::vector<double>(6, kNever));
  EXPECT_TRUE(smoothed_latencies_s(kSizes, {}).empty());
}

// What it is for: the throughput that the best-looking batch size promises, over what it is.
double optimism(double bend, bool smooth) {
  double sum = 0.0;
  constexpr int kCases = 400;
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    Random truths(seed), luck(seed, 1);
    const auto truth = random_series(truths, 5, 1, bend, 0.0);
    std::vector<BatchRuns> series = truth;
    for (BatchRuns& batches : series)
      for (std::vector<double>& runs : batches) {
        const double is = runs[0];
        runs.clear();
        for (int k = 0; k < 9; ++k) runs.push_back(is * std::exp(0.2 * luck.normal()));
      }
    std::vector<double> seen = smoothed_latencies_s(kSizes, series)[0];
    if (!smooth)
      for (std::size_t b = 0; b < kSizes.size(); ++b) seen[b] = oracle::middle(series[0][b]);
    std::size_t best = 0;
    for (std::size_t b = 0; b < kSizes.size(); ++b)
      if (kSizes[b] / seen[b] > kSizes[best] / seen[best]) best = b;
    sum += truth[0][best][0] / seen[best] - 1.0;
  }
  return sum / kCases;
}

TEST(Smooth, TheBestLookingBatchSizePromisesWhatItIs) {
  EXPECT_GT(optimism(0.0, false), 0.03);
  EXPECT_LT(optimism(0.0, true), 0.015);
  EXPECT_GT(optimism(0.1, false), 0.02);
  EXPECT_LT(optimism(0.1, true), 0.01);
}

}  // namespace
}  // namespace quorate
