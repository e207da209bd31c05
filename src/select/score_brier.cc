#include <algorithm>
#include <map>
#include <vector>

#include "quorate/core/parallel.h"
#include "select/chunks.h"
#include "select/scorer.h"

namespace quorate {
namespace {

double inner_product(std::span<const float> a, std::span<const float> b) {
  constexpr std::size_t kLanes = 8;
  double sums[kLanes] = {};
  const std::size_t whole = a.size() / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += double{a[i + lane]} * double{b[i + lane]};
  double total = 0.0;
  for (const double sum : sums) total += sum;
  for (std::size_t i = whole; i < a.size(); ++i) total += double{a[i]} * double{b[i]};
  return total;
}

// With S the sum of k picks' scores as one long vector and p a candidate's, the score of their mean is
//   (S.S + 2 S.p + p.p) / (k + 1)^2 - 2 (sum of S and of p at the true classes) / (k + 1) + samples,
// divided by the samples. S.p is a sum of inner products between models, each computed once, when a model is first picked.
class BrierScorer final : public Scorer {
 public:
  BrierScorer(const Predictions& predictions, int threads)
      : predictions_(predictions),
        threads_(threads_worth(predictions.models() * predictions.samples() * predictions.classes(), threads)),
        with_itself_(predictions.models()),
        at_true_class_(predictions.models()),
        with_picks_(predictions.models(), 0.0) {
    parallel_for(predictions.models(), threads_, [&](std::size_t begin, std::size_t end) {
      const Chunks chunks(predictions.samples(), predictions.classes());
      std::vector<float> scores(chunks.rows_at_most() * predictions.classes());
      std::vector<float> column(predictions.samples());
      for (std::size_t m = begin; m < end; ++m) {
        for (std::size_t chunk = 0; chunk < chunks.count(); ++chunk) {
          const auto part = read(m, chunks[chunk], scores);
          with_itself_[m] += inner_product(part, part);
        }
        predictions.read_true_class(m, column);
        for (const float p : column) at_true_class_[m] += double{p};
      }
    });
  }

  void clear() override {
    std::fill(with_picks_.begin(), with_picks_.end(), 0.0);
    picks_with_picks_ = 0.0;
    picks_at_true_class_ = 0.0;
    picks_ = 0.0;
  }

  void add(std::size_t model) override {
    picks_with_picks_ += 2.0 * with_picks_[model] + with_itself_[model];
    picks_at_true_class_ += at_true_class_[model];
    picks_ += 1.0;
    const std::vector<double>& products = products_with(model);
    for (std::size_t m = 0; m < products.size(); ++m) with_picks_[m] += products[m];
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    const double size = picks_ + 1.0;
    const auto samples = static_cast<double>(predictions_.samples());
    for (const int model : models) {
      const auto m = static_cast<std::size_t>(model);
      const double square = (picks_with_picks_ + 2.0 * with_picks_[m] + with_itself_[m]) / (size * size);
      losses[m] = (square - 2.0 * (picks_at_true_class_ + at_true_class_[m]) / size) / samples + 1.0;
    }
  }

 private:
  std::span<const float> read(std::size_t model, Chunks::Range range, std::vector<float>& scores) const {
    predictions_.read(model, range.first, range.rows, scores.data());
    return {scores.data(), range.rows * predictions_.classes()};
  }

  const std::vector<double>& products_with(std::size_t model) {
    const auto [entry, is_new] = products_.try_emplace(model, predictions_.models(), 0.0);
    std::vector<double>& products = entry->second;
    if (!is_new) return products;
    const Chunks chunks(predictions_.samples(), predictions_.classes());
    parallel_for(predictions_.models(), threads_, [&](std::size_t begin, std::size_t end) {
      std::vector<float> own(chunks.rows_at_most() * predictions_.classes());
      std::vector<float> others(own.size());
      for (std::size_t chunk = 0; chunk < chunks.count(); ++chunk) {
        const auto part = read(model, chunks[chunk], own);
        for (std::size_t m = begin; m < end; ++m) products[m] += inner_product(part, read(m, chunks[chunk], others));
      }
    });
    return products;
  }

  const Predictions& predictions_;
  int threads_;
  std::vector<double> with_itself_;                      // [models]: p.p
  std::vector<double> at_true_class_;                    // [models]
  std::map<std::size_t, std::vector<double>> products_;  // of a model picked before with each model
  std::vector<double> with_picks_;                       // [models]: S.p
  double picks_with_picks_ = 0.0;                        // S.S
  double picks_at_true_class_ = 0.0;
  double picks_ = 0.0;
};

}  // namespace

std::unique_ptr<Scorer> make_brier_scorer(const Predictions& predictions, int threads) {
  return std::make_unique<BrierScorer>(predictions, threads);
}

}  // namespace quorate
