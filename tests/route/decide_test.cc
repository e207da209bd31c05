#include "quorate/route/decide.h"

#include <gtest/gtest.h>

#include <cmath>

#include "oracle/cascade.h"
#include "route/small.h"

namespace quorate {
namespace {

using Row = std::vector<float>;

Decision decide_rows(const Tier& tier, const std::vector<Row>& rows, std::vector<double>& mean, std::size_t averaged = 0) {
  std::vector<const float*> scores;
  for (const Row& row : rows) scores.push_back(row.data());
  return decide(tier, scores, mean, averaged);
}

TEST(Decide, ConfidenceIsTheHighestMeanScore) {
  std::vector<double> mean(3);
  const Tier tier{{0, 1}, {0.25, 0.75}, Signal::kConfidence, 0.5};
  const Decision decision = decide_rows(tier, {{1.0f, 0.0f, 0.0f}, {0.0f, 0.75f, 0.25f}}, mean);
  EXPECT_EQ(mean, (std::vector<double>{0.25, 0.5625, 0.1875}));
  EXPECT_EQ(decision.answer, 1);
  EXPECT_EQ(decision.certainty, 0.5625);
  EXPECT_TRUE(decision.stop);
}

TEST(Decide, AgreementIsAboutTheClassThatMostMembersVoteFor) {
  std::vector<double> mean(3);
  Tier tier{{0, 1, 2}, {0.25, 0.25, 0.5}, Signal::kVoteAgreement, 0.6};
  const std::vector<Row> rows = {{0.5f, 0.25f, 0.25f}, {0.5f, 0.25f, 0.25f}, {0.0f, 0.0f, 1.0f}};
  Decision decision = decide_rows(tier, rows, mean);
  EXPECT_EQ(decision.answer, 2);  // the mean's
  EXPECT_EQ(decision.certainty, 0.5);
  EXPECT_FALSE(decision.stop);
  tier.signal = Signal::kAgreement;  // classes 0 and 2 have half of the weight each: the lower one counts
  EXPECT_EQ(decide_rows(tier, rows, mean).certainty, 0.25);
}

TEST(Decide, TiesGoToTheLowestClass) {
  std::vector<double> mean(2);
  EXPECT_EQ(decide_rows({{0}, {1.0}}, {{0.5f, 0.5f}}, mean).answer, 0);
}

TEST(Decide, AveragesWithTheTiersBefore) {
  std::vector<double> mean = {7.0, 7.0};  // whatever the caller left there
  const Tier tier{{0}, {1.0}, Signal::kConfidence, 0.7};
  EXPECT_EQ(decide_rows(tier, {{1.0f, 0.0f}}, mean, 0).certainty, 1.0);
  EXPECT_EQ(decide_rows(tier, {{0.0f, 1.0f}}, mean, 1).certainty, 0.5);
  const Decision decision = decide_rows(tier, {{0.25f, 0.75f}}, mean, 2);
  EXPECT_EQ(decision.answer, 1);
  EXPECT_EQ(decision.certainty, 1.75 / 3);
}

TEST(Decide, RoundingDoesNotRaiseCertaintyAboveOne) {
  std::vector<double> mean(2);
  const Tier never{{0}, {1.0}, Signal::kConfidence, std::nextafter(1.0, 2.0)};
  const Decision decision = decide_rows(never, {{1.0005f, 0.0f}}, mean);
  EXPECT_EQ(decision.certainty, 1.0);
  EXPECT_FALSE(decision.stop);
}

TEST(Decide, NaNGoesOnUnlessTheTierIsLast) {
  std::vector<double> mean(2);
  Tier tier{{0}, {1.0}, Signal::kConfidence, 0.1};
  EXPECT_FALSE(decide_rows(tier, {{NAN, NAN}}, mean).stop);
  tier.threshold = 0.0;
  EXPECT_TRUE(decide_rows(tier, {{NAN, NAN}}, mean).stop);
}

TEST(Decide, EqualsTheOracleForTiersOfUpToTwentyMembers) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    const std::size_t members = 1 + random.below(20);
    const Predictions predictions = test::random_predictions(random, members, 1);
    Tier tier;
    tier.signal = static_cast<Signal>(random.below(3));
    for (std::size_t m = 0; m < members; ++m) {
      tier.members.push_back(static_cast<int>(m));
      tier.weights.push_back(1.0 / static_cast<double>(members));
    }
    std::vector<Row> rows;
    for (std::size_t m = 0; m < members; ++m) {
      rows.emplace_back(predictions.classes());
      predictions.read(m, 0, 1, rows.back().data());
    }
    std::vector<double> mean(predictions.classes());
    const Decision decision = decide_rows(tier, rows, mean);
    Cascade cascade;
    cascade.tiers = {tier};
    const auto [answer, certainty] = oracle::tier_answer(cascade, 0, predictions, 0);
    ASSERT_EQ(decision.answer, static_cast<int>(answer)) << "seed " << seed;
    ASSERT_EQ(decision.certainty, certainty) << "seed " << seed;
  }
}

}  // namespace
}  // namespace quorate
