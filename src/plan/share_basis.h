// The best shares again and again, of placements that differ in a few cells.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace quorate {

// The share program of share_lp.h, with the basis of its last solution kept: after a change of a few cells it takes a few
// pivots, where solving anew takes as many as there are rows. What it answers carries rounding errors of the pivots, so it
// serves to compare placements; what is reported is solved anew by best_shares(). A revised simplex with a dense inverse: a
// pivot is at most rows^2 operations, rows = devices + models, and each column has two entries. Copies are independent.
class ShareBasis {
 public:
  ShareBasis(std::size_t devices, std::span<const double> demand);

  // The cell's rate from now on, in samples/s; 0: absent.
  void set(std::size_t device, std::size_t m, double rate);

  // Solves for the rates as they are now. Returns the throughput.
  double solve();

  double throughput() const { return throughput_; }
  double price(std::size_t m) const { return price_[m]; }            // as Shares::price
  double worth(std::size_t device) const { return worth_[device]; }  // as Shares::worth
  double share(std::size_t device, std::size_t m) const;             // of the last solution
  double rate(std::size_t device, std::size_t m) const { return rate_[device * models_ + m]; }

 private:
  // Columns: t, then the cells, then a surplus for each model and a slack for each device.
  static constexpr int kGone = -1;  // a cell that left while it was in the basis: must become 0
  int surplus(std::size_t m) const { return static_cast<int>(1 + rate_.size() + m); }
  int slack(std::size_t device) const { return static_cast<int>(1 + rate_.size() + models_ + device); }

  struct Entries {
    std::size_t row[2] = {0, 0};
    double value[2] = {0.0, 0.0};
  };
  Entries entries(int column) const;  // of any column but t's
  double row_times(std::size_t r, int column) const;
  void times(int column, std::vector<double>& out) const;
  double gain(int column) const;  // the reduced cost: what a unit of the column adds to t
  template <class Visit>
  void each_outside(const Visit& visit) const;  // columns outside the basis, in a fixed order

  void pivot(std::size_t r, int column);
  bool repair();   // dual steps, until no gone or negative variable is left
  bool improve();  // primal steps
  void restart();  // from no shares at all
  void read();     // throughput_, price_, worth_
  bool exact() const;

  std::size_t devices_, models_, rows_;
  std::vector<double> demand_;
  std::vector<double> rate_;                      // [devices, models]
  std::vector<std::vector<std::size_t>> hosted_;  // [devices]: cells with a rate that take part
  std::vector<std::size_t> waiting_;              // cells set since the last solution
  std::vector<double> inverse_;                   // [rows, rows]
  std::vector<double> value_;                     // [rows], of the basic variables
  std::vector<int> basic_;                        // [rows], columns
  std::vector<int> position_;                     // [columns], the row where it is basic, or -1
  std::vector<double> direction_;                 // [rows], scratch
  double scale_ = 1.0;                            // t and rates / demand are in units of it
  double throughput_ = 0.0;
  std::vector<double> price_, worth_;
};

}  // namespace quorate
