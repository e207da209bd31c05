// The words for the choices of a search, as bindings, files and messages have them.
#include <array>
#include <utility>

#include "core/message.h"
#include "quorate/search/study.h"

namespace quorate {
namespace {

template <class Choice, std::size_t count>
using Words = std::array<std::pair<Choice, std::string_view>, count>;

constexpr Words<Mode, 3> kModes = {{{Mode::kPromote, "promote"}, {Mode::kDelay, "delay"}, {Mode::kStop, "stop"}}};
constexpr Words<Sampling, 2> kSamplings = {{{Sampling::kRandom, "random"}, {Sampling::kSobol, "sobol"}}};
constexpr Words<Durability, 2> kDurabilities = {{{Durability::kProcess, "process"}, {Durability::kPower, "power"}}};
constexpr Words<Keep, 2> kKeeps = {{{Keep::kRungs, "rungs"}, {Keep::kLast, "last"}}};
constexpr Words<TrialState, 6> kStates = {{{TrialState::kRunning, "running"},
                                           {TrialState::kWaiting, "waiting"},
                                           {TrialState::kPaused, "paused"},
                                           {TrialState::kCompleted, "completed"},
                                           {TrialState::kStopped, "stopped"},
                                           {TrialState::kFailed, "failed"}}};

template <class Choice, std::size_t count>
std::string_view word(const Words<Choice, count>& words, Choice choice) {
  for (const auto& [known, text] : words)
    if (known == choice) return text;
  return "";
}

template <class Choice, std::size_t count>
Choice choice(const Words<Choice, count>& words, const char* what, std::string_view name) {
  std::string known;
  for (std::size_t i = 0; i < count; ++i) {
    if (words[i].second == name) return words[i].first;
    known += message(i == 0 ? "" : i + 1 == count ? " or " : ", ", '"', words[i].second, '"');
  }
  throw std::invalid_argument(message(what, " is \"", name, "\", but must be ", known));
}

}  // namespace

std::string_view to_text(Mode mode) { return word(kModes, mode); }
std::string_view to_text(Sampling sampling) { return word(kSamplings, sampling); }
std::string_view to_text(Durability durability) { return word(kDurabilities, durability); }
std::string_view to_text(Keep keep) { return word(kKeeps, keep); }
std::string_view to_text(TrialState state) { return word(kStates, state); }

Mode mode_from(std::string_view name) { return choice(kModes, "mode", name); }
Sampling sampling_from(std::string_view name) { return choice(kSamplings, "sampling", name); }
Durability durability_from(std::string_view name) { return choice(kDurabilities, "durability", name); }
Keep keep_from(std::string_view name) { return choice(kKeeps, "keep", name); }

}  // namespace quorate
