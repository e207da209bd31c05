// Held-out predictions of several models on the same samples: what selection and routing read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "quorate/core/half.h"
#include "quorate/core/mapped_file.h"
#include "quorate/core/view.h"

namespace quorate {

// Class probabilities, hard votes, or values (regression), of models 0..models()-1 on samples 0..samples()-1, with the
// truth: labels, or targets. A value that is cheap to copy: the arrays are shared and never change. Storage may be a memory
// map, float16 or float32 for each model.
class Predictions {
 public:
  // One model's probabilities [samples, classes], row-major; `owner` keeps `data` alive. Where `file` is given, `data` lies
  // in it, and is read by way of the file: no more of it than a buffer is resident, and where the file is truncated while it
  // is in use, whatever reads throws FileError (see MappedFile::read).
  struct Model {
    std::variant<const float*, const Half*> data;
    std::shared_ptr<const void> owner;
    std::optional<MappedFile> file = std::nullopt;
  };

  // Checks everything once: labels in [0, classes), probabilities finite, not negative, each row's sum within 1e-2 of 1
  // (float32: 1e-3). Throws std::invalid_argument naming the model, the sample and the value. `names` may be empty: then
  // models are called "0", "1", ... O(models x samples x classes).
  static Predictions from_probabilities(std::vector<Model> models, std::size_t samples, std::size_t classes,
                                        std::vector<std::int32_t> labels, std::vector<std::string> names = {});

  // Hard votes: classes[models, samples] >= 0 and, where known, each vote's confidence in [0, 1] (else an empty view, read
  // as 1 everywhere). The number of classes is the highest vote or label plus one. Read as a row of scores, a vote is its
  // confidence at the class voted for and 0 elsewhere, so that averages of votes are vote shares.
  static Predictions from_votes(MatrixView<const std::int32_t> classes, MatrixView<const float> confidence,
                                std::vector<std::int32_t> labels, std::vector<std::string> names = {});

  // Values (regression): each model's [samples, outputs] against targets [samples, outputs], all finite; else
  // std::invalid_argument naming the model, the sample and the value. classes() is then the number of outputs, and labels()
  // is empty.
  static Predictions from_values(std::vector<Model> models, MatrixView<const float> targets,
                                 std::vector<std::string> names = {});

  std::size_t models() const { return names_.size(); }
  std::size_t samples() const { return samples_; }
  std::size_t classes() const { return classes_; }
  std::span<const std::int32_t> labels() const { return *labels_; }
  const std::vector<std::string>& names() const { return names_; }
  bool has_probabilities() const { return votes_ == nullptr && targets_ == nullptr; }
  bool has_values() const { return targets_ != nullptr; }
  std::span<const float> targets() const;  // [samples, classes()]; empty unless has_values()

  // The scores of samples [begin, begin + rows) as float32, written to `out` [rows, classes()].
  void read(std::size_t model, std::size_t begin, std::size_t rows, float* out) const;

  // One of them.
  float score(std::size_t model, std::size_t sample, std::size_t of_class) const;

  // The probability (votes: the score) that a model gives to each sample's true class, written to `out` [samples]. Undefined
  // for values.
  void read_true_class(std::size_t model, std::span<float> out) const;

  // Each sample's class of highest score (ties: the lowest class) and that score; spans of [samples].
  void read_answers(std::size_t model, std::span<std::int32_t> answer, std::span<float> confidence) const;

  // The same models with what Pooling::kVote averages: each model's answer with confidence 1. Throws std::invalid_argument
  // for values. O(models x samples x classes).
  Predictions as_votes() const;

  // The same models with what Pooling::kLogits averages: log of each probability, clipped at `least` from below, in (0, 1].
  // No copy: the logarithms are taken as scores are read. Throws std::invalid_argument for votes and values.
  Predictions as_logarithms(float least) const;

  // The same models with what the user says of how certain each is of each sample: certainty[models, samples], each in
  // [0, 1]; else std::invalid_argument naming the model, the sample and the value. See Signal::kGiven.
  Predictions with_certainty(MatrixView<const float> certainty) const;
  bool has_certainty() const { return certainty_ != nullptr; }
  float certainty(std::size_t model, std::size_t sample) const { return (*certainty_)[model * samples_ + sample]; }

  // A hint, after a model's raw() array was read: pages of a memory map need not stay resident. What reads copies of scores
  // leaves none. Does nothing for other storage.
  void done_with(std::size_t model) const;

  // The raw array of one model of probabilities or values, for those who show it without a copy. Undefined for votes.
  // Whoever reads a memory map through it makes its pages resident, and is killed where the file is truncated.
  const Model& raw(std::size_t model) const { return models_[model]; }

  // The same models on the samples named, in that order, repeats allowed; the arrays are copied.
  Predictions take(std::span<const std::size_t> samples) const;

 private:
  struct Votes {
    std::vector<std::int32_t> classes;  // [models, samples]
    std::vector<float> confidence;      // [models, samples]
  };

  Predictions() = default;

  std::vector<Model> models_;
  std::shared_ptr<const Votes> votes_;
  std::shared_ptr<const std::vector<std::int32_t>> labels_;
  std::shared_ptr<const std::vector<float>> targets_;    // of values only
  std::shared_ptr<const std::vector<float>> certainty_;  // [models, samples], where the user said so
  std::vector<std::string> names_;
  std::size_t samples_ = 0;
  std::size_t classes_ = 0;
  float least_ = 0.0f;  // above 0: scores are read as logarithms, clipped at this probability
};

}  // namespace quorate
