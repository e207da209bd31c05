#include "quorate/route/rank_martingale.h"

#include <algorithm>
#include <cmath>

namespace quorate {
namespace {

// Of the start, after that many observed values.
double uninvested(std::uint64_t observed) { return std::log(2.0) / std::log(static_cast<double>(observed) + 2.0); }

}  // namespace

RankBet step_bet(double edge, double tilt) {
  const double odds = std::exp(tilt);
  const double norm = edge + odds * (1.0 - edge);
  return {.slope = 0.0, .bend = 0.0, .edge = edge, .low = 1.0 / norm - 1.0, .high = odds / norm - 1.0};
}

std::vector<RankBet> shape_bets() {
  std::vector<RankBet> bets;
  for (const double size : {0.1, 0.3, 0.9})
    for (const double sign : {-1.0, 1.0}) bets.push_back({.slope = sign * size});
  for (const double bend : {-0.8, -0.25, 0.25, 1.2}) bets.push_back({.bend = bend});
  for (const double tail : {1.0 / 32, 1.0 / 8})
    for (const double tilt : {std::log(2.0), std::log(6.0)}) {
      bets.push_back(step_bet(tail, -tilt));
      bets.push_back(step_bet(1.0 - tail, tilt));
    }
  return bets;
}

std::vector<RankBet> share_bets(const std::vector<double>& shares) {
  std::vector<RankBet> bets;
  double edge = 0.0;
  for (std::size_t i = 0; i + 1 < shares.size(); ++i) {
    edge += shares[i];
    for (const double size : {0.15, 0.4, 1.2})
      for (const double sign : {-1.0, 1.0}) bets.push_back(step_bet(edge, sign * size));
  }
  return bets;
}

RankMartingale::RankMartingale(std::size_t cells, std::vector<RankBet> bets)
    : counts_(cells), bets_(std::move(bets)), invested_(bets_.size()) {}

void RankMartingale::observe(std::size_t cell, double uniform) {
  counts_.add(cell);
  const double p = (static_cast<double>(counts_.below(cell)) + uniform * static_cast<double>(counts_.at(cell))) /
                   static_cast<double>(counts_.total());
  const double slope = 2.0 * p - 1.0;
  const double bend = 6.0 * p * (p - 1.0) + 1.0;
  const double rest = uninvested(++observed_);
  const double released = (uninvested_ - rest) / static_cast<double>(bets_.size());
  uninvested_ = rest;
  double capital = rest;
  for (std::size_t i = 0; i < bets_.size(); ++i) {
    const RankBet& bet = bets_[i];
    invested_[i] =
        (invested_[i] + released) * (1.0 + bet.slope * slope + bet.bend * bend + (p < bet.edge ? bet.low : bet.high));
    capital += invested_[i];
  }
  capital_ = capital;
  highest_ = std::max(highest_, capital);
}

void RankMartingale::restore(const State& state) {
  counts_ = RankCounts(state.counts.size());
  for (std::size_t cell = 0; cell < state.counts.size(); ++cell) counts_.add(cell, state.counts[cell]);
  observed_ = state.observed;
  uninvested_ = uninvested(observed_);
  invested_ = state.invested;
  capital_ = uninvested_;
  for (const double one : invested_) capital_ += one;
  highest_ = state.highest;
}

}  // namespace quorate
