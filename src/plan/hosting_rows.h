// What any plan of enough throughput hosts at least, as rows over the columns of a relaxation.
#pragma once

#include <optional>
#include <vector>

#include "plan/columns.h"

namespace quorate {

// A decision: so many devices of some kinds at least, or at most, host the model.
struct HostingLimit {
  std::size_t m = 0;
  std::vector<bool> kinds;  // [the profile's kinds]
  double copies = 0.0;
  bool at_least = false;
};
HostingRow row_of(const Problem& problem, const std::vector<DeviceClass>& classes, const HostingLimit& limit);

// [models]: each is hosted by so many devices at least in a plan of this throughput, the fastest ones first; by more than
// there are where all together are too slow.
std::vector<HostingRow> least_copies(const Problem& problem, std::size_t classes, double throughput);

// A plan of this throughput gives a model at least b samples/s: the sum of min(rate, b) over the devices that host it is b
// or more. Divided by any number d and rounded up, term by term,
//   sum over them of ceil(min(rate, b) / d) >= ceil(b / d)
// (Chvatal 1973). What the columns host, as often as they are used, may break that: of each model the row that is broken
// most, where one is by 0.3 % or more.
std::vector<HostingRow> broken_rows(const Problem& problem, const std::vector<DeviceClass>& classes,
                                    const std::vector<Column>& columns, double throughput);

}  // namespace quorate
