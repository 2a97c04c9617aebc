/* SPDX-License-Identifier: Apache-2.0 */
/* Wake descriptors: an eventfd that any thread or signal handler can signal. */
#ifndef SPEADI_WAKE_FD_H
#define SPEADI_WAKE_FD_H

#include <stdbool.h>
#include <stdint.h>

struct speadi_wake_fd {
    int fd; /* readable for poll(2) after a signal; -1 if closed */
};

int speadi_wake_fd_open(struct speadi_wake_fd *wake_fd);   /* returns 0 or -errno */
void speadi_wake_fd_close(struct speadi_wake_fd *wake_fd); /* does nothing if closed (fd -1) */
void speadi_wake_fd_signal(const struct speadi_wake_fd *wake_fd); /* async-signal-safe */
/* Clears the signal. Returns true if wake_fd was signalled. */
bool speadi_wake_fd_clear(const struct speadi_wake_fd *wake_fd);

#define SPEADI_WAKE_FD_FDS_MAX 64u

/* Blocks until one of these things happens:
 *   - wake_fd is signalled;
 *   - one of fds[0..count) has one of the poll(2) events `events`;
 *   - a signal handler has run;
 *   - the time deadline_ns (CLOCK_MONOTONIC) has come. UINT64_MAX means that there is no deadline.
 * count is at most SPEADI_WAKE_FD_FDS_MAX. If wake_fd was signalled, the function also clears it. */
void speadi_wake_fd_wait(const struct speadi_wake_fd *wake_fd, const int *fds, unsigned count,
                         short events, uint64_t deadline_ns);

#endif
