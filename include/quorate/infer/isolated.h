// Models in processes of their own: one that kills its process, or hangs, is a model that failed, and nothing more.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "quorate/infer/backend.h"

namespace quorate {

struct IsolateOptions {
  // A program and its arguments, that calls run_isolated_worker() and nothing else of note. Looked for on the PATH.
  std::vector<std::string> worker;
  double timeout_s = 0.0;  // that a batch may take: then the process is killed. Starting and loading have a minute
};

// The model in one process for each device that it is run on; a process that died is replaced for the next batch. Batches
// and scores are copied through shared memory, and each device has weights of its own. Throws std::invalid_argument for a
// worker without a program and a timeout that is not positive, and what load_backend throws in the process, as FileError.
// Running throws DeviceError where the process dies or takes too long, else what the model throws.
std::shared_ptr<Backend> isolate(const std::filesystem::path& file, const LoadOptions& load, const IsolateOptions& options);

using Loader = std::function<std::shared_ptr<Backend>(const std::filesystem::path&, const LoadOptions&)>;

// What a worker's main() calls: serves the process that started it until that one is gone. Throws Error where it was not
// started by isolate().
void run_isolated_worker(const Loader& load = load_backend);

}  // namespace quorate
