// What needs a model file: loading, running and measuring TorchScript.
#include <ATen/Parallel.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <cmath>
#include <thread>

#include "infer/allocation.h"
#include "infer/expect_throw.h"
#include "infer/thread_binding.h"
#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "quorate/infer/measure.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

using test::expect_throw;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

// TorchScript from source, so that no Python is needed. `w` is a [3, 3] parameter.
std::filesystem::path save_model(const std::filesystem::path& path, const std::string& body) {
  torch::jit::Module module("model");
  module.register_parameter("w", at::eye(3).mul(2.0), false);
  module.register_attribute("training", c10::BoolType::get(), true);
  module.define("def forward(self, x):\n" + body);
  module.save(path.string());
  return path;
}

const char* const kSoftmax = "  return torch.softmax(torch.matmul(x, self.w), 1)\n";

std::vector<Device> one_core() {
  const int one = 1;
  return cpu_devices({&one, 1});
}

ModelLibrary library_with(const std::vector<std::filesystem::path>& files) {
  ModelLibrary library;
  library.set_labels("valid", {0, 1});
  const auto rows = std::make_shared<const std::vector<float>>(6, 1.0f / 3.0f);
  for (const auto& file : files) library.add(file.stem().string(), {{"valid", {rows->data(), 2, 3, rows}}}, {}, file);
  return library;
}

TEST(LoadBackend, RunsTorchScript) {
  const test::TemporaryFolder folder;
  const auto file = save_model(folder / "soft.pt", kSoftmax);
  const auto backend = load_backend(file, {.sha256 = sha256_of_file(file)});
  const std::vector<float> input = {1, 0, 0, 0, 0, 0};
  const std::vector<std::int64_t> shape = {2, 3};
  const Scores scores = run_checked(*backend, "soft", input.data(), shape);
  ASSERT_EQ(scores.samples, 2u);
  ASSERT_EQ(scores.classes, 3u);
  const float e2 = std::exp(2.0f);
  EXPECT_NEAR(scores.data[0], e2 / (e2 + 2), 1e-6);
  EXPECT_NEAR(scores.data[1], 1 / (e2 + 2), 1e-6);
  EXPECT_NEAR(scores.data[4], 1.0 / 3.0, 1e-6);
  EXPECT_EQ(backend->weight_bytes(), 36);
  EXPECT_TRUE(backend->features().empty());
  EXPECT_EQ(backend->max_batch(), 0);
}

TEST(LoadBackend, RunsInEvaluationModeAndTakesFrozenModels) {
  const test::TemporaryFolder folder;
  const auto training = save_model(folder / "training.pt", "  assert not self.training\n" + std::string(kSoftmax));
  torch::jit::Module frozen("frozen");
  frozen.define("def forward(self, x):\n  return torch.softmax(x, 1)\n");
  frozen.save((folder / "frozen.pt").string());
  const std::vector<float> input(3, 0.0f);
  const std::vector<std::int64_t> shape = {1, 3};
  for (const auto& file : {training, folder / "frozen.pt"})
    EXPECT_EQ(run_checked(*load_backend(file, {.trust = true}), "model", input.data(), shape).classes, 3u);
}

TEST(LoadBackend, LoadsOnlyWhatWasRecordedOrIsTrusted) {
  const test::TemporaryFolder folder;
  const auto file = save_model(folder / "soft.pt", kSoftmax);
  expect_throw<FileError>([&] { load_backend(file, {.sha256 = std::string(64, '0')}); },
                          AllOf(StartsWith(file.string()), HasSubstr(sha256_of_file(file)), HasSubstr("has changed")));
  expect_throw<FileError>([&] { load_backend(file); }, HasSubstr("no SHA-256 was recorded"));
  EXPECT_NE(load_backend(file, {.trust = true}), nullptr);
}

TEST(LoadBackend, RefusesOtherFiles) {
  const test::TemporaryFolder folder;
  expect_throw<std::invalid_argument>([&] { load_backend(folder / "model.h5", {.trust = true}); },
                                      AllOf(HasSubstr("model.h5"), HasSubstr("must end in .pt or .ts")));
  expect_throw<FileError>([&] { load_backend(folder / "missing.pt", {.trust = true}); }, HasSubstr("missing.pt"));
  test::put(folder / "text.pt", "this is no model");
  expect_throw<FileError>([&] { load_backend(folder / "text.pt", {.trust = true}); }, HasSubstr("is no TorchScript model"));
  test::put(folder / "text.pt2", "this is no package");
  expect_throw<FileError>([&] { load_backend(folder / "text.pt2", {.trust = true}); },
                          HasSubstr("cannot be loaded as an AOTInductor package"));
  const auto soft = save_model(folder / "soft.pt", kSoftmax);
  test::put(folder / "half.pt", read_file(soft).substr(0, 500));
  expect_throw<FileError>([&] { load_backend(folder / "half.pt", {.trust = true}); }, HasSubstr("is no TorchScript model"));
  expect_throw<std::invalid_argument>([&] { load_backend(soft, {.trust = true, .concurrency = 0}); },
                                      HasSubstr("concurrency is 0"));
}

TEST(RunChecked, SaysWhichModelGaveWhat) {
  const test::TemporaryFolder folder;
  const std::vector<float> input(6, 0.5f);
  const std::vector<std::int64_t> shape = {2, 3};
  const auto refused = [&](const char* body, const ::testing::Matcher<std::string>& what) {
    const auto backend = load_backend(save_model(folder / "model.pt", body), {.trust = true});
    std::vector<float> copy = input;
    expect_throw<DeviceError>([&] { run_checked(*backend, "m7", copy.data(), shape); },
                              AllOf(HasSubstr("model \"m7\""), what));
  };
  refused("  return torch.matmul(x, self.w)\n", HasSubstr("end the model in a softmax"));
  refused("  return torch.softmax(x, 1)[:1]\n", HasSubstr("an output of shape [1, 3] for a batch of 2"));
  refused("  return torch.softmax(x, 1).sum(1)\n", HasSubstr("an output of shape [2] and type Float"));
  refused("  return torch.softmax(x, 1).double()\n", HasSubstr("type Double"));
  refused("  return (x, x)\n", HasSubstr("must give one tensor"));
  refused("  return torch.softmax(torch.matmul(x, torch.ones([4, 4])), 1)\n",
          MatchesRegex(".*failed on a batch of shape \\[2, 3\\]: [^\n]*shapes cannot be multiplied[^\n]*"));
  refused("  x += 1.0\n  return torch.softmax(x, 1)\n", HasSubstr("changes its input in place"));
}

TEST(RunChecked, TellsMemoryThatRanOutFromOtherFailures) {
  const test::TemporaryFolder folder;
  const std::vector<float> input(3, 0.5f);
  const std::vector<std::int64_t> shape = {1, 3};
  const auto greedy =
      load_backend(save_model(folder / "greedy.pt", "  return torch.softmax(x, 1) + torch.zeros([1125899906842624])[:1]\n"),
                   {.trust = true});
  expect_throw<OutOfMemory>([&] { run_checked(*greedy, "m7", input.data(), shape); },
                            AllOf(HasSubstr("model \"m7\""), HasSubstr("can't allocate memory")));
}

TEST(BindThisThread, SetsThisThreadAlone) {
  const int before = at::get_num_threads();
  const std::vector<Device> device = one_core();
  std::thread([&] {
    bind_this_thread(device[0]);
    EXPECT_EQ(at::get_num_threads(), 1);
  }).join();
  EXPECT_EQ(at::get_num_threads(), before);
  std::thread([&] { EXPECT_EQ(at::get_num_threads(), before); }).join();
}

TEST(BindThisThread, SaysWhichDeviceCannotBeUsed) {
  Device device{"cpu:9", "cpu-1core", 1, 0.0, {CPU_SETSIZE - 1}};
  std::thread([&] {
    expect_throw<DeviceError>([&] { bind_this_thread(device); }, HasSubstr("device \"cpu:9\": cannot use cores 1023"));
  }).join();
}

TEST(PeakBytesOf, CountsWhatIsHeldAtOnce) {
  EXPECT_EQ(peak_bytes_of([] {}), 0);
  EXPECT_EQ(peak_bytes_of([] { at::ones({1000}); }), 4000);
  EXPECT_EQ(peak_bytes_of([] {
              at::ones({1000});
              at::ones({500});
            }),
            4000);
  EXPECT_EQ(peak_bytes_of([] {
              const at::Tensor first = at::ones({1000});
              const at::Tensor second = at::ones({500});
            }),
            6000);
}

TEST(MeasureProfile, MeasuresLatencyAndMemory) {
  const test::TemporaryFolder folder;
  const ModelLibrary library =
      library_with({save_model(folder / "soft.pt", kSoftmax),
                    save_model(folder / "copies.pt", "  y = x * 2.0\n  z = y * 3.0\n  return torch.softmax(y + z, 1)\n")});
  const std::vector<float> sample = {0.1f, 0.2f, 0.3f};
  std::vector<Measurement> heard;
  const Profile profile = measure_profile(
      library, one_core(), {sample.data(), {1, 3}},
      {.batch_sizes = {1, 16}, .repeats = 3, .progress = [&](const Measurement& cell) { heard.push_back(cell); }});
  EXPECT_EQ(profile.models, (std::vector<std::string>{"soft", "copies"}));
  EXPECT_EQ(profile.kinds, std::vector<std::string>{"cpu-1core"});
  ASSERT_EQ(profile.latency_s.size(), 4u);
  for (const double latency : profile.latency_s) EXPECT_GT(latency, 0.0);
  // Weights 36 bytes; the product and its softmax, 16 x 3 floats each, are held together.
  EXPECT_EQ(profile.memory_bytes[1], 36 + 2 * 192);
  EXPECT_EQ(profile.weights_bytes, (std::vector<std::int64_t>{36, 36}));
  // y and z and their sum, at the least; the interpreter may keep or drop them before the softmax.
  EXPECT_GE(profile.memory_bytes[3], 36 + 3 * 192);
  EXPECT_LE(profile.memory_bytes[3], 36 + 4 * 192);
  // Three rounds, in each another model every time.
  ASSERT_EQ(heard.size(), 12u);
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(heard[i].model, profile.models[i % 2]);
    EXPECT_EQ(heard[i].batch, profile.batch_sizes[i / 2 % 2]);
    EXPECT_EQ(heard[i].runs, static_cast<int>(1 + i / 4));
  }
  EXPECT_EQ(heard[9].latency_s, profile.latency_s[2]);
  EXPECT_EQ(heard[11].latency_s, profile.latency_s[3]);
}

TEST(MeasureProfile, MedianOrSmooth) {
  const test::TemporaryFolder folder;
  const ModelLibrary library = library_with({save_model(folder / "soft.pt", kSoftmax)});
  const std::vector<float> sample = {0.1f, 0.2f, 0.3f};
  for (const bool smooth : {false, true}) {
    std::vector<double> medians_s(3);
    const auto heard = [&](const Measurement& cell) {
      medians_s[cell.batch == 1 ? 0 : cell.batch == 64 ? 1 : 2] = cell.latency_s;
    };
    const Profile profile = measure_profile(library, one_core(), {sample.data(), {1, 3}},
                                            {.batch_sizes = {1, 64, 4096}, .smooth = smooth, .progress = heard});
    for (std::size_t b = 0; b < 3; ++b) {
      EXPECT_GT(profile.latency_s[b], 0.0);
      if (!smooth) {
        EXPECT_EQ(profile.latency_s[b], medians_s[b]);
      }
    }
  }
}

TEST(MeasureProfile, RecordsWhereAModelFails) {
  const test::TemporaryFolder folder;
  const std::vector<float> sample = {0.1f, 0.2f, 0.3f};
  const ModelLibrary library =
      library_with({save_model(folder / "small.pt", "  assert x.size(0) < 4\n  return torch.softmax(x, 1)\n")});
  std::vector<Measurement> heard;
  const Profile profile =
      measure_profile(library, one_core(), {sample.data(), {1, 3}},
                      {.batch_sizes = {2, 4}, .progress = [&](const Measurement& cell) { heard.push_back(cell); }});
  EXPECT_TRUE(std::isfinite(profile.latency_s[0]));
  EXPECT_TRUE(std::isinf(profile.latency_s[1]));
  ASSERT_EQ(heard.size(), 10u);  // what fails is said first and once
  EXPECT_THAT(heard[0].failure, HasSubstr("model \"small\" failed on a batch of shape [4, 3]"));
  for (std::size_t i = 1; i < 10; ++i) EXPECT_EQ(heard[i].batch, 2);
  expect_throw<DeviceError>(
      [&] {
        measure_profile(library, one_core(), {sample.data(), {1, 3}}, {.batch_sizes = {4, 8}});
      },
      HasSubstr("model \"small\" failed"));
}

TEST(MeasureProfile, GoesOnWithoutAModelThatRunsNowhere) {
  const test::TemporaryFolder folder;
  const std::vector<float> sample = {0.1f, 0.2f, 0.3f};
  const ModelLibrary library = library_with(
      {save_model(folder / "never.pt", "  assert x.size(0) < 1\n  return x\n"), save_model(folder / "soft.pt", kSoftmax)});
  std::vector<Measurement> heard;
  const Profile profile =
      measure_profile(library, one_core(), {sample.data(), {1, 3}},
                      {.batch_sizes = {1, 2}, .progress = [&](const Measurement& cell) { heard.push_back(cell); }});
  EXPECT_EQ(profile.models, std::vector<std::string>{"soft"});
  ASSERT_EQ(profile.latency_s.size(), 2u);
  EXPECT_TRUE(std::isfinite(profile.latency_s[0]) && std::isfinite(profile.latency_s[1]));
  ASSERT_EQ(heard.size(), 20u);
  EXPECT_THAT(heard[1].failure, HasSubstr("model \"never\" failed"));
  EXPECT_EQ(heard[2].failure, "");
}

TEST(MeasureProfile, GivesUpOnBatchesThatTakeTooLong) {
  const test::TemporaryFolder folder;
  const std::vector<float> sample = {0.1f, 0.2f, 0.3f};
  const ModelLibrary library = library_with({save_model(folder / "soft.pt", kSoftmax)});
  std::vector<Measurement> heard;
  expect_throw<DeviceError>(
      [&] {
        measure_profile(library, one_core(), {sample.data(), {1, 3}},
                        {.batch_sizes = {2, 4}, .timeout_s = 1e-12, .progress = [&](const Measurement& cell) {
                           heard.push_back(cell);
                         }});
      },
      HasSubstr("model \"soft\" at batch 2 took "));
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[1].batch, 4);
  EXPECT_EQ(heard[1].failure, heard[0].failure);  // not tried
  EXPECT_TRUE(std::isinf(heard[1].latency_s));
}

TEST(MeasureProfile, RefusesWhatItCannotMeasure) {
  const test::TemporaryFolder folder;
  ModelLibrary library = library_with({save_model(folder / "soft.pt", kSoftmax)});
  const std::vector<float> sample = {0.1f, 0.2f, 0.3f};
  const auto refused = [&](const MeasureOptions& options, const char* what) {
    expect_throw<std::invalid_argument>(
        [&] {
          measure_profile(library, one_core(), {sample.data(), {1, 3}}, options);
        },
        HasSubstr(what));
  };
  refused({.batch_sizes = {}}, "batch_sizes is [], but must ascend from at least 1");
  refused({.batch_sizes = {0, 1}}, "batch_sizes is [0, 1]");
  refused({.batch_sizes = {8, 8}}, "batch_sizes is [8, 8]");
  refused({.warmup = -1}, "warmup is -1");
  refused({.repeats = 0}, "repeats is 0");
  refused({.timeout_s = 0.0}, "timeout_s is 0, but must be above 0");
  refused({.slowdown_batch = 16}, "slowdown_batch is 16, but must be one of batch_sizes, [1, 8, 32]");
  refused({.slowdown_batch = -1}, "slowdown_batch is -1, but must be one of batch_sizes");
  refused({.repeats = 4, .slowdown_batch = 8}, "repeats is 4, but must be at least 5 with slowdown_batch");
  expect_throw<std::invalid_argument>(
      [&] {
        measure_profile(library, one_core(), {sample.data(), {3}});
      },
      HasSubstr("sample has shape [3]"));
  expect_throw<std::invalid_argument>(
      [&] {
        measure_profile(library, {}, {sample.data(), {1, 3}});
      },
      HasSubstr("devices is empty"));
  expect_throw<std::invalid_argument>(
      [&] {
        measure_profile(ModelLibrary(), one_core(), {sample.data(), {1, 3}});
      },
      HasSubstr("the library has no models"));
  const auto rows = std::make_shared<const std::vector<float>>(6, 1.0f / 3.0f);
  library.add("fileless", {{"valid", {rows->data(), 2, 3, rows}}}, {});
  refused({}, "model \"fileless\" has no file");
}

TEST(EngineOfALibrary, LoadsItsMembersAlone) {
  const test::TemporaryFolder folder;
  const auto soft = save_model(folder / "soft.pt", kSoftmax);
  const auto flat = save_model(folder / "flat.pt", "  return torch.softmax(x * 0.0, 1)\n");
  const auto unused = save_model(folder / "unused.pt", kSoftmax);
  ModelLibrary library = library_with({unused, soft, flat});
  const std::vector<float> sample = {0.1f, 0.2f, 0.3f};
  const Profile profile = measure_profile(library, one_core(), {sample.data(), {1, 3}}, {.models = {"flat", "soft"}});
  const Plan placed = plan(profile, one_core());
  ASSERT_TRUE(placed.feasible) << placed.why;
  test::put(unused, "damaged");

  Ensemble ensemble;
  ensemble.members = {1, 2};
  ensemble.weights = {0.75, 0.25};
  const Engine engine_of_ensemble(library, ensemble, placed);
  Cascade cascade;
  cascade.tiers = {Tier{{2}, {1.0}, Signal::kConfidence, 0.5}, Tier{{1}, {1.0}}};
  Engine engine(library, cascade, placed);
  const std::vector<float> input = {3, 0, 0, 0, 0, 0};
  const Answer answer = engine.predict(input.data(), {2, 3});
  const float e6 = std::exp(6.0f);
  EXPECT_NEAR(answer.probs[0], e6 / (e6 + 2), 1e-6);
  EXPECT_EQ(answer.tier, (std::vector<std::int32_t>{1, 1}));

  test::put(soft, "damaged");
  expect_throw<FileError>([&] { Engine(library, cascade, placed); }, AllOf(HasSubstr("soft.pt"), HasSubstr("has changed")));
  std::filesystem::remove(soft);
  expect_throw<FileError>([&] { Engine(library, cascade, placed); }, HasSubstr("soft.pt"));
  cascade.tiers[0].members = {0};
  expect_throw<std::invalid_argument>([&] { Engine(library, cascade, placed); },
                                      HasSubstr("the plan does not know model \"unused\""));
}

}  // namespace
}  // namespace quorate
