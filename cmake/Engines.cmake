# SPDX-License-Identifier: Apache-2.0
# Engines. A folder recv/engines/<name> with a file rx_<name>.c is a receive engine, and a folder send/engines/<name>
# with a file tx_<name>.c is a send engine. The file defines speadi_rx_engine_<name> or speadi_tx_engine_<name>. No
# other file names an engine: the functions below make the lists that recv/engine and send/engine search.

set(SPEADLINE_ENGINES "all" CACHE STRING "Engines to build: all, or a list such as mem;socket")
set(SPEADLINE_EXTRA_ENGINES "" CACHE STRING "Folders of engines outside the tree; each has the name of its engine")

# These folders are not engines: datagram holds what the engines of datagrams share, fault holds the fault decorator.
set(speadline_no_engines datagram fault)

# A folder of the module is an engine if it has the file <prefix>_<folder>.c.
set(speadline_engine_prefix_recv rx)
set(speadline_engine_prefix_send tx)

# Sets `out` to the folders of all engines of a module, whether they are built or not.
function(speadline_find_engines out module)
    set(prefix ${speadline_engine_prefix_${module}})
    file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${module}/engines/*/${prefix}_*.c)
    foreach(extra IN LISTS SPEADLINE_EXTRA_ENGINES)
        get_filename_component(extra ${extra} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
        file(GLOB found CONFIGURE_DEPENDS ${extra}/${prefix}_*.c)
        list(APPEND files ${found})
    endforeach()
    set(folders "")
    foreach(file IN LISTS files)
        get_filename_component(folder ${file} DIRECTORY)
        get_filename_component(name ${folder} NAME)
        if(EXISTS ${folder}/${prefix}_${name}.c AND NOT name IN_LIST speadline_no_engines)
            list(APPEND folders ${folder})
        endif()
    endforeach()
    list(REMOVE_DUPLICATES folders)
    list(SORT folders COMPARE FILE_BASENAME)
    set(${out} ${folders} PARENT_SCOPE)
endfunction()

# Sets SPEADLINE_ENGINE_NAMES to the engines of both directions that are built, and SPEADLINE_ABSENT_ENGINES to the
# others.
function(speadline_choose_engines)
    set(known "")
    foreach(module recv send)
        speadline_find_engines(folders ${module})
        foreach(folder IN LISTS folders)
            get_filename_component(name ${folder} NAME)
            list(APPEND known ${name})
        endforeach()
    endforeach()
    list(REMOVE_DUPLICATES known)
    set(extra "")
    foreach(folder IN LISTS SPEADLINE_EXTRA_ENGINES)
        get_filename_component(folder ${folder} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
        get_filename_component(name ${folder} NAME)
        if(NOT name MATCHES "^[a-z][a-z0-9_]*$" OR name STREQUAL "auto" OR name IN_LIST speadline_no_engines)
            message(FATAL_ERROR "SPEADLINE_EXTRA_ENGINES: ${folder}: an engine cannot be called \"${name}\"; use small letters, digits and _, and not auto, ${speadline_no_engines}")
        endif()
        if(EXISTS ${PROJECT_SOURCE_DIR}/recv/engines/${name} OR EXISTS ${PROJECT_SOURCE_DIR}/send/engines/${name})
            message(FATAL_ERROR "SPEADLINE_EXTRA_ENGINES: ${folder}: this tree has an engine \"${name}\" already; give the folder another name")
        endif()
        if(NOT name IN_LIST known)
            message(FATAL_ERROR "SPEADLINE_EXTRA_ENGINES: ${folder} holds neither rx_${name}.c nor tx_${name}.c")
        endif()
        list(APPEND extra ${name})
    endforeach()
    if(SPEADLINE_ENGINES STREQUAL "" AND NOT extra)
        message(FATAL_ERROR "SPEADLINE_ENGINES is empty: a library without an engine moves nothing; give all, or a list such as mem;socket")
    endif()
    set(wanted ${SPEADLINE_ENGINES} ${extra})
    if(SPEADLINE_ENGINES STREQUAL "all")
        set(wanted ${known})
    endif()
    foreach(name IN LISTS wanted)
        if(NOT name IN_LIST known)
            list(JOIN known ", " names)
            message(FATAL_ERROR "SPEADLINE_ENGINES: there is no engine \"${name}\"; there are ${names}")
        endif()
    endforeach()
    set(absent ${known})
    list(REMOVE_ITEM absent ${wanted})
    set(SPEADLINE_ENGINE_NAMES ${wanted} PARENT_SCOPE)
    set(SPEADLINE_ABSENT_ENGINES ${absent} PARENT_SCOPE)
endfunction()

# speadline_engines(MODULE) makes a room for each engine that is built, and their list, which becomes a source of the
# room MODULE/engine. An engine sees the rooms MODULE/engine (the contract) and MODULE/engines/datagram, and no other
# room.
function(speadline_engines module)
    set(prefix ${speadline_engine_prefix_${module}})
    set(declarations "")
    set(entries "")
    speadline_find_engines(folders ${module})
    foreach(folder IN LISTS folders)
        get_filename_component(name ${folder} NAME)
        if(name IN_LIST SPEADLINE_ENGINE_NAMES)
            speadline_room(${module} engines/${name} AT ${folder} SEES engine engines/datagram)
            string(APPEND declarations "extern const struct speadi_${prefix}_engine_ops speadi_${prefix}_engine_${name};\n")
            string(APPEND entries "    &speadi_${prefix}_engine_${name}.about,\n")
        endif()
    endforeach()
    set(list ${CMAKE_CURRENT_BINARY_DIR}/${prefix}_engines.c)
    file(CONFIGURE OUTPUT ${list} CONTENT "/* Made by cmake/Engines.cmake. */
#include \"${prefix}_engine.h\"

@declarations@
const struct speadi_engine_about *const speadi_${prefix}_engines[] = {
@entries@    NULL,
};
" @ONLY)
    speadline_room_target(target ${module} engine)
    target_sources(${target} PRIVATE ${list})
endfunction()
