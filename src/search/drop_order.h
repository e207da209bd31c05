// Which model a library that is too large can best do without.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace quorate {

// Weighs models by three things, each the lower the better:
//
//   loss     as the search reported it, at whatever resource; one that is not finite ranks last
//   cost     each cost for itself, as measured
//   overlap  the mean share of the held-out samples on which it and another model are both wrong: the "double fault" of
//            Giacinto and Roli (2001, Image and Vision Computing 19), averaged over the other models. Low overlap is
//            diversity of use to an ensemble: what one gets wrong, others get right.
//
// Plain disagreement would be no measure here: the poorest models disagree most with everybody, so that none would ever be
// dominated and they would crowd out good ones.
//
// One model dominates another where it is no worse in everything that is known of both and better in something, or as good
// in all of it and was added earlier. What is known of one only, a cost or the overlap, is not compared.
//
// Dropped first is the dominated model with the highest loss; where none is dominated, the model with the highest loss; ties
// go to the later one. The model with the lowest loss, the earliest of several, is never dropped. After every change all is
// weighed anew: a model is dominated no longer when the last that dominated it is gone.
class DropOrder {
 public:
  struct Model {
    std::string name;  // unlike any other here
    double loss = 0.0;
    std::map<std::string, double> cost;
    std::vector<std::uint64_t> wrong;  // bit s % 64 of word s / 64: it is wrong on sample s. Empty: not known
  };

  // Counts as added after all others. O(samples + models).
  void add(Model model);

  // One that is here. O(samples + models).
  void remove(const std::string& name);

  std::size_t size() const { return models_.size(); }

  // What goes next; nullopt where there is only one model, or none. Where the model with the highest loss is dominated by
  // one of the best, as most often, O(models + samples); O(models x (models + samples)) where none is dominated.
  std::optional<std::string> first() const;

 private:
  struct Weighed {
    Model model;
    std::uint64_t age = 0;
    std::vector<double> cost;  // by the index in cost_keys_; NaN: not known
  };

  std::int64_t overlap(const Model& model) const;

  std::vector<Weighed> models_;  // by loss, then age
  std::map<std::string, std::size_t> cost_keys_;
  std::vector<std::int64_t> wrong_models_;  // [samples]: how many models are wrong there
  std::uint64_t added_ = 0;
};

}  // namespace quorate
