/* SPDX-License-Identifier: Apache-2.0 */
/* See remedy.h. */
#include <speadi/remedy.h>

#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

const char *speadi_sudo(void)
{
    return geteuid() == 0 ? "" : "sudo ";
}

bool speadi_may_have_capability(int capability)
{
    return prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1;
}

bool speadi_may_set_sysctl(void)
{
    struct statvfs settings;

    return speadi_may_have_capability(CAP_SYS_ADMIN) && statvfs("/proc/sys", &settings) == 0 &&
           !(settings.f_flag & ST_RDONLY);
}

/* Writes the command in backticks. `here` tells whether root can run it here. */
static char *write_command(char *text, size_t room, bool here, const char *command)
{
    int length = snprintf(text, room, "`%s%s`%s", here ? speadi_sudo() : "sudo ", command,
                          here ? "" : " on the host of this container");

    if (length < 0 || (size_t)length >= room)
        text[0] = '\0';
    return text;
}

char *speadi_remedy_command(char *text, size_t room, int capability, const char *command, ...)
{
    char line[192];
    va_list arguments;
    int length;

    va_start(arguments, command);
    length = vsnprintf(line, sizeof line, command, arguments);
    va_end(arguments);
    text[0] = '\0';
    if (length < 0 || (size_t)length >= sizeof line)
        return text;
    return write_command(text, room, speadi_may_have_capability(capability), line);
}

char *speadi_remedy_sysctl(char *text, size_t room, const char *name, uint64_t value)
{
    static const char keep[] = " (a file in /etc/sysctl.d keeps it)";
    bool here = speadi_may_set_sysctl();
    char line[128];
    size_t used;

    snprintf(line, sizeof line, "sysctl -w %s=%" PRIu64, name, value);
    used = strlen(write_command(text, room, here, line));
    if (used > 0 && used + sizeof keep <= room)
        strcpy(text + used, keep);
    return text;
}
