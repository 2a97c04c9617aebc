/* SPDX-License-Identifier: Apache-2.0 */
/* See cache_share.h. */
#include <speadi/cache_share.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <speadi/cpu_set.h>
#include <speadi/sys_file.h>

#define CACHE      "/sys/devices/system/cpu/cpu0/cache/index%u/"
#define CACHES_MAX 16u
#define KIB        1024u

/* Reads the size of a cache, as in "491520K". Returns 0 if the file has no such line. */
static uint64_t bytes_of(unsigned index)
{
    char text[32], unit = '\0';
    uint64_t size;

    if (!speadi_sys_line(text, sizeof text, CACHE "size", index) ||
        sscanf(text, "%" SCNu64 "%c", &size, &unit) < 1)
        return 0;
    return unit == 'K' ? size * KIB : unit == 'M' ? size * KIB * KIB : size;
}

static unsigned cpus_of(unsigned index)
{
    struct speadi_cpu_set set = {{0}};
    char list[1024];

    if (!speadi_sys_line(list, sizeof list, CACHE "shared_cpu_list", index) ||
        !speadi_cpu_set_add_list(&set, list))
        return 1;
    return speadi_cpu_set_count(&set);
}

struct speadi_cache_share speadi_cache_share(void)
{
    struct speadi_cache_share share = {0};
    char type[32];
    int64_t level;

    for (unsigned i = 0; i < CACHES_MAX; i++) {
        if (!speadi_sys_number(&level, CACHE "level", i))
            break;
        if (!speadi_sys_line(type, sizeof type, CACHE "type", i) ||
            strcmp(type, "Instruction") == 0 || level <= (int64_t)share.level)
            continue;
        share.level = (unsigned)level;
        share.cache_bytes = bytes_of(i);
        share.cpus = cpus_of(i);
    }
    share.bytes = share.cache_bytes;
    if (share.bytes > share.cpus * SPEADI_CACHE_CPU_BYTES)
        share.bytes = share.cpus * SPEADI_CACHE_CPU_BYTES;
    return share;
}
