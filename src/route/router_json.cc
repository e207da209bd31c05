#include <limits>

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/file.h"
#include "quorate/route/router.h"
#include "select/front_json.h"

namespace quorate {
namespace {

constexpr int kVersion = 1;
constexpr int kIndent = 1;

void write_router(Json& out, const Router& router) {
  out["entries"] = Json::array();
  for (const RouterEntry& entry : router.entries)
    out["entries"].push_back({{"quality", entry.quality},
                              {"go_on", entry.go_on},
                              {"least_cost", entry.least_cost},
                              {"most_cost", entry.most_cost}});
  out["trade_off"] = router.trade_off;
  out["always"] = router.always;
  out["loss"] = json_number(router.loss);
  out["cost"] = json_number(router.cost);
}

Router read_router(const JsonField& in) {
  Router router;
  const JsonField entries = in["entries"];
  for (std::size_t k = 0; k < entries.size(); ++k)
    router.entries.push_back({.quality = entries[k]["quality"].numbers(),
                              .go_on = entries[k]["go_on"].numbers(),
                              .least_cost = entries[k]["least_cost"].number(),
                              .most_cost = entries[k]["most_cost"].number()});
  router.trade_off = in["trade_off"].number();
  const JsonField always = in["always"];
  const std::int64_t tier = always.integer();
  if (tier < -1 || tier >= static_cast<std::int64_t>(router.entries.size()))
    always.fail(message("from -1 to ", static_cast<std::int64_t>(router.entries.size()) - 1));
  router.always = static_cast<int>(tier);
  router.loss = in["loss"].number(0.0, 1.0);
  router.cost = in["cost"].number(0.0, std::numeric_limits<double>::max());
  try {
    check(router);
  } catch (const std::invalid_argument& error) {
    in.fail(message("a router: ", error.what()));
  }
  return router;
}

}  // namespace

std::string to_json(const Router& router) {
  Json document = json_document("quorate.router", kVersion);
  write_router(document, router);
  return document.dump(kIndent);
}

std::string to_json(const RouterFront& front) {
  return front_document(front, "quorate.router_front", kVersion, write_router).dump(kIndent);
}

Router router_from_json(std::string_view text, const std::string& name) {
  const Json document = parse_json(text, name);
  return read_router(open_json_document(document, name, "quorate.router", kVersion));
}

RouterFront router_front_from_json(std::string_view text, const std::string& name) {
  return read_front<Router>(text, name, "quorate.router_front", kVersion, read_router);
}

void save(const Router& router, const std::filesystem::path& path) { write_file(path, to_json(router)); }
void save(const RouterFront& front, const std::filesystem::path& path) { write_file(path, to_json(front)); }
Router load_router(const std::filesystem::path& path) { return router_from_json(read_file(path), path.string()); }
RouterFront load_router_front(const std::filesystem::path& path) {
  return router_front_from_json(read_file(path), path.string());
}

}  // namespace quorate
