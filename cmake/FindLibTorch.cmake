# LibTorch as it lies in the target interpreter's torch wheel: imported targets LibTorch::c10 and LibTorch::torch_cpu, with
# QUORATE_CUDA also LibTorch::c10_cuda and LibTorch::torch_cuda; LibTorch_TARGETS lists those to link.
#
# Torch's own package configuration fails with this CMake where a CUDA toolkit but no GPU is present, and where there is no
# toolkit at all; we need three libraries and an include path. The interpreter is asked with -I, so that the isolated
# environment of a pip build does not hide the wheel, and without importing torch, which takes seconds.

find_package(Python 3.11 REQUIRED COMPONENTS Interpreter)
execute_process(
  COMMAND ${Python_EXECUTABLE} -I -c
          "import importlib.util as u, os; s = u.find_spec('torch'); print(os.path.dirname(s.origin) if s else '', end='')"
  OUTPUT_VARIABLE LibTorch_ROOT
  RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  set(LibTorch_ROOT "")
endif()

find_path(LibTorch_INCLUDE_DIR ATen/core/Tensor.h PATHS ${LibTorch_ROOT}/include NO_DEFAULT_PATH)
set(LibTorch_libraries c10 torch_cpu)
set(LibTorch_TARGETS LibTorch::torch_cpu)
if(QUORATE_CUDA)
  list(APPEND LibTorch_libraries c10_cuda torch_cuda)
  list(APPEND LibTorch_TARGETS LibTorch::torch_cuda LibTorch::c10_cuda)
endif()
set(LibTorch_required LibTorch_INCLUDE_DIR)
foreach(library ${LibTorch_libraries})
  list(APPEND LibTorch_required LibTorch_${library}_LIBRARY)
  find_library(LibTorch_${library}_LIBRARY ${library} PATHS ${LibTorch_ROOT}/lib NO_DEFAULT_PATH)
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS ${LibTorch_required}
  REASON_FAILURE_MESSAGE "install torch into ${Python_EXECUTABLE}'s environment, or configure with -DQUORATE_INFER=OFF")

if(LibTorch_FOUND AND NOT TARGET LibTorch::torch_cpu)
  foreach(library ${LibTorch_libraries})
    add_library(LibTorch::${library} SHARED IMPORTED)
    set_target_properties(LibTorch::${library} PROPERTIES IMPORTED_LOCATION ${LibTorch_${library}_LIBRARY}
                                                          INTERFACE_INCLUDE_DIRECTORIES ${LibTorch_INCLUDE_DIR})
    set_property(TARGET LibTorch::${library} PROPERTY INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${LibTorch_INCLUDE_DIR})
  endforeach()
  target_link_libraries(LibTorch::torch_cpu INTERFACE LibTorch::c10)
endif()
mark_as_advanced(${LibTorch_required})
