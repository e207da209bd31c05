// A cascade's file with each of its fields broken in turn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "quorate/core/error.h"
#include "quorate/route/calibrate.h"
#include "quorate/route/evaluate.h"
#include "route/small.h"
#include "route/stated_sure.h"

namespace quorate {
namespace {

using test::refusal;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Cascade certified() {
  const Cascade cascade =
      calibrate(test::two_tiers(0.9), test::stated_sure(1, 4000), {.max_loss_increase = 0.02, .threads = 1});
  EXPECT_TRUE(cascade.certificate->holds);
  return cascade;
}

// "/certificate/bound" as errors name it: "certificate.bound".
std::string named(const Json::json_pointer& at) {
  std::string name;
  for (Json::json_pointer rest = at; !rest.empty(); rest = rest.parent_pointer()) {
    const std::string& part = rest.back();
    const bool index = part.find_first_not_of("0123456789") == std::string::npos;
    name = (index ? "[" + part + "]" : "." + part) + name;
  }
  return name.substr(1);
}

std::string refused(const Json& document) {
  return refusal<FileError>([&] { cascade_from_json(document.dump(), "c.json"); });
}

TEST(EditedCascade, NamesEachFieldThatIsMissingOrOfAnotherKind) {
  const Json whole = Json::parse(to_json(certified()));
  ASSERT_EQ(refused(whole), "");
  std::size_t fields = 0;
  const Json leaves = whole.flatten();
  for (const auto& [key, leaf] : leaves.items()) {
    const Json::json_pointer at(key);
    const std::string name = named(at);
    ++fields;
    Json without = whole;
    Json& parent = without[at.parent_pointer()];
    if (parent.is_object()) {
      parent.erase(at.back());
      // Files from before these were written are read.
      const bool optional = at.back() == "max_loss" || at.back() == "candidates" || at.back() == "tiers_sha256";
      const std::string lacking = name == "parallelism" ? "parallel" : name;
      EXPECT_EQ(refused(without), optional ? "" : "c.json: " + lacking + " is missing");
    }
    for (const Json& wrong : {Json::object(), Json::array({Json::array()}), Json(true), Json("x"), Json("nan")}) {
      if (wrong.type() == leaf.type()) continue;  // another text, or the other truth
      Json changed = whole;
      changed[at] = wrong;
      std::string checked = name;  // an ensemble's own words for a number that is no weight
      if (const std::size_t dot = checked.find(".weights"); dot != std::string::npos) checked.replace(dot, 1, ": ");
      EXPECT_THAT(refused(changed), AnyOf(StartsWith("c.json: " + name + " is "), HasSubstr(checked + " is ")))
          << "with " << wrong;
    }
  }
  EXPECT_GT(fields, 30u);
}

TEST(EditedCascade, NamesEachNumberOutOfRange) {
  const Json whole = Json::parse(to_json(certified()));
  const double thousand = 1000.0;
  const auto message_for = [&](const char* field, const Json& value, const std::string& part) {
    Json changed = whole;
    ASSERT_TRUE(changed.contains(Json::json_pointer(field))) << field;
    changed[Json::json_pointer(field)] = value;
    EXPECT_THAT(refused(changed), HasSubstr(part)) << field << " = " << value;
  };
  for (const char* field : {"/loss", "/cost", "/worst_cost", "/parallelism", "/tiers/0/threshold", "/tiers/0/cost",
                            "/tiers/1/cost", "/certificate/delta", "/certificate/max_loss_increase",
                            "/certificate/reference_loss", "/certificate/bound", "/certificate/measured"})
    for (const Json& value : {Json(-2.5), Json("nan"), Json("inf")})
      message_for(field, value, named(Json::json_pointer(field)) + " is ");
  message_for("/loss", 1.5, "loss is 1.5, but must be a number from 0 to 1");
  message_for("/parallelism", 2, "parallelism is 2, but must be a number from 0 to 1");
  message_for("/tiers/0/threshold", -0.5, "tiers[0].threshold is -0.5, but must be finite and at least 0");
  message_for("/tiers/1/threshold", 0.5, "tiers[1].threshold is 0.5, but must be 0: the last tier always answers");
  message_for("/tiers/0/cost", -1, "tiers[0].cost is -1, but must be finite and at least 0");
  message_for("/tiers/0/members/0", -1, "tiers[0].members[0] is -1, but must be from 0 to");
  message_for("/tiers/0/members/0", 0.5, "tiers[0].members[0] is 0.5, but must be an integer");
  message_for("/tiers/0/members/0", 1, "tiers[1] holds model 1, but tiers[0] holds it too");
  message_for("/tiers/0/members", Json::array(), "tiers[0]: members is empty");
  message_for("/tiers/0/members", {0, 2}, "tiers[0]: weights");
  message_for("/tiers/0/weights", {0.5}, "tiers[0]: weights sum to 0.5");
  message_for("/tiers/0/weights", {-1.0}, "tiers[0]: weights[0] is -1");
  message_for("/tiers/0/weights", Json::array(), "tiers[0]: weights");
  message_for("/tiers/0/signal", "doubt", "tiers[0].signal is \"doubt\", but must be one of: confidence, ");
  message_for("/tiers", Json::array(), "tiers is empty, but must hold at least one tier");
  message_for("/combine", "first", "combine is \"first\", but must be one of: last, mean, majority");
  message_for("/version", 99, "version is 99, but must be from 1 to 1");
  message_for("/format", "quorate.plan", "format is \"quorate.plan\", but must be \"quorate.cascade\"");
  message_for("/certificate/delta", thousand, "certificate.delta is 1000.0, but must be a number from 0 to 1");
  message_for("/certificate/delta", 0.0, "certificate.delta is 0, but must be above 0 and below 1");
  message_for("/certificate/max_loss_increase", 0, "certificate.max_loss_increase is 0, but must be above 0 and below 1");
  message_for("/certificate/max_loss", 0.1, "certificate.max_loss_increase is 0.02, but must be 0 beside a max_loss");
  message_for("/certificate/samples", 0, "certificate.samples is 0, but must be at least 1");
  message_for("/certificate/samples", -4000, "certificate.samples is -4000, but must be at least 0");
  message_for("/certificate/candidates", 0, "certificate.candidates is 0, but must be at least 1");
  message_for("/certificate/samples_needed", -1, "certificate.samples_needed is -1, but must be at least 0");
  message_for("/certificate/bound", 0.5, "certificate.bound is 0.5, but must be at most what is promised, 0.02, where it");
  message_for("/certificate/tiers_sha256", "00", "certificate.tiers_sha256 is 00, but must be ");
}

TEST(EditedCascade, AFrontSaysWhichPoint) {
  Cascade dearer = certified();
  dearer.cost = 100.0;
  dearer.worst_cost = 100.0;
  dearer.loss = 0.0;
  Json front = Json::parse(to_json(CascadeFront({certified(), dearer})));
  front["points"][1]["tiers"][0]["threshold"] = "high";
  EXPECT_THAT(refusal<FileError>([&] { cascade_front_from_json(front.dump(), "f.json"); }),
              HasSubstr("points[1].tiers[0].threshold is \"high\", but must be a number"));
}

// What was promised of other thresholds, members, weights, signals or combinations is not promised of these.
TEST(EditedCascade, ACertificateIsOfItsOwnTiersAlone) {
  const Cascade whole = certified();
  EXPECT_EQ(whole.certificate->tiers_sha256, digest_of(whole));
  const auto changed = [&](const auto& change) {
    Cascade cascade = whole;
    change(cascade);
    return refusal<std::invalid_argument>([&] { check(cascade, 3); });
  };
  EXPECT_EQ(changed([](Cascade& c) { c.tiers[0].cost = 7.0; }), "");
  const auto says_so = HasSubstr("that of the tiers: they were changed after calibrate(), which has to be asked again");
  EXPECT_THAT(changed([](Cascade& c) { c.tiers[0].threshold -= 1e-9; }), says_so);
  EXPECT_THAT(changed([](Cascade& c) { c.tiers[0].members = {2}; }), says_so);
  EXPECT_THAT(changed([](Cascade& c) { c.tiers[1] = {{1, 2}, {0.5, 0.5}}; }), says_so);
  EXPECT_THAT(changed([](Cascade& c) { c.tiers[0].signal = Signal::kMargin; }), says_so);
  EXPECT_THAT(changed([](Cascade& c) { c.combine = Combine::kMean; }), says_so);
  Cascade moved = whole;
  moved.tiers[0].threshold = 0.5;
  EXPECT_THAT(refusal<std::invalid_argument>([&] {
                evaluate(moved, test::stated_sure(2, 50), std::vector{1.0, 10.0});
              }),
              says_so);
  // Calibrating is what gives it a certificate of its own.
  const Cascade again = calibrate(moved, test::stated_sure(1, 4000), {.max_loss_increase = 0.02});
  EXPECT_EQ(again.certificate->tiers_sha256, digest_of(again));
}

}  // namespace
}  // namespace quorate
