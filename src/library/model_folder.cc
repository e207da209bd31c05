#include "library/model_folder.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "core/json.h"
#include "core/message.h"
#include "library/npy.h"
#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "quorate/core/mapped_file.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "quorate.model";
constexpr int kVersion = 1;

std::string meta_text(const ModelRecord& record) {
  Json document = json_document(std::string(kFormat), kVersion);
  document["sequence"] = record.sequence;
  document["cost"] = record.entry.cost;
  document["about"] = record.entry.about;
  document["classes"] = record.classes;
  if (!record.entry.model_file.empty()) {
    document["model"] = {{"file", record.entry.model_file.filename().string()}, {"sha256", record.entry.model_sha256}};
  }
  try {
    return document.dump(2) + "\n";
  } catch (const Json::type_error&) {
    throw std::invalid_argument("the cost, about or split names of model \"" + record.entry.name +
                                "\" are not all UTF-8 text");
  }
}

// The content is part of the name, so that a new version never overwrites the one that meta.json still names.
void set_model_file(const fs::path& folder, ModelRecord& record, const fs::path& model) {
  record.entry.model_file.clear();
  record.entry.model_sha256.clear();
  if (model.empty()) return;
  record.entry.model_sha256 = sha256_of_file(model);
  record.entry.model_file = folder / ("model." + record.entry.model_sha256.substr(0, 12) + model.extension().string());
}

// Straight to its place, for a folder that nobody sees yet and that write_folder syncs.
void write_parts(const fs::path& path, std::initializer_list<std::string_view> parts) {
  std::ofstream file(path, std::ios::binary);
  for (const std::string_view part : parts) file.write(part.data(), static_cast<std::streamsize>(part.size()));
  file.close();
  if (!file) throw FileError(path, "cannot write: " + std::string(std::strerror(errno)));
}

void write_array(const fs::path& path, const ModelLibrary::Array& array) {
  std::visit(
      [&]<class T>(const T* data) {
        const std::size_t bytes = array.samples * array.classes * sizeof(T);
        write_parts(path, {npy_header({'f', sizeof(T)}, {array.samples, array.classes}),
                           std::string_view(reinterpret_cast<const char*>(data), bytes)});
      },
      array.data);
}

}  // namespace

void write_model_folder(const fs::path& folder, ModelRecord& record,
                        const std::map<std::string, ModelLibrary::Array>& predictions, const fs::path& model,
                        const std::function<void()>& last) {
  set_model_file(folder, record, model);
  const std::string meta = meta_text(record);
  write_folder(folder, [&](const fs::path& temporary) {
    write_parts(temporary / "meta.json", {meta});
    for (const auto& [split, array] : predictions) write_array(temporary / (split + ".npy"), array);
    if (!model.empty()) write_parts(temporary / record.entry.model_file.filename(), {MappedFile(model).text()});
    last();
  });
}

void replace_model_file(const fs::path& folder, ModelRecord& record, const fs::path& model) {
  set_model_file(folder, record, model);
  const std::string meta = meta_text(record);
  quorate::copy_file(model, record.entry.model_file);
  write_file(folder / "meta.json", meta);
  for (const fs::path& path : files_in(folder))
    if (path.filename().string().starts_with("model.") && path.filename() != record.entry.model_file.filename()) {
      // A file that stays behind takes room and nothing else: it goes with the next replacement.
      std::error_code ignored;
      fs::remove(path, ignored);
    }
}

ModelRecord read_model_folder(const fs::path& folder) {
  const std::string path = (folder / "meta.json").string();
  const Json document = parse_json(read_file(path), path);
  const JsonField root = open_json_document(document, path, std::string(kFormat), kVersion);

  ModelRecord record;
  record.entry.name = folder.filename().string();
  record.sequence = root["sequence"].integer();
  record.entry.cost = root["cost"].number_map();
  for (const auto& [key, value] : record.entry.cost)
    if (!std::isfinite(value) || value < 0.0) root["cost"][key].fail("finite and at least 0");
  const JsonField about = root["about"];
  if (!about.json().is_object()) about.fail("an object");
  for (const auto& [key, value] : about.json().items()) record.entry.about[key] = about[key].text();
  const JsonField classes = root["classes"];
  if (!classes.json().is_object()) classes.fail("an object");
  for (const auto& [split, value] : classes.json().items()) {
    const std::int64_t count = classes[split].integer();
    if (count < 1) classes[split].fail("at least 1");
    record.classes[split] = static_cast<std::size_t>(count);
    record.entry.splits.push_back(split);
  }
  if (root.has("model")) {
    const JsonField file = root["model"]["file"];
    if (fs::path(file.text()).filename() != file.text()) file.fail("the name of a file in this folder");
    record.entry.model_file = folder / file.text();
    record.entry.model_sha256 = root["model"]["sha256"].text();
  }
  return record;
}

ModelLibrary::Array map_predictions(const fs::path& folder, const ModelRecord& record, const std::string& split,
                                    std::size_t samples) {
  const fs::path path = folder / (split + ".npy");
  const NpyArray array = map_npy(path);
  const std::size_t classes = record.classes.at(split);
  if (array.type.kind != 'f' || array.shape != std::vector{samples, classes})
    throw FileError(path,
                    message("has shape [", joined(array.shape), "] of ", array.type.kind == 'f' ? "floats" : "integers",
                            ", but must be floats [", samples, ", ", classes, "]: the split's labels and meta.json say so"));
  ModelLibrary::Array result{static_cast<const float*>(array.data), samples, classes, array.file.owner(), array.file};
  if (array.type.bytes == 2) result.data = static_cast<const Half*>(array.data);
  return result;
}

}  // namespace quorate
