#include "quorate/core/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>

#include "quorate/core/error.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;
using test::snapshot;
using test::TemporaryFolder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

// Runs `body` in a child process and returns its exit code, or minus the signal that ended it.
template <class Body>
int in_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(WriteFile, WritesAndReplaces) {
  const TemporaryFolder folder;
  const std::string binary("a\0b\n\xff", 5);
  write_file(folder / "x", "old and longer");
  write_file(folder / "x", binary);
  EXPECT_EQ(read_file(folder / "x"), binary);
  write_file(folder / "x", "");
  EXPECT_EQ(read_file(folder / "x"), "");
  EXPECT_EQ(snapshot(folder.path()).size(), 1u) << "no temporary file stays";
}

TEST(WriteFile, NamesThePathItCannotWrite) {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  EXPECT_THAT([&] { write_file(folder / "file/below", "y"); },
              ThrowsMessage<FileError>((folder / "file/below").string() + ": cannot create: Not a directory"));
  EXPECT_THAT([&] { write_file(folder / "none/x", "y"); }, ThrowsMessage<FileError>(HasSubstr("No such file or directory")));
  fs::create_directory(folder / "folder");
  write_file(folder / "folder/kept", "z");
  const auto before = snapshot(folder.path());
  EXPECT_THAT([&] { write_file(folder / "folder", "y"); },
              ThrowsMessage<FileError>(AllOf(StartsWith((folder / "folder").string()), HasSubstr("rename into place"))));
  EXPECT_EQ(snapshot(folder.path()), before);
}

TEST(WriteFile, AFailureInTheMiddleKeepsTheOldContent) {
  const TemporaryFolder folder;
  write_file(folder / "x", "old");
  const int code = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file(folder / "x", std::string(5000, 'y'));
    } catch (const FileError& error) {
      return std::string(error.what()) == (folder / "x").string() + ": cannot write: File too large" ? 0 : 2;
    }
    return 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_THAT(snapshot(folder.path()), ElementsAre(testing::Pair((folder / "x").string(), "old")));
}

TEST(ReadFile, NamesWhatItCannotRead) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { read_file(folder / "none"); },
              ThrowsMessage<FileError>((folder / "none").string() + ": cannot open: No such file or directory"));
  EXPECT_THAT([&] { read_file(folder.path()); },
              ThrowsMessage<FileError>(folder.path().string() + ": cannot read: Is a directory"));
}

TEST(WriteFolder, AppearsWhole) {
  const TemporaryFolder folder;
  write_folder(folder / "model", [&](const fs::path& temporary) {
    EXPECT_FALSE(fs::exists(folder / "model"));
    write_file(temporary / "a", "1");
    fs::create_directory(temporary / "deep");
    write_file(temporary / "deep/b", "2");
  });
  EXPECT_EQ(read_file(folder / "model/a"), "1");
  EXPECT_EQ(read_file(folder / "model/deep/b"), "2");
  EXPECT_EQ(snapshot(folder.path()).size(), 4u);
}

TEST(WriteFolder, LeavesNothingBehindWhereFillThrows) {
  const TemporaryFolder folder;
  const auto fill = [](const fs::path& temporary) {
    write_file(temporary / "a", "1");
    throw std::runtime_error("fill failed");
  };
  EXPECT_THAT([&] { write_folder(folder / "model", fill); }, ThrowsMessage<std::runtime_error>("fill failed"));
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(WriteFolder, RefusesOneThatExists) {
  const TemporaryFolder folder;
  write_folder(folder / "model", [](const fs::path& temporary) { write_file(temporary / "a", "1"); });
  const auto before = snapshot(folder.path());
  const auto fill = [](const fs::path& temporary) { write_file(temporary / "a", "2"); };
  EXPECT_THAT([&] { write_folder(folder / "model", fill); },
              ThrowsMessage<FileError>((folder / "model").string() + ": exists already"));
  // Somebody else's folder that appears after the check is not replaced either.
  const auto race = [&](const fs::path& temporary) {
    write_file(temporary / "a", "3");
    write_folder(folder / "other", [](const fs::path& inner) { write_file(inner / "a", "first"); });
  };
  EXPECT_THAT([&] { write_folder(folder / "other", race); }, ThrowsMessage<FileError>(HasSubstr("rename into place")));
  EXPECT_EQ(read_file(folder / "other/a"), "first");
  fs::remove_all(folder / "other");
  EXPECT_EQ(snapshot(folder.path()), before);
}

TEST(WriteFolder, NamesThePathItCannotWrite) {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  EXPECT_THAT([&] { write_folder(folder / "file/below", [](const fs::path&) {}); },
              ThrowsMessage<FileError>((folder / "file/below").string() + ": cannot create: Not a directory"));
}

TEST(CopyFile, CopiesAndNamesWhatItCannot) {
  const TemporaryFolder folder;
  write_file(folder / "a", "content");
  write_file(folder / "b", "old");
  quorate::copy_file(folder / "a", folder / "b");
  EXPECT_EQ(read_file(folder / "b"), "content");
  const auto before = snapshot(folder.path());
  EXPECT_THAT([&] { quorate::copy_file(folder / "none", folder / "b"); },
              ThrowsMessage<FileError>(StartsWith((folder / "none").string() + ": ")));
  EXPECT_THAT([&] { quorate::copy_file(folder.path(), folder / "b"); },
              ThrowsMessage<FileError>(folder.path().string() + ": is not a file"));
  EXPECT_THAT([&] { quorate::copy_file(folder / "a", folder / "none/b"); },
              ThrowsMessage<FileError>(AllOf(StartsWith((folder / "none/b").string()), HasSubstr("cannot create"))));
  EXPECT_EQ(snapshot(folder.path()), before);
}

TEST(Listing, SortsAndHidesTemporaries) {
  const TemporaryFolder folder;
  for (const std::string name : {"b", "a", ".hidden"}) write_file(folder / name, "");
  for (const std::string name : {"z", "y", ".secret"}) make_folder(folder / name);
  EXPECT_THAT(files_in(folder.path()), ElementsAre(folder / "a", folder / "b"));
  EXPECT_THAT(folders_in(folder.path()), ElementsAre(folder / "y", folder / "z"));
  EXPECT_THAT([&] { files_in(folder / "none"); },
              ThrowsMessage<FileError>((folder / "none").string() + ": cannot list: No such file or directory"));
  EXPECT_THAT([&] { make_folder(folder / "a/x"); }, ThrowsMessage<FileError>(HasSubstr("cannot create: Not a directory")));
}

// A child dies while it writes a folder; what it leaves goes, what a living process writes stays.
TEST(RemoveLeftovers, TakesThoseOfProcessesThatAreGone) {
  const TemporaryFolder folder;
  write_file(folder / "kept", "x");
  write_file(folder / ".hidden", "x");
  const auto before = snapshot(folder.path());
  const int code = in_child([&] {
    write_folder(folder / "model", [](const fs::path& temporary) {
      write_file(temporary / "a", "1");
      ::kill(::getpid(), SIGKILL);
    });
    return 0;
  });
  ASSERT_EQ(code, -SIGKILL);
  ASSERT_NE(snapshot(folder.path()), before);
  remove_leftovers(folder.path());
  EXPECT_EQ(snapshot(folder.path()), before);

  write_folder(folder / "model", [&](const fs::path& temporary) {
    remove_leftovers(folder.path());
    EXPECT_TRUE(fs::exists(temporary));
  });
  EXPECT_TRUE(fs::exists(folder / "model"));
}

TEST(RemoveLeftovers, LeavesOtherMachinesADay) {
  const TemporaryFolder folder;
  const fs::path foreign = folder / ".model.tmp-0badc0de-999999999-0";
  write_file(foreign, "x");
  remove_leftovers(folder.path());
  EXPECT_TRUE(fs::exists(foreign));
  fs::last_write_time(foreign, fs::file_time_type::clock::now() - std::chrono::hours(25));
  remove_leftovers(folder.path());
  EXPECT_FALSE(fs::exists(foreign));
}

// FIPS 180-4's examples.
TEST(Sha256, KnownVectors) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  const TemporaryFolder folder;
  write_file(folder / "abc", "abc");
  write_file(folder / "empty", "");
  EXPECT_EQ(sha256_of_file(folder / "abc"), sha256("abc"));
  EXPECT_EQ(sha256_of_file(folder / "empty"), sha256(""));
  EXPECT_THAT([&] { sha256_of_file(folder / "none"); }, ThrowsMessage<FileError>(StartsWith((folder / "none").string())));
}

TEST(FileLock, ExcludesOtherProcessesUntilItsHolderDies) {
  const TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FileLock lock(folder / "lock");
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_THAT([&] { FileLock(folder / "lock"); },
              ThrowsMessage<FileError>((folder / "lock").string() + ": is locked by process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  { const FileLock lock(folder / "lock"); }
  EXPECT_EQ(read_file(folder / "lock"), std::to_string(::getpid()) + "\n");
  { const FileLock again(folder / "lock"); }
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(FileLock, NamesWhatItCannotCreate) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { FileLock(folder / "none/lock"); },
              ThrowsMessage<FileError>((folder / "none/lock").string() + ": cannot create: No such file or directory"));
}

}  // namespace
}  // namespace quorate
