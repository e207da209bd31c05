#include "search/library_retention.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string_view>

namespace quorate {
namespace {

std::vector<std::uint64_t> wrong_answers(const Predictions& predictions) {
  std::vector<std::int32_t> answers(predictions.samples());
  std::vector<float> confidence(predictions.samples());
  predictions.read_answers(0, answers, confidence);
  std::vector<std::uint64_t> wrong((answers.size() + 63) / 64);
  for (std::size_t s = 0; s < answers.size(); ++s)
    wrong[s / 64] |= std::uint64_t{answers[s] != predictions.labels()[s]} << (s % 64);
  return wrong;
}

// Whoever holds the library may remove a model at any moment; then there is nothing to do for it here.
template <class Act>
void unless_removed(const ModelLibrary& library, const std::string& name, const Act& act) {
  try {
    act();
  } catch (const std::invalid_argument&) {
    if (library.contains(name)) throw;
  }
}

}  // namespace

std::vector<std::string> LibraryRetention::enforce(const Loss& loss) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> removed;
  if (options_.last_only) removed = superseded_models(library_.names());
  for (const std::string& name : removed) remove(name);
  if (!options_.max_bytes) return removed;

  look();
  if (bytes_ <= *options_.max_bytes) return removed;
  for (const std::string& name : library_.names())
    if (const auto known = known_.find(name); known != known_.end() && !known->second.weighed) weigh(name, loss);
  while (bytes_ > *options_.max_bytes) {
    const std::optional<std::string> name = order_.first();
    if (!name) break;
    remove(*name);
    removed.push_back(*name);
  }
  return removed;
}

// Takes note of what has come and gone.
void LibraryRetention::look() {
  const std::vector<std::string> names = library_.names();
  const std::set<std::string_view> here(names.begin(), names.end());
  for (auto known = known_.begin(); known != known_.end();) {
    const auto next = std::next(known);
    if (!here.contains(known->first)) forget(known);
    known = next;
  }
  for (const std::string& name : names) {
    if (known_.contains(name) || !parse_model_name(name)) continue;
    unless_removed(library_, name, [&] {
      const ModelLibrary::Entry entry = library_.entry(name);
      if (!split_ && !entry.splits.empty()) split_ = entry.splits.front();
      known_[name].bytes = entry.bytes;
      bytes_ += entry.bytes;
    });
  }
}

void LibraryRetention::weigh(const std::string& name, const Loss& loss) {
  unless_removed(library_, name, [&] {
    const ModelLibrary::Entry entry = library_.entry(name);
    DropOrder::Model model{name, loss(*parse_model_name(name)), entry.cost, {}};
    if (split_ && std::ranges::binary_search(entry.splits, *split_))
      model.wrong = wrong_answers(library_.predictions(*split_, {name}));
    order_.add(std::move(model));
    known_[name].weighed = true;
  });
}

void LibraryRetention::remove(const std::string& name) {
  unless_removed(library_, name, [&] { library_.remove(name); });
  if (const auto known = known_.find(name); known != known_.end()) forget(known);
}

void LibraryRetention::forget(std::map<std::string, Known>::iterator known) {
  bytes_ -= known->second.bytes;
  if (known->second.weighed) order_.remove(known->first);
  known_.erase(known);
}

}  // namespace quorate
