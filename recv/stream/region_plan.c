/* Decides how many heap regions a stream has, and of which sizes. See region_plan.h. */
#include "region_plan.h"

#include <speadi/numbers.h>
#include <speadi/page_size.h>

#include "recv_config.h"

/* Most regions of a class above 0. If they are all in use, a heap takes a region of a larger class. */
#define SMALL_BLOCKS_MAX 65536u

uint32_t speadi_region_plan_messages(const struct spead_recv_stream_config *config)
{
    return config->ring_heaps > 0 ? config->ring_heaps : SPEAD_RECV_HAND_OVER_MESSAGES;
}

/* Returns how many heaps of more than `above` bytes may wait in the channel. */
static uint32_t ring_of(const struct spead_recv_stream_config *config, uint64_t above)
{
    uint64_t heaps = SPEAD_RECV_HAND_OVER_BYTES_MIN / above;

    if (config->ring_heaps > 0)
        return config->ring_heaps;
    if (heaps < SPEAD_RECV_HAND_OVER_SIZES)
        heaps = SPEAD_RECV_HAND_OVER_SIZES;
    return heaps < SPEAD_RECV_HAND_OVER_MESSAGES ? (uint32_t)heaps : SPEAD_RECV_HAND_OVER_MESSAGES;
}

/* Small heaps that wait in the channel take at most half of the memory, so that live heaps find some. */
static uint32_t within_memory(const struct spead_recv_stream_config *config, uint32_t heaps,
                              uint64_t block_bytes)
{
    uint64_t most = config->memory_bytes_max / 2 / block_bytes;

    if (config->ring_heaps > 0 || config->memory_bytes_max == 0 || heaps <= most)
        return heaps;
    return most > 0 ? (uint32_t)most : 1;
}

static void set_sizes(struct speadi_region_plan *plan, uint64_t heap_bytes_max, bool one_class)
{
    static const uint64_t small[] = {1u << 20, 128u << 10, 16u << 10, 2u << 10};

    plan->block_bytes[plan->class_count++] = heap_bytes_max;
    for (unsigned i = 0; !one_class && i < sizeof small / sizeof *small; i++)
        if (small[i] < heap_bytes_max)
            plan->block_bytes[plan->class_count++] = small[i];
}

/* The consumer may hold held_heaps heaps of any size. If the user has not limited the number of heaps in the channel,
 * the consumer may hold as many small heaps as the channel. */
static uint64_t blocks_of(const struct speadi_region_plan *plan,
                          const struct spead_recv_stream_config *config, uint32_t class)
{
    uint64_t held = config->held_heaps, blocks;

    if (class > 0 && config->ring_heaps == 0 && held < plan->ring[class])
        held = plan->ring[class];
    blocks = plan->live + plan->ring[class] + held;
    return class > 0 && blocks > SMALL_BLOCKS_MAX ? SMALL_BLOCKS_MAX : blocks;
}

/* Returns the memory of all regions of a class. The pool rounds the regions of class 0 up to whole pages, and the other
 * classes to whole slabs. */
static uint64_t class_bytes(const struct speadi_region_plan *plan, uint32_t class)
{
    if (class == 0)
        return plan->blocks[0] * speadi_round_up(plan->block_bytes[0], speadi_pages_size());
    return speadi_round_up(plan->blocks[class] * plan->block_bytes[class], SPEADI_POOL_SLAB_BYTES);
}

void speadi_region_plan_init(struct speadi_region_plan *plan,
                             const struct spead_recv_stream_config *config, uint32_t leaving_max,
                             bool one_class)
{

    *plan =
        (struct speadi_region_plan){.live = speadi_recv_config_live_blocks(config) + leaving_max};
    set_sizes(plan, config->heap_bytes_max, one_class);
    for (uint32_t i = 0; i < plan->class_count; i++) {
        uint64_t above = i + 1 < plan->class_count ? plan->block_bytes[i + 1] : 1, bytes;

        plan->ring[i] = ring_of(config, one_class ? SPEAD_RECV_HAND_OVER_BYTES_MIN : above);
        if (i > 0)
            plan->ring[i] = within_memory(config, plan->ring[i], plan->block_bytes[i]);
        plan->blocks[i] = blocks_of(plan, config, i);
        bytes = class_bytes(plan, i);
        if (bytes > plan->memory_bytes)
            plan->memory_bytes = bytes;
    }
    if (config->ring_heaps > 0)
        plan->in_use_max = plan->live + config->ring_heaps + config->held_heaps;
}
