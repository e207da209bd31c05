#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/select/front.h"

namespace quorate {

// How members' predictions become one, with weights w that sum to 1:
//   kMean    "mean"    p[c] = sum of w p_m[c]
//   kLogits  "logits"  p[c] proportional to exp(sum of w log p_m[c]), p_m clipped to at least 1e-15: the mean of logits, as
//                      softmax does not see what a model adds to all of its logits; the normalised geometric mean
//   kVote    "vote"    p[c] = sum of w over the members whose answer is c: shares of a vote
enum class Pooling { kMean, kLogits, kVote };

// Throws std::invalid_argument, listing the names, for any other.
Pooling pooling_from_name(std::string_view name);
std::string_view name_of(Pooling pooling);

// A committee. A plain value: made by select() or by hand.
struct Ensemble {
  std::vector<int> members;     // indices of models, each at most once, ascending
  std::vector<double> weights;  // [members], positive, sum 1
  double loss = 0.0;            // on the data that it was selected on: optimistic, see docs/selecting.md
  double cost = 0.0;            // of one sample through all members: the first cost that select() was given
  std::string found_by = "hand";
  Pooling combine = Pooling::kMean;
  std::map<std::string, double> costs = {};  // by name, where select() was given several; the first is `cost`

  bool operator==(const Ensemble&) const = default;
};

using EnsembleFront = Front<Ensemble>;

// Throws std::invalid_argument unless members and weights are as described above and every member is below `models`.
// Weights are accepted when they sum to 1 within 1e-6.
void check(const Ensemble& ensemble, std::size_t models);

// {"format": "quorate.ensemble", "version": 1, "members": [..], "weights": [..], "loss": .., "cost": .., "found_by": "..",
// "combine": ".." (unless "mean"), "costs": {..} (unless there is one)} and
// {"format": "quorate.ensemble_front", "version": 1, "points": [those fields of each, cheapest first]}. Numbers come back
// exactly as they were. Reading throws FileError, calling the text `name`, where a field is missing or wrong, where check()
// would throw (members may be any index), or where a front's points are not a front.
std::string to_json(const Ensemble& ensemble);
std::string to_json(const EnsembleFront& front);
Ensemble ensemble_from_json(std::string_view text, const std::string& name = "ensemble");
EnsembleFront ensemble_front_from_json(std::string_view text, const std::string& name = "front");

// The same through a file: written in one step, see write_file(). Throws FileError.
void save(const Ensemble& ensemble, const std::filesystem::path& path);
void save(const EnsembleFront& front, const std::filesystem::path& path);
Ensemble load_ensemble(const std::filesystem::path& path);
EnsembleFront load_ensemble_front(const std::filesystem::path& path);

}  // namespace quorate
