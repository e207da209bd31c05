#include "quorate/infer/isolated.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/message.h"
#include "infer/isolated_channel.h"
#include "quorate/core/error.h"

extern char** environ;

namespace quorate {
namespace {

using Json = nlohmann::json;

constexpr double kLoading_s = 60.0;  // that a process may take to start and to load its model, at least

// A process that runs one model. One caller at a time.
class Worker {
 public:
  explicit Worker(const IsolateOptions& options) : options_(options), memory_(::memfd_create("batches", MFD_CLOEXEC)) {
    int ends[2];
    if (memory_.descriptor() < 0 || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw DeviceError(message("no process for an isolated model: ", std::strerror(errno)));
    socket_ = ends[0];
    const int error = spawn(ends[1]);
    ::close(ends[1]);
    if (error != 0) {
      ::close(socket_);
      throw DeviceError(
          message("cannot start ", options.worker[0], ", the process of an isolated model: ", std::strerror(error)));
    }
  }
  ~Worker() {
    ::close(socket_);
    end();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Throws DeviceError where the process dies or says nothing in time; it is of no use then.
  Note ask(const Note& note, double timeout_s) {
    Note answer;
    const bool sent = send_note(socket_, note);
    const Heard heard = sent ? receive_note(socket_, timeout_s, answer) : Heard::kGone;
    if (heard == Heard::kNote) return answer;
    usable_ = false;
    if (heard == Heard::kNothing) {
      end();
      throw DeviceError(message("it took more than ", timeout_s, " s, and its process was killed"));
    }
    throw DeviceError("its process " + end());
  }

  bool usable() const { return usable_; }
  SharedMemory& memory() { return memory_; }

 private:
  int spawn(int other_end) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    // By way of numbers that neither can have: either may lie where the other has to go.
    constexpr int kAside = 200;
    ::posix_spawn_file_actions_adddup2(&actions, other_end, kAside);
    ::posix_spawn_file_actions_adddup2(&actions, memory_.descriptor(), kAside + 1);
    ::posix_spawn_file_actions_adddup2(&actions, kAside, kWorkerSocket);
    ::posix_spawn_file_actions_adddup2(&actions, kAside + 1, kWorkerMemory);
    ::posix_spawn_file_actions_addclose(&actions, kAside);
    ::posix_spawn_file_actions_addclose(&actions, kAside + 1);
    std::vector<std::string> words = options_.worker;
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int error = ::posix_spawnp(&process_, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) process_ = 0;
    return error;
  }

  // Kills it, where it is not dead already, and says how it ended.
  std::string end() {
    if (process_ == 0) return "is gone";
    int status = 0;
    // One that has closed its end is about to die by itself, and how is of interest.
    for (int tries = 0; tries < 100 && !usable_; ++tries) {
      if (::waitpid(process_, &status, WNOHANG) == process_) {
        process_ = 0;
        break;
      }
      ::usleep(1000);
    }
    if (process_ != 0) {
      ::kill(process_, SIGKILL);
      while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
      }
      process_ = 0;
    }
    return WIFSIGNALED(status) ? message("died of signal ", WTERMSIG(status), " (", ::strsignal(WTERMSIG(status)), ")")
                               : message("ended with code ", WEXITSTATUS(status));
  }

  IsolateOptions options_;
  SharedMemory memory_;
  int socket_ = -1;
  pid_t process_ = 0;
  bool usable_ = true;
};

class Isolated : public Backend {
 public:
  Isolated(std::filesystem::path file, LoadOptions load, IsolateOptions options)
      : file_(std::move(file)), load_(std::move(load)), options_(std::move(options)) {
    // What the model says of itself, and whether it can be loaded at all.
    Place& place = places_[""];
    const Json said = start(place, Device());
    weight_bytes_ = said.at("weight_bytes");
    features_ = said.at("features").get<std::vector<std::int64_t>>();
    max_batch_ = said.at("max_batch");
    place.worker.reset();
  }

  Scores run(const float* input, std::span<const std::int64_t> shape, const Device* device) override {
    Place& place = place_of(device ? device->name : "");
    const std::lock_guard lock(place.mutex);
    if (!place.worker || !place.worker->usable()) start(place, device ? *device : Device());
    Worker& worker = *place.worker;
    const auto floats = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
    const std::size_t bytes = static_cast<std::size_t>(floats) * sizeof(float);
    std::memcpy(worker.memory().map(bytes), input, bytes);
    const Note answer = worker.ask({NoteKind::kRun, {shape.begin(), shape.end()}, 0, {}}, options_.timeout_s);
    switch (answer.kind) {
      case NoteKind::kOutOfMemory:
        throw OutOfMemory(answer.words);
      case NoteKind::kDeviceLost:
        throw DeviceLost(answer.words);
      case NoteKind::kDone:
        break;
      default:
        throw DeviceError(answer.words);
    }
    const auto samples = static_cast<std::size_t>(answer.shape.at(0)),
               classes = static_cast<std::size_t>(answer.shape.at(1));
    const auto out = std::make_shared_for_overwrite<float[]>(samples * classes);
    const std::size_t given = samples * classes * sizeof(float);
    std::memcpy(out.get(), worker.memory().map(answer.begin + given) + answer.begin, given);
    return {out.get(), samples, classes, out};
  }

  std::int64_t weight_bytes() const override { return weight_bytes_; }
  std::vector<std::int64_t> features() const override { return features_; }
  std::int64_t max_batch() const override { return max_batch_; }
  bool keeps_time() const override { return true; }

 private:
  struct Place {
    std::mutex mutex;
    std::unique_ptr<Worker> worker;
  };

  Place& place_of(const std::string& device) {
    const std::lock_guard lock(mutex_);
    return places_[device];
  }

  Json start(Place& place, const Device& device) {
    place.worker.reset();
    place.worker = std::make_unique<Worker>(options_);
    const Json words = {{"file", file_.string()}, {"sha256", load_.sha256}, {"trust", load_.trust},
                        {"device", device.name},  {"kind", device.kind},    {"cores", device.cores}};
    const Note answer = place.worker->ask({NoteKind::kLoad, {}, 0, words.dump()}, std::max(kLoading_s, options_.timeout_s));
    if (answer.kind == NoteKind::kDone) return Json::parse(answer.words);
    place.worker.reset();
    throw DeviceError(answer.words);
  }

  const std::filesystem::path file_;
  const LoadOptions load_;
  const IsolateOptions options_;
  std::mutex mutex_;
  std::map<std::string, Place> places_;
  std::int64_t weight_bytes_ = 0;
  std::vector<std::int64_t> features_;
  std::int64_t max_batch_ = 0;
};

}  // namespace

std::shared_ptr<Backend> isolate(const std::filesystem::path& file, const LoadOptions& load, const IsolateOptions& options) {
  require(!options.worker.empty() && !options.worker[0].empty(), "worker is empty, but must name a program");
  require(options.timeout_s > 0.0, "timeout_s is ", options.timeout_s, ", but must be above 0");
  try {
    return std::make_shared<Isolated>(file, load, options);
  } catch (const DeviceError& error) {
    throw FileError(file, message("cannot be loaded in a process of its own: ", error.what()));
  }
}

}  // namespace quorate
