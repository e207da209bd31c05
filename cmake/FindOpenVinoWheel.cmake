# OpenVINO as it lies in the target interpreter's openvino wheel, which carries headers and a CMake package: openvino::runtime.
# The interpreter is asked as in FindLibTorch. OPENVINO_LIB_DIR is the folder of its libraries.

find_package(Python 3.11 REQUIRED COMPONENTS Interpreter)
execute_process(
  COMMAND ${Python_EXECUTABLE} -I -c
          "import importlib.util as u, os; s = u.find_spec('openvino'); print(os.path.dirname(s.origin) if s else '', end='')"
  OUTPUT_VARIABLE root
  RESULT_VARIABLE result)
if(result EQUAL 0 AND root)
  find_package(OpenVINO CONFIG QUIET COMPONENTS Runtime PATHS ${root}/cmake NO_DEFAULT_PATH)
  set(OPENVINO_LIB_DIR ${root}/libs)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  OpenVinoWheel
  REQUIRED_VARS OPENVINO_LIB_DIR OpenVINO_FOUND
  REASON_FAILURE_MESSAGE "install openvino into ${Python_EXECUTABLE}'s environment, or configure with -DQUORATE_OPENVINO=OFF")
