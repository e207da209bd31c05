#include "route/promise.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/message.h"
#include "quorate/core/random.h"
#include "route/betting.h"
#include "route/interval.h"

namespace quorate {
namespace {

constexpr double kShareOfDelta = 0.01;  // spent on the bound of how often d can be -1

}  // namespace

Promise::Promise(const CalibrateOptions& options) : delta(options.delta) {
  require(!(options.max_loss_increase && options.max_loss), "max_loss_increase is ", options.max_loss_increase.value_or(0),
          " and max_loss is ", options.max_loss.value_or(0), ", but only one of them can be promised");
  of_increase = !options.max_loss;
  most = options.max_loss.value_or(options.max_loss_increase.value_or(0.01));
  require(most > 0.0 && most < 1.0, of_increase ? "max_loss_increase" : "max_loss", " is ", most,
          ", but must be above 0 and below 1");
  require(delta > 0.0 && delta < 1.0, "delta is ", delta, ", but must be above 0 and below 1");
  require(options.searched > 0, "searched is 0, but must be at least 1");
}

std::vector<std::size_t> shuffled(std::size_t n, std::uint64_t seed) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed);
  for (std::size_t left = n; left > 1; --left) std::swap(order[left - 1], order[random.below(left)]);
  return order;
}

PromiseTest::PromiseTest(const Promise& promise, const CalibrateOptions& options, double level,
                         std::span<const std::uint8_t> reference, std::size_t could_be_better)
    : rule_(options.rule),
      most_(promise.most),
      level_(level),
      reference_(reference.begin(), reference.end()),
      differences_(reference.size(), 0) {
  const std::size_t n = reference.size();
  if (rule_ == CalibrationRule::kBetting) place_ = shuffled(n, options.seed);
  if (rule_ != CalibrationRule::kExact) return;
  if (promise.of_increase) {
    exact_.emplace(n, most_, (1 - kShareOfDelta) * level_, share_upper_bound(n, could_be_better, kShareOfDelta * level_));
  } else {
    exact_.emplace(n, most_, level_, 0.0);
  }
}

void PromiseTest::set(std::size_t sample, std::uint8_t wrong) {
  std::int8_t& d = differences_[place_.empty() ? sample : place_[sample]];
  const auto now = static_cast<std::int8_t>(wrong - reference_[sample]);
  if (now == d) return;
  worse_ -= d > 0;
  better_ -= d < 0;
  d = now;
  worse_ += d > 0;
  better_ += d < 0;
  passes_.reset();
}

void PromiseTest::set(std::span<const std::uint8_t> wrong) {
  for (std::size_t sample = 0; sample < wrong.size(); ++sample) set(sample, wrong[sample]);
}

bool PromiseTest::passes() {
  if (passes_) return *passes_;
  if (exact_)
    passes_ = exact_->rejects(worse_, better_);
  else if (rule_ == CalibrationRule::kBetting)
    passes_ = log_capital(differences_, most_, level_) >= std::log(1 / level_);
  else
    passes_ = mean() <= most_;
  return *passes_;
}

double PromiseTest::mean() const {
  return (static_cast<double>(worse_) - static_cast<double>(better_)) / static_cast<double>(samples());
}

double PromiseTest::bound(double delta) const {
  const bool of_increase = std::find(reference_.begin(), reference_.end(), 1) != reference_.end() || better_ > 0;
  if (rule_ == CalibrationRule::kBetting) return upper_bound(differences_, delta);
  return of_increase ? count_upper_bound(samples(), worse_, better_, delta) : share_upper_bound(samples(), worse_, delta);
}

std::size_t samples_needed(const Promise& promise, double level, std::size_t samples, std::size_t worse,
                           std::size_t better) {
  const auto n = static_cast<double>(samples);
  const double mean = (static_cast<double>(worse) - static_cast<double>(better)) / n;
  if (mean >= promise.most) return 0;
  const double squares = static_cast<double>(worse + better) / n;
  // Under the hypothesis d = 1 is more frequent by what the mean lacks.
  const double under_hypothesis = squares + (promise.most - mean) - promise.most * promise.most;
  const double deviation =
      normal_quantile(1 - level) * std::sqrt(under_hypothesis) + normal_quantile(0.8) * std::sqrt(squares - mean * mean);
  const double normal = deviation * deviation / ((promise.most - mean) * (promise.most - mean));
  // Without any difference at all it takes this many.
  const double least = std::log(1 / level) / -std::log1p(-promise.most);
  return static_cast<std::size_t>(std::ceil(std::max(normal, least)));
}

}  // namespace quorate
