#include "infer/intra_op.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include "core/message.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

// These two set the calling thread's number alone. They are looked up in what Torch itself is linked with: another copy of
// the OpenMP runtime would take the call and change nothing. Builds of Torch without MKL lack the second.
using SetThreads = void (*)(int);
using SetThreadsLocal = int (*)(int);

}  // namespace

void set_intra_op_threads(int count) {
  at::get_num_threads();  // Torch's own first-use set-up of this thread, which would undo what follows
  const auto openmp = reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (openmp == nullptr) throw DeviceError("this build of Torch has no OpenMP: the number of threads cannot be set");
  openmp(count);
  if (const auto mkl = reinterpret_cast<SetThreadsLocal>(::dlsym(RTLD_DEFAULT, "MKL_Set_Num_Threads_Local"))) mkl(count);
  if (at::get_num_threads() != count)
    throw DeviceError(message("Torch uses ", at::get_num_threads(), " threads after being told to use ", count));
}

}  // namespace quorate
