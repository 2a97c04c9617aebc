/* An eventfd that any thread, or a signal handler, can ring. */
#ifndef SPEADI_WAKE_FD_H
#define SPEADI_WAKE_FD_H

#include <stdbool.h>
#include <stdint.h>

struct speadi_wake_fd {
    int fd; /* -1: closed; polls readable once rung */
};

int speadi_wake_fd_open(struct speadi_wake_fd *wake_fd);          /* 0 or -errno */
void speadi_wake_fd_close(struct speadi_wake_fd *wake_fd);        /* safe when closed (fd -1) */
void speadi_wake_fd_signal(const struct speadi_wake_fd *wake_fd); /* async-signal-safe */
bool speadi_wake_fd_clear(const struct speadi_wake_fd *wake_fd);  /* true: it had been rung */

#define SPEADI_WAKE_FD_FDS_MAX 64u

/* Sleeps until the wake_fd or one of fds[0..count), count <= SPEADI_WAKE_FD_FDS_MAX, (poll(2) events) or deadline_ns (CLOCK_MONOTONIC;
 * UINT64_MAX: no limit). Clears the wake_fd. */
void speadi_wake_fd_wait(const struct speadi_wake_fd *wake_fd, const int *fds, unsigned count,
                         short events, uint64_t deadline_ns);

#endif
