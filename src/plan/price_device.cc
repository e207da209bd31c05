#include "plan/price_device.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace quorate {
namespace {

constexpr std::size_t kLevels = 8;
// What is hosted may need less or more time than the relaxation's best: its multiplier of time and some beside it each
// bound a branch, and the least counts.
constexpr std::array<double, 5> kBeside = {1.0, 0.0, 0.5, 0.8, 1.4};
using Each = std::array<double, kBeside.size()>;
constexpr std::size_t kUnits = 256;   // of a device's memory, in which what is left to choose is tabulated
constexpr double kNegligible = 1e-9;  // a gain that is not worth a node, relative to the best use
constexpr double kRounding = 1e-12;   // of sums of a few hundred terms

}  // namespace

DevicePricer::DevicePricer(const Problem& problem, std::size_t device)
    : capacity_(static_cast<double>(problem.capacity_bytes[device])) {
  for (std::size_t m = 0; m < problem.models; ++m) {
    Item item{m, problem.pinned[problem.cell(device, m)], {}};
    for (std::size_t batch = 0; batch < problem.batches; ++batch) {
      const std::size_t option = problem.option(device, m, batch);
      if (problem.rate[option] <= 0.0) continue;
      item.options.push_back({batch, problem.rate[option], static_cast<double>(problem.resident_bytes[option]),
                              static_cast<double>(problem.workspace_bytes[option])});
    }
    // By falling rate: what comes later must need less of something.
    std::stable_sort(item.options.begin(), item.options.end(),
                     [](const Option& a, const Option& b) { return a.rate > b.rate; });
    std::vector<Option> kept;
    for (const Option& option : item.options)
      if (std::none_of(kept.begin(), kept.end(), [&](const Option& other) {
            return other.resident <= option.resident && other.workspace <= option.workspace;
          }))
        kept.push_back(option);
    item.options = std::move(kept);
    for (const Option& option : item.options) levels_.push_back(option.workspace);
    if (!item.options.empty()) items_.push_back(std::move(item));
  }
  std::sort(levels_.begin(), levels_.end());
  levels_.erase(std::unique(levels_.begin(), levels_.end()), levels_.end());
  if (levels_.size() > kLevels) {
    std::vector<double> few;
    for (std::size_t i = 1; i <= kLevels; ++i) few.push_back(levels_[i * levels_.size() / kLevels - 1]);
    levels_ = std::move(few);
  }
}

// One question to a pricer. `time` is a multiplier of the relaxation: for any of them, what is hosted is worth at most time
// + the most that options within memory are worth beyond their time's cost. That is a knapsack whose items come in several
// sizes; it is bounded by a table over memory in units, bytes rounded down, and, where many small items make that loose, by
// a multiplier of memory: memory x free bytes + the sum over models of what the best option is worth beyond both costs.
class Pricing {
 public:
  Pricing(const DevicePricer& device, std::span<const double> price, std::span<const double> cover,
          std::span<const double> most, std::size_t max_nodes)
      : device_(device), price_(price), cover_(cover), most_(most), nodes_(max_nodes) {}

  DeviceUse best() {
    if (device_.items_.empty()) return {};
    struct Level {
      double bound, low, high;
    };
    std::vector<Level> levels;
    multipliers(0.0, std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < device_.levels_.size(); ++i) {
      const double low = i == 0 ? 0.0 : device_.levels_[i - 1], high = device_.levels_[i];
      if (low <= device_.capacity_)
        levels.push_back({std::min(relaxed(time_, memory_, low, high), tabulated(time_, low, high)), low, high});
    }
    std::stable_sort(levels.begin(), levels.end(), [](const Level& a, const Level& b) { return a.bound > b.bound; });
    double left = 0.0;
    for (const Level& level : levels) {
      if (level.bound <= enough()) break;
      if (levels.size() > 1) multipliers(level.low, level.high);
      left = std::max(left, explore(level.low, level.high));
    }
    DeviceUse use;
    use.value = best_value_;
    use.bound = std::max(enough(), left);  // what is not worth a node may still be that much more
    use.bound += kRounding * (std::abs(use.bound) + scale_);
    use.hosted = std::move(best_);
    return use;
  }

 private:
  using Item = DevicePricer::Item;
  using Option = DevicePricer::Option;

  double enough() const { return best_value_ + kNegligible * std::abs(best_value_); }
  double worth(const Item& item, const Option& option) const { return price_[item.m] * option.rate; }
  double share(const Item& item, const Option& option) const { return std::min(1.0, most_[item.m] / option.rate); }
  // What the option is worth beyond its time's cost.
  double gain(const Item& item, const Option& option, double time) const {
    return cover_[item.m] + std::max(0.0, worth(item, option) - time) * share(item, option);
  }

  double relaxed(double time, double memory, double low, double high) const {
    double sum = time + memory * (device_.capacity_ - low);
    for (const Item& item : device_.items_) {
      double most = item.pinned ? -std::numeric_limits<double>::infinity() : 0.0;
      for (const Option& option : item.options)
        if (option.workspace <= high) most = std::max(most, gain(item, option, time) - memory * option.resident);
      sum += most;
    }
    return sum;
  }

  // The least of relaxed() over `memory`, where what is chosen just fits.
  double best_memory(double time, double low, double high) const {
    const double capacity = device_.capacity_ - low;
    const auto used = [&](double memory) {
      double sum = 0.0;
      for (const Item& item : device_.items_) {
        double most = item.pinned ? -std::numeric_limits<double>::infinity() : 0.0, bytes = 0.0;
        for (const Option& option : item.options)
          if (option.workspace <= high)
            if (const double value = gain(item, option, time) - memory * option.resident; value > most) {
              most = value;
              bytes = option.resident;
            }
        sum += bytes;
      }
      return sum;
    };
    if (used(0.0) <= capacity) return 0.0;
    double under = 0.0, over = 0.0;
    for (const Item& item : device_.items_)
      for (const Option& option : item.options)
        over = std::max(over, gain(item, option, time) / std::max(option.resident, 1.0));
    for (int i = 0; i < 24; ++i) {
      const double middle = 0.5 * (under + over);
      (used(middle) > capacity ? under : over) = middle;
    }
    return over;
  }

  std::size_t units(double bytes) const { return static_cast<std::size_t>(bytes / device_.capacity_ * kUnits); }

  // One row of the table from the next one: [0, kUnits] -> the most that the item and those after it are worth.
  template <class Gain>
  void add_row(const Item& item, double high, const Gain& gain_of, const double* after, double* row) const {
    if (item.pinned)
      std::fill(row, row + kUnits + 1, -std::numeric_limits<double>::infinity());
    else
      std::copy(after, after + kUnits + 1, row);
    for (std::size_t o = 0; o < item.options.size(); ++o) {
      if (item.options[o].workspace > high) continue;
      const double more = gain_of(item.options[o]);
      const std::size_t size = units(item.options[o].resident);
      for (std::size_t free = size; free <= kUnits; ++free) row[free] = std::max(row[free], after[free - size] + more);
    }
  }

  // What a use is worth at most, by this multiplier.
  double tabulated(double time, double low, double high) {
    row_.assign(kUnits + 1, 0.0);
    other_row_.resize(kUnits + 1);
    for (const Item& item : device_.items_) {
      add_row(
          item, high, [&](const Option& option) { return gain(item, option, time); }, row_.data(), other_row_.data());
      std::swap(row_, other_row_);
    }
    return time + row_[units(device_.capacity_ - low)];
  }

  void multipliers(double low, double high) {
    double top = 0.0;
    for (const Item& item : device_.items_)
      for (const Option& option : item.options) top = std::max(top, worth(item, option));
    scale_ = top + std::accumulate(cover_.begin(), cover_.end(), 0.0);
    constexpr double kGolden = 0.6180339887498949;
    double a = 0.0, b = top, c = b - kGolden * (b - a), d = a + kGolden * (b - a);
    double at_c = tabulated(c, low, high), at_d = tabulated(d, low, high);
    for (int i = 0; i < 14; ++i) {
      if (at_c <= at_d) {
        b = d;
        d = c;
        at_d = at_c;
        c = b - kGolden * (b - a);
        at_c = tabulated(c, low, high);
      } else {
        a = c;
        c = d;
        at_c = at_d;
        d = a + kGolden * (b - a);
        at_d = tabulated(d, low, high);
      }
    }
    time_ = at_c <= at_d ? c : d;
    memory_ = best_memory(time_, low, high);
  }

  struct Choice {
    const Item* item;
    const Option* option;
    Each gain;      // beyond its time's cost, for each pair of multipliers
    double beyond;  // beyond its memory's cost too, for the first
  };

  // Branch and bound with the largest workspace in [low, high]. Returns the bound of what was left out.
  double explore(double low, double high) {
    for (std::size_t k = 0; k < kBeside.size(); ++k) {
      times_[k] = time_ * kBeside[k];
      memories_[k] = k == 0 ? memory_ : best_memory(times_[k], low, high);
    }
    choices_.clear();
    for (const Item& item : device_.items_) {
      std::vector<Choice> of_item;
      for (const Option& option : item.options)
        if (option.workspace <= high) {
          Choice choice{&item, &option, {}, 0.0};
          for (std::size_t k = 0; k < kBeside.size(); ++k) choice.gain[k] = gain(item, option, times_[k]);
          choice.beyond = choice.gain[0] - memory_ * option.resident;
          of_item.push_back(choice);
        }
      if (of_item.empty() && item.pinned) return 0.0;
      if (of_item.empty()) continue;
      std::stable_sort(of_item.begin(), of_item.end(), [](const Choice& x, const Choice& y) { return x.beyond > y.beyond; });
      choices_.push_back(std::move(of_item));
    }
    // The clearest decisions first.
    std::stable_sort(choices_.begin(), choices_.end(),
                     [](const auto& x, const auto& y) { return std::abs(x.front().beyond) > std::abs(y.front().beyond); });
    rest_.assign(choices_.size() + 1, Each{});
    for (std::size_t i = choices_.size(); i-- > 0;)
      for (std::size_t k = 0; k < kBeside.size(); ++k) {
        double most = choices_[i].front().item->pinned ? -std::numeric_limits<double>::infinity() : 0.0;
        for (const Choice& choice : choices_[i])
          most = std::max(most, choice.gain[k] - memories_[k] * choice.option->resident);
        rest_[i][k] = rest_[i + 1][k] + most;
      }
    constexpr std::size_t kRow = kUnits + 1;
    for (std::size_t k = 0; k < kBeside.size(); ++k) {
      table_[k].assign((choices_.size() + 1) * kRow, 0.0);
      for (std::size_t i = choices_.size(); i-- > 0;) {
        const Item& item = *choices_[i].front().item;
        add_row(
            item, high, [&](const Option& option) { return gain(item, option, times_[k]); }, &table_[k][(i + 1) * kRow],
            &table_[k][i * kRow]);
      }
    }
    left_ = 0.0;
    low_ = low;
    chosen_.clear();
    descend(0, device_.capacity_, 0.0, Each{});
    return left_;
  }

  double bound_of(std::size_t i, double free, double workspace, const Each& gained) const {
    const double room = free - std::max(workspace, low_);
    if (room < 0.0) return 0.0;
    const std::size_t at = i * (kUnits + 1) + units(room);
    double bound = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < kBeside.size(); ++k)
      bound = std::min(bound, times_[k] + gained[k] + std::min(table_[k][at], memories_[k] * room + rest_[i][k]));
    return bound;
  }

  void descend(std::size_t i, double free, double workspace, const Each& gained) {
    const double bound = bound_of(i, free, workspace, gained);
    if (bound <= enough()) return;
    if (nodes_ == 0) {
      left_ = std::max(left_, bound);
      return;
    }
    --nodes_;
    if (i == choices_.size()) {
      take_leaf();
      return;
    }
    bool none_tried = choices_[i].front().item->pinned;
    for (const Choice& choice : choices_[i]) {
      if (!none_tried && choice.beyond < 0.0) {
        none_tried = true;
        descend(i + 1, free, workspace, gained);
      }
      const double still_free = free - choice.option->resident, largest = std::max(workspace, choice.option->workspace);
      if (still_free < largest) continue;
      Each more = gained;
      for (std::size_t k = 0; k < kBeside.size(); ++k) more[k] += choice.gain[k];
      chosen_.push_back(&choice);
      descend(i + 1, still_free, largest, more);
      chosen_.pop_back();
    }
    if (!none_tried) descend(i + 1, free, workspace, gained);
  }

  // The time goes to the dearest first.
  void take_leaf() {
    std::vector<const Choice*> order = chosen_;
    std::stable_sort(order.begin(), order.end(), [&](const Choice* x, const Choice* y) {
      return worth(*x->item, *x->option) > worth(*y->item, *y->option);
    });
    double value = 0.0, time = 1.0;
    std::vector<Hosted> hosted;
    for (const Choice* choice : order) {
      const double given = std::min(time, share(*choice->item, *choice->option));
      time -= given;
      value += cover_[choice->item->m] + given * worth(*choice->item, *choice->option);
      hosted.push_back({choice->item->m, choice->option->batch, given});
    }
    if (value <= best_value_) return;
    best_value_ = value;
    best_ = std::move(hosted);
  }

  const DevicePricer& device_;
  std::span<const double> price_, cover_, most_;
  std::size_t nodes_;
  double time_ = 0.0, memory_ = 0.0, scale_ = 0.0;
  std::vector<std::vector<Choice>> choices_;
  std::vector<Each> rest_;
  std::array<std::vector<double>, kBeside.size()> table_;  // [items + 1, kUnits + 1], for each multiplier of time
  std::vector<double> row_, other_row_;
  Each times_{}, memories_{};
  std::vector<const Choice*> chosen_;
  double left_ = 0.0, low_ = 0.0;
  double best_value_ = 0.0;
  std::vector<Hosted> best_;
};

DeviceUse DevicePricer::best(std::span<const double> price, std::span<const double> cover, std::span<const double> most,
                             std::size_t max_nodes) const {
  return Pricing(*this, price, cover, most, max_nodes).best();
}

}  // namespace quorate
