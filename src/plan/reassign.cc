#include "plan/reassign.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "plan/device_load.h"
#include "plan/draft.h"

namespace quorate {
namespace {

constexpr int kFewestParts = 8;
constexpr double kLinear = 0.02;              // of the cost of time, beside its square
constexpr double kCold = 0.01;                // of `hot`, at the end
constexpr double kNothing = 1e-9;             // a cost that is rounding
constexpr double kSplits = 0.15;              // of the moves; the others are of whole models
constexpr double kAlone = 0.35;               // of one model from one device to another, or of one in exchange for one
constexpr double kExchanges = 0.7;            // up to here; the rest exchange up to two for up to three
constexpr std::size_t kRemembered = 1 << 16;  // costs of devices
constexpr std::int64_t kBetweenLooks = 1024;  // moves from one look at the clock to the next

struct Move {
  std::size_t m = 0, from = 0, to = 0;
  int parts = 0;
};

// Each model's parts, all of them somewhere, and what the devices cost with them.
class Assignment {
 public:
  Assignment(const Problem& problem, double target, int parts, Random& random)
      : problem_(problem),
        parts_(parts),
        loads_(problem),
        part_rate_(problem.models),
        held_(problem.devices * problem.models, 0),
        hosted_(problem.devices),
        key_(problem.devices),
        cost_(problem.devices, 0.0),
        words_(problem.models * static_cast<std::size_t>(parts + 1)),
        remembered_(kRemembered) {
    for (std::size_t m = 0; m < problem.models; ++m) part_rate_[m] = target * problem.demand[m] / parts;
    for (std::uint64_t& word : words_) word = random.next();
    for (std::uint64_t& key : key_) key = random.next() | 1;
    for (std::size_t device = 0; device < problem.devices; ++device)
      for (std::size_t m = 0; m < problem.models; ++m)
        if (problem.pinned[problem.cell(device, m)]) hosted_[device].push_back(m);
  }

  int parts() const { return parts_; }
  bool runs(std::size_t device, std::size_t m) const { return loads_.runs(device, m); }
  const std::vector<std::size_t>& hosted(std::size_t device) const { return hosted_[device]; }
  int held(std::size_t device, std::size_t m) const { return held_[problem_.cell(device, m)]; }
  double total() const { return total_; }

  void give(std::size_t device, std::size_t m, int parts) {
    const std::size_t cell = problem_.cell(device, m);
    int& held = held_[cell];
    std::vector<std::size_t>& hosted = hosted_[device];
    if (held == 0 && !problem_.pinned[cell]) hosted.push_back(m);
    key_[device] ^= word(m, held) ^ word(m, held + parts);
    held += parts;
    if (held == 0 && !problem_.pinned[cell]) {
      *std::find(hosted.begin(), hosted.end(), m) = hosted.back();
      hosted.pop_back();
    }
  }

  void add_up() {
    total_ = 0.0;
    for (std::size_t device = 0; device < problem_.devices; ++device) total_ += cost_[device] = cost(device);
  }

  // Makes the moves between the two devices, unless they cost more than `most` in all.
  void attempt(const std::vector<Move>& moves, std::size_t device, std::size_t other, double most) {
    for (const Move& move : moves) {
      give(move.from, move.m, -move.parts);
      give(move.to, move.m, move.parts);
    }
    const double before = cost_[device] + cost_[other], one = remembered(other);
    if (one - before <= most)  // else the other device need not be asked
      if (const double two = remembered(device), more = one + two - before; more <= most) {
        cost_[other] = one;
        cost_[device] = two;
        total_ += more;
        return;
      }
    for (auto move = moves.rbegin(); move != moves.rend(); ++move) {
      give(move->to, move->m, -move->parts);
      give(move->from, move->m, move->parts);
    }
  }

  // What of it fits memory.
  Placement placement() {
    Placement result(problem_);
    for (std::size_t device = 0; device < problem_.devices; ++device) {
      ask(device);
      for (std::size_t i = 0; i < duties_.size(); ++i)
        if (const int batch = loads_.batches()[i]; result.fits(problem_, device, duties_[i].m, batch))
          result.place(problem_, device, duties_[i].m, batch);
    }
    return result;
  }

 private:
  struct Remembered {
    std::uint64_t key = 0;
    double cost = 0.0;
  };

  std::uint64_t word(std::size_t m, int held) const {
    return held == 0 ? 0 : words_[m * static_cast<std::size_t>(parts_ + 1) + static_cast<std::size_t>(held)];
  }

  DeviceLoad ask(std::size_t device) {
    duties_.clear();
    for (const std::size_t m : hosted_[device]) duties_.push_back({m, part_rate_[m] * held(device, m)});
    return loads_.least(device, duties_);
  }

  double cost(std::size_t device) {
    const DeviceLoad load = ask(device);
    const double over = std::max(0.0, load.time - 1.0);
    return over * over + kLinear * over + load.missing;
  }

  double remembered(std::size_t device) {
    Remembered& at = remembered_[key_[device] % kRemembered];
    if (at.key != key_[device]) at = {key_[device], cost(device)};
    return at.cost;
  }

  const Problem& problem_;
  int parts_;
  DeviceLoads loads_;
  std::vector<double> part_rate_;                 // [models] samples/s
  std::vector<int> held_;                         // [devices, models] parts
  std::vector<std::vector<std::size_t>> hosted_;  // [devices]: models with parts there, and those that are pinned
  std::vector<std::uint64_t> key_;                // [devices]: a hash of the device and what it holds (Zobrist 1970)
  std::vector<double> cost_;                      // [devices]
  std::vector<std::uint64_t> words_;              // [models, parts + 1], of the hash
  std::vector<Remembered> remembered_;
  std::vector<Duty> duties_;
  double total_ = 0.0;
};

// Parts as the shares have them, rounded; what is left goes where most is.
void spread(const Problem& problem, const Priced& start, Assignment& assignment) {
  for (std::size_t m = 0; m < problem.models; ++m) {
    double all = 0.0;
    for (std::size_t device = 0; device < problem.devices; ++device)
      all += start.basis.share(device, m) * start.basis.rate(device, m);
    std::size_t most_at = problem.devices;
    double most = -1.0;
    int left = assignment.parts();
    for (std::size_t device = 0; device < problem.devices; ++device) {
      if (start.basis.rate(device, m) <= 0.0) continue;
      const double part = all > 0.0 ? start.basis.share(device, m) * start.basis.rate(device, m) / all : 0.0;
      if (part > most) {
        most = part;
        most_at = device;
      }
      const int whole = std::min(left, static_cast<int>(part * assignment.parts() + 0.3));
      if (whole > 0) assignment.give(device, m, whole);
      left -= whole;
    }
    if (left > 0) assignment.give(most_at, m, left);
  }
  assignment.add_up();
}

// Up to `count` models of the device, drawn, with all their parts.
void draw(const Assignment& assignment, std::size_t from, std::size_t to, std::size_t count, Random& random,
          std::vector<Move>& moves) {
  const std::vector<std::size_t>& hosted = assignment.hosted(from);
  for (std::size_t i = 0; i < std::min(count, hosted.size()); ++i) {
    const std::size_t m = hosted[random.below(hosted.size())];
    const bool twice = std::any_of(moves.begin(), moves.end(), [&](const Move& move) { return move.m == m; });
    // One that is pinned may have no parts there.
    if (const int held = assignment.held(from, m); held > 0 && !twice) moves.push_back({m, from, to, held});
  }
}

}  // namespace

std::optional<Placement> reassign(const Problem& problem, const Priced& start, const Reassigning& how, const Clock& clock,
                                  Random& random) {
  if (problem.devices < 2) return std::nullopt;
  const int parts = std::max(kFewestParts, static_cast<int>(2 * problem.devices / problem.models));
  Assignment assignment(problem, how.target, parts, random);
  spread(problem, start, assignment);
  std::vector<Move> moves;
  double temperature = how.hot;
  for (std::int64_t i = 0; i < how.moves && assignment.total() > kNothing; ++i) {
    if (i % kBetweenLooks == 0) {
      if (clock.over()) break;
      temperature = how.hot * std::pow(kCold, static_cast<double>(i) / static_cast<double>(how.moves));
    }
    const std::size_t device = random.below(problem.devices);
    std::size_t other = random.below(problem.devices - 1);
    other += other >= device;
    const double kind = random.uniform();
    moves.clear();
    draw(assignment, device, other, kind >= kExchanges ? 1 + random.below(2) : 1, random, moves);
    if (moves.empty()) continue;
    if (kind < kSplits)
      moves[0].parts = 1 + static_cast<int>(random.below(static_cast<std::uint64_t>(moves[0].parts)));
    else if (kind >= kAlone)
      draw(assignment, other, device, kind >= kExchanges ? random.below(4) : 1, random, moves);
    if (std::any_of(moves.begin(), moves.end(), [&](const Move& move) { return !assignment.runs(move.to, move.m); }))
      continue;
    assignment.attempt(moves, device, other, -temperature * std::log(1.0 - random.uniform()));
  }
  Placement placement = assignment.placement();
  return completed(problem, placement, random) ? std::optional(std::move(placement)) : std::nullopt;
}

}  // namespace quorate
