// The engine without OpenVINO.
#include "infer/formats.h"
#include "quorate/core/error.h"

namespace quorate {

std::shared_ptr<Backend> load_openvino(const std::filesystem::path& file, const std::string&, int) {
  throw FileError(file, "cannot be run: this build has no OpenVINO; configure with -DQUORATE_OPENVINO=ON");
}

}  // namespace quorate
