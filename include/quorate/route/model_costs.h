// What one sample costs on each model.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "quorate/core/view.h"

namespace quorate {

// Alike for all samples, or of each sample: a language model's answer costs by its length. A value that is cheap to copy.
class ModelCosts {
 public:
  // [models]: what any sample costs.
  ModelCosts(std::span<const double> of_model);  // NOLINT(google-explicit-constructor): the usual case reads as before
  ModelCosts(const std::vector<double>& of_model) : ModelCosts(std::span<const double>(of_model)) {}  // NOLINT

  // [models, samples].
  static ModelCosts of_samples(MatrixView<const double> cost);

  std::size_t models() const { return mean_->size(); }
  bool per_sample() const { return samples_ > 0; }
  std::size_t samples() const { return samples_; }  // of what was given; 0: alike for all
  double mean(std::size_t model) const { return (*mean_)[model]; }
  std::span<const double> means() const { return *mean_; }  // [models]
  double at(std::size_t model, std::size_t sample) const {
    return samples_ > 0 ? (*each_)[model * samples_ + sample] : (*mean_)[model];
  }

 private:
  std::shared_ptr<const std::vector<double>> mean_;
  std::shared_ptr<const std::vector<double>> each_;  // [models, samples], where they differ
  std::size_t samples_ = 0;
};

// Throws std::invalid_argument unless there is one finite cost >= 0 for each model (and sample); `name` is what the message
// calls them.
void check(const ModelCosts& cost, std::size_t models, std::size_t samples, const char* name = "cost");

}  // namespace quorate
