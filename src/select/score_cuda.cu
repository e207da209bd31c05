#include <cuda_runtime.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "core/message.h"
#include "quorate/core/error.h"
#include "select/committee.h"
#include "select/score_cuda.h"
#include "select/score_weights.h"

namespace quorate {
namespace {

constexpr int kWarp = 32;
constexpr int kWarps = 8;  // of a block: so many samples at a time
constexpr unsigned kAll = 0xffffffffu;

void succeed(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw DeviceError(message(what, ": ", cudaGetErrorString(status)));
}

template <class T>
class OnDevice {
 public:
  explicit OnDevice(std::size_t count) {
    const cudaError_t status = cudaMalloc(&data_, count * sizeof(T));
    if (status != cudaSuccess)
      throw DeviceError(message("the GPU has no room for ", count * sizeof(T), " bytes: ", cudaGetErrorString(status)));
  }
  explicit OnDevice(const std::vector<T>& values) : OnDevice(values.size()) { fill(values.data(), 0, values.size()); }
  ~OnDevice() { cudaFree(data_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  T* get() const { return data_; }
  void fill(const T* from, std::size_t first, std::size_t count) {
    succeed(cudaMemcpy(data_ + first, from, count * sizeof(T), cudaMemcpyHostToDevice), "copying to the GPU");
  }

 private:
  T* data_ = nullptr;
};

struct Shape {
  std::size_t samples, classes;
};

__device__ double sum_of_warp(double value) {
  for (int step = kWarp / 2; step > 0; step /= 2) value += __shfl_xor_sync(kAll, value, step);
  return value;
}

__device__ double most_of_warp(double value) {
  for (int step = kWarp / 2; step > 0; step /= 2) value = fmax(value, __shfl_xor_sync(kAll, value, step));
  return value;
}

__device__ int least_of_warp(int value) {
  for (int step = kWarp / 2; step > 0; step /= 2) value = min(value, __shfl_xor_sync(kAll, value, step));
  return value;
}

// The loss of one sample, in all lanes of a warp. `sums` and `own` [classes]: the picks' and the candidate's scores.
__device__ double squares(const double* sums, const float* own, const float* target, int label, int classes, double size) {
  double sum = 0.0;
  for (int c = threadIdx.x; c < classes; c += kWarp) {
    const double truth = target != nullptr ? static_cast<double>(target[c]) : (c == label ? 1.0 : 0.0);
    const double miss = (sums[c] + static_cast<double>(own[c])) / size - truth;
    sum += miss * miss;
  }
  return target != nullptr ? sum_of_warp(sum) / classes : sum_of_warp(sum);
}

__device__ double wrong(const double* sums, const float* own, int label, int classes, double size) {
  double highest = -INFINITY;
  for (int c = threadIdx.x; c < classes; c += kWarp) highest = fmax(highest, (sums[c] + static_cast<double>(own[c])) / size);
  highest = most_of_warp(highest);
  int answer = classes;
  for (int c = threadIdx.x; c < classes; c += kWarp)
    if ((sums[c] + static_cast<double>(own[c])) / size >= highest - kScoreTie) answer = min(answer, c);
  return least_of_warp(answer) == label ? 0.0 : 1.0;
}

// losses[k, i] of the k-th of `models`, weighted: blocks of [samples / kWarps, models], threads [kWarp, kWarps].
template <Metric metric>
__global__ void losses_of_samples(const float* scores, const double* sums, const int* labels, const float* targets,
                                  const double* weights, const int* models, Shape shape, double size, double* losses) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kWarps + threadIdx.y;
  if (i >= shape.samples) return;
  const float* own = scores + (static_cast<std::size_t>(models[blockIdx.y]) * shape.samples + i) * shape.classes;
  const double* of_picks = sums + i * shape.classes;
  const int classes = static_cast<int>(shape.classes);
  double loss = 0.0;
  if constexpr (metric == Metric::kMse)
    loss = squares(of_picks, own, targets + i * shape.classes, 0, classes, size);
  else if constexpr (metric == Metric::kBrier)
    loss = squares(of_picks, own, nullptr, labels[i], classes, size);
  else
    loss = wrong(of_picks, own, labels[i], classes, size);
  if (threadIdx.x == 0) losses[blockIdx.y * shape.samples + i] = weights[i] * loss;
}

// The same for log loss, of the true class alone: a thread a sample.
__global__ void log_losses(const float* scores, const double* sums, const int* labels, const double* weights,
                           const int* models, Shape shape, double size, double* losses) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= shape.samples) return;
  const std::size_t at = i * shape.classes + static_cast<std::size_t>(labels[i]);
  const double own = scores[static_cast<std::size_t>(models[blockIdx.y]) * shape.samples * shape.classes + at];
  const double p = fmin(fmax((sums[at] + own) / size, kLeastProbability), 1.0);
  losses[blockIdx.y * shape.samples + i] = -weights[i] * log(p);
}

// sums[k] of losses[k, :], in an order that depends on the number of samples alone: a block a row, a power of two of
// threads.
__global__ void sum_rows(const double* losses, std::size_t samples, double* sums) {
  extern __shared__ double parts[];
  double sum = 0.0;
  for (std::size_t i = threadIdx.x; i < samples; i += blockDim.x) sum += losses[blockIdx.x * samples + i];
  parts[threadIdx.x] = sum;
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = parts[0];
}

__global__ void add_scores(const float* scores, std::size_t count, double* sums) {
  const std::size_t at = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at < count) sums[at] += static_cast<double>(scores[at]);
}

unsigned blocks_for(std::size_t count, unsigned of) { return static_cast<unsigned>((count + of - 1) / of); }

class CudaScorer final : public Scorer {
 public:
  explicit CudaScorer(const Scoring& scoring)
      : shape_{scoring.predictions.samples(), scoring.predictions.classes()},
        models_(scoring.predictions.models()),
        metric_(scoring.metric),
        scores_(models_ * count()),
        sums_(count()),
        labels_(labels_of(scoring.predictions)),
        targets_({scoring.predictions.targets().begin(), scoring.predictions.targets().end()}),
        weights_(normalised(scoring)),
        asked_(models_),
        losses_(models_ * shape_.samples),
        of_models_(models_) {
    const std::size_t rows = std::max<std::size_t>(1, (std::size_t{1} << 22) / shape_.classes);
    std::vector<float> part;
    for (std::size_t m = 0; m < models_; ++m) {
      for (std::size_t first = 0; first < shape_.samples; first += rows) {
        part.resize(std::min(rows, shape_.samples - first) * shape_.classes);
        scoring.predictions.read(m, first, part.size() / shape_.classes, part.data());
        scores_.fill(part.data(), m * count() + first * shape_.classes, part.size());
      }
      scoring.predictions.done_with(m);
    }
    clear();
  }

  void clear() override {
    succeed(cudaMemset(sums_.get(), 0, count() * sizeof(double)), "clearing the sums");
    picks_ = 0.0;
  }

  void add(std::size_t model) override {
    constexpr unsigned kThreads = 256;
    add_scores<<<blocks_for(count(), kThreads), kThreads>>>(scores_.get() + model * count(), count(), sums_.get());
    succeed(cudaGetLastError(), "adding a pick");
    picks_ += 1.0;
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    asked_.fill(models.data(), 0, models.size());
    const unsigned rows = static_cast<unsigned>(models.size());
    launch(rows);
    constexpr unsigned kThreads = 256;
    sum_rows<<<rows, kThreads, kThreads * sizeof(double)>>>(losses_.get(), shape_.samples, of_models_.get());
    succeed(cudaGetLastError(), "scoring");
    std::vector<double> found(models.size());
    succeed(cudaMemcpy(found.data(), of_models_.get(), found.size() * sizeof(double), cudaMemcpyDeviceToHost), "scoring");
    for (std::size_t k = 0; k < models.size(); ++k) losses[static_cast<std::size_t>(models[k])] = found[k];
  }

  // Sums of n terms in double, each rounded a few times: far below what two losses are told apart by.
  double error() const override { return 1e-13; }

  double exact(std::size_t model) override {
    const int one = static_cast<int>(model);
    std::vector<double> losses(models_);
    score({&one, 1}, losses);
    return losses[model];
  }

 private:
  std::size_t count() const { return shape_.samples * shape_.classes; }

  static std::vector<int> labels_of(const Predictions& predictions) {
    std::vector<int> labels(predictions.labels().begin(), predictions.labels().end());
    labels.resize(predictions.samples());
    return labels;
  }

  static std::vector<double> normalised(const Scoring& scoring) {
    ScoreWeights weights = scoring.metric == Metric::kBalancedAccuracy ? balanced_weights(scoring) : score_weights(scoring);
    for (double& weight : weights.of) weight /= weights.total;
    return weights.of;
  }

  void launch(unsigned rows) {
    const double size = picks_ + 1.0;
    if (metric_ == Metric::kLogLoss) {
      constexpr unsigned kThreads = 256;
      const dim3 blocks(blocks_for(shape_.samples, kThreads), rows);
      log_losses<<<blocks, kThreads>>>(scores_.get(), sums_.get(), labels_.get(), weights_.get(), asked_.get(), shape_, size,
                                       losses_.get());
      return;
    }
    const dim3 blocks(blocks_for(shape_.samples, kWarps), rows), threads(kWarp, kWarps);
    const auto run = [&](auto kernel) {
      kernel<<<blocks, threads>>>(scores_.get(), sums_.get(), labels_.get(), targets_.get(), weights_.get(), asked_.get(),
                                  shape_, size, losses_.get());
    };
    if (metric_ == Metric::kMse) return run(losses_of_samples<Metric::kMse>);
    if (metric_ == Metric::kBrier) return run(losses_of_samples<Metric::kBrier>);
    run(losses_of_samples<Metric::kAccuracy>);
  }

  Shape shape_;
  std::size_t models_;
  Metric metric_;
  OnDevice<float> scores_;    // [models, samples, classes]
  OnDevice<double> sums_;     // [samples, classes], over the picks
  OnDevice<int> labels_;      // [samples]
  OnDevice<float> targets_;   // [samples, classes] of values
  OnDevice<double> weights_;  // [samples], of sum 1 (kBalancedAccuracy: of each class the same sum)
  OnDevice<int> asked_;       // [models]
  OnDevice<double> losses_;   // [models, samples]
  OnDevice<double> of_models_;
  double picks_ = 0.0;
};

}  // namespace

std::unique_ptr<Scorer> make_cuda_scorer(const Scoring& scoring) {
  int number = 0;
  const std::string_view digits = scoring.device.substr(sizeof "cuda:" - 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  succeed(cudaSetDevice(number), std::string(scoring.device).c_str());
  return std::make_unique<CudaScorer>(scoring);
}

}  // namespace quorate
