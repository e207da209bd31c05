// Many simulated studies, on all cores: quorate_search_campaign --seed 0 --count 1000000. Exit code 1 and the seeds where
// something that must never be was.
#include <atomic>
#include <chrono>
#include <iostream>
#include <mutex>
#include <thread>

#include "search/simulation/simulation.h"

namespace quorate::simulation {
namespace {

struct Arguments {
  std::uint64_t seed = 0;
  std::int64_t count = 10'000;
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::int64_t most_violations = 5;  // after so many it stops
  bool trace = false;                // say what happens: one seed, one thread
};

Arguments parse(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--trace") {
      arguments.trace = true;
      continue;
    }
    require(i + 1 < count, word, " needs a value, or is none of --seed --count --threads --most-violations --trace");
    const std::string value = words[++i];
    if (word == "--seed")
      arguments.seed = std::stoull(value);
    else if (word == "--count")
      arguments.count = std::stoll(value);
    else if (word == "--threads")
      arguments.threads = std::stoi(value);
    else if (word == "--most-violations")
      arguments.most_violations = std::stoll(value);
    else
      require(false, word, " is none of --seed --count --threads --most-violations --trace");
  }
  return arguments;
}

struct Campaign {
  explicit Campaign(const Arguments& a) : arguments(a) {}

  void work() {
    Tally mine;
    for (std::int64_t i; violations < arguments.most_violations && (i = next++) < arguments.count;) {
      const std::uint64_t seed = arguments.seed + static_cast<std::uint64_t>(i);
      const std::string violation = violation_of(seed, mine, arguments.trace ? &std::cout : nullptr);
      if (violation.empty()) continue;
      ++violations;
      const std::lock_guard guard(mutex);
      std::cout << "seed " << seed << ": " << violation << "\n    replay: --seed " << seed << " --count 1 --trace\n";
    }
    const std::lock_guard guard(mutex);
    tally += mine;
  }

  Arguments arguments;
  std::atomic<std::int64_t> next = 0, violations = 0;
  std::mutex mutex;
  Tally tally;
};

int run(const Arguments& arguments) {
  Campaign campaign(arguments);
  const auto began = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < (arguments.trace ? 1 : arguments.threads); ++i)
      threads.emplace_back([&campaign] { campaign.work(); });
  }
  const double took_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const Tally& tally = campaign.tally;
  std::cout << "schedules " << tally.schedules << " from seed " << arguments.seed << " in " << took_s << " s\n"
            << "violations " << campaign.violations << "\ncalls " << tally.calls << "\n";
  for (std::size_t kind = 0; kind < tally.events.size(); ++kind)
    std::cout << "events: " << to_text(static_cast<EventKind>(kind)) << " " << tally.events[kind] << "\n";
  std::cout << "promotions " << tally.promotions << "\nscheduler crashes " << tally.crashes << "\nof these at a write "
            << tally.crashes_at_write << "\nevents lost by them " << tally.events_lost << "\nmessages lost "
            << tally.messages_lost << "\nmessages repeated " << tally.messages_repeated << "\nleases run out "
            << tally.expired << "\nanswers \"over\" " << tally.over << "\nother refusals " << tally.wrong << "\n";
  return campaign.violations == 0 ? 0 : 1;
}

}  // namespace
}  // namespace quorate::simulation

int main(int count, char** words) {
  try {
    return quorate::simulation::run(quorate::simulation::parse(count, words));
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
