# Modules and rooms. A module is a top folder with an include root of its own; a room is a folder of one module, and says
# which other rooms of that module it may see. A room's include path is its own folder, the rooms that it says it sees,
# the module's public headers, and common: nothing else compiles. Each room is an object library called
# speadline_<module>_<room>, so that its flags are its own.
#
# A room may call rooms that it sees, any room of common when it lies in another module, and the rooms that it CALLS: a
# function that a header for everyone declares, such as those in common/internal, is defined in some room.
# build/<preset>/rooms.txt repeats all that for tests/package/rooms.py, which compares it with the symbols of the
# object files.

set(SPEADLINE_ROOMS "" CACHE INTERNAL "targets of all rooms")
set(SPEADLINE_ROOM_FOLDERS "" CACHE INTERNAL "folders of all rooms, for tests")
file(WRITE ${CMAKE_BINARY_DIR}/rooms.txt "")

# One line of rooms.txt for each of the rooms: WORD ROOM OTHER.
function(speadline_note_rooms module word room)
    foreach(other IN LISTS ARGN)
        file(APPEND ${CMAKE_BINARY_DIR}/rooms.txt "${word} ${module}/${room} ${module}/${other}\n")
    endforeach()
endfunction()

# The target of a room: flow/channel of common is speadline_common_flow_channel.
function(speadline_room_target out module room)
    string(REPLACE / _ name ${room})
    set(${out} speadline_${module}_${name} PARENT_SCOPE)
endfunction()

# speadline_module(NAME): NAME/include is public, NAME/internal (if there is one) is for this tree.
function(speadline_module module)
    add_library(speadline_${module} INTERFACE)
    target_include_directories(speadline_${module} INTERFACE ${CMAKE_SOURCE_DIR}/${module}/include)
    if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/${module}/internal)
        target_include_directories(speadline_${module} INTERFACE ${CMAKE_SOURCE_DIR}/${module}/internal)
    endif()
    add_subdirectory(${module})
endfunction()

# speadline_room(MODULE ROOM [AT FOLDER] [SEES ROOM...] [CALLS ROOM...]): the folder MODULE/ROOM, or one that lies elsewhere.
function(speadline_room module room)
    cmake_parse_arguments(arg "" "AT" "SEES;CALLS" ${ARGN})
    speadline_note_rooms(${module} SEES ${room} ${arg_SEES})
    speadline_note_rooms(${module} CALLS ${room} ${arg_CALLS})
    set(folder ${CMAKE_SOURCE_DIR}/${module}/${room})
    if(arg_AT)
        set(folder ${arg_AT})
    endif()
    speadline_room_target(target ${module} ${room})
    file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
    if(sources)
        add_library(${target} OBJECT ${sources})
        target_include_directories(${target} PRIVATE ${folder})
        foreach(seen IN LISTS arg_SEES)
            target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/${module}/${seen})
        endforeach()
        target_compile_definitions(${target} PRIVATE SPEADLINE_VERSION="${PROJECT_VERSION}")
        target_link_libraries(${target} PRIVATE speadline_${module} speadline_common speadline_build
                              Threads::Threads PkgConfig::LIBURING ${CMAKE_DL_LIBS})
        set(SPEADLINE_ROOMS ${SPEADLINE_ROOMS} ${target} CACHE INTERNAL "")
    endif()
    set(SPEADLINE_ROOM_FOLDERS ${SPEADLINE_ROOM_FOLDERS} ${folder} CACHE INTERNAL "")
endfunction()
