// How many threads a model may compute on. Private: includes no Torch.
#pragma once

namespace quorate {

// Of the calling thread alone: other threads' number, and the default for threads to come, stay as they are. Throws
// DeviceError.
void set_intra_op_threads(int count);

}  // namespace quorate
