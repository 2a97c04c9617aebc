/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_secure.h. */
#include "tool_secure.h"

#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <unistd.h>

void tool_secure_start(void)
{
    if (!getauxval(AT_SECURE))
        return;
    /* The dynamic linker has removed its own variables. libibverbs and its providers read other variables. For example,
     * RDMAV_DRIVERS names a library that they load. Nobody knows the names of all such variables, and no tool needs a
     * variable. */
    clearenv();
    /* A setuid program opens files as the user who owns the program file, and --output would write as that user. The
     * threads that this thread starts inherit the new ids. */
    setfsgid(getgid());
    setfsuid(getuid());
}
