#include "infer/bound_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "infer/expect_throw.h"
#include "infer/small_engine.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

using test::expect_throw;
using ::testing::HasSubstr;

TEST(BoundThread, DoesWhatItIsAskedOnTheDevicesCores) {
  const Device device = test::devices(1)[0];
  BoundThread bound(device);
  std::thread::id first, second;
  cpu_set_t cores;
  bound.run([&] {
    first = std::this_thread::get_id();
    ASSERT_EQ(::sched_getaffinity(0, sizeof cores, &cores), 0);
  });
  bound.run([&] { second = std::this_thread::get_id(); });
  EXPECT_EQ(first, second);
  EXPECT_NE(first, std::this_thread::get_id());
  EXPECT_EQ(CPU_COUNT(&cores), 1);
  EXPECT_TRUE(CPU_ISSET(static_cast<std::size_t>(device.cores[0]), &cores));
}

TEST(BoundThread, ThrowsWhatWasThrownAndGoesOn) {
  BoundThread bound(test::devices(1)[0]);
  expect_throw<Error>([&] { bound.run([] { throw Error("on purpose"); }); }, HasSubstr("on purpose"));
  bool ran = false;
  bound.run([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST(BoundThread, SaysWhichDeviceCannotBeUsed) {
  const Device device{"cpu:9", "cpu-1core", 1, 0.0, {CPU_SETSIZE - 1}};
  expect_throw<DeviceError>([&] { BoundThread bound(device); }, HasSubstr("device \"cpu:9\": cannot use cores 1023"));
}

}  // namespace
}  // namespace quorate
