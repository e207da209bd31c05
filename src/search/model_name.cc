#include "search/model_name.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace quorate {

std::string model_name(const TrialModel& model) {
  std::string trial = std::to_string(model.trial);
  trial.insert(0, 4 - std::min<std::size_t>(4, trial.size()), '0');
  return "t" + trial + "r" + std::to_string(model.resource);
}

std::optional<TrialModel> parse_model_name(std::string_view name) {
  TrialModel model;
  const char* const end = name.data() + name.size();
  if (!name.starts_with('t')) return std::nullopt;
  const auto trial = std::from_chars(name.data() + 1, end, model.trial);
  if (trial.ec != std::errc() || trial.ptr == end || *trial.ptr != 'r') return std::nullopt;
  const auto resource = std::from_chars(trial.ptr + 1, end, model.resource);
  // Written back, so that "t7r9", "t0007r09" and "t-007r9" are nobody's.
  if (resource.ec != std::errc() || model.trial < 0 || model.resource < 0 || model_name(model) != name) return std::nullopt;
  return model;
}

std::vector<std::string> superseded_models(const std::vector<std::string>& names) {
  std::map<std::int64_t, std::int64_t> last;  // resource by trial
  for (const std::string& name : names)
    if (const auto model = parse_model_name(name)) {
      std::int64_t& resource = last.try_emplace(model->trial, model->resource).first->second;
      resource = std::max(resource, model->resource);
    }
  std::vector<std::string> result;
  for (const std::string& name : names)
    if (const auto model = parse_model_name(name); model && model->resource < last.at(model->trial)) result.push_back(name);
  return result;
}

}  // namespace quorate
