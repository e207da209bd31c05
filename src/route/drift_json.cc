#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/file.h"
#include "quorate/route/drift.h"
#include "route/drift_parts.h"

namespace quorate {
namespace {

constexpr const char* kFormat = "quorate.drift_monitor";
constexpr int kVersion = 1;
constexpr int kIndent = 1;

using Counts = std::vector<std::uint64_t>;

std::uint64_t sum_of(const Counts& counts) { return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}); }

// Of the many cells, those that hold something: [cell, count, cell, count, ...].
Json part_json(const RankMartingale& part) {
  const RankMartingale::State state = part.state();
  Json counts = Json::array();
  for (std::size_t cell = 0; cell < state.counts.size(); ++cell)
    if (state.counts[cell] > 0) {
      counts.push_back(cell);
      counts.push_back(state.counts[cell]);
    }
  return {{"counts", counts}, {"observed", state.observed}, {"invested", state.invested}, {"highest", state.highest}};
}

std::uint64_t read_count(const JsonField& in, std::uint64_t most = std::uint64_t{1} << 62) {
  const std::int64_t value = in.integer();
  if (value < 0 || static_cast<std::uint64_t>(value) > most) in.fail(message("from 0 to ", most));
  return static_cast<std::uint64_t>(value);
}

Counts read_counts(const JsonField& in, std::size_t size) {
  if (in.size() != size) in.fail(message("an array of ", size));
  Counts counts;
  for (std::size_t i = 0; i < size; ++i) counts.push_back(read_count(in[i]));
  return counts;
}

// [depth] sums of certainties, of so many samples.
std::vector<double> read_sums(const JsonField& in, const Counts& of) {
  if (in.size() != of.size()) in.fail(message("an array of ", of.size()));
  std::vector<double> sums;
  for (std::size_t k = 0; k < of.size(); ++k) sums.push_back(in[k].number(0.0, static_cast<double>(of[k]) * (1.0 + 1e-9)));
  return sums;
}

// `calibrated` and `observed` values of it are known from elsewhere.
void read_part(const JsonField& in, std::uint64_t calibrated, std::uint64_t observed, RankMartingale& part) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  RankMartingale::State state = part.state();
  const JsonField counts = in["counts"];
  if (counts.size() % 2 != 0) counts.fail("pairs of a cell and its count");
  for (std::size_t i = 0; i < counts.size(); i += 2)
    state.counts[read_count(counts[i], state.counts.size() - 1)] = read_count(counts[i + 1]);
  if (sum_of(state.counts) != calibrated + observed)
    counts.fail(message("counts of ", calibrated + observed, " samples in all, as the exits say"));
  state.observed = read_count(in["observed"], observed);
  const JsonField invested = in["invested"];
  if (invested.size() != state.invested.size()) invested.fail(message("an array of ", state.invested.size()));
  for (std::size_t i = 0; i < state.invested.size(); ++i) state.invested[i] = invested[i].number(0.0, kLargest);
  const JsonField highest = in["highest"];
  state.highest = highest.number(1.0, kLargest);
  part.restore(state);
  if (part.capital() > state.highest) highest.fail(message("at least ", part.capital(), ", the capital held"));
}

std::uint64_t read_seed(const JsonField& in) {
  const std::string text = in.text();
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error != std::errc() || end != text.data() + text.size()) in.fail("an integer of 64 bits, as text");
  return seed;
}

}  // namespace

std::string to_json(const DriftMonitor& monitor) {
  Json document = json_document(kFormat, kVersion);
  document["cascade"] = Json::parse(to_json(monitor.cascade_));
  document["fall_back_loss"] = monitor.fall_back_.loss;
  document["delta"] = monitor.delta_;
  document["seed"] = std::to_string(monitor.seed_);
  document["at"] = monitor.at_ ? Json(*monitor.at_) : Json();
  document["placing"] = monitor.placing_;
  document["calibration_exits"] = monitor.calibration_exits_;
  document["observed_exits"] = monitor.observed_exits_;
  document["calibration_certainty"] = monitor.calibration_certainty_;
  document["observed_certainty"] = monitor.observed_certainty_;
  document["parts"] = Json::array();
  for (const RankMartingale& part : monitor.watched_) document["parts"].push_back(part_json(part));
  return document.dump(kIndent);
}

DriftMonitor drift_monitor_from_json(std::string_view text, const std::string& name) {
  const Json document = parse_json(text, name);
  const JsonField in = open_json_document(document, name, kFormat, kVersion);
  DriftMonitor monitor;
  monitor.cascade_ = cascade_from_json(in["cascade"].json().dump(), name + ": cascade");
  monitor.fall_back_ = without_early_stops(monitor.cascade_, in["fall_back_loss"].number(0.0, 1.0));
  monitor.delta_ = in["delta"].number(0.0, 1.0);
  if (monitor.delta_ <= 0.0 || monitor.delta_ >= 1.0) in["delta"].fail("above 0 and below 1");
  monitor.seed_ = read_seed(in["seed"]);

  const std::size_t depth = monitor.cascade_.tiers.size();
  const JsonField placing = in["placing"];
  if (placing.size() != depth) placing.fail(message("an array of ", depth));
  for (std::size_t k = 0; k < depth; ++k) monitor.placing_.push_back(placing[k].number(1e-300, 1.0));
  if (std::abs(std::accumulate(monitor.placing_.begin(), monitor.placing_.end(), 0.0) - 1.0) > 1e-6)
    placing.fail("shares that sum to 1");
  monitor.calibration_exits_ = read_counts(in["calibration_exits"], depth);
  monitor.observed_exits_ = read_counts(in["observed_exits"], depth);
  monitor.calibration_certainty_ = read_sums(in["calibration_certainty"], monitor.calibration_exits_);
  monitor.observed_certainty_ = read_sums(in["observed_certainty"], monitor.observed_exits_);
  monitor.samples_ = sum_of(monitor.observed_exits_);
  if (const JsonField at = in["at"]; !at.json().is_null()) {
    monitor.at_ = read_count(at, monitor.samples_);
    if (*monitor.at_ == 0) at.fail(message("from 1 to ", monitor.samples_));
  }

  monitor.watched_ = watched_parts(depth, monitor.placing_);
  const JsonField parts = in["parts"];
  if (parts.size() != monitor.watched_.size()) parts.fail(message("an array of ", monitor.watched_.size()));
  const std::size_t exits = depth > 1 ? 1 : 0;
  const std::uint64_t calibrated = sum_of(monitor.calibration_exits_);
  if (exits == 1) read_part(parts[0], calibrated - placing_samples(calibrated), monitor.samples_, monitor.watched_[0]);
  for (std::size_t k = 0; k < depth; ++k)
    read_part(parts[exits + k], monitor.calibration_exits_[k], monitor.observed_exits_[k], monitor.watched_[exits + k]);
  const double level = static_cast<double>(monitor.watched_.size()) / monitor.delta_;
  const bool sounded = std::any_of(monitor.watched_.begin(), monitor.watched_.end(),
                                   [&](const RankMartingale& part) { return part.highest_capital() >= level; });
  if (sounded != monitor.alarm())
    in["at"].fail(sounded ? "the sample that raised the alarm: the evidence suffices for one"
                          : "null: the evidence does not suffice for an alarm");
  return monitor;
}

void save(const DriftMonitor& monitor, const std::filesystem::path& path) { write_file(path, to_json(monitor)); }
DriftMonitor load_drift_monitor(const std::filesystem::path& path) {
  return drift_monitor_from_json(read_file(path), path.string());
}

}  // namespace quorate
