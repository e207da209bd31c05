#include "infer/measure_models.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/message.h"
#include "infer/allocation.h"
#include "infer/bound_thread.h"
#include "infer/median.h"
#include "infer/slowdown.h"
#include "infer/smooth.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

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

// One model at one batch size on one kind of device.
struct Cell {
  std::size_t kind = 0, batch = 0, model = 0;  // in the lists of kinds, batch sizes and models
  Measurement found;
  std::vector<double> runs_s = {};

  bool ran() const { return found.failure.empty(); }
  void fail(std::string words) {
    found.failure = std::move(words);
    found.latency_s = std::numeric_limits<double>::infinity();
    found.memory_bytes = found.weights_bytes;
    found.runs = 0;
    runs_s.clear();
  }
};

// Two models that take turns on a kind of device, at one batch size. Cells do not move.
struct Pair {
  Cell* cell = nullptr;
  Cell* beside = nullptr;
  std::vector<double> ratios = {};  // see slowdown_of
};

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

std::vector<Pair> pairs_of(std::vector<Cell>& cells, int batch) {
  std::vector<Pair> pairs;
  for (Cell& beside : cells)
    for (Cell& cell : cells)
      if (cell.found.batch == batch && beside.found.batch == batch && cell.kind == beside.kind && cell.model != beside.model)
        pairs.push_back({&cell, &beside});
  return pairs;
}

// [kinds, models, models], of the models that ran anywhere.
std::vector<double> slowdowns(const std::vector<Pair>& pairs, std::size_t kinds, const std::vector<bool>& ran) {
  std::vector<std::size_t> place;  // in the profile
  std::size_t models = 0;
  for (const bool runs : ran) place.push_back(runs ? models++ : 0);
  std::vector<double> result(kinds * models * models, 1.0);
  for (const Pair& pair : pairs)
    if (ran[pair.cell->model] && ran[pair.beside->model])
      result[(pair.cell->kind * models + place[pair.cell->model]) * models + place[pair.beside->model]] =
          slowdown_of(pair.ratios);
  return result;
}

// Of the models that ran anywhere. Throws DeviceError where none did.
Profile assembled(const std::vector<Cell>& cells, const std::vector<Pair>& pairs, const std::vector<Device>& kinds,
                  const std::vector<std::string>& models, const MeasureOptions& options) {
  const std::size_t batches = options.batch_sizes.size();
  std::vector<BatchRuns> series(kinds.size() * models.size(), BatchRuns(batches));
  std::vector<const Cell*> found(series.size() * batches);
  std::vector<bool> ran(models.size(), false);
  for (const Cell& cell : cells) {
    const std::size_t row = cell.kind * models.size() + cell.model;
    series[row][cell.batch] = cell.runs_s;
    found[row * batches + cell.batch] = &cell;
    ran[cell.model] = ran[cell.model] || cell.ran();
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
  if (options.slowdown_batch > 0) profile.slowdown = slowdowns(pairs, kinds.size(), ran);
  check(profile);
  return profile;
}

}  // namespace

Profile measure_models(const std::vector<std::string>& names, const std::vector<std::shared_ptr<Backend>>& backends,
                       const std::vector<Device>& kinds, const Samples& sample, const MeasureOptions& options,
                       const std::function<double()>& now_s) {
  std::vector<std::unique_ptr<BoundThread>> threads;
  for (const Device& kind : kinds) threads.push_back(std::make_unique<BoundThread>(kind));
  std::vector<std::int64_t> shape = sample.shape;
  const auto row =
      static_cast<std::size_t>(std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>()));
  std::vector<std::vector<float>> inputs;
  for (const int batch : options.batch_sizes) inputs.push_back(repeated(sample, row, batch));
  std::vector<Cell> cells = cells_of(kinds, names, backends, options.batch_sizes);
  std::vector<Pair> pairs = options.slowdown_batch > 0 ? pairs_of(cells, options.slowdown_batch) : std::vector<Pair>();

  const auto tell = [&](const Measurement& found) {
    if (options.progress) options.progress(found);
  };
  // Seconds of one run; a failure where that is more than the caller wants to wait for.
  const auto timed = [&](const Cell& cell) {
    shape[0] = cell.found.batch;
    const double begin_s = now_s();
    run_checked(*backends[cell.model], cell.found.model, inputs[cell.batch].data(), shape, &kinds[cell.kind]);
    const double seconds = now_s() - begin_s;
    if (seconds > options.timeout_s)
      throw TooSlow(message("model \"", cell.found.model, "\" at batch ", shape[0], " took ", seconds,
                            " s, more than timeout_s, ", options.timeout_s));
    return seconds;
  };
  // `body` on the cell's device, unless it failed before. What does not run is noted as such; what takes too long is not
  // tried in larger batches either.
  const auto attempt = [&](Cell& cell, const std::function<void()>& body) {
    if (!cell.ran()) return false;
    try {
      threads[cell.kind]->run(body);
    } catch (const TooSlow& error) {
      for (Cell& same : cells)
        if (same.kind == cell.kind && same.model == cell.model && same.batch >= cell.batch && same.ran()) {
          same.fail(error.what());
          tell(same.found);
        }
    } catch (const DeviceError& error) {
      cell.fail(error.what());
      tell(cell.found);
    } catch (const std::bad_alloc&) {
      cell.fail(message("model \"", cell.found.model, "\" at batch ", cell.found.batch, ": out of memory"));
      tell(cell.found);
    }
    return cell.ran();
  };
  const auto warm = [&](Cell& cell) {
    for (int i = 0; i < options.warmup; ++i) timed(cell);
    cell.found.memory_bytes += peak_bytes_of([&] { timed(cell); });
  };
  const auto count = [&](Cell& cell) {
    if (options.slowdown_batch > 0) timed(cell);
    cell.runs_s.push_back(timed(cell));
    cell.found.runs = static_cast<int>(cell.runs_s.size());
    cell.found.latency_s = median(cell.runs_s);
  };
  const auto compare = [&](Pair& pair) {
    if (!pair.cell->ran() || !attempt(*pair.beside, [&] { timed(*pair.beside); })) return;
    const bool ran = attempt(*pair.cell, [&] {
      const double after_other_s = timed(*pair.cell), after_own_s = timed(*pair.cell);
      pair.ratios.push_back(after_other_s / after_own_s);
    });
    if (!ran) return;
    Measurement heard = pair.cell->found;
    heard.beside = pair.beside->found.model;
    heard.slowdown = slowdown_of(pair.ratios);
    heard.runs = static_cast<int>(pair.ratios.size());
    tell(heard);
  };

  for (Cell& cell : cells) attempt(cell, [&] { warm(cell); });
  for (int round = 0; round < options.repeats; ++round) {
    for (Cell& cell : cells)
      if (attempt(cell, [&] { count(cell); })) tell(cell.found);
    for (Pair& pair : pairs) compare(pair);
  }
  return assembled(cells, pairs, kinds, names, options);
}

}  // namespace quorate
