// Engines that run arithmetic, and what they must answer.
#pragma once

#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "infer/committees.h"

namespace quorate::test {

constexpr std::size_t kClasses = 4;
constexpr std::int64_t kFeatures = 3;

// A device that every machine has: the first core that this process may use, as often as asked for.
inline std::vector<Device> devices(std::size_t count) {
  const int one = 1;
  const Device first = cpu_devices({&one, 1})[0];
  std::vector<Device> result(count, first);
  for (std::size_t i = 0; i < count; ++i) result[i].name = "cpu:" + std::to_string(i);
  return result;
}

inline Plan plan_for(std::size_t models, std::size_t device_count, int batch) {
  Plan plan;
  plan.devices = devices(device_count);
  for (std::size_t m = 0; m < models; ++m) plan.models.push_back("m" + std::to_string(m));
  plan.batch.assign(models * device_count, batch);
  plan.share.assign(models * device_count, 1.0 / static_cast<double>(models));
  plan.demand.assign(models, 1.0);
  plan.price.assign(models, 1.0 / static_cast<double>(models));
  plan.throughput = 1.0;
  plan.bound = 1.0;
  plan.feasible = true;
  plan.found_by = "test";
  return plan;
}

inline std::vector<Engine::Member> members(std::size_t count) {
  std::vector<Engine::Member> result;
  for (std::size_t m = 0; m < count; ++m)
    result.push_back({"m" + std::to_string(m), std::make_shared<Arithmetic>(static_cast<int>(m), kClasses)});
  return result;
}

inline Cascade two_tiers() {
  Cascade cascade;
  cascade.tiers = {Tier{{0, 1}, {0.5, 0.5}, Signal::kConfidence, 0.7}, Tier{{2}, {1.0}}};
  return cascade;
}

inline Answer expected(const Cascade& cascade, const std::vector<float>& input) {
  return oracle::answers(cascade, input.size() / kFeatures, kClasses, [&](int model, std::size_t sample) {
    return scores(model, input.data() + sample * kFeatures, kFeatures, kClasses);
  });
}

inline std::vector<std::int64_t> shape_of(const std::vector<float>& input) {
  return {static_cast<std::int64_t>(input.size()) / kFeatures, kFeatures};
}

// Holds its lane until it is let go.
class Gate : public Arithmetic {
 public:
  Gate() : Arithmetic(0, kClasses) {}
  Scores run(const float* input, std::span<const std::int64_t> shape, const Device*) override {
    if (!entered.try_wait()) entered.count_down();
    open.wait();
    return Arithmetic::run(input, shape, nullptr);
  }
  std::latch entered{1};
  std::latch open{1};
};

}  // namespace quorate::test
