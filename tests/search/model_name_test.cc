#include "search/model_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quorate/core/random.h"

namespace quorate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ModelName, IsReadBack) {
  EXPECT_EQ(model_name({7, 9}), "t0007r9");
  EXPECT_EQ(model_name({12345, 0}), "t12345r0");
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    const TrialModel model{static_cast<std::int64_t>(random.below(std::uint64_t{1} << random.below(60))),
                           static_cast<std::int64_t>(random.below(std::uint64_t{1} << random.below(60)))};
    ASSERT_EQ(parse_model_name(model_name(model)), model);
  }
}

TEST(ModelName, OtherNamesAreNobodys) {
  for (const char* name : {"", "t", "t0007", "t0007r", "tr9", "t7r9", "t00007r9", "t0007r09", "t0007r9 ", "t0007r9.pt",
                           "t-007r9", "t0007r-9", "t+007r9", "T0007r9", " t0007r9", "t0007r99999999999999999999", "teacher"})
    EXPECT_EQ(parse_model_name(name), std::nullopt) << name;
}

TEST(SupersededModels, AreAllButTheLastOfEachTrial) {
  EXPECT_THAT(superseded_models({"t0001r9", "t0000r1", "teacher", "t0001r1", "t0001r3", "t0002r27", "t0000r3"}),
              ElementsAre("t0000r1", "t0001r1", "t0001r3"));
  EXPECT_THAT(superseded_models({}), IsEmpty());
  EXPECT_THAT(superseded_models({"t0001r3", "t0001r03", "t0001r1x"}), IsEmpty());
}

}  // namespace
}  // namespace quorate
