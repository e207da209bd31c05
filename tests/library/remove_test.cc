#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "library/killed.h"
#include "library/random_predictions.h"
#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "quorate/library/model_library.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;
using test::array_of;
using test::End;
using test::killed_after;
using test::put;
using test::scores;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Remove : public testing::Test {
 protected:
  void add(ModelLibrary library, const std::string& name, const fs::path& model = {}) const {
    library.set_labels("valid", {0, 1});
    library.add(name, {{"valid", array_of(rows, 2)}}, {{"latency_s", 1.0}}, model);
  }

  static std::int64_t bytes_below(const fs::path& below) {
    std::int64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(below))
      if (entry.is_regular_file()) bytes += static_cast<std::int64_t>(entry.file_size());
    return bytes;
  }

  static bool has_hidden(const fs::path& below) {
    for (const auto& entry : fs::recursive_directory_iterator(below))
      if (entry.path().filename().string().starts_with('.')) return true;
    return false;
  }

  static std::string refusal(ModelLibrary library, const std::string& name) {
    try {
      library.remove(name);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "not refused";
  }

  const std::vector<float> rows{0.5f, 0.5f, 0.25f, 0.75f};
  TemporaryFolder folder{"/dev/shm"};
  fs::path path = folder / "library";
};

TEST_F(Remove, TheOthersKeepTheirOrder) {
  ModelLibrary disk(path), memory;
  for (ModelLibrary library : {disk, memory}) {
    for (const char* name : {"d", "b", "c", "a"}) add(library, name);
    library.remove("b");
    library.remove("a");
    EXPECT_THAT(library.names(), ElementsAre("d", "c"));
    EXPECT_FALSE(library.contains("b"));
    EXPECT_THAT(library.predictions("valid").names(), ElementsAre("d", "c"));
    EXPECT_THAT(library.cost("latency_s"), ElementsAre(1.0, 1.0));
    add(library, "b");
    EXPECT_THAT(library.names(), ElementsAre("d", "c", "b"));
  }
  EXPECT_THAT(ModelLibrary(path).names(), ElementsAre("d", "c", "b"));
  EXPECT_FALSE(has_hidden(path));
}

TEST_F(Remove, TheLastLeavesAnEmptyLibrary) {
  ModelLibrary disk(path), memory;
  for (ModelLibrary library : {disk, memory}) {
    add(library, "m");
    library.remove("m");
    EXPECT_EQ(library.size(), 0u);
    EXPECT_THAT(library.splits(), ElementsAre("valid")) << "labels stay";
  }
  EXPECT_TRUE(fs::is_empty(path / "models"));
  EXPECT_EQ(ModelLibrary(path).size(), 0u);
}

TEST_F(Remove, WhatWasReadStaysReadable) {
  ModelLibrary disk(path), memory;
  for (ModelLibrary library : {disk, memory}) {
    add(library, "m");
    const Predictions kept = library.predictions("valid");
    library.remove("m");
    EXPECT_THAT(scores(kept, 0), ElementsAre(0.5f, 0.5f, 0.25f, 0.75f));
  }
}

TEST_F(Remove, StrangersAreRefusedAndNothingChanges) {
  ModelLibrary disk(path), memory;
  for (ModelLibrary library : {disk, memory}) {
    add(library, "m");
    for (const char* name : {"z", "", ".", "..", "../models/m", "m/"})
      EXPECT_THAT(refusal(library, name),
                  testing::AllOf(HasSubstr("name is \"" + std::string(name) + "\", but must be a"), HasSubstr(": m")));
    EXPECT_THAT(library.names(), ElementsAre("m"));
  }
  EXPECT_THAT(ModelLibrary(path).names(), ElementsAre("m"));
}

TEST_F(Remove, OthersSeeItWhenTheyRefresh) {
  ModelLibrary mine(path), theirs(path);
  add(mine, "a");
  add(mine, "b");
  theirs.refresh();
  mine.remove("a");
  EXPECT_THAT(theirs.names(), ElementsAre("a", "b"));
  try {
    theirs.predictions("valid");
    ADD_FAILURE();
  } catch (const FileError& error) {
    EXPECT_EQ(error.what(), (path / "models/a/valid.npy").string() + ": cannot open: No such file or directory");
  }
  theirs.remove("a");  // gone already
  EXPECT_THAT(theirs.names(), ElementsAre("b"));
  add(mine, "c");
  theirs.remove("c");  // which it has not seen yet
  mine.refresh();
  EXPECT_THAT(mine.names(), ElementsAre("b"));
}

TEST_F(Remove, BytesAreThoseOfAllFilesOrArrays) {
  ModelLibrary disk(path), memory;
  put(folder / "net.pt", std::string(1000, 'x'));
  put(folder / "small.pt", "x");
  add(disk, "plain");
  add(disk, "m", folder / "net.pt");
  add(memory, "m", folder / "net.pt");
  EXPECT_EQ(memory.entry("m").bytes, 16);
  for (const char* name : {"plain", "m"}) {
    EXPECT_EQ(disk.entry(name).bytes, bytes_below(path / "models" / name)) << name;
    EXPECT_EQ(ModelLibrary(path).entry(name).bytes, disk.entry(name).bytes) << name;
  }
  disk.replace_model("m", folder / "small.pt", {});
  EXPECT_EQ(disk.entry("m").bytes, bytes_below(path / "models/m"));
  EXPECT_LT(disk.entry("m").bytes, 1000);
}

TEST_F(Remove, AFolderThatCannotBeRenamedIsAnError) {
  put(folder / "file", "x");
  try {
    remove_folder(folder / "file/m");
    ADD_FAILURE();
  } catch (const FileError& error) {
    EXPECT_EQ(error.what(), (folder / "file/m").string() + ": cannot rename to remove it: Not a directory");
  }
  EXPECT_NO_THROW(remove_folder(folder / "none"));
}

TEST_F(Remove, WhatCannotBeRenamedStays) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  ModelLibrary library(path);
  add(library, "m");
  fs::permissions(path / "models", fs::perms::owner_read | fs::perms::owner_exec);
  try {
    library.remove("m");
    ADD_FAILURE();
  } catch (const FileError& error) {
    EXPECT_EQ(error.what(), (path / "models/m").string() + ": cannot rename to remove it: Permission denied");
  }
  fs::permissions(path / "models", fs::perms::owner_all);
  EXPECT_EQ(library.predictions("valid").models(), 1u);
}

TEST_F(Remove, ThreadsAddReadAndRemoveTogether) {
  ModelLibrary disk(path), memory;
  constexpr int kThreads = 4, kEach = 12;
  for (ModelLibrary library : {disk, memory}) add(library, "stays");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i)
          for (ModelLibrary library : {disk, memory}) {
            const std::string name = std::to_string(t) + "-" + std::to_string(i);
            add(library, name);
            EXPECT_GE(library.predictions("valid").models(), 2u);
            if (i % 3 > 0) library.remove(name);
          }
      });
  }
  for (const ModelLibrary& library : {disk, memory}) EXPECT_EQ(library.size(), 1u + kThreads * kEach / 3);
  EXPECT_EQ(ModelLibrary(path).names(), disk.names());
}

TEST_F(Remove, AnotherProcessOpensAndRefreshesMeanwhile) {
  ModelLibrary library(path);
  add(library, "stays");
  const pid_t child = ::fork();
  if (child == 0) {
    for (int i = 0; i < 200; ++i) {
      add(library, "m");
      library.remove("m");
    }
    ::_exit(0);
  }
  ModelLibrary reader(path);
  int status = -1, refreshed = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    ASSERT_NO_THROW(reader.refresh());
    ASSERT_EQ(reader.names().front(), "stays");
    ++refreshed;
  }
  EXPECT_EQ(status, 0);
  EXPECT_GT(refreshed, 0);
  EXPECT_THAT(ModelLibrary(path).names(), ElementsAre("stays"));
}

// Killed at every stop: the model is there, whole, or it is gone; what is left over goes with the next write.
TEST_F(Remove, AKilledProcessLeavesTheModelOrNothing) {
  put(folder / "net.pt", "weights");
  ModelLibrary start(folder / "start");
  add(start, "stays");
  add(start, "m", folder / "net.pt");
  int before = 0, after = 0, left = 0;
  for (int stops = 1;; ++stops) {
    const fs::path copy = folder / std::to_string(stops);
    fs::copy(folder / "start", copy, fs::copy_options::recursive);
    ModelLibrary library(copy);
    const End end = killed_after(stops, [&] { library.remove("m"); });
    if (end == End::kNoTracing) GTEST_SKIP() << "this machine does not let a process trace its own child";
    ModelLibrary seen(copy);
    ASSERT_EQ(seen.names().front(), "stays") << "killed at stop " << stops;
    ASSERT_EQ(seen.predictions("valid").models(), seen.size()) << "killed at stop " << stops;
    left += has_hidden(copy);
    if (seen.contains("m")) {
      ++before;
      ASSERT_EQ(read_file(seen.entry("m").model_file), "weights");
      seen.remove("m");
    } else {
      ++after;
      add(seen, "next");
    }
    ASSERT_FALSE(has_hidden(copy)) << "after stop " << stops;
    fs::remove_all(copy);
    if (end == End::kDone) break;
  }
  EXPECT_GT(before, 5);
  EXPECT_GT(after, 5);
  EXPECT_GT(left, 5);
}

}  // namespace
}  // namespace quorate
