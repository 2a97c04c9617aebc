/* SPDX-License-Identifier: Apache-2.0 */
/* See small_host.h. */
#include "small_host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <speadi/free_memory.h>

#include "must.h"
#include "temp_folder.h"

static char root[] = "/tmp/speadline-host-XXXXXX";

void test_host_make(void)
{
    test_folder_enter(root);
    MUST(mkdir("proc", 0755) == 0, "%s/proc: %s", root, strerror(errno));
    speadi_free_memory_root = root;
}

void test_host_set_free(uint64_t kib)
{
    char path[sizeof root + 16];
    FILE *file;

    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    file = fopen(path, "w");
    MUST(file, "%s: %s", path, strerror(errno));
    fprintf(file, "MemAvailable: %" PRIu64 " kB\n", kib);
    MUST(fclose(file) == 0, "%s: %s", path, strerror(errno));
}

void test_host_remove(void)
{
    speadi_free_memory_root = "";
    test_folder_remove(root);
}
