// The engines that Python holds. Their lanes let go of Python objects, which takes the GIL: at exit they must be done before
// Python is.
#pragma once

#include <memory>

#include "quorate/infer/engine.h"

namespace quorate::python {

// The engine, noted until it is deleted, which is done without the GIL: its threads may be waiting for it.
std::shared_ptr<Engine> hold_engine(std::unique_ptr<Engine> engine);

// Closes this process's engines, waits for those that another thread is deleting, and for a while for threads that were
// given up. Without the GIL. In a forked child only its own engines count: the others' lanes did not come with it.
void close_held_engines();

}  // namespace quorate::python
