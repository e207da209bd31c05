#include "infer/thread_binding.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <sched.h>

#include <cerrno>
#include <cstring>

#include "core/message.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

// These two set the calling thread's number alone. They are looked up in what Torch itself is linked with: another copy of
// the OpenMP runtime would take the call and change nothing. Builds of Torch without MKL lack the second.
using SetThreads = void (*)(int);
using SetThreadsLocal = int (*)(int);

void set_intra_op_threads(int count) {
  at::get_num_threads();  // Torch's own first-use set-up of this thread, which would undo what follows
  const auto openmp = reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (openmp == nullptr) throw DeviceError("this build of Torch has no OpenMP: the number of threads cannot be set");
  openmp(count);
  if (const auto mkl = reinterpret_cast<SetThreadsLocal>(::dlsym(RTLD_DEFAULT, "MKL_Set_Num_Threads_Local"))) mkl(count);
  if (at::get_num_threads() != count)
    throw DeviceError(message("Torch uses ", at::get_num_threads(), " threads after being told to use ", count));
}

}  // namespace

void check_here(const Device& device) {
  require(!device.cores.empty(), "device \"", device.name, "\" of kind \"", device.kind,
          "\" has no CPU cores, but models run on CPU devices only: see cpu_devices");
  cpu_set_t usable;
  CPU_ZERO(&usable);
  const bool known = ::sched_getaffinity(0, sizeof usable, &usable) == 0;
  for (const int core : device.cores)
    require(core >= 0 && core < CPU_SETSIZE && (!known || CPU_ISSET(core, &usable)), "device \"", device.name,
            "\" has core ", core, ", but must have cores that this process may use");
}

void bind_this_thread(const Device& device) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (const int core : device.cores) CPU_SET(core, &cores);
  if (::sched_setaffinity(0, sizeof cores, &cores) != 0)
    throw DeviceError(
        message("device \"", device.name, "\": cannot use cores ", joined(device.cores), ": ", std::strerror(errno)));
  set_intra_op_threads(static_cast<int>(device.cores.size()));
}

}  // namespace quorate
