// Files of predictions that are truncated while they are in use: an error that names the file, and nothing else breaks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include "library/random_predictions.h"
#include "quorate/core/error.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;
using test::array_of;
using test::as_half;
using test::random_labels;
using test::random_rows;
using test::scores;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

constexpr std::size_t kSamples = 300;

class Truncated : public testing::TestWithParam<std::size_t> {
 protected:
  Truncated() {
    library.set_labels("valid", labels);
    library.add("whole", {{"valid", array_of(rows, classes)}}, {});
    library.add("single", {{"valid", array_of(rows, classes)}}, {});
    library.add("half", {{"valid", array_of(as_half(rows), classes)}}, {});
  }

  std::size_t classes = GetParam();
  Random random{1};
  std::vector<float> rows = random_rows(random, kSamples, classes);
  std::vector<std::int32_t> labels = random_labels(random, kSamples, classes);
  TemporaryFolder folder;
  ModelLibrary library{folder / "library"};
};

TEST_P(Truncated, AWholeFileReadsAsMemoryDoes) {
  const Predictions files = library.predictions("valid");
  const std::vector<Half> half = as_half(rows);
  const Predictions memory = Predictions::from_probabilities(
      {{rows.data(), nullptr}, {rows.data(), nullptr}, {half.data(), nullptr}}, kSamples, classes, labels);
  const auto all_of = [&](const Predictions& predictions, std::size_t model) {
    std::vector<float> truth(kSamples), confidence(kSamples);
    std::vector<std::int32_t> answer(kSamples);
    predictions.read_true_class(model, truth);
    predictions.read_answers(model, answer, confidence);
    for (std::size_t sample = 0; sample < kSamples; ++sample)
      truth.push_back(predictions.score(model, sample, sample % classes));
    return std::tuple(scores(predictions, model), truth, answer, confidence);
  };
  for (std::size_t m = 0; m < 3; ++m) {
    EXPECT_EQ(all_of(files, m), all_of(memory, m));
    EXPECT_EQ(all_of(files.as_logarithms(0.125f), m), all_of(memory.as_logarithms(0.125f), m));
  }
}

TEST_P(Truncated, EveryReadSaysSo) {
  const Predictions predictions = library.predictions("valid");
  for (const auto& [model, item] : {std::pair<std::size_t, std::size_t>{1, sizeof(float)}, {2, sizeof(Half)}}) {
    const fs::path path = folder / ("library/models/" + predictions.names()[model] + "/valid.npy");
    const std::size_t whole = fs::file_size(path), header = whole - kSamples * classes * item;
    const std::size_t left = header + 10 * classes * item;  // 10 samples
    fs::resize_file(path, left);

    const auto says = ThrowsMessage<FileError>(
        AllOf(StartsWith(path.string() + ": is truncated"),
              HasSubstr("expected at least " + std::to_string(whole) + " bytes, found " + std::to_string(left))));
    std::vector<float> all(kSamples * classes), truth(kSamples);
    std::vector<std::int32_t> answer(kSamples);
    predictions.read(model, 0, 10, all.data());
    EXPECT_EQ(predictions.score(model, 9, classes - 1), all[10 * classes - 1]);
    EXPECT_THAT([&] { predictions.read(model, 9, 2, all.data()); }, says);
    EXPECT_THAT([&] { predictions.read(model, kSamples - 1, 1, all.data()); }, says);
    EXPECT_THAT([&] { predictions.score(model, 10, 0); }, says);
    EXPECT_THAT([&] { predictions.read_true_class(model, truth); }, says);
    EXPECT_THAT([&] { predictions.read_answers(model, answer, truth); }, says);
    EXPECT_THAT([&] { predictions.as_votes(); }, says);
    EXPECT_THAT([&] { predictions.as_logarithms(0.5f).read(model, 0, kSamples, all.data()); }, says);
    EXPECT_THAT([&] { predictions.take(std::vector<std::size_t>{0, 10}); }, says);
    EXPECT_NO_THROW(predictions.done_with(model));
    EXPECT_EQ(scores(predictions, 0), rows) << "the others are as they were";
    fs::resize_file(path, whole);
  }
}

INSTANTIATE_TEST_SUITE_P(Classes, Truncated, testing::Values(1, 3, 1000, 5000));

}  // namespace
}  // namespace quorate
