# SPDX-License-Identifier: Apache-2.0
# Debian packages, made by cpack in a build folder (./run deb makes them with the prefix and the flags of Debian). Each
# component of Install.cmake becomes a package. This file says what differs from an ordinary installation.

if(NOT SPEADLINE_INSTALL)
    return()
endif()
if(SPEADLINE_TOOLS)
    add_subdirectory(packaging)
endif()
# A project that contains this one makes its own packages. And the packages are whole, or there are none.
if(NOT PROJECT_IS_TOP_LEVEL OR NOT TARGET speadline OR NOT SPEADLINE_TOOLS)
    return()
endif()

set(debian ${PROJECT_SOURCE_DIR}/packaging/debian)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME speadline)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Speadline authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
    WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL libspeadline libspeadline-dev speadline-tools speadline-doc)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_VERBATIM_VARIABLES ON)
# cpack calls this script when it has installed the files of each package into a folder.
set(CPACK_PRE_BUILD_SCRIPTS ${debian}/dress_packages.cmake)
set(CPACK_SPEADLINE_DEBIAN ${debian})
set(CPACK_SPEADLINE_CHANGELOG ${PROJECT_SOURCE_DIR}/CHANGELOG.md)

# Two packages of different sources need different versions: apt keeps the installed package if the other one has the
# same version. Before the release of a version, ./run deb gives 1~ and the date of the sources, which sorts before 1.
set(SPEADLINE_DEBIAN_RELEASE 1 CACHE STRING "What follows the version of Speadline in the version of the Debian packages")
set(CPACK_DEBIAN_PACKAGE_RELEASE ${SPEADLINE_DEBIAN_RELEASE})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SOURCE speadline)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
# Else this line would be the first of each description. Each package has a first line of its own.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")

# ---- libspeadline ----------------------------------------------------------------------------------------------------

# The name of the package has the number of the soname, as Debian demands: libspeadline0.1.
get_target_property(soversion speadline SOVERSION)
set(CPACK_DEBIAN_LIBSPEADLINE_PACKAGE_NAME libspeadline${soversion})
set(CPACK_DEBIAN_LIBSPEADLINE_PACKAGE_SECTION libs)
# Engine verbs loads these libraries at run time, where they are.
set(CPACK_DEBIAN_LIBSPEADLINE_PACKAGE_SUGGESTS "ibverbs-providers, libibverbs1")
set(CPACK_DEBIAN_LIBSPEADLINE_PACKAGE_CONTROL_EXTRA ${debian}/triggers)
set(CPACK_DEBIAN_LIBSPEADLINE_DESCRIPTION "SPEAD heaps over UDP at line rate - shared library
Speadline moves heaps of the SPEAD protocol (version 4, SPEAD-64-N) between
instruments and host memory. It accounts for every packet, bounds its memory by
its configuration, and uses sockets, io_uring or RDMA devices.")

# ---- libspeadline-dev ------------------------------------------------------------------------------------------------

set(release ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
set(CPACK_DEBIAN_LIBSPEADLINE-DEV_PACKAGE_NAME libspeadline-dev)
set(CPACK_DEBIAN_LIBSPEADLINE-DEV_PACKAGE_SECTION libdevel)
# The static library needs liburing, and so do the pkg-config file and the CMake package.
set(CPACK_DEBIAN_LIBSPEADLINE-DEV_PACKAGE_DEPENDS
    "libspeadline${soversion} (= ${release}), liburing-dev, pkgconf | pkg-config")
set(CPACK_DEBIAN_LIBSPEADLINE-DEV_PACKAGE_SUGGESTS speadline-doc)
set(CPACK_DEBIAN_LIBSPEADLINE-DEV_DESCRIPTION "SPEAD heaps over UDP at line rate - development files
Speadline moves heaps of the SPEAD protocol (version 4, SPEAD-64-N) between
instruments and host memory.
.
This package has the headers, the static library, and the files by which
pkg-config and CMake find them.")

# ---- speadline-tools -------------------------------------------------------------------------------------------------

set(CPACK_DEBIAN_SPEADLINE-TOOLS_PACKAGE_NAME speadline-tools)
set(CPACK_DEBIAN_SPEADLINE-TOOLS_PACKAGE_SECTION net)
set(CPACK_DEBIAN_SPEADLINE-TOOLS_PACKAGE_SUGGESTS
    "bash-completion, ibverbs-providers, libcap2-bin, libibverbs1, speadline-doc")
set(CPACK_DEBIAN_SPEADLINE-TOOLS_DESCRIPTION "SPEAD heaps over UDP at line rate - command-line tools
Speadline moves heaps of the SPEAD protocol (version 4, SPEAD-64-N) between
instruments and host memory, and accounts for every packet.
.
This package has spead-send, spead-recv, which can also record, spead-info,
which says what a machine can do and what a recording holds, and spead-net-raw,
which lets a group of users use RDMA devices.")

# ---- speadline-doc ---------------------------------------------------------------------------------------------------

set(CPACK_DEBIAN_SPEADLINE-DOC_PACKAGE_NAME speadline-doc)
set(CPACK_DEBIAN_SPEADLINE-DOC_PACKAGE_SECTION doc)
set(CPACK_DEBIAN_SPEADLINE-DOC_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_SPEADLINE-DOC_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_SPEADLINE-DOC_DESCRIPTION "SPEAD heaps over UDP at line rate - documentation
Speadline moves heaps of the SPEAD protocol (version 4, SPEAD-64-N) between
instruments and host memory.
.
This package has the documents with the example programs. It begins with
/usr/share/doc/speadline/README.md.")

include(CPack)
