// How differently models err: what makes their combination better than each of them.
#pragma once

#include <span>
#include <vector>

#include "quorate/library/predictions.h"

namespace quorate {

// Square matrices [members, members], row-major and symmetric, over the samples of the predictions. Of predictions of
// values, only error_correlation is there; the others are empty.
struct Diversity {
  std::vector<double> disagreement;       // share of samples that two models answer differently; 0 on the diagonal
  std::vector<double> error_correlation;  // Pearson's correlation of being wrong (phi), 1 on the diagonal; low is good
  std::vector<double> double_fault;       // share of samples that both answer wrongly (Giacinto and Roli 2001); on the
                                          // diagonal a model's error rate
};

// Of values (regression), error_correlation is Pearson's correlation of the residuals, taken for each output and averaged
// over outputs, so that their scales do not matter. A model that is never wrong, or always, or whose residuals never vary,
// has no correlation with any other: it is given as 0. The answer of a model is its class of highest score (ties: the
// lowest). O(members x samples x classes + members^2 x samples). Throws std::invalid_argument unless there are members, each
// a model of the predictions. The same for any number of threads (0: all cores).
Diversity diversity(const Predictions& predictions, std::span<const int> members, int threads = 0);

}  // namespace quorate
