/* SPDX-License-Identifier: Apache-2.0 */
/* See remedy.h. */
#include <speadi/remedy.h>

#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
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

char *speadi_remedy_sysctl(char *text, size_t room, const char *name, uint64_t value)
{
    const char *sudo = speadi_sudo();

    if (speadi_may_set_sysctl())
        snprintf(text, room, "`%ssysctl -w %s=%" PRIu64 "` (a file in /etc/sysctl.d keeps it)",
                 sudo, name, value);
    else
        snprintf(text, room, "`sudo sysctl -w %s=%" PRIu64 "` on the host of this container", name,
                 value);
    return text;
}
