// Scoring on a GPU: every candidate at once.
#pragma once

#include <memory>

#include "select/scorer.h"

namespace quorate {

// Of what check_suits() allows on `scoring.device`, "cuda:<number>". Scores are in double, in a fixed order. All scores go
// to the device once, as float32. Throws DeviceError where the device or its memory does not suffice, and in a build without
// CUDA.
std::unique_ptr<Scorer> make_cuda_scorer(const Scoring& scoring);

}  // namespace quorate
