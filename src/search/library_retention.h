// Which models stay in a study's library.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "quorate/library/model_library.h"
#include "search/drop_order.h"
#include "search/model_name.h"

namespace quorate {

// Removes from a library what its study does not keep. It counts and removes models that are named as the study names them,
// no others. It goes by what is in the library and remembers only what it has read there, so that a study that is opened
// again goes on as it would have, and what a crash left undone is done with the next model. Safe to call from several
// threads.
class LibraryRetention {
 public:
  struct Options {
    bool last_only = false;                 // of each trial the model at its highest resource
    std::optional<std::int64_t> max_bytes;  // of all models together, see ModelLibrary::Entry::bytes; nullopt: no bound
  };

  // The loss that the trial reported at the resource; NaN where it is not known.
  using Loss = std::function<double(const TrialModel& model)>;

  LibraryRetention(ModelLibrary library, const Options& options) : library_(std::move(library)), options_(options) {}

  // To be called after a model was added. Removes those that `last_only` leaves out, then what DropOrder says until the rest
  // has at most max_bytes; the best model stays, even alone and larger than that. Returns the names of those removed, which
  // may be the newest. `loss` is asked once for each model, while a lock of this object is held.
  //
  // Whether a model is wrong is judged on the first split, in alphabetical order, of the oldest model; another that has no
  // predictions there has no overlap to compare. No predictions are read before the bound is first exceeded, then those of
  // all models, O(models x samples x classes), and from then on each new one's. What replace_model changes is seen when the
  // study is opened again. Throws FileError where the library cannot be read or written.
  std::vector<std::string> enforce(const Loss& loss);

 private:
  struct Known {
    std::int64_t bytes = 0;
    bool weighed = false;  // it is in order_
  };

  void look();
  void weigh(const std::string& name, const Loss& loss);
  void remove(const std::string& name);
  void forget(std::map<std::string, Known>::iterator known);

  ModelLibrary library_;
  const Options options_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, Known> known_;
  std::int64_t bytes_ = 0;
  std::optional<std::string> split_;
  DropOrder order_;
};

}  // namespace quorate
