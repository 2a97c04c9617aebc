/* Wake descriptors: an eventfd that any thread or signal handler can signal. */
#ifndef SPEADI_WAKE_FD_H
#define SPEADI_WAKE_FD_H

#include <stdbool.h>
#include <stdint.h>

struct speadi_wake_fd {
    int fd; /* readable (poll(2)) once it was signalled; -1: closed */
};

int speadi_wake_fd_open(struct speadi_wake_fd *wake_fd);   /* 0 or -errno */
void speadi_wake_fd_close(struct speadi_wake_fd *wake_fd); /* may be closed already (fd -1) */
void speadi_wake_fd_signal(const struct speadi_wake_fd *wake_fd); /* async-signal-safe */
bool speadi_wake_fd_clear(const struct speadi_wake_fd *wake_fd);  /* true: it had been signalled */

#define SPEADI_WAKE_FD_FDS_MAX 64u

/* Blocks until wake_fd is signalled, one of fds[0..count) has one of the poll(2) events `events`, a signal handler has
 * run, or the time deadline_ns (CLOCK_MONOTONIC; UINT64_MAX: no limit) has come. count is at most
 * SPEADI_WAKE_FD_FDS_MAX. The function also clears wake_fd. */
void speadi_wake_fd_wait(const struct speadi_wake_fd *wake_fd, const int *fds, unsigned count,
                         short events, uint64_t deadline_ns);

#endif
