#include "search/pareto_rung.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <set>

#include "oracle/pareto.h"
#include "quorate/core/random.h"

namespace quorate {
namespace {

using Losses = std::vector<double>;
using testing::ElementsAre;

// Points as searches have them: anywhere, on a grid, both alike, a trade-off, of any magnitude.
Losses losses(Random& random, std::size_t objectives, std::uint64_t kind) {
  Losses result;
  const double common = random.uniform();
  for (std::size_t j = 0; j < objectives; ++j) {
    const double own = random.uniform();
    switch (kind) {
      case 0:
        result.push_back(own);
        break;
      case 1:
        result.push_back(std::floor(own * 5.0));
        break;
      case 2:
        result.push_back(common + 0.01 * own);
        break;
      case 3:
        result.push_back(j % 2 == 0 ? common : 1.0 - common);
        break;
      case 4:
        result.push_back((random.below(2) == 0 ? 1.0 : -1.0) * std::exp2(2046.0 * own - 1022.0));
        break;
      default:
        result.push_back(j == 0 ? 1.0 : own);
    }
  }
  if (random.below(10) == 0) result[random.below(objectives)] = random.below(2) == 0 ? NAN : INFINITY;
  return result;
}

// Adds, takes, asks and removes at random, with the oracle beside it.
void compare_with_oracle(std::uint64_t seed) {
  Random random(seed, 7);
  const std::size_t objectives = 2 + random.below(3);
  const auto eta = static_cast<double>(1100 + random.below(4000)) / 1000.0;
  const ReductionFactor factor(eta);
  const bool at_least_one = random.below(2) == 1;
  const auto rung = make_rung(static_cast<int>(objectives), factor, at_least_one ? Mode::kStop : Mode::kPromote);
  const std::uint64_t kind = random.below(7);
  std::vector<oracle::Measured> measured;  // finite and not removed
  std::vector<std::pair<Rung::Place, std::int64_t>> taken;
  std::set<std::int64_t> numbers, gone;
  const auto best = [&] {
    return oracle::best(measured,
                        static_cast<std::size_t>(std::max<std::int64_t>(at_least_one, factor.divide(rung->size()))));
  };
  std::map<std::int64_t, Rung::Place> places;
  for (std::uint64_t step = 0; step < 20 + random.below(120); ++step) {
    const std::uint64_t what = random.below(10);
    if (what < 6) {
      const auto trial = static_cast<std::int64_t>(random.below(100'000));
      if (!numbers.insert(trial).second) continue;
      const Losses values = losses(random, objectives, kind == 6 ? random.below(6) : kind);
      places[trial] = rung->add(values, trial);
      if (std::all_of(values.begin(), values.end(), [](double loss) { return std::isfinite(loss); }))
        measured.push_back({values, trial});
      const auto expected = best();
      ASSERT_EQ(rung->among_best(places[trial]), std::count(expected.begin(), expected.end(), trial) > 0);
    } else if (what < 9) {
      std::optional<std::int64_t> expected;
      for (const std::int64_t trial : best())
        if (!gone.count(trial) && !expected) expected = trial;
      ASSERT_EQ(rung->take(), expected);
      if (expected) {
        gone.insert(*expected);
        taken.emplace_back(places[*expected], *expected);
      }
    } else if (!taken.empty()) {
      const auto chosen = taken.begin() + static_cast<std::ptrdiff_t>(random.below(taken.size()));
      rung->remove(chosen->first);
      std::erase_if(measured, [&](const oracle::Measured& one) { return one.trial == chosen->second; });
      taken.erase(chosen);
    }
  }
  std::vector<std::int64_t> order;
  for (const auto& front : oracle::fronts(measured))
    for (const auto& one : front) order.push_back(one.trial);
  ASSERT_EQ(rung->ranking(), order);
}

TEST(ParetoRung, EqualsTheOracle) {
  for (std::uint64_t seed = 0; seed < 4000 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    compare_with_oracle(seed);
  }
}

// Long runs, where the rest has many chunks: the two kinds of front against each other.
TEST(ParetoRung, StaircasesEqualLists) {
  for (std::uint64_t seed = 0; seed < 6 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 8);
    const ReductionFactor eta(seed % 2 == 0 ? 3.0 : 1.3);
    ParetoRung<Staircase> staircases(eta, Mode::kStop);
    ParetoRung<ListedFront> lists(eta, Mode::kStop);
    std::vector<Rung::Place> taken;
    for (std::int64_t trial = 0; trial < 3000 && !HasFailure(); ++trial) {
      const Losses values = losses(random, 2, seed % 6);
      const auto place = staircases.add(values, trial);
      ASSERT_EQ(lists.add(values, trial), place);
      ASSERT_EQ(staircases.among_best(place), lists.among_best(place));
      const auto next = staircases.take();
      ASSERT_EQ(next, lists.take());
      if (next) taken.push_back(static_cast<Rung::Place>(*next));  // places are trials here
      if (taken.empty() || random.below(5) != 0) continue;
      const auto chosen = taken.begin() + static_cast<std::ptrdiff_t>(random.below(taken.size()));
      staircases.remove(*chosen);
      lists.remove(*chosen);
      taken.erase(chosen);
    }
    ASSERT_EQ(staircases.ranking(), lists.ranking());
  }
}

TEST(ParetoRung, GoesOnFrontByFrontThenByTheNet) {
  const auto rung = make_rung(2, ReductionFactor(2), Mode::kPromote);
  // Trials 0..4 trade one loss for the other, 5..9 are the same moved up.
  for (std::int64_t trial = 0; trial < 5; ++trial)
    rung->add(Losses{static_cast<double>(trial), 4.0 - static_cast<double>(trial)}, trial);
  EXPECT_EQ(rung->take(), 0);  // quota 2 of a front of 5: its ends
  EXPECT_EQ(rung->take(), 4);
  EXPECT_EQ(rung->take(), std::nullopt);
  for (std::int64_t trial = 5; trial < 10; ++trial)
    rung->add(Losses{static_cast<double>(trial), 14.0 - static_cast<double>(trial)}, trial);
  EXPECT_EQ(rung->take(), 1);  // the whole front fits: by trial
  EXPECT_EQ(rung->take(), 2);
  EXPECT_EQ(rung->take(), 3);
  EXPECT_EQ(rung->take(), std::nullopt);
  EXPECT_THAT(rung->ranking(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST(ParetoRung, TheFirstOfARungIsAmongTheBestWhereOneMust) {
  for (const int objectives : {1, 2, 3}) {
    const auto rung = make_rung(objectives, ReductionFactor(3), Mode::kStop);
    EXPECT_FALSE(rung->among_best(rung->add(Losses(static_cast<std::size_t>(objectives), NAN), 0)));
    EXPECT_TRUE(rung->among_best(rung->add(Losses(static_cast<std::size_t>(objectives), 1.0), 1)));
    EXPECT_FALSE(rung->among_best(rung->add(Losses(static_cast<std::size_t>(objectives), 1.0), 2)));
    EXPECT_TRUE(rung->among_best(rung->add(Losses(static_cast<std::size_t>(objectives), 0.5), 3)));
  }
}

}  // namespace
}  // namespace quorate
