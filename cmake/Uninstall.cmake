# SPDX-License-Identifier: Apache-2.0
# Removes what the last cmake --install of a build folder has installed. It reads the list that CMake has written there.
# It honours DESTDIR, as cmake --install does. It removes an empty folder only if the folder belongs to Speadline alone:
# include/speadline, lib/cmake/speadline, share/doc/speadline, and what is below them. Other software shares the other
# folders, such as lib/pkgconfig.
# usage: cmake -D MANIFEST=BUILD_FOLDER/install_manifest.txt -P Uninstall.cmake

if(NOT EXISTS ${MANIFEST})
    message(FATAL_ERROR "there is no ${MANIFEST}: nothing was installed from this build folder, or only a component")
endif()

file(STRINGS ${MANIFEST} files ENCODING UTF-8)
set(folders "")
set(count 0)
foreach(file IN LISTS files)
    set(file $ENV{DESTDIR}${file})
    if(EXISTS ${file} OR IS_SYMLINK ${file})
        file(REMOVE ${file})
        if(EXISTS ${file} OR IS_SYMLINK ${file})
            message(FATAL_ERROR "cannot remove ${file}; as the user who installed it, you can")
        endif()
        math(EXPR count "${count} + 1")
    else()
        message(STATUS "${file} is not there any more")
    endif()
    get_filename_component(folder ${file} DIRECTORY)
    while(folder MATCHES "/(include|cmake|doc)/speadline(/|$)")
        list(APPEND folders ${folder})
        get_filename_component(folder ${folder} DIRECTORY)
    endwhile()
endforeach()

# A folder stands behind the folder that contains it; so the reversed list has the deepest folders first.
list(REMOVE_DUPLICATES folders)
list(SORT folders)
list(REVERSE folders)
foreach(folder IN LISTS folders)
    file(GLOB content LIST_DIRECTORIES true ${folder}/* ${folder}/.*)
    list(FILTER content EXCLUDE REGEX "/\\.\\.?$")
    if(IS_DIRECTORY ${folder} AND NOT content)
        file(REMOVE_RECURSE ${folder})
    elseif(content)
        message(STATUS "${folder} stays, because it holds other files")
    endif()
endforeach()
message(STATUS "removed ${count} files")
