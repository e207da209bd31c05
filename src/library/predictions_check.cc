#include "library/predictions_check.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>

#include "core/message.h"
#include "library/scores.h"
#include "quorate/core/parallel.h"

namespace quorate {
namespace {

// A row's sum and its lowest value (at most 0). A value that is not finite makes the sum not finite.
struct RowSummary {
  double sum = 0.0;
  float lowest = 0.0f;
};

// In lanes that a compiler turns into vectors, each summed in float32 over few values only: far more exact than the
// tolerance.
RowSummary summary(const float* row, std::size_t classes) {
  constexpr std::size_t kLanes = 16, kBlock = 64 * kLanes;
  RowSummary result;
  for (std::size_t begin = 0; begin < classes; begin += kBlock) {
    const std::size_t end = std::min(classes, begin + kBlock);
    float sum[kLanes] = {};
    float lowest[kLanes] = {};
    std::size_t c = begin;
    for (; c + kLanes <= end; c += kLanes)
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const float value = row[c + lane];
        sum[lane] += value;
        lowest[lane] = value < lowest[lane] ? value : lowest[lane];
      }
    for (; c < end; ++c) {
      result.sum += double{row[c]};
      result.lowest = std::min(result.lowest, row[c]);
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      result.sum += double{sum[lane]};
      result.lowest = std::min(result.lowest, lowest[lane]);
    }
  }
  return result;
}

// Each float16 probability is rounded by up to 2^-12, so that a row of many classes strays further from 1.
double tolerance_of(const Predictions::Model& model) {
  return std::holds_alternative<const Half*>(model.data) ? 1e-2 : 1e-3;
}

// The first row, counted over models x samples, that is not right(model, row); their number where all are.
template <class Right>
std::size_t first_wrong_row(const std::vector<Predictions::Model>& models, std::size_t samples, std::size_t classes,
                            const Right& right) {
  constexpr std::size_t kWorthThreads = std::size_t{1} << 20;
  const std::size_t all = models.size() * samples;
  std::size_t first_wrong = all;
  std::mutex mutex;
  parallel_for(all, all * classes < kWorthThreads ? 1 : 0, [&](std::size_t begin, std::size_t end) {
    std::size_t wrong = end;  // of this thread's
    for (std::size_t from = begin; from < end && wrong == end;) {
      const std::size_t model = from / samples;
      const std::size_t to = std::min(end, (model + 1) * samples);
      for_each_piece(models[model], classes, from - model * samples, to - model * samples,
                     [&](const float* rows, std::size_t first, std::size_t count) {
                       for (std::size_t row = 0; row < count && wrong == end; ++row)
                         if (!right(models[model], rows + row * classes)) wrong = model * samples + first + row;
                     });
      from = to;
    }
    if (wrong == end) return;
    const std::lock_guard lock(mutex);
    first_wrong = std::min(first_wrong, wrong);
  });
  return first_wrong;
}

std::vector<float> row_of(const Predictions::Model& model, std::size_t sample, std::size_t classes) {
  std::vector<float> row(classes);
  read_scores(model, sample * classes, classes, row.data());
  return row;
}

}  // namespace

std::vector<std::string> names_or_numbers(std::vector<std::string> names, std::size_t models) {
  if (names.empty())
    for (std::size_t m = 0; m < models; ++m) names.push_back(std::to_string(m));
  require(names.size() == models, "names has ", names.size(), " entries, but there are ", models, " models");
  std::set<std::string> seen;
  for (const std::string& name : names) require(seen.insert(name).second, "names holds \"", name, "\" twice");
  return names;
}

void check_labels(const std::vector<std::int32_t>& labels, std::int64_t classes) {
  for (std::size_t sample = 0; sample < labels.size(); ++sample)
    require(labels[sample] >= 0 && labels[sample] < classes, "labels[", sample, "] is ", labels[sample],
            ", but must be from 0 to ", classes - 1);
}

void check_distributions(const std::vector<Predictions::Model>& models, std::size_t samples, std::size_t classes,
                         const std::vector<std::string>& names) {
  const std::size_t wrong =
      first_wrong_row(models, samples, classes, [&](const Predictions::Model& model, const float* row) {
        const RowSummary found = summary(row, classes);
        return found.lowest >= 0.0f && std::abs(found.sum - 1.0) <= tolerance_of(model);
      });
  if (wrong == models.size() * samples) return;
  const std::size_t m = wrong / samples, sample = wrong % samples;
  const std::vector<float> row = row_of(models[m], sample, classes);
  for (std::size_t c = 0; c < classes; ++c)
    require(std::isfinite(row[c]) && row[c] >= 0.0f, "the probability of class ", c, " by model \"", names[m],
            "\" on sample ", sample, " is ", row[c], ", but must be finite and not negative");
  require(false, "the probabilities of model \"", names[m], "\" on sample ", sample, " sum to ",
          summary(row.data(), classes).sum, ", but must sum to 1 within ", tolerance_of(models[m]));
}

void check_finite(const std::vector<Predictions::Model>& models, std::size_t samples, std::size_t outputs,
                  const std::vector<std::string>& names) {
  const auto is_finite = [](float value) { return std::isfinite(value); };
  const std::size_t wrong = first_wrong_row(models, samples, outputs, [&](const Predictions::Model&, const float* row) {
    return std::all_of(row, row + outputs, is_finite);
  });
  if (wrong == models.size() * samples) return;
  const std::size_t m = wrong / samples, sample = wrong % samples;
  const std::vector<float> row = row_of(models[m], sample, outputs);
  const auto output = std::find_if_not(row.begin(), row.end(), is_finite);
  require(false, "the value of output ", output - row.begin(), " by model \"", names[m], "\" on sample ", sample, " is ",
          *output, ", but must be finite");
}

}  // namespace quorate
