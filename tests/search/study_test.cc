#include "quorate/search/study.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>

#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "search/folder.h"

namespace quorate {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::ThrowsMessage;

auto says(const std::string& text) { return ThrowsMessage<std::invalid_argument>(HasSubstr(text)); }
auto says_file(const std::string& text) { return ThrowsMessage<FileError>(HasSubstr(text)); }

Space space() { return Space({{"x", Float{0.0, 1.0}}}); }
double loss_of(const TrialJob& job, std::int64_t resource) {
  return std::abs(job.config().get<double>("x") - 0.3) + 1.0 / static_cast<double>(resource);
}

// A training that goes on from its checkpoint, which holds the resource that it stands at.
void train(TrialJob& job) {
  std::int64_t at = 0;
  if (job.checkpoint()) at = std::stoll(read_file(*job.checkpoint()));
  EXPECT_EQ(at, job.checkpoint_resource());
  while (at < job.to_resource()) {
    ++at;
    const bool go_on = job.report(at, loss_of(job, at));
    job.save_checkpoint(std::to_string(at));
    if (!go_on) return;
  }
}

StudyOptions options(Mode mode = Mode::kPromote) { return {.hyperband = {.max_resource = 9, .mode = mode, .seed = 3}}; }

std::vector<std::string> without_attempts(const Study& study) {
  std::vector<std::string> result;
  for (Trial trial : study.trials()) {
    trial.attempts = 0;
    trial.message.clear();
    trial.started_s = trial.changed_s = 0.0;
    result.push_back(to_json(trial));
  }
  return result;
}

class StudyTest : public testing::TestWithParam<Mode> {
 protected:
  const Folder folder_;
};

TEST_P(StudyTest, RunsUntilNothingIsLeftAndComesBackTheSame) {
  std::vector<std::string> before;
  {
    Study study(folder_.path, space(), options(GetParam()));
    study.run(train, {.trials = 40, .workers = 3});
    before = without_attempts(study);
    ASSERT_EQ(before.size(), 40u);
    bool top = false;
    for (const Trial& trial : study.trials()) {
      EXPECT_TRUE(trial.state == TrialState::kCompleted ||
                  trial.state == (GetParam() == Mode::kStop ? TrialState::kStopped : TrialState::kPaused));
      EXPECT_EQ(trial.state == TrialState::kCompleted, trial.losses.contains(9));
      top |= trial.losses.contains(9) && trial.bracket == 0;
    }
    EXPECT_TRUE(top);
  }
  Study again(folder_.path, space(), options(GetParam()));
  EXPECT_EQ(without_attempts(again), before);
  std::atomic<int> calls = 0;
  again.run([&](TrialJob&) { ++calls; }, {.trials = 40});
  EXPECT_EQ(calls, 0);
  again.run(train, {.trials = 45});
  EXPECT_EQ(again.trials().size(), 45u);
}

TEST_P(StudyTest, InterruptionsChangeNothing) {
  const Folder other;
  Study whole(other.path, space(), options(GetParam()));
  whole.run(train, {.trials = 18});

  for (int round = 0; round < 200; ++round) {
    Study study(folder_.path, space(), options(GetParam()));
    std::atomic<int> left = 1 + round % 7;
    std::atomic<bool> stop = false;
    const auto interrupted = [&](TrialJob& job) {
      if (--left < 0) {
        stop = true;
        while (!job.stop_requested()) std::this_thread::yield();
      }
      train(job);
    };
    study.run(interrupted, {.trials = 18, .should_stop = [&] { return stop.load(); }});
    if (!stop) break;
  }
  Study study(folder_.path, space(), options(GetParam()));
  EXPECT_EQ(without_attempts(study), without_attempts(whole));
}

TEST_P(StudyTest, WhatWasAcknowledgedStandsAfterAFailure) {
  Study study(folder_.path, space(), options(GetParam()));
  study.run(
      [](TrialJob& job) {
        for (std::int64_t at = 1; at <= job.to_resource(); ++at) {
          if (!job.report(at, job.attempt() == 1 ? 0.5 : 99.0)) return;
          if (job.attempt() == 1 && at == 1) throw std::runtime_error("no luck");
        }
      },
      {.trials = 5});
  for (const Trial& trial : study.trials()) EXPECT_EQ(trial.losses.at(1), 0.5);
}

INSTANTIATE_TEST_SUITE_P(Modes, StudyTest, testing::Values(Mode::kPromote, Mode::kStop),
                         [](const auto& param) { return param.param == Mode::kStop ? "Stop" : "Promote"; });

TEST(Study, AFailureIsRetriedAndThenForGood) {
  const Folder folder;
  StudyOptions three = options();
  three.max_attempts = 3;
  Study study(folder.path, space(), three);
  study.run([](TrialJob& job) { throw std::runtime_error("attempt " + std::to_string(job.attempt()) + " broke"); },
            {.trials = 2});
  for (const Trial& trial : study.trials()) {
    EXPECT_EQ(trial.state, TrialState::kFailed);
    EXPECT_EQ(trial.attempts, 3);
    EXPECT_EQ(trial.message, "attempt 3 broke");
    EXPECT_THAT(trial.losses, IsEmpty());
  }
  EXPECT_FALSE(study.best());
}

TEST(Study, ReturningEarlyIsAFailureThatSaysSo) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.min_resource = 9, .max_resource = 9}, .max_attempts = 1});
  study.run([](TrialJob& job) { job.report(4, 0.5); }, {.trials = 1});
  const Trial trial = study.trials().at(0);
  EXPECT_EQ(trial.state, TrialState::kFailed);
  EXPECT_EQ(trial.message, "the training function returned at resource 4, but must report up to to_resource, 9");
  EXPECT_EQ(trial.losses.at(4), 0.5);
}

TEST(Study, WhateverIsThrownIsAFailure) {
  const Folder folder;
  Study study(folder.path, space(), {.max_attempts = 1});
  study.run([](TrialJob& job) { job.trial() == 0 ? throw 7 : throw std::runtime_error(""); }, {.trials = 2});
  EXPECT_EQ(study.trials().at(0).message, "the training function threw something that is not a std::exception");
  EXPECT_EQ(study.trials().at(1).message, "the training function threw an exception without a message");
}

TEST(Study, LossesThatAreNotFiniteComeBack) {
  const Folder folder;
  constexpr double inf = std::numeric_limits<double>::infinity();
  const StudyOptions top{.hyperband = {.min_resource = 2, .max_resource = 2}};
  const auto losses = [&](TrialJob& job) {
    job.report(1, job.trial() == 0 ? inf : -inf);
    job.report(2, std::nan(""));
  };
  Study(folder.path, space(), top).run(losses, {.trials = 2});
  const Study study(folder.path, space(), top);
  EXPECT_EQ(study.trials().at(0).losses.at(1), inf);
  EXPECT_EQ(study.trials().at(1).losses.at(1), -inf);
  EXPECT_TRUE(std::isnan(study.trials().at(0).losses.at(2)));
  EXPECT_FALSE(study.best());
}

TEST(Study, BestComparesAtTheHighestResource) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.min_resource = 3, .max_resource = 3}, .max_attempts = 1});
  study.run(
      [](TrialJob& job) {
        job.report(1, job.trial() == 2 ? 0.0 : 1.0);
        job.report(2, 0.5);
        if (job.trial() == 0) throw std::runtime_error("failed");
        job.report(3, job.trial() == 2 ? std::nan("") : 0.7);
      },
      {.trials = 4});
  EXPECT_EQ(study.best()->number, 1);  // 3 has the same loss later, 2 none that is finite at 3, 0 failed
}

TEST(Study, ReportsAreCheckedAndIdempotent) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.min_resource = 9, .max_resource = 9}});
  study.run(
      [](TrialJob& job) {
        EXPECT_THAT([&] { job.report(0, 0.5); }, says("resource is 0, but must be from 1 to 9, the job's to_resource"));
        EXPECT_THAT([&] { job.report(10, 0.5); }, says("resource is 10, but must be from 1 to 9"));
        EXPECT_TRUE(job.report(4, 0.5));
        EXPECT_TRUE(job.report(4, 0.6));
        EXPECT_THAT([&] { job.report(3, 0.5); }, says("resource is 3, but must be at least 4, the last that this attempt"));
        EXPECT_FALSE(job.report(9, 0.5));
      },
      {.trials = 1});
  EXPECT_EQ(study.trials().at(0).losses.at(4), 0.5);
  EXPECT_THAT(study.trials().at(0).losses, ElementsAre(Key(4), Key(9)));
}

TEST(Study, AStoppedTrialGoesNoFurther) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.max_resource = 9, .mode = Mode::kStop}});
  std::atomic<int> stopped = 0;
  study.run(
      [&](TrialJob& job) {
        for (std::int64_t at = 1; at <= 9; ++at)
          if (!job.report(at, static_cast<double>(job.trial()))) {
            if (at == 9) return;
            ++stopped;
            EXPECT_FALSE(job.report(at, 0.0));
            EXPECT_THAT([&] { job.report(at + 1, 0.0); }, says("was stopped at " + std::to_string(at)));
            return;
          }
      },
      {.trials = 20});
  EXPECT_GT(stopped, 10);
}

TEST(Study, AStoppedTrialThatIsHandedOutAgainIsToldSoAgain) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.max_resource = 9, .mode = Mode::kStop}});
  std::atomic<int> stopped = 0;
  study.run(
      [&](TrialJob& job) {
        for (std::int64_t at = job.checkpoint_resource() + 1; at <= 9; ++at) {
          const bool go_on = job.report(at, static_cast<double>(job.trial()));
          if (job.attempt() == 2) {
            EXPECT_FALSE(go_on);
            EXPECT_THAT([&] { job.report(at + 1, 0.0); }, says("was stopped at " + std::to_string(at - 1)));
          }
          if (go_on) continue;
          job.save_checkpoint("x");
          if (at == 9 || job.attempt() == 2) return;
          ++stopped;
          throw std::runtime_error("after the stop");
        }
      },
      {.trials = 20});
  EXPECT_GT(stopped, 10);
  for (const Trial& trial : study.trials())
    if (trial.state == TrialState::kStopped) {
      EXPECT_EQ(trial.message, "after the stop") << trial.number;
      EXPECT_EQ(trial.attempts, 2) << trial.number;
    }
}

TEST(Study, AnAttemptThatIsOverSaysSoAfterAStopToo) {
  const Folder folder;
  Study study(folder.path, space(), options());
  std::optional<TrialJob> late;
  study.run(
      [&](TrialJob& job) {
        late = job;
        while (!job.stop_requested()) std::this_thread::yield();
        EXPECT_THROW(job.report(1, 0.5), StudyStopped);
        EXPECT_THROW(job.save_checkpoint("x"), StudyStopped);
      },
      {.trials = 1, .should_stop = [] { return true; }});
  EXPECT_THAT([&] { late->report(1, 0.5); }, says("attempt 1 of trial 0 is over"));
  EXPECT_THAT([&] { late->save_checkpoint("x"); }, says("attempt 1 of trial 0 is over"));
}

TEST(Study, AnAttemptThatIsOverChangesNothing) {
  const Folder folder;
  std::optional<TrialJob> late;
  {
    Study study(folder.path, space(), {.hyperband = {.min_resource = 9, .max_resource = 9}});
    study.run(
        [&](TrialJob& job) {
          if (job.attempt() == 2) {
            EXPECT_THAT([&] { late->report(5, 0.1); }, says("attempt 1 of trial 0 is over"));
            EXPECT_THAT([&] { late->save_checkpoint("x"); }, says("attempt 1 of trial 0 is over"));
            EXPECT_THAT([&] { late->add_model({}, {}); }, says("attempt 1 of trial 0 is over"));
            job.report(9, 0.2);
            return;
          }
          late = job;
          throw std::runtime_error("gone");
        },
        {.trials = 1});
    EXPECT_THAT(study.trials().at(0).losses, ElementsAre(Key(9)));
    EXPECT_THAT([&] { late->report(9, 0.1); }, says("is over"));
  }
  EXPECT_THAT([&] { late->report(9, 0.1); }, says("is over: its study is closed"));
  EXPECT_TRUE(late->stop_requested());
}

TEST(Study, AddsModelsOnceByName) {
  const Folder folder;
  Study study(folder.path, space(), {.hyperband = {.min_resource = 2, .max_resource = 2}});
  study.library().set_labels("valid", {0, 1});
  const std::vector<float> probs{0.5f, 0.5f, 0.25f, 0.75f};
  study.run(
      [&](TrialJob& job) {
        job.report(2, 0.5);
        EXPECT_EQ(job.add_model({{"valid", {probs.data(), 2, 2}}}, {{"flops", 2.0}}, {}, {{"by", "test"}}), "t0000r2");
        if (job.attempt() == 1) throw std::runtime_error("after the model");
      },
      {.trials = 1});
  ASSERT_THAT(study.library().names(), ElementsAre("t0000r2"));
  const auto entry = study.library().entry("t0000r2");
  EXPECT_EQ(entry.about.at("trial"), "0");
  EXPECT_EQ(entry.about.at("resource"), "2");
  EXPECT_EQ(entry.about.at("config"), to_json(study.trials().at(0).config));
  EXPECT_EQ(entry.about.at("by"), "test");
  EXPECT_EQ(study.trials().at(0).state, TrialState::kCompleted);  // the second attempt had nothing to report
}

TEST(Study, ASeedDependsOnTheTrialAlone) {
  const Folder one, two;
  const auto seeds = [](const std::filesystem::path& path, int workers) {
    std::map<std::int64_t, std::uint64_t> result;
    std::mutex mutex;
    Study(path, space(), options())
        .run(
            [&](TrialJob& job) {
              {
                const std::lock_guard guard(mutex);
                const auto [known, first] = result.emplace(job.trial(), job.seed());
                EXPECT_EQ(known->second, job.seed());
              }
              train(job);
            },
            {.trials = 12, .workers = workers});
    return result;
  };
  EXPECT_EQ(seeds(one.path, 1), seeds(two.path, 4));
}

TEST(Study, ProgressCounts) {
  const Folder folder;
  Study study(folder.path, space(), options());
  std::vector<Progress> seen;
  study.run(train, {.trials = 20, .workers = 2, .on_progress = [&](const Progress& progress) { seen.push_back(progress); }});
  ASSERT_FALSE(seen.empty());
  const Progress& last = seen.back();
  EXPECT_EQ(last.trials, 20);
  EXPECT_EQ(last.best_trial, study.best()->number);
  EXPECT_EQ(last.best_resource, 9);
  EXPECT_EQ(last.best_loss, study.best()->losses.at(9));
  std::int64_t in_all = 0;
  for (const auto& [state, count] : last.states) in_all += count;
  EXPECT_EQ(in_all, 20);
  ASSERT_EQ(last.rungs.size(), 3u);
  for (const Progress::Rung& rung : last.rungs) {
    std::int64_t losses = 0;
    for (const Trial& trial : study.trials())
      losses +=
          trial.losses.contains(rung.resource) && study.rungs()[static_cast<std::size_t>(trial.bracket)] <= rung.resource;
    EXPECT_EQ(rung.losses, losses) << rung.resource;
  }
}

TEST(Study, ExceptionsOfCallbacksReachTheCaller) {
  const Folder folder;
  Study study(folder.path, space(), options());
  EXPECT_THAT(([&] {
                study.run(train,
                          {.trials = 5, .on_progress = [](const Progress&) { throw std::runtime_error("progress"); }});
              }),
              ThrowsMessage<std::runtime_error>("progress"));
  const auto slow = [&](TrialJob& job) {
    while (!job.stop_requested()) std::this_thread::yield();
    job.report(1, 0.5);
  };
  EXPECT_THAT(([&] { study.run(slow, {.trials = 9, .should_stop = []() -> bool { throw std::runtime_error("stop"); }}); }),
              ThrowsMessage<std::runtime_error>("stop"));
  study.run(train, {.trials = 9});
  EXPECT_EQ(study.trials().size(), 9u);
}

TEST(Study, RefusesBadRuns) {
  const Folder folder;
  Study study(folder.path, space(), options());
  EXPECT_THAT([&] { study.run(train, {.trials = -1}); }, says("trials is -1, but must be at least 0"));
  EXPECT_THAT([&] { study.run(train, {.workers = 0}); }, says("workers is 0, but must be at least 1"));
  EXPECT_THAT([&] { study.run(Train(), {}); }, says("train is empty"));
  study.run(
      [&](TrialJob& job) {
        EXPECT_THAT([&] { study.run(train, {.trials = 1}); }, says("is running already"));
        train(job);
      },
      {.trials = 1});
}

TEST(Study, RefusesAnotherStudysFolder) {
  const Folder folder;
  {
    const Study study(folder.path, space(), options());
    EXPECT_THAT([&] { Study(folder.path, space(), options()); }, says_file("is locked by process"));
  }
  const auto open = [&](const Space& other, HyperbandOptions hyperband) {
    return [&folder, other, hyperband] { Study(folder.path, other, {.hyperband = hyperband}); };
  };
  const HyperbandOptions same = options().hyperband;
  const auto with = [&](auto&& change) {
    HyperbandOptions changed = same;
    change(changed);
    return changed;
  };
  EXPECT_THAT(open(space(), with([](auto& o) { o.min_resource = 2; })),
              says("min_resource is 2, but must be 1, as the study in"));
  EXPECT_THAT(open(space(), with([](auto& o) { o.max_resource = 27; })), says("max_resource is 27, but must be 9"));
  EXPECT_THAT(open(space(), with([](auto& o) { o.eta = 4; })), says("eta is 4, but must be 3"));
  EXPECT_THAT(open(space(), with([](auto& o) { o.mode = Mode::kStop; })), says("mode is stop, but must be promote"));
  EXPECT_THAT(open(space(), with([](auto& o) { o.seed = 4; })), says("seed is 4, but must be 3"));
  EXPECT_THAT(open(Space({{"y", Float{}}}), same), says("the name of the space's parameter 0 is y, but must be x"));
  EXPECT_THAT(open(Space({{"x", Float{0.0, 2.0}}}), same),
              says("space[\"x\"] is Float(0.0, 2.0), but must be Float(0.0, 1.0)"));
  EXPECT_THAT(open(Space({{"x", Float{}}, {"y", Float{}}}), same),
              says("the number of the space's parameters is 2, but must be 1"));
  EXPECT_THAT([&] { Study(folder.path, space(), {.hyperband = same, .max_attempts = 0}); }, says("max_attempts is 0"));
  EXPECT_EQ(Study(folder.path).options().hyperband, same);
  const Folder empty;
  EXPECT_THAT([&] { Study(empty.path / "none"); }, says_file("study.db: is missing: there is no study"));
}

}  // namespace
}  // namespace quorate
