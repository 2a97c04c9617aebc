/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the library finds how much memory it can use. This is the smaller of two values: the memory that the host
 * leaves free, and the memory that the cgroups of the process leave free.
 * Method: the test writes the files of a host and of its cgroups into a folder of its own. */
#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/free_memory.h>

#include "temp_folder.h"

#define MIB ((uint64_t)1 << 20)

static char root[] = "/tmp/speadline-memory-XXXXXX";

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
    char command[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    cr_assert_eq(system(command), 0, "%s", command);
}

static void make_tree(void)
{
    test_folder_enter(root);
    shell("mkdir -p proc/self sys/fs/cgroup/a/b && "
          "printf 'MemTotal: 8388608 kB\nMemFree: 5 kB\nMemAvailable:    4194304 kB\n' "
          ">proc/meminfo");
    speadi_free_memory_root = root;
}

static void remove_tree(void)
{
    speadi_free_memory_root = "";
    test_folder_remove(root);
}

/* Mounts the cgroups as version 2. */
static void mount_2(const char *top, const char *own)
{
    shell("echo '30 24 0:26 %s /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw' "
          ">proc/self/mountinfo; echo '0::%s' >proc/self/cgroup",
          top, own);
}

static void set_2(const char *group, const char *max, uint64_t current)
{
    shell("echo %s >sys/fs/cgroup/%s/memory.max; echo %llu >sys/fs/cgroup/%s/memory.current", max,
          group, (unsigned long long)current, group);
}

static void expect_free(uint64_t bytes, enum speadi_free_memory_limiter limiter)
{
    struct speadi_free_memory free_now = speadi_free_memory_read();

    cr_expect_eq(free_now.bytes, bytes, "%llu, not %llu", (unsigned long long)free_now.bytes,
                 (unsigned long long)bytes);
    cr_expect_eq(free_now.limiter, limiter);
}

TestSuite(free_memory, .init = make_tree, .fini = remove_tree);

Test(free_memory, without_cgroups_it_is_what_the_host_leaves)
{
    expect_free(4096 * MIB, SPEADI_FREE_ON_HOST);
}

Test(free_memory, the_limit_of_the_own_cgroup_counts)
{
    mount_2("/", "/a/b");
    set_2("a", "max", 7 * MIB);
    set_2("a/b", "1073741824", 24 * MIB);
    expect_free(1000 * MIB, SPEADI_FREE_IN_CGROUP);
}

Test(free_memory, a_cgroup_above_may_leave_less)
{
    mount_2("/", "/a/b");
    set_2("a", "536870912", 500 * MIB);
    set_2("a/b", "1073741824", 24 * MIB);
    expect_free(12 * MIB, SPEADI_FREE_IN_CGROUP);
}

Test(free_memory, a_limit_that_is_exceeded_leaves_nothing)
{
    mount_2("/", "/a");
    set_2("a", "1048576", 2 * MIB);
    expect_free(0, SPEADI_FREE_IN_CGROUP);
}

Test(free_memory, a_cgroup_that_would_be_throttled_counts_as_full)
{
    mount_2("/", "/a");
    set_2("a", "1073741824", 24 * MIB);
    shell("echo 67108864 >sys/fs/cgroup/a/memory.high");
    expect_free(40 * MIB, SPEADI_FREE_IN_CGROUP);
}

Test(free_memory, old_pages_of_files_do_not_count_as_used)
{
    mount_2("/", "/a");
    set_2("a", "1073741824", 1000 * MIB);
    shell("printf 'anon 5\ninactive_file %llu\nactive_file 7\n' >sys/fs/cgroup/a/memory.stat",
          (unsigned long long)(900 * MIB));
    expect_free(924 * MIB, SPEADI_FREE_IN_CGROUP);
}

Test(free_memory, a_container_sees_its_cgroup_at_the_mount)
{
    mount_2("/machine/box", "/machine/box/a");
    set_2("a", "1073741824", 24 * MIB);
    expect_free(1000 * MIB, SPEADI_FREE_IN_CGROUP);
    mount_2("/../other", "/a/b");
    set_2("", "134217728", 28 * MIB);
    expect_free(100 * MIB, SPEADI_FREE_IN_CGROUP);
}

Test(free_memory, cgroups_of_version_1_count_too)
{
    shell(
        "mkdir -p sys/fs/cgroup/memory/x && "
        "printf '31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "32 30 0:28 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n' "
        ">proc/self/mountinfo && printf '5:cpu:/\n4:hugetlb,memory:/x\n0::/\n' >proc/self/cgroup");
    shell("cd sys/fs/cgroup/memory && echo 9223372036854771712 >memory.limit_in_bytes && "
          "echo 5 >memory.usage_in_bytes && echo 104857600 >x/memory.limit_in_bytes && "
          "echo 62914560 >x/memory.usage_in_bytes && echo 'total_inactive_file 10485760' "
          ">x/memory.stat");
    expect_free(50 * MIB, SPEADI_FREE_IN_CGROUP);
}

Test(free_memory, a_host_that_says_nothing_is_unknown)
{
    shell("rm proc/meminfo");
    expect_free(UINT64_MAX, SPEADI_FREE_UNKNOWN);
}

Test(free_memory, bytes_are_told_in_units)
{
    char text[SPEADI_BYTES_TEXT_MAX];

    cr_expect_str_eq(speadi_bytes_text(text, 17), "17 B");
    cr_expect_str_eq(speadi_bytes_text(text, 6227702580), "5.8 GiB");
    cr_expect_str_eq(speadi_bytes_text(text, 512 * MIB), "512 MiB");
}
