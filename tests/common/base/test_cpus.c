/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a thread can be pinned to every CPU that the kernel accepts, also outside the present affinity mask; a CPU that
 * the kernel refuses is refused with the list of the others.
 * Method: the tests ask the kernel for real CPUs, in a cpuset of one CPU too, where such a cpuset can be made. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <refused_calls.h>
#include <speadi/cpus.h>

#include "host_file.h"

#define CPUSET "/sys/fs/cgroup/cpuset"

static struct spead_err err;

static cpu_set_t mask_now(void)
{
    cpu_set_t set;

    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    return set;
}

static int first_of(cpu_set_t set)
{
    int cpu = 0;

    while (!CPU_ISSET((size_t)cpu, &set))
        cpu++;
    return cpu;
}

Test(cpus, a_try_leaves_the_mask_as_it_was)
{
    cpu_set_t before = mask_now(), after;

    cr_expect_eq(speadi_cpu_try(first_of(before), &err), 0, "%s", err.text);
    after = mask_now();
    cr_expect(CPU_EQUAL(&before, &after));
    cr_expect_eq(speadi_cpu_try(8000, &err), -EINVAL);
    cr_expect_eq(speadi_cpu_try(100000, &err), -EINVAL);
    cr_expect_eq(speadi_cpu_try(-1, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "in the cpuset of this process are 0"), "%s", err.text);
    after = mask_now();
    cr_expect(CPU_EQUAL(&before, &after));
}

Test(cpus, a_pinned_thread_stays_there_and_can_be_pinned_to_another)
{
    cpu_set_t before = mask_now(), now;
    int first = first_of(before), second;

    cr_assert_eq(speadi_cpu_pin(first, &err), 0, "%s", err.text);
    now = mask_now();
    cr_expect_eq(CPU_COUNT(&now), 1);
    cr_expect(CPU_ISSET((size_t)first, &now));
    CPU_CLR((size_t)first, &before);
    if (CPU_COUNT(&before) == 0)
        cr_skip_test("this host has only one CPU");
    second = first_of(before);
    cr_expect_eq(speadi_cpu_pin(second, &err), 0, "%s", err.text);
}

Test(cpus, a_filter_that_forbids_pinning_is_named)
{
    const struct test_refused_call call = {.number = SYS_sched_setaffinity, .error = EPERM};
    int ret = test_refuse_calls(&call, 1);

    if (ret < 0)
        cr_skip_test("no filter of system calls can be set here: %s", strerror(-ret));
    cr_expect_eq(speadi_cpu_try(0, &err), -EPERM);
    cr_expect_not_null(strstr(err.text, "sched_setaffinity: Operation not permitted"), "%s",
                       err.text);
}

/* ---- A cpuset -------------------------------------------------------------------------------- */

Test(cpus, the_list_is_that_of_the_cpuset_and_not_that_of_the_mask)
{
    cpu_set_t now = mask_now();
    char folder[64];
    bool entered;
    int ret;

    if (CPU_COUNT(&now) < 2)
        cr_skip_test("this host has only one CPU");
    snprintf(folder, sizeof folder, CPUSET "/speadline-test-%d", (int)getpid());
    if (mkdir(folder, 0755) < 0)
        cr_skip_test("no cpuset can be made: %s", strerror(errno));
    entered = test_host_file_write(folder, "cpuset.mems", "0") &&
              test_host_file_write(folder, "cpuset.cpus", "1") &&
              test_host_file_write(folder, "cgroup.procs", "0");
    ret = speadi_cpu_try(0, &err);
    test_host_file_write(CPUSET, "cgroup.procs", "0");
    rmdir(folder);
    if (!entered)
        cr_skip_test("no cpuset can be entered");
    cr_expect_eq(ret, -EINVAL);
    cr_expect_not_null(strstr(err.text, "cpuset of this process are 1"), "%s", err.text);
}
