// The scorers that make_scorer() chooses from. Arguments have passed check_suits().
#pragma once

#include <memory>

#include "select/scorer.h"

namespace quorate {

// Of predictions whose mean is the committee's answer: probabilities, or votes.
std::unique_ptr<Scorer> make_log_loss_scorer(const Scoring& scoring);
std::unique_ptr<Scorer> make_squares_scorer(const Scoring& scoring);  // Brier score; mean squared error of values

// kAccuracy, kBalancedAccuracy and kMacroF1: of the class of highest mean, whatever is averaged.
std::unique_ptr<Scorer> make_accuracy_scorer(const Scoring& scoring);
std::unique_ptr<Scorer> make_macro_f1_scorer(const Scoring& scoring);

// kLogLoss and kBrier of the softmax of mean logarithms.
std::unique_ptr<Scorer> make_logits_scorer(const Scoring& scoring);

}  // namespace quorate
