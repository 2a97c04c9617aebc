/* Whether placing still pays: it depends on how often a packet did not follow the one before.
 *
 * At a share p of such breaks and N packets' places given away ahead, about 1 - (1-p)^N of the packets land
 * in another's place. Repairing one costs two copies, bouncing it one: placing is worth nothing once
 * half of them are moved. Reordering and interleaved heaps break the order as losses do. Pure; owner thread. */
#ifndef SPEADI_PLACEMENT_POLICY_H
#define SPEADI_PLACEMENT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define SPEADI_PLACEMENT_REVIEW_PACKETS 8192u /* between two updates, at least */

struct speadi_placement_policy {
    double loss_max;  /* share of breaks; 0: where half of the packets would be moved */
    uint64_t packets; /* count at the last update, and the share of breaks found there: */
    double loss;
    uint64_t breaks; /* since */
    bool off;
};

/* packets: accepted so far; window: N. Switches off above the bound, and on again at half of it. True
 * when that changed. */
bool speadi_placement_policy_update(struct speadi_placement_policy *policy, uint64_t packets,
                                    unsigned window);

static inline bool speadi_placement_policy_is_due(const struct speadi_placement_policy *policy,
                                                  uint64_t packets)
{
    return packets - policy->packets >= SPEADI_PLACEMENT_REVIEW_PACKETS;
}

#endif
