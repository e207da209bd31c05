// What stands in for score_cuda.cu in a build without CUDA.
#include "core/message.h"
#include "quorate/core/error.h"
#include "select/score_cuda.h"

namespace quorate {

std::unique_ptr<Scorer> make_cuda_scorer(const Scoring& scoring) {
  throw DeviceError(message("device is ", scoring.device, ", but this build has no CUDA: configure with -DQUORATE_CUDA=ON"));
}

}  // namespace quorate
