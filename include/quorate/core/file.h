// Files that appear whole or not at all, and say so when they can't.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace quorate {

// The whole file. Throws FileError with the path and the system's words.
std::string read_file(const std::filesystem::path& path);

// Replaces `path` by `content` in one step: written beside it under a temporary name, fsynced, renamed, folder fsynced. A
// reader, or this process after a crash, finds the old content or the new, never a mixture. Throws FileError and leaves the
// old file as it was.
void write_file(const std::filesystem::path& path, std::string_view content);

// Makes the folder `path` with what `fill(temporary_folder)` puts in it, in one step as write_file does: no reader sees it
// half filled. Throws FileError where `path` exists; where `fill` throws, nothing is left behind.
void write_folder(const std::filesystem::path& path, const std::function<void(const std::filesystem::path&)>& fill);

// Takes a folder away in one step: renamed to a hidden temporary name beside it, synced, then deleted. No reader sees half
// of it, and a crash leaves at most what remove_leftovers removes. Works on a full disk. Does nothing where there is no such
// folder. Throws FileError where it cannot be renamed; what cannot be deleted after that stays behind under the hidden name.
void remove_folder(const std::filesystem::path& path);

// Copies a file's content into place as write_file does.
void copy_file(const std::filesystem::path& from, const std::filesystem::path& to);

// Makes the folder and those above it where they are missing. Throws FileError.
void make_folder(const std::filesystem::path& path);

// What a folder holds, in ascending order of names; without those that start with a dot, as temporary ones do. Throws
// FileError.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder);
std::vector<std::filesystem::path> folders_in(const std::filesystem::path& folder);

// Removes the temporary files and folders of the functions above that lie directly in `folder` because their process died:
// those of a process of this machine that is gone, and any untouched for a day. What cannot be removed stays.
void remove_leftovers(const std::filesystem::path& folder);

// Lower-case hexadecimal SHA-256.
std::string sha256(std::string_view content);
std::string sha256_of_file(const std::filesystem::path& path);

// Holds a file's exclusive lock (flock) for its own lifetime; the system drops it when the process dies, however it dies
// (and with it the children that it forked without exec: they hold it too).
// Throws FileError, naming the holder's process where it is known, when somebody else has it.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace quorate
