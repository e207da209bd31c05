// The whole chain in C++: a training function in, answers of a committee out.
//
//   chain DIGITS.csv FOLDER
//
// DIGITS.csv holds lines of 64 pixels and a label. The search is kept in FOLDER: run it again and it goes on from there.
#include <ATen/ops/from_blob.h>
#include <torch/csrc/jit/api/module.h>

#include <cstdio>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "network.h"
#include "quorate/infer/engine.h"
#include "quorate/infer/measure.h"
#include "quorate/plan/plan.h"
#include "quorate/route/calibrate.h"
#include "quorate/route/evaluate.h"
#include "quorate/route/find_cascades.h"
#include "quorate/search/study.h"
#include "quorate/select/select.h"

namespace {

namespace fs = std::filesystem;

// What models learn from, what they are chosen by, what thresholds are calibrated on and what is reported on never mix.
struct Splits {
  Images train, valid, calib, test;
};

Splits split(const Images& all) {
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937_64(0));
  Splits splits;
  for (std::size_t i = 0; i < order.size(); ++i) {
    Images& part = i % 10 < 4 ? splits.train : i % 10 < 6 ? splits.valid : i % 10 < 8 ? splits.calib : splits.test;
    part.pixels.insert(part.pixels.end(), all[order[i]], all[order[i]] + Images::kPixels);
    part.labels.push_back(all.labels[order[i]]);
  }
  return splits;
}

at::Tensor to_tensor(const float* data, std::vector<std::int64_t> shape) {
  return at::from_blob(const_cast<float*>(data), shape, at::kFloat).clone();
}

void save_torchscript(const Network& network, const fs::path& path) {
  const auto hidden = static_cast<std::int64_t>(network.hidden());
  torch::jit::Module module("network");
  module.register_parameter("w1", to_tensor(network.w1(), {Images::kPixels, hidden}), false);
  module.register_parameter("b1", to_tensor(network.b1(), {hidden}), false);
  module.register_parameter("w2", to_tensor(network.w2(), {hidden, Images::kClasses}), false);
  module.register_parameter("b2", to_tensor(network.b2(), {Images::kClasses}), false);
  module.define("def forward(self, x):\n  return torch.softmax(torch.relu(x @ self.w1 + self.b1) @ self.w2 + self.b2, 1)\n");
  module.save(path.string());
}

double log_loss(std::span<const float> probabilities, const Images& images) {
  double sum = 0.0;
  for (std::size_t i = 0; i < images.size(); ++i)
    sum -= std::log(std::max(1e-15f, probabilities[i * Images::kClasses + static_cast<std::size_t>(images.labels[i])]));
  return sum / static_cast<double>(images.size());
}

void train(quorate::TrialJob& job, const Splits& splits, const fs::path& scratch) {
  Network network(static_cast<std::size_t>(job.config().get<std::int64_t>("hidden")), job.seed());
  if (job.checkpoint()) {
    std::ifstream file(*job.checkpoint(), std::ios::binary);
    network.from_bytes({std::istreambuf_iterator<char>(file), {}});
  }
  std::vector<float> valid;
  for (std::int64_t epoch = job.checkpoint_resource() + 1; epoch <= job.to_resource(); ++epoch) {
    network.train_one_epoch(splits.train, static_cast<float>(job.config().get<double>("rate")), job.seed() + 1000 * epoch);
    valid = network.predict(splits.valid);
    job.report(epoch, log_loss(valid, splits.valid));
  }
  job.save_checkpoint(network.to_bytes());

  const fs::path file = scratch / (std::to_string(job.trial()) + ".pt");
  save_torchscript(network, file);
  const std::vector<float> calib = network.predict(splits.calib);
  job.add_model({{"valid", {valid.data(), splits.valid.size(), Images::kClasses}},
                 {"calib", {calib.data(), splits.calib.size(), Images::kClasses}}},
                {{"flops", static_cast<double>(network.flops())}}, file);
}

void run(const Images& images, const fs::path& folder) {
  const Splits splits = split(images);

  // Search: a library of models.
  const quorate::Space space({{"hidden", quorate::Int{4, 128, true}}, {"rate", quorate::Float{1e-3, 0.3, true}}});
  quorate::Study study(folder, space, {.hyperband = {.max_resource = 27, .seed = 1}});
  quorate::ModelLibrary library = study.library();
  library.set_labels("valid", splits.valid.labels);
  library.set_labels("calib", splits.calib.labels);
  const fs::path scratch = folder / "scratch";
  fs::create_directories(scratch);
  study.run([&](quorate::TrialJob& job) { train(job, splits, scratch); }, {.trials = 24, .workers = 2});
  std::printf("search: %zu models from %zu trials\n", library.size(), study.trials().size());

  // Select and route: what the models' held-out answers are worth at which cost.
  const auto valid = library.predictions("valid");
  const auto cost = library.cost("flops");
  const quorate::EnsembleFront ensembles = quorate::select(valid, cost, {.max_size = 8});
  const quorate::Ensemble& best = ensembles[ensembles.size() - 1];
  std::printf("select: %zu ensembles, the best of %zu members\n", ensembles.size(), best.members.size());
  const quorate::CascadeFront cascades = quorate::find_cascades(valid, cost, {.max_depth = 2});
  const quorate::Cascade cascade = quorate::calibrate(cascades[cascades.size() - 1], library.predictions("calib"),
                                                      {.max_loss_increase = 0.03, .delta = 0.1});
  std::printf("route: %zu tiers, promise %s\n", cascade.tiers.size(),
              cascade.certificate->holds ? "holds" : "does not hold");

  // Plan: where the cascade's models run. Demand is the share of samples that reaches each.
  std::vector<std::string> names;
  std::vector<double> demand;
  const auto held_out = quorate::evaluate(cascade, valid, cost);
  for (const quorate::Tier& tier : cascade.tiers)
    for (const int member : tier.members) {
      names.push_back(library.names()[static_cast<std::size_t>(member)]);
      demand.push_back(held_out.demand[static_cast<std::size_t>(member)]);
    }
  const std::vector<quorate::Device> devices = quorate::discover_devices();
  const quorate::Profile profile =
      quorate::measure_profile(library, devices, {.data = splits.valid[0], .shape = {1, Images::kPixels}},
                               {.batch_sizes = {1, 8, 32}, .models = names});
  const quorate::Plan plan = quorate::plan(profile, devices, {.demand = demand});
  std::printf("plan: %.0f samples/s, at least %.0f %% of the optimum\n", plan.throughput, 100.0 * (1.0 - plan.gap()));

  // Infer: the test images, which nothing above has seen.
  quorate::Engine engine(library, cascade, plan);
  const quorate::Answer answer =
      engine.predict(splits.test.pixels.data(), {static_cast<std::int64_t>(splits.test.size()), Images::kPixels});
  std::size_t right = 0;
  for (std::size_t i = 0; i < splits.test.size(); ++i) right += answer.answer[i] == splits.test.labels[i];
  std::printf("infer: %zu of %zu test images right\n", right, splits.test.size());
  if (right < splits.test.size() * 8 / 10) throw std::runtime_error("the committee should know eight in ten digits");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: chain DIGITS.csv FOLDER\n");
    return 2;
  }
  try {
    run(read_images(argv[1]), argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "chain: %s\n", error.what());
    return 1;
  }
}
