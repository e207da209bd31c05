// Latencies over batch sizes from repeated runs, so that a plan does not choose the batch size that was lucky when measured.
#pragma once

#include <vector>

namespace quorate {

// What one model took on one kind of device: [batches][runs] seconds, all with the same number of runs in the order in which
// they were made; none for a batch size at which the model does not run.
using BatchRuns = std::vector<std::vector<double>>;

// [series][batches] seconds, infinity where there are no runs.
//
// Each latency is the median of its runs, moved towards a line: fixed cost plus cost per sample, neither negative, fitted to
// the series' medians by least squares of relative errors. How far is empirical Bayes (Morris, JASA 78, 1983, with variances
// pooled over all series): medians keep the share t / (t + s) of their distance from the line, in logarithms, where s is the
// variance of a median that the scatter of its runs foretells, and t is what the distances' variance exceeds s by. Where
// runs scatter little, what was measured stays; where distances are no larger than the scatter explains, the line counts.
// Such means need no correction for being picked as the least of several (Efron, JASA 106, 2011).
//
// The scatter is that of the k-th runs without what all k-th runs have in common, the speed of the machine at that moment.
// A series of fewer than three batch sizes that ran keeps its medians, as do all where there are fewer than three runs.
std::vector<std::vector<double>> smoothed_latencies_s(const std::vector<int>& batch_sizes,
                                                      const std::vector<BatchRuns>& series);

}  // namespace quorate
