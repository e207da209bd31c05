#include "core/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quorate/core/error.h"

namespace quorate {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::ThrowsMessage;

// What reading `text` with `read` says.
template <class Read>
std::string error_of(const std::string& text, const Read& read) {
  const Json document = parse_json(text, "plan.json");
  try {
    read(JsonField(document, "plan.json"));
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ParseJson, SaysWhereItBroke) {
  EXPECT_THAT([] { parse_json("{\"a\": 1", "plan.json"); },
              ThrowsMessage<FileError>("plan.json: is not valid JSON at byte 8 of 7"));
  EXPECT_THAT([] { parse_json("", "plan.json"); }, ThrowsMessage<FileError>("plan.json: is not valid JSON at byte 1 of 0"));
  EXPECT_THAT([] { parse_json("{\"\xff\": 1}", "x"); }, ThrowsMessage<FileError>("x: is not valid JSON at byte 3 of 8"));
  EXPECT_THAT([] { parse_json("[1e999]", "x"); },
              ThrowsMessage<FileError>("x: holds a number that is too large for 64 bits"));
}

TEST(JsonField, ReadsValues) {
  const Json document =
      parse_json(R"({"n": 1.5, "i": -3, "b": true, "t": "x", "a": [1, 2], "s": ["p"], "m": {"k": 2, "inf": "inf"}})", "x");
  const JsonField root(document, "x");
  EXPECT_EQ(root["n"].number(), 1.5);
  EXPECT_EQ(root["i"].integer(), -3);
  EXPECT_TRUE(root["b"].boolean());
  EXPECT_EQ(root["t"].text(), "x");
  EXPECT_EQ(root["a"].size(), 2u);
  EXPECT_EQ(root["a"][1].integer(), 2);
  EXPECT_THAT(root["a"].numbers(), ElementsAre(1.0, 2.0));
  EXPECT_THAT(root["a"].integers(), ElementsAre(1, 2));
  EXPECT_THAT(root["s"].texts(), ElementsAre("p"));
  EXPECT_THAT(root["m"].number_map(), ElementsAre(Pair("inf", std::numeric_limits<double>::infinity()), Pair("k", 2.0)));
  EXPECT_TRUE(root.has("n"));
  EXPECT_FALSE(root.has("none"));
}

TEST(JsonField, ErrorsNameTheFieldItsValueAndWhatItMustBe) {
  const auto number = [](const JsonField& root) { root["tiers"][1]["threshold"].number(); };
  EXPECT_EQ(error_of(R"({"tiers": [{}, {"threshold": "x"}]})", number),
            "plan.json: tiers[1].threshold is \"x\", but must be a number");
  EXPECT_EQ(error_of(R"({"tiers": [{}, {}]})", number), "plan.json: tiers[1].threshold is missing");
  EXPECT_EQ(error_of(R"({"tiers": [{}]})", number), "plan.json: tiers is [{}], but must be an array of at least 2 entries");
  EXPECT_EQ(error_of(R"({"tiers": 3})", number), "plan.json: tiers is 3, but must be an array");
  EXPECT_EQ(error_of("[]", number), "plan.json: the document is [], but must be an object");
}

TEST(JsonField, ErrorsOfEveryType) {
  const std::string text = R"({"f": 1.5, "s": "x", "big": 18446744073709551615, "a": [1, "p"], "m": {"k": []}})";
  EXPECT_EQ(error_of(text, [](auto root) { root["f"].integer(); }),
            "plan.json: f is 1.5, but must be an integer of 64 bits");
  EXPECT_EQ(error_of(text, [](auto root) { root["big"].integer(); }),
            "plan.json: big is 18446744073709551615, but must be an integer of 64 bits");
  EXPECT_EQ(error_of(text, [](auto root) { root["s"].boolean(); }), "plan.json: s is \"x\", but must be true or false");
  EXPECT_EQ(error_of(text, [](auto root) { root["f"].text(); }), "plan.json: f is 1.5, but must be a string");
  EXPECT_EQ(error_of(text, [](auto root) { root["a"].numbers(); }), "plan.json: a[1] is \"p\", but must be a number");
  EXPECT_EQ(error_of(text, [](auto root) { root["a"].integers(); }),
            "plan.json: a[1] is \"p\", but must be an integer of 64 bits");
  EXPECT_EQ(error_of(text, [](auto root) { root["a"].texts(); }), "plan.json: a[0] is 1, but must be a string");
  EXPECT_EQ(error_of(text, [](auto root) { root["m"].number_map(); }), "plan.json: m.k is [], but must be a number");
  EXPECT_EQ(error_of(text, [](auto root) { root["s"].number_map(); }), "plan.json: s is \"x\", but must be an object");
}

TEST(JsonField, LongValuesAreShortenedAndStayText) {
  std::string text = "\"";
  for (int i = 0; i < 100; ++i) text += "\u00e9";
  const std::string error = error_of(text + "\"", [](auto root) { root.number(); });
  EXPECT_EQ(error.size(), std::string("plan.json: the document is ...., but must be a number").size() + 79);
  for (const char byte : error) EXPECT_GE(byte, ' ') << "cut in the middle of a character";
}

TEST(JsonNumber, ReadsBackWhatJsonHasNoNumberFor) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {0.1, -1e300, 5e-324, infinity, -infinity}) {
    const Json json = Json::parse(json_number(value).dump());
    EXPECT_EQ(JsonField(json, "x").number(), value);
  }
  const Json nan = json_number(std::nan(""));
  EXPECT_TRUE(std::isnan(JsonField(nan, "x").number()));
}

TEST(JsonDocument, ChecksFormatAndVersion) {
  const auto open = [](const JsonField& root) { open_json_document(root.json(), "plan.json", "quorate.plan", 2); };
  EXPECT_EQ(error_of(json_document("quorate.plan", 2).dump(), open), "no error");
  EXPECT_EQ(error_of(json_document("quorate.front", 1).dump(), open),
            "plan.json: format is \"quorate.front\", but must be \"quorate.plan\"");
  for (const int version : {0, 3})
    EXPECT_EQ(
        error_of(json_document("quorate.plan", version).dump(), open),
        "plan.json: version is " + std::to_string(version) + ", but must be from 1 to 2, the last that this build reads");
  EXPECT_EQ(error_of("{}", open), "plan.json: format is missing");
}

}  // namespace
}  // namespace quorate
