// One study from its first trial to its last, with all that can go wrong around it: seeded, so that it goes wrong in the
// very same way again.
#pragma once

#include <functional>
#include <limits>
#include <queue>

#include "search/simulation/schedule.h"
#include "search/simulation/scheduler.h"

namespace quorate::simulation {

// How often what has happened: a simulation in which nothing goes wrong shows nothing.
struct Tally {
  std::array<std::int64_t, 10> events{};  // [EventKind], as the ledger left them
  std::int64_t schedules = 0;
  std::int64_t calls = 0;
  std::int64_t crashes = 0;  // of the scheduler
  std::int64_t crashes_at_write = 0;
  std::int64_t events_lost = 0;  // by them
  std::int64_t messages_lost = 0;
  std::int64_t messages_repeated = 0;
  std::int64_t over = 0;   // answers that an attempt is over
  std::int64_t wrong = 0;  // other refusals
  std::int64_t expired = 0;
  std::int64_t promotions = 0;

  Tally& operator+=(const Tally& other);
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed, std::ostream* trace = nullptr);

  // Throws Violation.
  void run();
  const Tally& tally() const { return tally_; }

 private:
  struct Worker {
    bool held = false;
    bool training = false;
    bool fulfilled = false;         // all that is left is to tell
    int life = 0;                   // timers and answers of an earlier one are void
    std::size_t waits_for = kNone;  // the message that has no answer yet
    std::string request = {};
    int requests = 0;
    Job job = {};
    int attempt = 0;
    std::int64_t resource = 0;  // that the training stands at
  };
  enum class What { kDeliver, kAnswer, kWake, kResend, kWrite, kRestart, kSecond };
  struct Item {
    std::int64_t at_s = 0;
    std::uint64_t order = 0;
    What what = What::kSecond;
    std::size_t worker = kNone;
    int life = 0;
    std::size_t message = kNone;
    std::size_t answer = kNone;

    bool operator>(const Item& other) const { return at_s != other.at_s ? at_s > other.at_s : order > other.order; }
  };
  struct Sent {
    Message message;
    std::size_t worker = kNone;
    int life = 0;
  };
  struct Reply {
    std::size_t message = kNone;
    Answer answer;
    std::size_t ticket = 0;
  };
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  bool quiet() const { return ending_ || now_s_ >= schedule_.quiet_at_s; }
  bool happens(double probability) { return !quiet() && chance(random_, probability); }
  Now now() const { return {static_cast<double>(now_s_ + steady_from_s_), static_cast<double>(now_s_ + time_from_s_)}; }
  void at(std::int64_t delay_s, Item item);

  // The network.
  void send(std::size_t worker, Message message);
  void transmit(std::size_t message);
  // The scheduler.
  void deliver(std::size_t message);
  void direct(Message message);
  void write();
  void reply();
  void crash();
  void restart();
  void second();
  void drop_a_checkpoint();
  void look_whether_finished();
  void check_the_end();
  // The workers.
  void wake(std::size_t worker);
  void answered(std::size_t worker, const Message& message, const Answer& answer);
  void idle(std::size_t worker, std::int64_t delay_s);
  void ask(std::size_t worker);
  void step(std::size_t worker);
  void stray();
  Config any_config();
  std::vector<double> any_losses();

  Random random_;
  Schedule schedule_;
  std::ostream* trace_;
  Scheduler scheduler_;
  std::vector<Worker> workers_;
  std::deque<Sent> sent_;
  std::deque<Reply> replies_;           // all answers that ever were
  std::vector<std::size_t> unreplied_;  // those that wait for their events to be written
  std::priority_queue<Item, std::vector<Item>, std::greater<>> items_;
  std::uint64_t order_ = 0;
  std::int64_t now_s_ = 0;
  std::int64_t steady_from_s_ = 0, time_from_s_ = 0;
  bool down_ = false, write_due_ = false, ending_ = false;
  Tally tally_;
};

// Empty where all went well, else what went wrong.
inline std::string violation_of(std::uint64_t seed, Tally& tally, std::ostream* trace = nullptr) {
  Simulation simulation(seed, trace);
  std::string violation;
  try {
    simulation.run();
  } catch (const std::exception& error) {
    violation = error.what();
  }
  tally += simulation.tally();
  return violation;
}

}  // namespace quorate::simulation
