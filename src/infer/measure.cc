#include "quorate/infer/measure.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>

#include "core/message.h"
#include "infer/allocation.h"
#include "infer/bound_thread.h"
#include "infer/median.h"
#include "infer/smooth.h"
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

// One model at one batch size on one kind of device.
struct Cell {
  std::size_t kind = 0, batch = 0, model = 0;  // in the lists of kinds, batch sizes and models
  Measurement found;
  std::vector<double> runs_s = {};
  bool over = false;  // it failed, and that was said

  void fail(std::string words) {
    found.failure = std::move(words);
    found.latency_s = std::numeric_limits<double>::infinity();
    found.memory_bytes = found.weights_bytes;
    found.runs = 0;
    runs_s.clear();
  }
};

// What does not run is noted as such; what takes too long is not tried in larger batches either.
void attempt(Cell& cell, std::vector<Cell>& cells, const std::function<void()>& run) {
  try {
    run();
  } catch (const TooSlow& error) {
    for (Cell& same : cells)
      if (same.kind == cell.kind && same.model == cell.model && same.batch >= cell.batch && same.found.failure.empty())
        same.fail(error.what());
  } catch (const DeviceError& error) {
    cell.fail(error.what());
  } catch (const std::bad_alloc&) {
    cell.fail(message("model \"", cell.found.model, "\" at batch ", cell.found.batch, ": out of memory"));
  }
}

// [kinds, batches, models]: a round in this order asks another model each time, as an engine does.
std::vector<Cell> cells_of(const std::vector<Device>& kinds, const std::vector<std::string>& models,
                           const std::vector<std::shared_ptr<Backend>>& backends, const std::vector<int>& batch_sizes) {
  std::vector<Cell> cells;
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    for (std::size_t batch = 0; batch < batch_sizes.size(); ++batch)
      for (std::size_t model = 0; model < models.size(); ++model) {
        Measurement cell;
        cell.kind = kinds[kind].kind;
        cell.model = models[model];
        cell.batch = batch_sizes[batch];
        cell.memory_bytes = cell.weights_bytes = backends[model]->weight_bytes();
        cells.push_back({kind, batch, model, std::move(cell)});
      }
  return cells;
}

// Of the models that ran anywhere. Throws DeviceError where none did.
Profile assembled(const std::vector<Cell>& cells, const std::vector<Device>& kinds, const std::vector<std::string>& models,
                  const MeasureOptions& options) {
  const std::size_t batches = options.batch_sizes.size();
  std::vector<BatchRuns> series(kinds.size() * models.size(), BatchRuns(batches));
  std::vector<const Cell*> found(series.size() * batches);
  std::vector<bool> ran(models.size(), false);
  for (const Cell& cell : cells) {
    const std::size_t row = cell.kind * models.size() + cell.model;
    series[row][cell.batch] = cell.runs_s;
    found[row * batches + cell.batch] = &cell;
    ran[cell.model] = ran[cell.model] || cell.found.failure.empty();
  }
  if (std::ranges::find(ran, true) == ran.end()) throw DeviceError(found.back()->found.failure);
  const std::vector<std::vector<double>> smoothed =
      options.smooth ? smoothed_latencies_s(options.batch_sizes, series) : std::vector<std::vector<double>>();
  Profile profile;
  profile.batch_sizes = options.batch_sizes;
  for (const Device& kind : kinds) profile.kinds.push_back(kind.kind);
  for (std::size_t model = 0; model < models.size(); ++model)
    if (ran[model]) profile.models.push_back(models[model]);
  for (std::size_t row = 0; row < series.size(); ++row) {
    if (!ran[row % models.size()]) continue;
    for (std::size_t batch = 0; batch < batches; ++batch) {
      const Measurement& cell = found[row * batches + batch]->found;
      profile.latency_s.push_back(options.smooth ? smoothed[row][batch] : cell.latency_s);
      profile.memory_bytes.push_back(cell.memory_bytes);
    }
    profile.weights_bytes.push_back(found[row * batches]->found.weights_bytes);
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

  std::vector<std::shared_ptr<Backend>> backends;
  for (const ModelLibrary::Entry& entry : entries)
    backends.push_back(load_backend(entry.model_file, {entry.model_sha256, options.trust}));
  std::vector<std::unique_ptr<BoundThread>> threads;
  for (const Device& kind : kinds) threads.push_back(std::make_unique<BoundThread>(kind));
  std::vector<std::int64_t> shape = sample.shape;
  const auto row =
      static_cast<std::size_t>(std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>()));
  std::vector<std::vector<float>> inputs;
  for (const int batch : options.batch_sizes) inputs.push_back(repeated(sample, row, batch));

  std::vector<Cell> cells = cells_of(kinds, names, backends, options.batch_sizes);
  const auto run = [&](const Cell& cell) {
    shape[0] = cell.found.batch;
    return timed_run(*backends[cell.model], inputs[cell.batch], shape, options, cell.found.model);
  };
  const auto warm = [&](Cell& cell) {
    for (int i = 0; i < options.warmup; ++i) run(cell);
    cell.found.memory_bytes += peak_bytes_of([&] { run(cell); });
  };
  const auto count = [&](Cell& cell) {
    cell.runs_s.push_back(run(cell));
    cell.found.runs = static_cast<int>(cell.runs_s.size());
    cell.found.latency_s = median(cell.runs_s);
  };
  for (int round = 0; round <= options.repeats; ++round)
    for (Cell& cell : cells) {
      if (cell.over) continue;
      if (cell.found.failure.empty())
        attempt(cell, cells, [&] { threads[cell.kind]->run([&] { round == 0 ? warm(cell) : count(cell); }); });
      cell.over = !cell.found.failure.empty();
      if (options.progress && (round > 0 || cell.over)) options.progress(cell.found);
    }
  return assembled(cells, kinds, names, options);
}

}  // namespace quorate
