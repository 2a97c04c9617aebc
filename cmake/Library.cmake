# SPDX-License-Identifier: Apache-2.0
# The library that is installed, shared and static, and the targets by which tools, tests and benches use it. Programs
# outside use speadline::speadline, or speadline::speadline_static. With BUILD_SHARED_LIBS=OFF there is no shared library,
# and both names mean the static one.

set(speadline_objects "")
foreach(room IN LISTS SPEADLINE_ROOMS)
    list(APPEND speadline_objects $<TARGET_OBJECTS:${room}>)
endforeach()

add_library(speadline_static STATIC ${speadline_objects})
add_library(speadline::speadline_static ALIAS speadline_static)
set_target_properties(speadline_static PROPERTIES OUTPUT_NAME speadline)
set(SPEADLINE_LIBRARIES speadline_static)
if(NOT DEFINED BUILD_SHARED_LIBS OR BUILD_SHARED_LIBS)
    # docs/abi.md says which versions have one soname.
    set(speadline_soname ${PROJECT_VERSION_MAJOR})
    if(PROJECT_VERSION_MAJOR EQUAL 0)
        set(speadline_soname 0.${PROJECT_VERSION_MINOR})
    endif()
    add_library(speadline SHARED ${speadline_objects})
    add_library(speadline::speadline ALIAS speadline)
    set_target_properties(speadline PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${speadline_soname}
                          LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/speadline.map)
    target_link_options(speadline PRIVATE
                        -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/speadline.map)
    list(APPEND SPEADLINE_LIBRARIES speadline)
else()
    add_library(speadline::speadline ALIAS speadline_static)
endif()

foreach(library ${SPEADLINE_LIBRARIES})
    target_include_directories(${library} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/common/include>
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/send/include>
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/recv/include>
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/record/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${library} PRIVATE $<BUILD_INTERFACE:speadline_build> PkgConfig::LIBURING
                          Threads::Threads)
endforeach()

# The tools use this target: the library and the internal headers of common, but the headers of no room.
add_library(speadline_tree INTERFACE)
target_link_libraries(speadline_tree INTERFACE speadline_static speadline_build PkgConfig::LIBURING Threads::Threads)
target_include_directories(speadline_tree INTERFACE ${PROJECT_SOURCE_DIR}/common/internal)

# Tests and benches use this target: it adds the headers of all rooms.
add_library(speadline_inside INTERFACE)
target_link_libraries(speadline_inside INTERFACE speadline_tree)
target_include_directories(speadline_inside INTERFACE ${SPEADLINE_ROOM_FOLDERS})

if(SPEADLINE_INSTALL)
    include(cmake/Install.cmake)
endif()
