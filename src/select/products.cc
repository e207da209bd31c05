#include "select/products.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "quorate/core/parallel.h"
#include "select/cpu.h"
#include "select/line_vector.h"
#include "select/product_tiles.h"

namespace quorate {
namespace {

constexpr std::size_t kStage = 2;  // runs read at a time: longer pieces of each model, that still lie in a cache

// Scores are summed in so many parts, whatever the number of threads; fewer where sums are large.
std::size_t parts_of(std::size_t models, std::size_t samples) {
  return std::min<std::size_t>(samples, models <= 1024 ? 32 : 8);
}

// One part's sums. With q the mean over models of each score, rounded to float, and c_m = p_m - q, the product of errors is
//   e_a . e_b = c_a . c_b + c_a . (q - y) + c_b . (q - y) + (q - y) . (q - y).
// Models have much in common, c is small, and only its product is summed in float; the others are sums in double.
class Part {
 public:
  Part(const Predictions& predictions, std::span<const double> weights)
      : predictions_(predictions),
        weights_(weights),
        models_((predictions.models() + kTile - 1) / kTile * kTile),
        rows_(std::max<std::size_t>(1, kStage * kRun / predictions.classes())),
        stride_((rows_ * predictions.classes() + kAlign - 1) / kAlign * kAlign + kAlign),
        packed_(models_ * stride_, 0.0f),
        mean_(stride_, 0.0f),
        rest_(stride_, 0.0),
        tiles_(tiles() * kTile * kTile, 0.0),
        with_rest_(models_, 0.0) {}

  void add(std::size_t first, std::size_t end) {
    for (; first < end; first += rows_) add_rows(first, std::min(rows_, end - first));
  }

  std::size_t tiles() const { return models_ / kTile * (models_ / kTile + 1) / 2; }
  const std::vector<double>& tile_sums() const { return tiles_; }      // as ProductTiles lays them out: c . c
  const std::vector<double>& with_rest() const { return with_rest_; }  // [models, padded]: c . (q - y)
  double rest_with_rest() const { return rest_with_rest_; }

 private:
  void add_rows(std::size_t first, std::size_t rows) {
    const std::size_t length = rows * predictions_.classes();
    const std::size_t padded = (length + kAlign - 1) / kAlign * kAlign;
    for (std::size_t m = 0; m < predictions_.models(); ++m) {
      float* of_model = packed_.data() + m * stride_;
      predictions_.read(m, first, rows, of_model);
      std::fill(of_model + length, of_model + padded, 0.0f);
    }
    run_widest<Mean>(static_cast<const float*>(packed_.data()), predictions_.models(), stride_, padded, mean_.data());
    find_rest(first, rows);
    for (std::size_t m = 0; m < predictions_.models(); ++m) {
      double sum = 0.0;
      run_widest<Centre>(packed_.data() + m * stride_, static_cast<const float*>(mean_.data()),
                         static_cast<const double*>(rest_.data()), padded, &sum);
      with_rest_[m] += sum;
    }
    scale(first, rows);
    for (std::size_t k = 0; k < padded; k += kRun)
      add_product_tiles({packed_.data() + k, models_, std::min(kRun, padded - k), stride_}, tiles_.data());
  }

  struct Mean {
    template <int>
    [[gnu::always_inline]] static void run(const float* packed, std::size_t models, std::size_t stride, std::size_t length,
                                           float* __restrict mean) {
      std::fill_n(mean, length, 0.0f);
      for (std::size_t m = 0; m < models; ++m)
        for (std::size_t k = 0; k < length; ++k) mean[k] += packed[m * stride + k];
      for (std::size_t k = 0; k < length; ++k) mean[k] /= static_cast<float>(models);
    }
  };

  // p becomes c; adds c . rest to *sum.
  struct Centre {
    template <int>
    [[gnu::always_inline]] static void run(float* __restrict p, const float* mean, const double* rest, std::size_t length,
                                           double* sum) {
      double sums[kAlign] = {};
      for (std::size_t k = 0; k < length; k += kAlign)
        for (std::size_t lane = 0; lane < kAlign; ++lane) {
          const double centred = double{p[k + lane]} - double{mean[k + lane]};
          sums[lane] += centred * rest[k + lane];
          p[k + lane] = static_cast<float>(centred);
        }
      for (const double value : sums) *sum += value;
    }
  };

  // rest = w (q - y)
  void find_rest(std::size_t first, std::size_t rows) {
    const std::size_t classes = predictions_.classes();
    std::fill(rest_.begin(), rest_.end(), 0.0);
    for (std::size_t row = 0; row < rows; ++row) {
      double* rest = rest_.data() + row * classes;
      for (std::size_t c = 0; c < classes; ++c) rest[c] = double{mean_[row * classes + c]};
      if (predictions_.has_values())
        for (std::size_t c = 0; c < classes; ++c) rest[c] -= double{predictions_.targets()[(first + row) * classes + c]};
      else
        rest[predictions_.labels()[first + row]] -= 1.0;
      for (std::size_t c = 0; c < classes; ++c) {
        rest_with_rest_ += weights_[first + row] * rest[c] * rest[c];
        rest[c] *= weights_[first + row];
      }
    }
  }

  // c by the root of the weights, so that products are by the weights.
  void scale(std::size_t first, std::size_t rows) {
    const std::size_t classes = predictions_.classes();
    for (std::size_t row = 0; row < rows; ++row) {
      if (weights_[first + row] == 1.0) continue;
      const auto root = static_cast<float>(std::sqrt(weights_[first + row]));
      for (std::size_t m = 0; m < predictions_.models(); ++m)
        for (std::size_t c = 0; c < classes; ++c) packed_.data()[m * stride_ + row * classes + c] *= root;
    }
  }

  const Predictions& predictions_;
  std::span<const double> weights_;
  std::size_t models_;
  std::size_t rows_;
  std::size_t stride_;
  LineVector<float> packed_;  // [models, stride]
  LineVector<float> mean_;
  LineVector<double> rest_;
  std::vector<double> tiles_;
  std::vector<double> with_rest_;
  double rest_with_rest_ = 0.0;
};

// With u = 2^-24: c is rounded once, by the root of the weight, itself rounded, once more, and a product is summed with up
// to kRun / lanes others of its lane and then 4 times across lanes: at most 64 + 4 roundings on four lanes or more, where
// kRun counts for 4 lanes 256. All in all (1 + u)^(256 + 2 + 2 x 3) of sums of |c_a c_b| <= norm_a norm_b.
constexpr double kRelativeError = 1.01 * (static_cast<double>(kRun) / 4 + 8.0) * 0x1p-24;

}  // namespace

Products products_of_errors(const Predictions& predictions, std::span<const double> weights, int threads) {
  const std::size_t models = predictions.models(), samples = predictions.samples();
  const std::size_t parts = parts_of(models, samples);
  struct Sums {
    std::vector<double> tiles, with_rest;
    double rest = 0.0;
  };
  std::vector<Sums> sums(parts);
  const std::size_t scores = models * samples * predictions.classes();
  parallel_for(parts, scores < 200'000 ? 1 : threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t part = begin; part < end; ++part) {
      Part own(predictions, weights);
      own.add(samples * part / parts, samples * (part + 1) / parts);
      sums[part] = {own.tile_sums(), own.with_rest(), own.rest_with_rest()};
    }
  });
  for (std::size_t part = 1; part < parts; ++part) {
    for (std::size_t i = 0; i < sums[0].tiles.size(); ++i) sums[0].tiles[i] += sums[part].tiles[i];
    for (std::size_t m = 0; m < models; ++m) sums[0].with_rest[m] += sums[part].with_rest[m];
    sums[0].rest += sums[part].rest;
  }

  Products products{std::vector<double>(models * models), std::vector<double>(models), kRelativeError};
  const double* tile = sums[0].tiles.data();
  for (std::size_t a = 0; a < models; a += kTile)
    for (std::size_t b = a; b < models; b += kTile, tile += kTile * kTile)
      for (std::size_t i = a; i < std::min(models, a + kTile); ++i)
        for (std::size_t j = b; j < std::min(models, b + kTile); ++j) {
          const double centred = tile[(i - a) * kTile + j - b];
          if (i == j) products.norm[i] = std::sqrt(centred * (1.0 + 2.0 * kRelativeError));
          products.of[i * models + j] = products.of[j * models + i] =
              centred + sums[0].with_rest[i] + sums[0].with_rest[j] + sums[0].rest;
        }
  return products;
}

Products products_of_votes(const Predictions& votes, std::span<const double> weights, int threads) {
  const std::size_t models = votes.models(), samples = votes.samples();
  std::vector<std::int32_t> answers(models * samples);
  std::vector<float> ignored(samples);
  for (std::size_t m = 0; m < models; ++m) votes.read_answers(m, {answers.data() + m * samples, samples}, ignored);
  const auto same = [&](const std::int32_t* a, const std::int32_t* b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < samples; ++i) sum += a[i] == b[i] ? weights[i] : 0.0;
    return sum;
  };
  double total = 0.0;
  for (const double weight : weights) total += weight;
  std::vector<double> right(models);
  for (std::size_t m = 0; m < models; ++m) right[m] = same(answers.data() + m * samples, votes.labels().data());
  Products products{std::vector<double>(models * models), std::vector<double>(models, 0.0), 0.0};
  parallel_for(models, models * models * samples < 400'000 ? 1 : threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t a = begin; a < end; ++a)
      for (std::size_t b = 0; b < models; ++b)
        products.of[a * models + b] =
            same(answers.data() + a * samples, answers.data() + b * samples) - right[a] - right[b] + total;
  });
  return products;
}

}  // namespace quorate
