#include "quorate/route/drift.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "quorate/core/error.h"
#include "route/small.h"

namespace quorate {
namespace {

using test::refusal;
using ::testing::HasSubstr;

Cascade two_tiers(double threshold) {
  Cascade cascade;
  cascade.tiers = {{{0}, {1.0}, Signal::kConfidence, threshold, 1.0}, {{1}, {1.0}, Signal::kConfidence, 0.0, 10.0}};
  cascade.cost = 5.0;
  cascade.worst_cost = 11.0;
  return cascade;
}

// Both models' confidence is uniform on [(1 + shift) / 2, 1], of sixteenths of thousandths: few ties.
Predictions stream(std::uint64_t seed, std::size_t samples, double power = 1.0) {
  Random random(seed);
  std::vector<std::int32_t> votes(2 * samples, 0);
  std::vector<float> confidence(2 * samples);
  std::vector<std::int32_t> labels(samples);
  for (float& one : confidence) one = static_cast<float>(std::pow(random.uniform(), power));
  for (std::int32_t& label : labels) label = random.uniform() < 0.8 ? 0 : 1;
  return Predictions::from_votes({votes.data(), 2, samples}, {confidence.data(), 2, samples}, std::move(labels));
}

// What an engine would say of the samples.
void feed(DriftMonitor& monitor, const Predictions& predictions, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    const double first = static_cast<double>(predictions.score(0, i, 0));
    const bool stops = first >= 0.5;
    monitor.observe(stops ? 0 : 1, stops ? first : static_cast<double>(predictions.score(1, i, 0)));
  }
}

TEST(DriftMonitor, StaysSilentOnTheSameStream) {
  int alarms = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    DriftMonitor monitor(two_tiers(0.5), stream(2 * seed, 300), {.delta = 0.1, .seed = seed});
    feed(monitor, stream(2 * seed + 1, 3000), 0, 3000);
    alarms += monitor.alarm();
  }
  EXPECT_LE(alarms, 10);
}

TEST(DriftMonitor, HearsExitsAndCertaintyChange) {
  DriftMonitor monitor(two_tiers(0.5), stream(1, 2000));
  feed(monitor, stream(2, 5000), 0, 5000);
  ASSERT_FALSE(monitor.alarm());
  EXPECT_EQ(monitor.drifted(), "");
  EXPECT_EQ(monitor.cascade(), two_tiers(0.5));
  feed(monitor, stream(3, 1000, 2.0), 0, 1000);  // less sure: half as many exits at the first tier
  ASSERT_TRUE(monitor.alarm());
  EXPECT_GT(monitor.at(), 5000u);
  EXPECT_LT(monitor.at(), 5400u);
  EXPECT_GE(monitor.evidence(), std::log(100.0));
  EXPECT_EQ(monitor.samples(), 6000u);
  EXPECT_NE(monitor.drifted(), "");
  EXPECT_EQ(monitor.parts().size(), 3u);
}

// The first tier's share stays, its certainty does not.
TEST(DriftMonitor, SaysWhatDrifted) {
  DriftMonitor monitor(two_tiers(0.5), stream(1, 2000));
  Random random(9);
  for (int i = 0; i < 3000; ++i) {
    const bool stops = random.uniform() < 0.5;
    monitor.observe(stops ? 0 : 1, stops ? 0.5 + 0.5 * std::sqrt(random.uniform()) : random.uniform());
  }
  EXPECT_EQ(monitor.drifted(), "certainty of tier 0");
  DriftMonitor other(two_tiers(0.5), stream(1, 2000));
  for (int i = 0; i < 3000; ++i) {
    const bool stops = random.uniform() < 0.7;
    other.observe(stops ? 0 : 1, stops ? 0.5 + 0.5 * random.uniform() : random.uniform());
  }
  EXPECT_EQ(other.drifted(), "exits");
  const DriftPart exits = other.parts()[0];
  EXPECT_EQ(exits.what, "exits");
  EXPECT_NEAR(exits.expected, 0.5, 0.05);
  EXPECT_NEAR(exits.observed, 0.3, 0.05);
  EXPECT_NEAR(other.expected_share()[0], 0.5, 0.05);
  EXPECT_NEAR(other.observed_share()[0], 0.7, 0.05);
}

TEST(DriftMonitor, FallsBackToTheDeepTiers) {
  Cascade given = two_tiers(0.5);
  given.certificate =
      Certificate{.max_loss_increase = 0.01, .delta = 0.05, .samples = 500, .method = "any", .does_not_cover = ""};
  const Predictions calib = stream(1, 500);
  DriftMonitor monitor(given, calib);
  for (int i = 0; i < 500; ++i) monitor.observe(0, 1.0);
  ASSERT_TRUE(monitor.alarm());
  const Cascade& safe = monitor.cascade();
  EXPECT_EQ(safe.tiers[0].threshold, kNeverStops);
  EXPECT_EQ(safe.tiers[1].threshold, 0.0);
  EXPECT_EQ(safe.cost, 11.0);
  EXPECT_EQ(safe.worst_cost, 11.0);
  EXPECT_FALSE(safe.certificate.has_value());
  EXPECT_EQ(safe.found_by, "hand, fall-back after drift");
  std::size_t errors = 0;
  for (const std::int32_t label : calib.labels()) errors += label != 0;
  EXPECT_EQ(safe.loss, static_cast<double>(errors) / 500);
}

TEST(DriftMonitor, IsTheSameInPiecesAndAfterARestart) {
  const Predictions calib = stream(1, 400);
  const Predictions live = stream(2, 3000, 1.3);
  DriftMonitor whole(two_tiers(0.5), calib, {.delta = 0.05, .seed = 3});
  feed(whole, live, 0, 3000);
  DriftMonitor pieces(two_tiers(0.5), calib, {.delta = 0.05, .seed = 3, .threads = 3});
  for (std::size_t begin = 0; begin < 3000; begin += 250) {
    feed(pieces, live, begin, begin + 250);
    pieces = drift_monitor_from_json(to_json(pieces));
  }
  EXPECT_EQ(to_json(pieces), to_json(whole));
  EXPECT_EQ(pieces.evidence(), whole.evidence());
  EXPECT_TRUE(whole.alarm());
  EXPECT_EQ(pieces.at(), whole.at());
}

TEST(DriftMonitor, WatchesASingleTierAndEmptyTiers) {
  Cascade one;
  one.tiers = {{{0}, {1.0}, Signal::kConfidence, 0.0, 1.0}};
  DriftMonitor monitor(one, stream(1, 200));
  for (int i = 0; i < 300; ++i) monitor.observe(0, 0.1);
  EXPECT_EQ(monitor.drifted(), "certainty of tier 0");
  DriftMonitor never(two_tiers(kNeverStops), stream(1, 3));  // the first tier answers no calibration sample
  for (int i = 0; i < 100; ++i) never.observe(i % 2, 0.9);
  EXPECT_EQ(never.samples(), 100u);
}

TEST(DriftMonitor, RefusesWhatMakesNoSense) {
  const Predictions calib = stream(1, 50);
  const auto make = [&](double delta) {
    return refusal<std::invalid_argument>([&] { DriftMonitor(two_tiers(0.5), calib, {.delta = delta}); });
  };
  EXPECT_EQ(make(0.0), "delta is 0, but must be above 0 and below 1");
  EXPECT_EQ(make(1.0), "delta is 1, but must be above 0 and below 1");
  DriftMonitor monitor(two_tiers(0.5), calib);
  const auto observe = [&](int tier, double certainty) {
    return refusal<std::invalid_argument>([&] { monitor.observe(tier, certainty); });
  };
  EXPECT_EQ(observe(2, 0.5), "tier is 2, but must be from 0 to 1");
  EXPECT_EQ(observe(-1, 0.5), "tier is -1, but must be from 0 to 1");
  EXPECT_EQ(observe(0, 1.5), "certainty is 1.5, but must be from 0 to 1");
  EXPECT_EQ(observe(0, std::numeric_limits<double>::quiet_NaN()), "certainty is nan, but must be from 0 to 1");
  const std::vector<std::int32_t> tiers = {0, 1, 5};
  const std::vector<double> certainty = {0.6, 0.4, 0.1};
  EXPECT_EQ(refusal<std::invalid_argument>([&] { monitor.observe(tiers, certainty); }),
            "tier[2] is 5, but must be from 0 to 1");
  EXPECT_EQ(refusal<std::invalid_argument>([&] { monitor.observe(tiers, std::span(certainty).first(2)); }),
            "certainty has 2 values, but must have 3, one for each of tier");
  EXPECT_EQ(monitor.samples(), 0u) << "nothing is counted before all is checked";
}

TEST(DriftMonitor, RefusesAnEditedFile) {
  DriftMonitor monitor(two_tiers(0.5), stream(1, 50));
  feed(monitor, stream(2, 100), 0, 100);
  const std::string text = to_json(monitor);
  const auto edited = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    return refusal<FileError>([&] { drift_monitor_from_json(changed, "m.json"); });
  };
  EXPECT_EQ(edited("\"delta\": 0.01", "\"delta\": 0"), "m.json: delta is 0, but must be above 0 and below 1");
  EXPECT_EQ(edited("\"at\": null", "\"at\": 7"),
            "m.json: at is 7, but must be null: the evidence does not suffice for an alarm");
  EXPECT_EQ(edited("\"at\": null", "\"at\": 101"), "m.json: at is 101, but must be from 0 to 100");
  EXPECT_THAT(edited("\"seed\": \"0\"", "\"seed\": \"x\""), HasSubstr("must be an integer of 64 bits, as text"));
  EXPECT_THAT(edited("\"observed\": 100", "\"observed\": 101"), HasSubstr("must be from 0 to 100"));
  EXPECT_THAT(edited("\"observed_exits\": [\n  ", "\"observed_exits\": [\n  1"), HasSubstr("must be"));
  EXPECT_THAT(edited("\"highest\": 1", "\"highest\": 0"), HasSubstr("highest is 0"));
  EXPECT_THAT(edited("\"invested\": [\n    ", "\"invested\": [\n    -"), HasSubstr("invested[0]"));
  EXPECT_THAT(edited("\"threshold\": 0.5", "\"threshold\": -0.5"), HasSubstr("m.json: cascade"));
  EXPECT_THAT(edited("quorate.drift_monitor", "quorate.drift"), HasSubstr("quorate.drift_monitor"));
}

}  // namespace
}  // namespace quorate
