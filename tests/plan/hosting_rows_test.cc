#include "plan/hosting_rows.h"

#include <gtest/gtest.h>

#include "quorate/core/random.h"

namespace quorate {
namespace {

// One model on devices of these rates, a class each.
struct OneModel {
  Problem problem;
  std::vector<DeviceClass> classes;

  explicit OneModel(const std::vector<double>& rates) {
    problem.devices = rates.size();
    problem.models = problem.batches = 1;
    problem.demand = {1.0};
    problem.rate = rates;
    for (std::size_t device = 0; device < rates.size(); ++device) classes.push_back({{device}});
  }
};

double given(const HostingRow& row, const std::vector<double>& times) {
  double sum = 0.0;
  for (std::size_t device = 0; device < times.size(); ++device) sum += times[device] * row.weight[device];
  return sum;
}

std::vector<HostingRow> broken(const OneModel& one, const std::vector<double>& times, double throughput) {
  std::vector<Column> columns;
  for (std::size_t device = 0; device < times.size(); ++device)
    columns.push_back({device, {{.m = 0, .batch = 0, .share = 1.0}}, times[device]});
  return broken_rows(one.problem, one.classes, columns, throughput);
}

TEST(HostingRows, TwoSlowDevicesOrOneFastOne) {
  const OneModel one({300.0, 90.0, 90.0});
  const std::vector<HostingRow> rows = broken(one, {0.5, 0.6, 0.0}, 100.0);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].weight, (std::vector<double>{2.0, 1.0, 1.0}));
  EXPECT_EQ(rows[0].at_least, 2.0);
  EXPECT_TRUE(broken(one, {0.5, 0.5, 0.5}, 100.0).empty());
  EXPECT_TRUE(broken(one, {0.0, 1.0, 0.0}, 90.0).empty()) << "one is enough";
}

TEST(HostingRows, AreBrokenByTheColumnsAndByNoPlanOfTheThroughput) {
  int rows_seen = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    std::vector<double> rates, times;
    for (std::size_t device = 0; device < 5; ++device) {
      rates.push_back(random.below(6) == 0 ? 0.0 : 1.0 + static_cast<double>(random.below(12)));
      times.push_back(rates.back() > 0.0 ? random.uniform() : 0.0);
    }
    const OneModel one(rates);
    const double throughput = 1.0 + static_cast<double>(random.below(20));
    for (const HostingRow& row : broken(one, times, throughput)) {
      ++rows_seen;
      EXPECT_LT(given(row, times), row.at_least);
      for (unsigned hosts = 0; hosts < 32; ++hosts) {
        std::vector<double> whole(5, 0.0);
        double rate = 0.0;
        for (std::size_t device = 0; device < 5; ++device)
          if (hosts >> device & 1u) {
            whole[device] = 1.0;
            rate += rates[device];
          }
        EXPECT_TRUE(rate < throughput || given(row, whole) >= row.at_least) << "seed " << seed << " hosts " << hosts;
      }
    }
  }
  EXPECT_GT(rows_seen, 100);
}

}  // namespace
}  // namespace quorate
