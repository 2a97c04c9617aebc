/* SPDX-License-Identifier: Apache-2.0 */
/* Decides in which memory the heaps lie, and whether payload can be placed there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/free_memory.h>
#include <speadi/numbers.h>
#include <speadi/sentence.h>

#include "recv_config.h"
#include "recv_stream.h"

/* Bytes of all spare buffers together, if the engine does not post receives ahead. */
#define SPARE_BYTES (512u << 10)
#define SPARES_MIN  8u

/* The least memory_bytes_max that is divided into several size classes. */
#define CLASSES_BYTES_MIN (1u << 20)

/* Returns how many places may be reserved at a time in each queue. */
static uint32_t places_max(const struct spead_recv_stream *stream)
{
    uint32_t most = stream->facts.reserve_max ? stream->facts.reserve_max : SPEADI_RX_RESERVE_USUAL;
    uint32_t share = stream->config.placed_window / speadi_rx_queues(&stream->facts);

    return speadi_min_u32(most, speadi_max_u32(share, 1));
}

/* Returns how many spare buffers there are. One is needed for each packet of a burst that can be misplaced. The same
 * number again is needed for packets that are parked. */
static uint32_t count_spares(const struct spead_recv_stream *stream, uint32_t stride)
{
    uint32_t misplaced = places_max(stream) * speadi_rx_queues(&stream->facts);
    uint32_t burst = stream->facts.burst_max;

    if (burst > 0 && burst < misplaced)
        misplaced = burst;
    if (!(stream->ops->caps & SPEADI_RX_CAP_AHEAD))
        return speadi_clamp_u32(SPARE_BYTES / stride, SPARES_MIN, 2 * SPEADI_RX_RESERVE_USUAL);
    return speadi_clamp_u32(2 * misplaced, SPARES_MIN, SPEADI_SPARES_MAX);
}

/* Decides how many spare buffers there are and how many places may be reserved. */
static void plan_placement(struct spead_recv_stream *stream, uint32_t stride)
{
    struct speadi_placement *placement = &stream->placement;
    bool ahead = stream->ops->caps & SPEADI_RX_CAP_AHEAD;

    stream->spare_count = count_spares(stream, stride);
    placement->enabled = true;
    speadi_placement_set_queues(placement, speadi_rx_queues(&stream->facts));
    /* Where a heap goes that has not begun, only the place function knows. */
    placement->expects = ahead && speadi_recv_pins_memory(stream) && !stream->chunks;
    for (uint32_t i = 0; i < stream->regions.class_count; i++)
        placement->targets_max[i] = stream->regions.aside[i];
    placement->outstanding_max = places_max(stream);
    if (!ahead)
        placement->outstanding_max =
            speadi_min_u32(placement->outstanding_max, stream->spare_count / 2);
    placement->ask_bytes_max = ahead ? UINT64_MAX : SPEADI_PLACEMENT_ASK_BYTES;
    placement->policy.loss_max = stream->config.placed_loss_max;
}

/* Returns how many bytes the packets have together for which places may be reserved in heaps that have not begun. */
static uint64_t expected_bytes(const struct spead_recv_stream *stream)
{
    if (!(stream->ops->caps & SPEADI_RX_CAP_AHEAD) || !speadi_recv_pins_memory(stream) ||
        stream->chunks)
        return 0;
    return (uint64_t)places_max(stream) * speadi_rx_queues(&stream->facts) *
           stream->packet_bytes_max;
}

/* Describes the size classes of the regions above class 0 for the pool, and adds their tables to the layout. */
static void describe_classes(struct spead_recv_stream *stream, struct speadi_pool_class *classes,
                             struct speadi_pool_config *pool)
{
    const struct speadi_region_plan *plan = &stream->regions;

    for (uint32_t i = 1; i < plan->class_count; i++) {
        speadi_live_heap_layout_add(&stream->layout, i, plan->block_bytes[i]);
        classes[i - 1] = (struct speadi_pool_class){
            .block_count = (uint32_t)plan->blocks[i],
            .block_bytes = plan->block_bytes[i],
            .meta_bytes = stream->layout.tables[i].meta_bytes,
            .aside_count = plan->aside[i],
        };
    }
    pool->block_count = (uint32_t)plan->blocks[0];
    pool->aside_count = plan->aside[0];
    pool->out_max = (uint32_t)plan->in_use_max;
    pool->classes = classes;
    pool->class_count = plan->class_count - 1;
}

/* Shares the memory between endpoints that are apart, if the memory is less than all heaps can need. Half of the memory
 * is kept in equal shares, one for each endpoint. A share is at most as large as the largest heap. So an endpoint
 * always finds memory, whatever comes to the other endpoints. All endpoints use the rest of the memory. A share that is
 * less than a page is 0. */
static void share_memory(struct spead_recv_stream *stream, struct speadi_pool_config *pool)
{
    const uint32_t endpoints = speadi_recv_config_endpoints(&stream->config);
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE),
                   largest = speadi_round_up(stream->regions.block_bytes[0], page);

    if (endpoints < 2 || pool->pinned || pool->arena ||
        pool->memory_bytes_max >= stream->regions.memory_bytes)
        return;
    pool->user_count = endpoints;
    pool->share_bytes =
        speadi_min_u64(largest, pool->memory_bytes_max / 2 / endpoints / page * page);
    stream->regions.share_bytes = pool->share_bytes;
    stream->regions.lacks_shares = pool->share_bytes == 0;
}

/* Returns the smaller of two limits; 0 means that there is none. */
static uint64_t least_of(uint64_t limit, uint64_t need)
{
    return limit == 0 ? need : speadi_min_u64(limit, need);
}

/* If the user has given no limit, says in the error where the limit comes from. */
static int say_limit(const struct spead_recv_stream *stream, int ret, struct spead_err *err)
{
    if (ret != -ENOMEM || !stream->limit.by_host)
        return ret;
    return speadi_err_add(err, ret, " (memory_bytes_max is %s)", stream->limit.text);
}

static int create_pool(struct spead_recv_stream *stream, enum speadi_region_sizes sizes,
                       struct spead_err *err)
{
    const struct spead_recv_stream_config *c = &stream->config;
    struct speadi_pool_class classes[SPEADI_POOL_CLASSES_MAX];
    struct speadi_pool_config pool = {
        .block_bytes = c->heap_bytes_max,
        .meta_bytes = stream->layout.meta_bytes,
        .memory_bytes_max = c->memory_bytes_max,
        .pinned = speadi_recv_pins_memory(stream),
        .arena = c->heap_arena,
    };

    speadi_region_plan_init(&stream->regions, c, stream->aside_count, stream->expected_bytes,
                            sizes);
    if (stream->regions.blocks[0] > SPEADI_POOL_BLOCKS_MAX)
        return speadi_err_field(
            err, -EINVAL, "live_heaps_max",
            " %u: with substream_count, hand_over_heaps and held_heaps that makes "
            "%llu heaps, and a stream has at most %u",
            c->live_heaps_max, (unsigned long long)stream->regions.blocks[0],
            SPEADI_POOL_BLOCKS_MAX);
    describe_classes(stream, classes, &pool);
    if (!pool.pinned && !pool.arena)
        pool.memory_bytes_max = least_of(pool.memory_bytes_max, stream->regions.memory_bytes);
    share_memory(stream, &pool);
    return say_limit(stream, speadi_pool_create(&stream->pool, &pool, err), err);
}

/* Tells whether all heaps together need so little memory that one slab of small regions would take it from the others.
 * If the user has not limited the number of heaps that wait, small heaps need more memory than that. */
static bool needs_little(const struct spead_recv_stream *stream)
{
    struct speadi_region_plan plan;

    if (stream->config.hand_over_heaps == 0 || speadi_recv_pins_memory(stream))
        return false;
    speadi_region_plan_init(&plan, &stream->config, stream->aside_count, 0, SPEADI_REGIONS_ALIKE);
    return plan.memory_bytes < CLASSES_BYTES_MIN;
}

/* Decides which sizes the regions have. Memory of the user is divided into regions of one size. So is memory that is
 * too small for several size classes. */
static enum speadi_region_sizes choose_sizes(const struct spead_recv_stream *stream)
{
    const struct spead_recv_stream_config *c = &stream->config;

    if (c->heap_arena || (c->memory_bytes_max > 0 && c->memory_bytes_max < CLASSES_BYTES_MIN) ||
        needs_little(stream))
        return SPEADI_REGIONS_ALIKE;
    return speadi_recv_pins_memory(stream) ? SPEADI_REGIONS_PINNED : SPEADI_REGIONS_BY_SIZE;
}

static int create_sized_pool(struct spead_recv_stream *stream, struct spead_err *err)
{
    enum speadi_region_sizes sizes = choose_sizes(stream);
    int ret = create_pool(stream, sizes, err);

    if (ret == -ENOMEM && sizes == SPEADI_REGIONS_PINNED)
        ret = create_pool(stream, SPEADI_REGIONS_ALIKE, err);
    return ret;
}

static int make_pool(struct spead_recv_stream *stream, struct spead_err *err)
{
    const struct spead_region_arena *arena = speadi_recv_arena(stream);
    int ret =
        stream->chunks ? speadi_recv_make_chunk_pools(stream, err) : create_sized_pool(stream, err);

    if (ret < 0)
        return ret;
    stream->memory = (struct speadi_heap_memory){
        .ops = arena ? arena->ops : NULL,
        .log = &stream->config.log,
    };
    stream->memory.spare_offset =
        speadi_pool_memory(speadi_recv_memory_pool(stream), &stream->memory.all);
    return 0;
}

/* If the heaps lie in memory of a device, checks that the engine can place payload there. Checks also that this memory
 * has room for the spare buffers behind the heaps. The CPU cannot touch misplaced payload there, so its spare buffers
 * must lie in the same memory. */
static int check_device_memory(const struct spead_recv_stream *stream, uint32_t stride,
                               struct spead_err *err)
{
    uint64_t need = stream->memory.spare_offset + (uint64_t)stream->spare_count * stride;
    struct speadi_pool_stats plan;

    if (!speadi_heap_memory_is_device(&stream->memory))
        return 0;
    if (!(stream->ops->caps & SPEADI_RX_CAP_DEVICE))
        return speadi_err_field(
            err, -ENOTSUP, "engine",
            " \"%s\" cannot place payload into memory that the CPU cannot touch",
            stream->ops->about.name);
    speadi_pool_stats(speadi_recv_memory_pool(stream), &plan);
    if (need > stream->memory.all.bytes)
        return speadi_err_field(err, -EINVAL, stream->chunks ? "chunks.arena" : "heap_arena",
                                ": %u %s and %u spare buffers for placing into it need "
                                "%llu bytes, not %zu",
                                plan.blocks + (stream->chunks ? 0 : stream->regions.aside[0]),
                                stream->chunks ? "chunks" : "heaps", stream->spare_count,
                                (unsigned long long)need, stream->memory.all.bytes);
    return 0;
}

/* When memory is registered with a device, all of it is pinned immediately. If the host or a cgroup has less free
 * memory, the kernel kills this program or another one. So this function refuses such a configuration. It warns of one
 * that takes more than half of what is free. */
static int check_free_memory(const struct spead_recv_stream *stream, struct spead_err *err)
{
    const uint64_t bytes = stream->memory.all.bytes;
    char need[SPEADI_BYTES_TEXT_MAX], has[SPEADI_BYTES_TEXT_MAX];
    struct speadi_free_memory free_now;

    if (speadi_recv_arena(stream) || !(stream->ops->caps & SPEADI_RX_CAP_PINS))
        return 0;
    free_now = speadi_free_memory_read();
    speadi_bytes_text(need, bytes);
    speadi_bytes_text(has, free_now.bytes);
    if (bytes <= free_now.bytes) {
        speadi_log_line(&stream->config.log,
                        bytes > free_now.bytes / 2 ? SPEAD_LOG_WARNING : SPEAD_LOG_INFO,
                        "placing payload pins %s for heaps from the start, and %s has %s free",
                        need, speadi_free_memory_limiter_name(free_now.limiter), has);
        return 0;
    }
    return speadi_err_field(err, -ENOMEM, "hand_over_heaps",
                            ": with heap_bytes_max, live_heaps_max and held_heaps, placing payload "
                            "pins %s for heaps, and %s has %s free: use fewer or shorter heaps, or "
                            "let payload be bounced",
                            need, speadi_free_memory_limiter_name(free_now.limiter), has);
}

static void drop_pools(struct spead_recv_stream *stream)
{
    if (stream->chunks)
        speadi_recv_drop_chunk_pools(stream);
    speadi_pool_unref(stream->pool);
    stream->pool = NULL;
}

static int try_placed(struct spead_recv_stream *stream, struct spead_err *err)
{
    uint32_t stride = speadi_spare_stride((uint32_t)stream->packet_bytes_max);
    int ret = make_pool(stream, err);

    if (ret < 0) {
        drop_pools(stream);
        return ret;
    }
    plan_placement(stream, stride);
    ret = check_device_memory(stream, stride, err);
    if (ret == 0)
        ret = check_free_memory(stream, err);
    if (ret == 0 && stream->ops->attach)
        ret = stream->ops->attach(stream->engine, &stream->memory.all, err);
    if (ret < 0)
        drop_pools(stream);
    return ret;
}

static void say_not_expected(struct spead_recv_stream *stream, const char *why)
{
    speadi_sentence_add(stream->engine_reason, sizeof stream->engine_reason,
                        "; fewer packets may be placed, because there is no room for regions that "
                        "are set aside for heaps that have not begun");
    speadi_log_line(
        &stream->config.log, SPEAD_LOG_INFO,
        "fewer packets may be placed, because there is no room for regions that are set "
        "aside for heaps that have not begun, and only free regions are lent to them; a "
        "smaller placed_window (--placed-window in spead-recv) helps (%s)",
        why);
}

/* If there is no room for regions that are set aside for heaps that have not begun, makes none: placing works without
 * them, and free regions are lent to such heaps. */
static int make_placed(struct spead_recv_stream *stream, struct spead_err *err)
{
    struct spead_err why = {0};
    int ret;

    stream->expected_bytes = expected_bytes(stream);
    ret = try_placed(stream, &why);
    if (ret < 0 && stream->expected_bytes > 0 && (ret == -ENOMEM || stream->config.heap_arena)) {
        stream->expected_bytes = 0;
        ret = try_placed(stream, err);
        if (ret == 0)
            say_not_expected(stream, why.text);
        return ret;
    }
    if (ret < 0 && err)
        *err = why;
    return ret;
}

static int make_bounced(struct spead_recv_stream *stream, struct spead_err *err)
{
    stream->aside_count = 0;
    stream->expected_bytes = 0;
    stream->spare_count = 1;
    stream->placement.enabled = false;
    return make_pool(stream, err);
}

static void say_bounced(struct spead_recv_stream *stream, const char *why)
{
    speadi_sentence_add(stream->engine_reason, sizeof stream->engine_reason,
                        "; payload is bounced, not placed: %s", why);
    speadi_log_line(&stream->config.log, SPEAD_LOG_INFO, "payload is bounced, not placed: %s", why);
}

/* Tells whether the memory of the chunks is not one range, which the engine could know by offsets. */
static bool lies_apart(const struct spead_recv_stream *stream)
{
    return stream->chunks && stream->chunks->buffers && stream->ops->attach;
}

int speadi_recv_make_memory(struct spead_recv_stream *stream, struct spead_err *err)
{
    struct spead_err why = {0};

    stream->aside_count = speadi_recv_config_aside_count(
        &stream->config, stream->ops, stream->source_count, speadi_rx_queues(&stream->facts));
    if (stream->aside_count > 0 && lies_apart(stream)) {
        if (stream->config.receive_path == SPEAD_PATH_PLACED)
            return speadi_err_field(err, -ENOTSUP, "receive_path",
                                    ": engine \"%s\" cannot place payload into chunks.buffers; use "
                                    "chunks.arena, or auto or bounce",
                                    stream->ops->about.name);
        say_bounced(stream, "the buffers of the chunks lie apart");
        stream->aside_count = 0;
    }
    if (stream->aside_count == 0)
        return make_bounced(stream, err);
    if (stream->config.receive_path == SPEAD_PATH_PLACED)
        return make_placed(stream, err);
    if (make_placed(stream, &why) == 0)
        return 0;
    /* the path is SPEAD_PATH_AUTO, so bounce; that needs less memory */
    say_bounced(stream, why.text);
    return make_bounced(stream, err);
}
