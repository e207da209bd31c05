#include "quorate/core/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "quorate/core/parallel.h"

namespace quorate {
namespace {

using testing::ThrowsMessage;

TEST(CpuDevices, SplitsCoresAndMemory) {
  const std::vector<int> groups(static_cast<std::size_t>(available_cores()), 1);
  const std::vector<Device> devices = cpu_devices(groups);
  ASSERT_EQ(devices.size(), groups.size());
  std::set<int> cores;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    EXPECT_EQ(devices[i].name, "cpu:" + std::to_string(i));
    EXPECT_EQ(devices[i].kind, "cpu-1core");
    EXPECT_EQ(devices[i].memory_bytes, devices[0].memory_bytes);
    EXPECT_GT(devices[i].memory_bytes, 0);
    ASSERT_EQ(devices[i].cores.size(), 1u);
    EXPECT_TRUE(cores.insert(devices[i].cores[0]).second) << "shared core";
  }
}

TEST(CpuDevices, SaysWhatIsWrong) {
  const auto devices = [](std::vector<int> cores) { return [cores] { cpu_devices(cores); }; };
  EXPECT_THAT(devices({}), ThrowsMessage<std::invalid_argument>("cores is empty, but must name at least one group"));
  EXPECT_THAT(devices({1, 0}), ThrowsMessage<std::invalid_argument>("cores[1] is 0, but must be at least 1"));
  EXPECT_THAT(devices({-2}), ThrowsMessage<std::invalid_argument>("cores[0] is -2, but must be at least 1"));
  const int all = available_cores();
  EXPECT_THAT(devices({all, 1}),
              ThrowsMessage<std::invalid_argument>("cores asks for " + std::to_string(all + 1) +
                                                   " cores, but this process may use " + std::to_string(all)));
}

TEST(DiscoverDevices, FindsTheWholeCpu) {
  const std::vector<Device> devices = discover_devices();
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0].name, "cpu:0");
  EXPECT_EQ(devices[0].cores.size(), static_cast<std::size_t>(available_cores()));
}

}  // namespace
}  // namespace quorate
