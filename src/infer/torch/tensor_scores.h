// Torch's tensors as the backends' plain arrays. Private to the files that include Torch.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "quorate/infer/backend.h"

namespace quorate {

// A view of the caller's batch, float32 on the CPU.
at::Tensor tensor_of(const float* input, std::span<const std::int64_t> shape);

// The model's output as it lies in memory, copied only where it is not contiguous. Throws DeviceError unless it is a float32
// matrix on the CPU.
Scores scores_of(const at::Tensor& output);

}  // namespace quorate
