/* SPDX-License-Identifier: Apache-2.0 */
/* See cpu_set.h. */
#include <speadi/cpu_set.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS (8 * sizeof(unsigned long))
#define WORDS     (SPEADI_CPUS_MAX / WORD_BITS)

bool speadi_cpu_set_has(const struct speadi_cpu_set *set, unsigned cpu)
{
    return cpu < SPEADI_CPUS_MAX && (set->word[cpu / WORD_BITS] >> cpu % WORD_BITS & 1) != 0;
}

void speadi_cpu_set_add(struct speadi_cpu_set *set, unsigned cpu)
{
    if (cpu < SPEADI_CPUS_MAX)
        set->word[cpu / WORD_BITS] |= 1ul << cpu % WORD_BITS;
}

unsigned speadi_cpu_set_count(const struct speadi_cpu_set *set)
{
    unsigned count = 0;

    for (size_t i = 0; i < WORDS; i++)
        count += (unsigned)__builtin_popcountl(set->word[i]);
    return count;
}

bool speadi_cpu_set_add_list(struct speadi_cpu_set *set, const char *list)
{
    while (*list != '\0' && *list != '\n') {
        char *end;
        unsigned long first = strtoul(list, &end, 10), last = first;

        if (end == list)
            return false;
        list = end;
        if (*list == '-') {
            last = strtoul(list + 1, &end, 10);
            if (end == list + 1)
                return false;
            list = end;
        }
        for (unsigned long cpu = first; cpu <= last && cpu < SPEADI_CPUS_MAX; cpu++)
            speadi_cpu_set_add(set, (unsigned)cpu);
        if (*list == ',')
            list++;
        else if (*list != '\0' && *list != '\n')
            return false;
    }
    return true;
}

void speadi_cpu_set_both(struct speadi_cpu_set *out, const struct speadi_cpu_set *a,
                         const struct speadi_cpu_set *b)
{
    for (size_t i = 0; i < WORDS; i++)
        out->word[i] = a->word[i] & b->word[i];
}

void speadi_cpu_set_without(struct speadi_cpu_set *out, const struct speadi_cpu_set *a,
                            const struct speadi_cpu_set *b)
{
    for (size_t i = 0; i < WORDS; i++)
        out->word[i] = a->word[i] & ~b->word[i];
}

char *speadi_cpu_set_list(char list[SPEADI_CPU_LIST_MAX], const struct speadi_cpu_set *set)
{
    size_t used = 0;

    list[0] = '\0';
    for (unsigned cpu = 0, end; cpu < SPEADI_CPUS_MAX; cpu = end + 1) {
        char range[24];

        end = cpu;
        if (!speadi_cpu_set_has(set, cpu))
            continue;
        while (speadi_cpu_set_has(set, end + 1))
            end++;
        if (end == cpu)
            snprintf(range, sizeof range, "%s%u", used ? "," : "", cpu);
        else
            snprintf(range, sizeof range, "%s%u-%u", used ? "," : "", cpu, end);
        if (used + strlen(range) + sizeof ",..." > SPEADI_CPU_LIST_MAX) {
            snprintf(list + used, SPEADI_CPU_LIST_MAX - used, ",...");
            return list;
        }
        used += (size_t)snprintf(list + used, SPEADI_CPU_LIST_MAX - used, "%s", range);
    }
    return list;
}

bool speadi_cpu_set_of_thread(struct speadi_cpu_set *set)
{
    memset(set, 0, sizeof *set);
    return sched_getaffinity(0, sizeof *set, (cpu_set_t *)(void *)set->word) == 0;
}
