#include "quorate/route/drift.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/message.h"
#include "quorate/core/random.h"
#include "route/certainty_cell.h"
#include "route/drift_parts.h"
#include "route/promise.h"
#include "route/trace.h"

namespace quorate {
namespace {

double ratio(double sum, std::uint64_t count) {
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
}

std::vector<double> shares(const std::vector<std::uint64_t>& counts) {
  const std::uint64_t total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  std::vector<double> result;
  for (const std::uint64_t count : counts) result.push_back(ratio(static_cast<double>(count), total));
  return result;
}

double mean_tier(const std::vector<std::uint64_t>& exits) {
  double sum = 0.0;
  for (std::size_t k = 0; k < exits.size(); ++k) sum += static_cast<double>(k) * static_cast<double>(exits[k]);
  return ratio(sum, std::accumulate(exits.begin(), exits.end(), std::uint64_t{0}));
}

void check_sample(std::int32_t tier, double certainty, std::size_t depth, const std::string& where) {
  require(tier >= 0 && static_cast<std::size_t>(tier) < depth, "tier", where, " is ", tier, ", but must be from 0 to ",
          depth - 1);
  require(certainty >= 0.0 && certainty <= 1.0, "certainty", where, " is ", certainty, ", but must be from 0 to 1");
}

}  // namespace

DriftMonitor::DriftMonitor(const Cascade& cascade, const Predictions& calib, const DriftOptions& options)
    : cascade_(cascade), delta_(options.delta), seed_(options.seed) {
  check_classes(calib);
  check(cascade, calib.models());
  require(delta_ > 0.0 && delta_ < 1.0, "delta is ", delta_, ", but must be above 0 and below 1");
  const std::size_t depth = cascade.tiers.size();
  calibration_exits_.assign(depth, 0);
  observed_exits_.assign(depth, 0);
  calibration_certainty_.assign(depth, 0.0);
  observed_certainty_.assign(depth, 0.0);

  const std::vector<TierTrace> traces = trace(cascade, calib, options.threads);
  const std::vector<const TierTrace*> tiers = pointers(traces);
  std::vector<double> thresholds;
  for (const Tier& tier : cascade.tiers) thresholds.push_back(tier.threshold);
  const std::vector<std::size_t> order = shuffled(calib.samples(), seed_);
  const std::size_t placing = placing_samples(order.size());
  placing_.assign(depth, 0.5);
  for (std::size_t i = 0; i < placing; ++i) placing_[stopping_tier(tiers, thresholds, order[i])] += 1.0;
  const double total = std::accumulate(placing_.begin(), placing_.end(), 0.0);
  for (double& share : placing_) share /= total;

  watched_ = watched_parts(depth, placing_);
  const std::size_t exits = depth > 1 ? 1 : 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t tier = stopping_tier(tiers, thresholds, order[i]);
    const double certainty = tiers[tier]->certainty[order[i]];
    ++calibration_exits_[tier];
    calibration_certainty_[tier] += certainty;
    if (exits == 1 && i >= placing) watched_[0].calibrate(tier);
    watched_[exits + tier].calibrate(certainty_cell(certainty));
  }
  const auto& wrong = tiers.back()->wrong;
  const auto errors = static_cast<double>(std::count(wrong.begin(), wrong.end(), 1));
  fall_back_ = without_early_stops(cascade, errors / static_cast<double>(wrong.size()));
}

void DriftMonitor::observe(int tier, double certainty) {
  check_sample(tier, certainty, cascade_.tiers.size(), "");
  count(static_cast<std::size_t>(tier), certainty);
}

void DriftMonitor::observe(std::span<const std::int32_t> tier, std::span<const double> certainty) {
  require(tier.size() == certainty.size(), "certainty has ", certainty.size(), " values, but must have ", tier.size(),
          ", one for each of tier");
  for (std::size_t i = 0; i < tier.size(); ++i)
    if (!(tier[i] >= 0 && static_cast<std::size_t>(tier[i]) < cascade_.tiers.size() && certainty[i] >= 0.0 &&
          certainty[i] <= 1.0))
      check_sample(tier[i], certainty[i], cascade_.tiers.size(), message("[", i, "]"));
  for (std::size_t i = 0; i < tier.size(); ++i) count(static_cast<std::size_t>(tier[i]), certainty[i]);
}

void DriftMonitor::count(std::size_t tier, double certainty) {
  ++samples_;
  ++observed_exits_[tier];
  observed_certainty_[tier] += certainty;
  const bool watches_exits = cascade_.tiers.size() > 1;
  RankMartingale& own = watched_[(watches_exits ? 1 : 0) + tier];
  const std::size_t cell = certainty_cell(certainty);
  if (at_) {
    if (watches_exits) watched_[0].count(tier);
    own.count(cell);
    return;
  }
  // A stream of numbers for each sample: where a monitor is restored, it draws what it would have drawn.
  Random random(seed_, samples_);
  const double level = static_cast<double>(watched_.size()) / delta_;
  if (watches_exits) watched_[0].observe(tier, random.uniform());
  own.observe(cell, random.uniform());
  if (own.capital() >= level || watched_[0].capital() >= level) at_ = samples_;
}

double DriftMonitor::evidence() const {
  double highest = 0.0;
  for (const RankMartingale& part : watched_) highest = std::max(highest, part.highest_capital());
  return std::log(highest / static_cast<double>(watched_.size()));
}

std::string DriftMonitor::drifted() const {
  if (!alarm()) return "";
  const std::vector<DriftPart> all = parts();
  return std::max_element(all.begin(), all.end(),
                          [](const DriftPart& a, const DriftPart& b) { return a.evidence < b.evidence; })
      ->what;
}

std::vector<DriftPart> DriftMonitor::parts() const {
  std::vector<DriftPart> result;
  const auto evidence_of = [&](const RankMartingale& part) {
    return std::log(part.highest_capital() / static_cast<double>(watched_.size()));
  };
  const std::size_t exits = cascade_.tiers.size() > 1 ? 1 : 0;
  if (exits == 1)
    result.push_back({"exits", evidence_of(watched_[0]), mean_tier(calibration_exits_), mean_tier(observed_exits_)});
  for (std::size_t k = 0; k < cascade_.tiers.size(); ++k)
    result.push_back({message("certainty of tier ", k), evidence_of(watched_[exits + k]),
                      ratio(calibration_certainty_[k], calibration_exits_[k]),
                      ratio(observed_certainty_[k], observed_exits_[k])});
  return result;
}

std::vector<double> DriftMonitor::expected_share() const { return shares(calibration_exits_); }
std::vector<double> DriftMonitor::observed_share() const { return shares(observed_exits_); }

}  // namespace quorate
