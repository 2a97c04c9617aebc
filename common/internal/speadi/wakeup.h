/* An eventfd that any thread, or a signal handler, can ring. */
#ifndef SPEADI_WAKEUP_H
#define SPEADI_WAKEUP_H

#include <stdbool.h>
#include <stdint.h>

struct speadi_wakeup {
    int fd; /* -1: closed; polls readable once rung */
};

int speadi_wakeup_open(struct speadi_wakeup *wakeup);         /* 0 or -errno */
void speadi_wakeup_close(struct speadi_wakeup *wakeup);       /* safe when closed (fd -1) */
void speadi_wakeup_ring(const struct speadi_wakeup *wakeup);  /* async-signal-safe */
bool speadi_wakeup_clear(const struct speadi_wakeup *wakeup); /* true: it had been rung */

#define SPEADI_WAKEUP_FDS_MAX 64u

/* Sleeps until the bell or one of fds[0..count), count <= SPEADI_WAKEUP_FDS_MAX, (poll(2) events) or deadline_ns (CLOCK_MONOTONIC;
 * UINT64_MAX: no limit). Clears the bell. */
void speadi_wakeup_wait(const struct speadi_wakeup *wakeup, const int *fds, unsigned count,
                        short events, uint64_t deadline_ns);

#endif
