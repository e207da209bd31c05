#include "quorate/library/model_library.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string_view>

#include "core/message.h"
#include "library/addition.h"
#include "library/model_folder.h"
#include "library/npy.h"
#include "quorate/core/error.h"
#include "quorate/core/file.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;

using Labels = std::vector<std::int32_t>;

// Names become file names; with room for ".npy" and for the suffix of a temporary file.
void check_name(const std::string& what, const std::string& name) {
  constexpr std::size_t kLongest = 200;
  std::string shown = name;
  std::ranges::replace(shown, '\0', '?');  // it would end the message
  require(
      !name.empty() && name.size() <= kLongest && name[0] != '.' && name == shown && name.find_first_of("/\\") == name.npos,
      what, " is \"", shown, "\", but must be a plain file name of at most ", kLongest,
      " bytes that does not start with a dot");
}

std::string listed(std::vector<std::string> names) {
  constexpr std::size_t kMost = 8;
  if (names.empty()) return "none";
  const std::size_t all = names.size();
  names.resize(std::min(all, kMost));
  return joined(names) + (all > kMost ? message(", ... (", all, " in all)") : "");
}

void check_cost(const std::map<std::string, double>& cost) {
  for (const auto& [key, value] : cost)
    require(std::isfinite(value) && value >= 0.0, "cost[\"", key, "\"] is ", value, ", but must be finite and at least 0");
}

void check_predictions(const std::string& name, const std::string& split, const ModelLibrary::Array& array,
                       const Labels& labels) {
  require(array.samples == labels.size(), "predictions[\"", split, "\"] has shape [", array.samples, ", ", array.classes,
          "], but must be [samples, classes] with the ", labels.size(), " samples of the split's labels");
  try {
    Predictions::from_probabilities({{array.data, nullptr, array.file}}, array.samples, array.classes, labels, {name});
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument("predictions[\"" + split + "\"]: " + error.what());
  }
}

ModelLibrary::Array with_owner(ModelLibrary::Array array) {
  if (!array.owner)
    std::visit(
        [&]<class T>(const T* data) {
          auto copy = std::make_shared<const std::vector<T>>(data, data + array.samples * array.classes);
          array.data = copy->data();
          array.owner = copy;
        },
        array.data);
  return array;
}

std::int64_t bytes_in(const fs::path& folder) {
  std::int64_t bytes = 0;
  for (const fs::path& path : files_in(folder)) {
    std::error_code gone;  // replaced by another process since it was listed
    const std::uintmax_t size = fs::file_size(path, gone);
    if (!gone) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

// nullopt where another process has removed the model since it was listed.
std::optional<ModelRecord> read_unless_removed(const fs::path& folder) {
  for (int attempt = 1;; ++attempt) try {
      ModelRecord record = read_model_folder(folder);
      record.entry.bytes = bytes_in(folder);
      return record;
    } catch (const FileError&) {
      if (!fs::exists(folder)) return std::nullopt;
      if (attempt == 3) throw;  // else it may have been removed and a new one of its name added
    }
}

std::int64_t bytes_of(const ModelLibrary::Array& array) {
  const auto item = std::visit([]<class T>(const T*) { return sizeof(T); }, array.data);
  return static_cast<std::int64_t>(array.samples * array.classes * item);
}

}  // namespace

struct ModelLibrary::State {
  mutable std::mutex mutex;
  std::optional<fs::path> folder;
  std::map<std::string, std::shared_ptr<const Labels>> labels;
  std::map<std::string, ModelRecord> models;
  std::set<std::pair<std::int64_t, std::string>> order;  // (sequence, name)
  std::optional<std::uint64_t> additions;                // so many are known; nullopt: look

  fs::path labels_folder() const { return *folder / "labels"; }
  fs::path models_folder() const { return *folder / "models"; }
  std::string title() const { return folder ? "library " + folder->string() : "the library"; }

  // Reads the labels and models on disk that are not known yet; all of them or, where one cannot be read, none.
  void look() {
    if (!folder) return;
    std::map<std::string, std::shared_ptr<const Labels>> new_labels;
    for (const fs::path& path : files_in(labels_folder()))
      if (path.extension() == ".npy" && !labels.contains(path.stem().string()))
        new_labels[path.stem().string()] = std::make_shared<const Labels>(read_npy_integers(path));
    std::map<std::string, ModelRecord> new_models;
    for (const fs::path& path : folders_in(models_folder())) {
      const std::string name = path.filename().string();
      if (models.contains(name)) continue;
      if (auto record = read_unless_removed(path)) new_models[name] = std::move(*record);
    }
    for (const auto& [name, record] : new_models) order.emplace(record.sequence, name);
    labels.merge(new_labels);
    models.merge(new_models);
  }

  // Our turn to add a model, knowing all that are there; null for a library in memory.
  std::unique_ptr<Addition> begin_addition() {
    if (!folder) return nullptr;
    auto addition = std::make_unique<Addition>(*folder);
    if (additions && additions == addition->before()) return addition;
    remove_leftovers(models_folder());
    look();
    additions = addition->before();
    return addition;
  }

  const Labels& labels_of(const std::string& split) const {
    const auto found = labels.find(split);
    if (found == labels.end()) {
      std::vector<std::string> splits;
      for (const auto& [known, unused] : labels) splits.push_back(known);
      throw std::invalid_argument(
          message("split is \"", split, "\", but must be one that has labels in ", title(), ": ", listed(splits)));
    }
    return *found->second;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& [sequence, name] : order) result.push_back(name);
    return result;
  }

  ModelRecord& record(const std::string& name) {
    const auto found = models.find(name);
    if (found == models.end())  // not require(): the list of names is dear
      throw std::invalid_argument(
          message("name is \"", name, "\", but must be a model of ", title(), ": ", listed(names())));
    return found->second;
  }

  std::vector<const ModelRecord*> records(const std::vector<std::string>& chosen) {
    require(!models.empty(), title(), " has 0 models, but must have at least 1");
    std::vector<const ModelRecord*> result;
    std::set<std::string_view> seen;
    for (const std::string& name : chosen.empty() ? names() : chosen) {
      result.push_back(&record(name));
      require(seen.insert(result.back()->entry.name).second, "names holds \"", name, "\" twice");
    }
    return result;
  }

  // A split's number of classes is that of the first model that has it.
  void check_classes(const std::string& split, std::size_t classes) const {
    for (const auto& [name, record] : models)
      if (const auto found = record.classes.find(split); found != record.classes.end()) {
        require(classes == found->second, "predictions[\"", split, "\"] has ", classes, " classes, but must have ",
                found->second, " as those of model \"", name, "\"");
        return;
      }
  }
};

ModelLibrary::ModelLibrary() : state_(std::make_shared<State>()) {}

ModelLibrary::ModelLibrary(const fs::path& folder) : ModelLibrary() {
  state_->folder = folder;
  make_folder(state_->labels_folder());
  make_folder(state_->models_folder());
  state_->look();
}

void ModelLibrary::set_labels(const std::string& split, std::vector<std::int32_t> labels) {
  check_name("split", split);
  require(!labels.empty(), "labels is empty, but must have at least one sample");
  for (std::size_t i = 0; i < labels.size(); ++i)
    require(labels[i] >= 0, "labels[", i, "] is ", labels[i], ", but must be at least 0");

  const std::lock_guard lock(state_->mutex);
  state_->look();
  if (const auto found = state_->labels.find(split); found != state_->labels.end()) {
    require(*found->second == labels, "labels of split \"", split, "\" are other than those that ", state_->title(),
            " has, but must be the same: its models were judged by them");
    return;
  }
  if (state_->folder) {
    remove_leftovers(state_->labels_folder());
    const std::string_view bytes(reinterpret_cast<const char*>(labels.data()), labels.size() * sizeof labels[0]);
    write_file(state_->labels_folder() / (split + ".npy"),
               npy_header({'i', sizeof labels[0]}, {labels.size()}).append(bytes));
  }
  state_->labels[split] = std::make_shared<const Labels>(std::move(labels));
}

void ModelLibrary::add(const std::string& name, const std::map<std::string, Array>& predictions,
                       const std::map<std::string, double>& cost, const fs::path& model,
                       const std::map<std::string, std::string>& about) {
  check_name("name", name);
  check_cost(cost);
  require(!predictions.empty(), "predictions is empty, but must hold at least one split");

  ModelRecord record{{name, cost, about, model.empty() ? model : fs::absolute(model), "", {}}};
  for (const auto& [split, array] : predictions) {
    record.classes[split] = array.classes;
    record.entry.splits.push_back(split);
  }

  const std::lock_guard lock(state_->mutex);
  const auto addition = state_->begin_addition();
  require(!state_->models.contains(name), "name is \"", name, "\", but ", state_->title(),
          " has a model of that name already");
  for (const auto& [split, array] : predictions) {
    if (!state_->labels.contains(split)) state_->look();  // another process may have set them
    check_predictions(name, split, array, state_->labels_of(split));
    state_->check_classes(split, array.classes);
  }
  record.sequence = state_->order.empty() ? 0 : state_->order.rbegin()->first + 1;
  if (state_->folder) {
    write_model_folder(state_->models_folder() / name, record, predictions, model, [&] { addition->count(); });
    if (state_->additions) ++*state_->additions;
    record.entry.bytes = bytes_in(state_->models_folder() / name);
  } else {
    if (!model.empty()) record.entry.model_sha256 = sha256_of_file(model);
    for (const auto& [split, array] : predictions) {
      record.arrays[split] = with_owner(array);
      record.entry.bytes += bytes_of(array);
    }
  }
  state_->order.emplace(record.sequence, name);
  state_->models[name] = std::move(record);
}

void ModelLibrary::replace_model(const std::string& name, const fs::path& model, const std::map<std::string, double>& cost,
                                 const std::optional<std::map<std::string, std::string>>& about) {
  require(!model.empty(), "model is empty, but must be the path of a file");
  check_cost(cost);

  const std::lock_guard lock(state_->mutex);
  ModelRecord record = state_->record(name);
  record.entry.cost = cost;
  if (about) record.entry.about = *about;
  if (state_->folder) {
    remove_leftovers(state_->models_folder() / name);
    replace_model_file(state_->models_folder() / name, record, model);
    record.entry.bytes = bytes_in(state_->models_folder() / name);
  } else {
    record.entry.model_sha256 = sha256_of_file(model);
    record.entry.model_file = fs::absolute(model);
  }
  state_->models[name] = std::move(record);
}

void ModelLibrary::remove(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->models.contains(name)) state_->look();
  const std::int64_t sequence = state_->record(name).sequence;
  if (state_->folder) {
    remove_leftovers(state_->models_folder());
    remove_folder(state_->models_folder() / name);
  }
  state_->order.erase({sequence, name});
  state_->models.erase(name);
}

std::size_t ModelLibrary::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->models.size();
}

bool ModelLibrary::contains(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  return state_->models.contains(name);
}

std::vector<std::string> ModelLibrary::names() const {
  const std::lock_guard lock(state_->mutex);
  return state_->names();
}

ModelLibrary::Entry ModelLibrary::entry(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  return state_->record(name).entry;
}

std::vector<std::string> ModelLibrary::splits() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::string> result;
  for (const auto& [split, labels] : state_->labels) result.push_back(split);
  return result;
}

std::optional<fs::path> ModelLibrary::folder() const { return state_->folder; }

Predictions ModelLibrary::predictions(const std::string& split, const std::vector<std::string>& names) const {
  std::vector<Predictions::Model> arrays;
  std::vector<std::string> chosen;
  std::shared_ptr<const Labels> labels;
  std::size_t classes = 0;
  {
    // Also while files are mapped: another thread may remove a model.
    const std::lock_guard lock(state_->mutex);
    const std::vector<const ModelRecord*> records = state_->records(names);
    std::vector<std::string> lacking;
    for (const ModelRecord* record : records)
      if (!record->classes.contains(split)) lacking.push_back(record->entry.name);
    state_->labels_of(split);
    labels = state_->labels.at(split);
    require(lacking.empty(), "split is \"", split, "\", but these models have no predictions on it: ", listed(lacking));

    classes = records.front()->classes.at(split);
    for (const ModelRecord* record : records) {
      const std::string& name = record->entry.name;
      require(record->classes.at(split) == classes, "names holds model \"", name, "\" of ", record->classes.at(split),
              " classes, but must be of models of ", classes, " classes as \"", records.front()->entry.name, "\"");
      const Array array = state_->folder ? map_predictions(state_->models_folder() / name, *record, split, labels->size())
                                         : record->arrays.at(split);
      arrays.push_back({array.data, array.owner, array.file});
      chosen.push_back(name);
    }
  }
  try {
    return Predictions::from_probabilities(std::move(arrays), labels->size(), classes, *labels, std::move(chosen));
  } catch (const std::invalid_argument& error) {
    // What was checked when it was added can be wrong now only where somebody changed the files.
    if (!state_->folder) throw;
    throw FileError(state_->models_folder(), error.what());
  }
}

std::vector<double> ModelLibrary::cost(const std::string& key, const std::vector<std::string>& names) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<double> result;
  std::vector<std::string> lacking;
  for (const ModelRecord* record : state_->records(names)) {
    const auto found = record->entry.cost.find(key);
    if (found == record->entry.cost.end())
      lacking.push_back(record->entry.name);
    else
      result.push_back(found->second);
  }
  require(lacking.empty(), "cost \"", key, "\" is asked for, but these models lack it: ", listed(lacking));
  return result;
}

void ModelLibrary::refresh() {
  const std::lock_guard lock(state_->mutex);
  if (!state_->folder) return;
  State fresh;
  fresh.folder = state_->folder;
  fresh.look();
  state_->labels.swap(fresh.labels);
  state_->models.swap(fresh.models);
  state_->order.swap(fresh.order);
}

}  // namespace quorate
