#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/intel_cpu/properties.hpp>
#include <string_view>

#include "core/message.h"
#include "infer/formats.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

// One for the process: it holds the plugins that it has loaded.
ov::Core& core() {
  static ov::Core instance;
  return instance;
}

// OpenVINO puts lines of where it was before the reason.
std::string reason(const std::exception& error) {
  std::string_view words = error.what();
  while (words.ends_with('\n')) words.remove_suffix(1);
  return std::string(words.substr(words.rfind('\n') + 1));
}

template <class Body>
auto telling_memory(const Body& body) {
  try {
    return body();
  } catch (const ov::Exception& error) {
    const std::string_view words = error.what();
    if (words.find("bad_alloc") != words.npos || words.find("allocate") != words.npos) throw OutOfMemory(reason(error));
    throw DeviceError(reason(error));
  }
}

// Those that the caller was bound to, as a device's thread is to its cores.
int cores_of_this_thread() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  return ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

// A model compiled for so many threads a batch, and the requests that callers have at hand: one each while it runs. Of
// callers at once, as many as there are streams run; others wait. Streams share the weights.
class Compiled {
 public:
  Compiled(const std::shared_ptr<ov::Model>& model, int threads, int streams)
      : model_(core().compile_model(
            model, "CPU", ov::inference_num_threads(threads * streams), ov::num_streams(streams),
            ov::hint::enable_cpu_pinning(false),
            // As the file says, whatever the CPU could do instead: cheaper numbers are a model of their own.
            ov::hint::inference_precision(ov::element::f32))) {}

  Scores run(const float* input, const ov::Shape& shape) {
    ov::InferRequest request = take();
    request.set_input_tensor(ov::Tensor(ov::element::f32, shape, const_cast<float*>(input)));
    request.infer();
    const ov::Tensor output = request.get_output_tensor();
    const ov::Shape given = output.get_shape();
    if (given.size() != 2) throw DeviceError(message("it gave an output of shape [", joined(given), "]"));
    const float* data = output.data<const float>();
    auto held = std::make_shared<const std::vector<float>>(data, data + given[0] * given[1]);
    give_back(std::move(request));
    return {held->data(), given[0], given[1], held};
  }

 private:
  ov::InferRequest take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return model_.create_infer_request();
    ov::InferRequest request = std::move(idle_.back());
    idle_.pop_back();
    return request;
  }
  // One that threw does not come back.
  void give_back(ov::InferRequest request) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(request));
  }

  ov::CompiledModel model_;
  std::mutex mutex_;
  std::vector<ov::InferRequest> idle_;
};

std::int64_t constant_bytes(const ov::Model& model) {
  std::int64_t bytes = 0;
  for (const auto& node : model.get_ops())
    if (node->get_type_name() == std::string_view("Constant"))
      bytes +=
          static_cast<std::int64_t>(ov::shape_size(node->get_output_shape(0)) * node->get_output_element_type(0).size());
  return bytes;
}

class OpenVino : public Backend {
 public:
  OpenVino(const std::filesystem::path& file, std::shared_ptr<ov::Model> model, int concurrency)
      : model_(std::move(model)), concurrency_(concurrency) {
    const auto check = [&](bool holds, const auto&... parts) {
      if (!holds) throw FileError(file, message(parts...));
    };
    check(model_->inputs().size() == 1 && model_->outputs().size() == 1, "has ", model_->inputs().size(), " inputs and ",
          model_->outputs().size(), " outputs, but must have one of each");
    const auto typed = [&](const auto& port, const char* which) {
      check(port.get_element_type() == ov::element::f32, "has an ", which, " of type ",
            port.get_element_type().get_type_name(), ", but must have one of f32");
    };
    typed(model_->input(), "input");
    typed(model_->output(), "output");
    const ov::PartialShape shape = model_->input().get_partial_shape();
    check(shape.rank().is_static() && shape.size() >= 2, "has an input of shape ", shape.to_string(),
          ", but must have [batch, features...]");
    check(shape[0].is_dynamic() && shape[0].get_min_length() <= 1, "takes batches of ", shape[0].to_string(),
          " only, but must take any from 1 on: export it with a dynamic first dimension");
    max_batch_ = std::max<std::int64_t>(0, shape[0].get_max_length());  // -1 where it has no bound
    for (std::size_t d = 1; d < shape.size(); ++d) {
      check(shape[d].is_static(), "has an input of shape ", shape.to_string(), ", but only the batch may be dynamic");
      features_.push_back(shape[d].get_length());
    }
    weight_bytes_ = constant_bytes(*model_);
  }

  Scores run(const float* input, std::span<const std::int64_t> shape, const Device*) override {
    if (!std::ranges::equal(shape.subspan(1), features_))
      throw DeviceError(message("it takes samples of shape [", joined(features_), "]"));
    if (shape[0] < 1 || (max_batch_ > 0 && shape[0] > max_batch_))
      throw DeviceError(message("it takes batches from 1 to ", max_batch_));
    return telling_memory(
        [&] { return compiled(cores_of_this_thread()).run(input, ov::Shape(shape.begin(), shape.end())); });
  }

  std::int64_t weight_bytes() const override { return weight_bytes_; }
  std::vector<std::int64_t> features() const override { return features_; }
  std::int64_t max_batch() const override { return max_batch_; }

 private:
  // Callers with as many cores share one, and its weights. The first of them compiles it, which takes a second or so.
  Compiled& compiled(int threads) {
    const std::lock_guard lock(mutex_);
    auto& found = compiled_[threads];
    const int fit = std::max(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)) / threads);
    if (!found) found = std::make_unique<Compiled>(model_, threads, std::min(concurrency_, fit));
    return *found;
  }

  std::shared_ptr<ov::Model> model_;
  int concurrency_;
  std::vector<std::int64_t> features_;
  std::int64_t max_batch_ = 0;
  std::int64_t weight_bytes_ = 0;
  std::mutex mutex_;
  std::map<int, std::unique_ptr<Compiled>> compiled_;
};

}  // namespace

std::shared_ptr<Backend> load_openvino(const std::filesystem::path& file, const std::string& content, int concurrency) {
  std::shared_ptr<ov::Model> model;
  try {
    model = core().read_model(content, ov::Tensor());
  } catch (const std::exception& error) {
    throw FileError(file, message("is no ONNX model: ", reason(error)));
  }
  return std::make_shared<OpenVino>(file, std::move(model), concurrency);
}

}  // namespace quorate
