// The calling thread as a device's: what lanes and measurements run on. Private: includes no Torch.
#pragma once

#include <span>

#include "quorate/core/device.h"

namespace quorate {

// Throws std::invalid_argument, naming the device, where it is no CPU device or has a core that this thread may not use.
void check_here(const Device& device);

// Keeps the calling thread, and the OpenMP threads that it will start, on the device's cores, and gives it as many intra-op
// threads as there are cores. Other threads' settings, and the default for threads to come, stay as they are
// (at::set_num_threads would change that default). Throws DeviceError with the system's words.
void bind_this_thread(const Device& device);

}  // namespace quorate
