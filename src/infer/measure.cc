#include "quorate/infer/measure.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <limits>
#include <numeric>
#include <thread>

#include "core/message.h"
#include "infer/allocation.h"
#include "infer/thread_binding.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

using Clock = std::chrono::steady_clock;

// The sample's rows, over and over.
std::vector<float> repeated(const Samples& sample, std::size_t row, int batch) {
  std::vector<float> rows(static_cast<std::size_t>(batch) * row);
  const std::size_t given = static_cast<std::size_t>(sample.shape[0]) * row;
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = sample.data[i % given];
  return rows;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

void measure(Backend& backend, const std::vector<float>& input, std::vector<std::int64_t> shape,
             const MeasureOptions& options, Measurement& out) {
  try {
    for (int i = 0; i < options.warmup; ++i) run_checked(backend, out.model, input.data(), shape);
    out.memory_bytes = backend.weight_bytes() + peak_bytes_of([&] { run_checked(backend, out.model, input.data(), shape); });
    std::vector<double> seconds;
    for (int i = 0; i < options.repeats; ++i) {
      const Clock::time_point begin = Clock::now();
      run_checked(backend, out.model, input.data(), shape);
      seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    }
    out.latency_s = median(std::move(seconds));
  } catch (const DeviceError& error) {
    out.latency_s = std::numeric_limits<double>::infinity();
    out.memory_bytes = backend.weight_bytes();
    out.failure = error.what();
  }
}

void check(const Samples& sample, const MeasureOptions& options) {
  require(sample.shape.size() >= 2 && std::ranges::min(sample.shape) >= 1, "sample has shape [", joined(sample.shape),
          "], but must be [samples, features...] with at least one sample");
  require(!options.batch_sizes.empty() && options.batch_sizes[0] >= 1 &&
              std::ranges::adjacent_find(options.batch_sizes, std::greater_equal<>()) == options.batch_sizes.end(),
          "batch_sizes is [", joined(options.batch_sizes), "], but must ascend from at least 1");
  require(options.warmup >= 0, "warmup is ", options.warmup, ", but must be at least 0");
  require(options.repeats >= 1, "repeats is ", options.repeats, ", but must be at least 1");
}

// On a thread of its own, so that the caller's keeps its cores and its number of threads.
void run_bound(const Device& device, const std::function<void()>& body) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      bind_this_thread(device);
      body();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

Profile measure_profile(const ModelLibrary& library, const std::vector<Device>& devices, const Samples& sample,
                        const MeasureOptions& options) {
  check(sample, options);
  require(!devices.empty(), "devices is empty, but must hold at least one");
  for (const Device& device : devices) check_here(device);
  Profile profile;
  profile.models = options.models.empty() ? library.names() : options.models;
  require(!profile.models.empty(), "the library has no models, but must have at least one to measure");
  profile.batch_sizes = options.batch_sizes;
  std::vector<ModelLibrary::Entry> entries;
  for (const std::string& name : profile.models) {
    entries.push_back(library.entry(name));
    require(!entries.back().model_file.empty(), "model \"", name,
            "\" has no file in the library, but must have one to be measured: name those that have with models=[...]");
  }
  std::vector<const Device*> first_of_kind;
  for (const Device& device : devices)
    if (std::ranges::find(profile.kinds, device.kind) == profile.kinds.end()) {
      profile.kinds.push_back(device.kind);
      first_of_kind.push_back(&device);
    }
  const std::size_t batches = profile.batch_sizes.size();
  profile.latency_s.resize(profile.kinds.size() * profile.models.size() * batches);
  profile.memory_bytes.resize(profile.latency_s.size());

  std::vector<std::int64_t> shape = sample.shape;
  const auto row =
      static_cast<std::size_t>(std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>()));
  for (std::size_t m = 0; m < profile.models.size(); ++m) {
    const auto backend = load_backend(entries[m].model_file, {entries[m].model_sha256, options.trust});
    std::string failure;
    bool ran = false;
    for (std::size_t kind = 0; kind < profile.kinds.size(); ++kind)
      for (std::size_t b = 0; b < batches; ++b) {
        Measurement cell;
        cell.kind = profile.kinds[kind];
        cell.model = profile.models[m];
        cell.batch = profile.batch_sizes[b];
        shape[0] = cell.batch;
        run_bound(*first_of_kind[kind], [&] { measure(*backend, repeated(sample, row, cell.batch), shape, options, cell); });
        profile.latency_s[profile.index(kind, m, b)] = cell.latency_s;
        profile.memory_bytes[profile.index(kind, m, b)] = cell.memory_bytes;
        ran = ran || cell.failure.empty();
        if (!cell.failure.empty()) failure = cell.failure;
        if (options.progress) options.progress(cell);
      }
    if (!ran) throw DeviceError(failure);
  }
  check(profile);
  return profile;
}

}  // namespace quorate
