/* SPDX-License-Identifier: Apache-2.0 */
/* Decides how many heap regions a stream has, and of which sizes.
 *
 * The regions are of several size classes, so that a heap of 1 KiB does not need a region of 64 MiB. Each class has as
 * many regions as its heaps can need: for the live heaps, for the heaps that wait in the channel (the *hand-over*), and
 * for the heaps that the consumer holds. A class whose heaps can be placed has more regions that are set aside, for
 * heaps that leave while receives are posted into them. The hand-over has two bounds, bytes and messages. If the heaps
 * of a class are longer than B bytes, the class needs at most (bound of the bytes) / B regions for the hand-over.
 *
 * Only the thread that makes the stream calls speadi_region_plan_init(). Afterwards the plan does not change. */
#ifndef SPEADI_REGION_PLAN_H
#define SPEADI_REGION_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/recv.h>

#include <speadi/pool.h>

enum speadi_region_sizes {
    SPEADI_REGIONS_BY_SIZE, /* several size classes */
    /* Several size classes in memory that is pinned for a device. All of it is in use from the start, so fewer small
     * heaps may wait. */
    SPEADI_REGIONS_PINNED,
    SPEADI_REGIONS_ALIKE, /* all regions have the size of the largest heap */
};

struct speadi_region_plan {
    uint32_t class_count;
    uint64_t block_bytes[SPEADI_POOL_CLASSES_MAX]; /* falling: class 0 has the largest regions */
    /* How many heaps in regions of the class may wait in the channel if no other heap waits there. */
    uint32_t ring[SPEADI_POOL_CLASSES_MAX];
    /* blocks[i] is the number of regions of class i. aside[i] of these regions are set aside. */
    uint64_t blocks[SPEADI_POOL_CLASSES_MAX];
    uint32_t aside[SPEADI_POOL_CLASSES_MAX];
    /* The largest number of live heaps. This many regions of class 0 are kept for large heaps. */
    uint64_t live;
    /* Most regions of all classes together that may be in use; 0 means no such limit. */
    uint64_t in_use_max;
    uint64_t held;         /* regions of class 0 for heaps that the consumer holds */
    uint64_t share_bytes;  /* memory that is kept for each endpoint; 0: none */
    bool lacks_shares;     /* the memory is too small to keep a page for each endpoint */
    uint64_t memory_bytes; /* the largest number of bytes that heaps of one size can need */
};

/* Makes the plan for a stream. aside_count is the number of regions that are set aside in each class whose heaps can be
 * placed. More are set aside where receives are posted into heaps that have not begun: as many as the packets of these
 * receives fill, which have expected_bytes together. */
void speadi_region_plan_init(struct speadi_region_plan *plan,
                             const struct spead_recv_stream_config *config, uint32_t aside_count,
                             uint64_t expected_bytes, enum speadi_region_sizes sizes);

/* Returns the capacity of the channel in messages. */
uint32_t speadi_region_plan_messages(const struct spead_recv_stream_config *config);

#endif
