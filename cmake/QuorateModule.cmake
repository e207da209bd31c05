# A module is an object library of src/<name>/*.cc, so that a test can link a module and what it uses, and nothing else.

add_library(quorate_flags INTERFACE)
set(QUORATE_CXX_FLAGS -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Reports `"x" + std::string` at -O2 as overlapping (GCC bug 105651, fixed in 13).
  list(APPEND QUORATE_CXX_FLAGS -Wno-restrict)
endif()
if(QUORATE_WERROR)
  list(APPEND QUORATE_CXX_FLAGS -Werror)
endif()
target_compile_options(quorate_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${QUORATE_CXX_FLAGS}>"
                                               "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>")
if(QUORATE_SANITIZE)
  # For the whole build, test frameworks' inline code included; a report ends the program.
  add_compile_options(-fsanitize=${QUORATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${QUORATE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The code that a sanitizer adds hides from GCC what is initialised: it warns of std::optional (GCC bug 80635).
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
endif()

# Headers compiled once, for the targets that say REUSE_FROM.
function(quorate_headers target)
  file(WRITE ${PROJECT_BINARY_DIR}/${target}.cc "")
  add_library(${target} OBJECT ${PROJECT_BINARY_DIR}/${target}.cc)
  target_link_libraries(${target} PRIVATE quorate_flags)
  target_precompile_headers(${target} PRIVATE ${ARGN})
endfunction()

# Headers that most files of the core read. Only where QUORATE_PCH says so: a precompiled header hides an include that is missing,
# and what GCC 12 inlines from one at -O3 it warns of falsely.
if(QUORATE_PCH)
  quorate_headers(quorate_headers <algorithm> <cmath> <filesystem> <functional> <memory> <optional> <span> <string> <vector>)
endif()

function(quorate_module name)
  cmake_parse_arguments(ARG "" "" "USES;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  set(target quorate_${name}_module)
  add_library(${target} OBJECT ${sources})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC ${ARG_LINKS} PRIVATE quorate_flags nlohmann_json::nlohmann_json)
  if(QUORATE_PCH)
    target_precompile_headers(${target} REUSE_FROM quorate_headers)
  endif()
  set_property(GLOBAL PROPERTY quorate_uses_${name} ${ARG_USES})
endfunction()

# src/<name>/<folder>/*.cc as well, but for one; what they link with.
function(quorate_subfolder name folder)
  cmake_parse_arguments(ARG "" "EXCEPT" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/${ARG_EXCEPT}\\.cc$")
  target_sources(quorate_${name}_module PRIVATE ${sources})
  target_link_libraries(quorate_${name}_module PUBLIC ${ARG_LINKS})
endfunction()

# A library of whole modules.
function(quorate_library name)
  cmake_parse_arguments(ARG "" "" "MODULES;LINKS" ${ARGN})
  add_library(${name} STATIC)
  add_library(quorate::${name} ALIAS ${name})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_link_libraries(${name} PUBLIC ${ARG_LINKS})
  foreach(module ${ARG_MODULES})
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:quorate_${module}_module>)
    get_target_property(links quorate_${module}_module INTERFACE_LINK_LIBRARIES)
    list(FILTER links EXCLUDE REGEX "quorate_flags|nlohmann_json")
    target_link_libraries(${name} PUBLIC ${links})
  endforeach()
endfunction()

# tests/<name>/*_test.cc as one program, quorate_<name>_tests, linked with the module and what it uses.
function(quorate_test name)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cc)
  set(target quorate_${name}_tests)
  add_executable(${target} ${sources})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE QUORATE_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  if(QUORATE_PCH)
    target_precompile_headers(${target} REUSE_FROM quorate_test_headers)
  endif()
  target_link_libraries(${target} PRIVATE quorate_flags nlohmann_json::nlohmann_json GTest::gmock GTest::gtest_main)
  get_property(uses GLOBAL PROPERTY quorate_uses_${name})
  foreach(module ${name} ${uses})
    target_link_libraries(${target} PRIVATE quorate_${module}_module)
  endforeach()
  gtest_discover_tests(${target} TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60)
endfunction()
