#include "select/error_sums.h"

#include <algorithm>

#include "quorate/core/parallel.h"
#include "select/cpu.h"
#include "select/score_rows.h"

namespace quorate {
namespace {

// Each model that is taken back rounds the sum once more, by up to 1.1e-16 of it.
constexpr int kTakenBack = 64;

// Of e = scores - targets (null: 0) the products with s and itself, in lanes: the same bits on any processor. Then
// s += times e.
struct AddProducts {
  template <int>
  [[gnu::always_inline]] static void run(const float* scores, const float* targets, std::size_t count, double times,
                                         double* __restrict s, ErrorSums::Product* product) {
    double se[kLanes] = {}, ee[kLanes] = {}, e[kLanes];
    const std::size_t whole = count / kLanes * kLanes;
    for (std::size_t i = 0; i < whole; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) e[lane] = double{scores[i + lane]};
      if (targets != nullptr)
        for (std::size_t lane = 0; lane < kLanes; ++lane) e[lane] -= double{targets[i + lane]};
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        se[lane] += s[i + lane] * e[lane];
        ee[lane] += e[lane] * e[lane];
      }
      if (times != 0.0)
        for (std::size_t lane = 0; lane < kLanes; ++lane) s[i + lane] += times * e[lane];
    }
    for (std::size_t i = whole; i < count; ++i) {
      const double rest = double{scores[i]} - (targets != nullptr ? double{targets[i]} : 0.0);
      se[i - whole] += s[i] * rest;
      ee[i - whole] += rest * rest;
      if (times != 0.0) s[i] += times * rest;
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      product->with_sum += se[lane];
      product->with_itself += ee[lane];
    }
  }

 private:
  static constexpr std::size_t kLanes = 16;
};

}  // namespace

ErrorSums::ErrorSums(const Scoring& scoring, const ScoreWeights& weights)
    : predictions_(scoring.predictions),
      weights_(weights),
      chunks_(predictions_.samples(), predictions_.classes()),
      threads_(threads_worth(predictions_.samples() * predictions_.classes() / 4, scoring.threads)) {}

ErrorSums::Picks ErrorSums::changes_to(const Picks& picks) const {
  Picks changes;
  for (const auto& [model, count] : picks) changes[model] = count;
  for (const auto& [model, count] : held_) changes[model] -= count;
  std::erase_if(changes, [](const auto& change) { return change.second == 0.0; });
  return changes;
}

bool ErrorSums::begins_anew(const Picks& picks, const Picks& changes) const {
  const bool takes_back =
      std::any_of(changes.begin(), changes.end(), [](const auto& change) { return change.second < 0.0; });
  return sums_.empty() || (takes_back && (changes.size() > picks.size() || taken_back_ == kTakenBack));
}

std::size_t ErrorSums::passes_to(const Picks& picks) const {
  const Picks changes = changes_to(picks);
  return begins_anew(picks, changes) ? picks.size() + 1 : changes.size();
}

void ErrorSums::hold(const Picks& picks) {
  Picks changes = changes_to(picks);
  if (begins_anew(picks, changes)) {
    sums_.assign(predictions_.samples() * predictions_.classes(), 0.0);
    taken_back_ = 0;
    changes = picks;
  }
  for (const auto& [model, times] : changes) {
    pass(model, times);
    if (times < 0.0) ++taken_back_;
  }
  held_ = picks;
}

ErrorSums::Product ErrorSums::with(std::size_t model) { return pass(model, 0.0); }

ErrorSums::Product ErrorSums::add(std::size_t model) {
  held_[model] += 1.0;
  return pass(model, 1.0);
}

ErrorSums::Product ErrorSums::pass(std::size_t model, double times) {
  std::vector<Product> of_chunk(chunks_.count());
  parallel_for(chunks_.count(), threads_, [&](std::size_t begin, std::size_t end) {
    ScoreReader read(predictions_, Pooling::kMean);
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      const auto [first, rows] = chunks_[chunk];
      const float* scores = read(model, first, rows);
      if (weights_.alike) {
        of_chunk[chunk] = of_rows(scores, first, rows, times);
        continue;
      }
      for (std::size_t row = 0; row < rows; ++row) {
        const Product of_row = of_rows(scores + row * predictions_.classes(), first + row, 1, times);
        of_chunk[chunk].with_sum += weights_.of[first + row] * of_row.with_sum;
        of_chunk[chunk].with_itself += weights_.of[first + row] * of_row.with_itself;
      }
    }
  });
  Product total;
  for (const Product& part : of_chunk) {
    total.with_sum += part.with_sum;
    total.with_itself += part.with_itself;
  }
  return total;
}

ErrorSums::Product ErrorSums::of_rows(const float* scores, std::size_t first, std::size_t rows, double times) {
  const std::size_t classes = predictions_.classes();
  double* s = sums_.data() + first * classes;
  const float* targets = predictions_.has_values() ? predictions_.targets().data() + first * classes : nullptr;
  const auto at = [&](std::size_t row) {
    return row * classes + static_cast<std::size_t>(predictions_.labels()[first + row]);
  };
  // The true classes' own part: s (p - 1) = s p - s, and (p - 1)^2 = p^2 - 2 p + 1.
  Product product;
  if (targets == nullptr)
    for (std::size_t row = 0; row < rows; ++row) {
      product.with_sum -= s[at(row)];
      product.with_itself += 1.0 - 2.0 * double{scores[at(row)]};
    }
  run_unfused<AddProducts>(scores, targets, rows * classes, times, s, &product);
  if (targets == nullptr)
    for (std::size_t row = 0; row < rows; ++row) s[at(row)] -= times;
  return product;
}

}  // namespace quorate
