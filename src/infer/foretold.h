// How well a committee would answer without some of its members.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"

namespace quorate {

// Safe to call from several threads.
class Foretold {
 public:
  // `names` [models] are what the cascade's members are called. Throws std::invalid_argument for predictions that lack one
  // of them, or have no classes.
  Foretold(const Cascade& cascade, const std::vector<std::string>& names, Predictions held_out);

  // Accuracy on the held-out predictions without the members numbered `lost` (see survivors); nullopt where none is left.
  // O(members x samples x classes), once for each `lost`.
  std::optional<double> accuracy(const std::vector<std::size_t>& lost);

 private:
  Cascade cascade_;
  std::vector<std::size_t> order_;  // [slots], the cascade's numbers of the members, as `names` has them
  Predictions held_out_;
  std::mutex mutex_;
  std::map<std::vector<std::size_t>, std::optional<double>> known_;
};

}  // namespace quorate
