#include <limits>

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/file.h"
#include "quorate/route/cascade.h"
#include "route/names.h"
#include "select/front_json.h"

namespace quorate {
namespace {

constexpr int kVersion = 1;
constexpr int kIndent = 1;

Json tier_json(const Tier& tier) {
  return {{"members", tier.members},
          {"weights", tier.weights},
          {"signal", to_string(tier.signal)},
          {"threshold", tier.threshold},
          {"cost", tier.cost}};
}

Json certificate_json(const Certificate& certificate) {
  return {{"max_loss_increase", certificate.max_loss_increase},
          {"max_loss", certificate.max_loss ? Json(*certificate.max_loss) : Json()},
          {"delta", certificate.delta},
          {"samples", certificate.samples},
          {"candidates", certificate.candidates},
          {"bound", certificate.bound},
          {"measured", certificate.measured},
          {"reference_loss", certificate.reference_loss},
          {"holds", certificate.holds},
          {"samples_needed", certificate.samples_needed},
          {"method", certificate.method},
          {"does_not_cover", certificate.does_not_cover},
          {"tiers_sha256", certificate.tiers_sha256}};
}

void write_fields(Json& out, const Cascade& cascade) {
  out["tiers"] = Json::array();
  for (const Tier& tier : cascade.tiers) out["tiers"].push_back(tier_json(tier));
  out["combine"] = to_string(cascade.combine);
  out["parallelism"] = cascade.parallelism;
  out["loss"] = json_number(cascade.loss);
  out["cost"] = json_number(cascade.cost);
  out["worst_cost"] = json_number(cascade.worst_cost);
  out["found_by"] = cascade.found_by;
  out["certificate"] = cascade.certificate ? certificate_json(*cascade.certificate) : Json();
}

std::size_t count(const JsonField& in) {
  const std::int64_t value = in.integer();
  if (value < 0) in.fail("at least 0");
  return static_cast<std::size_t>(value);
}

Tier read_tier(const JsonField& in) {
  Tier tier;
  const JsonField members = in["members"];
  constexpr std::int64_t kLargest = std::numeric_limits<int>::max();
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::int64_t member = members[i].integer();
    if (member < 0 || member > kLargest) members[i].fail(message("from 0 to ", kLargest));
    tier.members.push_back(static_cast<int>(member));
  }
  tier.weights = in["weights"].numbers();
  const JsonField signal = in["signal"];
  try {
    tier.signal = signal_from_string(signal.text());
  } catch (const std::invalid_argument&) {
    signal.fail("one of: " + joined(kSignalNames));
  }
  tier.threshold = in["threshold"].number();
  tier.cost = in["cost"].number();
  return tier;
}

Certificate read_certificate(const JsonField& in) {
  Certificate certificate;
  certificate.max_loss_increase = in["max_loss_increase"].number(0.0, 1.0);
  // Files of before lack max_loss, candidates and tiers_sha256.
  if (in.has("max_loss") && !in["max_loss"].json().is_null()) certificate.max_loss = in["max_loss"].number(0.0, 1.0);
  certificate.delta = in["delta"].number(0.0, 1.0);
  certificate.samples = count(in["samples"]);
  if (in.has("candidates")) certificate.candidates = count(in["candidates"]);
  certificate.bound = in["bound"].number(-1.0, 1.0);
  certificate.measured = in["measured"].number(-1.0, 1.0);
  certificate.reference_loss = in["reference_loss"].number(0.0, 1.0);
  certificate.holds = in["holds"].boolean();
  certificate.samples_needed = count(in["samples_needed"]);
  certificate.method = in["method"].text();
  certificate.does_not_cover = in["does_not_cover"].text();
  if (in.has("tiers_sha256")) certificate.tiers_sha256 = in["tiers_sha256"].text();
  return certificate;
}

Cascade read_fields(const JsonField& in) {
  Cascade cascade;
  const JsonField tiers = in["tiers"];
  for (std::size_t k = 0; k < tiers.size(); ++k) cascade.tiers.push_back(read_tier(tiers[k]));
  const JsonField combine = in["combine"];
  try {
    cascade.combine = combine_from_string(combine.text());
  } catch (const std::invalid_argument&) {
    combine.fail("one of: " + joined(kCombineNames));
  }
  // Before parallelism was a number, it was "parallel", true or false.
  cascade.parallelism = in.has("parallelism") ? in["parallelism"].number(0.0, 1.0) : in["parallel"].boolean() ? 1.0 : 0.0;
  cascade.loss = in["loss"].number(0.0, 1.0);
  constexpr double kLargest = std::numeric_limits<double>::max();
  cascade.cost = in["cost"].number(0.0, kLargest);
  cascade.worst_cost = in["worst_cost"].number(0.0, kLargest);
  cascade.found_by = in["found_by"].text();
  if (const JsonField certificate = in["certificate"]; !certificate.json().is_null())
    cascade.certificate = read_certificate(certificate);
  try {
    check(cascade, std::numeric_limits<std::size_t>::max());
  } catch (const std::invalid_argument& error) {
    in.fail(message("a cascade: ", error.what()));
  }
  return cascade;
}

}  // namespace

std::string to_json(const Cascade& cascade) {
  Json document = json_document("quorate.cascade", kVersion);
  write_fields(document, cascade);
  return document.dump(kIndent);
}

std::string to_json(const CascadeFront& front) {
  return front_document(front, "quorate.cascade_front", kVersion, write_fields).dump(kIndent);
}

Cascade cascade_from_json(std::string_view text, const std::string& name) {
  const Json document = parse_json(text, name);
  return read_fields(open_json_document(document, name, "quorate.cascade", kVersion));
}

CascadeFront cascade_front_from_json(std::string_view text, const std::string& name) {
  return read_front<Cascade>(text, name, "quorate.cascade_front", kVersion, read_fields);
}

void save(const Cascade& cascade, const std::filesystem::path& path) { write_file(path, to_json(cascade)); }
void save(const CascadeFront& front, const std::filesystem::path& path) { write_file(path, to_json(front)); }
Cascade load_cascade(const std::filesystem::path& path) { return cascade_from_json(read_file(path), path.string()); }
CascadeFront load_cascade_front(const std::filesystem::path& path) {
  return cascade_front_from_json(read_file(path), path.string());
}

}  // namespace quorate
