// Who goes on where several losses decide, the slow, obvious way: all sorted anew, every pair compared.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace quorate::oracle {

struct Measured {
  std::vector<double> losses;  // [objectives], finite
  std::int64_t trial = 0;
};

inline bool dominates(const Measured& a, const Measured& b) {
  bool better = false;
  for (std::size_t j = 0; j < a.losses.size(); ++j) {
    if (a.losses[j] > b.losses[j]) return false;
    if (a.losses[j] < b.losses[j]) better = true;
  }
  return better;
}

// Front 0: those that nobody dominates; front 1: those that nobody dominates once front 0 is gone; and so on. Each by trial.
inline std::vector<std::vector<Measured>> fronts(std::vector<Measured> left) {
  std::sort(left.begin(), left.end(), [](const Measured& a, const Measured& b) { return a.trial < b.trial; });
  std::vector<std::vector<Measured>> result;
  while (!left.empty()) {
    std::vector<Measured> front, rest;
    for (const Measured& one : left) {
      bool dominated = false;
      for (const Measured& other : left) dominated = dominated || dominates(other, one);
      (dominated ? rest : front).push_back(one);
    }
    result.push_back(front);
    left = rest;
  }
  return result;
}

// The first `count` of a front, by trial, in the order of a greedy net: the lowest first loss, then always the one whose
// nearest chosen one is farthest; ties to the earlier trial. Distances are sums over the losses, each as a share of its
// range in the front (halves, as the range itself could overflow; a range too small for its inverse counts as none).
inline std::vector<std::int64_t> net(std::vector<Measured> front, std::size_t count) {
  const std::size_t objectives = front.front().losses.size();
  std::vector<double> scale;
  for (std::size_t j = 0; j < objectives; ++j) {
    double low = front[0].losses[j], high = low;
    for (const Measured& one : front) {
      low = std::min(low, one.losses[j]);
      high = std::max(high, one.losses[j]);
    }
    const double inverse = 1.0 / (high * 0.5 - low * 0.5);
    scale.push_back(std::isfinite(inverse) ? inverse : 0.0);
  }
  const auto distance = [&](const Measured& a, const Measured& b) {
    double sum = 0.0;
    for (std::size_t j = 0; j < objectives; ++j) sum += std::abs(a.losses[j] * 0.5 - b.losses[j] * 0.5) * scale[j];
    return sum;
  };
  std::vector<Measured> chosen;
  while (chosen.size() < count && !front.empty()) {
    std::size_t best = 0;
    double best_worth = 0.0;
    for (std::size_t i = 0; i < front.size(); ++i) {
      double worth = -front[i].losses[0];
      for (std::size_t c = 0; c < chosen.size(); ++c)
        worth = c == 0 ? distance(front[i], chosen[c]) : std::min(worth, distance(front[i], chosen[c]));
      if (i == 0 || worth > best_worth) {
        best = i;
        best_worth = worth;
      }
    }
    chosen.push_back(front[best]);
    front.erase(front.begin() + static_cast<std::ptrdiff_t>(best));
  }
  std::vector<std::int64_t> trials;
  for (const Measured& one : chosen) trials.push_back(one.trial);
  return trials;
}

// The best `quota`, best first: whole fronts by trial, then of the front that does not fit the first of its net.
inline std::vector<std::int64_t> best(const std::vector<Measured>& measured, std::size_t quota) {
  std::vector<std::int64_t> result;
  for (const std::vector<Measured>& front : fronts(measured)) {
    const std::size_t left = quota - result.size();
    if (front.size() > left) {
      const auto trials = net(front, left);
      result.insert(result.end(), trials.begin(), trials.end());
      break;
    }
    for (const Measured& one : front) result.push_back(one.trial);
  }
  return result;
}

}  // namespace quorate::oracle
