// Profiles and plans as JSON documents.
#include "core/json.h"

#include "core/message.h"
#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "quorate/plan/plan.h"

namespace quorate {
namespace {

constexpr const char* kProfileFormat = "quorate.profile";
constexpr const char* kPlanFormat = "quorate.plan";
constexpr int kVersion = 1;

std::vector<int> ints(const JsonField& field) {
  std::vector<int> result;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const std::int64_t value = field[i].integer();
    result.push_back(static_cast<int>(value));
    if (value != result.back()) field[i].fail("an integer of 32 bits");
  }
  return result;
}

// What a value's own check says against a document's content is an error of the document.
template <class Check>
void checked(const std::string& name, const Check& check) {
  try {
    check();
  } catch (const std::invalid_argument& error) {
    throw FileError(name, error.what());
  }
}

Json cells(const Profile& profile, std::size_t kind, std::size_t model) {
  Json latency_s = Json::array(), memory_bytes = Json::array();
  for (std::size_t batch = 0; batch < profile.batch_sizes.size(); ++batch) {
    latency_s.push_back(json_number(profile.latency_s[profile.index(kind, model, batch)]));
    memory_bytes.push_back(profile.memory_bytes[profile.index(kind, model, batch)]);
  }
  Json result = {{"latency_s", latency_s}, {"memory_bytes", memory_bytes}};
  if (!profile.weights_bytes.empty()) result["weights_bytes"] = profile.weights_bytes[kind * profile.models.size() + model];
  if (!profile.slowdown.empty()) {
    const auto first = profile.slowdown.begin() +
                       static_cast<std::ptrdiff_t>((kind * profile.models.size() + model) * profile.models.size());
    result["slowdown"] = std::vector<double>(first, first + static_cast<std::ptrdiff_t>(profile.models.size()));
  }
  return result;
}

template <class T>
void append_row(const JsonField& field, const std::vector<T>& row, std::size_t size, std::vector<T>& out) {
  if (row.size() != size) field.fail(message("an array of ", size, " entries"));
  out.insert(out.end(), row.begin(), row.end());
}

// Rows of [devices, models] as an array of arrays.
template <class T>
Json rows(const Plan& plan, const std::vector<T>& cells) {
  Json result = Json::array();
  for (std::size_t device = 0; device < plan.devices.size(); ++device)
    result.push_back(std::vector<T>(cells.begin() + static_cast<std::ptrdiff_t>(plan.index(device, 0)),
                                    cells.begin() + static_cast<std::ptrdiff_t>(plan.index(device + 1, 0))));
  return result;
}

Json json_of(const Device& device) {
  return {{"name", device.name},
          {"kind", device.kind},
          {"memory_bytes", device.memory_bytes},
          {"usd_per_hour", device.usd_per_hour},
          {"cores", device.cores}};
}

Device device_from(const JsonField& field) {
  return {field["name"].text(), field["kind"].text(), field["memory_bytes"].integer(), field["usd_per_hour"].number(),
          ints(field["cores"])};
}

}  // namespace

std::string to_json(const Profile& profile) {
  check(profile);
  Json document = json_document(kProfileFormat, kVersion);
  document["models"] = profile.models;
  document["batch_sizes"] = profile.batch_sizes;
  document["kinds"] = profile.kinds;
  for (std::size_t kind = 0; kind < profile.kinds.size(); ++kind)
    for (std::size_t model = 0; model < profile.models.size(); ++model)
      document["measured"][profile.kinds[kind]][profile.models[model]] = cells(profile, kind, model);
  return document.dump(1);
}

Profile profile_from_json(std::string_view text, const std::string& name) {
  const Json document = parse_json(text, name);
  const JsonField root = open_json_document(document, name, kProfileFormat, kVersion);
  Profile profile;
  profile.models = root["models"].texts();
  profile.kinds = root["kinds"].texts();
  profile.batch_sizes = ints(root["batch_sizes"]);
  for (const std::string& kind : profile.kinds)
    for (const std::string& model : profile.models) {
      const JsonField row = root["measured"][kind][model];
      append_row(row["latency_s"], row["latency_s"].numbers(), profile.batch_sizes.size(), profile.latency_s);
      append_row(row["memory_bytes"], row["memory_bytes"].integers(), profile.batch_sizes.size(), profile.memory_bytes);
      // For all models or for none: a row that lacks it beside one that has it is an error of that row.
      if (row.has("weights_bytes") || !profile.weights_bytes.empty())
        profile.weights_bytes.push_back(row["weights_bytes"].integer());
      if (row.has("slowdown") || !profile.slowdown.empty())
        append_row(row["slowdown"], row["slowdown"].numbers(), profile.models.size(), profile.slowdown);
    }
  checked(name, [&] { check(profile); });
  return profile;
}

std::string to_json(const Plan& plan) {
  check(plan);
  Json document = json_document(kPlanFormat, kVersion);
  document["models"] = plan.models;
  document["devices"] = Json::array();
  for (const Device& device : plan.devices) document["devices"].push_back(json_of(device));
  document["batch"] = rows(plan, plan.batch);
  document["share"] = rows(plan, plan.share);
  document["demand"] = plan.demand;
  document["throughput"] = plan.throughput;
  document["bound"] = plan.bound;
  document["price"] = Json::array();
  for (const double price : plan.price) document["price"].push_back(json_number(price));
  document["feasible"] = plan.feasible;
  document["why"] = plan.why;
  document["found_by"] = plan.found_by;
  document["least_cost"] = plan.least_cost;
  document["p99_latency_s"] = plan.p99_latency_s;
  return document.dump(1);
}

Plan plan_from_json(std::string_view text, const std::string& name) {
  const Json document = parse_json(text, name);
  const JsonField root = open_json_document(document, name, kPlanFormat, kVersion);
  Plan plan;
  plan.models = root["models"].texts();
  const JsonField devices = root["devices"], batch = root["batch"], share = root["share"];
  for (const JsonField& rows_of : {batch, share})
    if (rows_of.size() != devices.size())
      rows_of.fail(message("an array of ", devices.size(), " rows, one for each device"));
  for (std::size_t device = 0; device < devices.size(); ++device) {
    plan.devices.push_back(device_from(devices[device]));
    append_row(batch[device], ints(batch[device]), plan.models.size(), plan.batch);
    append_row(share[device], share[device].numbers(), plan.models.size(), plan.share);
  }
  plan.demand = root["demand"].numbers();
  plan.throughput = root["throughput"].number();
  plan.bound = root["bound"].number();
  plan.price = root["price"].numbers();
  plan.feasible = root["feasible"].boolean();
  plan.why = root["why"].text();
  plan.found_by = root["found_by"].text();
  if (root.has("least_cost")) plan.least_cost = root["least_cost"].number();
  if (root.has("p99_latency_s")) plan.p99_latency_s = root["p99_latency_s"].number();
  checked(name, [&] { check(plan); });
  return plan;
}

void save(const Profile& profile, const std::filesystem::path& path) { write_file(path, to_json(profile)); }
void save(const Plan& plan, const std::filesystem::path& path) { write_file(path, to_json(plan)); }
Profile load_profile(const std::filesystem::path& path) { return profile_from_json(read_file(path), path.string()); }
Plan load_plan(const std::filesystem::path& path) { return plan_from_json(read_file(path), path.string()); }

}  // namespace quorate
