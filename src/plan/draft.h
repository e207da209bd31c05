// Changes of a placement that make room for each other, and can be taken back.
#pragma once

#include <optional>
#include <vector>

#include "plan/problem.h"
#include "plan/share_basis.h"
#include "quorate/core/random.h"

namespace quorate {

struct Change {
  std::size_t device = 0, m = 0;
  int batch = kAbsent;
};

class Draft {
 public:
  // `prices` say what an instance is worth: those of the placement before the changes.
  Draft(const Problem& problem, Placement& placement, const ShareBasis& prices, Random& random)
      : problem_(problem), placement_(placement), prices_(prices), random_(random) {}

  // Places the option; where it is there already, the instance that slows it down most leaves. Where there is no room for
  // it, instances on the device become smaller or leave, mostly those worth least for their memory; a model that has none
  // left is hosted elsewhere, where others may have to leave in turn, up to `depth` times. False where that fails; the
  // placement is then as undo() leaves it or in between.
  bool insert(const Change& change, int depth = 3);

  // Places the model where it earns most for its device's time, among the devices with room, or else on a device drawn at
  // random, with insert().
  bool host(std::size_t m, int depth = 3);

  // Makes instances larger on the devices that changed, while that fits: those first that gain most at the prices.
  void refill();

  void undo();
  const std::vector<Change>& before() const { return before_; }  // what the changed cells were, oldest first

 private:
  void place(std::size_t device, std::size_t m, int batch);
  double worth(std::size_t device, std::size_t m, std::size_t batch) const;
  bool lessen(const Change& change);
  void relieve(std::size_t device, std::size_t m);

  const Problem& problem_;
  Placement& placement_;
  const ShareBasis& prices_;
  Random& random_;
  std::vector<Change> before_;
  std::optional<std::size_t> relieved_;  // the device that an instance left to slow down no other: it does not come back
  std::optional<std::size_t> kept_;      // the cell that the first insertion is for: it does not make room for others
};

// Hosts each model that the placement leaves out, where room can be made for it. False where it can't, or where a pinned
// model is left out.
bool completed(const Problem& problem, Placement& placement, Random& random);

}  // namespace quorate
