/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc/meminfo and the files of the memory cgroups. See free_memory.h. */
#include <speadi/free_memory.h>

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/numbers.h>

#define UNKNOWN UINT64_MAX

const char *speadi_free_memory_root = "";

/* A hierarchy of cgroups, and the files that hold its numbers. */
struct hierarchy {
    const char *type; /* type of its file system */
    /* NULL terminated: files with limits, and the file with the memory in use */
    const char *limits[3], *in_use;
    const char *cold_files; /* key in memory.stat */
};

static const struct hierarchy version_2 = {
    "cgroup2", {"memory.max", "memory.high", NULL}, "memory.current", "inactive_file"};
static const struct hierarchy version_1 = {
    "cgroup", {"memory.limit_in_bytes", NULL}, "memory.usage_in_bytes", "total_inactive_file"};

/* ---- Files --------------------------------------------------------------------------------- */

static FILE *open_file(const char *folder, const char *name)
{
    char path[2 * PATH_MAX];

    int length = snprintf(path, sizeof path, "%s%s/%s", speadi_free_memory_root, folder, name);

    return length < (int)sizeof path ? fopen(path, "re") : NULL;
}

/* Returns the first number of a line that begins with the word `key`, or the first number of the line if the key is
 * empty. Returns UNKNOWN if the line has another key or no number. */
static uint64_t number_in(const char *line, const char *key)
{
    size_t length = strlen(key);
    uint64_t number;

    if (strncmp(line, key, length) != 0)
        return UNKNOWN;
    line += length;
    if (length > 0)
        line += strspn(line, ":");
    if (length > 0 && *line != ' ')
        return UNKNOWN;
    return sscanf(line, " %" SCNu64, &number) == 1 ? number : UNKNOWN;
}

static uint64_t read_number(const char *folder, const char *name, const char *key)
{
    FILE *file = open_file(folder, name);
    uint64_t number = UNKNOWN;
    char line[256];

    if (!file)
        return UNKNOWN;
    while (number == UNKNOWN && fgets(line, sizeof line, file))
        number = number_in(line, key);
    fclose(file);
    return number;
}

/* ---- The host ------------------------------------------------------------------------------ */

static uint64_t free_on_host(void)
{
    uint64_t kib = read_number("/proc", "meminfo", "MemAvailable");

    return kib > UNKNOWN / 1024 ? UNKNOWN : kib * 1024;
}

/* ---- Cgroups ------------------------------------------------------------------------------- */

/* Returns true if the word is one of a list that is separated by commas. */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* Finds where the hierarchy is mounted, and which of its cgroups is the top of the mount. */
static bool find_mount(const struct hierarchy *hierarchy, char top[PATH_MAX], char mount[PATH_MAX])
{
    FILE *file = open_file("/proc/self", "mountinfo");
    char line[3 * PATH_MAX], type[64], options[PATH_MAX];
    bool found = false;

    if (!file)
        return false;
    while (!found && fgets(line, sizeof line, file)) {
        const char *rest = strstr(line, " - ");

        found = rest && sscanf(line, "%*s %*s %*s %4095s %4095s", top, mount) == 2 &&
                sscanf(rest, " - %63s %*s %4095s", type, options) == 2 &&
                strcmp(type, hierarchy->type) == 0 &&
                (hierarchy == &version_2 || has_word(options, "memory"));
    }
    fclose(file);
    return found;
}

/* Finds the cgroup of this process in the hierarchy. */
static bool find_own(const struct hierarchy *hierarchy, char own[PATH_MAX])
{
    FILE *file = open_file("/proc/self", "cgroup");
    char line[2 * PATH_MAX];
    bool found = false;

    if (!file)
        return false;
    while (!found && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *path;

        if (!controllers || !(path = strchr(++controllers, ':')))
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        found = hierarchy == &version_2 ? *controllers == '\0' : has_word(controllers, "memory");
        snprintf(own, PATH_MAX, "%s", path);
    }
    fclose(file);
    return found;
}

static uint64_t free_in_folder(const struct hierarchy *hierarchy, const char *folder)
{
    uint64_t limit = UNKNOWN, in_use, cold;

    for (const char *const *name = hierarchy->limits; *name; name++)
        limit = speadi_min_u64(limit, read_number(folder, *name, ""));
    in_use = read_number(folder, hierarchy->in_use, "");
    if (limit == UNKNOWN || in_use == UNKNOWN)
        return UNKNOWN;
    cold = read_number(folder, "memory.stat", hierarchy->cold_files);
    in_use -= cold == UNKNOWN ? 0 : speadi_min_u64(cold, in_use);
    return limit > in_use ? limit - in_use : 0;
}

/* The paths of a cgroup. They are allocated, because they would need a third of a stack of 64 KiB. */
struct paths {
    char top[PATH_MAX], mount[PATH_MAX], own[PATH_MAX], folder[2 * PATH_MAX];
};

/* Returns what the cgroup of this process and the cgroups above it leave free. In a container, the top of the mount can
 * be a cgroup below the root. If the name of our cgroup begins with the name of that cgroup, our cgroup is visible in
 * the mount. Otherwise the function begins at the top of the mount. */
static uint64_t free_below(const struct hierarchy *hierarchy, struct paths *paths)
{
    uint64_t least = UNKNOWN;
    char *folder = paths->folder;
    size_t skip;

    if (!find_mount(hierarchy, paths->top, paths->mount) || !find_own(hierarchy, paths->own))
        return UNKNOWN;
    skip = strcmp(paths->top, "/") == 0 ? 0 : strlen(paths->top);
    snprintf(folder, sizeof paths->folder, "%s%s", paths->mount,
             strncmp(paths->own, paths->top, skip) == 0 ? paths->own + skip : "");
    for (;;) {
        least = speadi_min_u64(least, free_in_folder(hierarchy, folder));
        if (strlen(folder) <= strlen(paths->mount))
            return least;
        *strrchr(folder, '/') = '\0';
    }
}

static uint64_t free_in_cgroups(const struct hierarchy *hierarchy)
{
    struct paths *paths = malloc(sizeof *paths);
    uint64_t bytes = paths ? free_below(hierarchy, paths) : UNKNOWN;

    free(paths);
    return bytes;
}

/* ---- All ----------------------------------------------------------------------------------- */

struct speadi_free_memory speadi_free_memory_read(void)
{
    uint64_t host = free_on_host(),
             cgroup = speadi_min_u64(free_in_cgroups(&version_2), free_in_cgroups(&version_1));

    if (host == UNKNOWN && cgroup == UNKNOWN)
        return (struct speadi_free_memory){UNKNOWN, SPEADI_FREE_UNKNOWN};
    if (cgroup < host)
        return (struct speadi_free_memory){cgroup, SPEADI_FREE_IN_CGROUP};
    return (struct speadi_free_memory){host, SPEADI_FREE_ON_HOST};
}

const char *speadi_free_memory_limiter_name(enum speadi_free_memory_limiter limiter)
{
    return limiter == SPEADI_FREE_IN_CGROUP ? "the cgroup" : "the host";
}

char *speadi_bytes_text(char text[SPEADI_BYTES_TEXT_MAX], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    unsigned unit = 0;

    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(text, SPEADI_BYTES_TEXT_MAX, "%.*f %s", unit == 0 || value >= 100 ? 0 : 1, value,
             units[unit]);
    return text;
}
