// The best use of a device at given prices, by trying everything it could host.
#pragma once

#include <algorithm>
#include <vector>

#include "plan/problem.h"

namespace quorate::oracle {

inline double best_use(const Problem& problem, std::size_t device, const std::vector<double>& price,
                       const std::vector<double>& cover, const std::vector<double>& most) {  // cover [models, batches]
  struct Item {
    double worth, share;  // of all of its time; the most it can get
  };
  double best = 0.0;
  std::vector<std::size_t> choice(problem.models, 0);
  for (bool more = true; more;) {
    std::int64_t resident = 0, workspace = 0;
    bool fits = true;
    double value = 0.0, time = 1.0;
    std::vector<Item> items;
    for (std::size_t m = 0; m < problem.models; ++m) {
      if (choice[m] == 0) {
        fits = fits && !problem.pinned[problem.cell(device, m)];
        continue;
      }
      const std::size_t option = problem.option(device, m, choice[m] - 1);
      fits = fits && problem.rate[option] > 0.0;
      resident += problem.resident_bytes[option];
      workspace = std::max(workspace, problem.workspace_bytes[option]);
      value += cover[m * problem.batches + choice[m] - 1];
      items.push_back({price[m] * problem.rate[option], most[m] / problem.rate[option]});
    }
    if (fits && resident + workspace <= problem.capacity_bytes[device]) {
      std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.worth > b.worth; });
      for (const Item& item : items) {
        const double given = std::min(time, item.share);
        time -= given;
        value += given * item.worth;
      }
      best = std::max(best, value);
    }
    more = false;
    for (std::size_t m = 0; m < problem.models && !more; ++m) {
      choice[m] = (choice[m] + 1) % (problem.batches + 1);
      more = choice[m] != 0;
    }
  }
  return best;
}

}  // namespace quorate::oracle
