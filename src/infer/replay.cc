#include "quorate/infer/replay.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "core/message.h"
#include "quorate/core/error.h"

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
      : answers_(std::move(answers)), wait_(wait), batch_sizes_(profile.batch_sizes) {
    check(profile);
    const auto found = std::ranges::find(profile.models, model);
    require(found != profile.models.end(), "the profile has no model \"", model, "\"");
    require(answers_.rows >= 1 && answers_.classes >= 1, "probs has shape [", answers_.rows, ", ", answers_.classes,
            "], but must have at least one row and one class");
    const auto column = static_cast<std::size_t>(found - profile.models.begin());
    for (std::size_t kind = 0; kind < profile.kinds.size(); ++kind) {
      const auto row = profile.latency_s.begin() + static_cast<std::ptrdiff_t>(profile.index(kind, column, 0));
      kinds_.push_back({profile.kinds[kind], {row, row + static_cast<std::ptrdiff_t>(batch_sizes_.size())}});
    }
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
  struct Kind {
    std::string name;
    std::vector<double> latency_s;  // [batches]
  };

  double latency_s(std::size_t samples, const Device* device) const {
    const auto kind = device ? std::ranges::find(kinds_, device->kind, &Kind::name) : kinds_.begin();
    if (kind == kinds_.end()) throw DeviceError(message("its profile has no kind \"", device->kind, "\""));
    for (std::size_t b = 0; b < batch_sizes_.size(); ++b)
      if (static_cast<std::size_t>(batch_sizes_[b]) >= samples && std::isfinite(kind->latency_s[b]))
        return kind->latency_s[b];
    throw DeviceError(message("its profile has no batch of ", samples, " on \"", kind->name, "\""));
  }

  ReplayAnswers answers_;
  ReplayWait wait_;
  std::vector<int> batch_sizes_;
  std::vector<Kind> kinds_;
};

}  // namespace

std::shared_ptr<Backend> replay(const Profile& profile, const std::string& model, ReplayAnswers answers, ReplayWait wait) {
  return std::make_shared<Replay>(profile, model, std::move(answers), wait);
}

}  // namespace quorate
