#include "select/swap.h"

#include <gmock/gmock.h>

#include <cmath>

#include "cases.h"

namespace quorate {
namespace {

FoundEnsemble found_of(const oracle::Case& data, const oracle::Options& options, const Counts& counts) {
  FoundEnsemble found{.counts = counts, .by = ""};
  std::map<int, double> weights;
  for (std::size_t m = 0; m < counts.size(); ++m)
    if (counts[m] > 0) weights[static_cast<int>(m)] = counts[m];
  for (const int count : counts) found.picks += count;
  found.loss = oracle::loss(data, options.metric, weights, found.picks, options.combine);
  found.costs = {oracle::cost_of(data, weights, options.parallel)};
  return found;
}

bool covered(const std::vector<FoundEnsemble>& front, const FoundEnsemble& other) {
  return std::any_of(front.begin(), front.end(), [&](const FoundEnsemble& point) {
    return point.costs[0] <= other.costs[0] && point.loss <= other.loss + 1e-5;
  });
}

TEST(Swap, LeavesNoNeighbourThatIsBetter) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    oracle::Case data = random_case(random, 6, 12, 4);
    const oracle::Options options = random_options(random, data);
    const Predictions predictions = predictions_of(data);
    const Cost cost = as_cost(data, options);
    Walker walker(predictions, {&cost, 1}, as_select_options(data, options));
    std::vector<FoundEnsemble> start;
    for (std::size_t m = 0; m < data.models; ++m) {
      Counts one(data.models, 0);
      one[m] = 1;
      start.push_back(found_of(data, options, one));
    }
    const std::vector<FoundEnsemble> front = improve(walker, start, 1'000'000);
    for (const FoundEnsemble& point : front) {
      const FoundEnsemble expected = found_of(data, options, point.counts);
      ASSERT_NEAR(point.loss, expected.loss, point.error + 1e-11);
      ASSERT_EQ(point.costs, expected.costs);
      ASSERT_EQ(point.picks, expected.picks);
      ASSERT_LE(point.picks, options.max_size);
      for (std::size_t out = 0; out <= data.models; ++out)   // the last: nothing is taken away
        for (std::size_t in = 0; in <= data.models; ++in) {  // the last: nothing is added
          Counts other = point.counts;
          if (out < data.models && --other[out] < 0) continue;
          if (in < data.models) ++other[in];
          const int picks = point.picks - (out < data.models) + (in < data.models);
          if (picks < 1 || picks > options.max_size) continue;
          if (!options.with_replacement && *std::max_element(other.begin(), other.end()) > 1) continue;
          ASSERT_TRUE(covered(front, found_of(data, options, other))) << "out " << out << ", in " << in;
        }
    }
  }
}

void every_ensemble(const oracle::Case& data, const oracle::Options& options, Counts& counts, std::size_t from, int left,
                    std::vector<FoundEnsemble>& all) {
  for (std::size_t m = from; left > 0 && m < data.models; ++m) {
    ++counts[m];
    all.push_back(found_of(data, options, counts));
    every_ensemble(data, options, counts, options.with_replacement ? m : m + 1, left - 1, all);
    --counts[m];
  }
}

// The area that points of ascending cost and descending loss dominate, up to a corner.
double hypervolume(const std::vector<FoundEnsemble>& front, double most_cost, double most_loss) {
  double area = 0.0;
  for (std::size_t i = 0; i < front.size(); ++i) {
    const double next = i + 1 < front.size() ? front[i + 1].costs[0] : most_cost;
    area += std::max(0.0, std::min(next, most_cost) - front[i].costs[0]) * std::max(0.0, most_loss - front[i].loss);
  }
  return area;
}

// The corner lies a tenth of each range beyond the whole front's worst.
double share_of_exhaustive(const oracle::Case& data, const oracle::Options& options) {
  std::vector<FoundEnsemble> all;
  Counts counts(data.models, 0);
  every_ensemble(data, options, counts, 0, options.max_size, all);
  const std::vector<FoundEnsemble> whole = non_dominated(std::move(all));
  const double most_cost = whole.back().costs[0] + 0.1 * (whole.back().costs[0] - whole[0].costs[0]) + 1e-6;
  const double most_loss = whole[0].loss + 0.1 * (whole[0].loss - whole.back().loss) + 1e-6;
  std::vector<FoundEnsemble> ours;
  SelectOptions chosen = as_select_options(data, options);
  chosen.swaps = true;
  for (const Ensemble& ensemble : select(predictions_of(data), data.cost, chosen)) {
    ours.push_back({.counts = {}, .loss = ensemble.loss, .costs = {ensemble.cost}, .by = ""});
  }
  return hypervolume(ours, most_cost, most_loss) / hypervolume(whole, most_cost, most_loss);
}

TEST(Swap, FrontsOfSmallLibrariesHoldAllThatThereIs) {
  const char* metrics[] = {"log_loss", "brier", "accuracy", "macro_f1"};
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 5);
    const oracle::Case data = realistic_case(random, 3 + random.below(6), 40, 2 + random.below(3));
    const oracle::Options options{.metric = metrics[seed % 4], .max_size = 4, .with_replacement = seed % 5 != 0};
    EXPECT_NEAR(share_of_exhaustive(data, options), 1.0, 1e-9) << options.metric;
  }
}

// Where there are too many to look at all of them.
TEST(Swap, LocalSearchReachesAlmostAllThatThereIs) {
  const char* metrics[] = {"log_loss", "brier"};
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 5);
    const oracle::Case data = realistic_case(random, 17, 60, 2 + random.below(3));
    EXPECT_GE(share_of_exhaustive(data, {.metric = metrics[seed % 2], .max_size = 4, .caps = 8}), 0.99);
  }
}

TEST(Swap, CountsPartialEnsembles) {
  EXPECT_EQ(partial_ensembles(16, {.max_size = 4}, 5000), 969);
  EXPECT_EQ(partial_ensembles(4, {.max_size = 9, .with_replacement = false}, 5000), 16);
  EXPECT_EQ(partial_ensembles(500, {.max_size = 16}, 5000), 5000);
}

TEST(Swap, NeverLosesAPoint) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 6);
    const oracle::Case data = realistic_case(random, 12, 40, 3);
    SelectOptions options{.metric = seed % 2 == 0 ? Metric::kLogLoss : Metric::kAccuracy, .max_size = 6};
    const EnsembleFront with = select(predictions_of(data), data.cost, options);
    options.swaps = false;
    for (const Ensemble& ensemble : select(predictions_of(data), data.cost, options))
      ASSERT_LE(with.within(ensemble.cost).loss, ensemble.loss + 1e-12);
  }
}

}  // namespace
}  // namespace quorate
