// Where a plan puts a cascade's members.
#pragma once

#include <vector>

#include "quorate/infer/engine.h"

namespace quorate {

struct EnginePlacement {
  // A member, numbered through the tiers in order.
  struct Slot {
    int model = 0;           // index into the library's order
    double demand = 1.0;     // the plan's, positive
    std::vector<int> batch;  // [devices]; 0: not there
  };
  std::vector<Slot> slots;
  std::size_t devices = 0;

  std::vector<double> demand() const;  // [slots]
  std::vector<int> batch() const;      // [devices, slots]
  int devices_of(const Slot& slot) const;
};

// Throws std::invalid_argument, naming what is wrong: a cascade with members that are not among `models`, a plan that is
// infeasible, is for devices that are not here, or does not place a member.
EnginePlacement place(const Cascade& cascade, const std::vector<Engine::Member>& models, const Plan& plan);

}  // namespace quorate
