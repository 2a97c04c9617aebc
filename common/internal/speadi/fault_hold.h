/* SPDX-License-Identifier: Apache-2.0 */
/* The hold: packets that a fault decorator keeps for a while. It has three parts:
 *   - a bounded store of copied packets;
 *   - a delay line of copies that wait until a given time;
 *   - the late copies, which wait until other packets have overtaken them.
 * A copy has a number from take() until give_back(). During this time the copy is in exactly one of three states: it is
 * in the delay line, or it is late, or the decorator has it.
 *
 * The receive decorator and the send decorator both use this hold. The receive decorator first delays packets and then
 * reorders them. The send decorator first reorders packets and then delays them. The hold reads no clock, calls no
 * engine and draws no random numbers.
 *
 * Threads: one thread owns a hold. init() reserves all of its memory. */
#ifndef SPEADI_FAULT_HOLD_H
#define SPEADI_FAULT_HOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadi/fault.h>

#define SPEADI_FAULT_COPIES_MAX 2048u  /* the largest number of copies in a hold */
#define SPEADI_FAULT_COPY_BYTES 65536u /* address space of one copy: the longest datagram fits */

struct speadi_fault_late {
    uint16_t copy;
    uint32_t overtakers; /* how many packets must still go before this copy; 0: the copy may go */
};

struct speadi_fault_delayed {
    uint16_t copy;
    uint64_t due_ns; /* the copy must not go before this time */
};

struct speadi_fault_hold {
    /* The store. The kernel supplies each page when it is first touched. NULL if the hold is closed. */
    uint8_t *memory;
    uint32_t copies; /* how many copies the store can have */
    /* The numbers of the free copies. take() uses the copy that was freed last. */
    uint16_t spare[SPEADI_FAULT_COPIES_MAX];
    uint32_t spare_count;

    struct speadi_fault_late late[SPEADI_FAULT_COPIES_MAX]; /* in order of arrival */
    uint32_t late_count;

    struct speadi_fault_delayed delayed[SPEADI_FAULT_COPIES_MAX]; /* a ring, in order of arrival */
    uint32_t delayed_first, delayed_count;
};

/* Makes a hold of up to `copies` packets. Returns 0 or -ENOMEM. */
int speadi_fault_hold_init(struct speadi_fault_hold *hold, uint32_t copies);
void speadi_fault_hold_release(struct speadi_fault_hold *hold); /* *hold may be all zero */
/* returns the size of the store */
uint64_t speadi_fault_hold_bytes(const struct speadi_fault_hold *hold);

/* ---- The store ----------------------------------------------------------------------------- */

/* Copies a packet that lies in iov_count pieces. The function cuts the copy and inverts a bit in it as `decision` says.
 * Returns the number of the copy, and sets *copied to the place of its bytes. Returns -1 when no copy is free or the
 * packet is too long. */
int speadi_fault_hold_take(struct speadi_fault_hold *hold, const struct iovec *packet,
                           unsigned iov_count, const struct speadi_fault_decision *decision,
                           struct iovec *copied);
void speadi_fault_hold_give_back(struct speadi_fault_hold *hold, uint16_t copy);

/* ---- The delay line ------------------------------------------------------------------------ */

/* Puts a copy at the end of the line. The copies leave the line in order. So a copy that is not due yet also delays all
 * copies behind it. */
void speadi_fault_hold_delay(struct speadi_fault_hold *hold, uint16_t copy, uint64_t due_ns);

/* Returns the first copy of the line, or -1 when the line is empty or that copy is not due at now_ns. The copy stays in
 * the line until pop(). */
int speadi_fault_hold_due(const struct speadi_fault_hold *hold, uint64_t now_ns);
void speadi_fault_hold_pop(struct speadi_fault_hold *hold);

/* Returns the time at which the first copy of the line is due, or UINT64_MAX when the line is empty. */
uint64_t speadi_fault_hold_next_due_ns(const struct speadi_fault_hold *hold);

/* ---- The late copies ----------------------------------------------------------------------- */

/* Adds a late copy. This copy may go after `overtakers` packets have overtaken it. */
void speadi_fault_hold_back(struct speadi_fault_hold *hold, uint16_t copy, uint32_t overtakers);

/* Returns how many packets may still go before one of the late copies must go. Returns UINT32_MAX when there is no late
 * copy. */
uint32_t speadi_fault_hold_slack(const struct speadi_fault_hold *hold);

/* Records that `packets` more packets have gone. Each of these packets has overtaken every late copy. */
void speadi_fault_hold_overtaken(struct speadi_fault_hold *hold, uint32_t packets);

/* Removes late copies and writes their numbers to the array `copies`, at most `max` numbers, in order of arrival. When
 * `all` is true, the function removes every late copy. Otherwise it removes only the copies that enough packets have
 * overtaken. Returns how many copies it removed. */
uint32_t speadi_fault_hold_take_late(struct speadi_fault_hold *hold, bool all, uint16_t *copies,
                                     uint32_t max);

#endif
