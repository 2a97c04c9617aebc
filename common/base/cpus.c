/* SPDX-License-Identifier: Apache-2.0 */
/* See cpus.h. */
#include <speadi/cpus.h>

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include <speadi/cpu_set.h>
#include <speadi/err.h>

static cpu_set_t *mask_of(struct speadi_cpu_set *set)
{
    return (cpu_set_t *)(void *)set->word;
}

/* Writes the list of the CPUs that the kernel gives to the calling thread if the thread asks for all of them. These are
 * the CPUs that are online and that the cpuset contains. Returns false if the kernel does not tell. */
static bool list_allowed(char list[SPEADI_CPU_LIST_MAX])
{
    struct speadi_cpu_set before, all;
    bool known;

    memset(&all, 0xff, sizeof all);
    if (sched_getaffinity(0, sizeof before, mask_of(&before)) < 0)
        return false;
    known = sched_setaffinity(0, sizeof all, mask_of(&all)) == 0 &&
            sched_getaffinity(0, sizeof all, mask_of(&all)) == 0;
    sched_setaffinity(0, sizeof before, mask_of(&before));
    if (known)
        speadi_cpu_set_list(list, &all);
    return known;
}

int speadi_cpu_refused(int number, struct spead_err *err)
{
    char list[SPEADI_CPU_LIST_MAX];

    if (number != EINVAL)
        return speadi_err_code(err, -number,
                               "the kernel refuses to pin a thread, perhaps by a seccomp profile "
                               "that forbids sched_setaffinity");
    if (!list_allowed(list))
        return speadi_err_set(err, -EINVAL, "there is no such CPU, or it is not allowed here");
    return speadi_err_set(err, -EINVAL,
                          "the kernel refuses this CPU; the CPUs that are online and in the cpuset "
                          "of this process are %s",
                          list);
}

int speadi_cpu_pin(int cpu, struct spead_err *err)
{
    struct speadi_cpu_set one = {{0}};

    if (cpu < 0 || (unsigned)cpu >= SPEADI_CPUS_MAX)
        return speadi_cpu_refused(EINVAL, err);
    CPU_SET_S((size_t)cpu, sizeof one, mask_of(&one));
    return sched_setaffinity(0, sizeof one, mask_of(&one)) < 0 ? speadi_cpu_refused(errno, err) : 0;
}

int speadi_cpu_try(int cpu, struct spead_err *err)
{
    struct speadi_cpu_set before;
    int ret;

    if (sched_getaffinity(0, sizeof before, mask_of(&before)) < 0)
        return speadi_cpu_refused(errno, err);
    ret = speadi_cpu_pin(cpu, err);
    if (ret == 0)
        sched_setaffinity(0, sizeof before, mask_of(&before));
    return ret;
}
