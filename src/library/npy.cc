#include "library/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "core/message.h"
#include "quorate/core/error.h"
#include "quorate/core/file.h"

namespace quorate {
namespace {

static_assert(std::endian::native == std::endian::little, "maps little-endian numbers as they are");

constexpr std::string_view kMagic = "\x93NUMPY";

// Reads the Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } that heads a file.
class Header {
 public:
  Header(std::string_view text, const std::filesystem::path& path) : rest_(text), whole_(text), path_(path) {
    expect("{");
    while (!take("}")) {
      const std::string_view key = quoted();
      expect(":");
      if (key == "descr") {
        type_ = type();
      } else if (key == "fortran_order") {
        if (!take("False")) fail("be in C order (fortran_order False)");
        c_order_ = true;
      } else if (key == "shape") {
        shape_ = tuple();
      } else {
        fail("have only the keys descr, fortran_order and shape");
      }
      if (!take(",")) {
        expect("}");
        break;
      }
    }
    if (!type_ || !c_order_ || !shape_) fail("have the keys descr, fortran_order and shape");
  }

  NpyType number_type() const { return *type_; }
  std::vector<std::size_t> shape() const { return *shape_; }

 private:
  bool take(std::string_view token) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size()));
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  void expect(std::string_view token) {
    if (!take(token)) fail(message("have ", token, " at byte ", whole_.size() - rest_.size()));
  }

  std::string_view quoted() {
    const std::string_view quote = take("\"") ? "\"" : "'";
    if (quote == "'") expect("'");
    const std::string_view text = rest_.substr(0, rest_.find(quote));
    rest_.remove_prefix(text.size());
    expect(quote);
    return text;
  }

  NpyType type() {
    constexpr std::string_view kAllowed = "be of little-endian float16, float32 or integers";
    if (take("[")) fail(kAllowed);
    const std::string_view descr = quoted();
    if (descr.size() != 3) fail(kAllowed);
    const NpyType result{descr[1], static_cast<std::size_t>(descr[2] - '0')};
    const bool is_float = result.kind == 'f' && (result.bytes == 2 || result.bytes == 4);
    const bool is_integer = (result.kind == 'i' || result.kind == 'u') &&
                            (result.bytes == 1 || result.bytes == 2 || result.bytes == 4 || result.bytes == 8);
    const bool little = descr[0] == '<' || (descr[0] == '|' && result.bytes == 1);
    if (!little || !(is_float || is_integer)) fail(kAllowed);
    return result;
  }

  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> result;
    expect("(");
    while (!take(")")) {
      take("");
      std::size_t value = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      if (error != std::errc()) fail("have a shape of whole numbers");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      result.push_back(value);
      if (!take(",")) {
        expect(")");
        break;
      }
    }
    return result;
  }

  [[noreturn]] void fail(std::string_view must) const {
    std::string shown(whole_.substr(0, 200));
    std::ranges::replace_if(
        shown, [](char c) { return c < ' ' || c > '~'; }, '?');
    throw FileError(path_, message("its .npy header is ", shown, ", but must ", must));
  }

  std::string_view rest_;
  std::string_view whole_;
  const std::filesystem::path& path_;
  std::optional<NpyType> type_;
  bool c_order_ = false;
  std::optional<std::vector<std::size_t>> shape_;
};

// The bytes that an array takes; nothing where they do not fit an address.
std::optional<std::size_t> array_bytes(NpyType type, const std::vector<std::size_t>& shape) {
  if (std::ranges::count(shape, std::size_t{0}) > 0) return 0;
  std::size_t bytes = type.bytes;
  for (const std::size_t size : shape) {
    if (bytes > std::numeric_limits<std::size_t>::max() / 2 / size) return std::nullopt;
    bytes *= size;
  }
  return bytes;
}

template <class T>
std::vector<std::int32_t> narrowed(const NpyArray& array, const std::filesystem::path& path) {
  const T* values = static_cast<const T*>(array.data);
  std::vector<std::int32_t> result(array.shape[0]);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (!std::in_range<std::int32_t>(values[i]))
      throw FileError(path, message("entry ", i, " is ", values[i], ", but must fit 32 bits"));
    result[i] = static_cast<std::int32_t>(values[i]);
  }
  return result;
}

}  // namespace

NpyArray map_npy(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::string_view bytes = file.text();
  const auto require_bytes = [&](std::size_t expected) {
    if (bytes.size() < expected)
      throw FileError(path, message("is truncated: expected at least ", expected, " bytes, found ", bytes.size()));
  };
  require_bytes(kMagic.size() + 2);
  if (!bytes.starts_with(kMagic)) throw FileError(path, "is not an .npy file: it does not start with \\x93NUMPY");
  const int version = static_cast<unsigned char>(bytes[kMagic.size()]);
  if (version < 1 || version > 3) throw FileError(path, message("is .npy of version ", version, ", but must be 1, 2 or 3"));

  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t header_begin = kMagic.size() + 2 + length_bytes;
  require_bytes(header_begin);
  std::uint32_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data() + kMagic.size() + 2, length_bytes);
  const std::size_t data_begin = header_begin + header_bytes;
  require_bytes(data_begin);
  const Header header(bytes.substr(header_begin, header_bytes), path);

  NpyArray array{header.number_type(), header.shape(), bytes.data() + data_begin, file};
  const auto data_bytes = array_bytes(array.type, array.shape);
  if (!data_bytes || *data_bytes != bytes.size() - data_begin)
    throw FileError(path, message("expected ", data_bytes ? std::to_string(data_begin + *data_bytes) : "far more",
                                  " bytes for shape [", joined(array.shape), "], found ", bytes.size()));
  if (data_begin % array.type.bytes != 0)
    throw FileError(path, message("its data starts at byte ", data_begin, ", but must at a multiple of ", array.type.bytes));
  file.release(bytes.data(), bytes.size());  // the header took much of what lies behind it with it
  return array;
}

std::string npy_header(NpyType type, const std::vector<std::size_t>& shape) {
  std::string text = message("{'descr': '", type.bytes == 1 ? '|' : '<', type.kind, type.bytes,
                             "', 'fortran_order': False, 'shape': (", joined(shape), shape.size() == 1 ? ",), }" : "), }");
  const std::size_t begin = kMagic.size() + 4;
  while ((begin + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  std::string result(kMagic);
  result += {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return result + text;
}

std::vector<std::int32_t> read_npy_integers(const std::filesystem::path& path) {
  const NpyArray array = map_npy(path);
  if (array.type.kind == 'f' || array.shape.size() != 1)
    throw FileError(path, message("has shape [", joined(array.shape), "] of ",
                                  array.type.kind == 'f' ? "floats" : "integers", ", but must be integers [samples]"));
  const bool is_signed = array.type.kind == 'i';
  switch (array.type.bytes) {
    case 1:
      return is_signed ? narrowed<std::int8_t>(array, path) : narrowed<std::uint8_t>(array, path);
    case 2:
      return is_signed ? narrowed<std::int16_t>(array, path) : narrowed<std::uint16_t>(array, path);
    case 4:
      return is_signed ? narrowed<std::int32_t>(array, path) : narrowed<std::uint32_t>(array, path);
    default:
      return is_signed ? narrowed<std::int64_t>(array, path) : narrowed<std::uint64_t>(array, path);
  }
}

}  // namespace quorate
