#include "quorate/joint/co_plan.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "quorate/core/random.h"
#include "quorate/route/evaluate.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Problem {
  Predictions predictions;
  Profile profile;
  std::vector<Device> devices;
};

// Three classifiers of rising skill, and two kinds of device that differ in what they are good at.
Problem problem(std::uint64_t seed, std::size_t samples = 60) {
  Random random(seed, 11);
  std::vector<std::int32_t> classes;
  std::vector<float> confidence;
  std::vector<double> difficulty;
  for (std::size_t i = 0; i < samples; ++i) difficulty.push_back(random.normal());
  for (int m = 0; m < 3; ++m)
    for (std::size_t i = 0; i < samples; ++i) {
      const double sure = 1.0 / (1.0 + std::exp(difficulty[i] - 0.7 * m - 0.5 + 0.5 * random.normal()));
      confidence.push_back(static_cast<float>(sure));
      classes.push_back(random.uniform() < sure ? 0 : 1);
    }
  Problem made{Predictions::from_votes({classes.data(), 3, samples}, {confidence.data(), 3, samples},
                                       std::vector<std::int32_t>(samples, 0), {"small", "middle", "large"}),
               {{"small", "middle", "large"}, {1, 8}, {"gpu", "cpu"}, {}, {}},
               {{"gpu:0", "gpu", 100, 2.0}, {"gpu:1", "gpu", 60, 2.0}, {"cpu:0", "cpu", 100, 0.5}}};
  for (int kind = 0; kind < 2; ++kind)
    for (int m = 0; m < 3; ++m) {
      const double fixed_s = std::exp(random.normal()) * 1e-3, each_s = std::exp(1.2 * random.normal() + m) * 1e-3;
      for (const int batch : {1, 8}) {
        made.profile.latency_s.push_back(fixed_s + batch * each_s);
        made.profile.memory_bytes.push_back(20 + 15 * m + batch);
      }
    }
  return made;
}

CoPlanOptions quick() {
  CoPlanOptions options;
  options.levels = 4;
  options.max_rounds = 6;
  options.cascades.max_depth = 2;
  options.cascades.threads = 1;
  options.plan.time_limit_s = 1e9;
  options.plan.max_iterations = 30;
  return options;
}

Plan planned(const Problem& p, const Cascade& cascade, const std::vector<Device>& devices) {
  PlanOptions planning = quick().plan;
  planning.demand = evaluate(cascade, p.predictions, ModelCosts(std::vector{1.0, 1.0, 1.0}), 1).demand;
  return plan(p.profile, devices, planning);
}

// Every cascade of at most two single models, every threshold.
std::vector<std::pair<double, Cascade>> all_cascades(const Problem& p) {
  std::vector<std::pair<double, Cascade>> found;
  const auto add = [&](const Cascade& cascade) {
    found.emplace_back(evaluate(cascade, p.predictions, ModelCosts(std::vector{1.0, 1.0, 1.0}), 1).loss, cascade);
  };
  const std::size_t samples = p.predictions.samples();
  std::vector<std::int32_t> answers(samples);
  std::vector<float> sure(samples);
  for (int first = 0; first < 3; ++first) {
    add({{{{first}, {1.0}}}});
    p.predictions.read_answers(static_cast<std::size_t>(first), answers, sure);
    for (const float threshold : std::set<float>(sure.begin(), sure.end()))
      for (int last = 0; last < 3; ++last)
        if (first != last) add({{{{first}, {1.0}, Signal::kConfidence, threshold}, {{last}, {1.0}}}});
  }
  return found;
}

// The devices that cost least and have the rate, of all sets of them; infinity where none has.
double least_usd_per_hour(const Problem& p, const Cascade& cascade, double rate) {
  double least = kInf;
  for (unsigned chosen = 1; chosen < 1u << p.devices.size(); ++chosen) {
    std::vector<Device> devices;
    double cost = 0.0;
    for (std::size_t d = 0; d < p.devices.size(); ++d)
      if (chosen >> d & 1u) {
        devices.push_back(p.devices[d]);
        cost += p.devices[d].usd_per_hour;
      }
    if (cost < least && planned(p, cascade, devices).throughput >= rate) least = cost;
  }
  return least;
}

TEST(CoPlan, IsNeverBelowPlanningAfterRoutingAndNearTheBestOfAll) {
  double sum = 0.0, worst = 1.0;
  int levels = 0, better = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const Problem p = problem(seed, 40);
    const CoPlan found = co_plan(p.predictions, p.profile, p.devices, quick());
    ASSERT_FALSE(found.in_turn.empty());
    std::vector<std::pair<double, double>> all;
    for (const auto& [loss, cascade] : all_cascades(p)) all.emplace_back(loss, planned(p, cascade, p.devices).throughput);
    for (const CoPlanPoint& point : found.in_turn) {
      const CoPlanPoint* best = found.best(point.loss);
      ASSERT_NE(best, nullptr);
      EXPECT_GE(best->throughput, point.throughput);
      double optimum = 0.0;
      for (const auto& [loss, throughput] : all)
        if (loss <= point.loss) optimum = std::max(optimum, throughput);
      EXPECT_LE(best->throughput, optimum * (1.0 + 1e-9));
      const double share = best->throughput / optimum;
      sum += share;
      worst = std::min(worst, share);
      better += best->throughput > 1.01 * point.throughput;
      ++levels;
    }
  }
  EXPECT_GE(sum / levels, 0.97);
  EXPECT_GE(worst, 0.7);
  EXPECT_GT(better, 0);
  RecordProperty("mean", std::to_string(sum / levels));
  RecordProperty("better", better);
  RecordProperty("worst", std::to_string(worst));
}

// Rates of a third of what is possible at the least loss, and of twice that.
TEST(CoPlan, CostsNoMoreThanPlanningAfterRoutingAndLittleMoreThanTheCheapestOfAll) {
  double sum = 0.0;
  int levels = 0, better = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const Problem p = problem(seed, 16);
    const double most = co_plan(p.predictions, p.profile, p.devices, quick()).front.back().throughput;
    for (const double rate : {most / 3, most * 2 / 3}) {
      CoPlanOptions options = quick();
      options.plan.objective = Objective::kMoney;
      options.plan.rate = rate;
      const CoPlan found = co_plan(p.predictions, p.profile, p.devices, options);
      ASSERT_FALSE(found.front.empty()) << found.why;
      std::vector<std::pair<double, double>> all;
      for (const auto& [loss, cascade] : all_cascades(p)) all.emplace_back(loss, least_usd_per_hour(p, cascade, rate));
      for (std::size_t i = 0; i < found.front.size(); ++i) {
        const CoPlanPoint& point = found.front[i];
        EXPECT_GE(point.throughput, rate);
        EXPECT_EQ(point.usd_per_hour, point.plan.usd_per_hour());
        if (i > 0) {
          EXPECT_LT(point.loss, found.front[i - 1].loss);
          EXPECT_GT(point.usd_per_hour, found.front[i - 1].usd_per_hour);
        }
        double optimum = kInf;
        for (const auto& [loss, cost] : all)
          if (loss <= point.loss) optimum = std::min(optimum, cost);
        EXPECT_GE(point.usd_per_hour, optimum);
      }
      for (const CoPlanPoint& point : found.in_turn) {
        const CoPlanPoint* best = found.best(point.loss);
        ASSERT_NE(best, nullptr);
        EXPECT_LE(best->usd_per_hour, point.usd_per_hour);
        double optimum = kInf;
        for (const auto& [loss, cost] : all)
          if (loss <= point.loss) optimum = std::min(optimum, cost);
        sum += optimum / best->usd_per_hour;
        better += best->usd_per_hour < point.usd_per_hour;
        ++levels;
      }
    }
  }
  EXPECT_GE(sum / levels, 0.9);
  EXPECT_GT(better, 0);
  RecordProperty("mean", std::to_string(sum / levels));
  RecordProperty("better", better);
  RecordProperty("levels", levels);
}

TEST(CoPlan, PointsSayWhatTheirCascadesAndPlansDo) {
  const Problem p = problem(3);
  const CoPlan found = co_plan(p.predictions, p.profile, p.devices, quick());
  ASSERT_GT(found.front.size(), 1u);
  for (std::size_t i = 0; i < found.front.size(); ++i) {
    const CoPlanPoint& point = found.front[i];
    const CascadeReport report = evaluate(point.cascade, p.predictions, ModelCosts(std::vector{1.0, 1.0, 1.0}), 1);
    EXPECT_EQ(point.loss, report.loss);
    EXPECT_EQ(point.demand, report.demand);
    EXPECT_EQ(point.plan.demand, report.demand);
    EXPECT_EQ(point.throughput, point.plan.throughput);
    check(point.plan);
    if (i > 0) {
      EXPECT_LT(point.loss, found.front[i - 1].loss);
      EXPECT_LT(point.throughput, found.front[i - 1].throughput);
    }
    double usd_per_hour = 0.0;
    for (std::size_t d = 0; d < 3; ++d)
      if (point.plan.batch[d * 3] + point.plan.batch[d * 3 + 1] + point.plan.batch[d * 3 + 2] > 0)
        usd_per_hour += p.devices[d].usd_per_hour;
    EXPECT_EQ(point.usd_per_hour, usd_per_hour);
    EXPECT_DOUBLE_EQ(point.usd_per_million, usd_per_hour / 3600.0 / point.throughput * 1e6);
  }
  EXPECT_EQ(found.best(-1.0), nullptr);
  EXPECT_EQ(found.best(1.0), &found.front[0]);
  EXPECT_EQ(found.front, co_plan(p.predictions, p.profile, p.devices, quick()).front);
}

TEST(CoPlan, KeepsToOneLossWhereItIsGiven) {
  const Problem p = problem(5);
  CoPlanOptions options = quick();
  options.max_loss = 0.3;
  const CoPlan found = co_plan(p.predictions, p.profile, p.devices, options);
  ASSERT_EQ(found.in_turn.size(), 1u);
  EXPECT_LE(found.in_turn[0].loss, 0.3);
  ASSERT_NE(found.best(0.3), nullptr);
  EXPECT_GE(found.best(0.3)->throughput, found.in_turn[0].throughput);
}

TEST(CoPlan, ModelsThatFitNowhereAreNotAsked) {
  Problem p = problem(1);
  for (std::size_t kind = 0; kind < 2; ++kind)
    for (std::size_t b = 0; b < 2; ++b) p.profile.memory_bytes[p.profile.index(kind, 2, b)] = 1000;
  const CoPlan found = co_plan(p.predictions, p.profile, p.devices, quick());
  ASSERT_FALSE(found.front.empty());
  for (const CoPlanPoint& point : found.front) EXPECT_EQ(point.demand[2], 0.0);
  for (Device& device : p.devices) device.memory_bytes = 0;
  const CoPlan nothing = co_plan(p.predictions, p.profile, p.devices, quick());
  EXPECT_TRUE(nothing.front.empty());
  EXPECT_THAT(nothing.why, HasSubstr("short"));
}

TEST(CoPlan, NamesWhatIsWrong) {
  const Problem p = problem(0);
  const auto fault = [&](const auto& change, const std::string& what) {
    CoPlanOptions options = quick();
    Problem changed = p;
    change(options, changed);
    EXPECT_THAT([&] { co_plan(changed.predictions, changed.profile, changed.devices, options); },
                ThrowsMessage<std::invalid_argument>(HasSubstr(what)));
  };
  fault([](CoPlanOptions& o, Problem&) { o.levels = 0; }, "levels is 0, but must be at least 1");
  fault([](CoPlanOptions& o, Problem&) { o.max_rounds = 0; }, "max_rounds is 0, but must be at least 1");
  fault([](CoPlanOptions& o, Problem&) { o.max_loss = std::nan(""); }, "max_loss is nan, but must be a number");
  fault([](CoPlanOptions& o, Problem&) { o.max_loss = -0.5; }, "max_loss is -0.5, but the least that a cascade has is ");
  fault([](CoPlanOptions& o, Problem&) { o.plan.demand = {1, 1, 1}; }, "plan.demand is given, but it is each cascade's own");
  fault([](CoPlanOptions& o, Problem&) { o.cost = {1.0}; }, "cost");
  fault([](CoPlanOptions& o, Problem&) { o.plan.objective = Objective::kLatency; }, "but must be throughput or money");
  fault([](CoPlanOptions& o, Problem&) { o.plan.objective = Objective::kMoney; }, "rate is 0");
  fault(
      [](CoPlanOptions& o, Problem& c) {
        o.plan.objective = Objective::kMoney;
        o.plan.rate = 1.0;
        for (Device& device : c.devices) device.usd_per_hour = 0.0;
      },
      "usd_per_hour is 0 for every device");
  fault([](CoPlanOptions&, Problem& c) { c.profile.models[2] = "huge"; },
        "the profile has no model \"large\", but the predictions do; it has small, middle, huge");
  fault([](CoPlanOptions&, Problem& c) { c.devices.clear(); }, "devices is empty");
}

}  // namespace
}  // namespace quorate
