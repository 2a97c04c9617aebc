/* What a fault specification says, and a seeded source of decisions for it.
 *
 * "loss=0.01,burst=8,dup=0.001,reorder=8,truncate=0.001,flip=0.0001,delay=2ms,stall=50ms/1s,seed=7"
 * The same specification and seed over the same packets give the same faults. docs/faults.md is the
 * user's page. */
#ifndef SPEADI_FAULT_H
#define SPEADI_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>

struct speadi_fault_spec {
    double loss;             /* chance that a packet starts a loss */
    uint32_t burst;          /* packets lost together; default 1 */
    double duplicate;        /* chance that a packet comes twice */
    uint32_t reorder;        /* window: a packet may come up to this many packets late; 0: off */
    double reorder_chance;   /* chance that a packet is held back when reorder > 0; default 0.1 */
    double truncate;         /* chance that the end of a packet is cut off */
    double flip;             /* chance that one random bit of a packet is inverted */
    uint64_t delay_ns;       /* every packet is held this long */
    uint64_t stall_ns;       /* nothing moves for this long ... */
    uint64_t stall_every_ns; /* ... once per this long; 0: off */
    uint64_t seed;           /* default 1 */
};

/* Returns 0, or -EINVAL with a sentence that names the word. */
int speadi_fault_parse(struct speadi_fault_spec *spec, const char *text, struct spead_err *err);

/* End of the stall that now_ns falls into; 0: none. Stalls end their periods, which count from start_ns. */
uint64_t speadi_fault_stall_end(const struct speadi_fault_spec *spec, uint64_t start_ns,
                                uint64_t now_ns);

/* What happens to one packet. */
struct speadi_fault_decision {
    bool drop, duplicate;
    uint32_t hold;       /* packets that overtake it */
    uint32_t keep_bytes; /* its length after truncation (== bytes: whole) */
    uint32_t flip_bit;   /* bit number to invert; UINT32_MAX: none */
};

struct speadi_fault_dice {
    struct speadi_fault_spec spec;
    uint64_t state[2];
    uint32_t losing; /* packets left of a loss burst */
};

void speadi_fault_dice_init(struct speadi_fault_dice *dice, const struct speadi_fault_spec *spec);
struct speadi_fault_decision speadi_fault_roll(struct speadi_fault_dice *dice, uint32_t bytes);

#endif
