#include <limits>

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/file.h"
#include "quorate/route/evaluate.h"

namespace quorate {
namespace {

constexpr int kVersion = 1;  // fields came since, none went
constexpr double kLargest = std::numeric_limits<double>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> shares(const JsonField& in) {
  std::vector<double> result;
  for (std::size_t i = 0; i < in.size(); ++i) result.push_back(in[i].number(0.0, 1.0));
  return result;
}

std::vector<std::int32_t> indices(const JsonField& in, std::size_t samples, std::int64_t limit) {
  if (in.size() != samples) in.fail(message("an array of ", samples, " entries, one for each sample"));
  std::vector<std::int32_t> result;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::int64_t value = in[i].integer();
    if (value < 0 || value >= limit) in[i].fail(message("from 0 to ", limit - 1));
    result.push_back(static_cast<std::int32_t>(value));
  }
  return result;
}

std::size_t count(const JsonField& in, std::size_t at_least) {
  if (in.integer() < static_cast<std::int64_t>(at_least)) in.fail(message("at least ", at_least));
  return static_cast<std::size_t>(in.integer());
}

Json as_json(const Estimate& estimate) {
  return {{"value", json_number(estimate.value)}, {"low", json_number(estimate.low)}, {"high", json_number(estimate.high)}};
}

Estimate read_estimate(const JsonField& in, double low, double high) {
  return {in["value"].number(low, high), in["low"].number(low, high), in["high"].number(low, high)};
}

Json as_json(const ClassReport& one) {
  return {{"samples", one.samples},           {"answered", one.answered},           {"accuracy", one.accuracy},
          {"accuracy_low", one.accuracy_low}, {"accuracy_high", one.accuracy_high}, {"mean_cost", one.mean_cost},
          {"tier_share", one.tier_share}};
}

ClassReport read_class(const JsonField& in) {
  return {count(in["samples"], 0),
          count(in["answered"], 0),
          in["accuracy"].number(0.0, 1.0),
          in["accuracy_low"].number(0.0, 1.0),
          in["accuracy_high"].number(0.0, 1.0),
          in["mean_cost"].number(0.0, kLargest),
          shares(in["tier_share"])};
}

Json as_json(const CascadeComparison& row) {
  Json ratios = Json::object();
  for (const auto& [name, ratio] : row.cost_ratios) ratios[name] = as_json(ratio);
  return {{"model", row.model},
          {"name", row.name},
          {"loss", row.loss},
          {"mean_cost", row.mean_cost},
          {"loss_difference", as_json(row.loss_difference)},
          {"cost_ratio", as_json(row.cost_ratio)},
          {"cost_ratios", std::move(ratios)}};
}

CascadeComparison read_row(const JsonField& in) {
  CascadeComparison row;
  const std::int64_t model = in["model"].integer();
  if (model < -1 || model > std::numeric_limits<int>::max()) in["model"].fail("a model, or -1 for the mean of all");
  row.model = static_cast<int>(model);
  row.name = in["name"].text();
  row.loss = in["loss"].number(0.0, 1.0);
  row.mean_cost = in["mean_cost"].number(0.0, kLargest);
  row.loss_difference = read_estimate(in["loss_difference"], -1.0, 1.0);
  row.cost_ratio = read_estimate(in["cost_ratio"], 0.0, kInfinity);
  const JsonField ratios = in["cost_ratios"];
  if (!ratios.json().is_object()) ratios.fail("an object");
  for (const auto& [name, ratio] : ratios.json().items())
    row.cost_ratios[name] = read_estimate(ratios[name], 0.0, kInfinity);
  return row;
}

// What version 1 has had since there were intervals.
void read_more(CascadeReport& report, const JsonField& in) {
  report.level = in["level"].number(0.0, 1.0);
  report.draws = static_cast<int>(in["draws"].integer());
  if (report.draws < 0 || in["draws"].integer() != report.draws) in["draws"].fail("at least 0");
  report.seed = in["seed"].json().is_number_unsigned() ? in["seed"].json().get<std::uint64_t>()
                                                       : static_cast<std::uint64_t>(in["seed"].integer());
  report.mean_cost_low = in["mean_cost_low"].number(0.0, kLargest);
  report.mean_cost_high = in["mean_cost_high"].number(0.0, kLargest);
  const JsonField costs = in["costs"];
  if (!costs.json().is_object()) costs.fail("an object");
  for (const auto& [name, cost] : costs.json().items())
    report.costs[name] = {read_estimate(costs[name]["mean"], 0.0, kLargest), costs[name]["worst"].number(0.0, kLargest)};
  report.bytes_per_sample = read_estimate(in["bytes_per_sample"], 0.0, kLargest);
  report.bytes_to_last = in["bytes_to_last"].number(0.0, kLargest);
  for (std::size_t c = 0; c < in["per_class"].size(); ++c) report.per_class.push_back(read_class(in["per_class"][c]));
  for (std::size_t k = 0; k < in["comparison"].size(); ++k) report.comparison.push_back(read_row(in["comparison"][k]));
}

}  // namespace

std::string to_json(const CascadeReport& report) {
  Json document = json_document("quorate.cascade_report", kVersion);
  document["samples"] = report.samples;
  document["level"] = report.level;
  document["draws"] = report.draws;
  document["seed"] = report.seed;
  document["accuracy"] = report.accuracy;
  document["accuracy_low"] = report.accuracy_low;
  document["accuracy_high"] = report.accuracy_high;
  document["loss"] = report.loss;
  document["mean_cost"] = report.mean_cost;
  document["mean_cost_low"] = report.mean_cost_low;
  document["mean_cost_high"] = report.mean_cost_high;
  document["worst_cost"] = report.worst_cost;
  document["costs"] = Json::object();
  for (const auto& [name, cost] : report.costs)
    document["costs"][name] = {{"mean", as_json(cost.mean)}, {"worst", cost.worst}};
  document["bytes_per_sample"] = as_json(report.bytes_per_sample);
  document["bytes_to_last"] = report.bytes_to_last;
  document["reach"] = report.reach;
  document["demand"] = report.demand;
  document["tier"] = report.tier;
  document["tier_share"] = report.tier_share;
  document["answers"] = report.answers;
  document["per_class"] = Json::array();
  for (const ClassReport& one : report.per_class) document["per_class"].push_back(as_json(one));
  document["comparison"] = Json::array();
  for (const CascadeComparison& row : report.comparison) document["comparison"].push_back(as_json(row));
  return document.dump();
}

CascadeReport cascade_report_from_json(std::string_view text, const std::string& name) {
  const Json document = parse_json(text, name);
  const JsonField in = open_json_document(document, name, "quorate.cascade_report", kVersion);
  CascadeReport report;
  report.samples = count(in["samples"], 1);
  report.accuracy = in["accuracy"].number(0.0, 1.0);
  report.accuracy_low = in["accuracy_low"].number(0.0, 1.0);
  report.accuracy_high = in["accuracy_high"].number(0.0, 1.0);
  report.loss = in["loss"].number(0.0, 1.0);
  report.mean_cost = in["mean_cost"].number(0.0, kLargest);
  report.mean_cost_low = report.mean_cost_high = report.mean_cost;
  report.worst_cost = in["worst_cost"].number(0.0, kLargest);
  report.reach = shares(in["reach"]);
  report.demand = shares(in["demand"]);
  report.tier_share = shares(in["tier_share"]);
  report.tier = indices(in["tier"], report.samples, static_cast<std::int64_t>(report.tier_share.size()));
  report.answers = indices(in["answers"], report.samples, std::numeric_limits<std::int32_t>::max());
  if (in.has("level")) read_more(report, in);
  return report;
}

void save(const CascadeReport& report, const std::filesystem::path& path) { write_file(path, to_json(report)); }
CascadeReport load_cascade_report(const std::filesystem::path& path) {
  return cascade_report_from_json(read_file(path), path.string());
}

}  // namespace quorate
