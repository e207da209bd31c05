#include "quorate/search/space.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>

#include "quorate/core/error.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

auto says(const std::string& text) { return ThrowsMessage<std::invalid_argument>(HasSubstr(text)); }

Space everything() {
  return Space({{"lr", Float{1e-4, 1e-1, true}},
                {"dropout", Float{-0.5, 0.5}},
                {"width", Int{8, 128, true}},
                {"depth", Int{-2, 2}},
                {"act", Categorical{{std::string("relu"), std::string("gelu")}}},
                {"mixed", Categorical{{true, std::int64_t{1}, 1.0, std::string("1")}}}});
}

TEST(Space, SamplesLieInIt) {
  const Space space = everything();
  for (std::uint64_t trial = 0; trial < 2000; ++trial) {
    Random random(1, trial);
    EXPECT_NO_THROW(space.check(space.sample(random)));
  }
}

TEST(Space, SamplesAreUniform) {
  const Space space({{"n", Int{-2, 2}}, {"log", Int{1, 4, true}}, {"x", Float{1e-2, 1e2, true}}});
  constexpr int kDraws = 50'000;
  std::map<std::int64_t, int> n, log;
  int below_one = 0;
  for (std::uint64_t trial = 0; trial < kDraws; ++trial) {
    Random random(5, trial);
    const Config config = space.sample(random);
    ++n[config.get<std::int64_t>("n")];
    ++log[config.get<std::int64_t>("log")];
    below_one += config.get<double>("x") < 1.0;
  }
  const auto near = [](int count, double p) { EXPECT_NEAR(count, kDraws * p, 4.5 * std::sqrt(kDraws * p * (1 - p))); };
  ASSERT_EQ(n.size(), 5u);
  for (const auto& [value, count] : n) near(count, 0.2);
  for (const auto& [value, count] : log) {
    const double v = static_cast<double>(value);
    near(count, std::log((v + 0.5) / (v - 0.5)) / std::log(9.0));
  }
  near(below_one, 0.5);
}

TEST(Space, TheWidestRangesDoNotOverflow) {
  using I = std::numeric_limits<std::int64_t>;
  using D = std::numeric_limits<double>;
  const Space space({{"a", Int{I::min(), I::max()}},
                     {"b", Int{1, I::max(), true}},
                     {"c", Float{D::lowest(), D::max()}},
                     {"d", Int{3, 3}}});
  for (std::uint64_t trial = 0; trial < 1000; ++trial) {
    Random random(2, trial);
    const Config config = space.sample(random);
    EXPECT_NO_THROW(space.check(config));
    EXPECT_TRUE(std::isfinite(config.get<double>("c")));
  }
}

TEST(Space, PointsOfTheUnitCubeAreConfigurations) {
  const Space space({{"x", Float{-2.0, 2.0}},
                     {"lr", Float{1e-4, 1.0, true}},
                     {"n", Int{-2, 2}},
                     {"m", Int{1, 4, true}},
                     {"act", Categorical{{std::string("a"), std::string("b"), std::string("c")}}}});
  const Config low = space.at(std::vector<double>{0.0, 0.0, 0.0, 0.0, 0.0});
  EXPECT_EQ(low, (Config{{{"x", -2.0},
                          {"lr", low.get<double>("lr")},
                          {"n", std::int64_t{-2}},
                          {"m", std::int64_t{1}},
                          {"act", std::string("a")}}}));
  EXPECT_NEAR(low.get<double>("lr"), 1e-4, 1e-12);
  const Config middle = space.at(std::vector<double>{0.5, 0.5, 0.5, 0.5, 0.5});
  EXPECT_EQ(middle.get<double>("x"), 0.0);
  EXPECT_NEAR(middle.get<double>("lr"), 1e-2, 1e-10);
  EXPECT_EQ(middle.get<std::int64_t>("n"), 0);
  EXPECT_EQ(middle.get<std::int64_t>("m"), 2);  // sqrt(0.5 * 4.5) = 1.5, halves up
  EXPECT_EQ(middle.get<std::string>("act"), "b");
  const double last = std::nextafter(1.0, 0.0);
  const Config high = space.at(std::vector<double>{last, last, last, last, last});
  EXPECT_NO_THROW(space.check(high));
  EXPECT_EQ(high.get<std::int64_t>("n"), 2);
  EXPECT_EQ(high.get<std::int64_t>("m"), 4);
  EXPECT_EQ(high.get<std::string>("act"), "c");
}

TEST(Space, EqualPartsOfTheCubeAreEqualParts) {
  using I = std::numeric_limits<std::int64_t>;
  const Space space({{"n", Int{10, 16}}, {"wide", Int{I::min(), I::max()}}});
  std::map<std::int64_t, int> count;
  for (int i = 0; i < 7000; ++i) {
    const Config config = space.at(std::vector<double>{(i + 0.5) / 7000.0, (i + 0.5) / 7000.0});
    ++count[config.get<std::int64_t>("n")];
    EXPECT_NEAR(static_cast<double>(config.get<std::int64_t>("wide")), ((i + 0.5) / 7000.0 - 0.5) * 0x1p64, 0x1p12);
  }
  ASSERT_EQ(count.size(), 7u);
  for (const auto& [value, times] : count) EXPECT_EQ(times, 1000) << value;
}

TEST(Space, RefusesPointsThatAreNotInTheCube) {
  const Space space({{"x", Float{}}, {"n", Int{}}});
  EXPECT_THAT([&] { space.at(std::vector<double>{0.5}); },
              says("point has 1 coordinates, but must have 2, one for each parameter"));
  EXPECT_THAT([&] { space.at(std::vector<double>{0.5, 1.0}); }, says("point[1] is 1, but must be at least 0 and below 1"));
  EXPECT_THAT([&] { space.at(std::vector<double>{-0.1, 0.5}); }, says("point[0] is -0.1"));
  EXPECT_THAT([&] { space.at(std::vector<double>{std::nan(""), 0.5}); }, says("point[0] is nan"));
}

// Recorded, as a study that is opened again must draw what it drew.
TEST(Space, TheSameDrawsInEveryVersion) {
  Random random(42, 7);
  const Config config = everything().sample(random);
  EXPECT_DOUBLE_EQ(config.get<double>("lr"), 0.00023694263769774543);
  EXPECT_EQ(config.get<double>("dropout"), 0.4899492078123766);
  EXPECT_EQ(config.get<std::int64_t>("width"), 30);
  EXPECT_EQ(config.get<std::int64_t>("depth"), 2);
  EXPECT_EQ(config.get<std::string>("act"), "relu");
  EXPECT_EQ(config.get<std::int64_t>("mixed"), 1);
}

TEST(Space, RefusesWhatCannotBeDrawn) {
  const auto make = [](Parameter parameter) { return [=] { Space({{"p", parameter}}); }; };
  constexpr double inf = std::numeric_limits<double>::infinity();
  EXPECT_THAT(make(Float{1.0, 1.0}), says("space[\"p\"].low is 1, but must be below high, 1"));
  EXPECT_THAT(make(Float{std::nan(""), 1.0}), says("space[\"p\"].low is nan, but must be finite"));
  EXPECT_THAT(make(Float{0.0, inf}), says("space[\"p\"].high is inf, but must be finite"));
  EXPECT_THAT(make(Float{0.0, 1.0, true}), says("space[\"p\"].low is 0, but must be above 0 where log is set"));
  EXPECT_THAT(make(Int{2, 1}), says("space[\"p\"].low is 2, but must be at most high, 1"));
  EXPECT_THAT(make(Int{0, 1, true}), says("space[\"p\"].low is 0, but must be above 0 where log is set"));
  EXPECT_THAT(make(Categorical{}), says("space[\"p\"].choices is empty"));
  EXPECT_THAT(make(Categorical{{std::string("a"), std::string("a")}}), says("space[\"p\"].choices holds \"a\" twice"));
  EXPECT_THAT(make(Categorical{{1.0, inf}}), says("space[\"p\"].choices[1] is inf, but must be finite"));
  EXPECT_THAT([] { Space({}); }, says("space is empty, but must have at least one parameter"));
  EXPECT_THAT([] { Space({{"", Float{}}}); }, says("named \"\", but names must not be empty"));
  EXPECT_THAT([] { Space({{"p", Float{}}, {"p", Int{}}}); }, says("two parameters named \"p\""));
}

TEST(Space, ChecksConfigurations) {
  const Space space({{"x", Float{0.0, 1.0}}, {"n", Int{1, 3}}});
  EXPECT_NO_THROW(space.check({{{"x", 1.0}, {"n", std::int64_t{3}}}}));
  EXPECT_THAT([&] { space.check({{{"x", 1.0}}}); }, says("config has 1 parameters, but must have 2"));
  EXPECT_THAT([&] { space.check({{{"x", 1.0}, {"m", std::int64_t{3}}}}); }, says("parameter 1 is \"m\", but must be \"n\""));
  EXPECT_THAT(
      [&] {
        space.check({{{"x", 1.5}, {"n", std::int64_t{3}}}});
      },
      says("config[\"x\"] is 1.5, but must be a value of"));
  EXPECT_THAT(
      [&] {
        space.check({{{"x", 1.0}, {"n", 3.0}}});
      },
      says("config[\"n\"] is 3.0, but must be a value of Int(1, 3)"));
}

TEST(Space, ConfigurationsAnswerByName) {
  const Config config{{{"x", 0.5}, {"act", std::string("relu")}}};
  EXPECT_EQ(config.get<double>("x"), 0.5);
  EXPECT_EQ(config.get<std::string>("act"), "relu");
  EXPECT_THAT([&] { config["y"]; }, says("config has no parameter \"y\""));
  EXPECT_THAT([&] { config.get<bool>("x"); }, says("config[\"x\"] is of another type"));
}

TEST(Space, JsonComesBack) {
  const Space space = everything();
  EXPECT_EQ(space_from_json(to_json(space)), space);
  for (std::uint64_t trial = 0; trial < 500; ++trial) {
    Random random(3, trial);
    const Config config = space.sample(random);
    EXPECT_EQ(config_from_json(to_json(config), space), config);
  }
}

TEST(Space, JsonOfAConfigurationKeepsTheOrder) {
  EXPECT_EQ(to_json(Config{{{"z", 1.0}, {"a", true}, {"m", std::string("q")}}}), R"({"z":1.0,"a":true,"m":"q"})");
}

TEST(Space, BadJsonSaysWhere) {
  const auto says_file = [](const std::string& text) { return ThrowsMessage<FileError>(HasSubstr(text)); };
  const std::string head = R"({"format": "quorate.space", "version": 1, "parameters": [)";
  EXPECT_THAT([&] { space_from_json(head, "s.json"); }, says_file("s.json: is not valid JSON"));
  EXPECT_THAT([&] { space_from_json(head + R"({"name": "x", "type": "real"}]})"); },
              says_file("parameters[0].type is \"real\", but must be \"float\", \"int\" or \"categorical\""));
  EXPECT_THAT([&] { space_from_json(head + R"({"name": "x", "type": "float", "low": 2, "high": 1, "log": false}]})"); },
              says_file("space[\"x\"].low is 2, but must be below high, 1"));
  EXPECT_THAT([&] { space_from_json(head + R"({"name": "x", "type": "categorical", "choices": [null]}]})"); },
              says_file("choices[0] is null, but must be true, false, a number or a string"));
  const Space space({{"x", Float{0.0, 1.0}}});
  EXPECT_THAT([&] { config_from_json(R"({"x": 2.0})", space); }, says_file("config[\"x\"] is 2.0"));
  EXPECT_THAT([&] { config_from_json("{}", space); }, says_file("x is missing"));
  EXPECT_THAT([&] { config_from_json(R"({"x": 0.5, "y": 1})", space); },
              says_file("of the space's parameters and no others"));
}

TEST(Space, ParametersPrint) {
  EXPECT_EQ(to_text(Parameter(Float{1e-4, 0.1, true})), "Float(0.0001, 0.1, log=True)");
  EXPECT_EQ(to_text(Parameter(Int{1, 3})), "Int(1, 3)");
  EXPECT_EQ(to_text(Parameter(Categorical{{std::string("a"), true}})), "Categorical([\"a\", true])");
}

}  // namespace
}  // namespace quorate
