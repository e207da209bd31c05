#include "route/tiers.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "core/message.h"
#include "route/cost.h"

namespace quorate {
namespace {

struct Model {
  int index;
  double loss;
  double cost;
};

std::vector<Model> affordable_models(const Predictions& predictions, const ModelCosts& cost, double limit) {
  std::vector<Model> models;
  std::vector<std::int32_t> answer(predictions.samples());
  std::vector<float> confidence(predictions.samples());
  for (std::size_t m = 0; m < predictions.models(); ++m) {
    const int member = static_cast<int>(m);
    const double worst = worst_cost({&member, 1}, cost, 0.0);
    if (worst > limit) continue;
    predictions.read_answers(m, answer, confidence);
    std::size_t errors = 0;
    for (std::size_t sample = 0; sample < answer.size(); ++sample) errors += answer[sample] != predictions.labels()[sample];
    models.push_back({member, static_cast<double>(errors), cost.mean(m)});
  }
  return models;
}

// The order in which models enter the pool; see CascadeOptions::max_tiers.
std::vector<int> ranked(std::vector<Model> models) {
  std::set<int> on_front;
  for (const Model& model : Front<Model>(models)) on_front.insert(model.index);
  std::stable_sort(models.begin(), models.end(), [&](const Model& a, const Model& b) {
    const bool a_first = on_front.contains(a.index);
    const bool b_first = on_front.contains(b.index);
    return a_first != b_first ? a_first : a.loss < b.loss;
  });
  std::vector<int> order;
  for (const Model& model : models) order.push_back(model.index);
  return order;
}

// How many tiers of these sizes (each at least 2) `models` models make, or limit + 1 where that is more.
std::size_t tier_count(std::size_t models, const std::set<int>& sizes, std::size_t limit) {
  std::size_t total = 0;
  for (const int size : sizes) {
    // The binomial coefficient by exact steps, left as soon as it is too large: it only grows up to the middle.
    const std::size_t take = std::min<std::size_t>(static_cast<std::size_t>(size), models);
    if (take < static_cast<std::size_t>(size)) continue;
    const std::size_t short_side = std::min(take, models - take);
    std::size_t ways = 1;
    for (std::size_t i = 1; i <= short_side && ways <= limit; ++i) ways = ways * (models - short_side + i) / i;
    total += std::min(ways, limit + 1);
    if (total > limit) return limit + 1;
  }
  return total;
}

// Calls `found` with every ascending choice of `size` entries of `pool` (ascending), in lexicographic order.
template <class Found>
void for_each_choice(const std::vector<int>& pool, std::size_t size, const Found& found) {
  std::vector<std::size_t> at(size);
  std::iota(at.begin(), at.end(), std::size_t{0});
  if (size > pool.size()) return;
  while (true) {
    std::vector<int> members;
    for (const std::size_t i : at) members.push_back(pool[i]);
    found(std::move(members));
    std::size_t k = size;
    while (k > 0 && at[k - 1] == pool.size() - size + k - 1) --k;
    if (k == 0) return;
    ++at[k - 1];
    for (std::size_t j = k; j < size; ++j) at[j] = at[j - 1] + 1;
  }
}

std::set<int> sizes_of(const CascadeOptions& options, std::size_t models) {
  std::set<int> sizes(options.tier_sizes.begin(), options.tier_sizes.end());
  for (const int size : sizes)
    require(size >= 1 && static_cast<std::size_t>(size) <= models, "tier_sizes holds ", size, ", but must be from 1 to ",
            models, ", the number of models");
  if (!sizes.empty()) return sizes;
  if (options.signal != Signal::kAgreement && options.signal != Signal::kVoteAgreement) return {1};
  for (int size = 1; size <= 3 && static_cast<std::size_t>(size) <= models; ++size) sizes.insert(size);
  return sizes;
}

}  // namespace

TierPool make_tiers(const Predictions& predictions, const ModelCosts& cost, const CascadeOptions& options) {
  const double limit = options.max_worst_cost.value_or(std::numeric_limits<double>::infinity());
  std::set<int> sizes = sizes_of(options, predictions.models());
  require(options.max_last_size >= 0, "max_last_size is ", options.max_last_size, ", but must be at least 0");
  const std::vector<Model> models = affordable_models(predictions, cost, limit);
  require(options.max_tiers >= 1, "max_tiers is ", options.max_tiers, ", but must be at least 1");

  TierPool result;
  const auto add = [&](std::vector<int> members) {
    const double worst = worst_cost(members, cost, options.parallelism);
    if (worst > limit) return;
    const auto size = static_cast<int>(members.size());
    std::vector<double> weights(members.size(), 1.0 / size);
    double one = worst;
    if (cost.per_sample()) {
      std::vector<double>& each = result.sample_cost.emplace_back();
      for (std::size_t sample = 0; sample < cost.samples(); ++sample)
        each.push_back(tier_cost(members, cost, sample, options.parallelism));
      one = std::accumulate(each.begin(), each.end(), 0.0) / static_cast<double>(each.size());
    }
    result.worst.push_back(worst);
    result.tiers.push_back({std::move(members), std::move(weights), options.signal, 0.0, one});
    result.may_stop.push_back(sizes.contains(size));
    result.may_end.push_back(size == 1 || options.max_last_size == 0 || size <= options.max_last_size);
  };
  for (const Model& model : models) add({model.index});

  std::set<int> several = sizes;
  several.erase(1);
  if (several.empty()) return result;
  const auto most = static_cast<std::size_t>(options.max_tiers);
  const std::size_t room = most > models.size() ? most - models.size() : 0;
  std::vector<int> pool = ranked(models);
  while (!pool.empty() && tier_count(pool.size(), several, room) > room) pool.pop_back();
  if (pool.size() < models.size()) result.note = message(", pool of ", pool.size(), " of ", models.size());
  std::sort(pool.begin(), pool.end());
  for (const int size : several) for_each_choice(pool, static_cast<std::size_t>(size), add);
  return result;
}

bool share_a_model(const Tier& a, const Tier& b) {
  return std::find_first_of(a.members.begin(), a.members.end(), b.members.begin(), b.members.end()) != a.members.end();
}

}  // namespace quorate
