#include <limits>

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/file.h"
#include "quorate/select/evaluate_front.h"

namespace quorate {
namespace {

constexpr int kVersion = 1;
constexpr int kIndent = 1;

Json written(const SingleComparison& single) {
  return {{"model", single.model},
          {"loss", json_number(single.loss)},
          {"gain", json_number(single.gain)},
          {"gain_low", json_number(single.gain_low)},
          {"gain_high", json_number(single.gain_high)}};
}

// An integer in [low, high].
std::int64_t integer_in(const JsonField& in, std::int64_t low, std::int64_t high) {
  const std::int64_t value = in.integer();
  if (value < low || value > high) in.fail(message("from ", low, " to ", high));
  return value;
}

constexpr std::int64_t kLargest = std::numeric_limits<int>::max();

SingleComparison read_single(const JsonField& in) {
  return {.model = static_cast<int>(integer_in(in["model"], 0, kLargest)),
          .loss = in["loss"].number(),
          .gain = in["gain"].number(),
          .gain_low = in["gain_low"].number(),
          .gain_high = in["gain_high"].number()};
}

EvaluatedPoint read_point(const JsonField& in, const std::string& name) {
  EvaluatedPoint point{.ensemble = ensemble_from_json(in["ensemble"].json().dump(), name + ".ensemble"),
                       .loss = in["loss"].number(),
                       .loss_low = in["loss_low"].number(),
                       .loss_high = in["loss_high"].number(),
                       .best = read_single(in["best"]),
                       .at_cost = {}};
  if (in.has("at_cost")) point.at_cost = read_single(in["at_cost"]);
  return point;
}

}  // namespace

std::string to_json(const FrontEvaluation& evaluation) {
  Json document = json_document("quorate.front_evaluation", kVersion);
  document["metric"] = name_of(evaluation.metric);
  document["samples"] = evaluation.samples;
  document["draws"] = evaluation.draws;
  document["level"] = evaluation.level;
  document["seed"] = evaluation.seed;
  document["points"] = Json::array();
  for (const EvaluatedPoint& point : evaluation.points) {
    Json& out = document["points"].emplace_back();
    out["ensemble"] = Json::parse(to_json(point.ensemble));
    out["loss"] = json_number(point.loss);
    out["loss_low"] = json_number(point.loss_low);
    out["loss_high"] = json_number(point.loss_high);
    out["best"] = written(point.best);
    if (point.at_cost) out["at_cost"] = written(*point.at_cost);
  }
  if (const auto& found = evaluation.as_good)
    document["as_good"] = {{"point", found->point}, {"cost_ratio", json_number(found->cost_ratio)}};
  return document.dump(kIndent);
}

FrontEvaluation front_evaluation_from_json(std::string_view text, const std::string& name) {
  const Json document = parse_json(text, name);
  const JsonField in = open_json_document(document, name, "quorate.front_evaluation", kVersion);
  FrontEvaluation evaluation;
  try {
    evaluation.metric = metric_from_name(in["metric"].text());
  } catch (const std::invalid_argument& error) {
    in["metric"].fail(message("a metric: ", error.what()));
  }
  evaluation.samples = static_cast<std::size_t>(integer_in(in["samples"], 1, std::numeric_limits<std::int64_t>::max()));
  evaluation.draws = static_cast<int>(integer_in(in["draws"], 1, kLargest));
  evaluation.level = in["level"].number(0.0, 1.0);
  if (!in["seed"].json().is_number_unsigned()) in["seed"].fail("a whole number, not negative");
  evaluation.seed = in["seed"].json().get<std::uint64_t>();
  const JsonField points = in["points"];
  for (std::size_t k = 0; k < points.size(); ++k)
    evaluation.points.push_back(read_point(points[k], message(name, ": points[", k, "]")));
  if (in.has("as_good")) {
    const JsonField found = in["as_good"];
    const auto last = static_cast<std::int64_t>(points.size()) - 1;
    evaluation.as_good = {static_cast<int>(integer_in(found["point"], 0, last)), found["cost_ratio"].number()};
  }
  return evaluation;
}

void save(const FrontEvaluation& evaluation, const std::filesystem::path& path) { write_file(path, to_json(evaluation)); }
FrontEvaluation load_front_evaluation(const std::filesystem::path& path) {
  return front_evaluation_from_json(read_file(path), path.string());
}

}  // namespace quorate
