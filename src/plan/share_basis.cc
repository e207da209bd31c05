#include "plan/share_basis.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quorate {
namespace {

constexpr double kPivot = 1e-9;     // smaller entries are not pivoted on
constexpr double kOptimal = 1e-10;  // a smaller gain is none
constexpr double kNegative = 1e-9;  // a variable above minus this is not negative
constexpr double kExact = 1e-6;     // rows are met to this, or the basis is made anew

}  // namespace

ShareBasis::ShareBasis(std::size_t devices, std::span<const double> demand)
    : devices_(devices),
      models_(demand.size()),
      rows_(devices + demand.size()),
      demand_(demand.begin(), demand.end()),
      rate_(devices * demand.size(), 0.0),
      hosted_(devices),
      direction_(rows_, 0.0),
      price_(models_, 0.0),
      worth_(devices, 0.0) {
  restart();
}

void ShareBasis::restart() {
  inverse_.assign(rows_ * rows_, 0.0);
  value_.assign(rows_, 0.0);
  basic_.assign(rows_, 0);
  position_.assign(1 + rate_.size() + rows_, -1);
  for (std::size_t row = 0; row < rows_; ++row) {
    inverse_[row * rows_ + row] = row < models_ ? -1.0 : 1.0;
    value_[row] = row < models_ ? 0.0 : 1.0;
    basic_[row] = static_cast<int>(1 + rate_.size() + row);
    position_[static_cast<std::size_t>(basic_[row])] = static_cast<int>(row);
  }
}

void ShareBasis::set(std::size_t device, std::size_t m, double rate) {
  const std::size_t cell = device * models_ + m;
  if (rate_[cell] == rate) return;
  if (rate_[cell] > 0.0) {
    std::erase(hosted_[device], cell);
    std::erase(waiting_, cell);
    if (const int row = position_[1 + cell]; row >= 0) {
      basic_[static_cast<std::size_t>(row)] = kGone;
      position_[1 + cell] = -1;
    }
  }
  rate_[cell] = rate;
  if (rate > 0.0) waiting_.push_back(cell);
}

double ShareBasis::share(std::size_t device, std::size_t m) const {
  const int row = position_[1 + device * models_ + m];
  return row < 0 ? 0.0 : std::clamp(value_[static_cast<std::size_t>(row)], 0.0, 1.0);
}

ShareBasis::Entries ShareBasis::entries(int column) const {
  const std::size_t cells = rate_.size(), index = static_cast<std::size_t>(column) - 1;
  if (index < cells) {
    const std::size_t m = index % models_;
    return {{m, models_ + index / models_}, {rate_[index] / demand_[m] / scale_, 1.0}};
  }
  const std::size_t row = index - cells;
  return {{row, row}, {row < models_ ? -1.0 : 1.0, 0.0}};
}

double ShareBasis::row_times(std::size_t r, int column) const {
  const double* row = &inverse_[r * rows_];
  if (column == 0) {
    double sum = 0.0;
    for (std::size_t m = 0; m < models_; ++m) sum -= row[m];
    return sum;
  }
  const Entries e = entries(column);
  return row[e.row[0]] * e.value[0] + row[e.row[1]] * e.value[1];
}

void ShareBasis::times(int column, std::vector<double>& out) const {
  if (column == 0) {
    for (std::size_t r = 0; r < rows_; ++r) out[r] = row_times(r, 0);
    return;
  }
  const Entries e = entries(column);
  for (std::size_t r = 0; r < rows_; ++r)
    out[r] = inverse_[r * rows_ + e.row[0]] * e.value[0] + inverse_[r * rows_ + e.row[1]] * e.value[1];
}

double ShareBasis::gain(int column) const {
  const int t = position_[0];
  if (column == 0) return t < 0 ? 1.0 : 0.0;
  return t < 0 ? 0.0 : -row_times(static_cast<std::size_t>(t), column);
}

template <class Visit>
void ShareBasis::each_outside(const Visit& visit) const {
  if (position_[0] < 0) visit(0);
  for (const std::vector<std::size_t>& cells : hosted_)
    for (const std::size_t cell : cells)
      if (position_[1 + cell] < 0) visit(static_cast<int>(1 + cell));
  for (std::size_t row = 0; row < rows_; ++row)
    if (const std::size_t column = 1 + rate_.size() + row; position_[column] < 0) visit(static_cast<int>(column));
}

void ShareBasis::pivot(std::size_t r, int column) {
  times(column, direction_);
  double* pivot_row = &inverse_[r * rows_];
  const double by = 1.0 / direction_[r];
  for (std::size_t i = 0; i < rows_; ++i) pivot_row[i] *= by;
  value_[r] *= by;
  for (std::size_t row = 0; row < rows_; ++row) {
    const double factor = direction_[row];
    if (row == r || factor == 0.0) continue;
    double* to = &inverse_[row * rows_];
    for (std::size_t i = 0; i < rows_; ++i) to[i] -= factor * pivot_row[i];
    value_[row] -= factor * value_[r];
  }
  if (basic_[r] >= 0) position_[static_cast<std::size_t>(basic_[r])] = -1;
  basic_[r] = column;
  position_[static_cast<std::size_t>(column)] = static_cast<int>(r);
}

bool ShareBasis::repair() {
  for (std::size_t steps = 0; steps < 20 * rows_ + 50; ++steps) {
    std::size_t leaving = rows_;
    for (std::size_t row = 0; row < rows_; ++row) {
      if (basic_[row] == kGone) {
        leaving = row;
        break;
      }
      if (value_[row] < -kNegative && (leaving == rows_ || value_[row] < value_[leaving])) leaving = row;
    }
    if (leaving == rows_) return true;
    // A gone variable of 0 may leave upwards and downwards alike.
    const bool down = value_[leaving] >= 0.0;
    const bool either = basic_[leaving] == kGone && std::abs(value_[leaving]) <= kNegative;
    int entering = kGone;
    double least = std::numeric_limits<double>::infinity(), largest = 0.0;
    each_outside([&](int column) {
      const double entry = row_times(leaving, column), size = std::abs(entry);
      if (size < kPivot || (!either && (entry > 0.0) != down)) return;
      const double ratio = std::max(0.0, -gain(column)) / size;
      if (ratio < least - 1e-12 || (ratio <= least + 1e-12 && size > largest)) {
        least = std::min(ratio, least);
        largest = size;
        entering = column;
      }
    });
    if (entering == kGone) return false;
    pivot(leaving, entering);
  }
  return false;
}

bool ShareBasis::improve() {
  std::size_t idle = 0;
  for (std::size_t steps = 0; steps < 50 * rows_ + 500; ++steps) {
    // Where t doesn't move for long, the first column that gains is taken in place of the best: that can't cycle.
    const bool first = idle > 2 * rows_;
    int entering = kGone;
    double best = kOptimal;
    each_outside([&](int column) {
      if (first && entering != kGone) return;
      if (const double gains = gain(column); gains > best) {
        best = gains;
        entering = column;
      }
    });
    if (entering == kGone) return true;
    times(entering, direction_);
    std::size_t leaving = rows_;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t row = 0; row < rows_; ++row) {
      if (direction_[row] <= kPivot) continue;
      const double ratio = std::max(0.0, value_[row]) / direction_[row];
      const bool tie = leaving != rows_ && ratio <= least + 1e-13;
      if (ratio < least - 1e-13 ||
          (tie && (first ? basic_[row] < basic_[leaving] : direction_[row] > direction_[leaving]))) {
        least = std::min(least, ratio);
        leaving = row;
      }
    }
    if (leaving == rows_) return false;
    idle = least > 1e-12 ? 0 : idle + 1;
    pivot(leaving, entering);
  }
  return false;
}

bool ShareBasis::exact() const {
  std::vector<double> left(rows_, 0.0);
  for (std::size_t device = 0; device < devices_; ++device) left[models_ + device] = 1.0;
  for (std::size_t row = 0; row < rows_; ++row) {
    if (basic_[row] == 0) {
      for (std::size_t m = 0; m < models_; ++m) left[m] += value_[row];
      continue;
    }
    const Entries e = entries(basic_[row]);
    for (int i = 0; i < 2; ++i) left[e.row[i]] -= e.value[i] * value_[row];
  }
  return std::all_of(left.begin(), left.end(), [](double value) { return std::abs(value) < kExact; });
}

void ShareBasis::read() {
  const int t = position_[0];
  if (t < 0) {
    throughput_ = 0.0;
    std::fill(price_.begin(), price_.end(), 0.0);
    std::fill(worth_.begin(), worth_.end(), 0.0);
    return;
  }
  const auto row = static_cast<std::size_t>(t);
  throughput_ = std::max(0.0, value_[row]) * scale_;
  const double* dual = &inverse_[row * rows_];
  for (std::size_t m = 0; m < models_; ++m) price_[m] = std::max(0.0, -dual[m]) / demand_[m];
  for (std::size_t device = 0; device < devices_; ++device) worth_[device] = std::max(0.0, dual[models_ + device]) * scale_;
}

double ShareBasis::solve() {
  const auto admit = [&] {
    for (const std::size_t cell : waiting_) hosted_[cell / models_].push_back(cell);
    waiting_.clear();
  };
  bool solved = throughput_ > 0.0 && repair();
  admit();
  solved = solved && improve() && exact();
  if (!solved) {
    // Anew, in units of the most that t could be if every device gave all of its time to every model.
    scale_ = std::numeric_limits<double>::infinity();
    for (std::size_t m = 0; m < models_; ++m) {
      double sum = 0.0;
      for (std::size_t cell = m; cell < rate_.size(); cell += models_) sum += rate_[cell];
      scale_ = std::min(scale_, sum / demand_[m]);
    }
    if (scale_ <= 0.0) scale_ = 1.0;
    restart();
    improve();
  }
  read();
  return throughput_;
}

}  // namespace quorate
