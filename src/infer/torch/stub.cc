// The engine without Torch: it runs models that the caller has made, and no files. What the sanitizers test.
#include "infer/allocation.h"
#include "infer/formats.h"
#include "infer/intra_op.h"
#include "quorate/core/error.h"

namespace quorate {

void set_intra_op_threads(int) {}

std::int64_t peak_bytes_of(const std::function<void()>& body) {
  body();
  return 0;
}

std::shared_ptr<Backend> load_torchscript(const std::filesystem::path& file, const std::string&) {
  throw FileError(file, "cannot be run: this build has no Torch");
}

std::shared_ptr<Backend> load_aoti(const std::filesystem::path& file, const std::string&, int) {
  throw FileError(file, "cannot be run: this build has no Torch");
}

}  // namespace quorate
