#include "quorate/plan/profile.h"

#include <gmock/gmock.h>

#include <limits>

#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Two kinds, two models, two batch sizes; model "b" does not run on the CPU at batch 8. Latency falls from batch 1 to 8
// once.
Profile sample_profile() {
  return {{"a", "b"},
          {1, 8},
          {"gpu", "cpu-1core"},
          {1e-3, 2e-3, 5e-3, 4e-3, 0.1 + 0.2, 1.0 / 3, 2.0, kInfinity},
          {1, 2, 3, 4, 5, 6, 7, 0}};
}

template <class Change>
Profile changed(const Change& change) {
  Profile profile = sample_profile();
  change(profile);
  return profile;
}

template <class Change>
void expect_fault(const Change& change, const std::string& what) {
  EXPECT_THAT([&] { check(changed(change)); }, ThrowsMessage<std::invalid_argument>(what));
}

TEST(Profile, AcceptsHolesAndLatencyThatFalls) { EXPECT_NO_THROW(check(sample_profile())); }

TEST(Profile, TheLargestSlowdownCounts) {
  Profile profile{
      {"a", "b", "c"}, {1}, {"gpu"}, {1e-3, 1e-3, 1e-3}, {1, 1, 1}, {}, {1.0, 1.5, 1.2, 1.1, 1.0, 1.0, 1.0, 1.3, 1.0}};
  EXPECT_NO_THROW(check(profile));
  EXPECT_EQ(profile.slowed_by(0, 0, std::vector<std::size_t>{0}), 1.0);
  EXPECT_EQ(profile.slowed_by(0, 0, std::vector<std::size_t>{0, 1, 2}), 1.5);
  EXPECT_EQ(profile.slowed_by(0, 2, std::vector<std::size_t>{0, 2}), 1.0);
  EXPECT_EQ(profile_from_json(to_json(profile)), profile);
  profile.slowdown.clear();
  EXPECT_EQ(profile.slowed_by(0, 0, std::vector<std::size_t>{0, 1, 2}), 1.0);
}

TEST(Profile, CheckNamesWhatIsWrong) {
  expect_fault([](Profile& p) { p.slowdown = {1.0}; },
               "slowdown has 1 entries, but must have 8: [2 kinds, 2 models, 2 models], or none");
  expect_fault([](Profile& p) { p.slowdown = {1, 1, 1, 1, 1, 1, 0.9, 1}; },
               "slowdown of model \"b\" by model \"a\" on kind \"cpu-1core\" is 0.9, but must be at least 1 and finite");
  expect_fault([](Profile& p) { p.slowdown = {1, kInfinity, 1, 1, 1, 1, 1, 1}; },
               "slowdown of model \"a\" by model \"b\" on kind \"gpu\" is inf, but must be at least 1 and finite");
  expect_fault([](Profile& p) { p.slowdown = {1.5, 1, 1, 1, 1, 1, 1, 1}; },
               "slowdown of model \"a\" by model \"a\" on kind \"gpu\" is 1.5, but must be 1");
  expect_fault([](Profile& p) { p.models.clear(); }, "models is empty, but must hold at least one name");
  expect_fault([](Profile& p) { p.models[1] = ""; }, "models[1] is empty, but must be a name");
  expect_fault([](Profile& p) { p.models[1] = "a"; }, "models holds \"a\" twice, but must hold it once");
  expect_fault([](Profile& p) { p.kinds.clear(); }, "kinds is empty, but must hold at least one name");
  expect_fault([](Profile& p) { p.batch_sizes.clear(); }, "batch_sizes is empty, but must hold at least one size");
  expect_fault([](Profile& p) { p.batch_sizes[0] = 0; }, "batch_sizes[0] is 0, but must be at least 1");
  expect_fault([](Profile& p) { p.batch_sizes[1] = 1; }, "batch_sizes[1] is 1, but must be above 1, the one before it");
  expect_fault([](Profile& p) { p.latency_s.pop_back(); },
               "latency_s has 7 entries, but must have 8: [2 kinds, 2 models, 2 batch sizes]");
  expect_fault([](Profile& p) { p.memory_bytes.push_back(1); },
               "memory_bytes has 9 entries, but must have 8: [2 kinds, 2 models, 2 batch sizes]");
  expect_fault([](Profile& p) { p.memory_bytes[5] = -6; },
               "memory_bytes of model \"a\" on kind \"cpu-1core\" at batch size 8 is -6, but must be at least 0");
  expect_fault([](Profile& p) { p.latency_s[2] = p.latency_s[3] = p.latency_s[6] = kInfinity; },
               "latency_s of model \"b\" is infinity everywhere, but must be finite on at least one kind at one batch size");
}

TEST(Profile, CheckNamesBadWeights) {
  EXPECT_NO_THROW(check(changed([](Profile& p) { p.weights_bytes = {1, 3, 0, 7}; })));
  EXPECT_THAT(
      [] { check(changed([](Profile& p) { p.weights_bytes = {1}; })); },
      ThrowsMessage<std::invalid_argument>("weights_bytes has 1 entries, but must have 4: [2 kinds, 2 models], or none"));
  expect_fault(
      [](Profile& p) {
        p.weights_bytes = {2, 0, 0, 0};
      },
      "weights_bytes of model \"a\" on kind \"gpu\" is 2, but must be from 0 to memory_bytes, which is 1 at batch "
      "size 1");
  expect_fault(
      [](Profile& p) {
        p.weights_bytes = {0, 0, -1, 0};
      },
      "weights_bytes of model \"a\" on kind \"cpu-1core\" is -1, but must be from 0 to memory_bytes, which is 5 at "
      "batch size 1");
}

TEST(Profile, WhatIsNotWeightsIsWorkspace) {
  Profile profile = sample_profile();
  EXPECT_EQ(profile.resident_bytes(0, 1, 1), 4);
  EXPECT_EQ(profile.workspace_bytes(0, 1, 1), 0);
  profile.weights_bytes = {1, 3, 0, 7};
  EXPECT_EQ(profile.resident_bytes(0, 1, 1), 3);
  EXPECT_EQ(profile.workspace_bytes(0, 1, 1), 1);
}

TEST(Profile, CheckNamesBadLatencies) {
  for (const auto& [value, text] : {std::pair{0.0, "0"}, {-1e-3, "-0.001"}, {kNan, "nan"}, {-kInfinity, "-inf"}})
    expect_fault([v = value](Profile& p) { p.latency_s[3] = v; },
                 "latency_s of model \"b\" on kind \"gpu\" at batch size 8 is " + std::string(text) +
                     ", but must be above 0 (infinity: it does not run there)");
}

TEST(Profile, GoesThroughJsonUnchanged) {
  EXPECT_EQ(profile_from_json(to_json(sample_profile())), sample_profile());
  const Profile weighed = changed([](Profile& p) { p.weights_bytes = {1, 3, 0, 7}; });
  EXPECT_EQ(profile_from_json(to_json(weighed)), weighed);
  const test::TemporaryFolder folder;
  save(sample_profile(), folder / "profile.json");
  EXPECT_EQ(load_profile(folder / "profile.json"), sample_profile());
  EXPECT_THAT([&] { load_profile(folder / "none.json"); },
              ThrowsMessage<FileError>(StartsWith((folder / "none.json").string())));
}

void expect_bad_document(const std::string& part, const std::string& by, const std::string& what) {
  std::string text = to_json(sample_profile());
  const auto at = text.find(part);
  ASSERT_NE(at, std::string::npos) << part << " is not in " << text;
  text.replace(at, part.size(), by);
  EXPECT_THAT([&] { profile_from_json(text, "p.json"); },
              ThrowsMessage<FileError>(AllOf(StartsWith("p.json: "), HasSubstr(what))));
}

TEST(Profile, SaysWhatIsWrongWithADocument) {
  expect_bad_document("quorate.profile", "quorate.plan", "format is \"quorate.plan\", but must be \"quorate.profile\"");
  expect_bad_document("\"models\"", "\"model\"", "models is missing");
  expect_bad_document("\"inf\"", "\"fast\"", "latency_s[1] is \"fast\", but must be a number");
  expect_bad_document("\"inf\"", "-1", "is -1, but must be above 0");
  expect_bad_document("0.001,", "", "latency_s is [0.002], but must be an array of 2 entries");
  expect_bad_document("\"gpu\": {", "\"tpu\": {", "measured.gpu is missing");
  expect_bad_document("8\n", "8000000000\n", "batch_sizes[1] is 8000000000, but must be an integer of 32 bits");
  EXPECT_THAT([] { to_json(changed([](Profile& p) { p.models.clear(); })); }, testing::Throws<std::invalid_argument>());
  const std::string text = to_json(sample_profile());
  for (const std::size_t size : {std::size_t{0}, text.size() / 2, text.size() - 2})
    EXPECT_THAT([&] { profile_from_json(text.substr(0, size), "p.json"); },
                ThrowsMessage<FileError>(HasSubstr("is not valid JSON")));
}

}  // namespace
}  // namespace quorate
