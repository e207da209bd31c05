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

struct TooSlow : Error {
  using Error::Error;
};

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

// Seconds of one run; a failure where that is more than the caller wants to wait for.
double timed_run(Backend& backend, const std::vector<float>& input, const std::vector<std::int64_t>& shape,
                 const MeasureOptions& options, const std::string& model) {
  const Clock::time_point begin = Clock::now();
  run_checked(backend, model, input.data(), shape);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (seconds > options.timeout_s)
    throw TooSlow(message("model \"", model, "\" at batch ", shape[0], " took ", seconds, " s, more than timeout_s, ",
                          options.timeout_s));
  return seconds;
}

// Fills in what a batch gave. False where larger batches need not be tried.
bool measure(Backend& backend, const std::vector<float>& input, const std::vector<std::int64_t>& shape,
             const MeasureOptions& options, Measurement& out) {
  try {
    for (int i = 0; i < options.warmup; ++i) timed_run(backend, input, shape, options, out.model);
    const std::int64_t workspace_bytes = peak_bytes_of([&] { timed_run(backend, input, shape, options, out.model); });
    std::vector<double> seconds;
    for (int i = 0; i < options.repeats; ++i) seconds.push_back(timed_run(backend, input, shape, options, out.model));
    out.latency_s = median(std::move(seconds));
    out.memory_bytes = out.weights_bytes + workspace_bytes;
  } catch (const TooSlow& error) {
    out.failure = error.what();
    return false;
  } catch (const DeviceError& error) {
    out.failure = error.what();
  } catch (const std::bad_alloc&) {
    out.failure = message("model \"", out.model, "\" at batch ", out.batch, ": out of memory");
  }
  return true;
}

void check(const Samples& sample, const MeasureOptions& options) {
  require(sample.shape.size() >= 2 && std::ranges::min(sample.shape) >= 1, "sample has shape [", joined(sample.shape),
          "], but must be [samples, features...] with at least one sample");
  require(!options.batch_sizes.empty() && options.batch_sizes[0] >= 1 &&
              std::ranges::adjacent_find(options.batch_sizes, std::greater_equal<>()) == options.batch_sizes.end(),
          "batch_sizes is [", joined(options.batch_sizes), "], but must ascend from at least 1");
  require(options.warmup >= 0, "warmup is ", options.warmup, ", but must be at least 0");
  require(options.repeats >= 1, "repeats is ", options.repeats, ", but must be at least 1");
  require(options.timeout_s > 0.0, "timeout_s is ", options.timeout_s, ", but must be above 0");
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

// A model on all kinds at all batch sizes: [kinds, batches].
std::vector<Measurement> measure_model(Backend& backend, const std::string& model, const std::vector<Device>& kinds,
                                       const Samples& sample, const MeasureOptions& options) {
  std::vector<std::int64_t> shape = sample.shape;
  const auto row =
      static_cast<std::size_t>(std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>()));
  std::vector<Measurement> cells;
  for (const Device& device : kinds) {
    std::string given_up;
    for (const int batch : options.batch_sizes) {
      Measurement cell;
      cell.kind = device.kind;
      cell.model = model;
      cell.batch = batch;
      cell.memory_bytes = cell.weights_bytes = backend.weight_bytes();
      cell.failure = given_up;
      shape[0] = batch;
      if (given_up.empty())
        run_bound(device, [&] {
          if (!measure(backend, repeated(sample, row, batch), shape, options, cell)) given_up = cell.failure;
        });
      if (options.progress) options.progress(cell);
      cells.push_back(std::move(cell));
    }
  }
  return cells;
}

Profile assembled(const std::vector<std::vector<Measurement>>& models, const std::vector<Device>& kinds,
                  const std::vector<int>& batch_sizes) {
  Profile profile;
  profile.batch_sizes = batch_sizes;
  for (const auto& cells : models) profile.models.push_back(cells[0].model);
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    profile.kinds.push_back(kinds[kind].kind);
    for (const auto& cells : models) {
      for (std::size_t b = 0; b < batch_sizes.size(); ++b) {
        profile.latency_s.push_back(cells[kind * batch_sizes.size() + b].latency_s);
        profile.memory_bytes.push_back(cells[kind * batch_sizes.size() + b].memory_bytes);
      }
      profile.weights_bytes.push_back(cells[0].weights_bytes);
    }
  }
  check(profile);
  return profile;
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

  std::vector<std::vector<Measurement>> ran;
  std::string failure;
  for (std::size_t m = 0; m < names.size(); ++m) {
    const auto backend = load_backend(entries[m].model_file, {entries[m].model_sha256, options.trust});
    std::vector<Measurement> cells = measure_model(*backend, names[m], kinds, sample, options);
    if (std::ranges::all_of(cells, [](const Measurement& cell) { return !cell.failure.empty(); }))
      failure = cells.back().failure;
    else
      ran.push_back(std::move(cells));
  }
  if (ran.empty()) throw DeviceError(failure);
  return assembled(ran, kinds, options.batch_sizes);
}

}  // namespace quorate
