/* SPDX-License-Identifier: Apache-2.0 */
/* See memory_limits.h. */
#include <speadi/memory_limits.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <speadi/sentence.h>

static void add_limit(char text[SPEADI_MEMORY_LIMITS_MAX], int resource, const char *command)
{
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        speadi_sentence_add(text, SPEADI_MEMORY_LIMITS_MAX, "%s`%s` allows %llu KiB",
                            text[0] ? ", " : "", command,
                            (unsigned long long)limit.rlim_cur / 1024);
}

/* Returns true if the kernel refuses memory that it has not promised to back (vm.overcommit_memory is 2). */
static bool promises_count(void)
{
    char value = '?';
    int fd = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (read(fd, &value, 1) != 1)
        value = '?';
    close(fd);
    return value == '2';
}

const char *speadi_memory_limits(char text[SPEADI_MEMORY_LIMITS_MAX])
{
    text[0] = '\0';
    add_limit(text, RLIMIT_AS, "ulimit -v");
    add_limit(text, RLIMIT_DATA, "ulimit -d");
    if (promises_count())
        speadi_sentence_add(text, SPEADI_MEMORY_LIMITS_MAX,
                            "%svm.overcommit_memory is 2: raise vm.overcommit_ratio",
                            text[0] ? ", " : "");
    return text;
}
