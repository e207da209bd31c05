#include "infer/thread_binding.h"

#include <sched.h>

#include <cerrno>
#include <cstring>

#include "core/message.h"
#include "infer/intra_op.h"
#include "infer/kept_memory.h"
#include "quorate/core/error.h"

namespace quorate {

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
  keep_freed_memory();
  set_intra_op_threads(static_cast<int>(device.cores.size()));
}

}  // namespace quorate
