// Random schedules, compared with the oracle call by call: several jobs at once, out of order, with failures, retries, ties
// and losses that are not finite.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "oracle/hyperband.h"
#include "quorate/search/async_hyperband.h"

namespace quorate {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Running {
  Job job;
  oracle::Hyperband::Job twin;
  std::int64_t resource = 0;
};

class Schedule {
 public:
  explicit Schedule(std::uint64_t seed)
      : random_(seed, 99),
        eta_thousandths_(eta()),
        options_(options(seed)),
        machine_(Space({{"x", Float{0.0, 1.0}}}), options_),
        expected_(machine_.rungs(), eta_thousandths_, options_.mode) {}

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      if (running_.empty() || (running_.size() < 6 && random_.below(2) == 0))
        hand_out();
      else
        carry_on(running_.begin() + static_cast<std::ptrdiff_t>(random_.below(running_.size())));
      if (step % 50 == 49) {
        EXPECT_EQ(machine_.least_promising(), expected_.least_promising());
      }
    }
  }

 private:
  std::int64_t eta() {
    if (random_.below(2) == 0) return static_cast<std::int64_t>(1500 + 250 * random_.below(11));  // 1.5, 1.75 ... 4
    return static_cast<std::int64_t>(1100 + random_.below(8901));                                 // 1.1 ... 10
  }

  HyperbandOptions options(std::uint64_t seed) {
    const std::uint64_t top = 1 + random_.below(random_.below(2) == 0 ? 40 : 1000);
    return {.min_resource = static_cast<std::int64_t>(1 + random_.below(random_.below(2) == 0 ? 1 : top)),
            .max_resource = static_cast<std::int64_t>(top),
            .eta = static_cast<double>(eta_thousandths_) / 1000.0,
            .mode = static_cast<Mode>(random_.below(3)),
            .seed = seed,
            .objectives = static_cast<int>(1 + random_.below(4))};
  }

  double loss() {
    const std::uint64_t kind = random_.below(24);
    if (kind == 0) return kNan;
    if (kind == 1) return random_.below(2) == 0 ? kInf : -kInf;
    return kind < 14 ? static_cast<double>(random_.below(8)) : random_.normal();  // many ties
  }

  void hand_out() {
    std::optional<Job> job;
    std::optional<oracle::Hyperband::Job> twin;
    if (random_.below(3) == 0) {
      const bool can_resume = machine_.can_resume();
      job = machine_.resume();
      ASSERT_EQ(job.has_value(), can_resume);
      twin = expected_.resume();
      ASSERT_EQ(job.has_value(), twin.has_value());
      if (!job) return;
    } else {
      job = machine_.ask();
      twin = expected_.ask(job->bracket);
    }
    ASSERT_EQ(job->trial, twin->trial);
    ASSERT_EQ(job->bracket, twin->bracket);
    ASSERT_EQ(job->rung, twin->rung);
    ASSERT_EQ(job->attempt, twin->attempt);
    ASSERT_EQ(job->to_resource, machine_.rungs()[static_cast<std::size_t>(job->rung)]);
    const bool promoted = options_.mode != Mode::kStop && job->rung > job->bracket;
    ASSERT_EQ(job->from_resource, promoted ? machine_.rungs()[static_cast<std::size_t>(job->rung) - 1] : 0);
    ASSERT_EQ(job->config, machine_.config(job->trial));
    running_.push_back({*job, *twin, job->from_resource});
  }

  void carry_on(std::vector<Running>::iterator chosen) {
    if (random_.below(8) == 0) {
      const bool retry = random_.below(2) == 0;
      machine_.fail(chosen->job, retry);
      expected_.fail(chosen->twin, retry);
      running_.erase(chosen);
      return;
    }
    chosen->resource = next_resource(chosen->job, chosen->resource);
    std::vector<double> losses;
    for (int j = 0; j < options_.objectives; ++j) losses.push_back(loss());
    const bool go_on = machine_.report(chosen->job, chosen->resource, losses);
    ASSERT_EQ(go_on, expected_.report(chosen->twin, chosen->resource, losses));
    if (!go_on) running_.erase(chosen);
  }

  // The next rung as often as not; else anything up to the job's end.
  std::int64_t next_resource(const Job& job, std::int64_t from) {
    const auto& rungs = machine_.rungs();
    if (random_.below(2) == 0) return *std::upper_bound(rungs.begin(), rungs.end(), from);
    return from + static_cast<std::int64_t>(1 + random_.below(static_cast<std::uint64_t>(job.to_resource - from)));
  }

  Random random_;
  std::int64_t eta_thousandths_;
  HyperbandOptions options_;
  AsyncHyperband machine_;
  oracle::Hyperband expected_;
  std::vector<Running> running_;
};

// QUORATE_SCHEDULES: how many, from which on, e.g. "100000 5000".
TEST(Schedules, EqualTheOracle) {
  std::uint64_t count = 4000, first = 0;
  if (const char* asked = std::getenv("QUORATE_SCHEDULES")) {
    char* rest = nullptr;
    count = std::strtoull(asked, &rest, 10);
    first = std::strtoull(rest, nullptr, 10);
  }
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Schedule(seed).run(250);
  }
}

}  // namespace
}  // namespace quorate
