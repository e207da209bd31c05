# The CUDA language, once for all modules. No Torch header goes into a .cu: 36 s to compile against 2.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90)  # the last one also as PTX, for what comes after it
endif()
enable_language(CUDA)
# CMake 3.25 does not know that nvcc takes C++20.
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
find_package(CUDAToolkit REQUIRED)

# src/<module>/<name>_cuda.cu instead of <name>_stub.cc.
function(quorate_cuda_sources module name)
  set(target quorate_${module}_module)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources EXCLUDE REGEX "/${name}_stub\\.cc$")
  set_target_properties(${target} PROPERTIES SOURCES "${sources}")
  target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src/${module}/${name}_cuda.cu)
  target_link_libraries(${target} PUBLIC CUDA::cudart_static)
endfunction()
