#include "quorate/infer/measure.h"

#include <algorithm>
#include <chrono>

#include "core/message.h"
#include "infer/measure_models.h"
#include "infer/slowdown.h"
#include "infer/thread_binding.h"

namespace quorate {
namespace {

void check(const Samples& sample, const MeasureOptions& options) {
  require(sample.shape.size() >= 2 && std::ranges::min(sample.shape) >= 1, "sample has shape [", joined(sample.shape),
          "], but must be [samples, features...] with at least one sample");
  require(!options.batch_sizes.empty() && options.batch_sizes[0] >= 1 &&
              std::ranges::adjacent_find(options.batch_sizes, std::greater_equal<>()) == options.batch_sizes.end(),
          "batch_sizes is [", joined(options.batch_sizes), "], but must ascend from at least 1");
  require(options.warmup >= 0, "warmup is ", options.warmup, ", but must be at least 0");
  require(options.repeats >= 1, "repeats is ", options.repeats, ", but must be at least 1");
  require(options.timeout_s > 0.0, "timeout_s is ", options.timeout_s, ", but must be above 0");
  if (options.slowdown_batch == 0) return;
  require(std::ranges::find(options.batch_sizes, options.slowdown_batch) != options.batch_sizes.end(), "slowdown_batch is ",
          options.slowdown_batch, ", but must be one of batch_sizes, [", joined(options.batch_sizes), "]");
  require(options.repeats >= kFewestForSlowdown, "repeats is ", options.repeats, ", but must be at least ",
          kFewestForSlowdown, " with slowdown_batch: fewer can't tell a slowdown from luck");
}

}  // namespace

Profile measure_profile(const ModelLibrary& library, const std::vector<Device>& devices, const Samples& sample,
                        const MeasureOptions& options) {
  check(sample, options);
  require(!devices.empty(), "devices is empty, but must hold at least one");
  for (const Device& device : devices) check_here(device);
  const std::vector<std::string> names = options.models.empty() ? library.names() : options.models;
  require(!names.empty(), "the library has no models, but must have at least one to measure");
  std::vector<ModelLibrary::Entry> entries;
  for (const std::string& name : names) {
    entries.push_back(library.entry(name));
    require(!entries.back().model_file.empty(), "model \"", name,
            "\" has no file in the library, but must have one to be measured: name those that have with models=[...]");
  }
  std::vector<Device> kinds;  // the first of each
  for (const Device& device : devices)
    if (std::ranges::find(kinds, device.kind, &Device::kind) == kinds.end()) kinds.push_back(device);

  std::vector<std::shared_ptr<Backend>> backends;
  for (const ModelLibrary::Entry& entry : entries)
    backends.push_back(load_backend(entry.model_file, {entry.model_sha256, options.trust}));
  return measure_models(names, backends, kinds, sample, options, [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  });
}

}  // namespace quorate
