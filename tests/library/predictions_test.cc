#include "quorate/library/predictions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
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
using testing::ThrowsMessage;

template <class T>
Predictions one_model(const std::vector<T>& rows, std::size_t classes, std::vector<std::int32_t> labels) {
  const std::size_t samples = labels.size();
  return Predictions::from_probabilities({{rows.data(), nullptr}}, samples, classes, std::move(labels));
}

auto says(const std::string& words) { return ThrowsMessage<std::invalid_argument>(HasSubstr(words)); }

TEST(Predictions, ReadsWhatItWasGiven) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t samples = 1 + random.below(12), classes = 1 + random.below(20), models = 1 + random.below(4);
    std::vector<std::vector<float>> single;
    std::vector<std::vector<Half>> half;
    std::vector<Predictions::Model> arrays;
    for (std::size_t m = 0; m < models; ++m) {
      single.push_back(random_rows(random, samples, classes));
      half.push_back(as_half(single[m]));
    }
    // Every other model is stored as float16; expected values come from the stored numbers.
    for (std::size_t m = 0; m < models; ++m) {
      if (m % 2 == 1) {
        std::ranges::transform(half[m], single[m].begin(), [](Half value) { return to_float(value); });
        arrays.push_back({half[m].data(), nullptr});
      } else {
        arrays.push_back({single[m].data(), nullptr});
      }
    }
    const auto labels = random_labels(random, samples, classes);
    const auto predictions = Predictions::from_probabilities(arrays, samples, classes, labels);
    EXPECT_EQ(predictions.models(), models);
    EXPECT_EQ(predictions.classes(), classes);
    EXPECT_TRUE(predictions.has_probabilities());
    for (std::size_t m = 0; m < models; ++m) {
      ASSERT_EQ(scores(predictions, m), single[m]);
      std::vector<float> truth(samples), confidence(samples), part(classes);
      std::vector<std::int32_t> answer(samples);
      predictions.read_true_class(m, truth);
      predictions.read_answers(m, answer, confidence);
      for (std::size_t sample = 0; sample < samples; ++sample) {
        const auto row = single[m].begin() + static_cast<std::ptrdiff_t>(sample * classes);
        const auto highest = std::max_element(row, row + static_cast<std::ptrdiff_t>(classes));
        ASSERT_EQ(truth[sample], row[labels[sample]]);
        ASSERT_EQ(answer[sample], highest - row);
        ASSERT_EQ(confidence[sample], *highest);
        for (std::size_t c = 0; c < classes; ++c)
          ASSERT_EQ(predictions.score(m, sample, c), row[static_cast<std::ptrdiff_t>(c)]);
        predictions.read(m, sample, 1, part.data());
        ASSERT_TRUE(std::equal(part.begin(), part.end(), row));
      }
    }
  }
}

TEST(Predictions, NamesDefaultToNumbers) {
  const std::vector<float> rows{0.5f, 0.5f};
  const Predictions::Model model{rows.data(), nullptr};
  EXPECT_THAT(Predictions::from_probabilities({model, model}, 1, 2, {0}).names(), ElementsAre("0", "1"));
  EXPECT_THAT(Predictions::from_probabilities({model, model}, 1, 2, {0}, {"a", "b"}).names(), ElementsAre("a", "b"));
}

TEST(Predictions, ShapesThatDoNotMatch) {
  const std::vector<float> rows{0.5f, 0.5f};
  const Predictions::Model model{rows.data(), nullptr};
  const auto build = [&](std::vector<Predictions::Model> models, std::size_t samples, std::size_t classes,
                         std::vector<std::int32_t> labels, std::vector<std::string> names = {}) {
    return [=] { Predictions::from_probabilities(models, samples, classes, labels, names); };
  };
  EXPECT_THAT(build({}, 1, 2, {0}), says("there are 0 models, but there must be at least 1"));
  EXPECT_THAT(build({model}, 0, 2, {}), says("there are 0 samples, but there must be at least 1"));
  EXPECT_THAT(build({model}, 1, 0, {0}), says("there are 0 classes, but there must be at least 1"));
  EXPECT_THAT(build({model}, 1, 2, {0, 1}), says("labels has 2 entries, but there are 1 samples"));
  EXPECT_THAT(build({model}, 1, 2, {2}), says("labels[0] is 2, but must be from 0 to 1"));
  EXPECT_THAT(build({model}, 1, 2, {-1}), says("labels[0] is -1, but must be from 0 to 1"));
  EXPECT_THAT(build({model}, 1, 2, {0}, {"a", "b"}), says("names has 2 entries, but there are 1 models"));
  EXPECT_THAT(build({model, model}, 1, 2, {0}, {"a", "a"}), says("names holds \"a\" twice"));
}

TEST(Predictions, ProbabilitiesThatAreNone) {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto with = [](float wrong) { return [wrong] { one_model<float>({0.5f, 0.5f, 1.0f - wrong, wrong}, 2, {0, 1}); }; };
  const std::string where = " by model \"0\" on sample 1 is ";
  EXPECT_THAT(with(-0.25f), says("the probability of class 1" + where + "-0.25, but must be finite and not negative"));
  EXPECT_THAT(with(std::nanf("")), says("the probability of class 0" + where + "nan"));
  EXPECT_THAT(with(infinity), says("the probability of class 0" + where + "-inf"));
  EXPECT_THAT([&] { one_model<float>({infinity, 1.0f}, 2, {0}); }, says("the probability of class 0"));
  EXPECT_THAT([&] { one_model<float>({0.0f, infinity}, 2, {0}); }, says("the probability of class 1"));
  EXPECT_NO_THROW(one_model<float>({-0.0f, 1.0f}, 2, {0}));
  EXPECT_THAT(
      [&] {
        one_model<Half>({Half{0xbc00}, Half{0x4000}}, 2, {0});
      },
      says("class 0 by model \"0\" on sample 0 is -1"));
  EXPECT_THAT(
      [&] {
        one_model<Half>({Half{0x3c00}, Half{0x7c00}}, 2, {0});
      },
      says("class 1 by model \"0\" on sample 0 is inf"));
  EXPECT_THAT(
      [&] {
        one_model<Half>({Half{0x3c00}, Half{0x7e00}}, 2, {0});
      },
      says("class 1 by model \"0\" on sample 0 is nan"));
}

// In rows of every length, so that whole vectors and their rests are both met.
TEST(Predictions, FindsAWrongProbabilityWhereverItIs) {
  for (std::size_t classes = 1; classes <= 40; ++classes)
    for (std::size_t at = 0; at < classes; ++at) {
      std::vector<float> rows(2 * classes, 1.0f / static_cast<float>(classes));
      rows[classes + at] = std::nanf("");
      EXPECT_THAT(
          [&] {
            one_model(rows, classes, {0, 0});
          },
          says("the probability of class " + std::to_string(at) + " by model \"0\" on sample 1 is nan"));
      rows[classes + at] = -1e-6f;
      EXPECT_THAT(
          [&] {
            one_model(rows, classes, {0, 0});
          },
          says("the probability of class " + std::to_string(at) + " by model \"0\" on sample 1 is -1e-06"));
    }
}

TEST(Predictions, SumsHaveATolerance) {
  EXPECT_NO_THROW(one_model<float>({0.5f, 0.5009f}, 2, {0}));
  EXPECT_NO_THROW(one_model<float>({0.5f, 0.4991f}, 2, {0}));
  EXPECT_THAT(
      [] {
        one_model<float>({0.5f, 0.502f}, 2, {0});
      },
      says("the probabilities of model \"0\" on sample 0 sum to 1.002, but must sum to 1 within 0.001"));
  EXPECT_THAT([] { one_model<float>({0.5f, 0.498f}, 2, {0}); }, says("sum to 0.998, but must sum to 1 within 0.001"));
  EXPECT_NO_THROW(one_model(as_half({0.5f, 0.509f}), 2, {0}));
  EXPECT_NO_THROW(one_model(as_half({0.5f, 0.491f}), 2, {0}));
  EXPECT_THAT([] { one_model(as_half({0.5f, 0.52f}), 2, {0}); }, says("but must sum to 1 within 0.01"));
  EXPECT_THAT([] { one_model(as_half({0.5f, 0.48f}), 2, {0}); }, says("but must sum to 1 within 0.01"));
}

// In rows of every length, with equals: whole vectors and their rests.
TEST(Predictions, OfEqualScoresTheFirstAnswers) {
  Random random(3);
  for (std::size_t classes = 1; classes <= 120; ++classes)
    for (int round = 0; round < 20; ++round) {
      std::vector<float> row(classes, 0.0f);
      const std::size_t highest = 1 + random.below(classes);
      for (std::size_t i = 0; i < highest; ++i) row[random.below(classes)] = 1.0f / static_cast<float>(highest);
      const float missing = std::max(0.0f, 1.0f - std::accumulate(row.begin(), row.end(), 0.0f));
      const float share = missing / static_cast<float>(classes);
      for (float& score : row) score += share;
      const auto predictions = one_model(row, classes, {0});
      std::int32_t answer = -1;
      float confidence = 0.0f;
      predictions.read_answers(0, {&answer, 1}, {&confidence, 1});
      const auto expected = std::max_element(row.begin(), row.end());
      ASSERT_EQ(answer, expected - row.begin());
      ASSERT_EQ(confidence, *expected);
    }
}

// Large enough to be read by several threads: still the first wrong row of the first wrong model.
TEST(Predictions, ReportsTheFirstWrongRowOfMany) {
  constexpr std::size_t kSamples = 200000, kClasses = 3;
  std::vector<float> right(kSamples * kClasses, 1.0f / 3), wrong = right;
  for (std::size_t i = 1234 * kClasses; i < wrong.size(); ++i) wrong[i] = 0.0f;
  const Predictions::Model good{right.data(), nullptr}, bad{wrong.data(), nullptr};
  const auto build = [&] {
    Predictions::from_probabilities({good, bad, good, bad}, kSamples, kClasses, std::vector<std::int32_t>(kSamples));
  };
  EXPECT_THAT(build, says("the probabilities of model \"1\" on sample 1234 sum to 0,"));
}

TEST(Predictions, VotesReadAsScores) {
  const std::vector<std::int32_t> votes{0, 2, 1, 1};
  const std::vector<float> confidence{0.5f, 0.75f, 1.0f, 0.0f};
  const auto predictions = Predictions::from_votes({votes.data(), 2, 2}, {confidence.data(), 2, 2}, {0, 1}, {"a", "b"});
  EXPECT_FALSE(predictions.has_probabilities());
  EXPECT_EQ(predictions.classes(), 3u);
  EXPECT_THAT(scores(predictions, 0), ElementsAre(0.5f, 0, 0, 0, 0, 0.75f));
  EXPECT_THAT(scores(predictions, 1), ElementsAre(0, 1.0f, 0, 0, 0, 0));
  std::vector<float> truth(2), sure(2);
  std::vector<std::int32_t> answer(2);
  predictions.read_true_class(0, truth);
  EXPECT_THAT(truth, ElementsAre(0.5f, 0.0f));
  predictions.read_answers(0, answer, sure);
  EXPECT_THAT(answer, ElementsAre(0, 2));
  EXPECT_THAT(sure, ElementsAre(0.5f, 0.75f));
  EXPECT_EQ(predictions.score(0, 1, 2), 0.75f);
  EXPECT_EQ(predictions.score(0, 1, 0), 0.0f);
  predictions.read_answers(1, answer, sure);
  EXPECT_THAT(answer, ElementsAre(1, 0)) << "a vote of confidence 0 is a row of zeros, whose highest class is 0";

  const auto certain = Predictions::from_votes({votes.data(), 2, 2}, {}, {0, 5});
  EXPECT_EQ(certain.classes(), 6u) << "a label may name the highest class";
  EXPECT_THAT(scores(certain, 1), ElementsAre(0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0));
}

TEST(Predictions, VotesThatAreWrong) {
  const std::vector<std::int32_t> votes{0, 1, 2, 0};
  const MatrixView<const std::int32_t> view{votes.data(), 2, 2};
  const auto with = [&](MatrixView<const std::int32_t> classes, std::vector<float> sure, std::size_t rows,
                        std::vector<std::int32_t> labels) {
    return [=] { Predictions::from_votes(classes, {sure.empty() ? nullptr : sure.data(), rows, 2}, labels); };
  };
  EXPECT_THAT(with({votes.data(), 0, 2}, {}, 0, {0, 1}), says("there are 0 models"));
  EXPECT_THAT(with({votes.data(), 2, 0}, {}, 0, {}), says("there are 0 samples"));
  EXPECT_THAT(with(view, {}, 0, {0}), says("labels has 1 entries, but there are 2 samples"));
  EXPECT_THAT(with(view, {}, 0, {0, -1}), says("labels[1] is -1, but must be from 0 to 2"));
  EXPECT_THAT(with(view, {1, 1}, 1, {0, 1}), says("confidence has shape [1, 2], but must have the votes' [2, 2]"));
  EXPECT_THAT(with(view, {1, 1, 1, 1.5f}, 2, {0, 1}),
              says("the confidence of model \"1\" on sample 1 is 1.5, but must be from 0 to 1"));
  EXPECT_THAT(with(view, {1, std::nanf(""), 1, 1}, 2, {0, 1}), says("the confidence of model \"0\" on sample 1 is nan"));
  const std::vector<std::int32_t> negative{0, 1, -2, 0};
  EXPECT_THAT(with({negative.data(), 2, 2}, {}, 0, {0, 1}),
              says("the vote of model \"1\" on sample 0 is -2, but must be at least 0"));
}

TEST(Predictions, TakesSamples) {
  Random random(2);
  for (int round = 0; round < 100; ++round) {
    const std::size_t samples = 1 + random.below(8), classes = 1 + random.below(5);
    const std::vector<float> rows = random_rows(random, samples, classes);
    const std::vector<Half> half = as_half(rows);
    const auto labels = random_labels(random, samples, classes);
    const auto votes = random_labels(random, samples, classes);
    std::vector<std::size_t> chosen(1 + random.below(10));
    for (std::size_t& sample : chosen) sample = random.below(samples);
    for (const auto& whole :
         {Predictions::from_probabilities({{rows.data(), nullptr}, {half.data(), nullptr}}, samples, classes, labels),
          Predictions::from_votes({votes.data(), 1, samples}, {}, labels)}) {
      const Predictions part = whole.take(chosen);
      ASSERT_EQ(part.samples(), chosen.size());
      ASSERT_EQ(part.classes(), whole.classes());
      ASSERT_EQ(part.names(), whole.names());
      for (std::size_t m = 0; m < whole.models(); ++m) {
        const std::vector<float> from = scores(whole, m), to = scores(part, m);
        for (std::size_t i = 0; i < chosen.size(); ++i) {
          ASSERT_EQ(part.labels()[i], labels[chosen[i]]);
          for (std::size_t c = 0; c < whole.classes(); ++c)
            ASSERT_EQ(to[i * whole.classes() + c], from[chosen[i] * whole.classes() + c]);
        }
      }
    }
  }
}

TEST(Predictions, TakesNothingThatIsNotThere) {
  const std::vector<float> rows{0.5f, 0.5f, 1.0f, 0.0f};
  const auto predictions = one_model(rows, 2, {0, 1});
  EXPECT_THAT([&] { predictions.take({}); }, says("samples is empty, but must name at least one"));
  const std::vector<std::size_t> beyond{1, 2};
  EXPECT_THAT([&] { predictions.take(beyond); }, says("samples holds 2, but must be below 2"));
}

}  // namespace
}  // namespace quorate
