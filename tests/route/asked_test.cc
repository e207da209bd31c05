#include "route/asked.h"

#include <gtest/gtest.h>

#include "route/small.h"
#include "route/trace.h"

namespace quorate {
namespace {

TEST(AskAll, SaysOfEachTierWhatAskingItAloneSays) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const std::size_t models = 1 + random.below(6);
    const Predictions predictions =
        test::with_random_certainty(random, test::random_predictions(random, models, 1 + random.below(600)));
    const auto combine = static_cast<Combine>(random.below(3));
    std::vector<Tier> tiers;
    for (std::size_t t = 0; t < 1 + random.below(90); ++t) {
      Tier tier;
      tier.signal = static_cast<Signal>(random.below(6));
      for (std::size_t m = 0; m < models; ++m)
        if (random.below(2) == 0) tier.members.push_back(static_cast<int>(m));
      if (tier.members.empty()) tier.members = {0};
      tier.weights.assign(tier.members.size(), 1.0 / static_cast<double>(tier.members.size()));
      tiers.push_back(std::move(tier));
    }
    const AskedTiers asked = ask_all(predictions, tiers, combine, static_cast<int>(1 + random.below(3)));
    for (std::size_t t = 0; t < tiers.size(); ++t) {
      const TierTrace alone = ask(predictions, tiers[t], 0, {}, combine);
      std::size_t errors = 0;
      for (std::size_t sample = 0; sample < predictions.samples(); ++sample) {
        ASSERT_EQ(asked.certainty_of(t)[sample], alone.certainty[sample]) << "seed " << seed;
        ASSERT_EQ(asked.errs(t, sample), alone.wrong[sample] != 0) << "seed " << seed;
        errors += alone.wrong[sample];
      }
      ASSERT_EQ(asked.errors[t], errors);
    }
  }
}

}  // namespace
}  // namespace quorate
