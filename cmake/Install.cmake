# SPDX-License-Identifier: Apache-2.0
# What cmake --install installs, and the target uninstall. Each file belongs to a component. A component has the name of
# the Debian package that it becomes (Package.cmake), but libspeadline, whose package also has the number of its ABI.
#
#   libspeadline      the shared library
#   libspeadline-dev  headers, static library, pkg-config file, CMake package
#   speadline-tools   the tools with manual pages, bash completion, systemd unit and sysctl example
#   speadline-doc     README and docs/, with the examples

include(CMakePackageConfigHelpers)

set(speadline_doc_dir ${CMAKE_INSTALL_DATAROOTDIR}/doc/speadline)

# ---- The library -----------------------------------------------------------------------------------------------------

install(TARGETS ${SPEADLINE_LIBRARIES} EXPORT speadlineTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libspeadline NAMELINK_COMPONENT libspeadline-dev
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libspeadline-dev)
foreach(module common send recv record)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/${module}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
            COMPONENT libspeadline-dev)
endforeach()

set(speadline_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/speadline)
install(EXPORT speadlineTargets NAMESPACE speadline:: DESTINATION ${speadline_package_dir} COMPONENT libspeadline-dev)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/speadlineConfig.cmake.in
    ${PROJECT_BINARY_DIR}/speadlineConfig.cmake INSTALL_DESTINATION ${speadline_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/speadlineConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/speadlineConfig.cmake
        ${PROJECT_BINARY_DIR}/speadlineConfigVersion.cmake DESTINATION ${speadline_package_dir}
        COMPONENT libspeadline-dev)

# The pkg-config file has a relative path, so that an installation can be moved, or be made under another prefix than
# the configured one. A program that links with the static library needs its libraries too; if there is no shared
# library, every program does.
set(speadline_pc_private .private)
if(NOT TARGET speadline)
    set(speadline_pc_private "")
endif()
file(RELATIVE_PATH speadline_pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/speadline.pc.in ${PROJECT_BINARY_DIR}/speadline.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/speadline.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT libspeadline-dev)

# ---- What belongs to the tools ---------------------------------------------------------------------------------------

# tools/CMakeLists.txt installs the programs, and packaging/CMakeLists.txt their completion. The unit names its program
# without a folder: systemd looks in /usr/local/bin and /usr/bin, and so the unit fits both prefixes.
if(SPEADLINE_TOOLS)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
            COMPONENT speadline-tools FILES_MATCHING PATTERN "*.1")
    install(FILES ${PROJECT_SOURCE_DIR}/packaging/systemd/spead-recv@.service DESTINATION lib/systemd/system
            COMPONENT speadline-tools)
    install(FILES ${PROJECT_SOURCE_DIR}/packaging/systemd/night.conf ${PROJECT_SOURCE_DIR}/packaging/sysctl/60-speadline.conf
            DESTINATION ${speadline_doc_dir}/examples COMPONENT speadline-tools)
endif()

# ---- Documents -------------------------------------------------------------------------------------------------------

# The pages keep their places beside each other, so that their links lead to each other.
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_SOURCE_DIR}/CONTRIBUTING.md
        ${PROJECT_SOURCE_DIR}/SECURITY.md ${PROJECT_SOURCE_DIR}/LICENSE
        DESTINATION ${speadline_doc_dir} COMPONENT speadline-doc)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${speadline_doc_dir} COMPONENT speadline-doc
        PATTERN man EXCLUDE)

# ---- Removal ---------------------------------------------------------------------------------------------------------

# A project that contains this one has an installation of its own, and perhaps a target of this name.
if(PROJECT_IS_TOP_LEVEL)
    add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -D MANIFEST=${PROJECT_BINARY_DIR}/install_manifest.txt
                      -P ${CMAKE_CURRENT_LIST_DIR}/Uninstall.cmake VERBATIM)
endif()
