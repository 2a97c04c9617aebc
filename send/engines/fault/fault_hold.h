/* Copies of packets that the fault decorator keeps: held back for others to overtake, and after that in
 * the order in which they are to leave. Bounded; all memory is reserved at the start. */
#ifndef SPEADLINE_SEND_FAULT_HOLD_H
#define SPEADLINE_SEND_FAULT_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/fault.h>

#include "tx_engine.h"

#define SPEADI_FAULT_SLOTS      1024u /* copies in all */
#define SPEADI_FAULT_SLOT_BYTES 65536u
#define SPEADI_FAULT_HELD       512u /* of them held back at a time: some are always free to move */

struct speadi_fault_hold {
    uint8_t *memory; /* a datagram's worth of address space a slot; pages appear when touched */
    struct speadi_tx_packet packet[SPEADI_FAULT_SLOTS];
    struct iovec iov[SPEADI_FAULT_SLOTS];
    uint16_t free[SPEADI_FAULT_SLOTS]; /* most recently used first */
    unsigned free_count;

    struct {
        uint16_t slot;
        uint32_t overtakers; /* packets that still go first */
    } held[SPEADI_FAULT_HELD];
    unsigned held_count;

    struct {
        uint16_t slot;
        uint64_t due_ns; /* not before */
    } leaving
        [SPEADI_FAULT_SLOTS]; /* a ring, in order; who is not due yet holds back those behind */
    unsigned leaving_first, leaving_count;
};

int speadi_fault_hold_init(struct speadi_fault_hold *hold); /* 0 or -ENOMEM */
void speadi_fault_hold_release(struct speadi_fault_hold *hold);

/* Copies a packet, shortened and with a bit flipped as the verdict says. A slot must be free. */
uint16_t speadi_fault_hold_copy(struct speadi_fault_hold *hold,
                                const struct speadi_tx_packet *packet,
                                const struct speadi_fault_verdict *verdict);
void speadi_fault_hold_give_back(struct speadi_fault_hold *hold, uint16_t slot);

/* Holds a copy back until so many packets have gone first; fewer than SPEADI_FAULT_HELD are held. */
void speadi_fault_hold_back(struct speadi_fault_hold *hold, uint16_t slot, uint32_t overtakers);

/* How many packets may go before one that is held back must leave; UINT32_MAX: none is held. */
uint32_t speadi_fault_hold_slack(const struct speadi_fault_hold *hold);

/* Says that so many (<= slack) have gone; whoever was waiting for that leaves at due_ns. */
void speadi_fault_hold_overtaken(struct speadi_fault_hold *hold, uint32_t packets, uint64_t due_ns);

/* Lets all that are held back leave at due_ns. */
void speadi_fault_hold_let_go(struct speadi_fault_hold *hold, uint64_t due_ns);

/* Leaves at due_ns, after those that are leaving already. */
void speadi_fault_hold_leave(struct speadi_fault_hold *hold, uint16_t slot, uint64_t due_ns);

/* The slot of the next to leave, or -1 when none is due by now_ns. pop() takes it off the list; the slot
 * is the caller's then, to give back. */
int speadi_fault_hold_next(const struct speadi_fault_hold *hold, uint64_t now_ns);
void speadi_fault_hold_pop(struct speadi_fault_hold *hold);

#endif
