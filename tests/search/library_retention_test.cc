#include "search/library_retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "oracle/drop_order.h"
#include "quorate/core/random.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

using test::TemporaryFolder;
using testing::ElementsAre;
using testing::IsEmpty;

// Models of two classes; each is told by the samples that it is wrong on, [samples].
class Retention : public testing::Test {
 protected:
  static constexpr std::size_t kSamples = 70;

  Retention() {
    for (ModelLibrary library : {disk, memory})
      for (const char* split : {"test", "valid"}) library.set_labels(split, std::vector<std::int32_t>(kSamples, 0));
  }

  static void add(ModelLibrary library, const std::string& name, const std::vector<bool>& wrong,
                  const std::map<std::string, double>& cost = {}, const std::string& split = "valid") {
    std::vector<float> rows;
    for (const bool is_wrong : wrong) rows.insert(rows.end(), {is_wrong ? 0.25f : 0.75f, is_wrong ? 0.75f : 0.25f});
    library.add(name, {{split, {rows.data(), wrong.size(), 2}}}, cost);
  }

  static std::vector<bool> wrong_on(std::size_t begin, std::size_t end) {
    std::vector<bool> wrong(kSamples);
    std::fill(wrong.begin() + static_cast<std::ptrdiff_t>(begin), wrong.begin() + static_cast<std::ptrdiff_t>(end), true);
    return wrong;
  }

  static double by_trial(const TrialModel& model) { return static_cast<double>(model.trial); }

  TemporaryFolder folder{"/dev/shm"};
  ModelLibrary disk{folder / "library"}, memory;
  const std::int64_t model_bytes = kSamples * 2 * 4;  // of one in memory
};

TEST_F(Retention, DropsAsTheOracleUntilTheRestFits) {
  Random random(5);
  for (int round = 0; round < 100; ++round) {
    ModelLibrary library;
    library.set_labels("valid", std::vector<std::int32_t>(kSamples, 0));
    const auto max_models = static_cast<std::int64_t>(random.below(6));
    auto retention =
        std::make_unique<LibraryRetention>(library, LibraryRetention::Options{.max_bytes = max_models * model_bytes + 5});
    std::vector<oracle::LibraryModel> left;
    std::map<TrialModel, double> losses;
    for (std::int64_t trial = 0; trial < 16; ++trial) {
      const TrialModel model{trial, static_cast<std::int64_t>(random.below(9))};
      losses[model] = random.below(9) == 0 ? NAN : static_cast<double>(random.below(6));
      left.push_back({model_name(model), losses[model], {{"flops", static_cast<double>(random.below(5))}}, {}});
      for (std::size_t s = 0; s < kSamples; ++s) left.back().wrong.push_back(random.below(6) == 0);
      add(library, left.back().name, left.back().wrong, left.back().cost);
      if (random.below(4) == 0)  // the study is opened again
        retention = std::make_unique<LibraryRetention>(library,
                                                       LibraryRetention::Options{.max_bytes = max_models * model_bytes + 5});

      std::vector<std::string> expected, names;
      while (static_cast<std::int64_t>(left.size()) > std::max<std::int64_t>(max_models, 1)) {
        const std::size_t gone = oracle::first_to_drop(left).value();
        expected.push_back(left[gone].name);
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(gone));
      }
      for (const oracle::LibraryModel& each : left) names.push_back(each.name);
      ASSERT_EQ(retention->enforce([&](const TrialModel& each) { return losses.at(each); }), expected);
      ASSERT_EQ(library.names(), names);
    }
  }
}

TEST_F(Retention, KeepsTheBestEvenWhereItAloneIsTooLarge) {
  for (ModelLibrary library : {disk, memory}) {
    LibraryRetention retention(library, {.max_bytes = 1});
    add(library, "t0003r1", wrong_on(0, 5));
    EXPECT_THAT(retention.enforce(by_trial), IsEmpty());
    add(library, "t0005r1", wrong_on(0, 0));
    EXPECT_THAT(retention.enforce(by_trial), ElementsAre("t0005r1"));
    add(library, "t0002r1", wrong_on(0, 70));
    EXPECT_THAT(retention.enforce(by_trial), ElementsAre("t0003r1"));
    EXPECT_THAT(library.names(), ElementsAre("t0002r1"));
  }
}

TEST_F(Retention, OthersModelsAreNeitherCountedNorRemoved) {
  LibraryRetention retention(memory, {.last_only = true, .max_bytes = 2 * model_bytes});
  for (const char* name : {"teacher", "t1r1", "t0000r1"}) add(memory, name, wrong_on(0, 1));
  add(memory, "t0001r3", wrong_on(0, 1));
  EXPECT_THAT(retention.enforce(by_trial), IsEmpty());
  add(memory, "t0002r3", wrong_on(0, 1));
  EXPECT_THAT(retention.enforce(by_trial), ElementsAre("t0002r3"));
}

TEST_F(Retention, LastOnlyKeepsTheHighestResourceOfEachTrial) {
  for (ModelLibrary library : {disk, memory}) {
    for (const char* name : {"t0000r1", "t0001r1", "t0000r3", "t0000r9"}) add(library, name, wrong_on(0, 1));
    LibraryRetention retention(library, {.last_only = true, .max_bytes = {}});
    EXPECT_THAT(retention.enforce(by_trial), ElementsAre("t0000r1", "t0000r3"));
    add(library, "t0000r3", wrong_on(0, 1));
    EXPECT_THAT(retention.enforce(by_trial), ElementsAre("t0000r3"));
    EXPECT_THAT(library.names(), ElementsAre("t0001r1", "t0000r9"));
  }
}

TEST_F(Retention, NothingIsReadOrAskedBeforeTheBoundIsExceeded) {
  const std::int64_t bytes = [&] {
    for (int trial = 0; trial < 3; ++trial) add(disk, model_name({trial, 1}), wrong_on(0, 1));
    return 3 * disk.entry("t0000r1").bytes;
  }();
  LibraryRetention retention(disk, {.max_bytes = bytes});
  const auto never = [](const TrialModel& model) -> double { throw std::logic_error("asked for " + model_name(model)); };
  EXPECT_THAT(retention.enforce(never), IsEmpty());
  add(disk, "t0003r1", wrong_on(0, 1));
  EXPECT_THROW(retention.enforce(never), std::logic_error);
  EXPECT_THAT(retention.enforce(by_trial), ElementsAre("t0003r1")) << "after an error it goes on where it was";
}

TEST_F(Retention, AModelWithoutTheSplitIsWeighedByLossAndCost) {
  LibraryRetention retention(memory, {.max_bytes = 2 * model_bytes});
  add(memory, "t0001r1", wrong_on(0, 9), {{"flops", 2.0}});
  add(memory, "t0002r1", wrong_on(0, 0), {{"flops", 2.0}}, "test");
  add(memory, "t0003r1", wrong_on(0, 9), {{"flops", 1.0}});
  EXPECT_THAT(retention.enforce(by_trial), ElementsAre("t0002r1")) << "trial 1 dominates it, although it overlaps with 3";
}

TEST_F(Retention, WhatSomebodyElseRemovesIsForgotten) {
  LibraryRetention retention(memory, {.max_bytes = 2 * model_bytes});
  for (int trial = 0; trial < 3; ++trial) add(memory, model_name({trial, 1}), wrong_on(0, 1));
  EXPECT_THAT(retention.enforce(by_trial), ElementsAre("t0002r1"));
  memory.remove("t0000r1");
  add(memory, "t0004r1", wrong_on(0, 1));
  EXPECT_THAT(retention.enforce(by_trial), IsEmpty());
  add(memory, "t0003r1", wrong_on(0, 1));
  EXPECT_THAT(retention.enforce(by_trial), ElementsAre("t0004r1"));
  EXPECT_THAT(memory.names(), ElementsAre("t0001r1", "t0003r1"));
}

TEST_F(Retention, ThreadsEnforceTogether) {
  for (ModelLibrary library : {disk, memory}) {
    add(library, "t9999r1", wrong_on(0, 1));
    const std::int64_t max_bytes = library.entry("t9999r1").bytes * 5 + 50;  // meta.json varies a little
    LibraryRetention retention(library, {.last_only = true, .max_bytes = max_bytes});
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t, own = library]() mutable {
          for (int i = 0; i < 10; ++i)
            for (const int resource : {1, 3}) {
              add(own, model_name({10 * t + i, resource}), wrong_on(0, 1));
              retention.enforce(by_trial);
            }
        });
    }
    EXPECT_TRUE(library.contains("t0000r3"));
    EXPECT_THAT(retention.enforce(by_trial), IsEmpty());
    EXPECT_EQ(library.size(), 5u);
  }
}

}  // namespace
}  // namespace quorate
