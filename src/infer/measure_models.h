// A profile of models that are loaded already, by any clock.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "quorate/infer/measure.h"

namespace quorate {

// measure_profile() (which has checked all of this) of `backends` [names] on `kinds`, one device each. `now_s` is asked
// before and after each run.
Profile measure_models(const std::vector<std::string>& names, const std::vector<std::shared_ptr<Backend>>& backends,
                       const std::vector<Device>& kinds, const Samples& sample, const MeasureOptions& options,
                       const std::function<double()>& now_s);

}  // namespace quorate
