// The workers' part of the simulation: what they do, and how they fail.
#include "search/simulation/simulation.h"

namespace quorate::simulation {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

}  // namespace

Config Simulation::any_config() { return {{{"n", between(random_, 1, 1'000'000)}}}; }

std::vector<double> Simulation::any_losses() {
  std::vector<double> losses(static_cast<std::size_t>(schedule_.hyperband.objectives));
  for (double& loss : losses) {
    loss = schedule_.few_losses ? static_cast<double>(random_.below(4)) : random_.uniform();
    if (!chance(random_, schedule_.bad_loss)) continue;
    const std::uint64_t kind = random_.below(3);
    loss = kind == 0 ? kNan : kind == 1 ? kInf : -kInf;
  }
  return losses;
}

void Simulation::idle(std::size_t worker, std::int64_t delay_s) {
  Worker& w = workers_[worker];
  w.training = false;
  w.waits_for = kNone;
  at(delay_s, {.what = What::kWake, .worker = worker, .life = w.life});
}

void Simulation::wake(std::size_t worker) {
  if (workers_[worker].training) return step(worker);
  if (!ending_) ask(worker);
}

void Simulation::ask(std::size_t worker) {
  Worker& w = workers_[worker];
  Message message{.call = Call::kAsk};
  if (!w.held && !happens(schedule_.nameless)) {
    // After "nothing" it may ask under the same name again.
    if (w.request.empty() || chance(random_, 0.5))
      w.request = "w" + std::to_string(worker) + "." + std::to_string(w.requests++);
    message.text = w.request;
  }
  if (w.held && happens(schedule_.proposal)) message.config = any_config();
  send(worker, std::move(message));
}

// One step of the training, or something that comes in between.
void Simulation::step(std::size_t worker) {
  Worker& w = workers_[worker];
  const auto about = [&w](Call call) { return Message{.call = call, .trial = w.job.trial, .attempt = w.attempt}; };
  if (happens(schedule_.stray)) stray();
  if (!w.held && happens(schedule_.worker_crash)) {
    // Its successor knows nothing; what it has sent is still on its way.
    w = {.life = w.life + 1, .requests = w.requests};
    return idle(worker, between(random_, 1, 40));
  }
  if (happens(schedule_.hang)) return at(between(random_, 5, 60), {.what = What::kWake, .worker = worker, .life = w.life});
  Message message = about(Call::kHeartbeat);
  if (happens(schedule_.fail)) {
    message.call = Call::kFail;
    message.text = "failure " + std::to_string(random_.below(10));
  } else if (happens(schedule_.release)) {
    message.call = Call::kRelease;
  } else if (happens(schedule_.note)) {
    message.call = Call::kNote;
    message.text = "note " + std::to_string(random_.below(3));
  } else if (w.fulfilled || w.resource >= w.job.to_resource) {
    message.call = Call::kTell;
  } else if (!happens(0.1)) {
    message.call = Call::kReport;
    message.resource = std::min(w.resource + schedule_.stride, w.job.to_resource);
    message.losses = any_losses();
  }
  send(worker, std::move(message));
}

void Simulation::answered(std::size_t worker, const Message& message, const Answer& answer) {
  Worker& w = workers_[worker];
  const auto go_on = [&](std::int64_t most_s) {
    at(between(random_, 0, most_s), {.what = What::kWake, .worker = worker, .life = w.life});
  };
  if (answer.kind == Answer::Kind::kOver) return idle(worker, between(random_, 0, 2));
  if (answer.kind == Answer::Kind::kNothing) return idle(worker, between(random_, 1, 12));
  if (answer.kind == Answer::Kind::kWrong)
    return send(worker, {.call = Call::kFail, .trial = w.job.trial, .attempt = w.attempt, .text = "wrong"});
  switch (message.call) {
    case Call::kAsk:
      w.request.clear();
      w.training = true;
      w.fulfilled = false;
      w.job = answer.job;
      w.attempt = answer.attempt;
      w.resource = happens(schedule_.damaged) ? 0 : scheduler_.checkpoint_resource(w.job.trial);
      return go_on(3);
    case Call::kReport:
      w.resource = message.resource;
      w.fulfilled = !answer.go_on;
      if (!chance(random_, schedule_.checkpoint)) return go_on(4);
      return send(worker, {.call = Call::kCheckpoint,
                           .trial = w.job.trial,
                           .attempt = w.attempt,
                           .resource = w.resource,
                           .text = "sha" + std::to_string(random_.below(100)),
                           .bytes = between(random_, 1, 100)});
    case Call::kCheckpoint:
      drop_a_checkpoint();
      return go_on(2);
    case Call::kTell:
    case Call::kFail:
    case Call::kRelease:
      return idle(worker, between(random_, 0, 3));
    default:
      return go_on(6);
  }
}

// Anything, most often about something that is over.
void Simulation::stray() {
  constexpr std::array<Call, 7> kCalls = {Call::kReport,  Call::kHeartbeat, Call::kTell,      Call::kFail,
                                          Call::kRelease, Call::kNote,      Call::kCheckpoint};
  const Model& model = scheduler_.model();
  Message message{.call = kCalls[random_.below(kCalls.size())], .trial = between(random_, -1, model.trials())};
  const bool known = message.trial >= 0 && message.trial < model.trials();
  const auto attempts = known ? static_cast<std::int64_t>(model.at(message.trial).attempts.size()) : 1;
  message.attempt =
      static_cast<int>(chance(random_, 0.7) ? between(random_, 0, attempts - 1) : between(random_, 0, attempts + 1));
  message.resource = between(random_, 0, schedule_.hyperband.max_resource + 1);
  message.losses = any_losses();
  if (chance(random_, 0.02)) message.losses.push_back(0.0);
  message.text = "stray";
  message.bytes = between(random_, 1, 100);
  scheduler_.witness.sent(message);
  sent_.push_back({std::move(message)});
  at(between(random_, 0, 10), {.what = What::kDeliver, .message = sent_.size() - 1});
}

}  // namespace quorate::simulation
