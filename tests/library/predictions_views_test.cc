// Predictions of values, and the views that select makes of predictions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "library/random_predictions.h"

namespace quorate {
namespace {

using test::as_half;
using test::random_labels;
using test::random_rows;
using test::scores;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

auto says(const std::string& words) { return ThrowsMessage<std::invalid_argument>(HasSubstr(words)); }

std::vector<float> random_values(Random& random, std::size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.uniform() * 20.0 - 10.0);
  return values;
}

TEST(PredictionsOfValues, ReadWhatTheyWereGiven) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t samples = 1 + random.below(12), outputs = 1 + random.below(5);
    const std::vector<float> single = random_values(random, samples * outputs);
    const std::vector<float> targets = random_values(random, samples * outputs);
    const std::vector<Half> half = as_half(random_rows(random, samples, outputs));
    const auto predictions =
        Predictions::from_values({{single.data(), nullptr}, {half.data(), nullptr}}, {targets.data(), samples, outputs});
    EXPECT_EQ(predictions.models(), 2u);
    EXPECT_EQ(predictions.samples(), samples);
    EXPECT_EQ(predictions.classes(), outputs);
    EXPECT_TRUE(predictions.has_values());
    EXPECT_FALSE(predictions.has_probabilities());
    EXPECT_THAT(predictions.labels(), IsEmpty());
    EXPECT_THAT(predictions.names(), ElementsAre("0", "1"));
    ASSERT_EQ(std::vector(predictions.targets().begin(), predictions.targets().end()), targets);
    ASSERT_EQ(scores(predictions, 0), single);
    std::vector<float> widened;
    for (const Half value : half) widened.push_back(to_float(value));
    ASSERT_EQ(scores(predictions, 1), widened);

    std::vector<std::size_t> chosen(1 + random.below(10));
    for (std::size_t& sample : chosen) sample = random.below(samples);
    const Predictions part = predictions.take(chosen);
    ASSERT_EQ(part.samples(), chosen.size());
    EXPECT_TRUE(part.has_values());
    const std::vector<float> taken = scores(part, 0);
    for (std::size_t i = 0; i < chosen.size(); ++i)
      for (std::size_t output = 0; output < outputs; ++output) {
        ASSERT_EQ(part.targets()[i * outputs + output], targets[chosen[i] * outputs + output]);
        ASSERT_EQ(taken[i * outputs + output], single[chosen[i] * outputs + output]);
      }
  }
}

TEST(PredictionsOfValues, OfClassesThereAreNoTargets) {
  const std::vector<float> rows{0.5f, 0.5f};
  const auto predictions = Predictions::from_probabilities({{rows.data(), nullptr}}, 1, 2, {0});
  EXPECT_FALSE(predictions.has_values());
  EXPECT_THAT(predictions.targets(), IsEmpty());
}

TEST(PredictionsOfValues, ThatAreWrong) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> right{1.0f, -2.0f, 3.0f, 4.0f};
  const auto build = [&](const std::vector<float>& values, const std::vector<float>& targets, std::size_t rows,
                         std::size_t cols, std::vector<std::string> names = {}) {
    return [=] { Predictions::from_values({{values.data(), nullptr}}, {targets.data(), rows, cols}, names); };
  };
  EXPECT_NO_THROW(build(right, right, 2, 2)());
  EXPECT_THAT([&] { Predictions::from_values({}, {right.data(), 2, 2}); }, says("there are 0 models"));
  EXPECT_THAT(build(right, right, 0, 2), says("there are 0 samples"));
  EXPECT_THAT(build(right, right, 2, 0), says("there are 0 outputs, but there must be at least 1"));
  EXPECT_THAT(build(right, right, 2, 2, {"a", "b"}), says("names has 2 entries, but there are 1 models"));
  for (const auto& [wrong, words] : {std::pair{infinity, "inf"}, {-infinity, "-inf"}, {std::nanf(""), "nan"}}) {
    std::vector<float> changed = right;
    changed[2] = wrong;
    EXPECT_THAT(build(changed, right, 2, 2, {"m"}),
                says(std::string("the value of output 0 by model \"m\" on sample 1 is ") + words + ", but must be finite"));
    EXPECT_THAT(build(right, changed, 2, 2), says(std::string("targets[1, 0] is ") + words + ", but must be finite"));
  }
  const std::vector<Half> half{Half{0x3c00}, Half{0x7c00}};
  EXPECT_THAT(
      [&] {
        Predictions::from_values({{half.data(), nullptr}}, {right.data(), 2, 1});
      },
      says("the value of output 0 by model \"0\" on sample 1 is inf"));
}

TEST(PredictionsAsVotes, AreEachModelsAnswer) {
  Random random(2);
  for (int round = 0; round < 200; ++round) {
    const std::size_t samples = 1 + random.below(12), classes = 1 + random.below(6);
    const std::vector<float> rows = random_rows(random, samples, classes);
    const std::vector<Half> half = as_half(rows);
    const auto labels = random_labels(random, samples, classes);
    const auto predictions = Predictions::from_probabilities({{rows.data(), nullptr}, {half.data(), nullptr}}, samples,
                                                             classes, labels, {"a", "b"});
    for (const Predictions& votes : {predictions.as_votes(), predictions.as_logarithms(1e-15f).as_votes()}) {
      EXPECT_FALSE(votes.has_probabilities());
      EXPECT_EQ(votes.classes(), classes);
      EXPECT_EQ(votes.names(), predictions.names());
      for (std::size_t m = 0; m < 2; ++m) {
        const std::vector<float> from = scores(predictions, m), to = scores(votes, m);
        for (std::size_t sample = 0; sample < samples; ++sample) {
          const float* row = from.data() + sample * classes;
          const auto best = static_cast<std::size_t>(std::max_element(row, row + classes) - row);
          for (std::size_t c = 0; c < classes; ++c) ASSERT_EQ(to[sample * classes + c], c == best ? 1.0f : 0.0f);
        }
      }
    }
  }
}

TEST(PredictionsAsVotes, OfVotesForgetTheConfidence) {
  const std::vector<std::int32_t> classes{2, 2};
  const std::vector<float> confidence{0.5f, 0.0f};
  const auto votes = Predictions::from_votes({classes.data(), 1, 2}, {confidence.data(), 1, 2}, {0, 3}).as_votes();
  EXPECT_THAT(scores(votes, 0), ElementsAre(0, 0, 1, 0, 1, 0, 0, 0)) << "a vote of confidence 0 answers class 0";
}

TEST(PredictionsAsVotes, ValuesHaveNone) {
  const std::vector<float> values{1.0f};
  const auto predictions = Predictions::from_values({{values.data(), nullptr}}, {values.data(), 1, 1});
  EXPECT_THAT([&] { predictions.as_votes(); }, says("predictions hold values, but votes need classes"));
}

TEST(PredictionsAsLogarithms, AreThoseOfClippedProbabilities) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    const std::size_t samples = 1 + random.below(12), classes = 2 + random.below(40);
    std::vector<float> rows = random_rows(random, samples, classes);
    for (std::size_t sample = 0; sample < samples; ++sample) {  // all on one class: the others are clipped
      if (random.below(2) == 0) continue;
      std::fill_n(rows.begin() + static_cast<std::ptrdiff_t>(sample * classes), classes, 0.0f);
      rows[sample * classes + random.below(classes)] = 1.0f;
    }
    const auto labels = random_labels(random, samples, classes);
    const auto predictions = Predictions::from_probabilities({{rows.data(), nullptr}}, samples, classes, labels);
    const float least = random.below(2) == 0 ? 1e-15f : 0.125f;
    const Predictions logarithms = predictions.as_logarithms(least);
    EXPECT_TRUE(logarithms.has_probabilities());
    const std::vector<float> read = scores(logarithms, 0);
    for (std::size_t i = 0; i < rows.size(); ++i)
      ASSERT_FLOAT_EQ(read[i], static_cast<float>(std::log(static_cast<double>(std::max(rows[i], least)))));

    std::vector<float> truth(samples), confidence(samples), expected(samples);
    std::vector<std::int32_t> answer(samples), expected_answer(samples);
    logarithms.read_true_class(0, truth);
    logarithms.read_answers(0, answer, confidence);
    predictions.read_answers(0, expected_answer, expected);
    ASSERT_EQ(answer, expected_answer);
    for (std::size_t sample = 0; sample < samples; ++sample) {
      ASSERT_EQ(truth[sample], read[sample * classes + static_cast<std::size_t>(labels[sample])]);
      ASSERT_EQ(confidence[sample], read[sample * classes + static_cast<std::size_t>(answer[sample])]);
    }
    ASSERT_EQ(scores(logarithms.take(std::vector<std::size_t>{0}), 0),
              std::vector<float>(read.begin(), read.begin() + static_cast<std::ptrdiff_t>(classes)));
    ASSERT_EQ(scores(predictions, 0), rows) << "a view changes nothing";
  }
}

TEST(PredictionsAsLogarithms, NeedProbabilities) {
  const std::vector<float> rows{0.5f, 0.5f};
  const std::vector<std::int32_t> votes{0};
  const auto predictions = Predictions::from_probabilities({{rows.data(), nullptr}}, 1, 2, {0});
  const auto of_values = Predictions::from_values({{rows.data(), nullptr}}, {rows.data(), 2, 1});
  const auto of_votes = Predictions::from_votes({votes.data(), 1, 1}, {}, {0});
  EXPECT_THAT([&] { of_values.as_logarithms(0.5f); }, says("predictions hold values, but logarithms need probabilities"));
  EXPECT_THAT([&] { of_votes.as_logarithms(0.5f); }, says("predictions hold votes, but logarithms need probabilities"));
  EXPECT_THAT([&] { predictions.as_logarithms(0.0f); }, says("least is 0, but must be above 0 and at most 1"));
  EXPECT_THAT([&] { predictions.as_logarithms(std::nanf("")); }, says("least is nan"));
  EXPECT_THAT([&] { predictions.as_logarithms(1.5f); }, says("least is 1.5"));
}

}  // namespace
}  // namespace quorate
