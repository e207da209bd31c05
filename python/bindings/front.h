// A Front of any point as a Python class: iteration, len, [], within, knee.
#pragma once

#include "bindings.h"
#include "core/message.h"
#include "quorate/select/front.h"

namespace quorate::python {

// `element` is the Python name of a point, for the docstrings. to_json, from_json, save, load and __repr__ are the caller's.
template <class Point>
py::class_<Front<Point>> bind_front(py::module_& m, const char* name, const std::string& element, const std::string& doc) {
  using PointFront = Front<Point>;
  py::class_<PointFront> front(m, name, doc.c_str());
  front
      .def(py::init<std::vector<Point>>(), py::arg("candidates") = std::vector<Point>{},
           "Keeps the non-dominated among candidates, cheapest first; of points equal in cost and loss, the earliest.")
      .def("__len__", &PointFront::size)
      .def(
          "__iter__", [](const PointFront& self) { return py::make_iterator(self.begin(), self.end()); },
          py::keep_alive<0, 1>())
      .def(
          "__getitem__",
          [](const PointFront& self, py::ssize_t index) -> const Point& {
            const auto size = static_cast<py::ssize_t>(self.size());
            if (index < -size || index >= size)
              throw py::index_error(message("index ", index, " is out of range for a front of ", size));
            return self[static_cast<std::size_t>(index < 0 ? index + size : index)];
          },
          py::arg("index"), py::return_value_policy::copy)
      .def("within", py::overload_cast<double>(&PointFront::within, py::const_), py::arg("max_cost"),
           py::return_value_policy::copy,
           ("The " + element +
            " of least loss whose cost is at most max_cost. ValueError, saying the least budget that works, "
            "where there is none.")
               .c_str())
      .def("knee", &PointFront::knee, py::return_value_policy::copy,
           ("The " + element +
            " farthest below the line from the cheapest to the best, both axes scaled to [0, 1]: where "
            "spending more starts to buy little. ValueError for an empty front.")
               .c_str());
  return front;
}

}  // namespace quorate::python
