// What a cascade did with each sample, and what that cost.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"
#include "quorate/route/evaluate.h"
#include "quorate/route/model_costs.h"

namespace quorate {

struct CascadeRun {
  std::size_t depth = 0;
  std::vector<std::int32_t> entry;    // [samples]: the first tier asked
  std::vector<std::int32_t> tier;     // [samples]: the last tier asked, which answered
  std::vector<std::int32_t> answers;  // [samples]
  std::vector<std::uint8_t> wrong;    // [samples]
  std::vector<std::size_t> counts;    // [depth, depth]: samples by entry and tier
  std::vector<std::size_t> reached;   // [depth]: samples that asked the tier
  std::size_t errors = 0;

  std::size_t samples() const { return tier.size(); }
};

// `entry` [samples] or empty: 0 for all.
CascadeRun run(const Cascade& cascade, const Predictions& predictions, std::span<const std::int32_t> entry, int threads);

// What a run costs, in one of the costs.
struct RunCost {
  double mean = 0.0;
  double worst = 0.0;
  std::vector<double> of_sample;  // [samples], where each has its own costs, or where they were asked for
  std::vector<double> of_count;   // [depth, depth]: of a sample by entry and tier, where costs are alike for all
};

RunCost run_cost(const CascadeRun& run, const Cascade& cascade, const ModelCosts& cost);

// What sample i costs.
double cost_of(const CascadeRun& run, const RunCost& cost, std::size_t sample);

// Each sample's value on `draws` draws of the bootstrap, averaged: [draws] of each of `columns` [samples].
std::vector<std::vector<double>> resampled_means(std::vector<std::vector<double>> columns, const EvaluateOptions& options);

}  // namespace quorate
