# SPDX-License-Identifier: Apache-2.0
# Packages, and what only packages and installations need.

if(NOT PROJECT_IS_TOP_LEVEL)
    return()
endif()
if(SPEADLINE_TOOLS)
    add_subdirectory(packaging)
endif()
