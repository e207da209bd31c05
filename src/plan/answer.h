// A solution as the plan that is given back.
#pragma once

#include "plan/solve.h"
#include "quorate/plan/plan.h"

namespace quorate {

// Nothing is placed, nothing said yet.
Plan unanswered(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options);

// Why there is no plan of a rate.
std::string rate_missed(double rate, double best_found, double bound);

void answer(Plan& plan, const Profile& profile, const Problem& problem, const Solution& found);

// Throws std::invalid_argument where the plan is for other models, kinds or batch sizes than the profile's, and what check()
// throws of either.
void check_for(const Plan& plan, const Profile& profile);

// One entry of device_bytes(), of a plan that is for the profile.
std::int64_t bytes_on(std::size_t device, const Plan& plan, const Profile& profile, Workspace workspace);

}  // namespace quorate
