// A first placement: every model once, within memory.
#pragma once

#include <optional>
#include <string>

#include "plan/problem.h"

namespace quorate {

struct Packing {
  std::optional<Placement> placement;  // nullopt: none was found
  std::string found_by;                // "worst-fit", "packing"
  std::string why;  // where there is none: the model, the device and the bytes short, and whether that is proven
};

// What plan() was asked, for words about it.
struct Asked {
  const Profile& profile;
  const std::vector<Device>& devices;
  const PlanOptions& options;
};

// What is pinned first; then worst-fit-decreasing (Pochelu et al., arXiv 2208.14049): models by descending memory, each to
// the device with the most free memory that it fits, accelerators before CPUs, at the batch that needs the least. Where that
// leaves a model over, a depth-first search over the same order, devices by descending free memory, of at most `max_nodes`
// placements tried. Where there is none, the same with one device's memory larger says what the least is that would do.
Packing pack(const Asked& asked, const Problem& problem, std::size_t max_nodes = 20000);

// The placement alone.
std::optional<Placement> first_fit(const Problem& problem, std::size_t max_nodes = 20000);

}  // namespace quorate
