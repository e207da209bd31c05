// A model that can be run: one interface in front of the formats that model files come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quorate/core/device.h"
#include "quorate/core/error.h"

namespace quorate {

// A batch did not fit the memory that was left: a smaller one may.
class OutOfMemory : public DeviceError {
 public:
  using DeviceError::DeviceError;
};

// The device itself is gone: no model will run there again.
class DeviceLost : public DeviceError {
 public:
  using DeviceError::DeviceError;
};

// What a model answers to one batch: [samples, classes], row-major. `owner` keeps `data` alive.
struct Scores {
  const float* data = nullptr;
  std::size_t samples = 0;
  std::size_t classes = 0;
  std::shared_ptr<const void> owner = nullptr;
};

class Backend {
 public:
  virtual ~Backend() = default;

  // Runs the model on `input` [batch, features...], row-major, whose shape is `shape`. Any number of threads may call at
  // once; the model computes on the calling thread, which is bound to `device`, and as many others as its OpenMP setting
  // says. nullptr: on no device in particular. Throws whatever the model throws; OutOfMemory (or std::bad_alloc) and
  // DeviceLost mean what they say. The result is the model's, unchecked: see run_checked.
  virtual Scores run(const float* input, std::span<const std::int64_t> shape, const Device* device) = 0;

  virtual std::int64_t weight_bytes() const = 0;  // parameters, buffers and constants, as they lie in memory

  // True where run() itself ends, by throwing, what takes longer than it was told: the engine need not watch it.
  virtual bool keeps_time() const { return false; }

  // What the file says that it was made for; a file that does not say takes what its model takes.
  virtual std::vector<std::int64_t> features() const { return {}; }  // of one sample; empty: not said
  virtual std::int64_t max_batch() const { return 0; }               // 0: not said
};

// A file that the caller vouches for is loaded as it is; any other must have the SHA-256 that its library recorded.
struct LoadOptions {
  std::string sha256 = {};  // lower-case hexadecimal
  bool trust = false;
  int concurrency = 1;  // threads that will run the model at once
};

// Loads TorchScript (.pt, .ts), an AOTInductor package (.pt2) or, where OpenVINO is built in, ONNX (.onnx), by the file's
// ending. An AOTInductor package is native code: it can do whatever this process can. An ONNX model has its weights inside
// and one float32 input [batch, features...], of which the batch alone is dynamic. Throws std::invalid_argument for another
// ending, FileError for a file that is missing, damaged, not the one that was recorded, of a format that is not built in,
// or made for other instructions than this CPU's.
std::shared_ptr<Backend> load_backend(const std::filesystem::path& file, const LoadOptions& options = {});

// run(), and the check that what comes back is a probability for every sample and class: [batch, classes], finite, not
// negative, each row's sum within 1e-3 of 1. `model` is what errors call it. Throws DeviceError, and as OutOfMemory or
// DeviceLost what the model threw as such. O(batch x classes).
Scores run_checked(Backend& backend, const std::string& model, const float* input, std::span<const std::int64_t> shape,
                   const Device* device = nullptr);

}  // namespace quorate
