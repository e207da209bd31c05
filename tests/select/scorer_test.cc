#include "select/scorer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "cases.h"
#include "oracle/scores.h"
#include "select/cpu.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

struct Asked {
  oracle::Case data;
  oracle::Options options;
};

Asked random_asked(Random& random, std::size_t models, std::size_t samples, std::size_t classes) {
  Asked asked;
  asked.data = random_case(random, models, samples, classes);
  asked.options = random_options(random, asked.data);
  return asked;
}

std::unique_ptr<Scorer> scorer_of(const Asked& asked, const Predictions& predictions, int threads = 1) {
  return make_scorer({predictions, metric_from_name(asked.options.metric), pooling_from_name(asked.options.combine),
                      asked.data.sample_weight, threads});
}

std::vector<int> all_models(const oracle::Case& data) {
  std::vector<int> models(data.models);
  std::iota(models.begin(), models.end(), 0);
  return models;
}

// Every candidate, and nobody else's place in `losses`.
void expect_right(Scorer& scorer, const Asked& asked, const std::vector<int>& picks, const std::vector<int>& models) {
  std::vector<double> losses(asked.data.models, -7.0);
  scorer.score(models, losses);
  ASSERT_GE(scorer.error(), 0.0);
  for (std::size_t m = 0; m < asked.data.models; ++m) {
    if (std::find(models.begin(), models.end(), int(m)) == models.end()) {
      ASSERT_EQ(losses[m], -7.0);
      continue;
    }
    const double loss = oracle::loss_with(asked.data, asked.options.metric, asked.options.combine, picks, int(m));
    ASSERT_NEAR(losses[m], loss, scorer.error() + 1e-12 * (1.0 + loss)) << "model " << m;
    ASSERT_NEAR(scorer.exact(m), loss, 1e-12 * (1.0 + loss)) << "model " << m;
  }
}

// Those that it leaves out have more loss than the least, by more than what counts as a tie.
void expect_least(Scorer& scorer, const Asked& asked, const std::vector<int>& picks, const std::vector<int>& models) {
  if (models.empty()) return;
  const auto loss_of = [&](int model) {
    return oracle::loss_with(asked.data, asked.options.metric, asked.options.combine, picks, model);
  };
  std::vector<double> losses(asked.data.models, -7.0);
  const std::vector<int> scored = scorer.score_least(models, losses);
  ASSERT_TRUE(std::ranges::includes(models, scored));
  double least = std::numeric_limits<double>::infinity();
  for (const int m : models) least = std::min(least, loss_of(m));
  for (const int m : models) {
    const double loss = loss_of(m);
    if (std::ranges::binary_search(scored, m))
      ASSERT_NEAR(losses[std::size_t(m)], loss, scorer.error() + 1e-12 * (1.0 + loss)) << "model " << m;
    else
      ASSERT_GT(loss, least + 1e-11 * (1.0 + least)) << "model " << m;
  }
}

void expect_right(Random& random, const Asked& asked, const Predictions& predictions, int threads, int steps) {
  const auto scorer = scorer_of(asked, predictions, threads);
  std::vector<int> picks;
  for (int step = 0; step < steps; ++step) {
    if (random.below(5) == 0) {
      scorer->clear();
      picks.clear();
    }
    if (!picks.empty() && random.below(3) == 0) {
      const std::size_t place = random.below(picks.size());
      if (scorer->remove(std::size_t(picks[place]))) picks.erase(picks.begin() + long(place));
    }
    std::vector<int> models = all_models(asked.data);
    if (random.below(3) == 0) std::erase_if(models, [&](int) { return random.below(2) == 0; });
    if (random.below(2) == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_least(*scorer, asked, picks, models));
    }
    ASSERT_NO_FATAL_FAILURE(expect_right(*scorer, asked, picks, models));
    picks.push_back(int(random.below(asked.data.models)));
    scorer->add(std::size_t(picks.back()));
  }
}

TEST(Scorer, ScoresWhatTheDefinitionSays) {
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Asked asked = random_asked(random, 20, 14, 5);
    SCOPED_TRACE(asked.options.metric + " " + asked.options.combine);
    ASSERT_NO_FATAL_FAILURE(expect_right(random, asked, predictions_of(asked.data), 1 + int(random.below(7)), 5));
  }
}

// Several blocks, chunks, parts and threads.
TEST(Scorer, ScoresWhatTheDefinitionSaysOfLargerLibraries) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Asked asked = random_asked(random, 24, 900, seed % 3 == 0 ? 200 : 40);
    SCOPED_TRACE(asked.options.metric + " " + asked.options.combine);
    ASSERT_NO_FATAL_FAILURE(expect_right(random, asked, predictions_of(asked.data), 1 + int(random.below(7)), 4));
  }
}

// On each width of vectors that this processor has.
TEST(Scorer, IsRightOnNarrowerProcessors) {
  const VectorWidth widest = vector_width();
  for (const VectorWidth width : {VectorWidth::k128, VectorWidth::k256}) {
    vector_width() = std::min(width, widest);
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
      SCOPED_TRACE(seed);
      Random random(seed);
      const Asked asked = random_asked(random, 20, 40, 20);
      SCOPED_TRACE(asked.options.metric + " " + asked.options.combine);
      EXPECT_NO_FATAL_FAILURE(expect_right(random, asked, predictions_of(asked.data), 1, 3));
      if (HasFatalFailure()) break;
    }
  }
  vector_width() = widest;
}

// Large enough that work is shared, with weights whose sums depend on their order.
TEST(Scorer, IsTheSameForAnyNumberOfThreads) {
  constexpr std::size_t kModels = 50, kSamples = 9000, kClasses = 3;
  for (const char* metric : {"log_loss", "accuracy", "brier", "balanced_accuracy", "macro_f1", "mse"})
    for (const char* combine : {"mean", "vote", "logits"}) {
      if (metric == std::string("mse") && combine != std::string("mean")) continue;
      Random random(5);
      Asked asked;
      asked.data.models = kModels;
      asked.data.samples = kSamples;
      asked.data.classes = kClasses;
      for (std::size_t row = 0; row < kModels * kSamples; ++row) {
        const float a = static_cast<float>(random.uniform()), b = (1.0f - a) * static_cast<float>(random.uniform());
        asked.data.probs.insert(asked.data.probs.end(), {a, b, 1.0f - a - b});
      }
      for (std::size_t i = 0; i < kSamples; ++i) {
        asked.data.labels.push_back(static_cast<int>(random.below(kClasses)));
        asked.data.sample_weight.push_back(random.uniform());
      }
      asked.options.metric = metric;
      asked.options.combine = combine;
      if (asked.options.metric == "mse") asked.data.targets.assign(kSamples * kClasses, 0.3f);
      const Predictions predictions = predictions_of(asked.data);
      std::vector<double> with_one;
      for (const int threads : {1, 2, 5}) {
        const auto scorer = scorer_of(asked, predictions, threads);
        std::vector<double> seen;
        for (std::size_t step = 0; step < 2; ++step) {
          std::vector<double> losses(kModels);
          scorer->score(all_models(asked.data), losses);
          seen.insert(seen.end(), losses.begin(), losses.end());
          seen.push_back(scorer->exact(0));
          scorer->add(7 * step);
        }
        if (with_one.empty()) with_one = seen;
        ASSERT_EQ(seen, with_one) << metric << " " << combine << " on " << threads << " threads";
      }
    }
}

TEST(Scorer, ReadsVotes) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Asked asked;
    do asked = random_asked(random, 12, 20, 5);
    while (asked.options.metric == "mse" || asked.options.metric == "log_loss" || asked.options.metric == "brier" ||
           asked.options.combine == "logits");
    const oracle::Case& of = asked.data;
    const bool confident = random.below(2) == 0;
    std::vector<std::int32_t> votes(of.models * of.samples);
    std::vector<float> confidence(votes.size());
    std::fill(asked.data.probs.begin(), asked.data.probs.end(), 0.0f);
    for (std::size_t i = 0; i < votes.size(); ++i) {
      votes[i] = std::int32_t(random.below(of.classes));
      confidence[i] = confident ? 1.0f : float(random.below(5)) / 4.0f;
      asked.data.probs[i * of.classes + std::size_t(votes[i])] = confidence[i];
    }
    votes[0] = std::int32_t(of.classes) - 1;  // so that there are so many classes
    std::fill_n(asked.data.probs.begin(), of.classes, 0.0f);
    asked.data.probs[of.classes - 1] = confidence[0];
    const Predictions predictions =
        Predictions::from_votes({votes.data(), of.models, of.samples}, {confidence.data(), of.models, of.samples},
                                {of.labels.begin(), of.labels.end()});
    ASSERT_NO_FATAL_FAILURE(expect_right(random, asked, predictions, 1, 4));
  }
}

// Back and forth, as a local search goes; until a scorer wants to begin anew.
TEST(Scorer, PicksAreTakenBack) {
  int removed = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 3);
    Asked asked;
    do asked = random_asked(random, 8, 60, 12);
    while (asked.options.metric == "mse");
    asked.options.metric = std::array{"accuracy", "balanced_accuracy", "macro_f1"}[seed % 3];
    SCOPED_TRACE(asked.options.metric + " " + asked.options.combine);
    const Predictions predictions = predictions_of(asked.data);
    const auto scorer = scorer_of(asked, predictions);
    std::vector<int> picks;
    for (int step = 0; step < 200; ++step) {
      if (picks.size() > random.below(10)) {
        const std::size_t place = random.below(picks.size());
        if (!scorer->remove(std::size_t(picks[place]))) break;
        picks.erase(picks.begin() + long(place));
        ++removed;
      } else {
        picks.push_back(int(random.below(asked.data.models)));
        scorer->add(std::size_t(picks.back()));
      }
      if (step % 4 != 0) continue;
      ASSERT_NO_FATAL_FAILURE(expect_right(*scorer, asked, picks, all_models(asked.data)));
    }
  }
  EXPECT_GT(removed, 300 * 50);
}

// Halves are the numbers that they store.
TEST(Scorer, ReadsFloat16) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Asked asked;
    do asked = random_asked(random, 8, 30, 6);
    while (asked.options.metric == "mse");
    oracle::Case& data = asked.data;
    auto halves = std::make_shared<std::vector<Half>>(data.probs.size());
    for (std::size_t row = 0; row < data.models * data.samples; ++row) {
      Half* of_row = halves->data() + row * data.classes;
      const std::size_t a = random.below(data.classes), b = random.below(data.classes);
      of_row[b] = Half{0x3400};                                                  // 1/4
      of_row[a] = Half{a == b ? std::uint16_t{0x3c00} : std::uint16_t{0x3a00}};  // 1 or 3/4
      std::transform(of_row, of_row + data.classes, data.probs.begin() + long(row * data.classes),
                     [](Half half) { return to_float(half); });
    }
    std::vector<Predictions::Model> models;
    for (std::size_t m = 0; m < data.models; ++m)
      models.push_back({static_cast<const Half*>(halves->data() + m * data.samples * data.classes), halves});
    const Predictions predictions = Predictions::from_probabilities(std::move(models), data.samples, data.classes,
                                                                    {data.labels.begin(), data.labels.end()});
    ASSERT_NO_FATAL_FAILURE(expect_right(random, asked, predictions, 1, 3));
  }
}

TEST(Scorer, SquaresOfLargeValuesStayWithinTheirBound) {
  Random random(3);
  for (int repeat = 0; repeat < 200; ++repeat) {
    Asked asked;
    do asked = random_asked(random, 9, 50, 4);
    while (asked.options.metric != "mse");
    for (float& value : asked.data.probs) value = 1e6f + 100.0f * value;
    for (float& target : asked.data.targets) target += 1e6f;
    const Predictions predictions = predictions_of(asked.data);
    const auto scorer = scorer_of(asked, predictions);
    std::vector<int> picks;
    for (int step = 0; step < 4; ++step) {
      std::vector<double> losses(asked.data.models);
      scorer->score(all_models(asked.data), losses);
      for (std::size_t m = 0; m < losses.size(); ++m) {
        const double loss = oracle::loss_with(asked.data, "mse", "mean", picks, int(m));
        // The oracle itself rounds means of values that are much larger than their errors.
        ASSERT_NEAR(losses[m], loss, scorer->error() + 1e-9 * (1.0 + loss));
        ASSERT_NEAR(scorer->exact(m), loss, 1e-9 * (1.0 + loss));
      }
      picks.push_back(int(random.below(losses.size())));
      scorer->add(std::size_t(picks.back()));
    }
  }
}

struct Kinds {
  Kinds() {
    const std::int32_t votes[] = {0, 1};
    by_votes.push_back(Predictions::from_votes({votes, 1, 2}, {}, {0, 1}));
    auto numbers = std::make_shared<const std::vector<float>>(std::vector<float>{0.5f, 0.5f, 0.25f, 0.75f});
    probabilities.push_back(Predictions::from_probabilities({{numbers->data(), numbers}}, 2, 2, {0, 1}));
    values.push_back(Predictions::from_values({{numbers->data(), numbers}}, {numbers->data(), 2, 2}));
  }
  std::vector<Predictions> by_votes, probabilities, values;
};

void expect_refused(const Scoring& scoring, const std::string& words) {
  EXPECT_THAT([&] { check_suits(scoring); }, ThrowsMessage<std::invalid_argument>(HasSubstr(words)));
  EXPECT_THAT([&] { make_scorer(scoring); }, ThrowsMessage<std::invalid_argument>(HasSubstr(words)));
}

TEST(CheckSuits, RefusesWhatDoesNotGoTogether) {
  const Kinds kinds;
  const Predictions &votes = kinds.by_votes[0], &probabilities = kinds.probabilities[0], &values = kinds.values[0];
  expect_refused({votes, Metric::kLogLoss}, "metric is log_loss, which needs probabilities, but the predictions are votes");
  expect_refused({votes, Metric::kBrier, Pooling::kVote}, "metric is brier, which needs probabilities");
  expect_refused({votes, Metric::kAccuracy, Pooling::kLogits},
                 "combine is logits, which needs probabilities, but the predictions are votes: must be mean or vote");
  expect_refused({votes, Metric::kMse}, "metric is mse, which needs values, but the predictions are votes");
  expect_refused({probabilities, Metric::kMse}, "metric is mse, which needs values, but the predictions are probabilities");
  expect_refused({values, Metric::kAccuracy}, "metric is accuracy, which needs classes, but the predictions are values");
  for (const Pooling combine : {Pooling::kLogits, Pooling::kVote})
    expect_refused({values, Metric::kMse, combine}, "must be mean for values, which have neither logits nor votes");
  for (const Metric metric : {Metric::kAccuracy, Metric::kBalancedAccuracy, Metric::kMacroF1})
    for (const Pooling combine : {Pooling::kMean, Pooling::kVote}) EXPECT_NO_THROW(check_suits({votes, metric, combine}));
  EXPECT_NO_THROW(check_suits({probabilities, Metric::kBrier, Pooling::kVote}));
  EXPECT_NO_THROW(check_suits({values, Metric::kMse}));
}

TEST(MakeScorer, RefusesDevicesThatCannotScore) {
  const Kinds kinds;
  Scoring scoring{kinds.probabilities[0], Metric::kAccuracy};
  const auto refuses = [&](const std::string& words) {
    EXPECT_THAT([&] { make_scorer(scoring); }, ThrowsMessage<std::invalid_argument>(HasSubstr(words)));
  };
  scoring.device = "gpu";
  refuses("device is \"gpu\", but must be \"cpu\" or \"cuda:<number>\"");
  scoring.device = "cuda:0";
  scoring.metric = Metric::kLogLoss;
  scoring.combine = Pooling::kLogits;
  refuses("metric is log_loss of mean logits, which is scored on the CPU alone, but device is cuda:0");
}

TEST(CheckSuits, RefusesWeightsThatAreNone) {
  const Kinds kinds;
  const auto with = [&](const std::vector<double>& weights, const std::string& words) {
    expect_refused({kinds.probabilities[0], Metric::kLogLoss, Pooling::kMean, weights}, words);
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
  with({1.0}, "sample_weight has 1 entries, but there are 2 samples");
  with({1.0, -0.5}, "sample_weight[1] is -0.5, but must be finite and not negative");
  with({kNan, 1.0}, "sample_weight[0] is nan, but must be finite and not negative");
  with({1.0, kInfinity}, "sample_weight[1] is inf, but must be finite and not negative");
  with({0.0, 0.0}, "sample_weight sums to 0, but must have a positive, finite sum");
  with({1e308, 1e308}, "sample_weight sums to inf, but must have a positive, finite sum");
}

}  // namespace
}  // namespace quorate
