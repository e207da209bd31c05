// A test, at every moment, of whether values still come from where earlier ones came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quorate/route/rank_counts.h"

namespace quorate {

// A density on [0, 1] to bet a rank on, 1 + slope (2p - 1) + bend (6p^2 - 6p + 1) + step(p): step adds `low` below `edge`
// and `high` from there on, with low x edge + high x (1 - edge) = 0. Not negative anywhere.
struct RankBet {
  double slope = 0.0;
  double bend = 0.0;
  double edge = 0.0;
  double low = 0.0;
  double high = 0.0;

  bool operator==(const RankBet&) const = default;
};

// Odds of lying above `edge` times e^tilt.
RankBet step_bet(double edge, double tilt);

// Shifts of the values up and down by three sizes, spreads and concentrations, heavier tails.
std::vector<RankBet> shape_bets();

// Steps at the boundaries between cells that hold these shares of the values, up and down by three sizes.
std::vector<RankBet> share_bets(const std::vector<double>& shares);

// A conformal test martingale (Vovk, Nouretdinov and Gammerman 2003; Vovk, Gammerman and Shafer, Algorithmic Learning in a
// Random World, 2nd ed. 2022, part III). The n-th value's rank p_n = (values below it + u_n x values equal to it) / n,
// counted among all values so far, itself and the calibration values included, u_n uniform and independent. Where
// calibration and observed values are exchangeable (independent draws from one distribution, say) the p_n are independent
// and uniform: given the first n values as a set, and all later ranks, the n-th value is a uniform draw from that set. So a
// capital that is bet, before p_n is known, on densities of p_n is a non-negative martingale: from a start of 1 it ever
// reaches 1 / delta with probability at most delta (Ville 1939), for any number of calibration values and whatever their
// distribution.
//
// The bets: after n observed values a share log 2 / log(n + 2) of the start has not been invested; what is released at n
// goes to all `bets` alike and stays with each, multiplied by its density at each rank. This is a mixture over change points
// n, weighing about 1 / (n log^2 n), and bets: a change after a long quiet time costs log n of evidence, not n.
class RankMartingale {
 public:
  RankMartingale() = default;
  RankMartingale(std::size_t cells, std::vector<RankBet> bets);

  // A calibration value. Only before the first observe().
  void calibrate(std::size_t cell) { counts_.add(cell); }

  // An observed value; `uniform` in [0, 1) breaks ties. O(log cells + bets), no allocation.
  void observe(std::size_t cell, double uniform);

  // Counts the value and bets no more.
  void count(std::size_t cell) { counts_.add(cell); }

  double capital() const { return capital_; }
  double highest_capital() const { return highest_; }
  const RankCounts& counts() const { return counts_; }

  // All that has happened, to go on from later; restore() takes what state() gave of one made alike.
  struct State {
    std::vector<std::uint64_t> counts;  // [cells]
    std::uint64_t observed = 0;         // values bet on
    std::vector<double> invested;       // [bets]
    double highest = 1.0;
  };
  State state() const { return {counts_.counts(), observed_, invested_, highest_}; }
  void restore(const State& state);

 private:
  RankCounts counts_{0};
  std::vector<RankBet> bets_;
  std::uint64_t observed_ = 0;
  double uninvested_ = 1.0;
  std::vector<double> invested_;  // [bets]
  double capital_ = 1.0;
  double highest_ = 1.0;
};

}  // namespace quorate
