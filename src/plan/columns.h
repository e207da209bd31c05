// What devices could host, as columns of a linear program over all of them.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "plan/price_device.h"
#include "plan/problem.h"

namespace quorate {

// What any of its devices can host, and at which rates, the first one can too.
struct DeviceClass {
  std::vector<std::size_t> devices;
};
// Devices that can't be told apart. Where classes x models are more than `most_cells`, which a round of pricing would take
// seconds for, devices that differ in their memory alone share a class with one that has somewhat more: what bounds that one
// bounds them all.
std::vector<DeviceClass> classes_of(const Problem& problem, std::size_t most_cells = 6000);

// A use of one device of a class, and how many of them do it in the relaxation.
struct Column {
  std::size_t of_class = 0;
  std::vector<Hosted> hosted;
  double times = 0.0;
};

// sum over columns of times x the weight of how they host the model >= at_least.
struct HostingRow {
  std::size_t m = 0;
  std::vector<double> weight;  // [classes, batches]
  double at_least = 0.0;
};

// What the program is after: the most t; or, where `rate` is above 0, the least cost for t = rate.
struct Goal {
  double rate = 0.0;
  std::vector<double> cost = {};  // [classes], of a device in use
};

// maximise t (or minimise the sum over columns of times x cost)
//           subject to  sum over columns of times x share x rate[m] >= t demand[m]   (price[m])
//                         each hosting row                                             (cover[row])
//                         sum over a class's columns of times <= its devices           (worth[class])
class Columns {
 public:
  Columns(const Problem& problem, const std::vector<DeviceClass>& classes, Goal goal);
  ~Columns();

  // [models]: samples/s that a device gives at most; shares of the columns there are shrink to it.
  void limit(std::vector<double> most);
  void require(std::vector<HostingRow> rows);
  bool add(Column column);  // false where the column is there already
  void solve();

  double objective() const { return objective_; }  // t, or the cost; less, or more, what hosting rows lack
  // Of the objective's unit; for the most t scaled so that the sum of demand x price is exactly 1.
  const std::vector<double>& price() const { return price_; }
  const std::vector<double>& cover() const { return cover_; }
  const std::vector<Column>& columns() const { return columns_; }

 private:
  struct Program;
  void append_new();

  const Problem& problem_;
  const std::vector<DeviceClass>& classes_;
  Goal goal_;
  std::vector<Column> columns_;
  std::vector<double> most_;
  std::vector<HostingRow> rows_;
  std::unique_ptr<Program> program_;
  std::size_t appended_ = 0;  // of columns_ that the program has
  double scale_ = 1.0, objective_ = 0.0;
  std::vector<double> price_, cover_;
};

}  // namespace quorate
