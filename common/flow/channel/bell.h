/* A waker for a thread that sleeps (futex) or polls (eventfd).
 *
 * One owner arms it, announces its waker somewhere, and waits; whoever wakes it rings. A bell that was armed
 * and whose waker could not be taken back must have rung before it may go: speadi_bell_wait() with no
 * deadline is short then. */
#ifndef SPEADI_FLOW_BELL_H
#define SPEADI_FLOW_BELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadi/wakeup.h>
#include <speadline/channel.h>

struct speadi_bell {
    struct spead_waker waker;
    _Atomic uint32_t state;  /* enum in bell.c; also the futex */
    bool armed;              /* the owner's: announced, and not known to have rung */
    struct speadi_wakeup fd; /* fd.fd -1: none */
};

void speadi_bell_init(struct speadi_bell *bell);
void speadi_bell_release(struct speadi_bell *bell);

void speadi_bell_arm(struct speadi_bell *bell); /* silent from now on, until it rings */
bool speadi_bell_has_rung(const struct speadi_bell *bell);

/* Sleeps until it rings or deadline_ns (CLOCK_MONOTONIC; 0: no limit). Returns has_rung. */
bool speadi_bell_wait(struct speadi_bell *bell, uint64_t deadline_ns);

#endif
