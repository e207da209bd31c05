#include "quorate/plan/profile.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/message.h"

namespace quorate {
namespace {

void check_names(const std::vector<std::string>& names, const std::string& what) {
  require(!names.empty(), what, " is empty, but must hold at least one name");
  std::set<std::string> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    require(!names[i].empty(), what, "[", i, "] is empty, but must be a name");
    require(seen.insert(names[i]).second, what, " holds \"", names[i], "\" twice, but must hold it once");
  }
}

void check_batch_sizes(const std::vector<int>& batch_sizes) {
  require(!batch_sizes.empty(), "batch_sizes is empty, but must hold at least one size");
  require(batch_sizes[0] >= 1, "batch_sizes[0] is ", batch_sizes[0], ", but must be at least 1");
  for (std::size_t i = 1; i < batch_sizes.size(); ++i)
    require(batch_sizes[i] > batch_sizes[i - 1], "batch_sizes[", i, "] is ", batch_sizes[i], ", but must be above ",
            batch_sizes[i - 1], ", the one before it");
}

void check_cell(const Profile& profile, std::size_t kind, std::size_t model, std::size_t batch) {
  const auto where = [&] {
    return message(" of model \"", profile.models[model], "\" on kind \"", profile.kinds[kind], "\" at batch size ",
                   profile.batch_sizes[batch]);
  };
  const std::size_t cell = profile.index(kind, model, batch);
  const double latency_s = profile.latency_s[cell];
  if (!(latency_s > 0.0))
    require(false, "latency_s", where(), " is ", latency_s, ", but must be above 0 (infinity: it does not run there)");
  if (profile.memory_bytes[cell] < 0)
    require(false, "memory_bytes", where(), " is ", profile.memory_bytes[cell], ", but must be at least 0");
  if (!std::isfinite(latency_s)) return;
  const std::int64_t resident = profile.resident_bytes(kind, model, batch);
  if (resident < 0 || resident > profile.memory_bytes[cell])
    require(false, "weights_bytes of model \"", profile.models[model], "\" on kind \"", profile.kinds[kind], "\" is ",
            resident, ", but must be from 0 to memory_bytes, which is ", profile.memory_bytes[cell], " at batch size ",
            profile.batch_sizes[batch]);
}

template <class List, class Value>
std::optional<std::size_t> index_in(const List& list, const Value& value) {
  const auto found = std::ranges::find(list, value);
  return found == list.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - list.begin()));
}

void check_slowdown(const Profile& profile) {
  const std::size_t kinds = profile.kinds.size(), models = profile.models.size();
  require(profile.slowdown.empty() || profile.slowdown.size() == kinds * models * models, "slowdown has ",
          profile.slowdown.size(), " entries, but must have ", kinds * models * models, ": [", kinds, " kinds, ", models,
          " models, ", models, " models], or none");
  for (std::size_t i = 0; i < profile.slowdown.size(); ++i) {
    const double factor = profile.slowdown[i];
    const std::size_t model = i / models % models, other = i % models;
    if (std::isfinite(factor) && factor >= 1.0 && (model != other || factor == 1.0)) continue;
    require(false, "slowdown of model \"", profile.models[model], "\" by model \"", profile.models[other], "\" on kind \"",
            profile.kinds[i / models / models], "\" is ", factor, ", but must be ",
            model == other ? "1" : "at least 1 and finite");
  }
}

}  // namespace

double Profile::slowed_by(std::size_t kind, std::size_t model, std::span<const std::size_t> hosted) const {
  double most = 1.0;
  for (std::size_t i = 0; i < hosted.size() && !slowdown.empty(); ++i)
    most = std::max(most, slowdown[(kind * models.size() + model) * models.size() + hosted[i]]);
  return most;
}

std::optional<std::size_t> Profile::kind_index(std::string_view kind) const { return index_in(kinds, kind); }
std::optional<std::size_t> Profile::batch_index(int batch_size) const { return index_in(batch_sizes, batch_size); }

void check(const Profile& profile) {
  check_names(profile.models, "models");
  check_batch_sizes(profile.batch_sizes);
  check_names(profile.kinds, "kinds");
  const std::size_t kinds = profile.kinds.size(), models = profile.models.size(), batches = profile.batch_sizes.size();
  const auto check_size = [&](std::size_t size, const char* what) {
    require(size == kinds * models * batches, what, " has ", size, " entries, but must have ", kinds * models * batches,
            ": [", kinds, " kinds, ", models, " models, ", batches, " batch sizes]");
  };
  check_size(profile.latency_s.size(), "latency_s");
  check_size(profile.memory_bytes.size(), "memory_bytes");
  require(profile.weights_bytes.empty() || profile.weights_bytes.size() == kinds * models, "weights_bytes has ",
          profile.weights_bytes.size(), " entries, but must have ", kinds * models, ": [", kinds, " kinds, ", models,
          " models], or none");
  check_slowdown(profile);

  for (std::size_t model = 0; model < models; ++model) {
    bool runs = false;
    for (std::size_t kind = 0; kind < kinds; ++kind)
      for (std::size_t batch = 0; batch < batches; ++batch) {
        check_cell(profile, kind, model, batch);
        runs = runs || std::isfinite(profile.latency_s[profile.index(kind, model, batch)]);
      }
    require(runs, "latency_s of model \"", profile.models[model],
            "\" is infinity everywhere, but must be finite on at least one kind at one batch size");
  }
}

}  // namespace quorate
