// A ledger whose events are kept, as a study keeps them.
#pragma once

#include <gtest/gtest.h>

#include "search/ledger.h"

namespace quorate {

inline Now at(double seconds) { return {seconds, 1'000'000.0 + seconds}; }

class LedgerTest : public testing::Test {
 protected:
  // Rungs at 1, 3 and 9.
  explicit LedgerTest(Mode mode = Mode::kPromote) : options_{.max_resource = 9, .mode = mode, .seed = 1} {}

  Ledger::Started begin(const Holder& holder = {.lease_s = 10.0}, double now_s = 0.0) {
    Ledger::Started started = ledger_.begin(holder, at(now_s));
    log_.push_back(started.event);
    return started;
  }
  std::optional<Ledger::Started> resume(double now_s = 0.0) {
    auto started = ledger_.resume({.lease_s = 10.0}, at(now_s));
    if (started) log_.push_back(started->event);
    return started;
  }
  // A new trial of bracket 0: those of others fail.
  Job begin_in_lowest() {
    for (;;) {
      const Ledger::Started started = begin();
      if (started.job.bracket == 0) return started.job;
      fail(started.job.trial, 1, 1);
    }
  }
  bool report(std::int64_t trial, int attempt, std::int64_t resource, double loss, double now_s = 0.0) {
    const auto reported = ledger_.report(trial, attempt, resource, {&loss, 1}, at(now_s));
    if (reported.event) log_.push_back(*reported.event);
    return reported.go_on;
  }
  void fail(std::int64_t trial, int attempt, int max_attempts) {
    log_.push_back(ledger_.failed(trial, attempt, "why", max_attempts, at(0.0)).value());
  }
  void finish(std::int64_t trial, int attempt) { log_.push_back(ledger_.done(trial, attempt, at(0.0)).value()); }
  void finish(const Job& job, double loss) {
    report(job.trial, 1, job.to_resource, loss);
    finish(job.trial, 1);
  }
  Ledger replayed() {
    Ledger ledger(space_, options_);
    for (const Event& event : log_) ledger.apply(event);
    return ledger;
  }

  Space space_{{{"x", Float{0.0, 1.0}}}};
  HyperbandOptions options_;
  Ledger ledger_{space_, options_};
  std::vector<Event> log_;
};

class StoppingLedgerTest : public LedgerTest {
 protected:
  StoppingLedgerTest() : LedgerTest(Mode::kStop) {}
};

}  // namespace quorate
