// A network of one hidden layer that the example trains by itself: what stands in for your own training code.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Images {
  static constexpr std::size_t kPixels = 64, kClasses = 10;
  std::vector<float> pixels;         // [samples, kPixels] in [0, 1]
  std::vector<std::int32_t> labels;  // [samples]

  std::size_t size() const { return labels.size(); }
  const float* operator[](std::size_t i) const { return pixels.data() + i * kPixels; }
};

inline Images read_images(const std::filesystem::path& path) {
  Images images;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream numbers(line);
    float value = 0;
    for (std::size_t i = 0; i <= Images::kPixels; ++i) {
      if (!(numbers >> value)) throw std::runtime_error(path.string() + ": a line must hold 64 pixels and a label");
      numbers.ignore();
      if (i < Images::kPixels)
        images.pixels.push_back(value);
      else
        images.labels.push_back(static_cast<std::int32_t>(value));
    }
  }
  if (images.labels.empty()) throw std::runtime_error(path.string() + ": no images");
  return images;
}

// Softmax of two layers, trained by stochastic gradient descent with momentum.
class Network {
 public:
  Network(std::size_t hidden, std::uint64_t seed) : hidden_(hidden), weights_(size()), velocity_(size()) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < Images::kPixels * hidden; ++i)
      weights_[i] = normal(random) * std::sqrt(2.0f / Images::kPixels);
    for (std::size_t i = 0; i < hidden * Images::kClasses; ++i)
      weights_[offset_w2() + i] = normal(random) / std::sqrt(static_cast<float>(hidden));
  }

  void train_one_epoch(const Images& images, float rate, std::uint64_t seed) {
    std::vector<std::size_t> order(images.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937_64(seed));
    std::vector<float> hidden(hidden_), scores(Images::kClasses), gradient(size());
    for (std::size_t first = 0; first < order.size(); first += kBatch) {
      const std::size_t last = std::min(first + kBatch, order.size());
      std::fill(gradient.begin(), gradient.end(), 0.0f);
      for (std::size_t i = first; i < last; ++i) {
        forward(images[order[i]], hidden, scores);
        scores[static_cast<std::size_t>(images.labels[order[i]])] -= 1.0f;
        add_gradient(images[order[i]], hidden, scores, gradient);
      }
      for (std::size_t w = 0; w < size(); ++w) {
        velocity_[w] = 0.9f * velocity_[w] - rate / static_cast<float>(last - first) * gradient[w];
        weights_[w] += velocity_[w];
      }
    }
  }

  std::vector<float> predict(const Images& images) const {  // [samples, classes]
    std::vector<float> hidden(hidden_), probabilities(images.size() * Images::kClasses);
    for (std::size_t i = 0; i < images.size(); ++i)
      forward(images[i], hidden, {probabilities.data() + i * Images::kClasses, Images::kClasses});
    return probabilities;
  }

  std::string to_bytes() const {
    std::string bytes(2 * size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), weights_.data(), bytes.size() / 2);
    std::memcpy(bytes.data() + bytes.size() / 2, velocity_.data(), bytes.size() / 2);
    return bytes;
  }

  void from_bytes(const std::string& bytes) {
    if (bytes.size() != 2 * size() * sizeof(float)) throw std::runtime_error("a checkpoint of another network");
    std::memcpy(weights_.data(), bytes.data(), bytes.size() / 2);
    std::memcpy(velocity_.data(), bytes.data() + bytes.size() / 2, bytes.size() / 2);
  }

  std::size_t hidden() const { return hidden_; }
  std::size_t flops() const { return 2 * hidden_ * (Images::kPixels + Images::kClasses); }

  // Row-major: w1 [kPixels, hidden], b1 [hidden], w2 [hidden, kClasses], b2 [kClasses].
  const float* w1() const { return weights_.data(); }
  const float* b1() const { return weights_.data() + offset_b1(); }
  const float* w2() const { return weights_.data() + offset_w2(); }
  const float* b2() const { return weights_.data() + offset_b2(); }

 private:
  static constexpr std::size_t kBatch = 16;
  std::size_t offset_b1() const { return Images::kPixels * hidden_; }
  std::size_t offset_w2() const { return offset_b1() + hidden_; }
  std::size_t offset_b2() const { return offset_w2() + hidden_ * Images::kClasses; }
  std::size_t size() const { return offset_b2() + Images::kClasses; }

  void forward(const float* image, std::span<float> hidden, std::span<float> probabilities) const {
    std::copy_n(b1(), hidden_, hidden.begin());
    for (std::size_t p = 0; p < Images::kPixels; ++p)
      for (std::size_t h = 0; h < hidden_; ++h) hidden[h] += image[p] * w1()[p * hidden_ + h];
    std::copy_n(b2(), Images::kClasses, probabilities.begin());
    for (std::size_t h = 0; h < hidden_; ++h) {
      hidden[h] = std::max(hidden[h], 0.0f);
      for (std::size_t c = 0; c < Images::kClasses; ++c) probabilities[c] += hidden[h] * w2()[h * Images::kClasses + c];
    }
    const float highest = *std::max_element(probabilities.begin(), probabilities.end());
    float sum = 0.0f;
    for (float& value : probabilities) sum += value = std::exp(value - highest);
    for (float& value : probabilities) value /= sum;
  }

  // `error`: the gradient of the log loss with respect to the scores before the softmax.
  void add_gradient(const float* image, std::span<const float> hidden, std::span<const float> error,
                    std::span<float> gradient) const {
    for (std::size_t c = 0; c < Images::kClasses; ++c) gradient[offset_b2() + c] += error[c];
    for (std::size_t h = 0; h < hidden_; ++h) {
      if (hidden[h] == 0.0f) continue;
      float back = 0.0f;
      for (std::size_t c = 0; c < Images::kClasses; ++c) {
        gradient[offset_w2() + h * Images::kClasses + c] += hidden[h] * error[c];
        back += w2()[h * Images::kClasses + c] * error[c];
      }
      gradient[offset_b1() + h] += back;
      for (std::size_t p = 0; p < Images::kPixels; ++p) gradient[p * hidden_ + h] += image[p] * back;
    }
  }

  std::size_t hidden_;
  std::vector<float> weights_, velocity_;
};
