// Scoring on a GPU equals scoring on the CPU; without one, the error says so.
#include <gmock/gmock.h>

#include "cases.h"
#include "quorate/core/error.h"
#include "select/walk.h"

namespace quorate {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

bool has_gpu() {
  try {
    const oracle::Case one{1, 1, 1, {1.0f}, {0}, {0.0}};
    static_cast<void>(select(predictions_of(one), one.cost, {.device = "cuda:0"}));
    return true;
  } catch (const DeviceError&) {
    return false;
  }
}

TEST(Device, PicksOnTheGpuAreThoseOfTheCpu) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU, or a build without CUDA";
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 21);
    oracle::Case data = seed % 20 == 0 ? random_case(random, 8, 900, 80) : random_case(random, 6, 12, 4);
    const oracle::Options options = random_options(random, data);
    const bool smooth = options.metric == "log_loss" || options.metric == "brier";
    if (options.metric == "macro_f1" || (options.combine == "logits" && smooth)) continue;
    const Predictions predictions = predictions_of(data);
    SelectOptions chosen = as_select_options(data, options);
    const GreedyPath expected = greedy(predictions, data.cost, chosen);
    chosen.device = "cuda:0";
    const GreedyPath path = greedy(predictions, data.cost, chosen);
    ASSERT_EQ(path.picks, expected.picks) << options.metric << " of " << options.combine;
    ASSERT_EQ(path.losses, expected.losses);
  }
}

TEST(Device, OneThatIsNotThereIsNamed) {
  const oracle::Case data{2, 1, 2, {0.75f, 0.25f, 0.5f, 0.5f}, {0}, {1.0, 1.0}};
  const Predictions predictions = predictions_of(data);
  EXPECT_THAT(
      [&] { select(predictions, data.cost, {.device = "cuda:99"}); },
      ThrowsMessage<DeviceError>(AnyOf(HasSubstr("device is cuda:99, but this build has no CUDA"), HasSubstr("cuda:99: "))));
  EXPECT_THAT([&] { select(predictions, data.cost, {.device = "tpu"}); },
              ThrowsMessage<std::invalid_argument>("device is \"tpu\", but must be \"cpu\" or \"cuda:<number>\""));
  EXPECT_THAT([&] { select(predictions, data.cost, {.metric = Metric::kMacroF1, .device = "cuda:0"}); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("metric is macro_f1, which is scored on the CPU alone, but device is cuda:0")));
  EXPECT_THAT([&] { select(predictions, data.cost, {.combine = Pooling::kLogits, .device = "cuda:0"}); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("log_loss of mean logits, which is scored on the CPU alone, but device is cuda:0")));
}

}  // namespace
}  // namespace quorate
