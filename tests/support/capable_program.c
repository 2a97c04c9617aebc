/* SPDX-License-Identifier: Apache-2.0 */
/* See capable_program.h. */
#include "capable_program.h"

#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static char folder[] = "/tmp/speadline-capable-XXXXXX";
static pid_t owner; /* the process that has made the folder */
static char why[160];

static bool lacks(const char **reason, const char *what)
{
    snprintf(why, sizeof why, "needs %s: %s", what, strerror(errno));
    *reason = why;
    return false;
}

static void remove_folder(void)
{
    if (getpid() != owner) /* a child process of the test */
        return;
    if (geteuid() != 0 && seteuid(0) < 0)
        return;
    umount2(folder, MNT_DETACH);
    rmdir(folder);
    owner = 0;
}

const char *test_capable_folder(const char **reason)
{
    if (geteuid() != 0) {
        errno = EPERM;
        lacks(reason, "root, to give files capabilities");
        return NULL;
    }
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0) {
        lacks(reason, "a mount namespace");
        return NULL;
    }
    if (!mkdtemp(folder)) {
        lacks(reason, "a temporary folder");
        return NULL;
    }
    owner = getpid();
    atexit(remove_folder);
    if (mount("none", folder, "tmpfs", 0, "mode=0700,uid=65534,gid=65534") < 0) {
        lacks(reason, "a file system in memory");
        return NULL;
    }
    return folder;
}

/* Runs `cp from to`. */
static bool copy(const char *from, const char *to)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        execlp("cp", "cp", from, to, (char *)NULL);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool test_capable_give(const char *path, enum test_capable_rights rights, const char **reason)
{
    struct vfs_cap_data data = {.magic_etc = htole32(VFS_CAP_REVISION_2)};

    if (rights == TEST_CAPABLE_NONE)
        return true;
    if (rights == TEST_CAPABLE_SETUID)
        return chmod(path, 04750) == 0 || lacks(reason, "setuid programs");
    if (rights == TEST_CAPABLE_EFFECTIVE)
        data.magic_etc |= htole32(VFS_CAP_FLAGS_EFFECTIVE);
    data.data[0].permitted = htole32(1u << CAP_NET_RAW | 1u << CAP_IPC_LOCK);
    return setxattr(path, "security.capability", &data, sizeof data, 0) == 0 ||
           lacks(reason, "capabilities of files");
}

bool test_capable_copy(char path[TEST_CAPABLE_PATH_MAX], const char *program, const char *name,
                       enum test_capable_rights rights, const char **reason)
{
    snprintf(path, TEST_CAPABLE_PATH_MAX, "%s/%s", folder, name);
    if (!copy(program, path) || chown(path, 0, TEST_NOBODY) < 0 || chmod(path, 0750) < 0)
        return lacks(reason, "a copy of a program");
    return test_capable_give(path, rights, reason);
}

void test_become_nobody(void)
{
    /* The saved user id stays root, so that seteuid(0) succeeds. A process whose user id has changed is not dumpable,
     * and then its children cannot open their own files in /proc. */
    if (setresgid(TEST_NOBODY, TEST_NOBODY, TEST_NOBODY) < 0 ||
        setresuid(TEST_NOBODY, TEST_NOBODY, 0) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        abort();
}

void test_become_root(void)
{
    if (seteuid(0) < 0)
        abort();
}
