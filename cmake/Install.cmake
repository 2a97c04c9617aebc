# SPDX-License-Identifier: Apache-2.0
# What cmake --install installs: libraries, headers, pkg-config file, CMake package, man pages.

include(CMakePackageConfigHelpers)

install(TARGETS ${SPEADLINE_LIBRARIES} EXPORT speadlineTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(module common send recv record)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/${module}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()

set(speadline_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/speadline)
install(EXPORT speadlineTargets NAMESPACE speadline:: DESTINATION ${speadline_package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/speadlineConfig.cmake.in
    ${PROJECT_BINARY_DIR}/speadlineConfig.cmake INSTALL_DESTINATION ${speadline_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/speadlineConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/speadlineConfig.cmake
        ${PROJECT_BINARY_DIR}/speadlineConfigVersion.cmake DESTINATION ${speadline_package_dir})

# The pkg-config file has a relative path, so that an installation can be moved, or be made under another prefix than
# the configured one. A program that links with the static library needs its libraries too; if there is no shared
# library, every program does.
set(speadline_pc_private .private)
if(NOT TARGET speadline)
    set(speadline_pc_private "")
endif()
file(RELATIVE_PATH speadline_pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/speadline.pc.in ${PROJECT_BINARY_DIR}/speadline.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/speadline.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
        FILES_MATCHING PATTERN "*.1")
