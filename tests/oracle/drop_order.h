// What to drop from a library the slow, obvious way: everything is weighed anew for each question.
#pragma once

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace quorate::oracle {

struct LibraryModel {
  std::string name;
  double loss = 0.0;
  std::map<std::string, double> cost;
  std::vector<bool> wrong;  // [samples]; empty: not known
};

inline double ranked(double loss) { return std::isfinite(loss) ? loss : std::numeric_limits<double>::infinity(); }

// The mean, over the other models, of the share of samples on which both are wrong, in units of one sample of one model.
inline int overlap(const std::vector<LibraryModel>& library, std::size_t model) {
  int sum = 0;
  for (std::size_t other = 0; other < library.size(); ++other)
    if (other != model && !library[other].wrong.empty())
      for (std::size_t s = 0; s < library[model].wrong.size(); ++s)
        sum += library[model].wrong[s] && library[other].wrong[s];
  return sum;
}

inline bool dominates(const std::vector<LibraryModel>& library, const std::vector<int>& overlaps, std::size_t a,
                      std::size_t b) {
  std::vector<std::pair<double, double>> known{{ranked(library[a].loss), ranked(library[b].loss)}};
  for (const auto& [key, value] : library[a].cost)
    if (library[b].cost.contains(key)) known.emplace_back(value, library[b].cost.at(key));
  if (!library[a].wrong.empty() && !library[b].wrong.empty()) known.emplace_back(overlaps[a], overlaps[b]);
  bool worse = false, better = false;
  for (const auto& [mine, other] : known) {
    worse |= mine > other;
    better |= mine < other;
  }
  return !worse && (better || a < b);
}

// `library` in the order of adding.
inline std::optional<std::size_t> first_to_drop(const std::vector<LibraryModel>& library) {
  if (library.size() < 2) return std::nullopt;
  std::size_t best = 0;
  for (std::size_t m = 0; m < library.size(); ++m)
    if (ranked(library[m].loss) < ranked(library[best].loss)) best = m;
  std::vector<int> overlaps;
  for (std::size_t m = 0; m < library.size(); ++m) overlaps.push_back(overlap(library, m));
  std::vector<std::size_t> candidates, dominated;
  for (std::size_t m = 0; m < library.size(); ++m) {
    if (m == best) continue;
    candidates.push_back(m);
    bool is_dominated = false;
    for (std::size_t other = 0; other < library.size(); ++other)
      is_dominated |= other != m && dominates(library, overlaps, other, m);
    if (is_dominated) dominated.push_back(m);
  }
  if (!dominated.empty()) candidates = dominated;
  std::size_t worst = candidates.front();
  for (const std::size_t m : candidates)
    if (ranked(library[m].loss) >= ranked(library[worst].loss)) worst = m;
  return worst;
}

}  // namespace quorate::oracle
