#include "plan/rounding.h"

#include <algorithm>
#include <cmath>

#include "plan/draft.h"

namespace quorate {

std::optional<Placement> rounded(const Problem& problem, const Relaxation& relaxation, Rounding rounding, Random& random) {
  Placement placement(problem);
  for (std::size_t k = 0; k < relaxation.classes.size(); ++k) {
    struct Rest {
      const Column* column;
      double times, order;
    };
    std::vector<Rest> rests;
    std::vector<const Column*> taken;
    const std::vector<std::size_t>& devices = relaxation.classes[k].devices;
    for (const Column& column : relaxation.columns) {
      if (column.of_class != k || column.times <= 1e-9) continue;
      const double whole = std::floor(column.times + 1e-6);
      for (double i = 0.0; i < whole && taken.size() < devices.size(); ++i) taken.push_back(&column);
      rests.push_back({&column, column.times - whole, column.times - whole});
    }
    // The largest of u^(1/weight) first is a draw without replacement in proportion to the weights (Efraimidis, Spirakis
    // 2006).
    if (rounding == Rounding::kDrawn)
      for (Rest& rest : rests) rest.order = std::pow(random.uniform(), 1.0 / std::max(rest.times, 1e-6));
    std::stable_sort(rests.begin(), rests.end(), [](const Rest& a, const Rest& b) { return a.order > b.order; });
    for (const Rest& rest : rests)
      if (taken.size() < devices.size() && rest.times > 1e-6) taken.push_back(rest.column);
    for (std::size_t i = 0; i < taken.size(); ++i)
      for (const Hosted& hosted : taken[i]->hosted)
        if (placement.fits(problem, devices[i], hosted.m, static_cast<int>(hosted.batch)))
          placement.place(problem, devices[i], hosted.m, static_cast<int>(hosted.batch));
  }
  return completed(problem, placement, random) ? std::optional(std::move(placement)) : std::nullopt;
}

}  // namespace quorate
