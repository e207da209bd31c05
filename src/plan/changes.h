// The order in which one plan becomes another.
#pragma once

#include <vector>

#include "quorate/plan/replan.h"

namespace quorate {

// Fills `changes` and `unserved` of a replan whose plan is made. `index` says where each of its devices is in the running
// plan; where that is beyond the running plan's devices, the device is new.
void list_changes(const Plan& running, const std::vector<std::size_t>& index, const Profile& profile, Workspace workspace,
                  Replan& replan);

}  // namespace quorate
