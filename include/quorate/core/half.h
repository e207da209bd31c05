// IEEE 754 binary16, the storage type of predictions on disk. Arithmetic is done in float or double.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace quorate {

// A binary16 by its bits, so that it is a distinct type to overload on and needs no compiler support.
struct Half {
  std::uint16_t bits = 0;
};

// Exact for every input, subnormals and infinities included; a NaN keeps its payload and is quiet.
inline float to_float(Half half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half.bits & 0x8000u) << 16;
  const std::uint32_t magnitude = half.bits & 0x7fffu;
  // Moving the bits up and multiplying by 2^112 rebiases the exponent and normalises subnormals in one step.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  std::uint32_t bits = std::bit_cast<std::uint32_t>(scaled);
  if (magnitude >= 0x7c00u) bits |= magnitude > 0x7c00u ? 0x7fc00000u : 0x7f800000u;
  return std::bit_cast<float>(bits | sign);
}
inline float to_float(float value) { return value; }

// The same for many, written to `out` [halves], as fast as they can be read: by the processor's own instruction where it has
// one.
void to_floats(std::span<const Half> halves, float* out);

}  // namespace quorate
