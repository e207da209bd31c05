// What a front's ensembles do on data that they were not selected on, against the models alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/select/select.h"

namespace quorate {

struct EvaluateFrontOptions {
  Metric metric = Metric::kLogLoss;
  int draws = 10'000;                      // of the bootstrap
  double level = 0.95;                     // of the intervals, in (0, 1)
  std::uint64_t seed = 0;                  // of the draws
  std::vector<double> sample_weight = {};  // [samples], as for loss(); samples of weight 0 are left out of the draws, too
  int threads = 0;                         // 0: one for each core; the result is the same for any number
};

// A model alone, answering with its own predictions, beside an ensemble.
struct SingleComparison {
  int model = 0;
  double loss = 0.0;
  double gain = 0.0;  // its loss minus the ensemble's: positive where the ensemble is better
  double gain_low = 0.0;
  double gain_high = 0.0;

  bool operator==(const SingleComparison&) const = default;
};

struct EvaluatedPoint {
  Ensemble ensemble;  // as it stands on the front: its `loss` is that of the selection, which is optimistic
  double loss = 0.0;  // on the held-out data
  double loss_low = 0.0;
  double loss_high = 0.0;
  SingleComparison best;                    // against the best model of all
  std::optional<SingleComparison> at_cost;  // against the best model that costs no more than the ensemble, where one does

  bool operator==(const EvaluatedPoint&) const = default;
};

// The cheapest point of a front that is no worse than the best model alone, on the held-out data.
struct AsGood {
  int point = 0;  // its index: points[point].best is its loss beside that model's, with the interval of their difference
  double cost_ratio = 0.0;  // what it costs over what the model does, by the first cost; 1 where neither costs anything

  bool operator==(const AsGood&) const = default;
};

struct FrontEvaluation {
  Metric metric = Metric::kLogLoss;
  std::size_t samples = 0;  // of the held-out data
  int draws = 0;
  double level = 0.0;
  std::uint64_t seed = 0;
  std::vector<EvaluatedPoint> points;  // in the front's order
  std::optional<AsGood> as_good = {};  // where costs are given and a point is as good

  bool operator==(const FrontEvaluation&) const = default;
};

// Losses on held-out data with percentile bootstrap intervals (Efron 1979): draw d takes the samples that
// Random(seed, d).below(samples) gives, as many as there are, and its loss is the metric of those; the interval's ends are
// the (1 - level) / 2 and (1 + level) / 2 quantiles over the draws, interpolated between neighbours. One draw serves all
// points and all models, so that gains are paired: the interval is that of the difference. A gain is a difference that the
// data show where its interval leaves out 0.
//
// The best model is chosen on the held-out data itself (ties: the cheapest, then the first) and stays that model in every
// draw. This flatters the model, never the ensemble. `costs` say what a sample costs on each model, as select() was given
// them; `parallel` and `budget` are not read. A model is no dearer than an ensemble if it is in none of them. Without costs,
// no point has `at_cost`. `as_good` is chosen by the held-out losses, too, which flatters it: its interval is that of a
// point named in advance.
//
// What this does not cover: held-out data that anything was selected on; the best of many points, each at its own level;
// models trained anew; few samples (below about 50, or fewer than about ten errors), for which percentile intervals are too
// narrow.
//
// O(models x samples x classes + draws x samples x points). Throws std::invalid_argument for a front without points, a
// member that the held-out data lack, predictions, metric and weights that loss() refuses, draws < 1, a level outside (0,
// 1), costs that are negative, not finite or not one for each model, and a name that the points' costs lack.
FrontEvaluation evaluate_front(const EnsembleFront& front, const Predictions& held_out,
                               const EvaluateFrontOptions& options = {});
FrontEvaluation evaluate_front(const EnsembleFront& front, const Predictions& held_out, std::span<const Cost> costs,
                               const EvaluateFrontOptions& options = {});
FrontEvaluation evaluate_front(const EnsembleFront& front, const Predictions& held_out, std::span<const double> cost,
                               const EvaluateFrontOptions& options = {});

// {"format": "quorate.front_evaluation", "version": 1, ...} and back, numbers exactly as they were. Reading throws
// FileError, calling the text `name`, where a field is missing or wrong.
std::string to_json(const FrontEvaluation& evaluation);
FrontEvaluation front_evaluation_from_json(std::string_view text, const std::string& name = "evaluation");
void save(const FrontEvaluation& evaluation, const std::filesystem::path& path);
FrontEvaluation load_front_evaluation(const std::filesystem::path& path);

}  // namespace quorate
