#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "quorate/route/evaluate.h"
#include "route/small.h"

namespace quorate {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

CascadeReport a_report() {
  const Predictions predictions = test::from_rows(
      {{.75f, .25f, .25f, .75f, .5f, .5f, .25f, .75f}, {1, 0, 1, 0, 0, 1, 0, 1}, {1, 0, 1, 0, 1, 0, 1, 0}}, 2, {0, 0, 1, 1});
  Cascade cascade;
  cascade.tiers = {{{0}, {1.0}, Signal::kConfidence, 0.75}, {{1}, {1.0}, Signal::kConfidence, 0.0}};
  EvaluateOptions options{.draws = 50, .seed = 0xffffffffffffffff, .bytes_to_tier = {0.0, 100.0}};
  options.costs.emplace("usd", ModelCosts(std::vector{0.5, 1.0, 0.0}));
  return evaluate(cascade, predictions, std::vector{2.0, 10.0, 0.0}, options);
}

TEST(CascadeReportJson, ReadsBackWhatItWrote) {
  const CascadeReport report = a_report();
  EXPECT_EQ(cascade_report_from_json(to_json(report)), report);  // an infinite ratio to a free model included
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "report.json";
  save(report, path);
  EXPECT_EQ(load_cascade_report(path), report);
}

TEST(CascadeReportJson, ReadsFilesFromBeforeThereWereIntervals) {
  const CascadeReport old = cascade_report_from_json(
      R"({"format":"quorate.cascade_report","version":1,"samples":4,"accuracy":0.75,"accuracy_low":0.3,"accuracy_high":0.9,)"
      R"("loss":0.25,"mean_cost":4.5,"worst_cost":12.0,"reach":[1.0,0.25,0.0],"demand":[1.0,0.25,0.0],"tier":[0,0,1,0],)"
      R"("tier_share":[0.75,0.25],"answers":[0,1,1,1]})");
  EXPECT_EQ(old.mean_cost, 4.5);
  EXPECT_EQ(old.mean_cost_low, 4.5);
  EXPECT_EQ(old.draws, 0);
  EXPECT_TRUE(old.per_class.empty() && old.comparison.empty() && old.costs.empty());
  EXPECT_EQ(cascade_report_from_json(to_json(old)), old);
}

TEST(CascadeReportJson, SaysWhatAHandBroke) {
  const std::string whole = to_json(a_report());
  const auto message_for = [&](const std::string& from, const std::string& to, const char* part) {
    std::string text = whole;
    ASSERT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), from.size(), to);
    EXPECT_THAT([&] { cascade_report_from_json(text, "r.json"); }, ThrowsMessage<FileError>(HasSubstr(part)));
  };
  message_for("\"samples\":4,\"seed\"", "\"samples\":5,\"seed\"", "tier is [0,0,1,0], but must be an array of 5 entries");
  message_for("\"samples\":4,\"seed\"", "\"samples\":0,\"seed\"", "samples is 0, but must be at least 1");
  message_for("\"tier\":[0,0,1,0]", "\"tier\":[0,0,2,0]", "tier[2] is 2, but must be from 0 to 1");
  message_for("\"loss\":0.25,\"mean_cost\":4.5,\"mean_cost_high\"", "\"loss\":-1,\"mean_cost\":4.5,\"mean_cost_high\"",
              "loss is -1, but must be a number from 0 to 1");
  message_for("\"level\":0.95", "\"level\":2", "level is 2, but must be a number from 0 to 1");
  message_for("\"draws\":50", "\"draws\":-1", "draws is -1, but must be at least 0");
  message_for("\"seed\":18446744073709551615", "\"seed\":\"x\"", "seed is \"x\", but must be an integer of 64 bits");
  message_for("\"costs\":{", "\"costs\":7,\"rest\":{", "costs is 7, but must be an object");
  message_for("\"cost_ratios\":{", "\"cost_ratios\":7,\"rest\":{", "comparison[0].cost_ratios is 7, but must be an object");
  message_for("\"model\":-1", "\"model\":-2", "comparison[3].model is -2, but must be a model, or -1 for the mean of all");
  message_for("\"answered\":1", "\"answered\":-1", "per_class[0].answered is -1, but must be at least 0");
  message_for("\"bytes_to_last\":100.0", "\"bytes_to_last\":-1", "bytes_to_last is -1, but must be a number from 0 to");
}

}  // namespace
}  // namespace quorate
