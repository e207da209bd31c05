// What a study does with files that are not as it left them.
#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "quorate/search/study.h"
#include "search/database.h"
#include "search/folder.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

auto says(const std::string& text) { return ThrowsMessage<FileError>(HasSubstr(text)); }

const HyperbandOptions kOptions{.max_resource = 9, .seed = 1};
Space space() { return Space({{"x", Float{0.0, 1.0}}}); }

void train(TrialJob& job) {
  for (std::int64_t at = job.checkpoint_resource() + 1; at <= job.to_resource(); ++at) {
    job.report(at, job.config().get<double>("x"));
    job.save_checkpoint("state at " + std::to_string(at));
  }
}

// Without the syncs of write_file.
void overwrite(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

class StudyFiles : public testing::Test {
 protected:
  StudyFiles() {
    Study(folder_.path, space(), {.hyperband = kOptions}).run(train, {.trials = 12});
    content_ = read_file(database_);
  }
  auto open() {
    return [this] { Study(folder_.path, space(), {.hyperband = kOptions}); };
  }

  const Folder folder_;
  const fs::path database_ = folder_.path / "study.db";
  std::string content_;
};

TEST_F(StudyFiles, ATruncatedDatabaseIsRefusedAndLeftAsItWas) {
  ASSERT_FALSE(fs::exists(database_.string() + "-wal"));
  for (std::size_t size = 0; size < content_.size(); size += size < 128 ? 1 : 211) {
    const std::string cut = content_.substr(0, size);
    overwrite(database_, cut);
    EXPECT_THAT(open(), says("study.db: is ")) << size;
    EXPECT_EQ(read_file(database_), cut) << size;
  }
  for (std::size_t size = 4096; size < content_.size(); size += 4096) {
    overwrite(database_, content_.substr(0, size));
    EXPECT_THAT(open(), says("is truncated or malformed")) << size;
  }
  overwrite(database_, content_);
  EXPECT_EQ(Study(folder_.path).trials().size(), 12u);
}

TEST_F(StudyFiles, WhatIsNoStudyIsRefused) {
  overwrite(database_, "");
  EXPECT_THAT(open(), says("is truncated: it is empty"));
  overwrite(database_, std::string(8192, 'x'));
  EXPECT_THAT(open(), says("is truncated or malformed"));
  fs::remove(database_);
  Database(database_, Database::Open::kCreate).execute("CREATE TABLE mine(a)");
  EXPECT_THAT(open(), says("is not the database of a study"));
}

TEST_F(StudyFiles, ALaterVersionIsRefused) {
  Database(database_, Database::Open::kExisting).execute("PRAGMA user_version=3");
  EXPECT_THAT(open(), says("is of version 3, but this build reads versions 1 to 2"));
}

TEST_F(StudyFiles, EventsThatCannotHaveHappenedAreRefused) {
  const std::map<std::string, std::string> changes = {
      {"DELETE FROM event WHERE id = 3", "event 3 is missing"},
      {"UPDATE event SET kind = 'lost' WHERE id = 2", "event 2 is of an unknown kind, \"lost\""},
      {"UPDATE event SET trial = 7 WHERE id = 1", "event 1 cannot have happened: trial 7 began, but the next must be 0"},
      {"UPDATE event SET attempt = 2 WHERE id = 1", "event 1 cannot have happened: attempt 2 of trial 0 began"},
      {"UPDATE event SET resource = 99 WHERE id = 2", "event 2 cannot have happened: resource is 99"},
      {"UPDATE event SET text = '{\"x\": 7.0}' WHERE id = 1", "config[\"x\"] is 7.0"},
      {"UPDATE event SET kind = 'done' WHERE id = 2", "is done, but has not reported resource"},
      {"DELETE FROM about WHERE key = 'space'", "says nothing about its space"},
      {"UPDATE about SET value = '{}' WHERE key = 'hyperband'", "hyperband: min_resource is missing"}};
  for (const auto& [sql, text] : changes) {
    overwrite(database_, content_);
    {
      Database database(database_, Database::Open::kExisting);
      database.trust();
      database.execute(sql);
    }
    EXPECT_THAT(open(), says(text)) << sql;
  }
}

TEST_F(StudyFiles, ALostDatabaseIsNotReplacedWhileItsLogIsThere) {
  fs::rename(database_, folder_.path / "study.db-wal");
  EXPECT_THAT(open(), says("study.db: is missing, but study.db-wal is there"));
}

TEST_F(StudyFiles, ALogThatCannotBeWrittenEndsTheRun) {
  Study study(folder_.path, space(), {.hyperband = kOptions});
  {
    Database other(database_, Database::Open::kExisting);
    other.execute("DROP TABLE event");
  }
  const auto go_on = [&] { study.run(train, {.trials = 20}); };
  EXPECT_THAT(go_on, says("study.db: cannot be used: no such table"));
  EXPECT_THAT(go_on, says("the study could not be written and must be opened again"));
}

TEST(StudyCheckpoints, OnlyTheLastIsKept) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.min_resource = 9, .max_resource = 9}});
  study.run(
      [&](TrialJob& job) {
        for (std::int64_t at = 1; at <= 9; ++at) {
          job.report(at, 0.5);
          job.save_checkpoint(std::to_string(at));
          EXPECT_EQ(files_in(folder.path / "checkpoints/0"),
                    std::vector{folder.path / "checkpoints/0" / (std::to_string(at) + ".ckpt")});
        }
        job.save_checkpoint("again");
        EXPECT_EQ(read_file(folder.path / "checkpoints/0/9.ckpt"), "again");
      },
      {.trials = 1});
}

// Runs a trial that fails after saving at 3, changes the file, and returns what the second attempt gets.
std::pair<std::optional<std::string>, Trial> after(const std::function<void(const fs::path&)>& change) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.min_resource = 9, .max_resource = 9}});
  std::optional<std::string> second;
  study.run(
      [&](TrialJob& job) {
        if (job.attempt() == 1) {
          job.report(3, 0.5);
          job.save_checkpoint("state at 3");
          change(folder.path / "checkpoints/0/3.ckpt");
          throw std::runtime_error("try again");
        }
        if (job.checkpoint()) second = read_file(*job.checkpoint());
        EXPECT_EQ(job.checkpoint_resource(), second ? 3 : 0);
        job.report(9, 0.5);
      },
      {.trials = 1});
  return {second, study.trials().at(0)};
}

TEST(StudyCheckpoints, AGoodOneIsHandedOut) {
  EXPECT_EQ(after([](const fs::path&) {}).first, "state at 3");
}

TEST(StudyCheckpoints, OneThatWasSavedAgainIsHandedOut) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.min_resource = 9, .max_resource = 9}, .max_attempts = 3});
  std::string third;
  study.run(
      [&](TrialJob& job) {
        if (job.attempt() == 3) {
          if (job.checkpoint()) third = read_file(*job.checkpoint());
          job.report(9, 0.5);
          return;
        }
        job.report(3, 0.5);
        job.save_checkpoint("of attempt " + std::to_string(job.attempt()));
        throw std::runtime_error("try again");
      },
      {.trials = 1});
  EXPECT_EQ(third, "of attempt 2");
}

TEST(StudyCheckpoints, ADamagedOneIsNot) {
  const auto [changed, trial] = after([](const fs::path& path) { overwrite(path, "state at 4"); });
  EXPECT_FALSE(changed);
  EXPECT_THAT(trial.message,
              AllOf(HasSubstr("3.ckpt: the checkpoint does not have the SHA-256"), HasSubstr("started from scratch")));
  for (std::size_t size = 0; size < 10; ++size)
    EXPECT_FALSE(after([&](const fs::path& path) { fs::resize_file(path, size); }).first) << size;
}

TEST(StudyCheckpoints, AMissingOneIsNot) {
  const auto [missing, trial] = after([](const fs::path& path) { fs::remove(path); });
  EXPECT_FALSE(missing);
  EXPECT_THAT(trial.message, AllOf(HasSubstr("3.ckpt: cannot open"), HasSubstr("started from scratch")));
}

}  // namespace
}  // namespace quorate
