#include "search/drop_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "oracle/drop_order.h"
#include "quorate/core/random.h"

namespace quorate {
namespace {

using testing::ElementsAre;

DropOrder::Model packed(const oracle::LibraryModel& model) {
  DropOrder::Model result{model.name, model.loss, model.cost, std::vector<std::uint64_t>((model.wrong.size() + 63) / 64)};
  for (std::size_t s = 0; s < model.wrong.size(); ++s) result.wrong[s / 64] |= std::uint64_t{model.wrong[s]} << (s % 64);
  return result;
}

// The order in which all but one go.
std::vector<std::string> all_of(const std::vector<oracle::LibraryModel>& models) {
  DropOrder order;
  for (const oracle::LibraryModel& model : models) order.add(packed(model));
  std::vector<std::string> result;
  while (const auto name = order.first()) {
    result.push_back(*name);
    order.remove(*name);
  }
  EXPECT_EQ(order.size(), models.empty() ? 0u : 1u);
  return result;
}

// Few values, so that there are ties in everything; some losses that are not finite, some figures that are missing.
oracle::LibraryModel random_model(Random& random, std::size_t number, std::size_t samples, std::uint64_t kinds) {
  oracle::LibraryModel model{"m" + std::to_string(number), static_cast<double>(random.below(kinds)), {}, {}};
  if (random.below(12) == 0) model.loss = std::vector{NAN, INFINITY, -INFINITY}[random.below(3)];
  for (const char* key : {"flops", "latency_s", "memory_bytes"})
    if (random.below(3) > 0) model.cost[key] = static_cast<double>(random.below(kinds));
  if (random.below(10) > 0)
    for (std::size_t s = 0; s < samples; ++s) model.wrong.push_back(random.below(kinds) == 0);
  return model;
}

TEST(DropOrder, EqualsTheOracle) {
  Random random(7);
  for (int round = 0; round < 500; ++round) {
    const std::size_t samples = std::vector<std::size_t>{1, 5, 64, 65, 130}[random.below(5)];
    const std::uint64_t kinds = 2 + random.below(5), steps = random.below(24);
    std::vector<oracle::LibraryModel> library;
    DropOrder order;
    for (std::size_t step = 0; step < steps; ++step) {
      if (!library.empty() && random.below(4) == 0) {  // somebody else removes one
        const std::size_t gone = random.below(library.size());
        order.remove(library[gone].name);
        library.erase(library.begin() + static_cast<std::ptrdiff_t>(gone));
      } else {
        library.push_back(random_model(random, step, samples, kinds));
        order.add(packed(library.back()));
      }
      const auto expected = oracle::first_to_drop(library);
      ASSERT_EQ(order.first(), expected ? std::optional(library[*expected].name) : std::nullopt);
    }
    while (const auto expected = oracle::first_to_drop(library)) {
      ASSERT_EQ(order.first(), library[*expected].name) << "round " << round << ", " << library.size() << " models";
      order.remove(library[*expected].name);
      library.erase(library.begin() + static_cast<std::ptrdiff_t>(*expected));
    }
    ASSERT_EQ(order.first(), std::nullopt);
  }
}

TEST(DropOrder, DominatedModelsGoFirst) {
  const std::vector<bool> none(4, false);
  // "dear" has a lower loss than "cheap", but is dominated by "best", which "cheap" is not.
  EXPECT_THAT(all_of({{"cheap", 0.9, {{"latency_s", 1.0}}, none},
                      {"best", 0.1, {{"latency_s", 2.0}}, none},
                      {"dear", 0.5, {{"latency_s", 3.0}}, none}}),
              ElementsAre("dear", "cheap"));
}

TEST(DropOrder, WhoIsWrongWhereOthersAreRightStays) {
  // Alike in loss and cost: the first two are wrong on the same samples, the third on others.
  const std::vector<bool> here{true, true, false, false}, there{false, false, true, true};
  EXPECT_THAT(all_of({{"a", 0.5, {}, here}, {"b", 0.5, {}, here}, {"c", 0.5, {}, there}}), ElementsAre("b", "c"));
}

TEST(DropOrder, TheBestStaysAndTiesGoToTheEarlier) {
  EXPECT_THAT(all_of({{"a", 0.5, {}, {}}, {"b", 0.5, {}, {}}, {"c", 0.5, {}, {}}}), ElementsAre("c", "b"));
  EXPECT_THAT(all_of({{"a", NAN, {}, {}}, {"b", INFINITY, {}, {}}, {"c", -INFINITY, {}, {}}}), ElementsAre("c", "b"));
  EXPECT_THAT(all_of({{"a", NAN, {{"flops", 1.0}}, {}}, {"b", 9.0, {{"flops", 2.0}}, {}}}), ElementsAre("a"));
  EXPECT_THAT(all_of({}), ElementsAre());
  EXPECT_THAT(all_of({{"a", NAN, {}, {}}}), ElementsAre());
}

TEST(DropOrder, WhatIsKnownOfOneOnlyIsNotCompared) {
  EXPECT_THAT(all_of({{"no cost", 0.2, {}, {}}, {"best", 0.1, {{"flops", 9.0}}, {}}, {"cheap", 0.3, {{"flops", 1.0}}, {}}}),
              ElementsAre("cheap", "no cost"));
  EXPECT_THAT(all_of({{"flops", 0.3, {{"flops", 9.0}}, {}}, {"best", 0.1, {{"latency_s", 9.0}}, {}}}), ElementsAre("flops"));
}

}  // namespace
}  // namespace quorate
