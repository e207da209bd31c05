#include "quorate/plan/interpolate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/message.h"

namespace quorate {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

// The measured batch sizes around `samples` at which the model runs; the same one twice where it was measured or is below
// the smallest. `without`: one that counts as not measured.
struct Around {
  std::size_t below = 0, above = 0;
};

std::optional<Around> around(const Profile& profile, std::size_t kind, std::size_t model, int samples,
                             std::size_t without = kNone) {
  std::optional<std::size_t> below;
  for (std::size_t batch = 0; batch < profile.batch_sizes.size(); ++batch) {
    if (batch == without || !std::isfinite(profile.latency_s[profile.index(kind, model, batch)])) continue;
    if (profile.batch_sizes[batch] >= samples)
      return Around{below && profile.batch_sizes[batch] > samples ? *below : batch, batch};
    below = batch;
  }
  return std::nullopt;
}

// On the line from `low` at the smaller of the two batch sizes to `high` at the larger.
double between(const Profile& profile, Around at, double low, double high, int samples) {
  if (at.below == at.above) return high;
  const double from = profile.batch_sizes[at.below], to = profile.batch_sizes[at.above];
  return low + (high - low) * ((samples - from) / (to - from));
}

double latency_without(const Profile& profile, std::size_t kind, std::size_t model, int samples, std::size_t without) {
  const std::optional<Around> at = around(profile, kind, model, samples, without);
  if (!at) return kNever;
  const double high_s = profile.latency_s[profile.index(kind, model, at->above)];
  return between(profile, *at, std::min(profile.latency_s[profile.index(kind, model, at->below)], high_s), high_s, samples);
}

}  // namespace

double latency_of_batch(const Profile& profile, std::size_t kind, std::size_t model, int samples) {
  return latency_without(profile, kind, model, samples, kNone);
}

Profile interpolated(const Profile& profile, const std::vector<int>& batch_sizes) {
  check(profile);
  Profile result = profile;
  result.batch_sizes = batch_sizes;
  result.latency_s.clear();
  result.memory_bytes.clear();
  for (std::size_t kind = 0; kind < profile.kinds.size(); ++kind)
    for (std::size_t model = 0; model < profile.models.size(); ++model)
      for (const int samples : batch_sizes) {
        const std::optional<Around> at = around(profile, kind, model, samples);
        result.latency_s.push_back(latency_of_batch(profile, kind, model, samples));
        const auto bytes = [&](std::size_t batch) {
          return static_cast<double>(profile.memory_bytes[profile.index(kind, model, batch)]);
        };
        // Where it does not run, memory says nothing.
        result.memory_bytes.push_back(
            !at ? 0
            : at->below == at->above
                ? profile.memory_bytes[profile.index(kind, model, at->above)]
                : static_cast<std::int64_t>(std::ceil(between(profile, *at, bytes(at->below), bytes(at->above), samples))));
      }
  check(result);
  return result;
}

std::vector<double> interpolation_error(const Profile& profile) {
  check(profile);
  std::vector<double> worst;
  for (std::size_t kind = 0; kind < profile.kinds.size(); ++kind)
    for (std::size_t model = 0; model < profile.models.size(); ++model) {
      std::vector<std::size_t> runs;
      for (std::size_t batch = 0; batch < profile.batch_sizes.size(); ++batch)
        if (std::isfinite(profile.latency_s[profile.index(kind, model, batch)])) runs.push_back(batch);
      double error = runs.size() < 3 ? std::nan("") : 0.0;
      for (std::size_t i = 1; i + 1 < runs.size(); ++i) {
        const double measured = profile.latency_s[profile.index(kind, model, runs[i])];
        const double line = latency_without(profile, kind, model, profile.batch_sizes[runs[i]], runs[i]);
        error = std::max(error, std::abs(line - measured) / measured);
      }
      worst.push_back(error);
    }
  return worst;
}

}  // namespace quorate
