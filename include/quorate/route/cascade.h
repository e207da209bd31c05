// A cascade asks its tiers in turn and stops at the first that is sure enough.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/select/ensemble.h"
#include "quorate/select/front.h"

namespace quorate {

// What a tier's certainty is read from, always in [0, 1]; the tier answers where it is >= the threshold.
//   kConfidence     the highest mean score (Wang et al. 2022: max probability); with Combine::kMean of the running mean
//   kAgreement      the members' weighted mean score of the class that most of them vote for (agreement-based cascading,
//                   arXiv 2407.02348: score agreement); for one member its confidence
//   kVoteAgreement  the weighted share of members that vote for that class (ibid.: vote agreement); for one member 1
//   kMargin         the highest mean score minus the second highest; 1 where there is one class
//   kEntropy        1 - H / log(classes), H being the entropy of the mean scores: 1 where it is certain, 0 where uniform;
//                   within 1e-7, as its logarithms are of floats
//   kGiven          what the user says of each sample (Predictions::with_certainty), averaged over members by weight. An
//                   engine has no such array and refuses it.
// A member votes for its class of highest score; "most" is by weight. The agreement signals read the tier's own members
// whatever the combination; confidence, margin and entropy read what the cascade would answer with (see Combine). Ties
// between classes go to the lowest class.
enum class Signal { kConfidence, kAgreement, kVoteAgreement, kMargin, kEntropy, kGiven };

// What the cascade answers where tier k stops: the class of highest score in
//   kLast      tier k's own mean of scores
//   kMean      the mean of all tiers asked so far, each member by its weight, each tier alike
//   kMajority  the votes of all members asked so far, each by its weight, each tier alike: scores are shares of votes.
//              Ties go to the class of higher mean score in tier k, then to the lowest.
enum class Combine { kLast, kMean, kMajority };

// "confidence", "agreement", "vote_agreement", "margin", "entropy", "given"; "last", "mean", "majority". The way back throws
// std::invalid_argument listing them.
std::string to_string(Signal signal);
std::string to_string(Combine combine);
Signal signal_from_string(std::string_view name);
Combine combine_from_string(std::string_view name);

// A threshold at which no tier ever stops: certainties end at 1.
inline constexpr double kNeverStops = 2.0;

struct Tier {
  std::vector<int> members;     // indices of models, ascending
  std::vector<double> weights;  // [members], positive, sum 1
  Signal signal = Signal::kConfidence;
  double threshold = 0.0;  // >= 0. The last tier's is 0: it always answers. Above 1: it never does.
  double cost = 0.0;       // of one sample through this tier, at the costs that the cascade was found with; 0: not known

  bool operator==(const Tier&) const = default;
};

// What calibrate() promises, and under which conditions: of the loss increase over the reference, or, where max_loss is
// stated, of the loss itself. The reference is what the cascade would answer if no tier stopped early: the last tier's own
// answer (Combine::kLast), or what all tiers say together. See calibrate.h and docs/routing.md.
struct Certificate {
  double max_loss_increase = 0.0;  // epsilon: of the error rate, over the reference's; 0 where max_loss is stated
  double delta = 0.0;              // the promise is broken with at most this probability
  std::size_t samples = 0;         // calibration samples
  double bound = 0.0;              // upper confidence bound (level 1 - delta) of what is promised, at these thresholds alone
  double measured = 0.0;           // the same figure as measured on the calibration samples
  double reference_loss = 0.0;     // the reference's error rate on the calibration samples
  bool holds = false;              // false: nothing is promised; a rule that promises found no early stop and made none
  std::size_t samples_needed = 0;  // about how many the thresholds asked for need, where they were not reached; 0: no
                                   // number helps
  std::string method;
  std::string does_not_cover;
  std::optional<double> max_loss = std::nullopt;  // of the error rate itself
  std::size_t candidates = 1;     // out of how many the cascade was picked on these samples, which the promise has paid for
  std::string tiers_sha256 = {};  // digest_of() the cascade that it was made for; empty: not known

  bool operator==(const Certificate&) const = default;
};

struct Cascade {
  std::vector<Tier> tiers;  // [depth], asked in this order; a model stands in one tier only
  Combine combine = Combine::kLast;
  // How far a tier's members run at once, rho in [0, 1]: a tier costs sum^(1 - rho) x dearest^rho of its members. 0: one
  // after another; 1: all at once; k members of one cost c take k^(1 - rho) c. See measured_parallelism().
  double parallelism = 0.0;
  double loss = 0.0;        // error rate on the data that its thresholds were set on: optimistic
  double cost = 0.0;        // mean cost of a sample on that data
  double worst_cost = 0.0;  // of a sample that reaches the last tier
  std::string found_by = "hand";
  std::optional<Certificate> certificate = std::nullopt;

  bool operator==(const Cascade&) const = default;
};

using CascadeFront = Front<Cascade>;

// An ensemble is a cascade of one tier.
Cascade as_cascade(const Ensemble& ensemble, double parallelism = 0.0);

// The rho at which members of these costs take `together`, all at once: log(sum / together) / log(sum / dearest), within
// [0, 1]. 0 for one member. Throws std::invalid_argument unless the costs and `together` are finite and above 0.
double measured_parallelism(std::span<const double> member_costs, double together);

// SHA-256, in hexadecimal, of what decides what a cascade answers: its tiers but for their cost, and how they combine.
std::string digest_of(const Cascade& cascade);

// Throws std::invalid_argument unless tiers, members, weights and thresholds are as described above, members below `models`.
// Weights are accepted when they sum to 1 within 1e-6. A certificate must promise one thing, in range, with a bound that is
// not above it where it holds, and must be of this cascade, as digest_of() tells: a threshold that was changed since is not
// covered.
void check(const Cascade& cascade, std::size_t models);

// {"format": "quorate.cascade", ...} and "quorate.cascade_front", and back; `name` is what a FileError calls the text. What
// is read back is checked as by check(), without a limit on model indices.
std::string to_json(const Cascade& cascade);
std::string to_json(const CascadeFront& front);
Cascade cascade_from_json(std::string_view text, const std::string& name = "cascade");
CascadeFront cascade_front_from_json(std::string_view text, const std::string& name = "cascades");

// The same in a file, written in one step; FileError where it cannot be written or read.
void save(const Cascade& cascade, const std::filesystem::path& path);
void save(const CascadeFront& front, const std::filesystem::path& path);
Cascade load_cascade(const std::filesystem::path& path);
CascadeFront load_cascade_front(const std::filesystem::path& path);

}  // namespace quorate
