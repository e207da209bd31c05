#include "quorate/core/mapped_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <vector>

#include "quorate/core/error.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;
using test::put;
using test::TemporaryFolder;
using testing::ThrowsMessage;

const std::size_t kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
const std::size_t kSize = 8 * kPage + 100;

std::string content(std::size_t size = kSize, char first = 'a') {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + i / 100 % 20);
  return text;
}

std::string read(const MappedFile& file, std::size_t begin, std::size_t count) {
  std::string out(count, ' ');
  file.read(file.bytes().data() + begin, count, out.data());
  return out;
}

std::string truncated(const fs::path& path, std::size_t left) {
  return path.string() + ": is truncated while it is read: expected at least " + std::to_string(kSize) + " bytes, found " +
         std::to_string(left);
}

// Somebody else's map of a file, from a page on.
struct Map {
  Map(const fs::path& path, int flags, std::size_t offset = 0) : size(kSize - offset) {
    const int file = ::open(path.c_str(), O_RDONLY);
    address = ::mmap(nullptr, size, PROT_READ, flags, file, static_cast<off_t>(offset));
    ::close(file);
  }
  ~Map() { ::munmap(address, size); }
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;
  const char* text() const { return static_cast<const char*>(address); }

  std::size_t size;
  void* address;
};

TEST(MappedFile, MapsContentAndOutlivesTheName) {
  const TemporaryFolder folder;
  put(folder / "x", "content");
  std::shared_ptr<const void> owner;
  {
    const MappedFile file(folder / "x");
    EXPECT_EQ(file.bytes().size(), 7u);
    owner = file.owner();
  }
  fs::remove(folder / "x");
  EXPECT_EQ(std::string(static_cast<const char*>(owner.get()), 7), "content");
}

TEST(MappedFile, EmptyMissingAndFolder) {
  const TemporaryFolder folder;
  put(folder / "empty", "");
  EXPECT_TRUE(MappedFile(folder / "empty").bytes().empty());
  EXPECT_THAT([&] { MappedFile(folder / "none"); },
              ThrowsMessage<FileError>((folder / "none").string() + ": cannot open: No such file or directory"));
  EXPECT_THAT([&] { MappedFile{folder.path()}; }, ThrowsMessage<FileError>(folder.path().string() + ": is not a file"));
}

TEST(MappedFile, ReadsAnyPart) {
  const TemporaryFolder folder;
  put(folder / "x", content());
  const MappedFile file(folder / "x");
  EXPECT_EQ(file.text(), content());
  for (const auto& [begin, count] : {std::pair<std::size_t, std::size_t>{0, kSize}, {1, 5}, {kPage - 1, 2}, {kSize, 0}})
    EXPECT_EQ(read(file, begin, count), content().substr(begin, count));
}

TEST(MappedFile, ReadsWhatWasRemovedOrReplaced) {
  const TemporaryFolder folder;
  put(folder / "x", content());
  const MappedFile file(folder / "x");
  fs::remove(folder / "x");
  EXPECT_EQ(read(file, 10, 50), content().substr(10, 50));
  put(folder / "x", content(kSize, 'A'));
  EXPECT_EQ(read(file, 10, 50), content().substr(10, 50));
}

TEST(MappedFile, SaysWhatATruncatedFileLacks) {
  const TemporaryFolder folder;
  put(folder / "x", content());
  const MappedFile file(folder / "x");
  fs::resize_file(folder / "x", 5000);
  EXPECT_EQ(read(file, 4900, 100), content().substr(4900, 100)) << "what is left can be read";
  const std::string words = truncated(folder / "x", 5000);
  EXPECT_THAT([&] { read(file, 4900, 101); }, ThrowsMessage<FileError>(words));
  EXPECT_THAT([&] { read(file, 3 * kPage, 1); }, ThrowsMessage<FileError>(words));
}

// Many more files than the process may open: all are read, and nobody else lacks a descriptor.
TEST(MappedFile, LeavesDescriptorsToOthers) {
  constexpr std::size_t kFiles = 100, kDescriptors = 40;
  const TemporaryFolder folder;
  std::vector<MappedFile> files;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = kDescriptors;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  for (std::size_t i = 0; i < kFiles; ++i) {
    const fs::path path = folder / std::to_string(i);
    put(path, content(kSize, static_cast<char>('A' + i % 26)));
    files.emplace_back(path);
  }
  for (std::size_t i = 0; i < kFiles; ++i)
    EXPECT_EQ(read(files[i], 70, 700), content(kSize, static_cast<char>('A' + i % 26)).substr(70, 700));
  // Also where the name leads elsewhere by now.
  const fs::path last = folder / std::to_string(kFiles - 1);
  fs::rename(folder / "0", last);
  EXPECT_EQ(read(files.back(), 70, 700), content(kSize, 'A' + (kFiles - 1) % 26).substr(70, 700));
  fs::resize_file(folder / "50", 10);
  EXPECT_THAT([&] { read(files[50], 70, 700); }, ThrowsMessage<FileError>(truncated(folder / "50", 10)));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(MappedFile, FindsTheFileOfASharedMap) {
  const TemporaryFolder folder;
  put(folder / "x y", content());
  for (const std::size_t offset : {std::size_t{0}, 2 * kPage}) {
    const Map map(folder / "x y", MAP_SHARED, offset);
    const auto part = MappedFile::around(map.text() + 100, 3 * kPage);
    ASSERT_TRUE(part);
    EXPECT_EQ(part->text(), content().substr(offset + 100, 3 * kPage));
    EXPECT_EQ(read(*part, 5, 5000), content().substr(offset + 105, 5000));
    EXPECT_EQ(part->owner(), nullptr) << "somebody else's";
  }
  const Map map(folder / "x y", MAP_SHARED);
  const auto all = MappedFile::around(map.text(), kSize);
  ASSERT_TRUE(all);
  fs::resize_file(folder / "x y", kPage);
  EXPECT_THAT([&] { read(*all, kPage, 1); }, ThrowsMessage<FileError>(truncated(folder / "x y", kPage)));
}

TEST(MappedFile, LeavesOtherMemoryAlone) {
  const TemporaryFolder folder;
  put(folder / "x", content());
  const std::vector<char> anonymous(10 * kPage);
  EXPECT_FALSE(MappedFile::around(anonymous.data(), anonymous.size()));
  EXPECT_FALSE(MappedFile::around(nullptr, 1));
  const Map private_map(folder / "x", MAP_PRIVATE);
  EXPECT_FALSE(MappedFile::around(private_map.text(), kSize)) << "may hold what the file does not";
  const Map map(folder / "x", MAP_SHARED);
  EXPECT_FALSE(MappedFile::around(map.text(), 100 * kPage)) << "goes on beyond the map";
  put(folder / "x", content(kSize, 'A'));
  EXPECT_FALSE(MappedFile::around(map.text(), kSize)) << "the file was replaced";
  fs::remove(folder / "x");
  EXPECT_FALSE(MappedFile::around(map.text(), kSize)) << "the file is gone";
}

std::size_t resident_pages(const MappedFile& file) {
  // Of this process: "7f00-... " begins a map, "Rss: 12 kB" counts it.
  std::ifstream maps("/proc/self/smaps");
  std::ostringstream address;
  address << std::hex << reinterpret_cast<std::uintptr_t>(file.bytes().data()) << '-';
  bool found = false;
  for (std::string line; std::getline(maps, line);) {
    found = found || line.starts_with(address.str());
    if (found && line.starts_with("Rss:")) return std::stoul(line.substr(4)) * 1024 / kPage;
  }
  return 0;
}

TEST(MappedFile, PagesAreResidentWhileTheMapIsReadOnly) {
  const TemporaryFolder folder;
  put(folder / "x", content());
  const MappedFile file(folder / "x");
  EXPECT_EQ(read(file, 0, kSize), content());
  EXPECT_EQ(resident_pages(file), 0u);
  EXPECT_EQ(file.text(), content());
  EXPECT_EQ(resident_pages(file), 9u);
  file.release(file.bytes().data() + 4 * kPage + 7, kSize - 4 * kPage - 7);
  EXPECT_EQ(resident_pages(file), 4u);
  EXPECT_EQ(file.text(), content()) << "read from the file again";
  file.release(file.bytes().data(), kSize);
  file.release(file.bytes().data(), 0);
  EXPECT_EQ(resident_pages(file), 0u);
}

}  // namespace
}  // namespace quorate
