#include "quorate/route/decide.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "oracle/cascade.h"
#include "route/natural_log.h"
#include "route/small.h"
#include "select/cpu.h"

namespace quorate {
namespace {

using Row = std::vector<float>;

Decision decide_rows(const Tier& tier, const std::vector<Row>& rows, std::vector<double>& mean,
                     Combine combine = Combine::kLast, std::size_t asked = 0, const Row& given = {}) {
  std::vector<const float*> scores;
  for (const Row& row : rows) scores.push_back(row.data());
  return decide(tier, scores, mean, combine, asked, given);
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

TEST(Decide, TheFirstOfTheHighestAnswersForAnyNumberOfClasses) {
  Random random(0);
  for (std::size_t classes = 1; classes <= 40; ++classes)
    for (int again = 0; again < 50; ++again) {
      Row row(classes);
      for (float& score : row) score = random.below(20) == 0 ? NAN : static_cast<float>(random.below(6)) / 8;
      std::size_t first = 0;
      for (std::size_t c = 1; c < classes; ++c)
        if (row[c] > row[first]) first = c;
      std::vector<double> mean(classes);
      ASSERT_EQ(decide_rows({{0}, {1.0}}, {row}, mean).answer, static_cast<int>(first)) << classes << " classes";
    }
}

TEST(Decide, AveragesWithTheTiersBefore) {
  std::vector<double> mean = {7.0, 7.0};  // whatever the caller left there
  const Tier tier{{0}, {1.0}, Signal::kConfidence, 0.7};
  EXPECT_EQ(decide_rows(tier, {{1.0f, 0.0f}}, mean, Combine::kMean, 0).certainty, 1.0);
  EXPECT_EQ(decide_rows(tier, {{0.0f, 1.0f}}, mean, Combine::kMean, 1).certainty, 0.5);
  const Decision decision = decide_rows(tier, {{0.25f, 0.75f}}, mean, Combine::kMean, 2);
  EXPECT_EQ(decision.answer, 1);
  EXPECT_EQ(decision.certainty, 1.75 / 3);
}

TEST(Decide, MarginIsTheLeadOverTheSecondClass) {
  std::vector<double> mean(3);
  const Tier tier{{0}, {1.0}, Signal::kMargin, 0.25};
  const Decision decision = decide_rows(tier, {{0.125f, 0.5f, 0.375f}}, mean);
  EXPECT_EQ(decision.certainty, 0.125);
  EXPECT_FALSE(decision.stop);
  std::vector<double> one(1);
  EXPECT_EQ(decide_rows(tier, {{1.0f}}, one).certainty, 1.0);
}

TEST(Decide, EntropyIsOneForACertainAnswerAndZeroForAUniformOne) {
  std::vector<double> mean(4);
  const Tier tier{{0}, {1.0}, Signal::kEntropy, 0.5};
  EXPECT_EQ(decide_rows(tier, {{0.0f, 1.0f, 0.0f, 0.0f}}, mean).certainty, 1.0);
  EXPECT_NEAR(decide_rows(tier, {{0.25f, 0.25f, 0.25f, 0.25f}}, mean).certainty, 0.0, 1e-7);
  EXPECT_NEAR(decide_rows(tier, {{0.5f, 0.5f, 0.0f, 0.0f}}, mean).certainty, 0.5, 1e-7);
}

TEST(Decide, GivenIsTheMembersWeightedMeanOfWhatTheUserSays) {
  std::vector<double> mean(2);
  const Tier tier{{0, 1}, {0.25, 0.75}, Signal::kGiven, 0.5};
  EXPECT_EQ(decide_rows(tier, {{1, 0}, {1, 0}}, mean, Combine::kLast, 0, {1.0f, 0.5f}).certainty, 0.625);
}

TEST(Decide, TheMajorityIsOfAllMembersAskedAndTiesGoToTheHigherScore) {
  std::vector<double> mean(3);
  const Tier first{{0}, {1.0}, Signal::kConfidence, 0.9};
  EXPECT_EQ(decide_rows(first, {{0.4f, 0.3f, 0.3f}}, mean, Combine::kMajority, 0).certainty, 1.0);
  EXPECT_EQ(mean, (std::vector<double>{1.0, 0.0, 0.0}));
  // One vote each for classes 0 and 2; this tier's scores prefer 2.
  const Decision decision = decide_rows(first, {{0.1f, 0.3f, 0.6f}}, mean, Combine::kMajority, 1);
  EXPECT_EQ(mean, (std::vector<double>{0.5, 0.0, 0.5}));
  EXPECT_EQ(decision.answer, 2);
  EXPECT_EQ(decision.certainty, 0.5);
  // A third for class 0 decides.
  EXPECT_EQ(decide_rows(first, {{0.6f, 0.2f, 0.2f}}, mean, Combine::kMajority, 2).answer, 0);
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
    tier.signal = static_cast<Signal>(random.below(5));
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
    Cascade cascade;
    cascade.tiers = {tier};
    cascade.combine = static_cast<Combine>(random.below(3));
    const Decision decision = decide_rows(tier, rows, mean, cascade.combine);
    const auto [answer, certainty] = oracle::tier_answer(cascade, 0, predictions, 0);
    ASSERT_EQ(decision.answer, static_cast<int>(answer)) << "seed " << seed;
    ASSERT_EQ(decision.certainty, certainty) << "seed " << seed;
  }
}

// Every width of vectors decides with the same bits, and as the slow reference does, for numbers of classes that fill
// vectors and such that do not, after other tiers and with scores that are NaN or 0.
TEST(Decide, IsTheSameForEveryWidthOfVectors) {
  const VectorWidth widest = vector_width();
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    const std::size_t classes = 1 + random.below(seed % 2 == 0 ? 20 : 130);
    const std::size_t members = 1 + random.below(4);
    Tier tier{.members = {}, .weights = {}, .signal = static_cast<Signal>(random.below(5)), .threshold = 0.7};
    std::vector<Row> rows(members, Row(classes));
    for (std::size_t m = 0; m < members; ++m) {
      tier.members.push_back(static_cast<int>(m));
      tier.weights.push_back((1.0 + random.uniform()) / static_cast<double>(members));
      const bool of_ties = random.below(2) == 0;
      for (float& score : rows[m])
        score = of_ties ? static_cast<float>(random.below(4)) / 8 : static_cast<float>(random.uniform());
      if (random.below(10) == 0) rows[m][random.below(classes)] = NAN;
    }
    std::vector<double> before(classes);
    for (double& one : before) one = random.uniform();
    const auto combine = static_cast<Combine>(random.below(3));
    const std::size_t asked = random.below(3);

    vector_width() = VectorWidth::k128;
    std::vector<double> expected_mean = before;
    const Decision expected = decide_rows(tier, rows, expected_mean, combine, asked);
    for (const VectorWidth width : {VectorWidth::k256, VectorWidth::k512}) {
      if (width > widest) continue;
      vector_width() = width;
      std::vector<double> mean = before;
      const Decision decision = decide_rows(tier, rows, mean, combine, asked);
      ASSERT_EQ(decision.answer, expected.answer) << "seed " << seed;
      ASSERT_EQ(std::bit_cast<std::uint64_t>(decision.certainty), std::bit_cast<std::uint64_t>(expected.certainty))
          << "seed " << seed << ", " << to_string(tier.signal) << ", " << classes << " classes";
      ASSERT_EQ(std::memcmp(mean.data(), expected_mean.data(), classes * sizeof(double)), 0) << "seed " << seed;
    }
  }
  vector_width() = widest;
}

TEST(Decide, TakesManyClassesAsTheReferenceDoes) {
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    Random random(seed);
    const std::size_t members = 1 + random.below(4);
    const Predictions predictions = test::random_probabilities(random, members, 1, 2 + random.below(120));
    Cascade cascade;
    for (std::size_t m = 0; m < members; ++m)  // a tier each
      cascade.tiers.push_back({{static_cast<int>(m)}, {1.0}, static_cast<Signal>(random.below(5)), 0.5});
    cascade.combine = static_cast<Combine>(random.below(3));
    std::vector<double> mean(predictions.classes());
    for (std::size_t k = 0; k < members; ++k) {
      Row row(predictions.classes());
      predictions.read(k, 0, 1, row.data());
      const Decision decision = decide_rows(cascade.tiers[k], {row}, mean, cascade.combine, k);
      const auto [answer, certainty] = oracle::tier_answer(cascade, k, predictions, 0);
      ASSERT_EQ(decision.answer, static_cast<int>(answer)) << "seed " << seed;
      ASSERT_NEAR(decision.certainty, certainty, 1e-12) << "seed " << seed;  // it averages all tiers at once
    }
  }
}

TEST(LogOf, IsAsNearAsItSays) {
  Random random(1);
  double worst = 0.0;
  const auto look = [&](double value) {
    const auto x = static_cast<float>(value);
    const double truth = std::log(static_cast<double>(x));
    const auto size = static_cast<float>(std::abs(truth));
    const double unit = static_cast<double>(std::nextafter(size, INFINITY)) - static_cast<double>(size);
    worst = std::max(worst, std::abs(static_cast<double>(log_of(x)) - truth) / std::max(3.0 * unit, 2e-7));
  };
  for (int i = 0; i < 200'000; ++i) {
    look(random.uniform());
    look(0.9 + 0.2 * random.uniform());
    look(std::ldexp(1.0 + random.uniform(), -static_cast<int>(random.below(126))));
  }
  EXPECT_LE(worst, 1.0);
  EXPECT_EQ(log_of(1.0f), 0.0f);
}

}  // namespace
}  // namespace quorate
