// values LIBRARY: what select, find_cascades, calibrate and plan give in C++ for a model library, as JSON.
#include <cstdio>
#include <string>

#include "quorate/library/model_library.h"
#include "quorate/plan/plan.h"
#include "quorate/route/calibrate.h"
#include "quorate/route/evaluate.h"
#include "quorate/route/find_cascades.h"
#include "quorate/select/select.h"

namespace {

void print(const std::string& json) { std::printf("%s\n", json.c_str()); }

}  // namespace

int main(int, char** argv) {
  using namespace quorate;
  const ModelLibrary library(argv[1]);
  const Predictions valid = library.predictions("valid"), calib = library.predictions("calib");
  const std::vector<double> cost = library.cost("latency_s");

  for (const Metric metric : {Metric::kLogLoss, Metric::kAccuracy, Metric::kBrier})
    print(to_json(select(valid, cost, {.metric = metric, .max_size = 8})));

  const CascadeFront by_confidence = find_cascades(valid, cost);
  print(to_json(by_confidence));
  print(to_json(find_cascades(valid, cost, {.signal = Signal::kAgreement, .parallelism = 1.0})));
  const Cascade cascade = calibrate(by_confidence.knee(), calib, {.max_loss_increase = 0.05, .delta = 0.1});
  print(to_json(cascade));

  Profile profile{.models = library.names(), .batch_sizes = {1, 8}, .kinds = {"toy"}, .latency_s = {}, .memory_bytes = {}};
  for (const double one : cost)
    for (const int batch : profile.batch_sizes) {
      profile.latency_s.push_back(one * (1.0 + 0.25 * (batch - 1)));
      profile.memory_bytes.push_back(1000 * batch);
    }
  const std::vector<Device> devices = {{.name = "toy:0", .kind = "toy", .memory_bytes = 30000},
                                       {.name = "toy:1", .kind = "toy", .memory_bytes = 30000}};
  const CascadeReport report = evaluate(cascade, valid, cost);
  print(to_json(report));
  print(to_json(plan(profile, devices, {.demand = report.demand, .time_limit_s = 60.0, .max_iterations = 20})));
}
