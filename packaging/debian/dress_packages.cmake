# SPDX-License-Identifier: Apache-2.0
# Adds to each package what Debian demands of it beside the files of an installation. cpack runs this script when the
# files of package NAME are in CPACK_TEMPORARY_INSTALL_DIRECTORY/NAME, where NAME is the component.

# Compresses a file. Without -n the result would have the time of this run.
function(compress file)
    execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# SOURCE_DATE_EPOCH sets the date, if it is set.
set(ENV{LC_ALL} C)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
    set(usr ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${component}/usr)
    string(TOUPPER ${component} upper)
    set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
    set(doc ${usr}/share/doc/${package})

    file(COPY ${CPACK_SPEADLINE_DEBIAN}/copyright DESTINATION ${doc})
    configure_file(${CPACK_SPEADLINE_DEBIAN}/changelog.in ${doc}/changelog.Debian @ONLY)
    compress(${doc}/changelog.Debian)
    configure_file(${CPACK_SPEADLINE_CHANGELOG} ${doc}/changelog COPYONLY)
    compress(${doc}/changelog)
    if(package STREQUAL speadline-tools)
        file(COPY ${CPACK_SPEADLINE_DEBIAN}/README.Debian DESTINATION ${doc})
    endif()

    # The file copyright names the text of the licence that each Debian system has.
    file(REMOVE ${usr}/share/doc/speadline/LICENSE)

    file(GLOB pages ${usr}/share/man/man*/*)
    foreach(page IN LISTS pages)
        compress(${page})
    endforeach()

    # cpack strips programs and shared libraries, but no static library.
    file(GLOB_RECURSE libraries ${usr}/lib/*.a)
    foreach(library IN LISTS libraries)
        execute_process(COMMAND strip --strip-debug --remove-section=.comment --enable-deterministic-archives ${library} COMMAND_ERROR_IS_FATAL ANY)
    endforeach()

    file(CHMOD_RECURSE ${doc} FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
         DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
