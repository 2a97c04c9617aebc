/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of CPUs, and lists of them as the kernel writes them ("0-3,8-11"). Any thread may call these functions. */
#ifndef SPEADI_CPU_SET_H
#define SPEADI_CPU_SET_H

#include <stdbool.h>
#include <stddef.h>

/* Linux can be built for at most this many CPUs. glibc's cpu_set_t has room for 1024, and the kernel refuses to write a
 * mask that is shorter than its own. */
#define SPEADI_CPUS_MAX 8192u

/* Room for a list such as "0-3,8-11". A longer list ends in ",...". */
#define SPEADI_CPU_LIST_MAX 96u

struct speadi_cpu_set {
    unsigned long word[SPEADI_CPUS_MAX / (8 * sizeof(unsigned long))];
};

bool speadi_cpu_set_has(const struct speadi_cpu_set *set, unsigned cpu);
void speadi_cpu_set_add(struct speadi_cpu_set *set, unsigned cpu);
/* Returns how many CPUs are in the set. */
unsigned speadi_cpu_set_count(const struct speadi_cpu_set *set);

/* Adds the CPUs of a list that the kernel has written. Returns false when the text is no such list; the CPUs that came
 * before the mistake are added. The empty text is the list of no CPUs. */
bool speadi_cpu_set_add_list(struct speadi_cpu_set *set, const char *list);

/* Fills *out with the CPUs that are in both sets, or that are in `a` and not in `b`. `out` may be one of the others. */
void speadi_cpu_set_both(struct speadi_cpu_set *out, const struct speadi_cpu_set *a,
                         const struct speadi_cpu_set *b);
void speadi_cpu_set_without(struct speadi_cpu_set *out, const struct speadi_cpu_set *a,
                            const struct speadi_cpu_set *b);

/* Writes the CPUs of the set as ranges; "" if there are none. Returns `list`. */
char *speadi_cpu_set_list(char list[SPEADI_CPU_LIST_MAX], const struct speadi_cpu_set *set);

/* Fills *set with the CPUs on which the calling thread may run. Returns false when the kernel does not tell. */
bool speadi_cpu_set_of_thread(struct speadi_cpu_set *set);

#endif
