// The process of an isolated model, for tests: a file holds the number of an arithmetic model, and samples say what goes
// wrong.
#include <unistd.h>

#include <csignal>

#include "infer/small_engine.h"
#include "quorate/core/file.h"
#include "quorate/infer/isolated.h"

namespace quorate {
namespace {

class Obedient : public test::Arithmetic {
 public:
  explicit Obedient(int model) : Arithmetic(model, test::kClasses) {}
  Scores run(const float* input, std::span<const std::int64_t> shape, const Device* device) override {
    if (input[0] == 9.25f) ::raise(SIGKILL);
    if (input[0] == 9.5f) ::_exit(7);
    if (input[0] == 9.75f) ::pause();
    if (input[0] == 10.25f) throw OutOfMemory("no room");
    if (input[0] == 10.5f) throw DeviceLost("fell off the bus");
    return Arithmetic::run(input, shape, device);
  }
  std::int64_t weight_bytes() const override { return 12; }
  std::vector<std::int64_t> features() const override { return {3}; }
  std::int64_t max_batch() const override { return 1000; }
};

}  // namespace
}  // namespace quorate

int main() {
  quorate::run_isolated_worker([](const std::filesystem::path& file, const quorate::LoadOptions&) {
    const std::string content = quorate::read_file(file);
    if (content == "damaged") throw quorate::FileError(file, "is no model");
    if (content == "dies") ::raise(SIGKILL);
    return std::make_shared<quorate::Obedient>(std::stoi(content));
  });
}
