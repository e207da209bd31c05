#include "quorate/infer/engine.h"

#include <algorithm>
#include <cmath>

#include "core/message.h"
#include "infer/engine_state.h"
#include "quorate/core/error.h"
#include "quorate/infer/isolated.h"

namespace quorate {
namespace {

std::vector<Engine::Member> load_members(const ModelLibrary& library, const Cascade& cascade, const Plan& plan,
                                         const EngineOptions& options) {
  std::vector<Engine::Member> members;
  for (const std::string& name : library.names()) members.push_back({name, nullptr});
  for (const auto& [name, backend] : options.backends)
    require(library.contains(name), "backends has a model \"", name, "\", but the library has none of that name");
  const EnginePlacement placement = place(cascade, members, plan);
  for (const EnginePlacement::Slot& slot : placement.slots) {
    Engine::Member& member = members[static_cast<std::size_t>(slot.model)];
    if (const auto given = options.backends.find(member.name); given != options.backends.end()) {
      member.backend = given->second;
      continue;
    }
    const ModelLibrary::Entry entry = library.entry(member.name);
    require(!entry.model_file.empty(), "model \"", member.name,
            "\" has no file in the library, but an engine needs one to run it");
    // A later plan may put it on any of the devices.
    const int devices = options.profile ? static_cast<int>(plan.devices.size()) : placement.devices_of(slot);
    const LoadOptions load{entry.model_sha256, options.trust, devices};
    member.backend = options.worker.empty() ? load_backend(entry.model_file, load)
                                            : isolate(entry.model_file, load, {options.worker, options.batch_timeout_s});
  }
  return members;
}

EngineOptions without_backends(EngineOptions options) {
  options.backends.clear();
  return options;
}

}  // namespace

Engine::Engine(const std::vector<Member>& models, const Cascade& cascade, const Plan& plan, const EngineOptions& options)
    : state_(std::make_shared<State>(models, cascade, plan, options)) {
  require(options.backends.empty(), "backends are given beside models, but models have their own");
  state_->start();
}

Engine::Engine(const ModelLibrary& library, const Cascade& cascade, const Plan& plan, const EngineOptions& options)
    : Engine(load_members(library, cascade, plan, options), cascade, plan, without_backends(options)) {}

Engine::Engine(const ModelLibrary& library, const Ensemble& ensemble, const Plan& plan, const EngineOptions& options)
    : Engine(library, as_cascade(ensemble), plan, options) {}

Engine::~Engine() {
  // A forked child has no threads to end; what they held is left as it is.
  if (::getpid() == state_->process)
    state_->stop(false);
  else
    static_cast<void>(new std::shared_ptr<State>(std::move(state_)));
}

Pending Engine::submit(Samples samples, double deadline_s) { return state_->submit(std::move(samples), deadline_s); }

Answer Engine::predict(const float* data, std::vector<std::int64_t> shape) {
  const Pending pending = submit({data, std::move(shape)});
  pending.wait(INFINITY);
  if (const FailurePointer& failed = pending.state_->failure) failed->raise(failed->words);
  return std::move(pending.state_->answer);
}

void Engine::close(bool drain) {
  state_->require_own_process();
  state_->stop(drain);
}

EngineStats Engine::stats() const { return state_->statistics(); }

int Engine::threads() { return State::threads; }

}  // namespace quorate
