#include "samples.h"

#include <atomic>

#include "core/message.h"

namespace quorate::python {
namespace {

// Arrays that nobody reads any more, the last first. Without a lock: a fork may come at any time.
struct LeftArray {
  py::array array;
  LeftArray* next = nullptr;
};
std::atomic<LeftArray*> left_arrays = nullptr;

int drop_in_main_thread(void*) {
  drop_left_arrays();
  return 0;
}

void leave(LeftArray* array) {
  LeftArray* before = left_arrays.load();
  do array->next = before;
  while (!left_arrays.compare_exchange_weak(before, array));
  // Whoever left the first has asked. From here on the array may be gone.
  if (before == nullptr && Py_IsInitialized() != 0) Py_AddPendingCall(&drop_in_main_thread, nullptr);
}

bool is_read_as_it_is(const py::object& object) {
  return py::array_t<float, py::array::c_style>::check_(object) &&
         (py::reinterpret_borrow<py::array>(object).flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0;
}

}  // namespace

py::array as_float32(const py::object& object, const std::string& name) {
  if (is_read_as_it_is(object)) return py::reinterpret_borrow<py::array>(object);
  const py::module_ numpy = py::module_::import("numpy");
  py::object values = object;
  // Of tensors: said here, since NumPy's own words name neither the argument nor what it must be.
  if (py::hasattr(values, "device") && py::hasattr(values.attr("device"), "type"))
    require(py::str(values.attr("device").attr("type")).cast<std::string>() == "cpu", name, " lies on ",
            py::str(values.attr("device")).cast<std::string>(), ", but must lie in this machine's memory");
  if (py::hasattr(values, "dtype") && py::hasattr(values, "detach")) {
    const auto type = py::str(values.attr("dtype")).cast<std::string>();
    require(type == "torch.float32", name, " has type ", type, ", but must be float32");
    values = values.attr("detach")();
  }
  const bool foreign = !py::hasattr(values, "__array__") && py::hasattr(values, "__dlpack__");
  const py::array array = numpy.attr(foreign ? "from_dlpack" : "asarray")(values);
  require(array.dtype().equal(py::dtype::of<float>()), name, " has type ", py::str(array.dtype()).cast<std::string>(),
          ", but must be float32");
  return numpy.attr("require")(array, py::none(), py::make_tuple("C", "A"));
}

Samples as_samples(const py::object& object, const std::string& name) {
  drop_left_arrays();
  py::array array = as_float32(object, name);
  const auto* data = static_cast<const float*>(array.data());
  std::vector<std::int64_t> shape(array.shape(), array.shape() + array.ndim());
  auto* held = new LeftArray{std::move(array)};
  return {data, std::move(shape), std::shared_ptr<const void>(data, [held](const void*) { leave(held); })};
}

void drop_left_arrays() {
  for (LeftArray* array = left_arrays.exchange(nullptr); array != nullptr;) {
    LeftArray* next = array->next;
    delete array;
    array = next;
  }
}

}  // namespace quorate::python
