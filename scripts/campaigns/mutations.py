"""The bugs that mutate.py plants, each a small and likely one. `old` is once in the file."""

from __future__ import annotations

from dataclasses import dataclass

LEDGER = "src/search/ledger.cc"
REPLAY = "src/search/ledger_replay.cc"
VIEW = "src/search/ledger_view.cc"
MACHINE = "src/search/async_hyperband.cc"
RUNG = "src/search/rung.h"
LOSSES = "src/search/loss_rung.cc"
ORDER = "src/search/loss_rung.h"
PARETO = "src/search/pareto_rung.cc"


@dataclass(frozen=True)
class Mutation:
    bug: str
    file: str
    old: str
    new: str


# By file, so that one build differs from the one before it in as little as can be.
MUTATIONS = [
    # Who goes on.
    Mutation("the quota is rounded up", RUNG, "eta_.divide(size())", "eta_.divide(size() + 1)"),
    Mutation("ties go to the later trial", ORDER, "a.trial < b.trial", "a.trial > b.trial"),
    Mutation("a loss of -inf is promoted", LOSSES, "if (std::isfinite(loss)) {", "if (loss < 1e300) {"),
    Mutation(
        "a better loss does not displace the worst of the best",
        LOSSES,
        "Better()(entry, best_.top())",
        "Better()(best_.top(), entry)",
    ),
    Mutation(
        "a trial that was pushed out and came back is promoted twice",
        LOSSES,
        "(places_[ready_.top().place] & (kBest | kTaken)) != kBest",
        "!(places_[ready_.top().place] & kBest)",
    ),
    Mutation("a failed trial keeps its place", LOSSES, "if (places_[place] & kBest) --best_count_;", ""),
    Mutation(
        "nobody moves up to the place of a failed trial",
        LOSSES,
        "places_[place] = kRemoved;\n  fill();",
        "places_[place] = kRemoved;",
    ),
    Mutation(
        "with several losses, the later trial of a front goes first",
        PARETO,
        "a.taken < b.taken : a.trial < b.trial",
        "a.taken < b.taken : a.trial > b.trial",
    ),
    Mutation("with several losses, one finite one is enough", PARETO, "std::all_of(losses", "std::any_of(losses"),
    Mutation(
        "a failed trial is not taken from its rung",
        MACHINE,
        "at(trial.bracket, trial.measured).remove(trial.place);",
        "",
    ),
    Mutation(
        "promotions to the lowest rung come first",
        MACHINE,
        "above * (top() + 1) - above * (above - 1) / 2 + bracket",
        "rung * (rung + 1) / 2 + 0 * above + bracket",
    ),
    Mutation("a rung is not looked at again after a failure", MACHINE, "look_at(trial.bracket, trial.measured);", ""),
    Mutation("in mode stop the first at a rung is stopped", RUNG, "Mode::kStop ? 1 : 0", "Mode::kStop ? 0 : 0"),
    Mutation("in mode delay one more goes on", RUNG, "taken_ >= quota()", "taken_ > quota()"),
    Mutation("in mode delay a failed trial's place stays taken", RUNG, "    --taken_;\n", ""),
    Mutation("a loss stands in for that of a skipped rung", MACHINE, "|| *found != resource) return", ") return"),
    Mutation(
        "a drawn configuration depends on what is enqueued",
        MACHINE,
        "random_for(options.seed, trial, Purpose::kConfig)",
        "random_for(options.seed, trial + static_cast<std::int64_t>(queue.size()), Purpose::kConfig)",
    ),
    Mutation(
        "a bracket depends on how many configurations were enqueued",
        MACHINE,
        "random_for(options.seed, trial, Purpose::kBracket)",
        "random_for(options.seed, trial + static_cast<std::int64_t>(given.size()), Purpose::kBracket)",
    ),
    Mutation(
        "the last that was enqueued is taken first",
        MACHINE,
        "std::move(queue.front()));\n      queue.pop_front();",
        "std::move(queue.back()));\n      queue.pop_back();",
    ),
    # Attempts, leases, reports.
    Mutation(
        "a lease lasts a moment too long", LEDGER, "record.deadline_s > now.steady_s", "record.deadline_s >= now.steady_s"
    ),
    Mutation(
        "a report does not renew the lease",
        LEDGER,
        "heartbeat(trial, attempt, now);\n    if (resource == to)",
        "check_open(trial, attempt);\n    if (resource == to)",
    ),
    Mutation(
        "a heartbeat does not renew the lease",
        LEDGER,
        "Record& record = open_record(trial, attempt);\n  record.deadline_s = now.steady_s + record.lease_s;",
        "const Record& record = open_record(trial, attempt);\n  static_cast<void>(record.lease_s + now.steady_s);",
    ),
    Mutation(
        "an attempt that is over may still report",
        LEDGER,
        "heartbeat(trial, attempt, now);\n    if (resource == to)",
        "if (is_open(trial, attempt)) heartbeat(trial, attempt, now);\n    if (resource == to)",
    ),
    Mutation(
        "an earlier attempt passes for the one that is open",
        LEDGER,
        "return record.running && attempt == static_cast<int>(record.attempts.size());",
        "return record.running && attempt <= static_cast<int>(record.attempts.size());",
    ),
    Mutation(
        "a late attempt is answered with what its successor reported",
        LEDGER,
        "known != nullptr && known->attempt <= attempt",
        "known != nullptr",
    ),
    Mutation(
        "a repeated tell is refused",
        LEDGER,
        "if (repeated(trial, attempt, Outcome::kDone)) return std::nullopt;",
        "",
    ),
    Mutation(
        "a repeated failure is refused",
        LEDGER,
        "if (repeated(trial, attempt, Outcome::kFailed)) return std::nullopt;",
        "",
    ),
    Mutation("failures are not counted", LEDGER, "++record.failures < max_attempts", "record.failures + 1 < max_attempts"),
    Mutation(
        "a job is tried once too often", LEDGER, "++record.failures < max_attempts", "record.failures++ < max_attempts"
    ),
    Mutation("failures count for the trial, not for the job", LEDGER, "record.failures = 0;", ""),
    Mutation(
        "a job counts as reported when it begins",
        LEDGER,
        "record.failures = 0;\n  record.fulfilled = false;",
        "record.failures = 0;",
    ),
    Mutation("the latest of those that wait is first", LEDGER, "at(*waiting_.begin())", "at(*waiting_.rbegin())"),
    Mutation(
        "promotions come before what waits",
        LEDGER,
        "if (!waiting_.empty())",
        "if (!waiting_.empty() && !machine_.can_resume())",
    ),
    Mutation("the next attempt goes on with the last one's order", LEDGER, "record.last_resource = 0;\n", ""),
    Mutation(
        "a stopped trial is told to go on",
        LEDGER,
        "resource < std::min(to, record.stopped_at.value_or(to))",
        "resource < to",
    ),
    Mutation("what comes late is told to the rungs", LEDGER, "if (highest && machine_", "if (machine_"),
    Mutation("an attempt's lease outlives it", LEDGER, "leased_.erase(record.job.trial);", ""),
    Mutation(
        "a released job is lost",
        LEDGER,
        "if (record.open) waiting_.insert(record.job.trial);",
        "if (record.open && outcome != Outcome::kReleased) waiting_.insert(record.job.trial);",
    ),
    Mutation(
        "a proposal stays when something was enqueued", LEDGER, "if (proposal && machine_.queued() == 0)", "if (proposal)"
    ),
    Mutation("the log does not say what a request was called", LEDGER, ".request = holder.request,", ".request = {},"),
    Mutation("the log does not have the other losses", LEDGER, ".more = loss.more,", ".more = {},"),
    Mutation(
        "a replaced checkpoint still counts",
        LEDGER,
        "checkpoint.bytes - (record.checkpoint ? record.checkpoint->bytes : 0)",
        "checkpoint.bytes",
    ),
    Mutation("a dropped checkpoint still counts", LEDGER, "checkpoint_bytes_ -= record.checkpoint->bytes;", ""),
    # Opening again.
    Mutation(
        "opening takes nothing from the queue",
        REPLAY,
        "const bool queued = machine_.queued() > 0;",
        "const bool queued = false;",
    ),
    Mutation(
        "opening leaves dead attempts running",
        REPLAY,
        "else\n      end_attempt(record, Outcome::kReleased",
        "else if (record.attempts.empty())\n      end_attempt(record, Outcome::kReleased",
    ),
    Mutation(
        "opening does not begin leases anew",
        REPLAY,
        "record.deadline_s = now.steady_s + record.lease_s;",
        "record.deadline_s += now.steady_s * 0.0;",
    ),
    Mutation("opening gives a job up one failure early", REPLAY, ".failures + 2 : 0", ".failures + 1 : 0"),
    Mutation("opening counts a dead attempt twice", REPLAY, "end_attempt(*record, Outcome::kReleased, now);", ""),
    Mutation(
        "opening forgets requests",
        REPLAY,
        "const Holder holder{event.lease_s, event.request};",
        "const Holder holder{event.lease_s, {}};",
    ),
    # What is counted.
    Mutation("a failed trial can be the best", VIEW, "now != TrialState::kFailed && loss", "loss"),
    Mutation("a loss of -inf can be the best", VIEW, "if (std::isfinite(loss->loss))", "if (loss->loss < 1e300)"),
    Mutation("a study with waiting jobs is finished", VIEW, "running_ == 0 && waiting_.empty() &&", "running_ == 0 &&"),
    Mutation(
        "an earlier attempt's token is of the newest job",
        VIEW,
        "job.to_resource = to_resource(record, attempt);",
        "to_resource(record, attempt);",
    ),
    Mutation(
        "a state that a trial has left still counts",
        VIEW,
        "if (record.counted) --states_",
        "if (record.counted == TrialState::kRunning) --states_",
    ),
]
