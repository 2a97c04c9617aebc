/* SPDX-License-Identifier: Apache-2.0 */
#include "thread_state.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOKS 20

pid_t thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* The state is the letter behind the name, which stands in parentheses: S means that the thread sleeps. */
static char state_of(pid_t thread)
{
    char path[64], line[512] = "";
    const char *name_end;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    file = fopen(path, "re");
    if (!file)
        return '?';
    if (!fgets(line, sizeof line, file))
        line[0] = '\0';
    fclose(file);
    name_end = strrchr(line, ')');
    return name_end && name_end[1] ? name_end[2] : '?';
}

void thread_wait_until_asleep(pid_t thread)
{
    for (int looks = 0; looks < LOOKS;) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        looks = state_of(thread) == 'S' ? looks + 1 : 0;
    }
}
