#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "quorate/core/error.h"
#include "quorate/plan/plan.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

Plan sample_plan() {
  Plan plan;
  plan.models = {"a", "b"};
  plan.devices = {{"gpu:0", "gpu", 1000, 2.5}, {"cpu:0", "cpu-2core", 2000, 0.0, {0, 1}}};
  plan.batch = {8, 0, 1, 32};
  plan.share = {1.0, 0.0, 0.1 + 0.2, 0.5};
  plan.demand = {1.0, 1.0 / 3};
  plan.throughput = 100.0 / 3;
  plan.bound = 40.0;
  plan.price = {0.5, 1.5};
  plan.feasible = true;
  plan.found_by = "greedy";
  plan.least_cost = 1.25;
  plan.p99_latency_s = 0.5;
  return plan;
}

TEST(PlanJson, ComesBackUnchanged) {
  EXPECT_EQ(plan_from_json(to_json(sample_plan())), sample_plan());
  Plan infeasible = sample_plan();
  infeasible.feasible = false;
  infeasible.why = "model \"a\" needs 5 bytes";
  infeasible.price[1] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(plan_from_json(to_json(infeasible)), infeasible);
  const test::TemporaryFolder folder;
  save(sample_plan(), folder / "plan.json");
  EXPECT_EQ(load_plan(folder / "plan.json"), sample_plan());
  EXPECT_THAT([&] { load_plan(folder / "none.json"); },
              ThrowsMessage<FileError>(StartsWith((folder / "none.json").string())));
}

TEST(PlanJson, CountsTheDevicesInUse) {
  Plan plan = sample_plan();
  EXPECT_EQ(plan.devices_in_use(), 2u);
  EXPECT_EQ(plan.usd_per_hour(), 2.5);
  plan.batch[0] = 0;
  EXPECT_EQ(plan.devices_in_use(), 1u);
  EXPECT_EQ(plan.usd_per_hour(), 0.0);
}

TEST(PlanJson, GapIsWhatIsMissingToTheBound) {
  EXPECT_NEAR(sample_plan().gap(), 1.0 / 6, 1e-12);
  EXPECT_EQ(Plan{}.gap(), 0.0);
}

template <class Change>
void expect_fault(const Change& change, const std::string& what) {
  Plan plan = sample_plan();
  change(plan);
  EXPECT_THAT([&] { check(plan); }, ThrowsMessage<std::invalid_argument>(what));
  EXPECT_THAT([&] { to_json(plan); }, ThrowsMessage<std::invalid_argument>(what));
}

TEST(PlanCheck, NamesWhatIsWrong) {
  expect_fault([](Plan& p) { p.devices.clear(); }, "devices is empty, but must hold at least one device");
  expect_fault([](Plan& p) { p.models.clear(); }, "models is empty, but must hold at least one name");
  expect_fault([](Plan& p) { p.batch.pop_back(); }, "batch has 3 entries, but must have 4: [devices, models]");
  expect_fault([](Plan& p) { p.share.push_back(0); }, "share has 5 entries, but must have 4: [devices, models]");
  expect_fault([](Plan& p) { p.demand.clear(); }, "demand has 0 entries, but must have 2: [models]");
  expect_fault([](Plan& p) { p.price.clear(); }, "price has 0 entries, but must have 2: [models]");
  expect_fault([](Plan& p) { p.batch[3] = -1; }, "batch of model \"b\" on device \"cpu:0\" is -1, but must be at least 0");
  expect_fault([](Plan& p) { p.share[3] = 1.5; },
               "share of model \"b\" on device \"cpu:0\" is 1.5, but must be from 0 to 1");
  expect_fault([](Plan& p) { p.share[3] = std::nan(""); },
               "share of model \"b\" on device \"cpu:0\" is nan, but must be from 0 to 1");
  expect_fault([](Plan& p) { p.share[1] = 0.5; },
               "share of model \"b\" on device \"gpu:0\" is 0.5, but must be 0 where batch is 0");
  expect_fault([](Plan& p) { p.share[2] = 0.75; }, "share of device \"cpu:0\" sums to 1.25, but must be at most 1");
  expect_fault([](Plan& p) { p.demand[0] = 2; }, "demand of model \"a\" is 2, but must be from 0 to 1");
  expect_fault([](Plan& p) { p.price[0] = -1; }, "price of model \"a\" is -1, but must be at least 0");
  expect_fault([](Plan& p) { p.throughput = -1; }, "throughput is -1, but must be at least 0");
  expect_fault([](Plan& p) { p.least_cost = -1; }, "least_cost is -1, but must be at least 0");
  expect_fault([](Plan& p) { p.p99_latency_s = -1; }, "p99_latency_s is -1, but must be at least 0");
  expect_fault([](Plan& p) { p.bound = std::nan(""); }, "bound is nan, but must be at least 0");
}

void expect_bad_document(const std::string& part, const std::string& by, const std::string& what) {
  std::string text = to_json(sample_plan());
  const auto at = text.find(part);
  ASSERT_NE(at, std::string::npos) << part << " is not in " << text;
  text.replace(at, part.size(), by);
  EXPECT_THAT([&] { plan_from_json(text, "p.json"); },
              ThrowsMessage<FileError>(AllOf(StartsWith("p.json: "), HasSubstr(what))));
}

TEST(PlanJson, SaysWhatIsWrongWithADocument) {
  expect_bad_document("quorate.plan", "quorate.front", "format is \"quorate.front\", but must be \"quorate.plan\"");
  expect_bad_document("\"share\"", "\"shares\"", "share is missing");
  expect_bad_document("32", "32, 1", "batch[1] is [1,32,1], but must be an array of 2 entries");
  expect_bad_document("\"share\": [", "\"share\": [[],", "must be an array of 2 rows, one for each device");
  expect_bad_document("32", "-32", "batch of model \"b\" on device \"cpu:0\" is -32");
  expect_bad_document("\"gpu:0\"", "7", "devices[0].name is 7");
  expect_bad_document("true", "1", "feasible is 1, but must be true or false");
  EXPECT_THAT([] { plan_from_json(to_json(sample_plan()).substr(0, 99)); },
              ThrowsMessage<FileError>(HasSubstr("is not valid JSON")));
}

}  // namespace
}  // namespace quorate
