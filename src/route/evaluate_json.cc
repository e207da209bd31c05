#include <limits>

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/file.h"
#include "quorate/route/evaluate.h"

namespace quorate {
namespace {

constexpr int kVersion = 1;

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

}  // namespace

std::string to_json(const CascadeReport& report) {
  Json document = json_document("quorate.cascade_report", kVersion);
  document["samples"] = report.samples;
  document["accuracy"] = report.accuracy;
  document["accuracy_low"] = report.accuracy_low;
  document["accuracy_high"] = report.accuracy_high;
  document["loss"] = report.loss;
  document["mean_cost"] = report.mean_cost;
  document["worst_cost"] = report.worst_cost;
  document["reach"] = report.reach;
  document["demand"] = report.demand;
  document["tier"] = report.tier;
  document["tier_share"] = report.tier_share;
  document["answers"] = report.answers;
  return document.dump();
}

CascadeReport cascade_report_from_json(std::string_view text, const std::string& name) {
  const Json document = parse_json(text, name);
  const JsonField in = open_json_document(document, name, "quorate.cascade_report", kVersion);
  constexpr double kLargest = std::numeric_limits<double>::max();
  CascadeReport report;
  if (in["samples"].integer() < 1) in["samples"].fail("at least 1");
  report.samples = static_cast<std::size_t>(in["samples"].integer());
  report.accuracy = in["accuracy"].number(0.0, 1.0);
  report.accuracy_low = in["accuracy_low"].number(0.0, 1.0);
  report.accuracy_high = in["accuracy_high"].number(0.0, 1.0);
  report.loss = in["loss"].number(0.0, 1.0);
  report.mean_cost = in["mean_cost"].number(0.0, kLargest);
  report.worst_cost = in["worst_cost"].number(0.0, kLargest);
  report.reach = shares(in["reach"]);
  report.demand = shares(in["demand"]);
  report.tier_share = shares(in["tier_share"]);
  report.tier = indices(in["tier"], report.samples, static_cast<std::int64_t>(report.tier_share.size()));
  report.answers = indices(in["answers"], report.samples, std::numeric_limits<std::int32_t>::max());
  return report;
}

void save(const CascadeReport& report, const std::filesystem::path& path) { write_file(path, to_json(report)); }
CascadeReport load_cascade_report(const std::filesystem::path& path) {
  return cascade_report_from_json(read_file(path), path.string());
}

}  // namespace quorate
