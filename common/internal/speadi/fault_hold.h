/* Packets that a fault decorator keeps: a bounded store of copied bytes; a delay line of copies that wait for
 * their time; and the late copies, which wait until other packets have overtaken them. A copy has a number
 * from take() to give_back(). It is in the delay line, or late, or with the decorator, never in two of them.
 *
 * Both decorators are made of this: the receiving one delays first and reorders then, the sending one the
 * other way round. Nothing here knows a time of its own, calls an engine or draws random numbers.
 *
 * Threads: one owner. All memory is reserved by init(). */
#ifndef SPEADI_FAULT_HOLD_H
#define SPEADI_FAULT_HOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadi/fault.h>

#define SPEADI_FAULT_COPIES_MAX 2048u  /* most that init() can be asked for */
#define SPEADI_FAULT_COPY_BYTES 65536u /* a datagram's worth of address space each */

struct speadi_fault_late {
    uint16_t copy;
    uint32_t overtakers; /* packets that still go first; 0: it may go */
};

struct speadi_fault_delayed {
    uint16_t copy;
    uint64_t due_ns; /* not before */
};

struct speadi_fault_hold {
    uint8_t *memory; /* pages appear when they are touched; NULL: closed */
    uint32_t copies; /* the store has so many */
    /* Numbers of free copies; those used last are used first. */
    uint16_t spare[SPEADI_FAULT_COPIES_MAX];
    uint32_t spare_count;

    struct speadi_fault_late late[SPEADI_FAULT_COPIES_MAX]; /* in order of arrival */
    uint32_t late_count;

    struct speadi_fault_delayed delayed[SPEADI_FAULT_COPIES_MAX]; /* a ring, in order of arrival */
    uint32_t delayed_first, delayed_count;
};

/* A hold of up to `copies` packets. Returns 0 or -ENOMEM. */
int speadi_fault_hold_init(struct speadi_fault_hold *hold, uint32_t copies);
void speadi_fault_hold_release(struct speadi_fault_hold *hold);         /* safe when zeroed */
uint64_t speadi_fault_hold_bytes(const struct speadi_fault_hold *hold); /* of the store */

/* ---- The store ----------------------------------------------------------------------------- */

/* Copies a packet of scattered bytes, cut off and with a bit inverted as the verdict says. Returns the
 * copy's number and where its bytes are, or -1 when no copy is free or the packet is too long. */
int speadi_fault_hold_take(struct speadi_fault_hold *hold, const struct iovec *packet,
                           unsigned iov_count, const struct speadi_fault_decision *verdict,
                           struct iovec *copied);
void speadi_fault_hold_give_back(struct speadi_fault_hold *hold, uint16_t copy);

/* ---- The delay line ------------------------------------------------------------------------ */

/* Puts a copy at the end of the line. One that is not due yet holds back those behind it. */
void speadi_fault_hold_delay(struct speadi_fault_hold *hold, uint16_t copy, uint64_t due_ns);

/* The first of the line, or -1 when there is none that is due by now_ns. pop() takes it off the line. */
int speadi_fault_hold_due(const struct speadi_fault_hold *hold, uint64_t now_ns);
void speadi_fault_hold_pop(struct speadi_fault_hold *hold);

/* When the first of the line is due; UINT64_MAX: the line is empty. */
uint64_t speadi_fault_hold_next_due_ns(const struct speadi_fault_hold *hold);

/* ---- The late ones ------------------------------------------------------------------------- */

/* Adds a copy that may go once so many packets have overtaken it. */
void speadi_fault_hold_back(struct speadi_fault_hold *hold, uint16_t copy, uint32_t overtakers);

/* How many packets may go before a late copy has to; UINT32_MAX: there is none. */
uint32_t speadi_fault_hold_slack(const struct speadi_fault_hold *hold);

/* Says that so many packets have gone, past all late copies. */
void speadi_fault_hold_overtaken(struct speadi_fault_hold *hold, uint32_t packets);

/* Takes off, in order of arrival, the late copies that enough others have overtaken, or with `all` every one;
 * at most max. Returns how many. */
uint32_t speadi_fault_hold_take_late(struct speadi_fault_hold *hold, bool all, uint16_t *copies,
                                     uint32_t max);

#endif
