// What is to be planned, with everything looked up and checked once, and the placements that planning moves between.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/share_lp.h"
#include "quorate/plan/plan.h"

namespace quorate {

// Over the models of positive demand, in the profile's order. A cell is a device and a model; an option is a cell at a batch
// size.
struct Problem {
  std::size_t devices = 0, models = 0, batches = 0;
  std::vector<std::size_t> kind;   // [devices], as the profile counts them
  std::vector<std::size_t> model;  // [models], as the profile counts them
  std::vector<double> demand;      // [models], above 0
  std::vector<double> rate;  // [devices, models, batches] in samples/s; 0: does not run, or not within the device's memory
  // What a placed option keeps, which adds up on a device, and what it needs while it runs besides, of which the device's
  // largest counts.
  std::vector<std::int64_t> resident_bytes, workspace_bytes;  // [devices, models, batches]
  std::vector<std::int64_t> capacity_bytes;                   // [devices]
  std::vector<double> usd_per_hour;                           // [devices]
  std::vector<bool> accelerator;                              // [devices]: its kind is not a "cpu-..."
  std::vector<bool> pinned;                                   // [devices, models]: must be placed
  // [the profile's kinds, models, models]: see Profile. Rates are those of models that are alone on their device.
  std::vector<double> slowdown;

  std::size_t cell(std::size_t device, std::size_t m) const { return device * models + m; }
  std::size_t option(std::size_t device, std::size_t m, std::size_t batch) const {
    return cell(device, m) * batches + batch;
  }
  std::int64_t memory_bytes(std::size_t option) const { return resident_bytes[option] + workspace_bytes[option]; }

  // 1 or more: how much longer a batch of `m` takes on a device that hosts `other` too.
  double slowed(std::size_t device, std::size_t m, std::size_t other) const {
    return slowdown.empty() ? 1.0 : slowdown[(kind[device] * models + m) * models + other];
  }

  // The batch that needs the least memory (of equals the smallest), or -1 where the model can't run.
  int smallest(std::size_t device, std::size_t m) const;
};

// Throws what plan() says it throws.
Problem make_problem(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options);

constexpr int kAbsent = -1;

// Of a problem's cells, kept within its devices' memory: `place` is only called where it fits.
class Placement {
 public:
  explicit Placement(const Problem& problem)
      : batch_(problem.devices * problem.models, kAbsent),
        unheld_bytes_(problem.capacity_bytes),
        workspace_bytes_(problem.devices, 0) {}

  int batch(std::size_t cell) const { return batch_[cell]; }  // an index of the profile's batch sizes, or kAbsent
  std::int64_t free_bytes(std::size_t device) const { return unheld_bytes_[device] - workspace_bytes_[device]; }
  std::int64_t unheld_bytes(std::size_t device) const { return unheld_bytes_[device]; }  // the workspace included
  std::size_t copies(const Problem& problem, std::size_t m) const;                       // devices that host the model

  // Could the cell run at this batch, with what else is placed? kAbsent always fits.
  bool fits(const Problem& problem, std::size_t device, std::size_t m, int batch) const;
  // What it lacks to fit, of an option that runs; 0 or less where it fits.
  std::int64_t missing_bytes(const Problem& problem, std::size_t device, std::size_t m, int batch) const;
  void place(const Problem& problem, std::size_t device, std::size_t m, int batch);

 private:
  // Of the device as it would be without the model.
  std::int64_t unheld_without(const Problem& problem, std::size_t device, std::size_t m) const;
  std::int64_t workspace_without(const Problem& problem, std::size_t device, std::size_t m) const;

  std::vector<int> batch_;                     // [devices, models]
  std::vector<std::int64_t> unheld_bytes_;     // [devices], what no instance keeps
  std::vector<std::int64_t> workspace_bytes_;  // [devices], the largest of what is placed
};

// What the cell's instance does in samples/s, beside the others on its device; 0 where there is none.
double rate_of(const Problem& problem, const Placement& placement, std::size_t device, std::size_t m);

// Some of a problem's devices and models, as a problem of its own.
struct Part {
  Problem problem;
  std::vector<std::size_t> devices, models;  // as the whole counts them, in the part's order

  Placement from(const Problem& whole, const Placement& placement) const;  // what they host there
  // Makes them host what `part` says, and the devices none of the other models.
  void into(const Problem& whole, const Placement& part, Placement& placement) const;
};
Part part_of(const Problem& whole, std::vector<std::size_t> devices, std::vector<std::size_t> models);
Part part_of(const Problem& whole, std::vector<std::size_t> devices);  // with all models

// A placement with its best shares.
struct Scored {
  Placement placement;
  Shares shares;
};
Scored score(const Problem& problem, Placement placement);

// The placement without instances that got no share, unless they are pinned: a device would give them work that is better
// done elsewhere, and others may be slower for them.
Scored without_idle(const Problem& problem, Scored scored);

}  // namespace quorate
