// Random planning problems.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "quorate/core/random.h"
#include "quorate/plan/plan.h"

namespace quorate {

struct Instance {
  Profile profile;
  std::vector<Device> devices;
  std::vector<double> demand;
};

struct InstanceSize {
  std::size_t models = 3, devices = 2, batches = 3;
  bool weights = false;   // are they known?
  bool slowdown = false;  // do models slow each other down?
};

// `room` scales the devices' memory: about 1 holds each model once. Kinds differ by model, some cells have holes, some
// models no demand.
inline Instance random_instance(std::uint64_t seed, InstanceSize size, double room) {
  Random random(seed, 7);
  Instance instance;
  Profile& profile = instance.profile;
  profile.kinds = {"gpu", "cpu-1core"};
  for (std::size_t batch = 0; batch < size.batches; ++batch) profile.batch_sizes.push_back(1 << (3 * batch));
  double needed = 0.0;
  for (std::size_t m = 0; m < size.models; ++m) {
    profile.models.push_back("m" + std::to_string(m));
    instance.demand.push_back(m > 0 && random.below(8) == 0 ? 0.0
                              : random.below(2) == 0        ? 1.0
                                                            : 0.05 + 0.95 * random.uniform());
  }
  for (std::size_t kind = 0; kind < 2; ++kind)
    for (std::size_t m = 0; m < size.models; ++m) {
      const double fixed_s = std::exp(random.normal()) * 1e-3,
                   sample_s = std::exp(random.normal()) * (kind == 0 ? 2e-4 : 2e-3);
      const double weights = 100.0 + 900.0 * random.uniform(), activations = 1.0 + 20.0 * random.uniform();
      const bool absent = kind == 1 && random.below(6) == 0;
      for (const int batch : profile.batch_sizes) {
        profile.latency_s.push_back(absent ? std::numeric_limits<double>::infinity() : fixed_s + batch * sample_s);
        profile.memory_bytes.push_back(static_cast<std::int64_t>(weights + batch * activations));
      }
      if (size.weights) profile.weights_bytes.push_back(static_cast<std::int64_t>(weights));
      if (kind == 0) needed += weights + activations;
    }
  for (std::size_t device = 0; device < size.devices; ++device) {
    const bool cpu = device > 0 && random.below(3) == 0;
    const double part = needed / static_cast<double>(size.devices) * room * (0.7 + 0.6 * random.uniform());
    instance.devices.push_back(
        {(cpu ? "cpu:" : "gpu:") + std::to_string(device), cpu ? "cpu-1core" : "gpu", static_cast<std::int64_t>(part)});
  }
  Random apart(seed, 8);
  for (std::size_t i = 0; i < 2 * size.models * size.models && size.slowdown; ++i) {
    const bool itself = i / size.models % size.models == i % size.models;
    profile.slowdown.push_back(itself || apart.below(3) == 0 ? 1.0 : 1.0 + apart.uniform());
  }
  return instance;
}

}  // namespace quorate
