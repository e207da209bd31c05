// How long each model takes on each kind of device at each batch size, and how much memory: what a plan is made from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quorate {

struct Profile {
  std::vector<std::string> models;
  std::vector<int> batch_sizes;            // ascending, >= 1
  std::vector<std::string> kinds;          // of devices
  std::vector<double> latency_s;           // [kinds, models, batches], of a whole batch; infinity: does not run there
  std::vector<std::int64_t> memory_bytes;  // [kinds, models, batches], of an instance: weights and workspace
  // [kinds, models]: the part of memory_bytes that stays between batches: weights and what each instance costs besides. The
  // rest is the workspace of a batch. Empty: unknown; all of memory_bytes then counts as if it stayed.
  std::vector<std::int64_t> weights_bytes = {};
  // [kinds, models, models]: the factor, 1 at least, by which a batch of the first model takes longer where the device hosts
  // the second one too. Empty: none does. The diagonal is 1.
  std::vector<double> slowdown = {};

  std::size_t index(std::size_t kind, std::size_t model, std::size_t batch) const {
    return (kind * models.size() + model) * batch_sizes.size() + batch;
  }
  // Where a kind and a batch size are in the lists above; nullopt where they are not.
  std::optional<std::size_t> kind_index(std::string_view kind) const;
  std::optional<std::size_t> batch_index(int batch_size) const;
  // The factor of a model on a device that hosts these: the largest of those measured in pairs, as what one neighbour has
  // pushed out of caches another can't push out again.
  double slowed_by(std::size_t kind, std::size_t model, std::span<const std::size_t> hosted) const;
  // What stays of an instance between batches, and what a batch takes besides. They add up to memory_bytes.
  std::int64_t resident_bytes(std::size_t kind, std::size_t model, std::size_t batch) const {
    return weights_bytes.empty() ? memory_bytes[index(kind, model, batch)] : weights_bytes[kind * models.size() + model];
  }
  std::int64_t workspace_bytes(std::size_t kind, std::size_t model, std::size_t batch) const {
    return memory_bytes[index(kind, model, batch)] - resident_bytes(kind, model, batch);
  }
  bool operator==(const Profile&) const = default;
};

// Throws std::invalid_argument naming the kind, the model, the batch and the value: shapes that do not match, batch sizes
// that do not ascend, latencies that are NaN or not positive, negative memory, weights that are negative or more than the
// instance takes at a batch that runs, slowdowns below 1, not finite or of a model by itself, a model that runs nowhere.
void check(const Profile& profile);

// A document of text, checked on the way out and in. Reading throws FileError, calling the document `name`.
std::string to_json(const Profile& profile);
Profile profile_from_json(std::string_view text, const std::string& name = "profile");
void save(const Profile& profile, const std::filesystem::path& path);
Profile load_profile(const std::filesystem::path& path);

}  // namespace quorate
