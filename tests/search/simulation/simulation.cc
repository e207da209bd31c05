#include "search/simulation/simulation.h"

namespace quorate::simulation {
namespace {

const Space& space() {
  static const Space space({{"n", Int{1, 1'000'000}}});
  return space;
}

constexpr std::int64_t kLongest_s = 50'000;

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  for (std::size_t kind = 0; kind < events.size(); ++kind) events[kind] += other.events[kind];
  schedules += other.schedules;
  calls += other.calls;
  crashes += other.crashes;
  crashes_at_write += other.crashes_at_write;
  events_lost += other.events_lost;
  messages_lost += other.messages_lost;
  messages_repeated += other.messages_repeated;
  over += other.over;
  wrong += other.wrong;
  expired += other.expired;
  promotions += other.promotions;
  return *this;
}

Simulation::Simulation(std::uint64_t seed, std::ostream* trace)
    : random_(seed),
      schedule_(draw_schedule(random_)),
      trace_(trace),
      scheduler_(space(), schedule_.hyperband, trace),
      workers_(static_cast<std::size_t>(schedule_.leased_workers + schedule_.held_workers)) {
  tally_.schedules = 1;
  scheduler_.options = {schedule_.max_attempts, schedule_.lease_s, schedule_.trials};
  steady_from_s_ = between(random_, 0, 100'000);
  time_from_s_ = between(random_, 1, 2'000'000'000);
  for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
    workers_[worker].held = worker < static_cast<std::size_t>(schedule_.held_workers);
    at(between(random_, 0, 3), {.what = What::kWake, .worker = worker});
  }
  at(1, {.what = What::kSecond});
}

void Simulation::at(std::int64_t delay_s, Item item) {
  item.at_s = now_s_ + delay_s;
  item.order = order_++;
  items_.push(item);
}

void Simulation::run() {
  while (!items_.empty()) {
    const Item item = items_.top();
    items_.pop();
    now_s_ = item.at_s;
    check(now_s_ < kLongest_s, "the study does not end");
    const bool alive = item.worker != kNone && item.life == workers_[item.worker].life;
    switch (item.what) {
      case What::kDeliver:
        deliver(item.message);
        break;
      case What::kAnswer:
        if (!alive || workers_[item.worker].waits_for != item.message) break;
        workers_[item.worker].waits_for = kNone;
        answered(item.worker, sent_[item.message].message, replies_[item.answer].answer);
        break;
      case What::kWake:
        if (alive && workers_[item.worker].waits_for == kNone) wake(item.worker);
        break;
      case What::kResend:
        if (!alive || workers_[item.worker].waits_for != item.message) break;
        transmit(item.message);
        at(between(random_, 3, 8), item);
        break;
      case What::kWrite:
        write_due_ = false;
        if (!down_) write();
        break;
      case What::kRestart:
        restart();
        break;
      case What::kSecond:
        second();
        break;
    }
  }
  check_the_end();
}

// The worker waits for the answer, and says it again where there is none.
void Simulation::send(std::size_t worker, Message message) {
  Worker& w = workers_[worker];
  message.held = w.held;
  scheduler_.witness.sent(message);
  w.waits_for = sent_.size();
  sent_.push_back({std::move(message), worker, w.life});
  transmit(w.waits_for);
  if (!w.held) at(between(random_, 4, 9), {.what = What::kResend, .worker = worker, .life = w.life, .message = w.waits_for});
}

void Simulation::transmit(std::size_t message) {
  if (sent_[message].message.held) return at(0, {.what = What::kDeliver, .message = message});
  const int copies = happens(schedule_.repeated) ? 2 : 1;
  tally_.messages_repeated += copies - 1;
  for (int copy = 0; copy < copies; ++copy) {
    if (happens(schedule_.lost)) {
      ++tally_.messages_lost;
      continue;
    }
    at(happens(0.05) ? between(random_, 4, 40) : between(random_, 0, 2), {.what = What::kDeliver, .message = message});
  }
}

void Simulation::deliver(std::size_t message) {
  const Sent& sent = sent_[message];
  // The scheduler's own workers have died with it.
  if (down_ || (sent.message.held && sent.worker != kNone && sent.life != workers_[sent.worker].life)) return;
  if (trace_)
    *trace_ << now_s_ << " s: " << to_text(sent.message.call) << " " << sent.message.trial << ":" << sent.message.attempt
            << " resource " << sent.message.resource << " \"" << sent.message.text << "\"" << std::endl;
  const bool start = sent.message.call == Call::kAsk;
  const Scheduler::Handled handled = scheduler_.handle(sent.message, now());
  ++tally_.calls;
  for (const EventKind kind : handled.events) {
    ++tally_.events[static_cast<std::size_t>(kind)];
    if (start || sent.message.call == Call::kExpire)
      tally_.expired += kind == EventKind::kFailed || kind == EventKind::kGaveUp;
    tally_.promotions += kind == EventKind::kStart && handled.answer.job.from_resource > 0;
  }
  tally_.over += handled.answer.kind == Answer::Kind::kOver;
  tally_.wrong += handled.answer.kind == Answer::Kind::kWrong;
  if (trace_) *trace_ << "    " << to_text(handled.answer.kind) << (handled.answer.go_on ? ", go on" : "") << std::endl;
  // A refusal and the answer to a heartbeat wait for nothing.
  const bool at_once = handled.answer.kind == Answer::Kind::kOver || handled.answer.kind == Answer::Kind::kWrong ||
                       sent.message.call == Call::kHeartbeat;
  unreplied_.push_back(replies_.size());
  replies_.push_back({message, handled.answer, at_once ? 0 : handled.ticket});
  if (!schedule_.group_commit) {
    write();
  } else if (!write_due_) {
    write_due_ = true;
    at(between(random_, 0, 2), {.what = What::kWrite});
    reply();
  }
}

// Of the scheduler itself, or of somebody who does not wait for the answer.
void Simulation::direct(Message message) {
  scheduler_.witness.sent(message);
  sent_.push_back({std::move(message)});
  deliver(sent_.size() - 1);
}

void Simulation::write() {
  if (scheduler_.pending() > 0 && happens(schedule_.crash_at_write)) {
    ++tally_.crashes_at_write;
    scheduler_.write(random_.below(scheduler_.pending() + 1));
    if (chance(random_, 0.5)) reply();
    return crash();
  }
  scheduler_.write(scheduler_.pending());
  reply();
  look_whether_finished();
}

// Gives the answers whose events are written.
void Simulation::reply() {
  std::erase_if(unreplied_, [&](std::size_t index) {
    const Reply& reply = replies_[index];
    if (reply.ticket > scheduler_.written()) return false;
    const Sent& sent = sent_[reply.message];
    scheduler_.witness.acknowledged(sent.message, reply.answer);
    if (sent.worker == kNone) return true;
    if (!sent.message.held && happens(schedule_.lost)) {
      ++tally_.messages_lost;
      return true;
    }
    at(sent.message.held ? 0 : between(random_, 0, 2),
       {.what = What::kAnswer, .worker = sent.worker, .life = sent.life, .message = reply.message, .answer = index});
    return true;
  });
}

void Simulation::crash() {
  if (trace_) *trace_ << now_s_ << " s: the scheduler dies" << std::endl;
  ++tally_.crashes;
  tally_.events_lost += static_cast<std::int64_t>(scheduler_.pending());
  down_ = true;
  unreplied_.clear();
  for (Worker& worker : workers_)
    if (worker.held) worker = {.held = true, .life = worker.life + 1};
  at(between(random_, 0, 30), {.what = What::kRestart});
}

void Simulation::restart() {
  if (trace_) *trace_ << now_s_ << " s: the scheduler is back" << std::endl;
  down_ = false;
  // Another machine, perhaps, whose clocks show something else.
  steady_from_s_ = between(random_, 0, 100'000);
  if (chance(random_, 0.5)) time_from_s_ += between(random_, -1000, 1000);
  if (happens(schedule_.other_options)) {
    scheduler_.options.max_attempts = static_cast<int>(between(random_, 1, 3));
    scheduler_.options.lease_s = static_cast<double>(between(random_, 5, 20));
  }
  scheduler_.crash_and_recover(now());
  for (std::size_t worker = 0; worker < workers_.size(); ++worker)
    if (workers_[worker].held) idle(worker, between(random_, 0, 3));
  look_whether_finished();
}

// What comes of itself from time to time.
void Simulation::second() {
  if (ending_) return;
  at(3, {.what = What::kSecond});
  if (down_) return;
  if (happens(schedule_.crash)) return crash();
  if (schedule_.held_workers > 0) direct({.call = Call::kExpire, .held = true});
  if (!down_ && happens(schedule_.enqueue)) direct({.call = Call::kEnqueue, .config = any_config()});
  const bool holds = std::any_of(workers_.begin(), workers_.end(), [](const Worker& w) { return w.held && w.training; });
  if (!down_ && !holds && scheduler_.pending() == 0 && happens(0.02)) scheduler_.check_replay(now(), false);
}

// Where all of them take too much room: the one that is least likely to be needed.
void Simulation::drop_a_checkpoint() {
  const Model& model = scheduler_.model();
  if (down_ || model.checkpoint_bytes() <= schedule_.checkpoint_bytes) return;
  for (const std::int64_t trial : scheduler_.least_promising())
    if (model.at(trial).checkpoint_bytes > 0) return direct({.call = Call::kDrop, .trial = trial, .held = true});
}

void Simulation::look_whether_finished() {
  if (ending_ || scheduler_.pending() > 0 || !scheduler_.model().finished(scheduler_.options.trials)) return;
  ending_ = schedule_.more_trials == 0;
  scheduler_.options.trials += std::exchange(schedule_.more_trials, 0);
}

void Simulation::check_the_end() {
  const Model& model = scheduler_.model();
  check(ending_ && !down_ && scheduler_.pending() == 0 && model.finished(scheduler_.options.trials),
        "the study has not finished");
  for (std::int64_t trial = 0; trial < model.trials(); ++trial) {
    const TrialState state = model.state(model.at(trial));
    check(state != TrialState::kRunning && state != TrialState::kWaiting, "trial ", trial, " is still ", to_text(state));
  }
  const Answer answer = scheduler_.handle({.call = Call::kAsk, .text = "one too many"}, now()).answer;
  check(answer.kind == Answer::Kind::kNothing, "a study that has finished hands out a trial");
  scheduler_.check_all();
  scheduler_.check_replay(now(), true);
}

}  // namespace quorate::simulation
