// Selecting, routing and planning need neither Torch nor a search: three classifiers' probabilities and costs are enough.
#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "quorate/core/random.h"
#include "quorate/library/predictions.h"
#include "quorate/plan/plan.h"
#include "quorate/route/calibrate.h"
#include "quorate/route/evaluate.h"
#include "quorate/route/find_cascades.h"
#include "quorate/select/select.h"

namespace {

constexpr std::size_t kModels = 3, kClasses = 4;
const std::vector<double> kCost = {1.0, 4.0, 20.0};  // ms a sample, say

// Dearer models are right more often and surer of it; which samples are hard is the same for all of them.
quorate::Predictions make_predictions(std::size_t samples, std::uint64_t seed) {
  quorate::Random random(seed);
  std::vector<std::int32_t> labels;
  std::vector<std::shared_ptr<std::vector<float>>> rows;
  for (std::size_t m = 0; m < kModels; ++m) rows.push_back(std::make_shared<std::vector<float>>());
  for (std::size_t i = 0; i < samples; ++i) {
    const auto label = static_cast<std::int32_t>(random.below(kClasses));
    const double difficulty = random.normal();
    labels.push_back(label);
    for (std::size_t m = 0; m < kModels; ++m) {
      double sum = 0.0, score[kClasses];
      for (std::size_t c = 0; c < kClasses; ++c) {
        const double skill = c == static_cast<std::size_t>(label) ? 2.0 + 0.8 * static_cast<double>(m) - difficulty : 0.0;
        sum += score[c] = std::exp(skill + random.normal());
      }
      for (const double value : score) rows[m]->push_back(static_cast<float>(value / sum));
    }
  }
  std::vector<quorate::Predictions::Model> models;
  for (auto& row : rows) models.push_back({row->data(), row});
  return quorate::Predictions::from_probabilities(models, samples, kClasses, labels, {"small", "medium", "large"});
}

}  // namespace

int main() {
  const auto valid = make_predictions(3000, 1), calib = make_predictions(3000, 2), test = make_predictions(3000, 3);

  for (const quorate::Ensemble& ensemble : quorate::select(valid, kCost))
    std::printf("ensemble of %zu: loss %.3f at cost %.1f\n", ensemble.members.size(), ensemble.loss, ensemble.cost);

  const auto cascades = quorate::find_cascades(valid, kCost);
  const quorate::Cascade cascade = quorate::calibrate(cascades.knee(), calib, {.max_loss_increase = 0.02, .delta = 0.05});
  const auto report = quorate::evaluate(cascade, test, kCost);
  std::printf("cascade of %zu tiers: accuracy %.3f at mean cost %.1f, promise %s\n", cascade.tiers.size(), report.accuracy,
              report.mean_cost, cascade.certificate->holds ? "holds" : "does not hold");

  quorate::Profile profile{
      .models = valid.names(), .batch_sizes = {1, 8}, .kinds = {"toy"}, .latency_s = {}, .memory_bytes = {}};
  for (const double cost : kCost)
    for (const int batch : profile.batch_sizes) {
      profile.latency_s.push_back(cost * 1e-3 * (1.0 + 0.5 * (batch - 1)));
      profile.memory_bytes.push_back(1'000'000);
    }
  const std::vector<quorate::Device> devices = {{.name = "toy:0", .kind = "toy", .memory_bytes = 4'000'000},
                                                {.name = "toy:1", .kind = "toy", .memory_bytes = 4'000'000}};
  const quorate::Plan plan = quorate::plan(profile, devices, {.demand = report.demand});
  std::printf("plan: %.0f samples/s, at least %.1f %% of the optimum\n", plan.throughput, 100.0 * (1.0 - plan.gap()));
  return plan.feasible && report.accuracy > 0.5 ? 0 : 1;
}
