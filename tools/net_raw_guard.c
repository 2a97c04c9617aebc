/* SPDX-License-Identifier: Apache-2.0 */
/* See net_raw_guard.h. */
#include "net_raw_guard.h"

#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* This link always leads to the file that this process runs, even if another file has the name of that file now. */
#define SELF "/proc/self/exe"

static bool gives_rights(const struct stat *file)
{
    return getauxval(AT_SECURE) || file->st_mode & (S_ISUID | S_ISGID) ||
           getxattr(SELF, "security.capability", NULL, 0) > 0;
}

/* In a sticky folder, such as /tmp, only the owner of a file and the owner of the folder can rename or remove the
 * file. */
static bool others_replace_in(const struct stat *folder)
{
    if (folder->st_uid != 0 && folder->st_uid != getuid())
        return true;
    return folder->st_mode & (S_IWGRP | S_IWOTH) && !(folder->st_mode & S_ISVTX);
}

/* Looks at each folder in the path of the file. If others can replace an entry of a folder, users who run this program
 * by its name could run a foreign program. `path` then gets the path of this folder. */
static enum net_raw_guard check_folders(char path[NET_RAW_PATH_MAX])
{
    char whole[NET_RAW_PATH_MAX], *slash;
    struct stat st;

    strcpy(whole, path);
    while ((slash = strrchr(path, '/'))) {
        slash[slash == path] = '\0'; /* "/name" becomes "/" */
        if (stat(path, &st) < 0)
            return NET_RAW_UNKNOWN;
        if (others_replace_in(&st))
            return NET_RAW_OTHERS_REPLACE;
        if (slash == path)
            break;
    }
    strcpy(path, whole);
    return NET_RAW_GUARDED;
}

enum net_raw_guard net_raw_guard_check(char path[NET_RAW_PATH_MAX])
{
    ssize_t bytes = readlink(SELF, path, NET_RAW_PATH_MAX - 1);
    struct stat file;

    path[bytes > 0 ? bytes : 0] = '\0';
    if (bytes <= 0 || stat(SELF, &file) < 0)
        return NET_RAW_UNKNOWN;
    if (!gives_rights(&file))
        return NET_RAW_GUARDED;
    if (bytes == NET_RAW_PATH_MAX - 1) /* perhaps readlink() has cut the path */
        return NET_RAW_UNKNOWN;
    if (file.st_mode & S_IXOTH)
        return NET_RAW_ANYBODY_RUNS;
    if (file.st_mode & (S_IWGRP | S_IWOTH))
        return NET_RAW_OTHERS_WRITE;
    return check_folders(path);
}
