#include "quorate/search/brackets.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace quorate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::ThrowsMessage;

using Resources = std::vector<std::int64_t>;

TEST(Brackets, RungsOfPowersAreThePowers) {
  EXPECT_EQ(rung_resources(1, 243, ReductionFactor(3)), (Resources{1, 3, 9, 27, 81, 243}));
  EXPECT_EQ(rung_resources(1, 27, ReductionFactor(3)), (Resources{1, 3, 9, 27}));
  EXPECT_EQ(rung_resources(1, 1024, ReductionFactor(4)), (Resources{1, 4, 16, 64, 256, 1024}));
}

TEST(Brackets, EveryPowerHasItsRungs) {
  for (std::int64_t eta = 2; eta <= 10; ++eta) {
    std::int64_t top = 1;
    for (std::size_t rungs = 1; top < (std::int64_t{1} << 58); ++rungs, top *= eta)
      EXPECT_THAT(rung_resources(1, top, ReductionFactor(static_cast<double>(eta))), SizeIs(rungs)) << eta << " " << top;
  }
}

TEST(Brackets, RungsRoundDownFromTheTop) {
  EXPECT_EQ(rung_resources(1, 100, ReductionFactor(3)), (Resources{1, 3, 11, 33, 100}));
  EXPECT_EQ(rung_resources(5, 100, ReductionFactor(3)), (Resources{11, 33, 100}));
  EXPECT_EQ(rung_resources(11, 100, ReductionFactor(3)), (Resources{11, 33, 100}));
  EXPECT_EQ(rung_resources(12, 100, ReductionFactor(3)), (Resources{33, 100}));
  EXPECT_EQ(rung_resources(100, 100, ReductionFactor(3)), (Resources{100}));
  EXPECT_EQ(rung_resources(1, 2, ReductionFactor(3)), (Resources{2}));
  EXPECT_EQ(rung_resources(1, 1, ReductionFactor(3)), (Resources{1}));
}

TEST(Brackets, FractionalEtaIsExactToTheThousandth) {
  EXPECT_EQ(rung_resources(1, 100, ReductionFactor(2.5)), (Resources{1, 2, 6, 16, 40, 100}));
  EXPECT_EQ(rung_resources(50, 144, ReductionFactor(1.2)), (Resources{57, 69, 83, 100, 120, 144}));  // 144 / 1.2 is 120
  EXPECT_EQ(ReductionFactor(std::exp(1.0)).value(), 2.718);
  EXPECT_EQ(ReductionFactor(1.2).divide(1'000'000'000'000'000'000), 833'333'333'333'333'333);
}

TEST(Brackets, SizesAreHyperbands) {
  EXPECT_THAT(bracket_sizes(5, ReductionFactor(3)), ElementsAre(81, 34, 15, 8, 5));  // R = 81
  EXPECT_THAT(bracket_sizes(4, ReductionFactor(3)), ElementsAre(27, 12, 6, 4));      // R = 27
  EXPECT_THAT(bracket_sizes(1, ReductionFactor(3)), ElementsAre(1));
}

TEST(Brackets, RefusesWhatMakesNoSense) {
  const auto says = [](const std::string& text) { return ThrowsMessage<std::invalid_argument>(HasSubstr(text)); };
  EXPECT_THAT([] { rung_resources(0, 9, ReductionFactor(3)); }, says("min_resource is 0, but must be at least 1"));
  EXPECT_THAT([] { rung_resources(9, 8, ReductionFactor(3)); },
              says("max_resource is 8, but must be at least min_resource, 9"));
  EXPECT_THAT([] { ReductionFactor(1.0); }, says("eta is 1, but must be from 1.1 to 1e6"));
  EXPECT_THAT([] { ReductionFactor(1e7); }, says("eta is 1e+07"));
  EXPECT_THAT([] { ReductionFactor(std::numeric_limits<double>::quiet_NaN()); }, says("eta is nan"));
}

}  // namespace
}  // namespace quorate
