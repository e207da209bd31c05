#include "quorate/select/ensemble.h"

#include <gmock/gmock.h>

#include <limits>

#include "quorate/core/error.h"
#include "quorate/core/file.h"

namespace quorate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

const Ensemble kPair{.members = {0, 3}, .weights = {0.1 + 0.2, 0.7}, .loss = 1.0 / 3, .cost = 5e-4, .found_by = "greedy"};
const Ensemble kSingle{.members = {2}, .weights = {1.0}, .loss = 0.5, .cost = 1e-4, .found_by = "single"};

std::string without(std::string text, const std::string& part) {
  const auto at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part << " is not in " << text;
  return text.erase(at, part.size());
}

std::string replaced(std::string text, const std::string& part, const std::string& by) {
  const auto at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part << " is not in " << text;
  return text.replace(at, part.size(), by);
}

TEST(Ensemble, CheckAcceptsWhatItDescribes) {
  EXPECT_NO_THROW(check(kPair, 4));
  EXPECT_NO_THROW(check(kSingle, 3));
  EXPECT_NO_THROW(check(Ensemble{.members = {0, 1, 2}, .weights = {1.0 / 3, 1.0 / 3, 1.0 / 3 + 9e-7}}, 3));
}

TEST(Ensemble, CheckNamesWhatIsWrong) {
  const auto failing = [](std::vector<int> members, std::vector<double> weights, const std::string& text) {
    const Ensemble ensemble{.members = std::move(members), .weights = std::move(weights)};
    EXPECT_THAT([&] { check(ensemble, 4); }, ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
  };
  failing({}, {}, "members is empty, but must hold at least one model");
  failing({0, 1}, {1.0}, "weights has 1 entries, but members has 2");
  failing({0, 4}, {0.5, 0.5}, "members[1] is 4, but must be from 0 to 3");
  failing({-1}, {1.0}, "members[0] is -1, but must be from 0 to 3");
  failing({3, 0}, {0.5, 0.5}, "members[1] is 0 after 3, but members must be ascending, each at most once");
  failing({2, 2}, {0.5, 0.5}, "members[1] is 2 after 2, but members must be ascending, each at most once");
  failing({0, 1}, {1.0, 0.0}, "weights[1] is 0, but must be finite and positive");
  failing({0, 1}, {1.5, -0.5}, "weights[1] is -0.5, but must be finite and positive");
  failing({0}, {std::numeric_limits<double>::quiet_NaN()}, "weights[0] is nan, but must be finite and positive");
  failing({0, 1}, {0.5, 0.4}, "weights sum to 0.9, but must sum to 1 within 1e-6");
}

TEST(Ensemble, JsonRoundTripIsExact) {
  EXPECT_EQ(ensemble_from_json(to_json(kPair)), kPair);
  const EnsembleFront front({kPair, kSingle});
  const EnsembleFront back = ensemble_front_from_json(to_json(front));
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0], kSingle);
  EXPECT_EQ(back[1], kPair);
  EXPECT_EQ(ensemble_front_from_json(to_json(EnsembleFront())).size(), 0u);
}

TEST(Ensemble, SavedFilesComeBack) {
  const auto folder = std::filesystem::path(testing::TempDir());
  save(kPair, folder / "ensemble.json");
  EXPECT_EQ(load_ensemble(folder / "ensemble.json"), kPair);
  save(EnsembleFront({kPair, kSingle}), folder / "front.json");
  EXPECT_EQ(load_ensemble_front(folder / "front.json")[1], kPair);
  EXPECT_THAT([&] { load_ensemble_front(folder / "absent.json"); }, ThrowsMessage<FileError>(HasSubstr("absent.json")));
  EXPECT_THAT(
      [&] { load_ensemble(folder / "front.json"); },
      ThrowsMessage<FileError>(AllOf(HasSubstr("front.json: format is"), HasSubstr("must be \"quorate.ensemble\""))));
}

TEST(Ensemble, BadJsonNamesTheField) {
  const std::string good = to_json(kPair);
  const auto failing = [](const std::string& text, const std::string& what) {
    EXPECT_THAT([&] { ensemble_from_json(text, "e.json"); },
                ThrowsMessage<FileError>(AllOf(HasSubstr("e.json: "), HasSubstr(what))));
  };
  failing(good.substr(0, good.size() / 2), "is not valid JSON");
  failing("[]", "but must be an object");
  failing(without(good, "\"found_by\": \"greedy\","), "found_by is missing");
  failing(replaced(good, "\"loss\": 0.3333333333333333", "\"loss\": []"), "loss is [], but must be a number");
  failing(replaced(good, "0.7", "0.9"), "weights sum to 1.2, but must sum to 1");
  failing(replaced(good, "\"version\": 1", "\"version\": 2"), "version is 2, but must be from 1 to 1");
  failing(replaced(good, "  3\n", "  -3\n"), "members[1] is -3, but must be from 0 to 2147483647");
  failing(replaced(good, "  3\n", "  4294967299\n"), "members[1] is 4294967299, but must be from 0 to 2147483647");
}

TEST(Ensemble, BadFrontJsonNamesThePoint) {
  const std::string good = to_json(EnsembleFront({kPair, kSingle}));
  const auto failing = [](const std::string& text, const std::string& what) {
    EXPECT_THAT([&] { ensemble_front_from_json(text, "f.json"); },
                ThrowsMessage<FileError>(AllOf(HasSubstr("f.json: "), HasSubstr(what))));
  };
  failing(replaced(good, "0.3333333333333333", "0.75"), "but must be dearer and better than the point before it");
  failing(replaced(good, "\"loss\": 0.5", "\"loss\": \"nan\""), "points[0]");
  failing(replaced(good, "0.7", "0.9"), "points[1]");
  failing(replaced(good, "\"points\"", "\"dots\""), "points is missing");
}

}  // namespace
}  // namespace quorate
