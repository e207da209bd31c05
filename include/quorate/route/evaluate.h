// How a cascade does on data that it was neither found nor calibrated on, and how single models do beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"
#include "quorate/route/model_costs.h"

namespace quorate {

struct EvaluateOptions {
  int draws = 2'000;                             // of the bootstrap; 0: no intervals but the accuracy's
  double level = 0.95;                           // of the intervals, in (0, 1)
  std::uint64_t seed = 0;                        // of the draws
  bool compare = true;                           // with every model alone and with the mean of all members
  std::map<std::string, ModelCosts> costs = {};  // further costs, by name: "usd", "latency_s" ...
  std::vector<double> bytes_to_tier = {};  // [depth]: what one sample sends when it is handed to a tier; 0 where the tier
                                           // stands at the same place as the one before. Empty: not of interest
  std::vector<std::int32_t> entry = {};    // [samples]: the tier at which each starts, as a router chose; empty: 0 for all
  int threads = 0;                         // 0: one for each core; the result is the same for any number
};

// A figure with the ends of its interval.
struct Estimate {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;

  bool operator==(const Estimate&) const = default;
};

// The samples of one true class.
struct ClassReport {
  std::size_t samples = 0;
  std::size_t answered = 0;   // samples of any class that got this class as their answer
  double accuracy = 0.0;      // recall: share of the class's samples answered rightly; 0 without samples
  double accuracy_low = 0.0;  // Wilson's interval; [0, 1] without samples
  double accuracy_high = 1.0;
  double mean_cost = 0.0;
  std::vector<double> tier_share;  // [depth]: share of the class's samples that each tier answered

  bool operator==(const ClassReport&) const = default;
};

struct CostReport {
  Estimate mean;       // of a sample
  double worst = 0.0;  // as worst_cost

  bool operator==(const CostReport&) const = default;
};

// Another way to answer the same samples, beside the cascade.
struct CascadeComparison {
  int model = -1;    // -1: the mean of all models of the cascade, asked as one tier
  std::string name;  // the model's, or "mean of all"
  double loss = 0.0;
  double mean_cost = 0.0;
  Estimate loss_difference;  // the cascade's loss minus this one's: below 0 where the cascade is better
  Estimate cost_ratio;       // the cascade's mean cost over this one's: below 1 where the cascade is cheaper. 0 over 0 is 1
  std::map<std::string, Estimate> cost_ratios;  // the same of further costs

  // What the data show: an interval that leaves out 0, or 1.
  bool better() const { return loss_difference.high < 0.0; }
  bool worse() const { return loss_difference.low > 0.0; }
  bool cheaper() const { return cost_ratio.high < 1.0; }
  bool dearer() const { return cost_ratio.low > 1.0; }
  std::string verdict() const;  // "better, cheaper", "loss undecided, cheaper", "same loss, dearer" ..., of the cascade

  bool operator==(const CascadeComparison&) const = default;
};

struct CascadeReport {
  std::size_t samples = 0;
  double level = 0.95;     // of all intervals
  int draws = 0;           // of the bootstrap
  std::uint64_t seed = 0;  // of the draws
  double accuracy = 0.0;
  double accuracy_low = 0.0;   // Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001), which keeps its level
  double accuracy_high = 0.0;  // near 0 and 1 and on small samples, where a bootstrap's is too narrow
  double loss = 0.0;           // error rate; its interval is [1 - accuracy_high, 1 - accuracy_low]
  double mean_cost = 0.0;      // of a sample
  double mean_cost_low = 0.0;  // its interval; mean_cost itself without draws
  double mean_cost_high = 0.0;
  double worst_cost = 0.0;  // of a sample that reaches the last tier (from the earliest entry), and where each sample has
                            // its own costs, of the worst sample: mean_cost never exceeds it
  std::map<std::string, CostReport> costs;  // further costs, by name
  Estimate bytes_per_sample;                // sent between tiers
  double bytes_to_last = 0.0;               // what every sample would send if all were handed to the last tier
  std::vector<double> reach;                // [models]: share of the samples that reach each model; 0 for models outside
  std::vector<double> demand;         // [models]: reach, but at least one sample's share for each model of the cascade: what
                                      // plan() takes, as a model that nobody reached here has to run where somebody does
  std::vector<std::int32_t> tier;     // [samples]: the tier that answered, from 0
  std::vector<double> tier_share;     // [depth]: share of the samples that each tier answered
  std::vector<std::int32_t> answers;  // [samples]: class
  std::vector<ClassReport> per_class;         // [classes]
  std::vector<CascadeComparison> comparison;  // every model alone, in their order, then the mean of all

  double bytes_ratio() const { return bytes_to_last > 0.0 ? bytes_per_sample.value / bytes_to_last : 0.0; }

  bool operator==(const CascadeReport&) const = default;
};

// Runs the cascade on `test` by decide(), the engine's own rule. `cost` is what one sample costs on each model, or each
// sample; what a tier costs is said at Cascade::parallelism. mean_cost is the sum over tiers, in order, of cost x share of
// the samples that reach it (of each sample: the sum over tiers of the mean over samples, 0 where a sample does not come).
// A sample that enters at tier e asks no tier before it, with Combine::kMean and kMajority means begin at e, and it sends
// what a sample sends that is handed from tier to tier up to e.
//
// Intervals are the percentile bootstrap's (Efron 1979) over samples; those of a comparison are paired: one draw takes the
// same samples for the cascade and for what it is compared with. Where costs are alike for all samples, a draw depends on a
// few counts alone (how many samples stopped where; on how many only one of the two errs), which are drawn from their
// multinomial distribution: O(draws x (depth + models)) whatever the number of samples. Costs of each sample are resampled
// as they are: O(draws x samples x models) more. Not covered: data that anything was chosen on; many comparisons at once,
// each at its own level; differences that rest on fewer than about ten samples, for which intervals are too narrow.
//
// Throws std::invalid_argument for a cascade that check() refuses, predictions of values, a cost that is negative, not
// finite, or not one for each model (and sample), draws < 0, a level outside (0, 1), bytes that are negative, not finite or
// not one for each tier, and an entry that is no tier or not one for each sample. O(members x samples x classes), and
// O(models x samples x classes) where it compares.
CascadeReport evaluate(const Cascade& cascade, const Predictions& test, const ModelCosts& cost,
                       const EvaluateOptions& options = {});

// An ensemble as a cascade of one tier, asked in series.
CascadeReport evaluate(const Ensemble& ensemble, const Predictions& test, const ModelCosts& cost,
                       const EvaluateOptions& options = {});

// The same figures without intervals and comparison, for those who evaluate many.
CascadeReport evaluate(const Cascade& cascade, const Predictions& test, const ModelCosts& cost, int threads);
CascadeReport evaluate(const Ensemble& ensemble, const Predictions& test, const ModelCosts& cost, int threads);

// Among the comparison's single models the cheapest whose loss is not higher than the cascade's: what the cascade's accuracy
// costs without it. Its cost_ratio is the cost at equal accuracy. With `within_interval` also models of higher loss count,
// unless the data show that the cascade is better. Ties go to the lower loss, then to the first. nullptr where there is
// none.
const CascadeComparison* at_equal_accuracy(const CascadeReport& report, bool within_interval = false);

// {"format": "quorate.cascade_report", ...} and back, as for cascades. Files from before there were intervals, classes and
// comparisons are read without them.
std::string to_json(const CascadeReport& report);
CascadeReport cascade_report_from_json(std::string_view text, const std::string& name = "report");
void save(const CascadeReport& report, const std::filesystem::path& path);
CascadeReport load_cascade_report(const std::filesystem::path& path);

}  // namespace quorate
