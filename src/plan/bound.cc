#include "plan/bound.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>

namespace quorate {
namespace {

// [models]: the least memory that a model takes on any device; infinity where it fits none.
std::vector<double> least_bytes(const Problem& problem) {
  std::vector<double> least(problem.models, std::numeric_limits<double>::infinity());
  for (std::size_t device = 0; device < problem.devices; ++device)
    for (std::size_t m = 0; m < problem.models; ++m)
      if (const int batch = problem.smallest(device, m); batch != kAbsent)
        least[m] = std::min(
            least[m], static_cast<double>(problem.memory_bytes[problem.option(device, m, static_cast<std::size_t>(batch))]));
  return least;
}

// [devices, models]: the best rate that a plan which hosts every model could run the cell at.
std::vector<double> best_rates(const Problem& problem) {
  const std::vector<double> least = least_bytes(problem);
  const double needed = std::accumulate(least.begin(), least.end(), 0.0);
  const double total = std::accumulate(problem.capacity_bytes.begin(), problem.capacity_bytes.end(), 0.0) * (1.0 + 1e-12);
  std::vector<double> best(problem.devices * problem.models, 0.0);
  for (std::size_t cell = 0; cell < best.size(); ++cell)
    for (std::size_t batch = 0; batch < problem.batches; ++batch) {
      const std::size_t option = cell * problem.batches + batch;
      const double others = needed - least[cell % problem.models];
      if (static_cast<double>(problem.memory_bytes[option]) + others <= total)
        best[cell] = std::max(best[cell], problem.rate[option]);
    }
  return best;
}

}  // namespace

double upper_bound(const Problem& problem) {
  const std::vector<double> best = best_rates(problem);
  // n devices with the same rates are one device n times as fast: what counts is the sum of their shares.
  std::map<std::vector<double>, double> alike;
  for (std::size_t device = 0; device < problem.devices; ++device) {
    const auto first = best.begin() + static_cast<std::ptrdiff_t>(problem.cell(device, 0));
    alike[{first, first + static_cast<std::ptrdiff_t>(problem.models)}] += 1.0;
  }
  std::vector<double> rate;
  for (const auto& [row, devices] : alike)
    for (const double value : row) rate.push_back(value * devices);
  return best_shares(rate, problem.demand).bound();
}

}  // namespace quorate
