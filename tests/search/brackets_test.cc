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

TEST(Brackets, RungsOfAnySizeAreExact) {
  EXPECT_EQ(rung_resources(1, 1'000'000'000'000, ReductionFactor(10)).front(), 1);
  EXPECT_THAT(rung_resources(1, 1'000'000'000'000, ReductionFactor(10)), SizeIs(13));
  EXPECT_EQ(rung_resources(100'000'000, 1'000'000'000'000, ReductionFactor(std::exp(1.0))),
            (Resources{123'525'018, 335'741'000, 912'544'040, 2'480'294'702, 6'741'441'000, 18'323'236'638, 49'802'557'184,
                       135'363'350'427, 367'917'586'460, 1'000'000'000'000}));  // 2.718, not e
  EXPECT_EQ(rung_resources(7, 100, ReductionFactor(1.5)), (Resources{8, 13, 19, 29, 44, 66, 100}));
  EXPECT_EQ(rung_resources(1, 10, ReductionFactor(1.5)),
            (Resources{1, 2, 4, 6, 10}));  // 10/1.5^5 is 1.3, 10/1.5^4 1.9: once
  // eta = 1.1: rungs that fall together count once, and each is floor(R / 1.1^k) for some k.
  const Resources fine = rung_resources(1, 20, ReductionFactor(1.1));
  EXPECT_EQ(fine, (Resources{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 18, 20}));
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
