#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "infer/isolated_channel.h"
#include "infer/thread_binding.h"
#include "quorate/core/error.h"
#include "quorate/infer/isolated.h"

namespace quorate {
namespace {

using Json = nlohmann::json;

// A model that hangs must not outlive the engine.
void end_with_the_engine() {
  std::thread([] {
    pollfd descriptor{kWorkerSocket, POLLRDHUP, 0};
    while (::poll(&descriptor, 1, -1) <= 0) {
    }
    ::_exit(0);
  }).detach();
}

std::uint64_t after(const std::vector<std::int64_t>& shape) {
  const auto floats = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  return static_cast<std::uint64_t>(floats) * sizeof(float);
}

Note run(Backend& backend, const Device& device, const Note& asked, SharedMemory& memory) {
  const std::uint64_t begin = after(asked.shape);
  const float* input = reinterpret_cast<const float*>(memory.map(begin));
  const Scores scores = backend.run(input, asked.shape, &device);
  const std::size_t bytes = scores.samples * scores.classes * sizeof(float);
  std::memcpy(memory.map(begin + bytes) + begin, scores.data, bytes);
  return {
      NoteKind::kDone, {static_cast<std::int64_t>(scores.samples), static_cast<std::int64_t>(scores.classes)}, begin, {}};
}

// `body` makes a note; what it throws becomes one.
template <class Body>
Note telling_failures(const Body& body) {
  try {
    return body();
  } catch (const OutOfMemory& error) {
    return {NoteKind::kOutOfMemory, {}, 0, error.what()};
  } catch (const std::bad_alloc&) {
    return {NoteKind::kOutOfMemory, {}, 0, "out of memory"};
  } catch (const DeviceLost& error) {
    return {NoteKind::kDeviceLost, {}, 0, error.what()};
  } catch (const std::exception& error) {
    return {NoteKind::kThrew, {}, 0, error.what()};
  }
}

}  // namespace

void run_isolated_worker(const Loader& load) {
  // An engine leaves just these two open, and its own ends are closed on exec.
  struct stat status;
  if (::fstat(kWorkerSocket, &status) != 0 || !S_ISSOCK(status.st_mode) || ::fcntl(kWorkerSocket, F_GETFD) != 0 ||
      ::fcntl(kWorkerMemory, F_GETFD) != 0)
    throw Error("this is the process of an isolated model: it is started by an engine, not by hand");
  std::signal(SIGINT, SIG_IGN);  // Ctrl-C is for the engine's process
  end_with_the_engine();
  SharedMemory memory(kWorkerMemory);
  std::shared_ptr<Backend> backend;
  Device device;
  for (Note asked; receive_note(kWorkerSocket, std::numeric_limits<double>::infinity(), asked) == Heard::kNote;) {
    const Note answer = telling_failures([&] {
      if (asked.kind == NoteKind::kRun) return run(*backend, device, asked, memory);
      const Json words = Json::parse(asked.words);
      device.name = words.at("device");
      device.kind = words.at("kind");
      device.cores = words.at("cores").get<std::vector<int>>();
      if (!device.cores.empty()) bind_this_thread(device);
      backend = load(words.at("file").get<std::string>(), {words.at("sha256"), words.at("trust"), 1});
      const Json said = {
          {"weight_bytes", backend->weight_bytes()}, {"features", backend->features()}, {"max_batch", backend->max_batch()}};
      return Note{NoteKind::kDone, {}, 0, said.dump()};
    });
    if (!send_note(kWorkerSocket, answer)) break;
  }
}

}  // namespace quorate
