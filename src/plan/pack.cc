#include "plan/pack.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "core/message.h"

namespace quorate {
namespace {

constexpr std::int64_t kNowhere = -1;

// What a model takes at least, on each device and anywhere.
class Sizes {
 public:
  explicit Sizes(const Problem& problem) : problem_(problem) {
    for (std::size_t device = 0; device < problem.devices; ++device)
      for (std::size_t m = 0; m < problem.models; ++m) batch_.push_back(problem.smallest(device, m));
    for (std::size_t m = 0; m < problem.models; ++m) {
      least_.push_back(kNowhere);
      for (std::size_t device = 0; device < problem.devices; ++device)
        for (std::size_t b = 0; b < problem.batches; ++b)
          if (const std::size_t option = problem.option(device, m, b); problem.rate[option] > 0.0)
            least_[m] =
                std::min(least_[m] == kNowhere ? problem.resident_bytes[option] : least_[m], problem.resident_bytes[option]);
    }
    std::map<std::vector<std::int64_t>, std::size_t> classes;
    for (std::size_t device = 0; device < problem.devices; ++device) {
      std::vector<std::int64_t> row;
      for (std::size_t m = 0; m < problem.models; ++m) {
        const bool runs = batch(device, m) != kAbsent;
        row.push_back(runs ? problem.resident_bytes[smallest(device, m)] : -1);
        row.push_back(runs ? problem.workspace_bytes[smallest(device, m)] : -1);
      }
      class_.push_back(classes.emplace(std::move(row), classes.size()).first->second);
    }
    for (std::size_t m = 0; m < problem.models; ++m) {
      bool is_pinned = false;
      for (std::size_t device = 0; device < problem.devices; ++device)
        is_pinned = is_pinned || problem.pinned[problem.cell(device, m)];
      if (!is_pinned) order_.push_back(m);
    }
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return least_[a] > least_[b]; });
  }

  int batch(std::size_t device, std::size_t m) const { return batch_[problem_.cell(device, m)]; }
  std::int64_t bytes(std::size_t device, std::size_t m) const { return problem_.memory_bytes(smallest(device, m)); }
  const std::vector<std::int64_t>& least() const { return least_; }  // [models], what it keeps; kNowhere: it fits no device
  std::size_t device_class(std::size_t device) const { return class_[device]; }  // of a class: every model takes the same
  const std::vector<std::size_t>& order() const {
    return order_;
  }  // models that are pinned nowhere, by descending least memory

 private:
  std::size_t smallest(std::size_t device, std::size_t m) const {
    return problem_.option(device, m, static_cast<std::size_t>(batch(device, m)));
  }

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

// What is pinned is placed before all else, as small as it gets. Returns the cell that finds no room, or nullopt.
std::optional<std::size_t> place_pinned(const Problem& problem, const Sizes& sizes, Placement& placement) {
  for (std::size_t cell = 0; cell < problem.devices * problem.models; ++cell) {
    if (!problem.pinned[cell]) continue;
    const std::size_t device = cell / problem.models, m = cell % problem.models;
    const int batch = sizes.batch(device, m);
    if (batch == kAbsent || !placement.fits(problem, device, m, batch)) return cell;
    placement.place(problem, device, m, batch);
  }
  return std::nullopt;
}

// Returns how many models of sizes.order() found room.
std::size_t worst_fit(const Problem& problem, const Sizes& sizes, Placement& placement) {
  for (std::size_t i = 0; i < sizes.order().size(); ++i) {
    const std::size_t m = sizes.order()[i];
    const std::vector<std::size_t> devices = candidates(problem, sizes, placement, m);
    if (devices.empty()) return i;
    placement.place(problem, devices[0], m, sizes.batch(devices[0], m));
  }
  return sizes.order().size();
}

enum class Search { kFound, kImpossible, kGaveUp };

// Places sizes.order()[i] and all after it.
Search depth_first(const Problem& problem, const Sizes& sizes, std::size_t i, std::size_t& nodes, Placement& placement) {
  if (i == sizes.order().size()) return Search::kFound;
  const std::size_t m = sizes.order()[i];
  std::set<std::tuple<std::size_t, std::int64_t, std::int64_t>> tried;
  for (const std::size_t device : candidates(problem, sizes, placement, m)) {
    // A device like one that failed already would fail alike.
    if (!tried.emplace(sizes.device_class(device), placement.unheld_bytes(device), placement.free_bytes(device)).second)
      continue;
    if (nodes == 0) return Search::kGaveUp;
    --nodes;
    placement.place(problem, device, m, sizes.batch(device, m));
    const Search result = depth_first(problem, sizes, i + 1, nodes, placement);
    if (result != Search::kImpossible) return result;
    placement.place(problem, device, m, kAbsent);
  }
  return Search::kImpossible;
}

// Does every model find room?
Search search(const Problem& problem, std::size_t max_nodes, std::optional<Placement>& found) {
  const Sizes sizes(problem);
  Placement pinned(problem);
  if (place_pinned(problem, sizes, pinned)) return Search::kImpossible;
  for (const std::size_t m : sizes.order())
    if (sizes.least()[m] == kNowhere) return Search::kImpossible;
  Placement placement = pinned;
  if (worst_fit(problem, sizes, placement) < sizes.order().size()) {
    placement = std::move(pinned);
    const Search result = depth_first(problem, sizes, 0, max_nodes, placement);
    if (result != Search::kFound) return result;
  }
  found = std::move(placement);
  return Search::kFound;
}

// A model that would not even fit an empty device.
std::string fits_nowhere(const Asked& asked, const Problem& problem, std::size_t m) {
  const Profile& profile = asked.profile;
  const std::string& name = profile.models[problem.model[m]];
  const Device* closest = nullptr;
  std::int64_t needed = 0, shortest = std::numeric_limits<std::int64_t>::max();
  bool runs = false, quick = false;
  for (std::size_t device = 0; device < problem.devices; ++device) {
    const bool forbidden = std::count(asked.options.forbidden.begin(), asked.options.forbidden.end(),
                                      Place{name, asked.devices[device].name}) > 0;
    for (std::size_t batch = 0; batch < problem.batches; ++batch) {
      const std::size_t index = profile.index(problem.kind[device], problem.model[m], batch);
      const std::int64_t bytes = profile.memory_bytes[index];
      if (std::isinf(profile.latency_s[index])) continue;
      runs = true;
      if (profile.latency_s[index] > asked.options.max_latency_s) continue;
      quick = true;
      if (forbidden || bytes - asked.devices[device].memory_bytes >= shortest) continue;
      shortest = bytes - asked.devices[device].memory_bytes;
      needed = bytes;
      closest = &asked.devices[device];
    }
  }
  if (!runs) return message("model \"", name, "\" runs on none of the devices' kinds");
  if (!quick)
    return message("model \"", name, "\" takes longer than max_latency_s, ", asked.options.max_latency_s,
                   ", for a batch of any size on every device");
  if (closest == nullptr) return message("model \"", name, "\" is forbidden on every device that it could run on");
  return message("model \"", name, "\" needs at least ", needed, " bytes, but device \"", closest->name, "\" has ",
                 closest->memory_bytes, ": ", shortest, " bytes short");
}

std::string pinned_without_room(const Asked& asked, const Problem& problem, const Sizes& sizes, const Placement& placement,
                                std::size_t cell) {
  const std::size_t device = cell / problem.models, m = cell % problem.models;
  const std::string what = message("model \"", asked.profile.models[problem.model[m]], "\" is pinned to device \"",
                                   asked.devices[device].name, "\"");
  if (sizes.batch(device, m) == kAbsent)
    return what + ", but does not run there at any batch within its memory and max_latency_s";
  const std::int64_t missing = placement.missing_bytes(problem, device, m, sizes.batch(device, m));
  return message(what, " and needs ", sizes.bytes(device, m), " bytes, but what else is pinned there leaves ",
                 placement.free_bytes(device), ": ", missing, " bytes short");
}

// Where worst-fit got stuck: at which model, and what it lacks on the device with the most free memory among those it runs
// on.
std::string left_over(const Asked& asked, const Problem& problem, const Sizes& sizes, const Placement& placement,
                      std::size_t m) {
  std::size_t roomiest = problem.devices;
  for (std::size_t device = 0; device < problem.devices; ++device)
    if (sizes.batch(device, m) != kAbsent &&
        (roomiest == problem.devices || placement.free_bytes(device) > placement.free_bytes(roomiest)))
      roomiest = device;
  const std::int64_t needed = sizes.bytes(roomiest, m), free = placement.free_bytes(roomiest);
  const std::int64_t missing = placement.missing_bytes(problem, roomiest, m, sizes.batch(roomiest, m));
  return message("worst-fit leaves over model \"", asked.profile.models[problem.model[m]], "\", which needs ", needed,
                 " bytes: device \"", asked.devices[roomiest].name, "\" has the most free memory, ", free, " bytes, ",
                 missing, " short");
}

// Of numbers that are not negative.
std::int64_t saturating_sum(const std::vector<std::int64_t>& values) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum = value > kMost - sum ? kMost : sum + value;
  return sum;
}

constexpr std::size_t kMendable = 8;  // devices that are tried with more memory

// The one device that needs the least more memory for every model to find room, by bisection.
std::string least_more(const Asked& asked, std::size_t max_nodes) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max() / 4;
  std::size_t mended = asked.devices.size();
  bool proven = asked.devices.size() <= kMendable;
  for (std::size_t i = 0; i < std::min(asked.devices.size(), kMendable); ++i) {
    const auto result_with = [&](std::int64_t more) {
      std::vector<Device> devices = asked.devices;
      if (devices[i].memory_bytes > std::numeric_limits<std::int64_t>::max() - more) return Search::kImpossible;
      devices[i].memory_bytes += more;
      std::optional<Placement> found;
      return search(make_problem(asked.profile, devices, asked.options), max_nodes, found);
    };
    if (result_with(least) != Search::kFound) continue;
    std::int64_t under = 0, over = least;
    while (over - under > 1) {
      const std::int64_t middle = under + (over - under) / 2;
      const Search result = result_with(middle);
      proven = proven && result != Search::kGaveUp;
      (result == Search::kFound ? over : under) = middle;
    }
    if (mended == asked.devices.size() || over < least) {
      least = over;
      mended = i;
    }
  }
  if (mended == asked.devices.size()) return "";
  return message("; ", least, " more bytes on device \"", asked.devices[mended].name, "\" are enough",
                 proven ? ", and fewer on one device are not" : "");
}

}  // namespace

std::optional<Placement> first_fit(const Problem& problem, std::size_t max_nodes) {
  std::optional<Placement> found;
  search(problem, max_nodes, found);
  return found;
}

Packing pack(const Asked& asked, const Problem& problem, std::size_t max_nodes) {
  const Sizes sizes(problem);
  Placement pinned(problem);
  if (const auto cell = place_pinned(problem, sizes, pinned))
    return {{}, "", pinned_without_room(asked, problem, sizes, pinned, *cell)};
  for (const std::size_t m : sizes.order())
    if (sizes.least()[m] == kNowhere) return {{}, "", fits_nowhere(asked, problem, m)};

  Placement placement = pinned;
  const std::size_t placed = worst_fit(problem, sizes, placement);
  if (placed == sizes.order().size()) return {std::move(placement), "worst-fit", ""};
  std::string stuck = left_over(asked, problem, sizes, placement, sizes.order()[placed]);

  const std::int64_t needed = saturating_sum(sizes.least()), total = saturating_sum(problem.capacity_bytes);
  if (needed > total) {
    stuck += least_more(asked, max_nodes);
    return {
        {}, "", message("the models need at least ", needed, " bytes together, but the devices have ", total, "; ", stuck)};
  }

  std::size_t nodes = max_nodes;
  const Search result = depth_first(problem, sizes, 0, nodes, pinned);
  if (result == Search::kFound) return {std::move(pinned), "packing", ""};
  stuck += least_more(asked, max_nodes);
  if (result == Search::kImpossible) return {{}, "", "no placement has room for every model, all were tried; " + stuck};
  return {{}, "", message("no placement was found in ", max_nodes, " tries, though one may exist; ", stuck)};
}

}  // namespace quorate
