#include "plan/branch.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "plan/rounding.h"

namespace quorate {
namespace {

constexpr int kRounds = 100;     // of column generation in a node
constexpr double kWhole = 1e-6;  // a number of devices that close to a whole one is one

struct Node {
  std::vector<std::size_t> pinned;     // cells
  std::vector<std::size_t> forbidden;  // options
  std::vector<HostingLimit> limits;
  double bound = 0.0;
  std::shared_ptr<const Relaxation> before;  // of its parent
};

Problem restricted(const Problem& problem, const Node& node) {
  Problem result = problem;
  for (const std::size_t cell : node.pinned) result.pinned[cell] = true;
  for (const std::size_t option : node.forbidden) result.rate[option] = 0.0;
  return result;
}

// What to decide: does a device of the class host the model, or run it at one batch size?
struct Question {
  std::size_t of_class = 0, m = 0;
  std::optional<std::size_t> batch = {};
};

bool says_yes(const Question& question, const Column& column) {
  return std::any_of(column.hosted.begin(), column.hosted.end(), [&](const Hosted& hosted) {
    return hosted.m == question.m && (!question.batch || hosted.batch == *question.batch);
  });
}

// How far the number of devices that say yes is from a whole one.
double doubt(const Relaxation& relaxation, const Question& question) {
  double yes = 0.0;
  for (const Column& column : relaxation.columns)
    if (column.of_class == question.of_class && column.times > 0.0 && says_yes(question, column)) yes += column.times;
  return std::abs(yes - std::round(yes));
}

// Some but not all of the class's columns that are used in part say yes.
bool is_mixed(const Relaxation& relaxation, const Question& question) {
  bool yes = false, no = false;
  for (const Column& column : relaxation.columns)
    if (column.of_class == question.of_class && std::abs(column.times - std::round(column.times)) > kWhole)
      (says_yes(question, column) ? yes : no) = true;
  return yes && no;
}

// The part of a device's memory that the model takes at least.
double size_of(const Problem& problem, std::size_t device, std::size_t m) {
  const int batch = problem.smallest(device, m);
  if (batch == kAbsent) return 0.0;
  return static_cast<double>(problem.memory_bytes(problem.option(device, m, static_cast<std::size_t>(batch)))) /
         static_cast<double>(problem.capacity_bytes[device]);
}

// The most doubtful of the largest models: they leave least to decide (on 12 models and 4 devices with tight memory 19 nodes
// where doubt alone took more than 35). nullopt where each class's devices do as one column says, but for their shares.
std::optional<Question> most_doubtful(const Problem& problem, const Relaxation& relaxation) {
  std::optional<Question> best;
  double most = 0.0;
  const auto consider = [&](const Question& question) {
    const double in_doubt = doubt(relaxation, question);
    if (in_doubt <= kWhole) return;
    const double value = in_doubt * size_of(problem, relaxation.classes[question.of_class].devices[0], question.m);
    if (value > most) {
      most = value;
      best = question;
    }
  };
  for (std::size_t k = 0; k < relaxation.classes.size(); ++k)
    for (std::size_t m = 0; m < problem.models; ++m) consider({k, m, {}});
  if (best) return best;
  for (std::size_t k = 0; k < relaxation.classes.size(); ++k)
    for (std::size_t m = 0; m < problem.models; ++m)
      for (std::size_t batch = 0; batch < problem.batches; ++batch) consider({k, m, batch});
  if (best) return best;
  for (std::size_t k = 0; k < relaxation.classes.size(); ++k)
    for (std::size_t m = 0; m < problem.models; ++m) {
      if (is_mixed(relaxation, {k, m, {}})) return Question{k, m, {}};
      for (std::size_t batch = 0; batch < problem.batches; ++batch)
        if (is_mixed(relaxation, {k, m, batch})) return Question{k, m, batch};
    }
  return std::nullopt;
}

// All kinds, all but one, and each.
std::vector<std::vector<bool>> groups_of(const Problem& problem) {
  const std::size_t kinds = std::ranges::max(problem.kind) + 1;
  std::vector<std::vector<bool>> groups = {std::vector<bool>(kinds, true)};
  for (const bool but : {true, false})
    for (std::size_t kind = 0; kind < kinds && kinds > (but ? 2 : 1); ++kind) {
      groups.emplace_back(kinds, but);
      groups.back()[kind] = !but;
    }
  return groups;
}

// How many devices of some kinds host a model: the most doubtful of the largest ones. That divides no class of devices, and
// where all differ a little in memory one decision is about many of them.
std::optional<HostingLimit> most_doubtful_count(const Problem& problem, const Relaxation& relaxation) {
  const std::size_t kinds = std::ranges::max(problem.kind) + 1;
  std::vector<double> hosted(problem.models * kinds, 0.0), size(problem.models, 0.0);
  for (const Column& column : relaxation.columns)
    for (const Hosted& one : column.hosted)
      hosted[one.m * kinds + problem.kind[relaxation.classes[column.of_class].devices[0]]] += column.times;
  for (std::size_t m = 0; m < problem.models; ++m)
    for (const DeviceClass& alike : relaxation.classes) size[m] = std::max(size[m], size_of(problem, alike.devices[0], m));
  std::optional<HostingLimit> best;
  double most = 0.0;
  for (const std::vector<bool>& group : groups_of(problem))
    for (std::size_t m = 0; m < problem.models; ++m) {
      double copies = 0.0;
      for (std::size_t kind = 0; kind < kinds; ++kind) copies += group[kind] ? hosted[m * kinds + kind] : 0.0;
      const double in_doubt = std::abs(copies - std::round(copies));
      if (in_doubt <= kWhole || in_doubt * size[m] <= most) continue;
      most = in_doubt * size[m];
      best = HostingLimit{m, group, std::floor(copies), false};
    }
  return best;
}

Node answered_no(const Problem& problem, Node node, const Relaxation& relaxation, const Question& question) {
  for (const std::size_t device : relaxation.classes[question.of_class].devices)
    for (std::size_t batch = 0; batch < problem.batches; ++batch)
      if (!question.batch || batch == *question.batch) node.forbidden.push_back(problem.option(device, question.m, batch));
  return node;
}

Node answered_yes(const Problem& problem, Node node, const Relaxation& relaxation, const Question& question) {
  const std::size_t device = relaxation.classes[question.of_class].devices[0];
  node.pinned.push_back(problem.cell(device, question.m));
  for (std::size_t batch = 0; batch < problem.batches && question.batch; ++batch)
    if (batch != *question.batch) node.forbidden.push_back(problem.option(device, question.m, batch));
  return node;
}

}  // namespace

Branched branch(const Problem& problem, Priced present, double bound, const Relaxation& root, double enough, int max_nodes,
                const Clock& clock, Random& random) {
  Branched result{std::move(present), bound, 0};
  std::vector<Node> open;
  std::optional<Node> next = Node{{}, {}, {}, bound, std::make_shared<Relaxation>(root)};
  double settled = 0.0;  // of nodes that are closed, but not below the best placement
  while (result.nodes < max_nodes && !clock.over() && result.best.basis.throughput() < enough) {
    if (!next) {
      const auto highest =
          std::max_element(open.begin(), open.end(), [](const Node& a, const Node& b) { return a.bound < b.bound; });
      if (highest == open.end() || highest->bound <= beaten_by(result.best.basis.throughput())) break;
      next = std::move(*highest);
      open.erase(highest);
    }
    const Node node = std::move(*next);
    next.reset();
    ++result.nodes;
    const Problem part = restricted(problem, node);
    const double beaten = beaten_by(result.best.basis.throughput());
    std::shared_ptr<const Relaxation> relaxation = node.before;
    // Of the root nothing new would be said where that was told the same.
    if (result.nodes > 1 || root.beaten != beaten)
      relaxation = std::make_shared<const Relaxation>(
          relax(part, node.bound, beaten, {nullptr, node.before.get()}, kRounds, clock, node.limits));
    if (relaxation->bound <= beaten_by(result.best.basis.throughput())) continue;
    if (std::optional<Placement> placement = rounded(part, *relaxation, Rounding::kLargest, random)) {
      Priced found = priced(problem, std::move(*placement));
      if (found.basis.throughput() > result.best.basis.throughput()) result.best = std::move(found);
    }
    if (relaxation->bound <= beaten_by(result.best.basis.throughput())) continue;
    Node child{node.pinned, node.forbidden, node.limits, relaxation->bound, relaxation};
    if (const std::optional<HostingLimit> count = most_doubtful_count(part, *relaxation)) {
      Node more = child;
      child.limits.push_back(*count);
      more.limits.push_back({count->m, count->kinds, count->copies + 1.0, true});
      open.push_back(std::move(child));
      open.push_back(std::move(more));
      continue;
    }
    const std::optional<Question> question = most_doubtful(part, *relaxation);
    if (!question) {
      settled = std::max(settled, relaxation->bound);
      continue;
    }
    open.push_back(answered_no(problem, child, *relaxation, *question));
    next = answered_yes(problem, std::move(child), *relaxation, *question);
  }
  if (next) open.push_back(std::move(*next));
  double left = std::max(settled, beaten_by(result.best.basis.throughput()));
  for (const Node& node : open) left = std::max(left, node.bound);
  result.bound = std::min(bound, left);
  return result;
}

}  // namespace quorate
