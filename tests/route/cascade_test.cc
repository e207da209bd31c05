#include "quorate/route/cascade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "quorate/core/error.h"
#include "quorate/core/file.h"

namespace quorate {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Cascade two_tiers() {
  Cascade cascade;
  cascade.tiers = {{{2}, {1.0}, Signal::kConfidence, 1.0 / 3, 0.1}, {{0, 1}, {0.25, 0.75}, Signal::kAgreement, 0.0, 7.0}};
  cascade.combine = Combine::kMean;
  cascade.parallelism = 1.0;
  cascade.loss = 0.125;
  cascade.cost = 0.3;
  cascade.worst_cost = 7.1;
  return cascade;
}

Cascade certified() {
  Cascade cascade = two_tiers();
  cascade.certificate = Certificate{0.01, 0.05, 500, 0.009, -0.001, 0.1, true, 0, "method", "shift"};
  return cascade;
}

TEST(CascadeCheck, NamesWhatIsWrong) {
  const auto message_for = [](const auto& change, const char* part) {
    Cascade cascade = two_tiers();
    change(cascade);
    EXPECT_THAT([&] { check(cascade, 3); }, ThrowsMessage<std::invalid_argument>(HasSubstr(part)));
  };
  check(two_tiers(), 3);
  message_for([](Cascade& c) { c.tiers.clear(); }, "tiers is empty");
  message_for([](Cascade& c) { c.tiers[0].members = {3}; }, "tiers[0]: members[0] is 3, but must be from 0 to 2");
  message_for([](Cascade& c) { c.tiers[1].weights = {0.5, 0.6}; }, "tiers[1]: weights sum to 1.1");
  message_for([](Cascade& c) { c.tiers[0].members = {1}; },
              "tiers[1] holds model 1, but tiers[0] holds it too, and a model must stand in one tier only");
  message_for([](Cascade& c) { c.tiers[0].threshold = -0.5; },
              "tiers[0].threshold is -0.5, but must be finite and at least 0");
  message_for([](Cascade& c) { c.tiers[0].threshold = NAN; }, "tiers[0].threshold is nan");
  message_for([](Cascade& c) { c.tiers[1].threshold = 0.5; }, "tiers[1].threshold is 0.5, but must be 0: the last tier");
  message_for([](Cascade& c) { c.parallelism = 1.5; }, "parallelism is 1.5, but must be from 0 to 1");
  message_for([](Cascade& c) { c.tiers[1].cost = -1.0; }, "tiers[1].cost is -1, but must be finite and at least 0");
}

TEST(CascadeNames, GoBothWaysAndListWhatThereIs) {
  for (const Signal signal :
       {Signal::kConfidence, Signal::kAgreement, Signal::kVoteAgreement, Signal::kMargin, Signal::kEntropy, Signal::kGiven})
    EXPECT_EQ(signal_from_string(to_string(signal)), signal);
  for (const Combine combine : {Combine::kLast, Combine::kMean, Combine::kMajority})
    EXPECT_EQ(combine_from_string(to_string(combine)), combine);
  EXPECT_THAT([] { signal_from_string("doubt"); },
              ThrowsMessage<std::invalid_argument>(
                  "signal is \"doubt\", but must be one of: confidence, agreement, vote_agreement, margin, entropy, given"));
  EXPECT_THAT([] { combine_from_string("vote"); },
              ThrowsMessage<std::invalid_argument>("combine is \"vote\", but must be one of: last, mean, majority"));
}

TEST(MeasuredParallelism, IsNoneForTheSumAndAllForTheDearest) {
  EXPECT_EQ(measured_parallelism(std::vector{1.0, 2.0}, 3.0), 0.0);
  EXPECT_EQ(measured_parallelism(std::vector{1.0, 2.0}, 2.0), 1.0);
  EXPECT_NEAR(measured_parallelism(std::vector{1.0, 1.0, 1.0, 1.0}, 2.0), 0.5, 1e-15);  // 4^(1 - rho) = 2
  EXPECT_EQ(measured_parallelism(std::vector{1.0, 2.0}, 9.0), 0.0);                     // slower than one after another
  EXPECT_EQ(measured_parallelism(std::vector{1.0}, 9.0), 0.0);
  const auto message_for = [](std::vector<double> costs, double together, const char* part) {
    EXPECT_THAT([&] { measured_parallelism(costs, together); }, ThrowsMessage<std::invalid_argument>(HasSubstr(part)));
  };
  message_for({}, 1.0, "member_costs is empty");
  message_for({1.0, 0.0}, 1.0, "member_costs[1] is 0, but must be finite and above 0");
  message_for({1.0, 2.0}, NAN, "together is nan, but must be finite and above 0");
}

TEST(AsCascade, IsOneTierThatAlwaysAnswers) {
  const Cascade cascade = as_cascade({{1, 4}, {0.5, 0.5}, 0.25, 3.0, "greedy"});
  ASSERT_EQ(cascade.tiers.size(), 1u);
  EXPECT_EQ(cascade.tiers[0], (Tier{{1, 4}, {0.5, 0.5}, Signal::kConfidence, 0.0, 3.0}));
  EXPECT_EQ(cascade.cost, 3.0);
  EXPECT_EQ(cascade.worst_cost, 3.0);
  EXPECT_EQ(cascade.loss, 0.25);
  EXPECT_EQ(cascade.found_by, "greedy");
  EXPECT_THAT([] { as_cascade({}); }, ThrowsMessage<std::invalid_argument>(HasSubstr("members is empty")));
}

TEST(CascadeJson, ReadsBackWhatItWrote) {
  for (const Cascade& cascade : {two_tiers(), certified()}) EXPECT_EQ(cascade_from_json(to_json(cascade)), cascade);
  Cascade dearer = certified();
  dearer.cost = 1.0;
  dearer.loss = 0.1;
  const CascadeFront front({two_tiers(), dearer});
  const CascadeFront read = cascade_front_from_json(to_json(front));
  EXPECT_EQ(std::vector(read.begin(), read.end()), std::vector(front.begin(), front.end()));
  EXPECT_EQ(cascade_front_from_json(to_json(CascadeFront())).size(), 0u);

  const std::filesystem::path folder = testing::TempDir();
  save(certified(), folder / "cascade.json");
  EXPECT_EQ(load_cascade(folder / "cascade.json"), certified());
  save(front, folder / "cascades.json");
  EXPECT_EQ(load_cascade_front(folder / "cascades.json").size(), 2u);
  EXPECT_THROW(load_cascade(folder / "missing.json"), FileError);
}

TEST(CascadeJson, ReadsParallelAsItWasBeforeItWasANumber) {
  std::string text = to_json(two_tiers());
  const std::string now = "\"parallelism\": 1.0";
  text.replace(text.find(now), now.size(), "\"parallel\": true");
  EXPECT_EQ(cascade_from_json(text), two_tiers());
}

TEST(CascadeJson, SaysWhatAHandBroke) {
  const auto message_for = [](const std::string& from, const std::string& to, const char* part) {
    std::string text = to_json(certified());
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    EXPECT_THAT([&] { cascade_from_json(text, "c.json"); }, ThrowsMessage<FileError>(HasSubstr(part)));
  };
  message_for("\"confidence\"", "\"sureness\"",
              "c.json: tiers[0].signal is \"sureness\", but must be one of: confidence, agreement, ");
  message_for("\"mean\"", "\"median\"", "combine is \"median\", but must be one of: last, mean, majority");
  message_for("\"threshold\": 0.0", "\"threshold\": 0.5", "tiers[1].threshold is 0.5, but must be 0");
  message_for("0.25", "\"a quarter\"", "tiers[1].weights[0] is \"a quarter\", but must be a number");
  message_for("0.25", "0.5", "weights sum to 1.25");
  message_for("\"loss\": 0.125", "\"loss\": 2", "loss is 2, but must be a number from 0 to 1");
  message_for("\"worst_cost\": 7.1", "\"worst_cost\": \"nan\"", "worst_cost is \"nan\"");
  message_for("\"delta\": 0.05", "\"delta\": 5", "certificate.delta is 5, but must be a number from 0 to 1");
  message_for("\"samples\": 500", "\"samples\": -1", "certificate.samples is -1, but must be at least 0");
  message_for("\"certificate\"", "\"certified\"", "certificate is missing");
  message_for("quorate.cascade", "quorate.plan", "format is \"quorate.plan\"");
  message_for("\"tiers\": [", "\"tiers\": [{\"members\": [-1]},", "tiers[0].members[0] is -1, but must be from 0");
  EXPECT_THAT([] { cascade_from_json("{\"tiers\"", "c.json"); }, ThrowsMessage<FileError>(HasSubstr("is not valid JSON")));

  Cascade better = certified();
  better.cost = 1.0;
  better.loss = 0.1;
  std::string text = to_json(CascadeFront({certified(), better}));
  text.replace(text.find("\"loss\": 0.1,"), 12, "\"loss\": 0.9,");
  EXPECT_THAT([&] { cascade_front_from_json(text, "f.json"); },
              ThrowsMessage<FileError>(HasSubstr("dearer and better than the point before it")));
}

}  // namespace
}  // namespace quorate
