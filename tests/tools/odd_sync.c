/* SPDX-License-Identifier: Apache-2.0 */
/* Imitates a disk that syncs slowly, never, or without success. A test preloads this library into a program and sets
 * one of these variables: ODD_SYNC_DELAY_MS=N (each sync takes so long), ODD_SYNC_HANG=N or ODD_SYNC_FAIL=N (sync
 * number N, from 1 on, and all later ones hang or fail with EIO). */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long number(const char *name)
{
    const char *text = getenv(name);

    return text ? atol(text) : 0;
}

int fdatasync(int fd)
{
    static atomic_long calls;
    long call = ++calls, delay_ms = number("ODD_SYNC_DELAY_MS");
    long hang = number("ODD_SYNC_HANG"), fail = number("ODD_SYNC_FAIL");

    nanosleep(&(struct timespec){delay_ms / 1000, delay_ms % 1000 * 1000000}, NULL);
    while (hang > 0 && call >= hang)
        pause();
    if (fail > 0 && call >= fail) {
        errno = EIO;
        return -1;
    }
    return fsync(fd);
}
