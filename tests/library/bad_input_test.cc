// Whatever a library is given or finds, it says what is wrong and leaves every file as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

#include "library/random_predictions.h"
#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "quorate/library/model_library.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;
using test::array_of;
using test::as_half;
using test::put;
using test::snapshot;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class BadInput : public testing::Test {
 protected:
  BadInput() {
    put(folder / "net.pt2", "weights");
    library.set_labels("valid", {0, 1, 2});
    library.set_labels("test", {0, 1});
    library.add("m0", {{"valid", array_of(rows, 3)}}, {{"latency_s", 1.0}}, folder / "net.pt2", {{"trial", "0"}});
    before = snapshot(folder.path());
  }

  // The call throws E with these words, and no file has changed.
  template <class E>
  void refuses(const std::function<void()>& call, const std::string& words) {
    try {
      call();
      ADD_FAILURE() << "accepted, instead of: " << words;
    } catch (const E& error) {
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
    EXPECT_EQ(snapshot(folder.path()), before) << words;
  }

  void refuses_to_add(const std::string& words, const std::string& name,
                      std::map<std::string, ModelLibrary::Array> predictions,
                      const std::map<std::string, double>& cost = {}) {
    for (ModelLibrary& each : both()) refuses<std::invalid_argument>([&] { each.add(name, predictions, cost); }, words);
  }

  std::vector<ModelLibrary> both() {
    ModelLibrary memory;
    memory.set_labels("valid", {0, 1, 2});
    memory.set_labels("test", {0, 1});
    memory.add("m0", {{"valid", array_of(rows, 3)}}, {{"latency_s", 1.0}});
    return {library, memory};
  }

  TemporaryFolder folder;
  fs::path path = folder / "library";
  ModelLibrary library{path};
  const std::vector<float> rows{0.5f, 0.25f, 0.25f, 0.25f, 0.5f, 0.25f, 0.25f, 0.25f, 0.5f};
  std::map<std::string, std::string> before;
};

TEST_F(BadInput, Names) {
  const std::vector<std::string> wrong{"", ".hidden", "..", "a/b", "/a", "a\\b", std::string(201, 'x')};
  for (const std::string& name : wrong) {
    refuses_to_add("name is \"" + name + "\", but must be a plain file name of at most 200 bytes", name,
                   {{"valid", array_of(rows, 3)}});
    refuses<std::invalid_argument>([&] { library.set_labels(name, {0}); },
                                   "split is \"" + name + "\", but must be a plain file name");
  }
  refuses_to_add("name is \"a?b\", but must be a plain file name", std::string("a\0b", 3), {{"valid", array_of(rows, 3)}});
  refuses_to_add("name is \"m0\", but ", "m0", {{"valid", array_of(rows, 3)}});
  refuses_to_add("has a model of that name already", "m0", {{"valid", array_of(rows, 3)}});
  EXPECT_NO_THROW(library.add(std::string(200, 'x'), {{"valid", array_of(rows, 3)}}, {}));
}

TEST_F(BadInput, Labels) {
  for (ModelLibrary& each : both()) {
    refuses<std::invalid_argument>([&] { each.set_labels("new", {}); }, "labels is empty");
    refuses<std::invalid_argument>([&] { each.set_labels("new", {0, -3}); }, "labels[1] is -3, but must be at least 0");
    refuses<std::invalid_argument>(
        [&] {
          each.set_labels("valid", {0, 1, 1});
        },
        "labels of split \"valid\" are other than those");
    refuses<std::invalid_argument>(
        [&] {
          each.set_labels("valid", {0, 1});
        },
        "labels of split \"valid\" are other than those");
    EXPECT_NO_THROW(each.set_labels("valid", {0, 1, 2}));
  }
}

TEST_F(BadInput, Shapes) {
  refuses_to_add("predictions is empty", "m1", {});
  refuses_to_add("split is \"train\", but must be one that has labels", "m1", {{"train", array_of(rows, 3)}});
  refuses_to_add("predictions[\"test\"] has shape [3, 3], but must be [samples, classes] with the 2 samples", "m1",
                 {{"test", array_of(rows, 3)}, {"valid", array_of(rows, 3)}});
  refuses_to_add("predictions[\"valid\"]: there are 0 classes", "m1", {{"valid", {rows.data(), 3, 0}}});
  refuses_to_add("predictions[\"valid\"]: labels[2] is 2, but must be from 0 to 1", "m1",
                 {{"valid", array_of(std::vector<float>{1, 0, 1, 0, 1, 0}, 2)}});
  const std::vector<float> four(12, 0.25f);
  refuses_to_add("predictions[\"valid\"] has 4 classes, but must have 3 as those of model \"m0\"", "m1",
                 {{"valid", array_of(four, 4)}});
}

TEST_F(BadInput, Probabilities) {
  const auto with = [&](float wrong) {
    std::vector<float> changed = rows;
    changed[4] = wrong;
    return changed;
  };
  const std::string class_1 = "predictions[\"valid\"]: the probability of class 1 by model \"m1\" on sample 1 is ";
  for (const auto& [wrong, text] :
       std::map<float, std::string>{{-0.5f, "-0.5"}, {std::numeric_limits<float>::infinity(), "inf"}}) {
    const auto changed = with(wrong);
    refuses_to_add(class_1 + text + ", but must be finite and not negative", "m1", {{"valid", array_of(changed, 3)}});
    const std::vector<Half> half{
        {0x3c00}, {0}, {0}, {0x3c00}, {static_cast<std::uint16_t>(wrong < 0 ? 0xb800 : 0x7c00)}, {0}, {0x3c00}, {0}, {0}};
    refuses_to_add(class_1 + text + ", but must be finite and not negative", "m1", {{"valid", array_of(half, 3)}});
  }
  const auto nan = with(std::nanf(""));
  refuses_to_add(class_1 + "nan", "m1", {{"valid", array_of(nan, 3)}});
  const auto high = with(0.502f);
  refuses_to_add("sum to 1.002, but must sum to 1 within 0.001", "m1", {{"valid", array_of(high, 3)}});
  const auto half_high = as_half(with(0.52f));
  refuses_to_add("but must sum to 1 within 0.01", "m1", {{"valid", array_of(half_high, 3)}});
  const auto half_near = as_half(with(0.507f));
  EXPECT_NO_THROW(library.add("near", {{"valid", array_of(half_near, 3)}}, {}));
}

TEST_F(BadInput, Costs) {
  const std::map<std::string, ModelLibrary::Array> good{{"valid", array_of(rows, 3)}};
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& [wrong, text] : std::map<double, std::string>{{-1.0, "-1"}, {infinity, "inf"}}) {
    refuses_to_add("cost[\"latency_s\"] is " + text + ", but must be finite and at least 0", "m1", good,
                   {{"latency_s", wrong}});
    refuses<std::invalid_argument>(
        [&] {
          library.replace_model("m0", folder / "net.pt2", {{"latency_s", wrong}});
        },
        "cost[\"latency_s\"] is " + text);
  }
  refuses_to_add("cost[\"latency_s\"] is nan", "m1", good, {{"latency_s", std::nan("")}});
  for (ModelLibrary& each : both())
    refuses<std::invalid_argument>([&] { each.cost("flops"); }, "cost \"flops\" is asked for, but these models lack it: m0");
}

TEST_F(BadInput, TextThatIsNotUtf8) {
  refuses<std::invalid_argument>(
      [&] {
        library.add("m1", {{"valid", array_of(rows, 3)}}, {}, {}, {{"note", "\xff"}});
      },
      "the cost, about or split names of model \"m1\" are not all UTF-8 text");
}

TEST_F(BadInput, ModelFiles) {
  const std::map<std::string, ModelLibrary::Array> good{{"valid", array_of(rows, 3)}};
  for (ModelLibrary& each : both()) {
    refuses<FileError>([&] { each.add("m1", good, {}, folder / "none"); },
                       (folder / "none").string() + ": cannot open: No such file");
    refuses<FileError>([&] { each.add("m1", good, {}, folder.path()); }, "is not a file");
    refuses<FileError>([&] { each.replace_model("m0", folder / "none", {}); }, (folder / "none").string() + ": cannot open");
    refuses<std::invalid_argument>([&] { each.replace_model("m0", "", {}); }, "model is empty");
    refuses<std::invalid_argument>([&] { each.replace_model("m7", folder / "net.pt2", {}); },
                                   "name is \"m7\", but must be a model of");
    EXPECT_FALSE(each.contains("m1"));
  }
}

TEST_F(BadInput, Questions) {
  for (ModelLibrary& each : both()) {
    refuses<std::invalid_argument>([&] { each.predictions("train"); },
                                   "split is \"train\", but must be one that has labels in");
    refuses<std::invalid_argument>([&] { each.predictions("train"); }, ": test, valid");
    refuses<std::invalid_argument>([&] { each.predictions("test"); },
                                   "split is \"test\", but these models have no predictions on it: m0");
    refuses<std::invalid_argument>(
        [&] {
          each.predictions("valid", {"m0", "m7"});
        },
        "name is \"m7\", but must be a model of");
    refuses<std::invalid_argument>([&] { each.predictions("valid", {"m0", "m0"}); }, "names holds \"m0\" twice");
    refuses<std::invalid_argument>([&] { each.cost("latency_s", {"m7"}); }, "name is \"m7\", but must be a model of");
    refuses<std::invalid_argument>([&] { each.entry("m7"); }, "name is \"m7\", but must be a model of");
  }
  const ModelLibrary empty;
  refuses<std::invalid_argument>([&] { empty.predictions("valid"); }, "the library has 0 models, but must have at least 1");
  refuses<std::invalid_argument>([&] { empty.cost("latency_s"); }, "the library has 0 models, but must have at least 1");
  refuses<std::invalid_argument>([&] { empty.entry("m0"); }, "name is \"m0\", but must be a model of the library: none");
}

TEST_F(BadInput, LongListsAreCut) {
  ModelLibrary memory;
  memory.set_labels("valid", {0, 1, 2});
  for (int m = 0; m < 20; ++m) memory.add(std::to_string(m), {{"valid", array_of(rows, 3)}}, {});
  refuses<std::invalid_argument>([&] { memory.entry("x"); }, ": 0, 1, 2, 3, 4, 5, 6, 7, ... (20 in all)");
}

TEST_F(BadInput, Folders) {
  refuses<FileError>([&] { ModelLibrary(folder / "net.pt2"); }, (folder / "net.pt2").string());
  refuses<FileError>([&] { ModelLibrary("/proc/none/library"); }, "/proc/none/library/labels: cannot create");
  put(path / "labels/wide.npy",
      test::npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }     ", std::vector<float>{1}));
  before = snapshot(folder.path());
  refuses<FileError>([&] { ModelLibrary{path}; }, (path / "labels/wide.npy").string() + ": has shape [1] of floats");
  refuses<FileError>([&] { library.refresh(); }, (path / "labels/wide.npy").string());
  EXPECT_TRUE(library.contains("m0")) << "what was known stays";
}

// Truncates a file at every byte; whoever opens or uses the library must name it, unless only the final newline is missing.
TEST_F(BadInput, TruncationAtEveryByte) {
  for (const std::string name : {"models/m0/meta.json", "models/m0/valid.npy", "labels/valid.npy"}) {
    const fs::path file = path / name;
    const std::string whole = read_file(file);
    const bool is_meta = file.extension() == ".json";
    for (std::size_t size = 0; size + (is_meta ? 1 : 0) < whole.size(); ++size) {
      put(file, whole.substr(0, size));
      before = snapshot(folder.path());
      refuses<FileError>([&] { ModelLibrary(path).predictions("valid"); }, file.string() + ": ");
      if (!is_meta) refuses<FileError>([&] { ModelLibrary(path).predictions("valid"); }, "expected ");
    }
    put(file, whole);
    EXPECT_NO_THROW(ModelLibrary(path).predictions("valid"));
  }
}

TEST_F(BadInput, MissingFiles) {
  for (const std::string name : {"models/m0/meta.json", "models/m0/valid.npy"}) {
    const fs::path file = path / name;
    const std::string whole = read_file(file);
    fs::remove(file);
    before = snapshot(folder.path());
    refuses<FileError>([&] { ModelLibrary(path).predictions("valid"); },
                       file.string() + ": cannot open: No such file or directory");
    put(file, whole);
  }
  fs::remove(path / "labels/valid.npy");
  before = snapshot(folder.path());
  refuses<std::invalid_argument>([&] { ModelLibrary(path).predictions("valid"); },
                                 "split is \"valid\", but must be one that has labels");
}

TEST_F(BadInput, FilesThatDisagree) {
  const fs::path file = path / "models/m0/valid.npy";
  const std::string shape = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   ";
  put(file, test::npy_bytes(shape, std::vector<float>(6, 1.0f / 3)));
  before = snapshot(folder.path());
  refuses<FileError>([&] { library.predictions("valid"); },
                     file.string() + ": has shape [2, 3] of floats, but must be floats [3, 3]");

  const std::string right = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }   ";
  put(file, test::npy_bytes(right, std::vector<float>(9, 0.5f)));
  before = snapshot(folder.path());
  refuses<FileError>([&] { library.predictions("valid"); },
                     (path / "models").string() + ": the probabilities of model \"m0\" on sample 0 sum to 1.5");
}

TEST_F(BadInput, MetaFields) {
  const fs::path file = path / "models/m0/meta.json";
  const std::string whole = read_file(file);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = whole;
    const std::size_t at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    put(file, changed.replace(at, from.size(), to));
    before = snapshot(folder.path());
  };
  const auto open = [&] { ModelLibrary{path}; };
  with("\"version\": 1", "\"version\": 2");
  refuses<FileError>(open, file.string() + ": version is 2, but must be from 1 to 1");
  with("\"sequence\": 0", "\"sequence\": \"first\"");
  refuses<FileError>(open, file.string() + ": sequence is \"first\", but must be an integer");
  with("\"valid\": 3", "\"valid\": 0");
  refuses<FileError>(open, file.string() + ": classes.valid is 0, but must be at least 1");
  with("\"trial\": \"0\"", "\"trial\": 0");
  refuses<FileError>(open, file.string() + ": about.trial is 0, but must be a string");
  with("\"latency_s\": 1.0", "\"latency_s\": -1.0");
  refuses<FileError>(open, file.string() + ": cost.latency_s is -1.0, but must be finite and at least 0");
  with("\"file\": \"model", "\"file\": \"../model");
  refuses<FileError>(open, file.string() + ": model.file is \"../model.");
}

TEST_F(BadInput, ModelsOfOtherClasses) {
  // Two processes that add at once do not see each other's number of classes.
  const fs::path other = folder / "other";
  ModelLibrary wide(other);
  wide.set_labels("valid", {0, 1, 2});
  const std::vector<float> four(12, 0.25f);
  wide.add("wide", {{"valid", array_of(four, 4)}}, {});
  fs::rename(other / "models/wide", path / "models/wide");
  before = snapshot(folder.path());
  refuses<std::invalid_argument>([&] { ModelLibrary(path).predictions("valid"); },
                                 "names holds model \"wide\" of 4 classes, but must be of models of 3 classes as \"m0\"");
}

}  // namespace
}  // namespace quorate
