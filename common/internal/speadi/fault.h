/* SPDX-License-Identifier: Apache-2.0 */
/* Fault specifications, and the dice. The dice decides for each packet which faults it gets; its random numbers come
 * from a seed.
 *
 * An example of a specification:
 * "loss=0.01,burst=8,dup=0.001,reorder=8,truncate=0.001,flip=0.0001,delay=2ms,stall=50ms/1s,seed=7"
 * The same specification with the same seed causes the same faults to the same packets. docs/faults.md explains
 * specifications to users. */
#ifndef SPEADI_FAULT_H
#define SPEADI_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>

struct speadi_fault_spec {
    double loss;             /* chance that a loss begins at a packet */
    uint32_t burst;          /* packets that one loss drops, one after another; default 1 */
    double duplicate;        /* chance that a packet is repeated */
    uint32_t reorder;        /* largest number of packets that overtake one packet; 0: none does */
    double reorder_chance;   /* chance that a packet is overtaken, if reorder > 0; default 0.1 */
    double truncate;         /* chance that the end of a packet is cut off */
    double flip;             /* chance that one random bit of a packet is inverted */
    uint64_t delay_ns;       /* every packet is delayed by this time */
    uint64_t stall_ns;       /* length of a stall, during which no packet moves */
    uint64_t stall_every_ns; /* length of a period, which ends with one stall; 0: no stalls */
    uint64_t seed;           /* seed of the dice; default 1 */
};

/* Reads a fault specification. Returns 0, or -EINVAL with a sentence that names the refused word. */
int speadi_fault_parse(struct speadi_fault_spec *spec, const char *text, struct spead_err *err);

/* If now_ns lies in a stall, returns the time at which this stall ends; else returns 0. The periods begin at start_ns,
 * and the stall is the last part of each period. */
uint64_t speadi_fault_stall_end(const struct speadi_fault_spec *spec, uint64_t start_ns,
                                uint64_t now_ns);

/* What the dice decided about one packet. */
struct speadi_fault_decision {
    bool drop, duplicate;
    uint32_t hold; /* how many later packets must go before this packet */
    /* The length of the packet after the cut, in bytes. If the dice cuts nothing, this is the whole length of the
     * packet. */
    uint32_t keep_bytes;
    uint32_t flip_bit; /* index of the bit to invert; UINT32_MAX: no bit is inverted */
};

struct speadi_fault_dice {
    struct speadi_fault_spec spec;
    uint64_t state[2];
    uint32_t losing; /* how many packets the present loss still drops */
};

void speadi_fault_dice_init(struct speadi_fault_dice *dice, const struct speadi_fault_spec *spec);
struct speadi_fault_decision speadi_fault_roll(struct speadi_fault_dice *dice, uint32_t bytes);

#endif
