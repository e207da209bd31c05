// What glances decide of a sample for many candidates at once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "select/glances.h"

namespace quorate {

// A sample whose answer may be right with one candidate and wrong with another.
struct OpenSample {
  std::size_t sample = 0;
  std::size_t label = 0;
  double weight = 0.0;
  double truth = 0.0;        // the sum of its true class
  double rival = 0.0;        // the highest sum of the others
  double next = 0.0;         // the next
  std::size_t place = 0;     // the class of `rival`
  bool lower_rival = false;  // whether a class below the true one has as much, to which ties go
};

struct LookAt {
  OpenSample open;
  const double* sums;  // [classes]: of the picks
  double lowest;       // no score is lower
  double tie;          // sums that are no further apart are equal
};

// For candidates [begin, end), multiples of Glances::kLanes: adds the sample's weight to wrong[m] where it is sure to be
// answered wrong, and sets undecided[m] to 0 where it is sure, else to another value. With t the sum at the true class with
// a candidate: at the candidate's best other class the sum is known; at the rival it is at least the rival's sum and the
// lowest score; at all others, at most their highest sum and the candidate's second best score.
void look(const LookAt& at, const Glances::Models& models, std::size_t begin, std::size_t end, double* wrong,
          std::int8_t* undecided);

}  // namespace quorate
