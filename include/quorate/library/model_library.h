// The models that a search leaves behind: held-out predictions, measured costs and files, on disk or in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "quorate/library/predictions.h"

namespace quorate {

// On disk: models/<name>/{meta.json, <split>.npy, model.*, portable.*}, labels/<split>.npy and additions, a count. What a
// compiled model was made from is kept as portable.* by Python's compile_models. A model's folder is
// renamed into place when it is whole, and away before it is deleted, so a reader sees all of a model or nothing, and a
// crash leaves nothing half written but a hidden temporary file that a later write removes. Safe for several threads, and
// for several processes that read, add or remove: additions follow one another, and what add() costs grows only with the
// models that other processes have added since. A copy is the same library, not another.
class ModelLibrary {
 public:
  // A model's predictions on one split: [samples, classes], row-major. Stored as given, float16 or float32.
  struct Array {
    std::variant<const float*, const Half*> data;
    std::size_t samples = 0;
    std::size_t classes = 0;
    std::shared_ptr<const void> owner = nullptr;    // keeps `data` alive for a library in memory; null: the library copies
    std::optional<MappedFile> file = std::nullopt;  // as in Predictions::Model
  };

  struct Entry {
    std::string name;
    std::map<std::string, double> cost;        // "latency_s", "flops", "memory_bytes" ...: whatever was measured
    std::map<std::string, std::string> about;  // free text: trial, resource, config
    std::filesystem::path model_file;          // empty where none was given
    std::string model_sha256;
    std::vector<std::string> splits;  // those that it has predictions for, ascending
    std::int64_t bytes = 0;           // on disk: of all files in its folder; in memory: of its arrays
  };

  ModelLibrary();  // in memory

  // The folder is made where it is missing; reads what is there. Throws FileError naming the file that cannot be read.
  explicit ModelLibrary(const std::filesystem::path& folder);

  // The true classes of a split, each >= 0. Saying the same again is allowed, another answer is not: models were judged by
  // the first one.
  void set_labels(const std::string& split, std::vector<std::int32_t> labels);

  // Adds a model. Checks shapes against the split's labels and rows as Predictions does, before anything is written. `model`
  // is copied into the library (where it is on disk) and its SHA-256 recorded. Throws std::invalid_argument for a name that
  // is taken or is not a plain file name, no predictions, a split without labels, a cost that is negative or not finite.
  void add(const std::string& name, const std::map<std::string, Array>& predictions,
           const std::map<std::string, double>& cost, const std::filesystem::path& model = {},
           const std::map<std::string, std::string>& about = {});

  // Replaces a model's file (a compiled version of it, say) and all of its costs: what was measured with the old file says
  // nothing of the new one. `about` replaces all that was said of it; nullopt: that stays. In one step on disk.
  void replace_model(const std::string& name, const std::filesystem::path& model, const std::map<std::string, double>& cost,
                     const std::optional<std::map<std::string, std::string>>& about = std::nullopt);

  // Takes a model away with all that belongs to it. In one step on disk; the order of the others stays, and its name may be
  // given again. Predictions that were read before stay readable. Other processes see it when they refresh; until then their
  // reads of its files throw FileError. A model that another process has removed already is merely forgotten. Throws
  // std::invalid_argument for a name that the library does not have.
  void remove(const std::string& name);

  std::size_t size() const;
  bool contains(const std::string& name) const;
  std::vector<std::string> names() const;  // in the order in which they were added, also after reopening
  Entry entry(const std::string& name) const;
  std::vector<std::string> splits() const;              // those with labels, ascending
  std::optional<std::filesystem::path> folder() const;  // nullopt: in memory

  // All models (or those of `names`, in that order) on a split, memory-mapped. Throws std::invalid_argument for an empty
  // library, an unknown split, or a model without it; FileError for a truncated or foreign .npy.
  Predictions predictions(const std::string& split, const std::vector<std::string>& names = {}) const;

  // One cost for every model (or those of `names`). Throws std::invalid_argument naming the models that lack it.
  std::vector<double> cost(const std::string& key, const std::vector<std::string>& names = {}) const;

  // Reads everything anew: what other processes have added, replaced or removed since. add and set_labels look for new
  // models and labels by themselves. Throws FileError and keeps what was known.
  void refresh();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace quorate
