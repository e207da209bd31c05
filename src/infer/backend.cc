#include "quorate/infer/backend.h"

#include <cmath>
#include <new>
#include <string_view>

#include "core/message.h"
#include "infer/formats.h"
#include "quorate/core/error.h"
#include "quorate/core/file.h"

namespace quorate {
namespace {

// The reason alone: Torch says it in the first line and then prints a backtrace, but TorchScript prints its own traceback
// first and ends with the reason.
std::string reason(std::string_view words) {
  while (words.ends_with('\n')) words.remove_suffix(1);
  const bool traceback = words.find("Traceback of TorchScript") != words.npos;
  return std::string(traceback ? words.substr(words.rfind('\n') + 1) : words.substr(0, words.find('\n')));
}

}  // namespace

std::shared_ptr<Backend> load_backend(const std::filesystem::path& file, const LoadOptions& options) {
  const std::string ending = file.extension().string();
  const bool package = ending == ".pt2";
  const bool onnx = ending == ".onnx";
  require(package || onnx || ending == ".pt" || ending == ".ts", "the model file is ", file.string(),
          ", but its name must end in .pt or .ts (TorchScript), .pt2 (an AOTInductor package) or .onnx (ONNX)");
  require(options.concurrency >= 1, "concurrency is ", options.concurrency, ", but must be at least 1");

  // What is hashed is what is loaded: all formats are read from these bytes, not from the path again.
  const std::string content = read_file(file);
  if (!options.trust) {
    if (options.sha256.empty())
      throw FileError(file, "no SHA-256 was recorded for this file; pass trust=True to load it all the same");
    if (const std::string found = sha256(content); found != options.sha256)
      throw FileError(file, message("its SHA-256 is ", found, ", but ", options.sha256,
                                    " was recorded: the file has changed since it was added"));
  }
  if (onnx) return load_openvino(file, content, options.concurrency);
  return package ? load_aoti(file, content, options.concurrency) : load_torchscript(file, content);
}

Scores run_checked(Backend& backend, const std::string& model, const float* input, std::span<const std::int64_t> shape,
                   const Device* device) {
  const auto named = [&](const char* words) {
    return message("model \"", model, "\" failed on a batch of shape [", joined(shape), "]: ", reason(words));
  };
  Scores scores;
  try {
    scores = backend.run(input, shape, device);
  } catch (const OutOfMemory& error) {
    throw OutOfMemory(named(error.what()));
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(named("out of memory"));
  } catch (const DeviceLost& error) {
    throw DeviceLost(named(error.what()));
  } catch (const std::exception& error) {
    throw DeviceError(named(error.what()));
  } catch (...) {
    throw DeviceError(named("it threw something that is no std::exception"));
  }
  const auto check = [&](bool holds, const auto&... parts) {
    if (!holds) throw DeviceError(message("model \"", model, "\" ", parts...));
  };
  check(scores.samples == static_cast<std::size_t>(shape[0]) && scores.classes >= 1, "gave an output of shape [",
        scores.samples, ", ", scores.classes, "] for a batch of ", shape[0], ", but must give [batch, classes]");
  for (std::size_t sample = 0; sample < scores.samples; ++sample) {
    double sum = 0.0;
    float least = 0.0f;
    for (std::size_t c = 0; c < scores.classes; ++c) {
      sum += scores.data[sample * scores.classes + c];
      least = std::min(least, scores.data[sample * scores.classes + c]);
    }
    // A NaN or an infinity makes the sum fail too.
    check(std::abs(sum - 1.0) <= 1e-3 && least >= 0.0f, "gave scores that sum to ", sum, " and go down to ", least,
          ", but must give probabilities: end the model in a softmax");
  }
  return scores;
}

}  // namespace quorate
