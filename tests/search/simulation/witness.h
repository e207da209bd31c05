// What the workers were told, and what was written: it has to stay true whatever happens to the scheduler.
#pragma once

#include <map>
#include <tuple>

#include "search/simulation/message.h"

namespace quorate::simulation {

class Witness {
 public:
  // A worker is about to say this, once or more often.
  void sent(const Message& m) {
    if (m.call == Call::kReport) sent_[{m.trial, m.attempt, m.resource}].push_back(m.losses);
  }

  void written(const Event& event) {
    if (event.kind != EventKind::kReport) return;
    std::vector<double> losses = {event.loss};
    losses.insert(losses.end(), event.more.begin(), event.more.end());
    const auto& said = sent_[{event.trial, event.attempt, event.resource}];
    if (std::none_of(said.begin(), said.end(), [&](const auto& other) { return same(other, losses); }))
      fail("the log has ", to_text(event), ", which that attempt never said");
    const bool first = losses_.emplace(std::pair(event.trial, event.resource), losses).second;
    check(first, "the log has a second loss of trial ", event.trial, " at resource ", event.resource);
  }

  // A worker has this answer, and what it follows from is written.
  void acknowledged(const Message& m, const Answer& answer) {
    if (answer.kind == Answer::Kind::kOver || answer.kind == Answer::Kind::kWrong) return;
    if (m.call == Call::kAsk && !m.text.empty() && answer.kind == Answer::Kind::kOk) {
      const auto [first, fresh] = asked_.try_emplace(m.text, answer.job, answer.attempt);
      check(first->second == std::pair(answer.job, answer.attempt), "request ", m.text, " is attempt ", answer.attempt,
            " of trial ", answer.job.trial, ", but was attempt ", first->second.second, " of trial ",
            first->second.first.trial);
    }
    if (m.call == Call::kReport) {
      const auto [first, fresh] = reported_.try_emplace({m.trial, m.attempt, m.resource}, answer.go_on);
      check(first->second == answer.go_on, "attempt ", m.attempt, " of trial ", m.trial, " was told to ",
            first->second ? "go on" : "stop", " at resource ", m.resource, ", and then the contrary");
    }
    if (m.call == Call::kTell || m.call == Call::kFail || m.call == Call::kRelease) {
      const auto [first, fresh] = ended_.try_emplace({m.trial, m.attempt}, m.call);
      check(first->second == m.call, "attempt ", m.attempt, " of trial ", m.trial, " ended by ", to_text(m.call),
            ", but had ended by ", to_text(first->second));
    }
  }

  // Of every attempt whose end was acknowledged, and every loss that was written.
  void check_all(const Ledger& ledger) const {
    for (const auto& [attempt, call] : ended_)
      check(!ledger.is_open(attempt.first, attempt.second), "attempt ", attempt.second, " of trial ", attempt.first,
            " is open, but its ", to_text(call), " was acknowledged");
    for (const auto& [request, first] : asked_)
      check(ledger.asked(request) == std::pair(first.first.trial, first.second), "request ", request, " is forgotten");
    std::size_t known = 0;
    for (std::int64_t number = 0; number < ledger.machine().trials(); ++number) known += ledger.trial(number).losses.size();
    check(known == losses_.size(), "the ledger has ", known, " losses, but ", losses_.size(), " were written");
    for (const auto& [where, losses] : losses_) {
      const Trial trial = ledger.trial(where.first);
      const auto found = trial.losses.find(where.second);
      check(found != trial.losses.end() && same(found->second, losses[0]), "trial ", where.first,
            " no longer has the loss at resource ", where.second, " that was acknowledged");
    }
  }

 private:
  using Report = std::tuple<std::int64_t, int, std::int64_t>;  // trial, attempt, resource
  std::map<Report, std::vector<std::vector<double>>> sent_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<double>> losses_;
  std::map<std::string, std::pair<Job, int>> asked_;
  std::map<Report, bool> reported_;
  std::map<std::pair<std::int64_t, int>, Call> ended_;
};

}  // namespace quorate::simulation
