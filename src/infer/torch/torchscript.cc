#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <sstream>

#include "core/message.h"
#include "infer/formats.h"
#include "infer/torch/memory.h"
#include "infer/torch/tensor_scores.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

class TorchScript : public Backend {
 public:
  explicit TorchScript(torch::jit::Module module) : module_(std::move(module)), forward_(module_.get_method("forward")) {}

  Scores run(const float* input, std::span<const std::int64_t> shape, const Device*) override {
    // The input is a normal tensor, made outside of inference mode, for its version counter: it shows a model that writes to
    // its input, which other models read at the same time.
    const at::Tensor batch = tensor_of(input, shape);
    const c10::InferenceMode guard;
    const c10::IValue output = telling_memory([&] { return forward_({batch}); });
    if (batch._version() != 0) throw DeviceError("it changes its input in place, which other models share");
    if (!output.isTensor()) throw DeviceError("it gave " + output.tagKind() + ", but must give one tensor");
    return scores_of(output.toTensor());
  }

  std::int64_t weight_bytes() const override {
    std::int64_t bytes = 0;
    for (const at::Tensor& tensor : module_.parameters()) bytes += static_cast<std::int64_t>(tensor.nbytes());
    for (const at::Tensor& tensor : module_.buffers()) bytes += static_cast<std::int64_t>(tensor.nbytes());
    return bytes;
  }

 private:
  torch::jit::Module module_;
  torch::jit::Method forward_;
};

}  // namespace

std::shared_ptr<Backend> load_torchscript(const std::filesystem::path& file, const std::string& content) {
  try {
    std::istringstream stream(content);
    torch::jit::Module module =
        torch::jit::import_ir_module(std::make_shared<torch::jit::CompilationUnit>(), stream, c10::Device(c10::kCPU));
    // Not module.eval(), which fails on frozen models: they are in evaluation mode for good and no longer say so.
    for (torch::jit::Module part : module.modules())
      if (part.hasattr("training")) part.setattr("training", false);
    return std::make_shared<TorchScript>(std::move(module));
  } catch (const std::exception& error) {
    throw FileError(file, message("is no TorchScript model: ", error.what()));
  }
}

}  // namespace quorate
