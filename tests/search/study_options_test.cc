// What a study can be asked to do besides: several objectives, bounds, devices, proposals, durability, older versions.
#include <gmock/gmock.h>

#include <cmath>
#include <mutex>

#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "quorate/search/study.h"
#include "search/database.h"
#include "search/folder.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

auto says(const std::string& text) { return ThrowsMessage<std::invalid_argument>(HasSubstr(text)); }

Space space() { return Space({{"x", Float{0.0, 1.0}}}); }

void train(TrialJob& job) {
  for (std::int64_t at = job.checkpoint_resource() + 1; at <= job.to_resource(); ++at) {
    job.report(at, job.config().get<double>("x"));
    job.save_checkpoint(std::string(100, 'c'));
  }
}

TEST(StudyObjectives, AreReportedTogetherAndDecideTogether) {
  const Folder folder;
  StudyOptions options{.hyperband = {.max_resource = 9}, .objectives = {"loss", "latency_s"}};
  {
    Study study(folder.path, space(), options);
    study.run(
        [](TrialJob& job) {
          const double x = job.config().get<double>("x");
          EXPECT_THAT([&] { job.report(1, x); }, says("losses has 1 values, but must have 2, one for each objective"));
          job.report(job.to_resource(), std::vector{x, 1.0 - x});
        },
        {.trials = 12});
  }
  options.objectives[1] = "bytes";
  EXPECT_THAT([&] { Study(folder.path, space(), options); }, says("objectives[1] is bytes, but must be latency_s"));
  options.objectives.pop_back();
  EXPECT_THAT([&] { Study(folder.path, space(), options); }, says("the number of objectives is 1, but must be 2"));
  const Study study(folder.path);
  EXPECT_THAT(study.options().objectives, ElementsAre("loss", "latency_s"));
  for (const Trial& trial : study.trials())
    for (const auto& [resource, values] : trial.values)
      EXPECT_THAT(values, ElementsAre(trial.losses.at(resource), 1.0 - trial.losses.at(resource)));
}

TEST(StudyOptionsTest, AreChecked) {
  const Folder folder;
  const auto open = [&](StudyOptions options) { return [&, options] { Study(folder.path / "new", space(), options); }; };
  EXPECT_THAT(open({.objectives = {}}), says("objectives is empty, but must name at least one"));
  EXPECT_THAT(open({.objectives = {"a", ""}}), says("objectives[1] is empty, but must be a name"));
  EXPECT_THAT(open({.objectives = {"a", "a"}}), says("objectives[1] is \"a\", but so is objectives[0]"));
  EXPECT_THAT(open({.lease_s = 0.0}), says("lease_s is 0, but must be above 0 and finite"));
  EXPECT_THAT(open({.checkpoint_bytes = -1}), says("checkpoint_bytes is -1, but must be at least 0"));
  EXPECT_THAT(open({.library_bytes = -1}), says("library_bytes is -1, but must be at least 0"));
  EXPECT_FALSE(fs::exists(folder.path / "new"));
}

std::int64_t bytes_of(const fs::path& path) {
  std::int64_t bytes = 0;
  if (fs::exists(path))
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file()) bytes += static_cast<std::int64_t>(entry.file_size());
  return bytes;
}

TEST(StudyCheckpointBytes, BoundWhatLiesThere) {
  const Folder folder, unbounded;
  StudyOptions options{.hyperband = {.max_resource = 9, .seed = 3}};
  Study(unbounded.path, space(), options).run(train, {.trials = 30});
  EXPECT_GT(bytes_of(unbounded.path / "checkpoints"), 2000);
  options.checkpoint_bytes = 500;
  Study study(folder.path, space(), options);
  study.run(
      [&](TrialJob& job) {
        train(job);
        EXPECT_LE(bytes_of(folder.path / "checkpoints"), 600);  // the running one's own besides
      },
      {.trials = 30});
  EXPECT_LE(bytes_of(folder.path / "checkpoints"), 500);
  // Who had to start over ends where it would have.
  const auto trials = Study(unbounded.path).trials();
  for (std::size_t i = 0; i < trials.size(); ++i) EXPECT_EQ(study.trials()[i].state, trials[i].state) << i;
}

TEST(StudyLibrary, KeepsWhatItIsAskedTo) {
  const auto models = [](const StudyOptions& options) {
    const Folder folder;
    Study study(folder.path, space(), options);
    study.library().set_labels("valid", {0, 1});
    study.run(
        [](TrialJob& job) {
          const std::vector<float> rows = {0.5f, 0.5f, 0.5f, 0.5f};
          for (std::int64_t at = job.from_resource() + 1; at <= job.to_resource(); ++at) {
            job.report(at, job.config().get<double>("x"));
            if (at == 1 || at == job.to_resource()) job.add_model({{"valid", {rows.data(), 2, 2}}}, {{"flops", 1.0}});
          }
        },
        {.trials = 12});
    return std::pair(study.library().names(), study.best()->number);
  };
  const HyperbandOptions hyperband{.max_resource = 9, .seed = 3};
  const auto all = models({.hyperband = hyperband}).first;
  const auto last = models({.hyperband = hyperband, .keep = Keep::kLast}).first;
  EXPECT_EQ(last.size(), 12u);
  EXPECT_GT(all.size(), last.size());
  const auto [few, best] = models({.hyperband = hyperband, .library_bytes = 1});
  ASSERT_EQ(few.size(), 1u);
}

TEST(StudyDevices, AreSharedOutAmongTheWorkers) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.max_resource = 9}});
  const Device a{.name = "a", .kind = "k"}, b{.name = "b", .kind = "k"};
  std::mutex mutex;
  std::map<std::string, double> shares;
  study.run(
      [&](TrialJob& job) {
        const std::lock_guard guard(mutex);
        ASSERT_TRUE(job.device());
        shares[job.device()->name] = job.device_share();
        job.report(job.to_resource(), 0.5);
      },
      {.trials = 60, .workers = 3, .devices = {a, b}});
  for (const auto& [name, share] : shares) EXPECT_EQ(share, name == "a" ? 0.5 : 1.0);
  study.run([](TrialJob& job) { EXPECT_FALSE(job.device()) << (job.report(job.to_resource(), 0.5), ""); }, {.trials = 61});
}

TEST(StudyPropose, ChoosesTheConfigurationsOfNewTrials) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.max_resource = 9}});
  const auto propose = [&](std::int64_t trial) {
    EXPECT_EQ(study.trials().size(), static_cast<std::size_t>(trial));  // it may look at the study
    return Config{{{"x", static_cast<double>(trial) / 100.0}}};
  };
  study.enqueue({{{"x", 0.99}}});
  study.run(train, {.trials = 30, .workers = 3, .propose = propose});
  for (const Trial& trial : study.trials())
    EXPECT_EQ(trial.config.get<double>("x"), trial.number == 0 ? 0.99 : static_cast<double>(trial.number) / 100.0);
  const auto wrong = [](std::int64_t) { return Config{{{"x", 7.0}}}; };
  EXPECT_THAT([&] { study.run(train, {.trials = 31, .propose = wrong}); }, says("config[\"x\"] is 7"));
  EXPECT_EQ(study.trials().size(), 30u);
  study.run(train, {.trials = 31});
}

TEST(StudyDurability, PowerIsTheSameStudy) {
  const Folder power, process;
  StudyOptions options{.hyperband = {.max_resource = 9, .seed = 3}};
  Study(process.path, space(), options).run(train, {.trials = 10});
  options.durability = Durability::kPower;
  Study(power.path, space(), options).run(train, {.trials = 10});
  options.durability = Durability::kProcess;
  const auto a = Study(process.path).trials(), b = Study(power.path, space(), options).trials();
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(a[i].losses, b[i].losses);
}

// The log has room beforehand, see EventLog::trust. What it does not use yet is no part of it.
TEST(StudyDurability, PowerReservesItsLog) {
  const Folder folder, killed;
  const StudyOptions options{.hyperband = {.max_resource = 9, .seed = 3}, .durability = Durability::kPower};
  Study study(folder.path, space(), options);
  const fs::path log = folder.path / "study.db-wal";
  const auto reserved = fs::file_size(log);
  EXPECT_GT(reserved, 4'000'000u);
  study.run(train, {.trials = 10});
  EXPECT_EQ(fs::file_size(log), reserved);
  const auto opened = [&](std::uintmax_t bytes) {
    for (const char* name : {"study.db", "study.db-wal", "study.acknowledged"})
      fs::copy_file(folder.path / name, killed.path / name, fs::copy_options::overwrite_existing);
    fs::resize_file(killed.path / "study.db-wal", bytes);
    return Study(killed.path, options).trials();
  };
  for (const auto bytes : {reserved, reserved - 1, reserved / 2}) {
    const auto trials = opened(bytes);
    ASSERT_EQ(trials.size(), 10u);
    for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(trials[i].losses, study.trials()[i].losses);
  }
  EXPECT_THAT([&] { opened(20'000); }, ThrowsMessage<FileError>(HasSubstr("acknowledged events")));
}

TEST(StudyVersions, TheFirstIsMigrated) {
  const Folder folder;
  fs::copy_file(fs::path(QUORATE_TEST_DATA) / "study_v1/study.db", folder.path / "study.db");
  const auto check = [&](const Study& study) {
    const auto trials = study.trials();
    ASSERT_EQ(trials.size(), 9u);
    EXPECT_EQ(trials[1].state, TrialState::kCompleted);
    EXPECT_EQ(trials[1].losses.at(9), 0.15429687453973756);
    EXPECT_EQ(trials[2].state, TrialState::kFailed);
    EXPECT_THAT(trials[2].message, HasSubstr("ArithmeticError: no"));
    EXPECT_TRUE(std::isnan(trials[4].losses.at(3)));
    EXPECT_EQ(trials[6].config.get<std::string>("act").size(), 4u);
    EXPECT_EQ(study.best()->number, 1);
  };
  check(Study(folder.path));
  EXPECT_EQ(Database(folder.path / "study.db", Database::Open::kExisting).integer("PRAGMA user_version"), 2);
  check(Study(folder.path));
  Study study(folder.path);
  study.run([](TrialJob& job) { job.report(job.to_resource(), 0.5); }, {.trials = 12});
  EXPECT_EQ(study.trials().size(), 12u);
}

}  // namespace
}  // namespace quorate
