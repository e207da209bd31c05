#include "library/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "library/random_predictions.h"
#include "quorate/core/error.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

using test::npy_bytes;
using test::put;
using test::TemporaryFolder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

class Npy : public testing::Test {
 protected:
  template <class T>
  void write(const std::string& header, const std::vector<T>& data) {
    put(path, npy_bytes(header, data));
  }

  auto fails_with(const std::string& words) {
    return ThrowsMessage<FileError>(AllOf(StartsWith(path.string() + ": "), HasSubstr(words)));
  }

  TemporaryFolder folder;
  std::filesystem::path path = folder / "x.npy";
};

TEST_F(Npy, WritesWhatNumpyWrites) {
  // What numpy.save heads an array of shape (7,) with.
  std::string expected =
      std::string("\x93NUMPY\x01\x00\x76\x00", 10) + "{'descr': '<f2', 'fortran_order': False, 'shape': (7,), }";
  expected.resize(127, ' ');
  EXPECT_EQ(npy_header({'f', 2}, {7}), expected + "\n");
  for (const auto& shape : std::vector<std::vector<std::size_t>>{{}, {1}, {3, 4}, {1000000, 1000000, 1000000}}) {
    const std::string header = npy_header({'i', 1}, shape);
    EXPECT_EQ(header.size() % 64, 0u);
    EXPECT_EQ(header.back(), '\n');
  }
}

TEST_F(Npy, ReadsWhatItWrites) {
  const std::vector<float> data{1, 2, 3, 4, 5, 6};
  for (const auto& shape : std::vector<std::vector<std::size_t>>{{6}, {2, 3}, {1, 6, 1}}) {
    put(path, npy_header({'f', 4}, shape).append(reinterpret_cast<const char*>(data.data()), 24));
    const NpyArray array = map_npy(path);
    EXPECT_EQ(array.type, (NpyType{'f', 4}));
    EXPECT_EQ(array.shape, shape);
    EXPECT_EQ(std::memcmp(array.data, data.data(), 24), 0);
  }
  put(path, npy_header({'f', 2}, {0, 5}));
  EXPECT_THAT(map_npy(path).shape, ElementsAre(0, 5));
}

// Other writers put keys in another order, use other quotes and spaces, and later versions have a longer length field.
TEST_F(Npy, ReadsOtherHeaders) {
  const std::vector<std::int32_t> data{1, -2};
  write("{ \"shape\":(2 , ),'descr':'<i4','fortran_order' :False}    ", data);
  EXPECT_THAT(read_npy_integers(path), ElementsAre(1, -2));
  for (const char version : {'\x02', '\x03'}) {
    std::string header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }";
    header.resize(128 - 12, ' ');
    put(path, std::string("\x93NUMPY") + version + std::string("\0\x74\0\0\0", 5) + header +
                  std::string(reinterpret_cast<const char*>(data.data()), 8));
    EXPECT_THAT(read_npy_integers(path), ElementsAre(1, -2));
  }
}

template <class T>
void check_integers(const std::filesystem::path& path, NpyType type, const std::vector<T>& data) {
  put(path, npy_header(type, {data.size()}).append(reinterpret_cast<const char*>(data.data()), data.size() * sizeof(T)));
  EXPECT_EQ(read_npy_integers(path), std::vector<std::int32_t>(data.begin(), data.end()));
}

TEST_F(Npy, IntegersOfEveryWidth) {
  check_integers<std::int8_t>(path, {'i', 1}, {-128, 127});
  check_integers<std::uint8_t>(path, {'u', 1}, {0, 255});
  check_integers<std::int16_t>(path, {'i', 2}, {-32768, 32767});
  check_integers<std::uint16_t>(path, {'u', 2}, {0, 65535});
  check_integers<std::int32_t>(path, {'i', 4},
                               {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()});
  check_integers<std::uint32_t>(path, {'u', 4}, {0, 2147483647u});
  check_integers<std::int64_t>(path, {'i', 8}, {-2147483648ll, 2147483647ll});
  check_integers<std::uint64_t>(path, {'u', 8}, {0, 2147483647u});
}

TEST_F(Npy, IntegersThatDoNotFitOrAreNone) {
  write("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }     ", std::vector<std::int64_t>{0, 1ll << 31});
  EXPECT_THAT([&] { read_npy_integers(path); }, fails_with("entry 1 is 2147483648, but must fit 32 bits"));
  write("{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }     ", std::vector<std::uint64_t>{~0ull});
  EXPECT_THAT([&] { read_npy_integers(path); }, fails_with("entry 0 is 18446744073709551615, but must fit 32 bits"));
  write("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }     ", std::vector<float>{1});
  EXPECT_THAT([&] { read_npy_integers(path); }, fails_with("has shape [1] of floats, but must be integers [samples]"));
  write("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }   ", std::vector<std::int32_t>{1});
  EXPECT_THAT([&] { read_npy_integers(path); }, fails_with("has shape [1, 1] of integers, but must be integers [samples]"));
}

TEST_F(Npy, EveryTruncationAndAnExtraByteSayWhatWasExpected) {
  const std::string whole = npy_header({'f', 2}, {3, 4}) + std::string(24, 'x');
  ASSERT_EQ(whole.size(), 152u);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    put(path, whole.substr(0, size));
    EXPECT_THAT([&] { map_npy(path); }, fails_with("expected ")) << size;
    EXPECT_THAT([&] { map_npy(path); }, fails_with("found " + std::to_string(size))) << size;
  }
  put(path, whole + "y");
  EXPECT_THAT([&] { map_npy(path); }, fails_with("expected 152 bytes for shape [3, 4], found 153"));
}

TEST_F(Npy, ForeignFiles) {
  const std::vector<float> one{1};
  EXPECT_THAT([&] { map_npy(path); }, fails_with("No such file or directory"));
  put(path, "PK\x03\x04 not an array");
  EXPECT_THAT([&] { map_npy(path); }, fails_with("is not an .npy file"));
  put(path, std::string("\x93NUMPY\x04\0", 8) + "rest of the file");
  EXPECT_THAT([&] { map_npy(path); }, fails_with("is .npy of version 4, but must be 1, 2 or 3"));
  put(path, std::string("\x93NUMPY\xff\0", 8) + "rest of the file");
  EXPECT_THAT([&] { map_npy(path); }, fails_with("is .npy of version 255"));

  const auto with = [&](const std::string& descr, const std::string& fortran, const std::string& shape) {
    write("{'descr': " + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + ", }", one);
    return [&] { map_npy(path); };
  };
  for (const std::string descr :
       {"'>f4'", "'<f8'", "'<f1'", "'<c8'", "'|b1'", "'|O'", "'<U4'", "'<i3'", "'|i4'", "[('a', '<f4')]"})
    EXPECT_THAT(with(descr, "False", "(1,)"), fails_with("but must be of little-endian float16, float32 or integers"))
        << descr;
  EXPECT_THAT(with("'<f4'", "True", "(1,)"), fails_with("but must be in C order"));
  EXPECT_THAT(with("'<f4'", "False", "(-1,)"), fails_with("but must have a shape of whole numbers"));
  EXPECT_THAT(with("'<f4'", "False", "(99999999999999999999,)"), fails_with("but must have a shape of whole numbers"));
  EXPECT_THAT(with("'<f4'", "False", "(4294967296, 4294967296, 4294967296)"), fails_with("expected far more bytes"));
  EXPECT_THAT(with("'<f4'", "False", "(1 2)"), fails_with("but must have ) at byte"));
  EXPECT_THAT(with("<f4", "False", "(1,)"), fails_with("but must have ' at byte"));
  EXPECT_THAT(with("'<f4'", "False, 'more': 1", "(1,)"), fails_with("only the keys descr, fortran_order and shape"));

  write("{'descr': '<f4', 'fortran_order': False}", one);
  EXPECT_THAT([&] { map_npy(path); }, fails_with("but must have the keys descr, fortran_order and shape"));
  write("\xff\xfe{", one);
  EXPECT_THAT([&] { map_npy(path); }, fails_with("its .npy header is ??{, but must have { at byte 0"));
  write("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", one);
  EXPECT_THAT([&] { map_npy(path); }, fails_with("its data starts at byte 67, but must at a multiple of 4"));
}

// Whatever bytes a header is made of: an array or a FileError, nothing else.
TEST_F(Npy, RandomHeaders) {
  const std::string whole = npy_header({'f', 2}, {3, 4}) + std::string(24, 'x');
  Random random(1);
  int read = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string changed = whole;
    for (std::uint64_t k = 0; k <= random.below(3); ++k) changed[random.below(128)] = static_cast<char>(random.below(256));
    put(path, changed);
    try {
      const NpyArray array = map_npy(path);
      std::size_t bytes = array.type.bytes;
      for (const std::size_t size : array.shape) bytes *= size;
      EXPECT_LE(bytes, 24u);
      ++read;
    } catch (const FileError& error) {
      EXPECT_THAT(error.what(), StartsWith(path.string()));
    }
  }
  EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace quorate
