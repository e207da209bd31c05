// Latency between measured batch sizes, from the points of a drawing.
#pragma once

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "quorate/plan/profile.h"

namespace quorate::oracle {

inline double read_off(const Profile& profile, std::size_t kind, std::size_t model, int samples) {
  std::vector<std::pair<double, double>> points;  // batch, latency
  for (std::size_t b = 0; b < profile.batch_sizes.size(); ++b)
    if (const double latency_s = profile.latency_s[profile.index(kind, model, b)]; std::isfinite(latency_s))
      points.emplace_back(profile.batch_sizes[b], latency_s);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto [batch, latency_s] = points[i];
    if (batch == samples || (i == 0 && batch > samples)) return latency_s;
    if (i == 0 || batch < samples) continue;
    const auto [before, before_s] = points[i - 1];
    if (before >= samples) continue;
    const double from_s = before_s < latency_s ? before_s : latency_s;
    return from_s + (latency_s - from_s) * ((samples - before) / (batch - before));
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace quorate::oracle
