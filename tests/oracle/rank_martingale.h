// A mixture of bets on ranks the slow and obvious way: all values kept, every start of every bet on its own.
#pragma once

#include <cmath>
#include <vector>

#include "quorate/route/rank_martingale.h"

namespace quorate::oracle {

inline double density(const RankBet& bet, double p) {
  return 1.0 + bet.slope * (2 * p - 1) + bet.bend * (6 * p * p - 6 * p + 1) + (p < bet.edge ? bet.low : bet.high);
}

// `values`: the calibration ones, then the observed ones, of which `uniforms` has one each.
inline double capital(const std::vector<std::size_t>& values, const std::vector<double>& uniforms,
                      const std::vector<RankBet>& bets) {
  const std::size_t calibration = values.size() - uniforms.size();
  std::vector<double> ranks;
  for (std::size_t n = 0; n < uniforms.size(); ++n) {
    double below = 0.0;
    double equal = 0.0;
    for (std::size_t i = 0; i <= calibration + n; ++i) {
      below += values[i] < values[calibration + n];
      equal += values[i] == values[calibration + n];
    }
    ranks.push_back((below + uniforms[n] * equal) / static_cast<double>(calibration + n + 1));
  }
  const auto rest = [](std::size_t n) { return std::log(2.0) / std::log(static_cast<double>(n) + 2.0); };
  double total = rest(ranks.size());
  for (std::size_t start = 0; start < ranks.size(); ++start)
    for (const RankBet& bet : bets) {
      double held = (rest(start) - rest(start + 1)) / static_cast<double>(bets.size());
      for (std::size_t n = start; n < ranks.size(); ++n) held *= density(bet, ranks[n]);
      total += held;
    }
  return total;
}

}  // namespace quorate::oracle
