/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted engines as paths of same_heaps.h, and the comparison of paths with a reference. */
#ifndef TEST_SAME_PATHS_H
#define TEST_SAME_PATHS_H

#include "apart_memory.h"
#include "recv_rig.h"
#include "same_heaps.h"

struct same_script {
    struct same_path path; /* must be the first member */
    enum spead_receive_path receive;
    bool posts_ahead;
    bool apart; /* the heaps lie in memory that the CPU must not touch */
    /* Queues of the engine; 0 means one. With several, a sequence must have one endpoint. */
    unsigned queues;
    struct recv_rig rig;
    struct apart_memory memory;
};

/* Makes a path over a scripted engine. With `apart` it cannot run sequences with large heaps. */
void same_script_init(struct same_script *script, const char *name, enum spead_receive_path receive,
                      bool posts_ahead, bool apart);

/* What same_compare() has run. */
struct same_totals {
    uint64_t runs, placed, repaired, moved;
    /* Why a path could not be opened; empty if all could be. */
    char missing[512];
};

/* Runs the sequences of `endpoints` with the seeds 1 to `seeds` over a scripted engine without placement, and over each of the paths.
 * Returns NULL if all outcomes are the same, else a sentence in static storage. Stops at the first path that cannot be
 * opened. */
const char *same_compare(struct same_path *const *paths, unsigned count,
                         enum same_endpoints endpoints, uint64_t seeds, struct same_totals *totals);

#endif
