#include "plan/changes.h"

#include <algorithm>
#include <optional>
#include <set>

#include "plan/answer.h"

namespace quorate {
namespace {

class Order {
 public:
  Order(const Plan& running, const std::vector<std::size_t>& index, const Profile& profile, Workspace workspace,
        Replan& replan)
      : profile_(profile), workspace_(workspace), replan_(replan), now_(replan.plan) {
    for (std::size_t device = 0; device < now_.devices.size(); ++device)
      for (std::size_t model = 0; model < now_.models.size(); ++model) {
        const bool is_new = index[device] >= running.devices.size();
        const int was = is_new ? 0 : running.batch[running.index(index[device], model)];
        const std::size_t cell = now_.index(device, model);
        now_.batch[cell] = was;
        if (was != replan.plan.batch[cell]) pending_.push_back(cell);
      }
    now_.share.assign(now_.batch.size(), 0.0);
    for (std::size_t device = 0; device < now_.devices.size(); ++device)
      bytes_.push_back(bytes_on(device, now_, profile_, workspace_));
    for (std::size_t model = 0; model < now_.models.size(); ++model) served_before_.push_back(hosts(model) > 0);
  }

  void run() {
    while (!pending_.empty()) {
      std::optional<std::size_t> next = first_that([&](std::size_t cell) { return wanted(cell) > 0 && fits(cell); });
      // Nothing fits: what has another host leaves first, where something waits for its room.
      const auto leaves = [&](std::size_t cell) { return wanted(cell) == 0; };
      const auto shared = [&](std::size_t cell) { return leaves(cell) && hosts(cell % now_.models.size()) > 1; };
      const auto blocks = [&](std::size_t cell) {
        const std::size_t device = cell / now_.models.size();
        return std::any_of(pending_.begin(), pending_.end(),
                           [&](std::size_t other) { return wanted(other) > 0 && other / now_.models.size() == device; });
      };
      if (!next) next = first_that([&](std::size_t cell) { return shared(cell) && blocks(cell); });
      if (!next) next = first_that([&](std::size_t cell) { return leaves(cell) && blocks(cell); });
      if (!next) next = first_that(leaves);
      if (!next)
        next = first_that(
            [&](std::size_t cell) { return wanted(cell) > 0 && bytes_with(cell) <= bytes_[cell / now_.models.size()]; });
      // What is planned fits once all that leaves is gone.
      make(next ? *next : pending_.front());
    }
  }

 private:
  int wanted(std::size_t cell) const { return replan_.plan.batch[cell]; }

  std::size_t hosts(std::size_t model) const {
    std::size_t count = 0;
    for (std::size_t device = 0; device < now_.devices.size(); ++device) count += now_.batch[now_.index(device, model)] > 0;
    return count;
  }

  std::int64_t bytes_with(std::size_t cell) {
    const int was = now_.batch[cell];
    now_.batch[cell] = wanted(cell);
    const std::int64_t bytes = bytes_on(cell / now_.models.size(), now_, profile_, workspace_);
    now_.batch[cell] = was;
    return bytes;
  }

  bool fits(std::size_t cell) { return bytes_with(cell) <= now_.devices[cell / now_.models.size()].memory_bytes; }

  template <class Holds>
  std::optional<std::size_t> first_that(const Holds& holds) const {
    const auto found = std::find_if(pending_.begin(), pending_.end(), holds);
    return found == pending_.end() ? std::nullopt : std::optional(*found);
  }

  void make(std::size_t cell) {
    const std::size_t device = cell / now_.models.size(), model = cell % now_.models.size();
    const int from = now_.batch[cell], to = wanted(cell);
    bytes_[device] = bytes_with(cell);
    now_.batch[cell] = to;
    std::erase(pending_, cell);
    replan_.changes.push_back({from == 0 ? PlanChange::Kind::kLoad
                               : to == 0 ? PlanChange::Kind::kUnload
                                         : PlanChange::Kind::kResize,
                               now_.models[model], now_.devices[device].name, from, to, bytes_[device]});
    if (to == 0 && hosts(model) == 0 && now_.demand[model] > 0.0 && served_before_[model] && reported_.insert(model).second)
      replan_.unserved.push_back(now_.models[model]);
  }

  const Profile& profile_;
  Workspace workspace_;
  Replan& replan_;
  Plan now_;                          // what is loaded
  std::vector<std::size_t> pending_;  // cells that are not yet as planned, ascending
  std::vector<std::int64_t> bytes_;   // [devices]
  std::vector<bool> served_before_;   // [models]
  std::set<std::size_t> reported_;
};

}  // namespace

void list_changes(const Plan& running, const std::vector<std::size_t>& index, const Profile& profile, Workspace workspace,
                  Replan& replan) {
  Order(running, index, profile, workspace, replan).run();
}

}  // namespace quorate
