# `cmake --install`: headers, the libraries, and a package for find_package(quorate [COMPONENTS infer]).
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/quorate)
install(DIRECTORY include/quorate DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} PATTERN "infer" EXCLUDE)
install(TARGETS quorate EXPORT quorateTargets)
install(EXPORT quorateTargets NAMESPACE quorate:: DESTINATION ${package_dir})

if(QUORATE_INFER)
  install(DIRECTORY include/quorate/infer DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/quorate)
  install(TARGETS quorate_infer EXPORT quorateInferTargets)
  install(EXPORT quorateInferTargets NAMESPACE quorate:: DESTINATION ${package_dir})
  install(FILES cmake/FindLibTorch.cmake DESTINATION ${package_dir})
  if(QUORATE_OPENVINO)
    install(FILES cmake/FindOpenVinoWheel.cmake DESTINATION ${package_dir})
  endif()
endif()

configure_package_config_file(cmake/quorateConfig.cmake.in quorateConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(quorateConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/quorateConfig.cmake ${PROJECT_BINARY_DIR}/quorateConfigVersion.cmake
        DESTINATION ${package_dir})
