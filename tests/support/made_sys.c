/* SPDX-License-Identifier: Apache-2.0 */
/* See made_sys.h. */
#include "made_sys.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <speadi/sys_file.h>

#include "must.h"
#include "temp_folder.h"

static char root[] = "/tmp/speadline-sys-XXXXXX";

const char *made_sys_begin(void)
{
    strcpy(root + strlen(root) - 6, "XXXXXX");
    test_folder_enter(root);
    speadi_sys_root = root;
    return root;
}

void made_sys_write(const char *path, const char *text, ...)
{
    char whole[300];
    va_list args;
    FILE *file;

    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        MUST(mkdir(whole, 0755) == 0 || errno == EEXIST, "%s: %s", whole, strerror(errno));
    }
    file = fopen(whole, "w");
    MUST(file, "%s: %s", whole, strerror(errno));
    va_start(args, text);
    vfprintf(file, text, args);
    va_end(args);
    fputc('\n', file);
    MUST(fclose(file) == 0, "%s: %s", whole, strerror(errno));
}

static void write_of(const char *interface, const char *name, int value)
{
    char path[128];

    snprintf(path, sizeof path, "/sys/class/net/%s/%s", interface, name);
    made_sys_write(path, "%d", value);
}

void made_sys_port(const char *interface, int node, const char *cpus0, const char *cpus1)
{
    write_of(interface, "ifindex", (int)if_nametoindex(interface));
    write_of(interface, "mtu", 9000);
    write_of(interface, "device/numa_node", node);
    made_sys_write("/sys/devices/system/node/online", "0-1");
    made_sys_write("/sys/devices/system/node/node0/cpulist", "%s", cpus0);
    made_sys_write("/sys/devices/system/node/node1/cpulist", "%s", cpus1);
}

static bool mount_folder(const char *path)
{
    char from[64];
    struct stat folder;

    snprintf(from, sizeof from, "%s%s", root, path);
    return stat(from, &folder) != 0 || mount(from, path, NULL, MS_BIND, NULL) == 0;
}

bool made_sys_mount(const char **reason)
{
    *reason = "this user may not mount folders";
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount_folder("/sys") && mount_folder("/proc/irq");
}

void made_sys_remove(void)
{
    speadi_sys_root = "";
    test_folder_remove(root);
}
