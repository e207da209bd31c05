// A front as JSON: the same document for every kind of point.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"
#include "quorate/select/front.h"

namespace quorate {

// {"format": format, "version": version, "points": [...]}; `write(Json& out, const Point&)` puts a point's fields into
// `out`.
template <class Point, class Write>
Json front_document(const Front<Point>& front, const std::string& format, int version, const Write& write) {
  Json document = json_document(format, version);
  document["points"] = Json::array();
  for (const Point& point : front) write(document["points"].emplace_back(), point);
  return document;
}

// Back; `read(const JsonField&)` gives a point. FileError as open_json_document, as `read`, and where the points are no
// front.
template <class Point, class Read>
Front<Point> read_front(std::string_view text, const std::string& name, const std::string& format, int version,
                        const Read& read) {
  const Json document = parse_json(text, name);
  const JsonField in = open_json_document(document, name, format, version)["points"];
  std::vector<Point> points;
  for (std::size_t i = 0; i < in.size(); ++i) {
    points.push_back(read(in[i]));
    const bool several = front_internal::costs_of(points[i]).size() > 2;
    const bool follows = several || (i == 0 ? !std::isnan(points[i].cost) && !std::isnan(points[i].loss)
                                            : points[i].cost > points[i - 1].cost && points[i].loss < points[i - 1].loss);
    if (!follows) in[i].fail("dearer and better than the point before it");
  }
  const std::size_t size = points.size();
  Front<Point> front(std::move(points));
  if (front.size() != size) in.fail("points of which none dominates another");
  return front;
}

}  // namespace quorate
