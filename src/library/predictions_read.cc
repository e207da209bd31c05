#include <algorithm>
#include <array>
#include <cmath>

#include "library/scores.h"
#include "quorate/library/predictions.h"

namespace quorate {
namespace {

void take_logarithms(std::span<float> scores, float least) {
  for (float& score : scores) score = std::log(std::max(score, least));
}

// The first of the highest scores: found in lanes that a compiler turns into vectors, then looked for.
std::size_t highest_of(const float* row, std::size_t classes) {
  constexpr std::size_t kLanes = 16;
  if (classes < 2 * kLanes) return static_cast<std::size_t>(std::max_element(row, row + classes) - row);
  float highest[kLanes];
  std::copy_n(row, kLanes, highest);
  std::size_t c = kLanes;
  for (; c + kLanes <= classes; c += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) highest[lane] = std::max(highest[lane], row[c + lane]);
  float best = *std::max_element(highest, highest + kLanes);
  for (; c < classes; ++c) best = std::max(best, row[c]);
  return static_cast<std::size_t>(std::find(row, row + classes, best) - row);
}

}  // namespace

void read_scores(const Predictions::Model& model, std::size_t begin, std::size_t count, float* out) {
  if (const auto* const* floats = std::get_if<const float*>(&model.data))
    return read_stored(model, *floats, begin, count, out);
  const Half* halves = std::get<const Half*>(model.data);
  if (!model.file) return to_floats({halves + begin, count}, out);
  std::array<std::uint16_t, 16384> bits;  // not of Half, which would be set to 0 first
  for (std::size_t done = 0; done < count;) {
    const std::size_t part = std::min(count - done, bits.size());
    model.file->read(halves + begin + done, part * sizeof(Half), bits.data());
    to_floats({reinterpret_cast<const Half*>(bits.data()), part}, out + done);
    done += part;
  }
}

std::span<const float> Predictions::targets() const {
  return targets_ ? std::span<const float>(*targets_) : std::span<const float>();
}

void Predictions::read(std::size_t model, std::size_t begin, std::size_t rows, float* out) const {
  if (!votes_) {
    read_scores(models_[model], begin * classes_, rows * classes_, out);
    if (least_ > 0.0f) take_logarithms({out, rows * classes_}, least_);
    return;
  }
  std::fill_n(out, rows * classes_, 0.0f);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t vote = model * samples_ + begin + row;
    out[row * classes_ + static_cast<std::size_t>(votes_->classes[vote])] = votes_->confidence[vote];
  }
}

float Predictions::score(std::size_t model, std::size_t sample, std::size_t of_class) const {
  if (votes_) {
    const std::size_t vote = model * samples_ + sample;
    return static_cast<std::size_t>(votes_->classes[vote]) == of_class ? votes_->confidence[vote] : 0.0f;
  }
  float score = 0.0f;
  const Model& from = models_[model];
  const std::size_t at = sample * classes_ + of_class;
  if (from.file)
    read_scores(from, at, 1, &score);
  else
    score = std::visit([at](const auto* data) { return to_float(data[at]); }, from.data);
  if (least_ > 0.0f) take_logarithms({&score, 1}, least_);
  return score;
}

void Predictions::read_true_class(std::size_t model, std::span<float> out) const {
  const auto label = [&](std::size_t sample) { return static_cast<std::size_t>((*labels_)[sample]); };
  if (votes_) {
    for (std::size_t sample = 0; sample < samples_; ++sample) out[sample] = score(model, sample, label(sample));
    return;
  }
  const Model& from = models_[model];
  std::visit(
      [&]<class T>(const T* data) {
        if (!from.file) {
          std::vector<T> numbers(samples_);
          for (std::size_t sample = 0; sample < samples_; ++sample)
            numbers[sample] = data[sample * classes_ + label(sample)];
          if constexpr (std::is_same_v<T, Half>)
            to_floats(numbers, out.data());
          else
            std::copy(numbers.begin(), numbers.end(), out.begin());
          return;
        }
        // To read one number of a file takes as long as to read several thousand in a row: rows longer than that are left
        // out.
        constexpr std::size_t kNumbers = 65536, kWorthSkipping = 4096;
        const bool whole_rows = classes_ <= kWorthSkipping;
        const std::size_t most = whole_rows ? kNumbers / classes_ : 1;
        std::vector<T> numbers(whole_rows ? most * classes_ : 1);
        for (std::size_t first = 0; first < samples_; first += most) {
          const std::size_t rows = std::min(most, samples_ - first);
          if (whole_rows) {
            read_stored(from, data, first * classes_, rows * classes_, numbers.data());
            for (std::size_t row = 0; row < rows; ++row)
              out[first + row] = to_float(numbers[row * classes_ + label(first + row)]);
          } else {
            read_stored(from, data, first * classes_ + label(first), 1, numbers.data());
            out[first] = to_float(numbers.front());
          }
        }
      },
      from.data);
  if (least_ > 0.0f) take_logarithms(out.first(samples_), least_);
}

void Predictions::read_answers(std::size_t model, std::span<std::int32_t> answer, std::span<float> confidence) const {
  if (votes_) {
    const std::size_t first = model * samples_;
    // A vote of confidence 0 is a row of zeros: the same answer as its average would give.
    for (std::size_t sample = 0; sample < samples_; ++sample) {
      confidence[sample] = votes_->confidence[first + sample];
      answer[sample] = confidence[sample] > 0.0f ? votes_->classes[first + sample] : 0;
    }
    return;
  }
  for_each_piece(models_[model], classes_, 0, samples_, [&](const float* rows, std::size_t begin, std::size_t count) {
    for (std::size_t row = 0; row < count; ++row) {
      const float* scores = rows + row * classes_;
      const std::size_t best = highest_of(scores, classes_);
      answer[begin + row] = static_cast<std::int32_t>(best);
      confidence[begin + row] = scores[best];
    }
  });
  if (least_ > 0.0f) take_logarithms(confidence.first(samples_), least_);
}

void Predictions::done_with(std::size_t model) const {
  if (votes_ || !models_[model].file) return;
  std::visit([&]<class T>(const T* data) { models_[model].file->release(data, samples_ * classes_ * sizeof(T)); },
             models_[model].data);
}

}  // namespace quorate
