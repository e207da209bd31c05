#include "quorate/infer/replay.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "core/message.h"
#include "quorate/core/error.h"
#include "quorate/plan/interpolate.h"

namespace quorate {
namespace {

using Clock = std::chrono::steady_clock;

void wait_until(Clock::time_point end, ReplayWait wait) {
  if (wait == ReplayWait::kSleep) return std::this_thread::sleep_until(end);
  while (Clock::now() < end) {
  }
}

class Replay : public Backend {
 public:
  Replay(const Profile& profile, const std::string& model, ReplayAnswers answers, ReplayWait wait)
      : profile_(profile), answers_(std::move(answers)), wait_(wait) {
    check(profile_);
    const auto found = std::ranges::find(profile_.models, model);
    require(found != profile_.models.end(), "the profile has no model \"", model, "\"");
    require(answers_.rows >= 1 && answers_.classes >= 1, "probs has shape [", answers_.rows, ", ", answers_.classes,
            "], but must have at least one row and one class");
    model_ = static_cast<std::size_t>(found - profile_.models.begin());
  }

  Scores run(const float* input, std::span<const std::int64_t> shape, const Device* device) override {
    const Clock::time_point begin = Clock::now();
    const auto samples = static_cast<std::size_t>(shape[0]);
    std::size_t row = 1;
    for (const std::int64_t size : shape.subspan(1)) row *= static_cast<std::size_t>(size);
    const std::chrono::duration<double> latency(latency_s(samples, device));
    const auto out = std::make_shared_for_overwrite<float[]>(samples * answers_.classes);
    for (std::size_t i = 0; i < samples; ++i) {
      const float asked = input[i * row];
      if (!(asked >= 0.0f && asked < static_cast<float>(answers_.rows) && asked == std::floor(asked)))
        throw DeviceError(message("sample ", i, " asks for row ", asked, ", but there are rows 0 to ", answers_.rows - 1));
      std::copy_n(answers_.probs + static_cast<std::size_t>(asked) * answers_.classes, answers_.classes,
                  out.get() + i * answers_.classes);
    }
    wait_until(begin + std::chrono::duration_cast<Clock::duration>(latency), wait_);
    return {out.get(), samples, answers_.classes, out};
  }

  std::int64_t weight_bytes() const override { return 0; }

 private:
  double latency_s(std::size_t samples, const Device* device) const {
    const std::optional<std::size_t> kind = device ? profile_.kind_index(device->kind) : 0;
    if (!kind) throw DeviceError(message("its profile has no kind \"", device->kind, "\""));
    const double seconds = latency_of_batch(profile_, *kind, model_, static_cast<int>(samples));
    if (!std::isfinite(seconds))
      throw DeviceError(message("its profile has no batch of ", samples, " on \"", profile_.kinds[*kind], "\""));
    return seconds;
  }

  const Profile profile_;
  std::size_t model_ = 0;
  ReplayAnswers answers_;
  ReplayWait wait_;
};

}  // namespace

std::shared_ptr<Backend> replay(const Profile& profile, const std::string& model, ReplayAnswers answers, ReplayWait wait) {
  return std::make_shared<Replay>(profile, model, std::move(answers), wait);
}

}  // namespace quorate
