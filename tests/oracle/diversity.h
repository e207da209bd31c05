// How differently models err, by the definitions: one pair of models at a time, one number a sample.
#pragma once

#include <cmath>
#include <vector>

namespace quorate::oracle {

// Pearson's correlation; 0 where one of the two never varies.
inline double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const double n = double(x.size());
  double mean_x = 0.0, mean_y = 0.0;
  for (const double value : x) mean_x += value / n;
  for (const double value : y) mean_y += value / n;
  double xy = 0.0, xx = 0.0, yy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  return xx > 1e-12 && yy > 1e-12 ? xy / std::sqrt(xx * yy) : 0.0;
}

}  // namespace quorate::oracle
