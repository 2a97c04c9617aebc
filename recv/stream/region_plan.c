/* SPDX-License-Identifier: Apache-2.0 */
/* Decides how many heap regions a stream has, and of which sizes. See region_plan.h. */
#include "region_plan.h"

#include <speadi/numbers.h>
#include <speadi/page_size.h>

#include "recv_config.h"

/* Most regions of a class above 0. If they are all in use, a heap takes a region of a larger class. */
#define SMALL_BLOCKS_MAX 65536u

/* At most SPEAD_RECV_HAND_OVER_SIZES heaps that are longer than this may wait, because each of them needs a region of
 * the largest size. */
#define LARGE_HEAP_BYTES (1u << 20)

/* Most regions of a class into which receives are posted before their heaps begin. */
#define EXPECTED_BLOCKS_MAX 62u

/* In pinned memory this many bytes of small heaps may wait, instead of SPEAD_RECV_HAND_OVER_BYTES_MIN. */
#define PINNED_BYTES_MIN (4u << 20)

uint32_t speadi_region_plan_messages(const struct spead_recv_stream_config *config)
{
    return config->hand_over_heaps > 0 ? config->hand_over_heaps : SPEAD_RECV_HAND_OVER_MESSAGES;
}

/* Returns how many heaps of more than `above` bytes may wait in the channel. If `above` is 0, only the number for large
 * heaps counts. */
static uint32_t ring_of(const struct spead_recv_stream_config *config, uint64_t bytes_min,
                        uint64_t above)
{
    uint64_t heaps = above > 0 && above < LARGE_HEAP_BYTES ? bytes_min / above : 0;

    if (config->hand_over_heaps > 0)
        return config->hand_over_heaps;
    if (heaps < SPEAD_RECV_HAND_OVER_SIZES)
        heaps = SPEAD_RECV_HAND_OVER_SIZES;
    return heaps < SPEAD_RECV_HAND_OVER_MESSAGES ? (uint32_t)heaps : SPEAD_RECV_HAND_OVER_MESSAGES;
}

/* Heaps that wait in the channel take at most half of the memory, so that live heaps find some. `least` heaps may wait
 * in any case. */
static uint32_t within_memory(const struct spead_recv_stream_config *config, uint32_t heaps,
                              uint64_t block_bytes, uint32_t least)
{
    uint64_t most = config->memory_bytes_max / 2 / block_bytes;

    if (config->hand_over_heaps > 0 || config->memory_bytes_max == 0 || heaps <= most)
        return heaps;
    return most > least ? (uint32_t)most : least;
}

static void set_sizes(struct speadi_region_plan *plan, uint64_t heap_bytes_max, bool alike)
{
    static const uint64_t small[] = {1u << 20, 128u << 10, 16u << 10, 2u << 10};

    plan->block_bytes[plan->class_count++] = heap_bytes_max;
    for (unsigned i = 0; !alike && i < sizeof small / sizeof *small; i++)
        if (small[i] < heap_bytes_max)
            plan->block_bytes[plan->class_count++] = small[i];
}

/* The consumer may hold held_heaps heaps of any size. If the user has not limited the number of heaps in the channel,
 * the consumer may hold as many small heaps as the channel. */
static uint64_t blocks_of(const struct speadi_region_plan *plan,
                          const struct spead_recv_stream_config *config, uint32_t class)
{
    uint64_t held = config->held_heaps, blocks;

    if (class > 0 && config->hand_over_heaps == 0 && held < plan->ring[class])
        held = plan->ring[class];
    blocks = plan->live + plan->ring[class] + held + plan->aside[class];
    return class > 0 && blocks > SMALL_BLOCKS_MAX ? SMALL_BLOCKS_MAX : blocks;
}

/* Returns the memory of all regions of a class that are in use at a time. The pool rounds the regions of class 0 up to
 * whole pages, and charges the regions of small classes by slabs. In the classes between them it charges the pages of a
 * heap. The heaps that wait in the channel have a bound of bytes, and the heaps that the consumer holds have the same
 * bound. */
static uint64_t class_bytes(const struct speadi_region_plan *plan,
                            const struct spead_recv_stream_config *config, uint32_t class)
{
    uint64_t page = speadi_pages_size(), block = plan->block_bytes[class];
    uint64_t all = plan->blocks[class] * block, waiting;

    if (class == 0)
        return plan->blocks[0] * speadi_round_up(block, page);
    if (block < SPEADI_POOL_SLAB_BYTES || config->hand_over_heaps > 0)
        return speadi_round_up(all, SPEADI_POOL_SLAB_BYTES);
    waiting = SPEAD_RECV_HAND_OVER_BYTES_MIN + plan->ring[class] * page;
    return speadi_min_u64(all, (plan->live + plan->aside[class]) * block + 2 * waiting);
}

/* Returns how many regions of a class are set aside. */
static uint32_t aside_of(const struct speadi_region_plan *plan, uint32_t class,
                         uint32_t aside_count, uint64_t expected_bytes)
{
    uint64_t block = plan->block_bytes[class], expected = (expected_bytes + block - 1) / block;

    return aside_count + (uint32_t)speadi_min_u64(expected, EXPECTED_BLOCKS_MAX);
}

void speadi_region_plan_init(struct speadi_region_plan *plan,
                             const struct spead_recv_stream_config *config, uint32_t aside_count,
                             uint64_t expected_bytes, enum speadi_region_sizes sizes)
{
    bool alike = sizes == SPEADI_REGIONS_ALIKE;
    uint64_t bytes_min =
        sizes == SPEADI_REGIONS_PINNED ? PINNED_BYTES_MIN : SPEAD_RECV_HAND_OVER_BYTES_MIN;

    *plan = (struct speadi_region_plan){.live = speadi_recv_config_live_blocks(config),
                                        .held = config->held_heaps};
    set_sizes(plan, config->heap_bytes_max, alike);
    for (uint32_t i = 0; i < plan->class_count; i++) {
        uint64_t above = i + 1 < plan->class_count ? plan->block_bytes[i + 1] : 1, bytes;

        plan->ring[i] = within_memory(config, ring_of(config, bytes_min, alike ? 0 : above),
                                      plan->block_bytes[i], i > 0 ? 1 : SPEAD_RECV_HAND_OVER_SIZES);
        if (i == 0 || plan->block_bytes[i] >= SPEADI_POOL_SLAB_BYTES)
            plan->aside[i] = aside_of(plan, i, aside_count, expected_bytes);
        plan->blocks[i] = blocks_of(plan, config, i);
        bytes = class_bytes(plan, config, i);
        if (bytes > plan->memory_bytes)
            plan->memory_bytes = bytes;
    }
    if (config->hand_over_heaps > 0)
        plan->in_use_max = plan->live + config->hand_over_heaps + config->held_heaps;
}
