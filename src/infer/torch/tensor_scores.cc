#include "infer/torch/tensor_scores.h"

#include <ATen/ops/from_blob.h>

#include "core/message.h"
#include "quorate/core/error.h"

namespace quorate {

at::Tensor tensor_of(const float* input, std::span<const std::int64_t> shape) {
  return at::from_blob(const_cast<float*>(input), at::IntArrayRef(shape.data(), shape.size()),
                       at::TensorOptions().dtype(at::kFloat));
}

Scores scores_of(const at::Tensor& output) {
  if (output.dim() != 2 || output.scalar_type() != at::kFloat || !output.is_cpu())
    throw DeviceError(message("it gave an output of shape [", joined(output.sizes()), "] and type ",
                              c10::toString(output.scalar_type()), " on ", output.device().str(),
                              ", but must give float32 [batch, classes] on the CPU"));
  auto held = std::make_shared<const at::Tensor>(output.contiguous());
  const float* data = held->const_data_ptr<float>();
  return {data, static_cast<std::size_t>(output.size(0)), static_cast<std::size_t>(output.size(1)), std::move(held)};
}

}  // namespace quorate
