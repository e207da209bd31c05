// A rung where several losses decide.
#pragma once

#include "search/listed_front.h"
#include "search/rung.h"
#include "search/staircase_net.h"
#include "search/staircase_rest.h"

namespace quorate {

// Ranks by non-dominated fronts: one point dominates another if it is nowhere worse and somewhere better; front 0 is
// dominated by nobody, front 1 by front 0 alone, and so on. The best are whole fronts and, of the one that does not fit into
// the quota, the first of Front::Net. Those of whole fronts are taken front by front, the earlier trial first.
//
// Only the fronts that the quota reaches are held; the rest waits, unranked. A point that comes finds its front by halving,
// as what front f does not dominate no later one does, and pushes those that it dominates into the next front, which push on
// (Li et al. 2017, "Efficient nondomination level update"); one that goes lets the next front's rise. A front that is
// pushed as a whole is put between the fronts instead. So a call takes time in proportion to the points that change front,
// besides what Front and Front::Rest say, and the net of one front where that changed.
template <class Front>
class ParetoRung final : public Rung {
 public:
  using Rung::Rung;

  Place add(std::span<const double> losses, std::int64_t trial) override;
  bool among_best(Place place) override;
  std::vector<std::int64_t> ranking() const override;
  std::int64_t size() const override { return static_cast<std::int64_t>(places_.size()); }

 private:
  bool any_untaken() override { return next().has_value(); }
  std::optional<std::int64_t> take_best() override;
  void erase(Place place) override;

  using Point = typename Front::Point;
  struct Level {
    Front front;
    std::size_t untaken = 0;
    std::unique_ptr<typename Front::Net> net;  // of the front as it is, once it was asked for
    std::size_t asked = 0;                     // so many of the first of the net are taken

    void changed() {
      net.reset();
      asked = 0;
    }
  };

  std::size_t level_of(const Point& point) const;  // levels_.size(): it is in the rest
  void push(std::size_t level, const Point& point);
  void close_gap(std::size_t level, const Point& point);
  void count(std::size_t level, std::span<const Point> points, int sign);
  void insert_level(std::size_t at, std::vector<Point> points);
  void erase_level(std::size_t at);
  void settle();
  std::size_t room() const { return static_cast<std::size_t>(quota()) - whole_points_; }  // for those of levels_[whole_]
  std::size_t ranked_by_net(Level& level, std::size_t rank);                              // an index in the front
  struct Found {
    std::size_t level;
    std::size_t index;  // in its front
  };
  std::optional<Found> next();  // the best that was not yet taken

  typename Front::Store store_;
  std::vector<Point> places_;
  std::vector<bool> ranked_;  // [places]: finite and not removed
  std::vector<Level> levels_;
  typename Front::Rest rest_;
  std::size_t held_ = 0;           // points in levels_
  std::size_t whole_ = 0;          // so many of the first levels fit into the quota whole, and hold
  std::size_t whole_points_ = 0;   // so many points, of which
  std::size_t whole_untaken_ = 0;  // so many were not taken
};

extern template class ParetoRung<Staircase>;
extern template class ParetoRung<ListedFront>;

}  // namespace quorate
