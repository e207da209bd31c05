// How a cascade does on data that it was neither found nor calibrated on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"

namespace quorate {

struct CascadeReport {
  std::size_t samples = 0;
  double accuracy = 0.0;
  double accuracy_low = 0.0;   // 95 % interval: Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001), which
  double accuracy_high = 0.0;  // keeps its level near 0 and 1 and on small samples
  double loss = 0.0;           // error rate
  double mean_cost = 0.0;      // of a sample
  double worst_cost = 0.0;     // of a sample that reaches the last tier: mean_cost never exceeds it
  std::vector<double> reach;   // [models]: share of the samples that reach each model; 0 for models outside
  std::vector<double> demand;  // [models]: reach, but at least one sample's share for each model of the cascade: what
                               // plan() takes, as a model that nobody reached here has to run where somebody does
  std::vector<std::int32_t> tier;     // [samples]: the tier that answered, from 0
  std::vector<double> tier_share;     // [depth]: share of the samples that each tier answered
  std::vector<std::int32_t> answers;  // [samples]: class

  bool operator==(const CascadeReport&) const = default;
};

// Runs the cascade on `test` by decide(), the engine's own rule. `cost[m]` is what one sample costs on model m; a tier costs
// the sum of its members, or its dearest member where the cascade is parallel. mean_cost is the sum over tiers, in order, of
// cost x share of the samples that reach it. Throws std::invalid_argument for a cascade that check() refuses, predictions
// of values, and a cost that is negative, not finite or not [models]. O(members x samples x classes).
CascadeReport evaluate(const Cascade& cascade, const Predictions& test, std::span<const double> cost, int threads = 0);

// An ensemble as a cascade of one tier, asked in series.
CascadeReport evaluate(const Ensemble& ensemble, const Predictions& test, std::span<const double> cost, int threads = 0);

// {"format": "quorate.cascade_report", ...} and back, as for cascades.
std::string to_json(const CascadeReport& report);
CascadeReport cascade_report_from_json(std::string_view text, const std::string& name = "report");
void save(const CascadeReport& report, const std::filesystem::path& path);
CascadeReport load_cascade_report(const std::filesystem::path& path);

}  // namespace quorate
