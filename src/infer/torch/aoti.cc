#include <c10/core/InferenceMode.h>
#include <cpuid.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>

#include "core/message.h"
#include "infer/formats.h"
#include "infer/torch/memory.h"
#include "infer/torch/tensor_scores.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

using torch::inductor::AOTIModelPackageLoader;
using Metadata = std::unordered_map<std::string, std::string>;

// A file without a name that holds what was hashed, so that nobody can swap the package between the check and the load.
class AnonymousFile {
 public:
  AnonymousFile(const std::filesystem::path& file, const std::string& content)
      : descriptor_(::memfd_create("package", MFD_CLOEXEC)) {
    for (std::size_t written = 0; descriptor_ >= 0 && written < content.size();) {
      const ssize_t count = ::write(descriptor_, content.data() + written, content.size() - written);
      if (count <= 0) {
        ::close(descriptor_);
        descriptor_ = -1;
      } else {
        written += static_cast<std::size_t>(count);
      }
    }
    if (descriptor_ < 0) throw FileError(file, "no memory to load it");
  }
  ~AnonymousFile() { ::close(descriptor_); }
  AnonymousFile(const AnonymousFile&) = delete;
  AnonymousFile& operator=(const AnonymousFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

// The package's inner library names libtorch.so without a path; it must be there before. It is no direct dependency of ours,
// since it brings the CUDA libraries with it wherever the wheel has them. It lies beside the library that c10 is in.
void load_libtorch() {
  static const std::string failure = [] {
    Dl_info info;
    if (::dladdr(reinterpret_cast<const void*>(&c10::InferenceMode::is_enabled), &info) == 0)
      return std::string("dladdr failed");
    const auto path = std::filesystem::path(info.dli_fname).parent_path() / "libtorch.so";
    return ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr ? std::string() : std::string(::dlerror());
  }();
  if (!failure.empty()) throw DeviceError("libtorch.so, which AOTInductor packages need, cannot be loaded: " + failure);
}

// Tiles are there where the processor has them and the system lets this process use them, which has to be asked for. Torch
// means tiles of bf16 and of int8.
bool may_use_amx() {
  constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24, kInt8 = 1u << 25;
  constexpr unsigned kAll = kBf16 | kTile | kInt8;
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAll) == kAll &&
         ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool cpu_has(const std::string& instructions) {
  if (instructions == "AVX2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (instructions == "AVX512")
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw");
  if (instructions == "AVX512_VNNI") return __builtin_cpu_supports("avx512vnni");
  if (instructions == "AMX_TILE") return may_use_amx();
  return instructions.empty() || instructions == "INVALID_VEC_ISA";
}

std::vector<std::int64_t> integers(const std::string& text) {
  std::vector<std::int64_t> values;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (error != std::errc() || end != item.data() + item.size() || value < 1) return {};
    values.push_back(value);
  }
  return values;
}

class Aoti : public Backend {
 public:
  Aoti(const std::filesystem::path& file, const std::string& content, int concurrency) {
    const AnonymousFile package(file, content);
    const Metadata metadata = AOTIModelPackageLoader::load_metadata_from_package(package.path(), "model");
    read(file, metadata);
    // Without its lock a runner serves one thread; with it, `concurrency` runners share the constants.
    loader_ = std::make_unique<AOTIModelPackageLoader>(package.path(), "model", concurrency == 1,
                                                       static_cast<std::size_t>(concurrency));
    for (const auto& [name, tensor] : loader_->get_runner()->extract_constants_map(false))
      weight_bytes_ += static_cast<std::int64_t>(tensor.nbytes());
  }

  Scores run(const float* input, std::span<const std::int64_t> shape, const Device*) override {
    // The package checks nothing itself: a wrong shape would read past the end of the input.
    if (!std::ranges::equal(shape.subspan(1), features_))
      throw DeviceError(message("it was compiled for samples of shape [", joined(features_), "]"));
    if (shape[0] < 1 || shape[0] > max_batch_)
      throw DeviceError(message("it was compiled for batches from 1 to ", max_batch_));
    const c10::InferenceMode guard;
    const std::vector<at::Tensor> outputs = telling_memory([&] { return loader_->run({tensor_of(input, shape)}); });
    if (outputs.size() != 1) throw DeviceError(message("it gave ", outputs.size(), " outputs, but must give one"));
    return scores_of(outputs[0]);
  }

  std::int64_t weight_bytes() const override { return weight_bytes_; }
  std::vector<std::int64_t> features() const override { return features_; }
  std::int64_t max_batch() const override { return max_batch_; }

 private:
  void read(const std::filesystem::path& file, const Metadata& metadata) {
    const auto value = [&](const std::string& key) {
      const auto found = metadata.find(key);
      return found == metadata.end() ? std::string() : found->second;
    };
    features_ = integers(value("quorate.features"));
    const std::vector<std::int64_t> max_batch = integers(value("quorate.max_batch"));
    if (features_.empty() || max_batch.size() != 1)
      throw FileError(file,
                      "does not say which shape and batch sizes it was compiled for; compile it with quorate.compile_model");
    max_batch_ = max_batch[0];
    std::istringstream words(value("AOTI_CPU_ISA"));
    for (std::string word; words >> word;)
      if (!cpu_has(word))
        throw FileError(file, "was compiled for a CPU with " + word + ", which this one lacks; compile it here");
  }

  std::unique_ptr<AOTIModelPackageLoader> loader_;
  std::vector<std::int64_t> features_;
  std::int64_t max_batch_ = 0;
  std::int64_t weight_bytes_ = 0;
};

}  // namespace

std::shared_ptr<Backend> load_aoti(const std::filesystem::path& file, const std::string& content, int concurrency) {
  load_libtorch();
  // Loaders that are constructed at the same time race inside Torch.
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  try {
    return std::make_shared<Aoti>(file, content, concurrency);
  } catch (const FileError&) {
    throw;
  } catch (const std::exception& error) {
    throw FileError(file, message("cannot be loaded as an AOTInductor package: ", error.what()));
  }
}

}  // namespace quorate
