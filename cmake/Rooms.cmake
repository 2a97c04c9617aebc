# SPDX-License-Identifier: Apache-2.0
# Modules and rooms. A module is a top folder with an include root of its own. A room is a folder of a module, and says
# which other rooms of the module it sees. The include path of a room has its own folder, the rooms that it sees, the
# public headers of the module, and common; no other #include compiles. Each room is an object library with the name
# speadline_<module>_<room>, so that it has its own flags.
#
# A room may call functions of these rooms: the rooms that it SEES, the rooms that it CALLS, and, from another module,
# all rooms of common. CALLS is needed because a header for all rooms, such as those in common/internal, declares
# functions that one room defines. The file build/<preset>/rooms.txt has these lists too; tests/package/rooms.py
# compares them with the symbols of the object files.

set(SPEADLINE_ROOMS "" CACHE INTERNAL "targets of all rooms")
set(SPEADLINE_ROOM_FOLDERS "" CACHE INTERNAL "folders of all rooms, for tests")
file(WRITE ${PROJECT_BINARY_DIR}/rooms.txt "")

# Writes a line "WORD ROOM OTHER" into rooms.txt for each other room.
function(speadline_note_rooms module word room)
    foreach(other IN LISTS ARGN)
        file(APPEND ${PROJECT_BINARY_DIR}/rooms.txt "${word} ${module}/${room} ${module}/${other}\n")
    endforeach()
endfunction()

# Sets `out` to the target of a room: for the room flow/channel of common it is speadline_common_flow_channel.
function(speadline_room_target out module room)
    string(REPLACE / _ name ${room})
    set(${out} speadline_${module}_${name} PARENT_SCOPE)
endfunction()

# speadline_module(NAME) makes a module. NAME/include has its public headers, NAME/internal (if it exists) the headers
# for this tree only.
function(speadline_module module)
    add_library(speadline_${module} INTERFACE)
    target_include_directories(speadline_${module} INTERFACE ${PROJECT_SOURCE_DIR}/${module}/include)
    if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/${module}/internal)
        target_include_directories(speadline_${module} INTERFACE ${PROJECT_SOURCE_DIR}/${module}/internal)
    endif()
    add_subdirectory(${module})
endfunction()

# speadline_room(MODULE ROOM [AT FOLDER] [SEES ROOM...] [CALLS ROOM...]) makes a room of the .c files in MODULE/ROOM, or
# in FOLDER.
function(speadline_room module room)
    cmake_parse_arguments(arg "" "AT" "SEES;CALLS" ${ARGN})
    speadline_note_rooms(${module} SEES ${room} ${arg_SEES})
    speadline_note_rooms(${module} CALLS ${room} ${arg_CALLS})
    set(folder ${PROJECT_SOURCE_DIR}/${module}/${room})
    if(arg_AT)
        set(folder ${arg_AT})
    endif()
    speadline_room_target(target ${module} ${room})
    file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
    if(sources)
        add_library(${target} OBJECT ${sources})
        target_include_directories(${target} PRIVATE ${folder})
        foreach(seen IN LISTS arg_SEES)
            target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/${module}/${seen})
        endforeach()
        target_compile_definitions(${target} PRIVATE SPEADLINE_VERSION="${PROJECT_VERSION}")
        target_link_libraries(${target} PRIVATE speadline_${module} speadline_common speadline_build
                              Threads::Threads PkgConfig::LIBURING ${CMAKE_DL_LIBS})
        set(SPEADLINE_ROOMS ${SPEADLINE_ROOMS} ${target} CACHE INTERNAL "")
    endif()
    set(SPEADLINE_ROOM_FOLDERS ${SPEADLINE_ROOM_FOLDERS} ${folder} CACHE INTERNAL "")
endfunction()
