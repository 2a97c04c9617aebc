/* SPDX-License-Identifier: Apache-2.0 */
/* Decides whether placing still pays. This depends on how often a packet did not continue the packet before it. Each
 * such packet is called a break. Losses, reordering and interleaved heaps all cause breaks.
 *
 * If the share of breaks is p and the places of N packets are reserved ahead, then about 1 - (1-p)^N of all packets are
 * misplaced. To repair a packet costs two copies, to bounce it costs one. So placing gains nothing if half of the
 * packets are misplaced. The functions of this file only compute. Only the owner thread calls them. */
#ifndef SPEADI_PLACEMENT_POLICY_H
#define SPEADI_PLACEMENT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* at least this many packets come between two updates */
#define SPEADI_PLACEMENT_REVIEW_PACKETS 8192u

struct speadi_placement_policy {
    /* Placing is switched off when the share of breaks is larger than this. 0 means that the limit is computed: it is
     * then the share at which half of the packets are misplaced. */
    double loss_max;
    uint64_t packets; /* number of packets accepted up to the last update */
    double loss;      /* share of breaks at the last update */
    uint64_t breaks;  /* number of breaks after the last update */
    bool off;         /* placing is switched off */
};

/* Switches placing off when the share of breaks is above its limit (see loss_max), and on again when the share is at
 * most half of the limit. `packets` is the number of packets accepted so far. `window` is the number of packets whose
 * places are reserved ahead. Returns true if placing was switched on or off. */
bool speadi_placement_policy_update(struct speadi_placement_policy *policy, uint64_t packets,
                                    unsigned window);

/* Tells whether enough packets have come after the last update. */
static inline bool speadi_placement_policy_is_due(const struct speadi_placement_policy *policy,
                                                  uint64_t packets)
{
    return packets - policy->packets >= SPEADI_PLACEMENT_REVIEW_PACKETS;
}

#endif
