#include "quorate/select/ensemble.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "select/front_json.h"

namespace quorate {
namespace {

constexpr int kVersion = 1;
constexpr int kIndent = 1;
constexpr std::array<std::string_view, 3> kPoolings = {"mean", "logits", "vote"};  // in the order of the enumeration

void write_fields(Json& out, const Ensemble& ensemble) {
  out["members"] = ensemble.members;
  out["weights"] = ensemble.weights;
  out["loss"] = json_number(ensemble.loss);
  out["cost"] = json_number(ensemble.cost);
  out["found_by"] = ensemble.found_by;
  if (ensemble.combine != Pooling::kMean) out["combine"] = name_of(ensemble.combine);
  for (const auto& [name, cost] : ensemble.costs) out["costs"][name] = json_number(cost);
}

Ensemble read_fields(const JsonField& in) {
  constexpr std::int64_t kLargest = std::numeric_limits<int>::max();
  Ensemble ensemble;
  const JsonField members = in["members"];
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::int64_t member = members[i].integer();
    if (member < 0 || member > kLargest) members[i].fail(message("from 0 to ", kLargest));
    ensemble.members.push_back(static_cast<int>(member));
  }
  ensemble.weights = in["weights"].numbers();
  ensemble.loss = in["loss"].number();
  ensemble.cost = in["cost"].number();
  ensemble.found_by = in["found_by"].text();
  if (in.has("costs")) ensemble.costs = in["costs"].number_map();
  try {
    if (in.has("combine")) ensemble.combine = pooling_from_name(in["combine"].text());
    check(ensemble, std::numeric_limits<std::size_t>::max());
  } catch (const std::invalid_argument& error) {
    in.fail(message("an ensemble: ", error.what()));
  }
  return ensemble;
}

}  // namespace

Pooling pooling_from_name(std::string_view name) {
  const auto found = std::find(kPoolings.begin(), kPoolings.end(), name);
  require(found != kPoolings.end(), "combine is \"", name, "\", but must be one of ", joined(kPoolings));
  return static_cast<Pooling>(found - kPoolings.begin());
}

std::string_view name_of(Pooling pooling) { return kPoolings.at(static_cast<std::size_t>(pooling)); }

void check(const Ensemble& ensemble, std::size_t models) {
  require(!ensemble.members.empty(), "members is empty, but must hold at least one model");
  require(ensemble.weights.size() == ensemble.members.size(), "weights has ", ensemble.weights.size(),
          " entries, but members has ", ensemble.members.size());
  double sum = 0.0;
  for (std::size_t i = 0; i < ensemble.members.size(); ++i) {
    const int member = ensemble.members[i];
    require(member >= 0 && static_cast<std::size_t>(member) < models, "members[", i, "] is ", member,
            ", but must be from 0 to ", models - 1);
    require(i == 0 || member > ensemble.members[i - 1], "members[", i, "] is ", member, " after ",
            i == 0 ? 0 : ensemble.members[i - 1], ", but members must be ascending, each at most once");
    const double weight = ensemble.weights[i];
    require(std::isfinite(weight) && weight > 0.0, "weights[", i, "] is ", weight, ", but must be finite and positive");
    sum += weight;
  }
  require(std::abs(sum - 1.0) <= 1e-6, "weights sum to ", sum, ", but must sum to 1 within 1e-6");
}

std::string to_json(const Ensemble& ensemble) {
  Json document = json_document("quorate.ensemble", kVersion);
  write_fields(document, ensemble);
  return document.dump(kIndent);
}

std::string to_json(const EnsembleFront& front) {
  return front_document(front, "quorate.ensemble_front", kVersion, write_fields).dump(kIndent);
}

Ensemble ensemble_from_json(std::string_view text, const std::string& name) {
  const Json document = parse_json(text, name);
  return read_fields(open_json_document(document, name, "quorate.ensemble", kVersion));
}

EnsembleFront ensemble_front_from_json(std::string_view text, const std::string& name) {
  return read_front<Ensemble>(text, name, "quorate.ensemble_front", kVersion, read_fields);
}

void save(const Ensemble& ensemble, const std::filesystem::path& path) { write_file(path, to_json(ensemble)); }
void save(const EnsembleFront& front, const std::filesystem::path& path) { write_file(path, to_json(front)); }
Ensemble load_ensemble(const std::filesystem::path& path) { return ensemble_from_json(read_file(path), path.string()); }
EnsembleFront load_ensemble_front(const std::filesystem::path& path) {
  return ensemble_front_from_json(read_file(path), path.string());
}

}  // namespace quorate
