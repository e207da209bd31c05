#include "plan/pack.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "core/message.h"

namespace quorate {
namespace {

constexpr std::int64_t kNowhere = -1;

// What a model takes at least, on each device and anywhere.
class Sizes {
 public:
  explicit Sizes(const Problem& problem) : problem_(problem), order_(problem.models) {
    for (std::size_t device = 0; device < problem.devices; ++device)
      for (std::size_t m = 0; m < problem.models; ++m) batch_.push_back(problem.smallest(device, m));
    for (std::size_t m = 0; m < problem.models; ++m) {
      least_.push_back(kNowhere);
      for (std::size_t device = 0; device < problem.devices; ++device)
        if (batch(device, m) != kAbsent && (least_[m] == kNowhere || bytes(device, m) < least_[m]))
          least_[m] = bytes(device, m);
    }
    std::map<std::vector<std::int64_t>, std::size_t> classes;
    for (std::size_t device = 0; device < problem.devices; ++device) {
      std::vector<std::int64_t> row;
      for (std::size_t m = 0; m < problem.models; ++m) row.push_back(batch(device, m) == kAbsent ? -1 : bytes(device, m));
      class_.push_back(classes.emplace(std::move(row), classes.size()).first->second);
    }
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return least_[a] > least_[b]; });
  }

  int batch(std::size_t device, std::size_t m) const { return batch_[problem_.cell(device, m)]; }
  std::int64_t bytes(std::size_t device, std::size_t m) const {
    return problem_.memory_bytes[problem_.option(device, m, static_cast<std::size_t>(batch(device, m)))];
  }
  const std::vector<std::int64_t>& least() const { return least_; }              // [models]; kNowhere: it fits no device
  std::size_t device_class(std::size_t device) const { return class_[device]; }  // of a class: every model takes the same
  const std::vector<std::size_t>& order() const { return order_; }               // models by descending least memory

 private:
  const Problem& problem_;
  std::vector<int> batch_;           // [devices, models]
  std::vector<std::int64_t> least_;  // [models]
  std::vector<std::size_t> class_;   // [devices]
  std::vector<std::size_t> order_;
};

// The devices that the model fits now, the most free memory first, accelerators before CPUs.
std::vector<std::size_t> candidates(const Problem& problem, const Sizes& sizes, const Placement& placement, std::size_t m) {
  std::vector<std::size_t> result;
  for (std::size_t device = 0; device < problem.devices; ++device)
    if (sizes.batch(device, m) != kAbsent && placement.fits(problem, device, m, sizes.batch(device, m)))
      result.push_back(device);
  std::stable_sort(result.begin(), result.end(), [&](std::size_t a, std::size_t b) {
    if (problem.accelerator[a] != problem.accelerator[b]) return bool{problem.accelerator[a]};
    return placement.free_bytes(a) > placement.free_bytes(b);
  });
  return result;
}

// Returns how many models of sizes.order() found room.
std::size_t worst_fit(const Problem& problem, const Sizes& sizes, Placement& placement) {
  for (std::size_t i = 0; i < problem.models; ++i) {
    const std::size_t m = sizes.order()[i];
    const std::vector<std::size_t> devices = candidates(problem, sizes, placement, m);
    if (devices.empty()) return i;
    placement.place(problem, devices[0], m, sizes.batch(devices[0], m));
  }
  return problem.models;
}

enum class Search { kFound, kImpossible, kGaveUp };

// Places sizes.order()[i] and all after it.
Search depth_first(const Problem& problem, const Sizes& sizes, std::size_t i, std::size_t& nodes, Placement& placement) {
  if (i == problem.models) return Search::kFound;
  const std::size_t m = sizes.order()[i];
  std::set<std::pair<std::size_t, std::int64_t>> tried;
  for (const std::size_t device : candidates(problem, sizes, placement, m)) {
    // A device like one that failed already would fail alike.
    if (!tried.emplace(sizes.device_class(device), placement.free_bytes(device)).second) continue;
    if (nodes == 0) return Search::kGaveUp;
    --nodes;
    placement.place(problem, device, m, sizes.batch(device, m));
    const Search result = depth_first(problem, sizes, i + 1, nodes, placement);
    if (result != Search::kImpossible) return result;
    placement.place(problem, device, m, kAbsent);
  }
  return Search::kImpossible;
}

// A model that would not even fit an empty device.
std::string fits_nowhere(const Problem& problem, const Profile& profile, const std::vector<Device>& devices, std::size_t m) {
  const std::string& name = profile.models[problem.model[m]];
  const Device* closest = nullptr;
  std::int64_t needed = 0, shortest = std::numeric_limits<std::int64_t>::max();
  for (std::size_t device = 0; device < problem.devices; ++device) {
    for (std::size_t batch = 0; batch < problem.batches; ++batch) {
      const std::size_t index = profile.index(problem.kind[device], problem.model[m], batch);
      const std::int64_t bytes = profile.memory_bytes[index];
      if (profile.latency_s[index] == std::numeric_limits<double>::infinity() ||
          bytes - devices[device].memory_bytes >= shortest)
        continue;
      shortest = bytes - devices[device].memory_bytes;
      needed = bytes;
      closest = &devices[device];
    }
  }
  if (closest == nullptr) return message("model \"", name, "\" runs on none of the devices' kinds");
  return message("model \"", name, "\" needs at least ", needed, " bytes, but device \"", closest->name, "\" has ",
                 closest->memory_bytes, ": ", shortest, " bytes short");
}

// Where worst-fit got stuck: at which model, and what it lacks on the device with the most free memory among those it runs
// on.
std::string left_over(const Problem& problem, const Profile& profile, const std::vector<Device>& devices, const Sizes& sizes,
                      const Placement& placement, std::size_t m) {
  std::size_t roomiest = problem.devices;
  for (std::size_t device = 0; device < problem.devices; ++device)
    if (sizes.batch(device, m) != kAbsent &&
        (roomiest == problem.devices || placement.free_bytes(device) > placement.free_bytes(roomiest)))
      roomiest = device;
  const std::int64_t needed = sizes.bytes(roomiest, m), free = placement.free_bytes(roomiest);
  return message("worst-fit leaves over model \"", profile.models[problem.model[m]], "\", which needs ", needed,
                 " bytes: device \"", devices[roomiest].name, "\" has the most free memory, ", free, " bytes, ",
                 needed - free, " short");
}

// Of numbers that are not negative.
std::int64_t saturating_sum(const std::vector<std::int64_t>& values) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum = value > kMost - sum ? kMost : sum + value;
  return sum;
}

}  // namespace

Packing pack(const Problem& problem, const Profile& profile, const std::vector<Device>& devices, std::size_t max_nodes) {
  const Sizes sizes(problem);
  for (std::size_t m = 0; m < problem.models; ++m)
    if (sizes.least()[m] == kNowhere) return {{}, "", fits_nowhere(problem, profile, devices, m)};

  Placement placement(problem);
  const std::size_t placed = worst_fit(problem, sizes, placement);
  if (placed == problem.models) return {std::move(placement), "worst-fit", ""};
  const std::string stuck = left_over(problem, profile, devices, sizes, placement, sizes.order()[placed]);

  const std::int64_t needed = saturating_sum(sizes.least()), total = saturating_sum(problem.capacity_bytes);
  if (needed > total)
    return {
        {}, "", message("the models need at least ", needed, " bytes together, but the devices have ", total, "; ", stuck)};

  Placement deeper(problem);
  std::size_t nodes = max_nodes;
  const Search result = depth_first(problem, sizes, 0, nodes, deeper);
  if (result == Search::kFound) return {std::move(deeper), "packing", ""};
  if (result == Search::kImpossible) return {{}, "", "no placement has room for every model, all were tried; " + stuck};
  return {{}, "", message("no placement was found in ", max_nodes, " tries, though one may exist; ", stuck)};
}

}  // namespace quorate
