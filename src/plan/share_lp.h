// The best shares of the devices' time for given rates, and what each model's samples are worth there.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace quorate {

// Of the linear program
//   maximise t  subject to  sum_d share[d, m] rate[d, m] >= t demand[m],  sum_m share[d, m] <= 1,  share >= 0.
// `throughput` is recomputed from the shares and `price` made exactly feasible, so that neither depends on the solver's
// tolerances: throughput <= the optimum <= sum_d worth[d].
struct Shares {
  double throughput = 0.0;
  std::vector<double> share;  // [devices, models]; 0 where rate is
  std::vector<double> price;  // [models], >= 0, sum of demand x price is 1: minus dt for one more sample/s on the model
  std::vector<double> worth;  // [devices]: the greatest price x rate among its models, what the device's time adds to t

  // Upper bound of t, by weak duality.
  double bound() const;
};

// `rate` is [devices, models] in samples/s, 0 where a model is absent; demand [models] is positive. A model without any rate
// makes the throughput 0. Thread-safe: the solver's state lives in the call.
Shares best_shares(std::span<const double> rate, std::span<const double> demand);

}  // namespace quorate
