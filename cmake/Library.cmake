# The installed library, shared and static, with its pkg-config file and CMake package.

set(speadline_objects $<TARGET_OBJECTS:speadline_common> $<TARGET_OBJECTS:speadline_send>
    $<TARGET_OBJECTS:speadline_recv>)

add_library(speadline SHARED ${speadline_objects})
add_library(speadline_static STATIC ${speadline_objects})
set_target_properties(speadline PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
set_target_properties(speadline_static PROPERTIES OUTPUT_NAME speadline)
target_link_options(speadline PRIVATE
                    -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/speadline.map)
set_target_properties(speadline PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/speadline.map)

foreach(library speadline speadline_static)
    target_include_directories(${library} INTERFACE
        $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/common/include>
        $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/send/include>
        $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/recv/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${library} PRIVATE $<BUILD_INTERFACE:speadline_build> PkgConfig::LIBURING
                          Threads::Threads)
endforeach()

# Everything inside, for tests, benches and tools of this tree.
add_library(speadline_inside INTERFACE)
target_link_libraries(speadline_inside INTERFACE speadline_static speadline_build
                      PkgConfig::LIBURING Threads::Threads)
target_include_directories(speadline_inside INTERFACE ${CMAKE_SOURCE_DIR}/common/internal
                           ${CMAKE_SOURCE_DIR}/send ${CMAKE_SOURCE_DIR}/recv)

include(cmake/Install.cmake)
