/* SPDX-License-Identifier: Apache-2.0 */
/* See temp_folder.h. */
#include "temp_folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "must.h"

#define DESCRIPTORS 8 /* how many folders nftw() keeps open at a time */

void test_folder_enter(char *path)
{
    MUST(mkdtemp(path), "%s: %s", path, strerror(errno));
    MUST(chdir(path) == 0, "%s: %s", path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

void test_folder_remove(const char *path)
{
    MUST(chdir("/") == 0, "/: %s", strerror(errno));
    MUST(nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS) == 0, "%s: %s", path,
         strerror(errno));
}
