# SPDX-License-Identifier: Apache-2.0
# How every C file of the tree is compiled.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# The flags of a build type belong to the user. CMakePresets.json has those that this project uses.
if(PROJECT_IS_TOP_LEVEL)
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
    if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
        set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
    endif()
endif()

# ar writes neither times nor users into the static library, so that two builds of one commit are the same bytes.
set(CMAKE_C_ARCHIVE_CREATE "<CMAKE_AR> qcD <TARGET> <LINK_FLAGS> <OBJECTS>")
set(CMAKE_C_ARCHIVE_APPEND "<CMAKE_AR> qD <TARGET> <LINK_FLAGS> <OBJECTS>")
set(CMAKE_C_ARCHIVE_FINISH "<CMAKE_RANLIB> -D <TARGET>")

add_library(speadline_build INTERFACE)
target_compile_definitions(speadline_build INTERFACE _GNU_SOURCE)
target_compile_options(speadline_build INTERFACE -Wall -Wextra -Wshadow -Wmissing-prototypes
                       -Wstrict-prototypes -Wvla -Wconversion)
# No name of a folder of the machine that builds comes into the files. A debugger that runs in the folder of the sources
# finds them.
target_compile_options(speadline_build INTERFACE -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
                       -ffile-prefix-map=${CMAKE_BINARY_DIR}=.)
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

