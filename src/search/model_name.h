// What a study calls its models: "t0007r9" is trial 7 after resource 9.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quorate {

struct TrialModel {
  std::int64_t trial = 0;
  std::int64_t resource = 0;

  auto operator<=>(const TrialModel&) const = default;
};

std::string model_name(const TrialModel& model);

// nullopt for any other name: a model that somebody else put into the library.
std::optional<TrialModel> parse_model_name(std::string_view name);

// With keep="last", the models that go: those of a trial that has one at a higher resource. In the order of `names`; others'
// models never. O(n log n).
std::vector<std::string> superseded_models(const std::vector<std::string>& names);

}  // namespace quorate
