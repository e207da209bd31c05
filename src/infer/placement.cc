#include "infer/placement.h"

#include <algorithm>

#include "core/message.h"
#include "infer/thread_binding.h"

namespace quorate {

std::vector<double> EnginePlacement::demand() const {
  std::vector<double> result;
  for (const Slot& slot : slots) result.push_back(slot.demand);
  return result;
}

std::vector<int> EnginePlacement::batch() const {
  std::vector<int> result;
  for (std::size_t device = 0; device < devices; ++device)
    for (const Slot& slot : slots) result.push_back(slot.batch[device]);
  return result;
}

int EnginePlacement::devices_of(const Slot& slot) const {
  return static_cast<int>(std::ranges::count_if(slot.batch, [](int batch) { return batch > 0; }));
}

EnginePlacement place(const Cascade& cascade, const std::vector<Engine::Member>& models, const Plan& plan) {
  check(cascade, models.size());
  for (std::size_t k = 0; k < cascade.tiers.size(); ++k)
    require(cascade.tiers[k].signal != Signal::kGiven, "tiers[", k,
            "].signal is \"given\", but must be one that an engine can read off the models' scores");
  require(plan.feasible, "the plan is not feasible: ", plan.why);
  check(plan);
  require(!plan.devices.empty(), "the plan has no devices, but must have at least one");
  for (const Device& device : plan.devices) check_here(device);

  EnginePlacement placement;
  placement.devices = plan.devices.size();
  for (const Tier& tier : cascade.tiers)
    for (const int member : tier.members) {
      const std::string& name = models[static_cast<std::size_t>(member)].name;
      const auto found = std::ranges::find(plan.models, name);
      require(found != plan.models.end(), "the plan does not know model \"", name, "\", but the cascade asks it");
      const auto column = static_cast<std::size_t>(found - plan.models.begin());
      EnginePlacement::Slot slot{member, plan.demand[column], {}};
      for (std::size_t device = 0; device < placement.devices; ++device)
        slot.batch.push_back(plan.batch[plan.index(device, column)]);
      require(std::ranges::max(slot.batch) > 0, "the plan places model \"", name,
              "\" on no device, but the cascade asks it: plan with a demand above 0 for it");
      require(slot.demand > 0.0, "the plan's demand of model \"", name, "\" is ", slot.demand,
              ", but must be above 0: the cascade asks it");
      placement.slots.push_back(std::move(slot));
    }
  return placement;
}

}  // namespace quorate
