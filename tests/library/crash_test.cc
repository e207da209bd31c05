// A process that is killed between any two of its system calls leaves the library as it was before, or as it is after.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

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
using test::TemporaryFolder;

// What a reader sees of the library.
std::string seen(const fs::path& path) {
  const ModelLibrary library(path);
  std::string text;
  for (const std::string& split : library.splits()) text += split + " ";
  for (const std::string& name : library.names()) {
    const ModelLibrary::Entry entry = library.entry(name);
    text += "| " + name + " " + (entry.model_file.empty() ? "" : read_file(entry.model_file));
    for (const auto& [key, value] : entry.cost) text += " " + key + "=" + std::to_string(value);
    for (const std::string& split : entry.splits)
      for (const float value : test::scores(library.predictions(split, {name}), 0)) text += " " + std::to_string(value);
  }
  return text;
}

int hidden_files(const fs::path& folder) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    count += entry.path().filename().string().starts_with('.');
  return count;
}

class Crash : public testing::Test {
 protected:
  Crash() {
    put(folder / "first.pt", "first");
    put(folder / "second.pt", "second");
    ModelLibrary library(start);
    library.set_labels("valid", {0, 1});
    library.add("m0", {{"valid", array_of(rows, 2)}}, {{"latency_s", 1.0}}, folder / "first.pt");
  }

  // Kills `act` at every stop and looks; then does it again in this process, which must succeed and tidy up.
  void survives(const std::function<void(ModelLibrary)>& act) {
    fs::copy(start, folder / "after", fs::copy_options::recursive);
    act(ModelLibrary(folder / "after"));
    const std::string before = seen(start), after = seen(folder / "after");
    ASSERT_NE(before, after);
    int seen_before = 0, seen_after = 0, left = 0;
    for (int stops = 1;; ++stops) {
      const fs::path path = folder / std::to_string(stops);
      fs::copy(start, path, fs::copy_options::recursive);
      ModelLibrary library(path);
      const End end = killed_after(stops, [&] { act(library); });
      if (end == End::kNoTracing) GTEST_SKIP() << "this machine does not let a process trace its own child";
      const std::string found = seen(path);
      (found == before ? seen_before : seen_after) += 1;
      ASSERT_TRUE(found == before || found == after) << "killed at stop " << stops << ": " << found;
      left += hidden_files(path) > 0;
      if (found == before) {
        act(ModelLibrary(path));
        ASSERT_EQ(seen(path), after) << "done again after stop " << stops;
        ASSERT_EQ(hidden_files(path), 0) << "after stop " << stops;
      }
      fs::remove_all(path);
      if (end == End::kDone) break;
    }
    EXPECT_GT(seen_before, 10);
    EXPECT_GT(seen_after, 1);
    EXPECT_GT(left, 1) << "some of these crashes leave a temporary file";
  }

  const std::vector<float> rows{0.5f, 0.5f, 0.25f, 0.75f};
  TemporaryFolder folder{"/dev/shm"};  // where syncing is free, if there is such a place
  fs::path start = folder / "start";
};

TEST_F(Crash, SettingLabels) {
  survives([](ModelLibrary library) { library.set_labels("test", {1, 0, 1}); });
}

TEST_F(Crash, Adding) {
  survives([&](ModelLibrary library) {
    library.add("m1", {{"valid", array_of(rows, 2)}}, {{"latency_s", 2.0}}, folder / "second.pt", {{"trial", "1"}});
  });
}

TEST_F(Crash, ReplacingAModel) {
  survives([&](ModelLibrary library) { library.replace_model("m0", folder / "second.pt", {{"latency_s", 0.5}}); });
}

// A full disk, as far as a process can make one for itself: no file may grow beyond a limit.
TEST_F(Crash, AFullDiskIsAnErrorAndLeavesNothing) {
  put(folder / "large.pt", std::string(4000, 'x'));
  const std::vector<float> large(2000, 1.0f);
  const std::vector<std::function<void(ModelLibrary)>> acts{
      [&](ModelLibrary library) {
        library.add("m1", {{"large", array_of(large, 1)}}, {});
      },
      [&](ModelLibrary library) {
        library.add("m1", {{"valid", array_of(rows, 2)}}, {}, folder / "large.pt");
      },
      [&](ModelLibrary library) { library.replace_model("m0", folder / "large.pt", {}); },
      [&](ModelLibrary library) { library.set_labels("test", std::vector<std::int32_t>(1000)); },
  };
  ModelLibrary(start).set_labels("large", std::vector<std::int32_t>(2000));
  const auto before = test::snapshot(start);
  for (std::size_t i = 0; i < acts.size(); ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const ModelLibrary library(start);
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{2000, 2000};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      try {
        acts[i](library);
      } catch (const FileError& error) {
        ::_exit(std::string(error.what()).ends_with("File too large") ? 0 : 2);
      }
      ::_exit(1);
    }
    int status = 1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << "act " << i;
    EXPECT_EQ(test::snapshot(start), before) << "act " << i;
  }
}

}  // namespace
}  // namespace quorate
