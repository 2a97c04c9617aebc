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
    /* The dynamic linker has removed its own variables. libibverbs and its providers read more, such as RDMAV_DRIVERS,
     * which names a library that they load. Nobody knows all these names, and no tool needs a variable. */
    clearenv();
    /* A setuid program opens files with the rights of the owner of its file, and --output would write as that owner. The
     * threads that this thread starts inherit the new ids. */
    setfsgid(getgid());
    setfsuid(getuid());
}
