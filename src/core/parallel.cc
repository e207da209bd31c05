#include "quorate/core/parallel.h"

#include <sched.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace quorate {

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t, std::size_t)>& body) {
  if (count == 0) return;
  const std::size_t workers = std::min<std::size_t>(count, threads > 0 ? threads : available_cores());
  if (workers == 1) return body(0, count);

  std::mutex mutex;
  std::exception_ptr first;
  auto run = [&](std::size_t worker) {
    try {
      body(count * worker / workers, count * (worker + 1) / workers);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> pool;
    for (std::size_t worker = 1; worker < workers; ++worker) pool.emplace_back(run, worker);
    run(0);
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace quorate
