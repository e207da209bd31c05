// A cascade asks its tiers in turn and stops at the first that is sure enough.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/select/ensemble.h"
#include "quorate/select/front.h"

namespace quorate {

// What a tier's certainty is read from, always in [0, 1]; the tier answers where it is >= the threshold.
//   kConfidence     the highest mean score (Wang et al. 2022: max probability)
//   kAgreement      the members' weighted mean score of the class that most of them vote for (agreement-based cascading,
//                   arXiv 2407.02348: score agreement); for one member its confidence
//   kVoteAgreement  the weighted share of members that vote for that class (ibid.: vote agreement); for one member 1
// Ties between classes go to the lowest class.
enum class Signal { kConfidence, kAgreement, kVoteAgreement };

// What the cascade answers where tier k stops.
//   kLast   tier k's own mean of scores
//   kMean   the mean of all tiers asked so far, each member by its weight, each tier alike
enum class Combine { kLast, kMean };

struct Tier {
  std::vector<int> members;     // indices of models, ascending
  std::vector<double> weights;  // [members], positive, sum 1
  Signal signal = Signal::kConfidence;
  double threshold = 0.0;  // the last tier's is 0: it always answers. Above 1: it never does.

  bool operator==(const Tier&) const = default;
};

// What calibrate() promises, and under which conditions. See docs/routing.md.
struct Certificate {
  double max_loss_increase = 0.0;  // epsilon: of the error rate, over the last tier's alone
  double delta = 0.0;              // the promise is broken with at most this probability
  std::size_t samples = 0;         // calibration samples, unused before
  double bound = 0.0;              // upper confidence bound (level 1 - delta) of the loss increase at these thresholds
  double measured = 0.0;           // the loss increase measured on the calibration samples
  double reference_loss = 0.0;     // the last tier's error rate on the calibration samples
  bool holds = false;              // false: nothing cheaper than the last tier could be promised; thresholds are above 1
  std::size_t samples_needed = 0;  // where !holds: about how many samples the thresholds asked for would need; 0 = no number helps
  std::string method;
  std::string does_not_cover;

  bool operator==(const Certificate&) const = default;
};

struct Cascade {
  std::vector<Tier> tiers;  // [depth], asked in this order; a model stands in one tier only
  Combine combine = Combine::kLast;
  bool parallel = false;    // a tier's members run at once: it costs its dearest member, not the sum
  double loss = 0.0;        // error rate on the data that it was found on: optimistic
  double cost = 0.0;        // mean cost of a sample on that data
  double worst_cost = 0.0;  // of a sample that reaches the last tier
  std::string found_by = "hand";
  std::optional<Certificate> certificate;

  bool operator==(const Cascade&) const = default;
};

using CascadeFront = Front<Cascade>;

// An ensemble is a cascade of one tier.
Cascade as_cascade(const Ensemble& ensemble, bool parallel = false);

// Throws std::invalid_argument unless tiers, members, weights and thresholds are as described above, members below `models`.
void check(const Cascade& cascade, std::size_t models);

std::string to_json(const Cascade& cascade);
std::string to_json(const CascadeFront& front);
Cascade cascade_from_json(std::string_view text, const std::string& name = "cascade");
CascadeFront cascade_front_from_json(std::string_view text, const std::string& name = "cascades");

}  // namespace quorate
