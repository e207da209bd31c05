#include "quorate/library/model_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "library/random_predictions.h"
#include "quorate/core/file.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

using test::array_of;
using test::as_half;
using test::put;
using test::random_labels;
using test::random_rows;
using test::scores;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// Everything that a library answers, for comparison.
struct Seen {
  std::vector<std::string> names, splits;
  std::vector<std::string> entries;
  std::vector<std::vector<float>> numbers;
  bool operator==(const Seen&) const = default;
};

Seen all_of(const ModelLibrary& library) {
  Seen seen{library.names(), library.splits(), {}, {}};
  for (const std::string& name : library.names()) {
    const ModelLibrary::Entry entry = library.entry(name);
    seen.entries.push_back(entry.name + " " + entry.model_sha256);
    for (const auto& [key, value] : entry.cost) {
      seen.entries.push_back(key);
      seen.numbers.push_back({static_cast<float>(value), static_cast<float>(library.cost(key, {name})[0])});
    }
    for (const auto& [key, value] : entry.about) seen.entries.push_back(key + "=" + value);
    for (const std::string& split : entry.splits) {
      seen.entries.push_back(split);
      const Predictions predictions = library.predictions(split, {name});
      seen.numbers.push_back(scores(predictions, 0));
      seen.numbers.emplace_back(predictions.labels().begin(), predictions.labels().end());
    }
  }
  return seen;
}

// A random library, written to each of `libraries` in the same way.
void fill(Random& random, std::vector<ModelLibrary>& libraries, const std::filesystem::path& model_file) {
  const std::vector<std::string> all_splits{"calib", "test", "valid"};
  std::map<std::string, std::vector<std::int32_t>> labels;
  const std::size_t classes = 1 + random.below(6);
  for (const std::string& split : all_splits) {
    labels[split] = random_labels(random, 1 + random.below(9), classes);
    for (ModelLibrary& library : libraries) library.set_labels(split, labels[split]);
  }
  for (std::uint64_t m = random.below(5); m < 5; ++m) {
    // Names descend, so that the order of adding is not the alphabet's.
    const std::string name = "model " + std::to_string(9 - m);
    std::map<std::string, std::vector<float>> single;
    std::map<std::string, std::vector<Half>> half;
    std::map<std::string, ModelLibrary::Array> arrays;
    for (const std::string& split : all_splits) {
      if (split != "valid" && random.below(3) == 0) continue;
      single[split] = random_rows(random, labels[split].size(), classes);
      arrays[split] = array_of(single[split], classes);
      if (random.below(2) == 0) {
        half[split] = as_half(single[split]);
        arrays[split] = array_of(half[split], classes);
      }
    }
    std::map<std::string, double> cost{{"latency_s", random.uniform()}, {"flops", 1e12 * random.uniform()}};
    const std::map<std::string, std::string> about{{"config", "{\"lr\": 0.1}\n\u00e9"}, {"trial", std::to_string(m)}};
    const bool with_file = random.below(2) == 0;
    const bool with_about = random.below(2) == 0;
    for (ModelLibrary& library : libraries)
      library.add(name, arrays, cost, with_file ? model_file : "",
                  with_about ? about : std::map<std::string, std::string>{});
  }
}

TEST(ModelLibrary, WrittenReopenedAndInMemoryAreEqual) {
  Random random(1);
  const TemporaryFolder folder("/dev/shm");
  put(folder / "model.pt2", "weights");
  for (int round = 0; round < 100; ++round) {
    const auto path = folder / ("library" + std::to_string(round));
    std::vector<ModelLibrary> libraries{ModelLibrary(path), ModelLibrary()};
    fill(random, libraries, folder / "model.pt2");
    const Seen written = all_of(libraries[0]);
    EXPECT_EQ(all_of(libraries[1]), written);
    EXPECT_EQ(all_of(ModelLibrary(path)), written);
    libraries[0].refresh();
    libraries[1].refresh();
    EXPECT_EQ(all_of(libraries[0]), written);
    EXPECT_EQ(all_of(libraries[1]), written);
  }
}

class Library : public testing::Test {
 protected:
  static void add(ModelLibrary library, const std::string& name, const std::map<std::string, double>& cost = {},
                  const std::filesystem::path& model = {}) {
    const std::vector<float> rows{0.5f, 0.5f, 0.25f, 0.75f};
    library.set_labels("valid", {0, 1});
    library.add(name, {{"valid", array_of(rows, 2)}}, cost, model);
  }

  TemporaryFolder folder;
  std::filesystem::path path = folder / "deep/library";
};

TEST_F(Library, StartsEmpty) {
  const ModelLibrary library(path);
  EXPECT_EQ(library.size(), 0u);
  EXPECT_THAT(library.names(), IsEmpty());
  EXPECT_THAT(library.splits(), IsEmpty());
  EXPECT_EQ(library.folder(), path);
  EXPECT_EQ(ModelLibrary().folder(), std::nullopt);
}

TEST_F(Library, KeepsModelFilesByContent) {
  put(folder / "net.pt2", "first");
  put(folder / "other.pt", "second");
  ModelLibrary library(path);
  add(library, "m", {{"latency_s", 1.0}, {"flops", 5.0}}, folder / "net.pt2");
  const ModelLibrary::Entry first = library.entry("m");
  EXPECT_EQ(read_file(first.model_file), "first");
  EXPECT_EQ(first.model_sha256, sha256("first"));
  EXPECT_EQ(first.model_file.extension(), ".pt2");
  EXPECT_EQ(first.model_file.parent_path(), path / "models/m");

  library.replace_model("m", folder / "other.pt", {{"latency_s", 0.5}});
  ModelLibrary reader(path);
  for (const ModelLibrary& seen : {library, reader}) {
    const ModelLibrary::Entry entry = seen.entry("m");
    EXPECT_EQ(read_file(entry.model_file), "second");
    EXPECT_EQ(entry.model_sha256, sha256("second"));
    EXPECT_THAT(entry.cost, ElementsAre(Pair("latency_s", 0.5)));
    EXPECT_EQ(seen.predictions("valid").samples(), 2u);
  }
  EXPECT_FALSE(std::filesystem::exists(first.model_file));
  library.replace_model("m", folder / "other.pt", {{"latency_s", 0.25}});
  EXPECT_EQ(read_file(library.entry("m").model_file), "second") << "the same file again";
  EXPECT_EQ(reader.entry("m").cost.at("latency_s"), 0.5);
  reader.refresh();
  EXPECT_EQ(reader.entry("m").cost.at("latency_s"), 0.25);
}

TEST_F(Library, InMemoryItPointsAtModelFiles) {
  put(folder / "net.pt2", "first");
  put(folder / "other.pt", "second");
  ModelLibrary library;
  add(library, "m", {}, folder / "net.pt2");
  EXPECT_EQ(library.entry("m").model_file, folder / "net.pt2");
  EXPECT_EQ(library.entry("m").model_sha256, sha256("first"));
  library.replace_model("m", folder / "other.pt", {{"latency_s", 0.5}});
  EXPECT_EQ(library.entry("m").model_file, folder / "other.pt");
  EXPECT_EQ(library.entry("m").model_sha256, sha256("second"));
}

TEST_F(Library, InMemoryItCopiesUnlessThereIsAnOwner) {
  ModelLibrary library;
  library.set_labels("valid", {0});
  auto shared = std::make_shared<std::vector<float>>(std::vector{1.0f, 0.0f});
  {
    const std::vector<float> gone{0.25f, 0.75f};
    library.add("copied", {{"valid", array_of(gone, 2)}}, {});
    library.add("shared", {{"valid", {shared->data(), 1, 2, shared}}}, {});
  }
  const float* data = shared->data();
  shared.reset();
  const Predictions predictions = library.predictions("valid");
  EXPECT_THAT(scores(predictions, 0), ElementsAre(0.25f, 0.75f));
  EXPECT_EQ(std::get<const float*>(predictions.raw(1).data), data);
}

TEST_F(Library, PredictionsOutliveTheirLibrary) {
  std::optional<Predictions> predictions;
  {
    ModelLibrary library(path);
    add(library, "m");
    predictions = library.predictions("valid");
  }
  std::filesystem::remove_all(path);
  EXPECT_THAT(scores(*predictions, 0), ElementsAre(0.5f, 0.5f, 0.25f, 0.75f));
}

TEST_F(Library, ChoosesModelsInTheOrderAskedFor) {
  ModelLibrary library(path);
  add(library, "z", {{"latency_s", 1.0}});
  add(library, "a", {{"latency_s", 2.0}});
  EXPECT_THAT(library.names(), ElementsAre("z", "a"));
  EXPECT_THAT(library.cost("latency_s"), ElementsAre(1.0, 2.0));
  EXPECT_THAT(library.cost("latency_s", {"a", "z"}), ElementsAre(2.0, 1.0));
  EXPECT_THAT(library.predictions("valid", {"a", "z"}).names(), ElementsAre("a", "z"));
  EXPECT_TRUE(library.contains("a"));
  EXPECT_FALSE(library.contains("b"));
}

TEST_F(Library, OrderIsThatOfAddingWhoeverAdds) {
  ModelLibrary mine(path), theirs(path);
  add(mine, "c");
  add(theirs, "b");
  add(mine, "a");
  EXPECT_THAT(mine.names(), ElementsAre("c", "b", "a"));
  EXPECT_THAT(theirs.names(), ElementsAre("c", "b"));
  theirs.refresh();
  EXPECT_THAT(theirs.names(), ElementsAre("c", "b", "a"));
  EXPECT_THAT(ModelLibrary(path).names(), ElementsAre("c", "b", "a"));
}

TEST_F(Library, LabelsOfAnotherProcessAreSeen) {
  ModelLibrary mine(path), theirs(path);
  theirs.set_labels("valid", {0, 1});
  EXPECT_NO_THROW(mine.set_labels("valid", {0, 1}));
  EXPECT_THAT(mine.splits(), ElementsAre("valid"));
}

TEST_F(Library, AModelThatWasRemovedIsGoneAfterRefresh) {
  ModelLibrary library(path);
  add(library, "m");
  std::filesystem::remove_all(path / "models/m");
  library.refresh();
  EXPECT_EQ(library.size(), 0u);
}

TEST_F(Library, ThreadsAddTogether) {
  ModelLibrary library(path), memory;
  constexpr int kThreads = 4, kEach = 8;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i)
          for (const ModelLibrary& each : {library, memory}) {
            add(each, std::to_string(t) + "-" + std::to_string(i), {{"latency_s", 1.0}});
            each.names();
            each.predictions("valid");
          }
      });
  }
  for (const ModelLibrary& each : {library, memory}) {
    ASSERT_EQ(each.size(), std::size_t{kThreads * kEach});
    // What one thread adds stays in its order.
    std::map<char, int> next;
    for (const std::string& name : each.names()) EXPECT_EQ(name.substr(2), std::to_string(next[name[0]]++));
  }
  EXPECT_EQ(ModelLibrary(path).names(), library.names());
}

TEST_F(Library, ProcessesAddTogether) {
  constexpr int kProcesses = 4, kEach = 4;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    children.push_back(::fork());
    if (children.back() == 0) {
      ModelLibrary library(path);
      for (int i = 0; i < kEach; ++i) add(library, std::to_string(p) + "-" + std::to_string(i));
      ::_exit(0);
    }
  }
  for (const pid_t child : children) {
    int status = 1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const ModelLibrary library(path);
  EXPECT_EQ(library.predictions("valid").models(), std::size_t{kProcesses * kEach});
  EXPECT_EQ(ModelLibrary(path).names(), library.names());
}

}  // namespace
}  // namespace quorate
