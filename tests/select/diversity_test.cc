#include "quorate/select/diversity.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>

#include "oracle/diversity.h"
#include "quorate/core/random.h"

namespace quorate {
namespace {

using testing::DoubleEq;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

// Models 0 and 1 err on different samples, 2 errs where 0 does and nowhere else, 3 is never wrong, 4 always.
Predictions votes() {
  const std::vector<std::int32_t> answers = {1, 0, 0, 0, 0, 2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1};
  return Predictions::from_votes({answers.data(), 5, 4}, {}, {0, 0, 0, 0});
}

TEST(Diversity, WorkedByHand) {
  const std::vector<int> members = {0, 1, 2};
  const Diversity found = diversity(votes(), members);
  EXPECT_THAT(found.disagreement, ElementsAre(0.0, 0.5, 0.25, 0.5, 0.0, 0.5, 0.25, 0.5, 0.0));
  EXPECT_THAT(found.double_fault, ElementsAre(0.25, 0.0, 0.25, 0.0, 0.25, 0.0, 0.25, 0.0, 0.25));
  const double apart = -1.0 / 3.0;
  EXPECT_THAT(found.error_correlation,
              ElementsAre(1.0, DoubleEq(apart), 1.0, DoubleEq(apart), 1.0, DoubleEq(apart), 1.0, DoubleEq(apart), 1.0));
}

TEST(Diversity, ModelsNeverOrAlwaysWrongCorrelateWithNone) {
  const std::vector<int> members = {3, 4, 0};
  const Diversity found = diversity(votes(), members);
  EXPECT_THAT(found.error_correlation, ElementsAre(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0));
  EXPECT_THAT(found.double_fault, ElementsAre(0.0, 0.0, 0.0, 0.0, 1.0, 0.25, 0.0, 0.25, 0.25));
}

TEST(Diversity, EqualsTheDefinitionOnAnyThreads) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t models = 1 + random.below(7), samples = 1 + random.below(150), classes = 1 + random.below(4);
    std::vector<std::int32_t> answers(models * samples), labels(samples);
    for (std::int32_t& answer : answers) answer = static_cast<std::int32_t>(random.below(classes));
    for (std::int32_t& label : labels) label = static_cast<std::int32_t>(random.below(classes));
    const Predictions data = Predictions::from_votes({answers.data(), models, samples}, {}, labels);
    std::vector<int> members(1 + random.below(6));
    for (int& member : members) member = static_cast<int>(random.below(models));

    const Diversity found = diversity(data, members, 1);
    const std::size_t k = members.size();
    for (std::size_t a = 0; a < k; ++a)
      for (std::size_t b = 0; b < k; ++b) {
        std::vector<double> wrong_a, wrong_b;
        double differ = 0.0, both = 0.0;
        for (std::size_t i = 0; i < samples; ++i) {
          const std::int32_t of_a = answers[static_cast<std::size_t>(members[a]) * samples + i];
          const std::int32_t of_b = answers[static_cast<std::size_t>(members[b]) * samples + i];
          wrong_a.push_back(of_a != labels[i]);
          wrong_b.push_back(of_b != labels[i]);
          differ += of_a != of_b;
          both += of_a != labels[i] && of_b != labels[i];
        }
        ASSERT_DOUBLE_EQ(found.disagreement[a * k + b], differ / static_cast<double>(samples));
        ASSERT_DOUBLE_EQ(found.double_fault[a * k + b], both / static_cast<double>(samples));
        ASSERT_NEAR(found.error_correlation[a * k + b], a == b ? 1.0 : oracle::correlation(wrong_a, wrong_b), 1e-12);
      }
    const Diversity on_three = diversity(data, members, 3);
    ASSERT_EQ(on_three.disagreement, found.disagreement);
    ASSERT_EQ(on_three.error_correlation, found.error_correlation);
    ASSERT_EQ(on_three.double_fault, found.double_fault);
  }
}

TEST(Diversity, OfValuesIsTheMeanCorrelationOfResidualsOverOutputs) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t models = 1 + random.below(4), samples = 1 + random.below(40), outputs = 1 + random.below(3);
    const auto values = std::make_shared<std::vector<float>>(models * samples * outputs);
    std::vector<float> targets(samples * outputs);
    for (std::size_t i = 0; i < targets.size(); ++i)  // the second output is of another scale
      targets[i] = static_cast<float>(random.normal() * (i % outputs == 1 ? 1000.0 : 1.0));
    for (std::size_t i = 0; i < values->size(); ++i)
      (*values)[i] = targets[i % targets.size()] + static_cast<float>(random.normal() * (i % outputs == 1 ? 300.0 : 0.3));
    if (random.below(3) == 0)  // the last model is right everywhere
      std::copy(targets.begin(), targets.end(), values->end() - static_cast<std::ptrdiff_t>(targets.size()));
    std::vector<Predictions::Model> of_models;
    std::vector<int> members;
    for (std::size_t m = 0; m < models; ++m) {
      of_models.push_back({values->data() + m * targets.size(), values});
      members.push_back(static_cast<int>(m));
    }
    const Predictions data = Predictions::from_values(std::move(of_models), {targets.data(), samples, outputs});

    const Diversity found = diversity(data, members, 1);
    EXPECT_THAT(found.disagreement, IsEmpty());
    EXPECT_THAT(found.double_fault, IsEmpty());
    const auto residuals = [&](std::size_t m, std::size_t j) {
      std::vector<double> result;
      for (std::size_t i = 0; i < samples; ++i)
        result.push_back(double{(*values)[(m * samples + i) * outputs + j]} - double{targets[i * outputs + j]});
      return result;
    };
    for (std::size_t a = 0; a < models; ++a)
      for (std::size_t b = 0; b < models; ++b) {
        double mean = 0.0;
        for (std::size_t j = 0; j < outputs; ++j)
          mean += oracle::correlation(residuals(a, j), residuals(b, j)) / static_cast<double>(outputs);
        ASSERT_NEAR(found.error_correlation[a * models + b], a == b ? 1.0 : mean, 1e-6);
      }
    ASSERT_EQ(diversity(data, members, 3).error_correlation, found.error_correlation);
  }
}

TEST(Diversity, ResidualsThatNeverVaryCorrelateWithNone) {
  const auto values = std::make_shared<std::vector<float>>(std::vector<float>{1.1f, 1.1f, 1.1f, 0.0f, 1.0f, 3.0f});
  const std::vector<float> targets = {1.0f, 1.0f, 1.0f};
  const Predictions data =
      Predictions::from_values({{values->data(), values}, {values->data() + 3, values}}, {targets.data(), 3, 1});
  const std::vector<int> members = {0, 1};
  EXPECT_THAT(diversity(data, members).error_correlation, ElementsAre(1.0, 0.0, 0.0, 1.0));
}

TEST(Diversity, BadArgumentsAreNamed) {
  const auto fails = [](std::vector<int> members, int threads, const std::string& text) {
    EXPECT_THAT([&] { diversity(votes(), members, threads); }, ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
  };
  fails({}, 0, "members is empty, but must hold at least one model");
  fails({0, 5}, 0, "members[1] is 5, but must be from 0 to 4");
  fails({-1}, 0, "members[0] is -1, but must be from 0 to 4");
  fails({0}, -1, "threads is -1, but must be at least 0");
}

}  // namespace
}  // namespace quorate
