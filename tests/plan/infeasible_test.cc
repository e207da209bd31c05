#include <gmock/gmock.h>

#include <limits>

#include "oracle/plan.h"
#include "plan/even_profile.h"
#include "plan/instances.h"
#include "plan/pack.h"
#include "plan/problem.h"

namespace quorate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string why(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options = {}) {
  const Plan found = plan(profile, devices, options);
  EXPECT_FALSE(found.feasible);
  return found.why;
}

TEST(Plan, SaysWhatIsShort) {
  EXPECT_EQ(why(even_profile({3, 12}), {gpu("gpu:0", 4), gpu("gpu:1", 10)}),
            "model \"m1\" needs at least 12 bytes, but device \"gpu:1\" has 10: 2 bytes short");
  EXPECT_EQ(why(even_profile({1}), {gpu("gpu:0", 0)}),
            "model \"m0\" needs at least 1 bytes, but device \"gpu:0\" has 0: 1 bytes short");
  EXPECT_EQ(why(even_profile({4, 5, 6}), {gpu("gpu:0", 6), gpu("gpu:1", 8)}),
            "the models need at least 15 bytes together, but the devices have 14; worst-fit leaves over model \"m0\", which "
            "needs 4 bytes: device \"gpu:1\" has the most free memory, 2 bytes, 2 short; 1 more bytes on device \"gpu:1\" "
            "are enough, "
            "and fewer on one device are not");
  EXPECT_EQ(
      why(even_profile({6, 6, 6}), {gpu("gpu:0", 10), gpu("gpu:1", 10)}),
      "no placement has room for every model, all were tried; worst-fit leaves over model \"m2\", which needs 6 bytes: "
      "device \"gpu:0\" has the most free memory, 4 bytes, 2 short; 2 more bytes on device \"gpu:0\" are enough, and fewer "
      "on "
      "one device are not");
  Profile holes = even_profile({1, 1});
  holes.kinds = {"gpu", "tpu"};
  holes.latency_s = {0.1, std::numeric_limits<double>::infinity(), 0.1, 0.1};
  holes.memory_bytes = {1, 1, 1, 1};
  EXPECT_EQ(why(holes, {gpu("gpu:0", 5)}), "model \"m1\" runs on none of the devices' kinds");
  EXPECT_EQ(why(even_profile({1, 1}), {gpu("gpu:0", 5)}, {.max_latency_s = 0.05}),
            "model \"m0\" takes longer than max_latency_s, 0.05, for a batch of any size on every device");
  EXPECT_EQ(why(even_profile({1, 1}), {gpu("gpu:0", 5)}, {.forbidden = {{"m1", "gpu:0"}}}),
            "model \"m1\" is forbidden on every device that it could run on");
  EXPECT_EQ(why(even_profile({3, 3}), {gpu("gpu:0", 5), gpu("gpu:1", 9)}, {.pinned = {{"m0", "gpu:0"}, {"m1", "gpu:0"}}}),
            "model \"m1\" is pinned to device \"gpu:0\" and needs 3 bytes, but what else is pinned there leaves 2: 1 bytes "
            "short");
  EXPECT_EQ(why(even_profile({9}), {gpu("gpu:0", 5), gpu("gpu:1", 9)}, {.pinned = {{"m0", "gpu:0"}}}),
            "model \"m0\" is pinned to device \"gpu:0\", but does not run there at any batch within its memory and "
            "max_latency_s");
}

// The bytes that `why` says are enough on one device are, and one byte less is not.
TEST(Plan, SaysTheLeastMemoryThatWouldDo) {
  int said = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const Instance instance =
        random_instance(seed, {.models = 5, .devices = 3, .batches = 2, .weights = seed % 2 == 0}, 0.8);
    const Plan found = plan(instance.profile, instance.devices, patient({}, 0));
    const std::string part = " more bytes on device \"";
    const std::size_t at = found.why.find(part);
    if (at == std::string::npos) continue;
    ++said;
    const std::size_t from = found.why.rfind(' ', at - 1) + 1;
    const std::int64_t bytes = std::stoll(found.why.substr(from, at - from));
    const std::string name = found.why.substr(at + part.size(), 5);
    std::vector<Device> devices = instance.devices;
    for (Device& device : devices)
      if (device.name == name) device.memory_bytes += bytes;
    EXPECT_TRUE(plan(instance.profile, devices, patient({}, 0)).feasible) << found.why;
    for (std::size_t i = 0; i < devices.size(); ++i) {
      devices = instance.devices;
      devices[i].memory_bytes += bytes - 1;
      EXPECT_FALSE(plan(instance.profile, devices, patient({}, 0)).feasible) << found.why;
    }
  }
  EXPECT_GT(said, 30);
}

TEST(Plan, BatchesThatTakeTurnsShareTheirWorkspace) {
  Profile profile = even_profile({6, 7});
  const auto fits = [&](std::int64_t bytes, Workspace workspace) {
    return plan(profile, {gpu("gpu:0", bytes)}, {.workspace = workspace}).feasible;
  };
  // Unknown weights: the whole instances must fit together.
  for (const Workspace workspace : {Workspace::kLargest, Workspace::kSum})
    EXPECT_TRUE(fits(13, workspace) && !fits(12, workspace));
  profile.weights_bytes = {4, 2};
  EXPECT_TRUE(fits(13, Workspace::kSum) && !fits(12, Workspace::kSum));
  EXPECT_TRUE(fits(11, Workspace::kLargest) && !fits(10, Workspace::kLargest));
}

TEST(Plan, SurvivesMemoryBeyondSixtyFourBits) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_TRUE(plan(even_profile({kHuge, kHuge}), {gpu("gpu:0", kHuge), gpu("gpu:1", kHuge)}).feasible);
  EXPECT_FALSE(plan(even_profile({kHuge, kHuge}), {gpu("gpu:0", kHuge)}).feasible);
}

TEST(Pack, SearchesDeeperWhereWorstFitGetsStuck) {
  // Worst-fit puts the two largest apart; only 3 + 3 and 2 + 2 + 2 fit.
  const Profile profile = even_profile({3, 3, 2, 2, 2});
  const std::vector<Device> devices = {gpu("gpu:0", 6), gpu("gpu:1", 6)};
  const Plan found = plan(profile, devices, patient({}, 0));
  EXPECT_TRUE(found.feasible);
  EXPECT_EQ(found.found_by, "packing");
  EXPECT_EQ(oracle::fault(found, profile), "");

  const PlanOptions options;
  const Packing given_up = pack({profile, devices, options}, make_problem(profile, devices, options), 2);
  EXPECT_FALSE(given_up.placement.has_value());
  EXPECT_THAT(given_up.why,
              AllOf(StartsWith("no placement was found in 2 tries, though one may exist; worst-fit leaves over model \""),
                    HasSubstr("short")));
}
}  // namespace
}  // namespace quorate
