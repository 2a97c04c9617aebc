/* SPDX-License-Identifier: Apache-2.0 */
/* See cpus.h. */
#include <speadi/cpus.h>

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>

/* Linux can be built for at most this many CPUs. glibc's cpu_set_t has room for 1024, and the kernel refuses to write a
 * mask that is shorter than its own. */
#define CPUS_MAX 8192u

/* Room for a list such as "0-3,8-11". A longer list ends in ",...". */
#define LIST_MAX 96u

struct mask {
    unsigned long word[CPUS_MAX / (8 * sizeof(unsigned long))];
};

static cpu_set_t *set_of(struct mask *mask)
{
    return (cpu_set_t *)(void *)mask->word;
}

static bool has(struct mask *mask, unsigned cpu)
{
    return cpu < CPUS_MAX && CPU_ISSET_S(cpu, sizeof *mask, set_of(mask));
}

/* Writes the CPUs of the mask as ranges. */
static void write_list(char list[LIST_MAX], struct mask *mask)
{
    size_t used = 0;

    list[0] = '\0';
    for (unsigned cpu = 0, end; cpu < CPUS_MAX; cpu = end + 1) {
        char range[24];

        end = cpu;
        if (!has(mask, cpu))
            continue;
        while (has(mask, end + 1))
            end++;
        if (end == cpu)
            snprintf(range, sizeof range, "%s%u", used ? "," : "", cpu);
        else
            snprintf(range, sizeof range, "%s%u-%u", used ? "," : "", cpu, end);
        if (used + strlen(range) + sizeof ",..." > LIST_MAX) {
            snprintf(list + used, LIST_MAX - used, ",...");
            return;
        }
        used += (size_t)snprintf(list + used, LIST_MAX - used, "%s", range);
    }
}

/* Writes the list of the CPUs that the kernel gives to the calling thread if the thread asks for all of them. These are
 * the CPUs that are online and that the cpuset contains. Returns false if the kernel does not tell. */
static bool list_allowed(char list[LIST_MAX])
{
    struct mask before, all;
    bool known;

    memset(&all, 0xff, sizeof all);
    if (sched_getaffinity(0, sizeof before, set_of(&before)) < 0)
        return false;
    known = sched_setaffinity(0, sizeof all, set_of(&all)) == 0 &&
            sched_getaffinity(0, sizeof all, set_of(&all)) == 0;
    sched_setaffinity(0, sizeof before, set_of(&before));
    if (known)
        write_list(list, &all);
    return known;
}

int speadi_cpu_refused(int number, struct spead_err *err)
{
    char list[LIST_MAX];

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
    struct mask one = {{0}};

    if (cpu < 0 || (unsigned)cpu >= CPUS_MAX)
        return speadi_cpu_refused(EINVAL, err);
    CPU_SET_S((size_t)cpu, sizeof one, set_of(&one));
    return sched_setaffinity(0, sizeof one, set_of(&one)) < 0 ? speadi_cpu_refused(errno, err) : 0;
}

int speadi_cpu_try(int cpu, struct spead_err *err)
{
    struct mask before;
    int ret;

    if (sched_getaffinity(0, sizeof before, set_of(&before)) < 0)
        return speadi_cpu_refused(errno, err);
    ret = speadi_cpu_pin(cpu, err);
    if (ret == 0)
        sched_setaffinity(0, sizeof before, set_of(&before));
    return ret;
}
