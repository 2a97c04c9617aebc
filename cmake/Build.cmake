# SPDX-License-Identifier: Apache-2.0
# How every C file of the tree is compiled.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O3 -DNDEBUG -g1")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")

add_library(speadline_build INTERFACE)
target_compile_definitions(speadline_build INTERFACE _GNU_SOURCE)
target_compile_options(speadline_build INTERFACE -Wall -Wextra -Wshadow -Wmissing-prototypes
                       -Wstrict-prototypes -Wvla -Wconversion)
if(SPEADLINE_WERROR)
    target_compile_options(speadline_build INTERFACE -Werror)
endif()
if(SPEADLINE_SANITIZE)
    target_compile_options(speadline_build INTERFACE -fsanitize=${SPEADLINE_SANITIZE}
                           -fno-sanitize-recover=all)
    target_link_options(speadline_build INTERFACE -fsanitize=${SPEADLINE_SANITIZE})
endif()

if(SPEADLINE_FUZZ)
    # The fuzzer looks at which code its inputs reach. So the library must be instrumented too, not only the target.
    target_compile_options(speadline_build INTERFACE -fsanitize=fuzzer-no-link)
endif()

