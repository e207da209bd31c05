#include "quorate/select/diversity.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/message.h"
#include "quorate/core/parallel.h"

namespace quorate {
namespace {

void check_members(const Predictions& predictions, std::span<const int> members) {
  require(!members.empty(), "members is empty, but must hold at least one model");
  for (std::size_t k = 0; k < members.size(); ++k)
    require(members[k] >= 0 && static_cast<std::size_t>(members[k]) < predictions.models(), "members[", k, "] is ",
            members[k], ", but must be from 0 to ", predictions.models() - 1);
}

// Calls of_pair(a, b) for every a < b. A thread's rows come in pairs, a long one with a short one, for threads to have alike
// much to do.
template <class OfPair>
void each_pair(std::size_t members, int threads, const OfPair& of_pair) {
  parallel_for((members + 1) / 2, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      for (std::size_t b = row + 1; b < members; ++b) of_pair(row, b);
      const std::size_t other = members - 1 - row;
      for (std::size_t b = other + 1; other != row && b < members; ++b) of_pair(other, b);
    }
  });
}

// A symmetric matrix [members, members].
struct Symmetric {
  std::vector<double>& values;
  std::size_t members;
  void set(std::size_t a, std::size_t b, double value) { values[a * members + b] = values[b * members + a] = value; }
};

class Answers {
 public:
  Answers(const Predictions& predictions, std::span<const int> members, int threads)
      : samples_(predictions.samples()),
        words_((samples_ + 63) / 64),
        answers_(members.size() * samples_),
        wrong_(members.size() * words_, 0) {
    const auto labels = predictions.labels();
    parallel_for(members.size(), threads, [&](std::size_t begin, std::size_t end) {
      std::vector<float> confidence(samples_);
      for (std::size_t k = begin; k < end; ++k) {
        std::int32_t* answers = answers_.data() + k * samples_;
        predictions.read_answers(static_cast<std::size_t>(members[k]), {answers, samples_}, confidence);
        for (std::size_t i = 0; i < samples_; ++i)
          wrong_[k * words_ + i / 64] |= static_cast<std::uint64_t>(answers[i] != labels[i]) << (i % 64);
      }
    });
  }

  std::size_t differ(std::size_t a, std::size_t b) const {
    const std::int32_t *of_a = answers_.data() + a * samples_, *of_b = answers_.data() + b * samples_;
    std::uint32_t count = 0;  // as wide as what is compared, so that a compiler makes vectors of it
    for (std::size_t i = 0; i < samples_; ++i) count += of_a[i] != of_b[i];
    return count;
  }

  std::size_t both_wrong(std::size_t a, std::size_t b) const {
    std::size_t count = 0;
    for (std::size_t w = 0; w < words_; ++w)
      count += static_cast<std::size_t>(std::popcount(wrong_[a * words_ + w] & wrong_[b * words_ + w]));
    return count;
  }

 private:
  std::size_t samples_, words_;
  std::vector<std::int32_t> answers_;  // [members, samples]
  std::vector<std::uint64_t> wrong_;   // [members, words], a bit a sample
};

// Of two bits: n samples, of which `a` are wrong by the one, `b` by the other and `both` by both.
double phi(double n, double a, double b, double both) {
  const double variances = a * (n - a) * b * (n - b);
  return variances > 0.0 ? (both * n - a * b) / std::sqrt(variances) : 0.0;
}

Diversity of_answers(const Predictions& predictions, std::span<const int> members, int threads) {
  const Answers answers(predictions, members, threads);
  const std::size_t k = members.size();
  const auto n = static_cast<double>(predictions.samples());
  std::vector<double> errors;
  for (std::size_t m = 0; m < k; ++m) errors.push_back(static_cast<double>(answers.both_wrong(m, m)));
  Diversity result{std::vector<double>(k * k, 0.0), std::vector<double>(k * k, 1.0), std::vector<double>(k * k)};
  for (std::size_t m = 0; m < k; ++m) result.double_fault[m * k + m] = errors[m] / n;
  each_pair(k, threads, [&](std::size_t a, std::size_t b) {
    const auto both = static_cast<double>(answers.both_wrong(a, b));
    Symmetric{result.disagreement, k}.set(a, b, static_cast<double>(answers.differ(a, b)) / n);
    Symmetric{result.error_correlation, k}.set(a, b, phi(n, errors[a], errors[b], both));
    Symmetric{result.double_fault, k}.set(a, b, both / n);
  });
  return result;
}

// Each member's residuals, of every output shifted to mean 0 and scaled to length 1 (or 0 where they do not vary), so that a
// product of two is a correlation: [members, samples, outputs].
std::vector<float> standard_residuals(const Predictions& predictions, std::span<const int> members, int threads) {
  const std::size_t samples = predictions.samples(), outputs = predictions.classes();
  const auto targets = predictions.targets();
  std::vector<float> all(members.size() * samples * outputs);
  parallel_for(members.size(), threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      float* values = all.data() + k * samples * outputs;
      predictions.read(static_cast<std::size_t>(members[k]), 0, samples, values);
      for (std::size_t j = 0; j < outputs; ++j) {
        // From the first one on: residuals that do not vary are then 0 exactly.
        const auto difference = [&](std::size_t i) {
          return double{values[i * outputs + j]} - double{targets[i * outputs + j]};
        };
        const double first = difference(0);  // before it is overwritten
        const auto residual = [&](std::size_t i) { return difference(i) - first; };
        double mean = 0.0, squares = 0.0;
        for (std::size_t i = 0; i < samples; ++i) mean += residual(i) / static_cast<double>(samples);
        for (std::size_t i = 0; i < samples; ++i) squares += (residual(i) - mean) * (residual(i) - mean);
        const double scale = squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0;
        for (std::size_t i = 0; i < samples; ++i) values[i * outputs + j] = static_cast<float>((residual(i) - mean) * scale);
      }
    }
  });
  return all;
}

Diversity of_values(const Predictions& predictions, std::span<const int> members, int threads) {
  const std::vector<float> residuals = standard_residuals(predictions, members, threads);
  const std::size_t k = members.size(), size = predictions.samples() * predictions.classes();
  Diversity result;
  result.error_correlation.assign(k * k, 1.0);
  each_pair(k, threads, [&](std::size_t a, std::size_t b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < size; ++i) sum += double{residuals[a * size + i]} * double{residuals[b * size + i]};
    Symmetric{result.error_correlation, k}.set(a, b, sum / static_cast<double>(predictions.classes()));
  });
  return result;
}

}  // namespace

Diversity diversity(const Predictions& predictions, std::span<const int> members, int threads) {
  check_members(predictions, members);
  require(threads >= 0, "threads is ", threads, ", but must be at least 0 (0: one for each core)");
  return predictions.has_values() ? of_values(predictions, members, threads) : of_answers(predictions, members, threads);
}

}  // namespace quorate
