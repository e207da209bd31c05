// Kills a process between any two of its system calls.
#pragma once

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

namespace quorate::test {

enum class End { kKilled, kDone, kNoTracing };

// Runs `act` in a child and kills it at its stop number `stops` (each system call stops twice, on entry and on return).
inline End killed_after(int stops, const std::function<void()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(77);
    ::raise(SIGSTOP);
    act();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  for (int stop = 0; stop < stops && WIFSTOPPED(status); ++stop) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    ::waitpid(child, &status, 0);
  }
  if (WIFSTOPPED(status)) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return End::kKilled;
  }
  return WEXITSTATUS(status) == 77 ? End::kNoTracing : End::kDone;
}

}  // namespace quorate::test
