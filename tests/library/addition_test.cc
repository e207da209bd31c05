// Adding a model lists what is there only where somebody else has added.
#include "library/addition.h"

#include <gmock/gmock.h>

#include <thread>

#include "library/random_predictions.h"
#include "quorate/core/error.h"
#include "quorate/library/model_library.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class Additions : public testing::Test {
 protected:
  Additions() { ModelLibrary(path).set_labels("valid", {0, 1}); }

  auto adding(const ModelLibrary& library, const std::string& name) {
    return [=, this] { ModelLibrary(library).add(name, {{"valid", test::array_of(rows, 2)}}, {}); };
  }
  // What cannot be read: whoever lists the models trips over it.
  void put_foreign() const {
    std::filesystem::create_directory(path / "models/foreign");
    test::put(path / "models/foreign/meta.json", "not JSON");
  }
  void remove_foreign() const { std::filesystem::remove_all(path / "models/foreign"); }

  static auto says(const std::string& text) { return ThrowsMessage<FileError>(HasSubstr(text)); }

  const std::vector<float> rows{0.5f, 0.5f, 0.25f, 0.75f};
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "library";
};

TEST_F(Additions, OnlyOthersMakeItLook) {
  const ModelLibrary mine(path), theirs(path);
  adding(mine, "a")();
  adding(mine, "b")();
  put_foreign();
  adding(mine, "c")();
  EXPECT_THAT(mine.names(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(adding(theirs, "d"), says("foreign/meta.json"));
  remove_foreign();
  adding(theirs, "d")();
  put_foreign();
  EXPECT_THAT(adding(mine, "e"), says("foreign/meta.json"));
  remove_foreign();
  adding(mine, "e")();
  EXPECT_THAT(mine.names(), ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(Additions, OneThatCannotBeCountedLeavesNothing) {
  const ModelLibrary library(path);
  std::filesystem::create_directory(path / "additions");
  EXPECT_THAT(adding(library, "a"), says("additions: cannot create: Is a directory"));
  std::filesystem::remove(path / "additions");
  EXPECT_EQ(library.size(), 0u);
  EXPECT_TRUE(std::filesystem::is_empty(path / "models"));
  adding(library, "a")();
  EXPECT_EQ(ModelLibrary(path).size(), 1u);
  std::filesystem::rename(path, folder / "moved");
  EXPECT_THAT(adding(library, "b"), says("library: cannot open: No such file"));
}

TEST_F(Additions, AreCountedOneAfterAnother) {
  constexpr int kThreads = 4, kEach = 50;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) Addition(path).count();
      });
  }
  EXPECT_EQ(Addition(path).before(), std::uint64_t{kThreads * kEach});
}

}  // namespace
}  // namespace quorate
