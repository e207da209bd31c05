// NumPy's .npy format, versions 1.0 to 3.0 (numpy.org/doc/stable/reference/generated/numpy.lib.format.html): little-endian
// numbers in C order, read through a memory map.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "quorate/core/mapped_file.h"

namespace quorate {

struct NpyType {
  char kind = 'f';        // 'f' float, 'i' signed, 'u' unsigned
  std::size_t bytes = 4;  // of one number; floats: 2 or 4, integers: 1, 2, 4 or 8

  bool operator==(const NpyType&) const = default;
};

struct NpyArray {
  NpyType type;
  std::vector<std::size_t> shape;
  const void* data = nullptr;  // row-major, aligned to type.bytes
  MappedFile file;             // keeps `data` mapped
};

// Maps a file. Throws FileError, saying what was expected and found, where the file is not an .npy of a type above in C
// order or its length is not exactly what its header says.
NpyArray map_npy(const std::filesystem::path& path);

// The bytes that precede the data in a file of version 1.0, padded so that the data starts at a multiple of 64.
std::string npy_header(NpyType type, const std::vector<std::size_t>& shape);

// A one-dimensional file of any integer type. Throws FileError as map_npy does and where a value does not fit 32 bits.
std::vector<std::int32_t> read_npy_integers(const std::filesystem::path& path);

}  // namespace quorate
