#include "quorate/infer/replay.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "core/message.h"
#include "quorate/core/error.h"
#include "quorate/plan/interpolate.h"

namespace quorate {
namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point end_of(Clock::time_point began, double latency_s) {
  return began + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(latency_s));
}

void spin(Clock::time_point began, double latency_s) {
  const Clock::time_point end = end_of(began, latency_s);
  while (Clock::now() < end) {
  }
}

void sleep(Clock::time_point began, double latency_s) { std::this_thread::sleep_until(end_of(began, latency_s)); }

class Replay : public Backend {
 public:
  Replay(const Profile& profile, const std::string& model, ReplayAnswers answers, ReplayTime wait,
         std::shared_ptr<ReplayedDevices> devices)
      : profile_(profile), answers_(std::move(answers)), wait_(std::move(wait)), devices_(std::move(devices)) {
    check(profile_);
    const auto found = std::ranges::find(profile_.models, model);
    require(found != profile_.models.end(), "the profile has no model \"", model, "\"");
    require(answers_.rows >= 1 && answers_.classes >= 1, "probs has shape [", answers_.rows, ", ", answers_.classes,
            "], but must have at least one row and one class");
    model_ = static_cast<std::size_t>(found - profile_.models.begin());
  }

  Scores run(const float* input, std::span<const std::int64_t> shape, const Device* device) override {
    const Clock::time_point began = Clock::now();
    const auto samples = static_cast<std::size_t>(shape[0]);
    std::size_t row = 1;
    for (const std::int64_t size : shape.subspan(1)) row *= static_cast<std::size_t>(size);
    const double taken_s = latency_s(samples, device);
    const auto out = std::make_shared_for_overwrite<float[]>(samples * answers_.classes);
    for (std::size_t i = 0; i < samples; ++i) {
      const float asked = input[i * row];
      if (!(asked >= 0.0f && asked < static_cast<float>(answers_.rows) && asked == std::floor(asked)))
        throw DeviceError(message("sample ", i, " asks for row ", asked, ", but there are rows 0 to ", answers_.rows - 1));
      std::copy_n(answers_.probs + static_cast<std::size_t>(asked) * answers_.classes, answers_.classes,
                  out.get() + i * answers_.classes);
    }
    wait_(began, taken_s);
    return {out.get(), samples, answers_.classes, out};
  }

  std::int64_t weight_bytes() const override { return 0; }

 private:
  double latency_s(std::size_t samples, const Device* device) {
    const std::optional<std::size_t> kind = device ? profile_.kind_index(device->kind) : 0;
    if (!kind) throw DeviceError(message("its profile has no kind \"", device->kind, "\""));
    const double seconds = latency_of_batch(profile_, *kind, model_, static_cast<int>(samples));
    if (!std::isfinite(seconds))
      throw DeviceError(message("its profile has no batch of ", samples, " on \"", profile_.kinds[*kind], "\""));
    if (!devices_) return seconds;
    const std::size_t before = devices_->follow(device ? device->name : "", model_);
    return seconds * profile_.slowed_by(*kind, model_, std::span(&before, 1));
  }

  const Profile profile_;
  std::size_t model_ = 0;
  ReplayAnswers answers_;
  ReplayTime wait_;
  std::shared_ptr<ReplayedDevices> devices_;
};

}  // namespace

std::size_t ReplayedDevices::follow(const std::string& device, std::size_t model) {
  const std::lock_guard lock(mutex_);
  return std::exchange(last_.try_emplace(device, model).first->second, model);
}

std::shared_ptr<Backend> replay(const Profile& profile, const std::string& model, ReplayAnswers answers, ReplayTime wait,
                                std::shared_ptr<ReplayedDevices> devices) {
  return std::make_shared<Replay>(profile, model, std::move(answers), std::move(wait), std::move(devices));
}

std::shared_ptr<Backend> replay(const Profile& profile, const std::string& model, ReplayAnswers answers, ReplayWait wait,
                                std::shared_ptr<ReplayedDevices> devices) {
  return replay(profile, model, std::move(answers), wait == ReplayWait::kSpin ? spin : sleep, std::move(devices));
}

}  // namespace quorate
