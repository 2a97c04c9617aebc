# SPDX-License-Identifier: Apache-2.0
# Builds for 64-bit ARM on another machine, with the cross compiler of Debian and with the arm64 packages that
# tests/arm64/arm64_sysroot.sh has unpacked into SPEADLINE_SYSROOT. Programs run under the emulator of qemu. The preset
# arm64 uses this file.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(SPEADLINE_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../../build/arm64-sysroot/root CACHE PATH "The unpacked arm64 packages")
# CMake runs this file again for its trial programs, which do not see the cache.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SPEADLINE_SYSROOT)
set(CMAKE_SYSROOT ${SPEADLINE_SYSROOT})
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${SPEADLINE_SYSROOT})

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# pkg-config must find the packages of the sysroot only.
set(ENV{PKG_CONFIG_DIR} "")
set(ENV{PKG_CONFIG_LIBDIR} ${SPEADLINE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${SPEADLINE_SYSROOT}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${SPEADLINE_SYSROOT})
