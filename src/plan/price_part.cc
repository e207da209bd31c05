#include "plan/price_part.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <ranges>

namespace quorate {
namespace {

constexpr std::size_t kUnits = 256;  // of a device's memory, in which what is left to choose is tabulated
constexpr std::size_t kRow = kUnits + 1;
constexpr double kNegligible = 1e-9;  // a gain that is not worth a node, relative to the best use
constexpr double kNever = -std::numeric_limits<double>::infinity();

}  // namespace

PartSearch::PartSearch(double capacity, const std::vector<DeviceItem>& items, std::size_t batches, const DevicePrices& asked)
    : capacity_(capacity) {
  for (const DeviceItem& item : items) {
    items_.push_back({item.m, item.pinned, {}});
    double most = 0.0;
    for (const DeviceOption& option : item.options) {
      const double cover = asked.cover[item.m * batches + option.batch], worth = asked.price[item.m] * option.rate;
      items_.back().options.push_back({option.batch, cover, worth, std::min(1.0, asked.most[item.m] / option.rate),
                                       option.resident, option.workspace, units(option.resident)});
      dearest_ = std::max(dearest_, worth);
      most = std::max(most, std::abs(cover));
    }
    scale_ += most;
  }
  scale_ += dearest_;
}

double PartSearch::enough() const { return best_value_ + kNegligible * std::abs(best_value_); }

std::size_t PartSearch::units(double bytes) const { return static_cast<std::size_t>(bytes / capacity_ * kUnits); }

void PartSearch::enter(const PricePart& part) {
  low_ = part.low;
  high_ = part.high;
  open_.clear();
  for (const std::size_t i : part.in) open_.push_back({&items_[i], true});
  for (std::size_t i = part.decided; i < items_.size(); ++i) open_.push_back({&items_[i], items_[i].pinned});
}

double PartSearch::relaxed(double time, double memory) const {
  double sum = time + memory * (capacity_ - low_);
  for (const auto& [item, must] : open_) {
    double most = must ? kNever : 0.0;
    for (const Option& option : item->options)
      if (option.workspace <= high_) most = std::max(most, option.gain(time) - memory * option.resident);
    sum += most;
  }
  return sum;
}

// The least of relaxed() over `memory`, where what is chosen just fits.
double PartSearch::best_memory(double time) const {
  const auto used = [&](double memory) {
    double sum = 0.0;
    for (const auto& [item, must] : open_) {
      double most = must ? kNever : 0.0, bytes = 0.0;
      for (const Option& option : item->options)
        if (option.workspace <= high_)
          if (const double value = option.gain(time) - memory * option.resident; value > most) {
            most = value;
            bytes = option.resident;
          }
      sum += bytes;
    }
    return sum;
  };
  const double capacity = capacity_ - low_;
  if (used(0.0) <= capacity) return 0.0;
  double under = 0.0, over = 0.0;
  for (const Candidate& candidate : open_)
    for (const Option& option : candidate.item->options)
      over = std::max(over, option.gain(time) / std::max(option.resident, 1.0));
  for (int i = 0; i < 12; ++i) {
    const double middle = 0.5 * (under + over);
    (used(middle) > capacity ? under : over) = middle;
  }
  return over;
}

// One row of the table from the next one: [0, kUnits] -> the most that the item and those after it are worth. False where
// the item adds nothing to any: the next row is its own.
bool PartSearch::add_row(const Candidate& candidate, double time, const double* after, double* row) const {
  bool adds = candidate.must;
  double beaten = candidate.must ? kNever : 0.0;  // what an option of as much memory has to gain more than
  std::size_t beaten_units = 0;
  if (candidate.must) std::fill(row, row + kRow, kNever);
  for (const Option& option : candidate.item->options | std::views::reverse) {
    if (option.workspace > high_) continue;
    const double more = option.gain(time);
    if (more <= beaten && option.units >= beaten_units) continue;
    if (!adds) std::copy(after, after + kRow, row);
    adds = true;
    if (option.units >= beaten_units) {
      beaten = more;
      beaten_units = option.units;
    }
    for (std::size_t free = option.units; free <= kUnits; ++free)
      row[free] = std::max(row[free], after[free - option.units] + more);
  }
  return adds;
}

// What a use is worth at most, by this multiplier.
double PartSearch::tabulated(double time) {
  row_.assign(kRow, 0.0);
  other_row_.resize(kRow);
  for (const Candidate& candidate : open_)
    if (add_row(candidate, time, row_.data(), other_row_.data())) std::swap(row_, other_row_);
  return time + row_[units(capacity_ - low_)];
}

// The multiplier of the least tabulated(), by golden section: that is convex.
double PartSearch::best_time() {
  constexpr double kGolden = 0.6180339887498949;
  double a = 0.0, b = dearest_, c = b - kGolden * (b - a), d = a + kGolden * (b - a);
  double at_c = tabulated(c), at_d = tabulated(d);
  for (int i = 0; i < 10; ++i) {
    if (at_c <= at_d) {
      b = d;
      d = c;
      at_d = at_c;
      c = b - kGolden * (b - a);
      at_c = tabulated(c);
    } else {
      a = c;
      c = d;
      at_c = at_d;
      d = a + kGolden * (b - a);
      at_d = tabulated(d);
    }
  }
  return at_c <= at_d ? c : d;
}

void PartSearch::bound(PricePart& part) {
  enter(part);
  part.time = best_time();
  part.bound = std::min({part.bound, relaxed(part.time, best_memory(part.time)), tabulated(part.time)});
}

// The options of each candidate, those best that are worth most beyond what they cost; the clearest decisions first.
void PartSearch::choose() {
  choices_.clear();
  for (const Candidate& candidate : open_) {
    Choices of_item{candidate, {}};
    for (const Option& option : candidate.item->options) {
      if (option.workspace > high_) continue;
      Choice choice{&option, {}, 0.0};
      for (std::size_t k = 0; k < kBeside.size(); ++k) choice.gain[k] = option.gain(times_[k]);
      choice.beyond = choice.gain[0] - memories_[0] * option.resident;
      of_item.choices.push_back(choice);
    }
    if (of_item.choices.empty() && !candidate.must) continue;
    std::ranges::stable_sort(of_item.choices, std::greater<>(), &Choice::beyond);
    choices_.push_back(std::move(of_item));
  }
  std::ranges::stable_sort(choices_, std::greater<>(), [](const Choices& x) {
    return x.of.must || x.choices.empty() ? std::numeric_limits<double>::infinity() : std::abs(x.choices[0].beyond);
  });
}

// What the choices from each one on are worth at most.
void PartSearch::tabulate() {
  rest_.assign(choices_.size() + 1, Each{});
  for (std::size_t k = 0; k < kBeside.size(); ++k) {
    table_[k].assign((choices_.size() + 1) * kRow, 0.0);
    for (std::size_t i = choices_.size(); i-- > 0;) {
      const auto& [of, choices] = choices_[i];
      double most = of.must ? kNever : 0.0;
      for (const Choice& choice : choices) most = std::max(most, choice.gain[k] - memories_[k] * choice.option->resident);
      rest_[i][k] = rest_[i + 1][k] + most;
      const double* after = &table_[k][(i + 1) * kRow];
      if (double* row = &table_[k][i * kRow]; !add_row(of, times_[k], after, row)) std::copy(after, after + kRow, row);
    }
  }
}

double PartSearch::explore(const PricePart& part, std::size_t& nodes) {
  enter(part);
  for (std::size_t k = 0; k < kBeside.size(); ++k) {
    times_[k] = part.time * kBeside[k];
    memories_[k] = best_memory(times_[k]);
  }
  choose();
  tabulate();
  nodes_ = nodes;
  left_ = 0.0;
  chosen_.clear();
  descend(0, capacity_, 0.0, Each{});
  nodes = nodes_;
  return left_;
}

double PartSearch::bound_of(std::size_t i, double free, double workspace, const Each& gained) const {
  const double room = free - std::max(workspace, low_);
  if (room < 0.0) return 0.0;
  const std::size_t at = i * kRow + units(room);
  double bound = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < kBeside.size(); ++k)
    bound = std::min(bound, times_[k] + gained[k] + std::min(table_[k][at], memories_[k] * room + rest_[i][k]));
  return bound;
}

void PartSearch::descend(std::size_t i, double free, double workspace, const Each& gained) {
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
  const auto& [of, choices] = choices_[i];
  bool none_tried = of.must;
  for (const Choice& choice : choices) {
    if (!none_tried && choice.beyond < 0.0) {
      none_tried = true;
      descend(i + 1, free, workspace, gained);
    }
    const double still_free = free - choice.option->resident, largest = std::max(workspace, choice.option->workspace);
    if (still_free < largest) continue;
    Each more = gained;
    for (std::size_t k = 0; k < kBeside.size(); ++k) more[k] += choice.gain[k];
    chosen_.push_back({of.item->m, choice.option});
    descend(i + 1, still_free, largest, more);
    chosen_.pop_back();
  }
  if (!none_tried) descend(i + 1, free, workspace, gained);
}

// The time goes to the dearest first.
void PartSearch::take_leaf() {
  std::vector<Chosen> order = chosen_;
  std::ranges::stable_sort(order, std::greater<>(), [](const Chosen& x) { return x.option->worth; });
  double value = 0.0, time = 1.0;
  std::vector<Hosted> hosted;
  for (const auto& [m, option] : order) {
    const double given = std::min(time, option->share);
    time -= given;
    value += option->cover + given * option->worth;
    hosted.push_back({m, option->batch, given});
  }
  if (value <= best_value_) return;
  best_value_ = value;
  best_ = std::move(hosted);
}

}  // namespace quorate
