/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and frees receive streams, and has the functions that threads other than the owner thread call. */
#include "recv_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/clock.h>
#include <speadi/deadline.h>
#include <speadi/err.h>
#include <speadi/free_memory.h>
#include <speadi/numbers.h>
#include <speadi/page_size.h>
#include <speadi/struct_size.h>

#include "recv_config.h"

enum { WARM_REGIONS = 4, WARM_BYTES = 4 << 20 };

/* ---- Making -------------------------------------------------------------------------------- */

static void init_layout(struct spead_recv_stream *stream)
{
    stream->layout = (struct speadi_live_heap_layout){
        .heap_bytes_max = stream->config.heap_bytes_max,
        .pointers_max = stream->config.pointers_max,
        .ranges_max = stream->config.allow_out_of_order ? stream->config.ranges_max : 1,
        /* In a stream that is not joint, all packets of a heap come from one source. */
        .source_count = stream->config.joint ? stream->source_count : 1,
        .refused_max = stream->config.ranges_max < SPEADI_REFUSED_RANGES ? stream->config.ranges_max
                                                                         : SPEADI_REFUSED_RANGES,
        .in_order = !stream->config.allow_out_of_order,
    };
    speadi_live_heap_layout_init(&stream->layout);
}

/* Returns how many trackers of skipped heap counters the stream has: one for each sender and substream, up to a
 * limit. */
static uint32_t gap_trackers(const struct spead_recv_stream_config *config)
{
    uint64_t count = (uint64_t)config->senders_max * config->substream_count;

    return (uint32_t)speadi_min_u64(count, SPEADI_GAP_TRACKERS_MAX);
}

static int make_tables(struct spead_recv_stream *stream)
{
    const struct spead_recv_stream_config *c = &stream->config;

    const uint32_t rings = c->substream_count * speadi_recv_config_endpoints(c);

    if (speadi_heap_table_init(&stream->table, rings, c->live_heaps_max) < 0 ||
        speadi_finished_init(&stream->finished, rings, c->finished_heaps_max) < 0 ||
        speadi_sender_table_init(&stream->senders, c->senders_max, c->sender_key) < 0 ||
        speadi_late_gaps_init(&stream->late_gaps) < 0 ||
        speadi_recv_tally_init(&stream->tally, stream->source_count, c->custom_counter_count) < 0 ||
        speadi_recv_copy_custom_counters(stream) < 0 ||
        speadi_spare_init(&stream->spare, stream->spare_count, (uint32_t)stream->packet_bytes_max) <
            0)
        return -ENOMEM;
    stream->sizes = calloc(c->senders_max, sizeof *stream->sizes);
    if (!stream->sizes)
        return -ENOMEM;
    if (speadi_gap_trackers_init(&stream->gaps, gap_trackers(c), c->senders_max, c->substream_count,
                                 c->heap_counter_step) < 0)
        return -ENOMEM;
    stream->gaps.rows = &stream->senders.rows;
    return 0;
}

static void set_start_point(struct spead_recv_stream *stream)
{
    struct spead_recv_start_point point;

    /* speadi_recv_config_read() has checked it */
    if (stream->config.start_point &&
        speadi_recv_config_read_start(&point, stream->config.start_point, NULL) == 0)
        speadi_recv_set_start_point(stream, &point);
    stream->config.start_point = NULL; /* the user may free it */
}

static int name_sources(struct spead_recv_stream *stream)
{
    stream->source_name = calloc(stream->source_count, sizeof *stream->source_name);
    if (!stream->source_name)
        return -ENOMEM;
    for (uint32_t i = 0; i < stream->source_count; i++) {
        if (stream->config.endpoint_count > 0)
            stream->source_name[i] = strdup(stream->config.endpoints[i]);
        else if (asprintf(&stream->source_name[i], "mem:%u", i) < 0)
            stream->source_name[i] = NULL;
        if (!stream->source_name[i])
            return -ENOMEM;
    }
    return 0;
}

/* Makes the outlet. Its list of pending heaps has one entry for each region. This is enough, because a region holds at
 * most one heap. */
static int make_outlet(struct spead_recv_stream *stream, struct spead_err *err)
{
    const struct spead_channel_config channel = spead_recv_stream_edge_config(stream);
    struct speadi_pool_stats pool;
    int ret;

    speadi_pool_stats(speadi_recv_memory_pool(stream), &pool);
    ret = speadi_outlet_init(&stream->outlet, &stream->config, &channel, pool.blocks, err);
    if (ret < 0 || stream->config.hand_over_heaps > 0)
        return ret;
    return speadi_outlet_set_bound(&stream->outlet, stream->regions.ring,
                                   stream->regions.class_count, err);
}

/* Returns what the heaps need at most. Memory that a device knows is all in use from the start. */
static uint64_t memory_need(const struct spead_recv_stream *stream,
                            const struct speadi_pool_stats *pool)
{
    uint64_t need = stream->regions.memory_bytes;

    return pool->memory_bytes == pool->memory_bytes_max && need < pool->memory_bytes
               ? pool->memory_bytes
               : need;
}

static const char *share_is_less_than(const struct spead_recv_stream *stream)
{
    const uint64_t share = stream->plan.endpoint_share_bytes;

    if (share >= stream->config.heap_bytes_max)
        return "";
    return share < stream->packet_bytes_max ? ", less than one packet of the largest size"
                                            : ", less than one heap of the largest size";
}

/* Says where the number memory_bytes of the plan comes from. */
static void say_memory(struct spead_recv_stream *stream)
{
    const struct spead_recv_plan *plan = &stream->plan;
    char need[SPEADI_BYTES_TEXT_MAX], share[SPEADI_BYTES_TEXT_MAX];
    size_t length;

    if (plan->memory_need_bytes <= plan->memory_bytes)
        snprintf(stream->memory_reason, sizeof stream->memory_reason,
                 "all that these heaps can need; the limit is %s", stream->limit.text);
    else
        snprintf(stream->memory_reason, sizeof stream->memory_reason,
                 "%s; these heaps could need %s", stream->limit.text,
                 speadi_bytes_text(need, plan->memory_need_bytes));
    length = strlen(stream->memory_reason);
    if (plan->endpoint_share_bytes > 0)
        snprintf(stream->memory_reason + length, sizeof stream->memory_reason - length,
                 "; each of the %u endpoints keeps %s of it for its own heaps%s",
                 speadi_recv_config_endpoints(&stream->config),
                 speadi_bytes_text(share, plan->endpoint_share_bytes), share_is_less_than(stream));
    else if (stream->regions.lacks_shares)
        snprintf(stream->memory_reason + length, sizeof stream->memory_reason - length,
                 "; no endpoint keeps a share, because it would be less than one page");
}

/* The kernel kills a program without a word when the heaps take more memory than there is. So the log warns of a limit
 * of the user that permits it. */
static void warn_of_memory(const struct spead_recv_stream *stream)
{
    const struct speadi_free_memory *free_then = &stream->limit.free_then;
    const uint64_t most = stream->plan.memory_bytes;
    char heaps[SPEADI_BYTES_TEXT_MAX], has[SPEADI_BYTES_TEXT_MAX];

    if (free_then->limiter == SPEADI_FREE_UNKNOWN || most <= free_then->bytes)
        return;
    speadi_log_line(&stream->config.log, SPEAD_LOG_WARNING,
                    "the heaps may take %s (memory_bytes_max, --memory in spead-recv), and %s has "
                    "only %s free: when the heaps take more than that, the kernel kills a program",
                    speadi_bytes_text(heaps, most),
                    speadi_free_memory_limiter_name(free_then->limiter),
                    speadi_bytes_text(has, free_then->bytes));
}

/* Returns the bytes of the tables that only a chunk stream has. */
static uint64_t chunk_bytes(const struct spead_recv_stream *stream)
{
    struct speadi_pool_stats heaps;

    if (!stream->chunks)
        return 0;
    speadi_pool_stats(stream->pool, &heaps);
    return heaps.table_bytes + speadi_chunk_window_bytes(stream->chunks);
}

static void make_plan(struct spead_recv_stream *stream)
{
    const struct spead_channel_config channel = spead_recv_stream_edge_config(stream);
    const struct spead_recv_stream_config *c = &stream->config;
    struct speadi_pool_stats pool;
    struct speadi_rx_counters engine;

    speadi_pool_stats(speadi_recv_memory_pool(stream), &pool);
    stream->ops->counters(stream->engine, &engine);
    stream->plan = (struct spead_recv_plan){
        .engine = stream->ops->about.name,
        .engine_reason = stream->engine_reason,
        .region_count = stream->regions.blocks[0],
        .region_bytes = speadi_round_up(stream->regions.block_bytes[0], speadi_pages_size()),
        .memory_bytes = pool.memory_bytes_max,
        .table_bytes =
            sizeof *stream + pool.table_bytes + speadi_outlet_bytes(&stream->outlet, &channel) +
            speadi_heap_table_bytes(&stream->table) + speadi_finished_bytes(&stream->finished) +
            speadi_late_gaps_bytes() + (uint64_t)c->senders_max * sizeof *stream->sizes +
            speadi_gap_trackers_bytes(&stream->gaps) + speadi_sender_table_bytes(&stream->senders) +
            speadi_recv_tally_bytes(&stream->tally) + speadi_spare_bytes(&stream->spare) +
            stream->ops->state_size + engine.memory_bytes + chunk_bytes(stream),
        .socket_buffer_bytes = stream->facts.buffer_bytes,
        .live_regions = stream->regions.live,
        .hand_over_regions = stream->regions.ring[0],
        .held_regions = stream->regions.held,
        .moved_regions = stream->chunks ? 0 : stream->regions.aside[0],
        .memory_need_bytes = memory_need(stream, &pool),
        .memory_limit_bytes = stream->limit.bytes,
        .memory_reason = stream->memory_reason,
        .endpoint_share_bytes = stream->regions.share_bytes,
        .populate_reason = stream->populate_reason,
        .port_place = stream->port_place,
        .posted_receives = stream->facts.receives,
        .posted_bytes = stream->facts.posted_bytes,
        .copy_reason = stream->copying.reason,
    };
    say_memory(stream);
}

static int no_memory(struct spead_err *err)
{
    return speadi_err_set(err, -ENOMEM,
                          "not enough memory for the stream's tables: lower the numbers of heaps, "
                          "pointers or ranges");
}

/* Populates a few regions before the first packet comes. A sender may begin at its full rate. Without populated regions
 * the first heaps would cause page faults, and during these the socket buffer would overflow. An engine whose sources
 * can wait does not need this. The populated memory stays within memory_bytes_max. */
static void warm_up(struct spead_recv_stream *stream)
{
    struct speadi_block *region[WARM_REGIONS];
    size_t bytes =
        stream->config.heap_bytes_max < WARM_BYTES ? stream->config.heap_bytes_max : WARM_BYTES;
    unsigned count = 0;

    if (stream->chunks) {
        speadi_recv_warm_chunks(stream);
        return;
    }
    if ((stream->ops->caps & SPEADI_RX_CAP_LOSSLESS) != 0 || stream->config.plan_only)
        return;
    while (count < WARM_REGIONS && (region[count] = speadi_pool_take(stream->pool)) != NULL)
        /* if populating fails, the region stays as it was */
        (void)speadi_block_populate(region[count++], bytes);
    while (count > 0)
        speadi_block_release(region[--count]);
}

/* The endpoints of a joint stream are read one after the other. So heaps of a later endpoint come behind newer heaps of
 * an earlier endpoint, and the window must have room for both. */
static void say_window(const struct spead_recv_stream *stream)
{
    if (stream->config.joint && stream->source_count > 1)
        speadi_log_line(
            &stream->config.log, SPEAD_LOG_INFO,
            "a joint stream reads up to %u bytes of each endpoint before it reads the next one: "
            "with heaps of H bytes, live_heaps_max (spead-recv --concurrent-heaps) should be "
            "at least %u x (%u / H + 1)",
            SPEADI_PLACEMENT_ASK_BYTES, stream->source_count, SPEADI_PLACEMENT_ASK_BYTES);
}

static int copy_arena(struct spead_recv_stream *stream, struct spead_err *err)
{
    int ret;

    if (!stream->config.heap_arena)
        return 0;
    ret = speadi_region_arena_read(&stream->arena, stream->config.heap_arena, err);
    stream->config.heap_arena = &stream->arena;
    return ret;
}

int speadi_recv_stream_create_on(struct spead_recv_stream **out,
                                 const struct spead_recv_stream_config *config,
                                 const struct speadi_rx_engine_ops *ops, void *engine,
                                 const char *reason, const struct speadi_rx_facts *facts,
                                 struct spead_err *err)
{
    struct spead_recv_stream *stream = speadi_alloc_lines(sizeof *stream);
    int ret;

    if (!stream) {
        ops->close(engine);
        free(engine);
        return no_memory(err);
    }
    memset(stream, 0, sizeof *stream);
    stream->config = *config;
    stream->ops = ops;
    stream->facts = *facts;
    stream->engine = engine;
    stream->clock = speadi_clock_mono_ns;
    stream->source_count = config->endpoint_count + config->link_count;
    stream->packet_bytes_max = config->packet_bytes_max;
    if (facts->packet_bytes_max > 0 && facts->packet_bytes_max < stream->packet_bytes_max)
        stream->packet_bytes_max = facts->packet_bytes_max;
    snprintf(stream->engine_reason, sizeof stream->engine_reason, "%s", reason);
    atomic_init(&stream->is_armed, !config->explicit_start);
    pthread_mutex_init(&stream->start_lock, NULL);
    init_layout(stream);

    ret = speadi_recv_config_check_engine(config, ops, err);
    if (ret == 0)
        ret = copy_arena(stream, err);
    if (ret == 0) {
        stream->limit = speadi_memory_limit_find(&stream->config);
        stream->config.memory_bytes_max = stream->limit.bytes;
        if (stream->config.chunks)
            ret = speadi_recv_make_chunks(stream, err);
    }
    if (ret == 0)
        ret = speadi_recv_make_memory(stream, err);
    if (ret == 0)
        ret = speadi_recv_choose_copy(stream, err);
    if (ret < 0)
        goto err_destroy;
    ret = make_tables(stream);
    if (ret == 0)
        set_start_point(stream);
    if (ret == 0)
        ret = name_sources(stream);
    if (ret < 0) {
        no_memory(err);
        goto err_destroy;
    }
    ret = make_outlet(stream, err);
    if (ret < 0)
        goto err_destroy;
    speadi_recv_start_populating(stream);
    speadi_recv_look_at_port(stream);
    make_plan(stream);
    warn_of_memory(stream);
    say_window(stream);
    warm_up(stream);
    speadi_coalesce_init(&stream->coalesce,
                         !(ops->caps & SPEADI_RX_CAP_LOSSLESS) && !facts->busy ? config->coalesce_ns
                                                                               : 0,
                         facts->buffer_bytes + facts->posted_bytes);
    if (speadi_recv_arena(stream) && speadi_recv_arena(stream)->ended)
        speadi_pool_at_end(speadi_recv_memory_pool(stream), speadi_recv_arena(stream)->ended,
                           speadi_recv_arena(stream)->arg);
    *out = stream;
    return 0;

err_destroy:
    spead_recv_stream_destroy(stream);
    return ret;
}

int spead_recv_stream_create(struct spead_recv_stream **out,
                             const struct spead_recv_stream_config *config, struct spead_err *err)
{
    struct spead_recv_stream_config full;
    const struct speadi_rx_engine_ops *ops;
    void *engine;
    char reason[SPEADI_ENGINE_REASON_MAX];
    struct speadi_rx_facts facts;
    int ret = speadi_recv_config_read(&full, config, err);

    if (ret == 0)
        ret = speadi_recv_config_open_engine(&full, &ops, &engine, reason, &facts, err);
    if (ret < 0)
        return ret;
    return speadi_recv_stream_create_on(out, &full, ops, engine, reason, &facts, err);
}

/* ---- Unmaking ------------------------------------------------------------------------------ */

/* Releases the heaps that were never put into the channel. Only the stream has a reference to them. */
static void release_heaps(struct spead_recv_stream *stream)
{
    struct speadi_live_heap *live;

    while ((live = stream->table.oldest) != NULL) {
        speadi_heap_table_remove(&stream->table, live);
        speadi_recv_release_region(stream, live->heap.region);
    }
    while ((live = speadi_leaving_heaps_pop(&stream->leaving)) != NULL)
        speadi_recv_release_region(stream, live->heap.region);
    while (stream->outlet.pending_count > 0) {
        const struct spead_message *last = &stream->outlet.pending[--stream->outlet.pending_count];

        speadi_block_release(stream->chunks ? speadi_recv_chunk(last)->block
                                            : speadi_outlet_heap(last)->region);
    }
}

void spead_recv_stream_destroy(struct spead_recv_stream *stream)
{
    if (!stream)
        return;
    /* Close the engine before the heaps are released, because posted receives may still write into heaps until then. */
    stream->ops->close(stream->engine);
    free(stream->engine);
    release_heaps(stream);
    if (stream->outlet.pending)
        speadi_outlet_release(&stream->outlet);
    for (uint32_t i = 0; stream->source_name && i < stream->source_count; i++)
        free(stream->source_name[i]);
    free(stream->source_name);
    free(stream->custom);
    speadi_spare_release(&stream->spare);
    speadi_recv_tally_release(&stream->tally);
    speadi_sender_table_release(&stream->senders);
    speadi_gap_trackers_release(&stream->gaps);
    speadi_finished_release(&stream->finished);
    speadi_late_gaps_release(&stream->late_gaps);
    free(stream->sizes);
    speadi_heap_table_release(&stream->table);
    pthread_mutex_destroy(&stream->start_lock);
    if (stream->chunks)
        speadi_chunk_window_release(stream->chunks);
    free(stream->chunks);
    speadi_pool_unref(stream->pool); /* heaps that the consumer still holds keep the pool alive */
    free(stream);
}

/* ---- Any thread ---------------------------------------------------------------------------- */

void spead_recv_stream_plan(const struct spead_recv_stream *stream, struct spead_recv_plan *plan)
{
    (void)speadi_struct_write(plan, &stream->plan, sizeof stream->plan);
}

void spead_recv_stream_arm(struct spead_recv_stream *stream)
{
    atomic_store_explicit(&stream->is_armed, true, memory_order_release); /* ARM1 release */
}

int spead_recv_stream_start_at(struct spead_recv_stream *stream,
                               const struct spead_recv_start_point *point, struct spead_err *err)
{
    struct spead_recv_start_point own;
    int ret = speadi_recv_config_read_start(&own, point, err);

    if (ret < 0)
        return ret;
    pthread_mutex_lock(&stream->start_lock);
    stream->start_asked = own;
    /* relaxed: the lock protects the start point; the owner thread looks again in each poll */
    atomic_fetch_add_explicit(&stream->start_calls, 1, memory_order_relaxed);
    pthread_mutex_unlock(&stream->start_lock);
    return 0;
}

void spead_recv_stream_stop(struct spead_recv_stream *stream)
{
    atomic_fetch_add_explicit(&stream->stop_calls, 1, memory_order_release); /* STOP1 release */
    /* The owner thread may sleep in the engine, or it may wait for room in the channel. These two calls wake it in
     * either case. Each of them only writes to an eventfd, so a signal handler may call stop(). */
    stream->ops->wake(stream->engine);
    speadi_wake_fd_signal(&stream->outlet.stop_wake);
}

void spead_recv_stream_stats(const struct spead_recv_stream *stream, struct spead_recv_stats *stats)
{
    struct spead_recv_stats full = SPEAD_RECV_STATS_INIT;

    speadi_recv_tally_stats(&stream->tally, speadi_outlet_high_water(&stream->outlet), &full, NULL);
    speadi_recv_read_port(stream, &full.counters);
    (void)speadi_struct_write(stats, &full, sizeof full);
}

int spead_recv_stream_source_stats(const struct spead_recv_stream *stream, uint32_t source,
                                   struct spead_recv_ledger *ledger, const char **name)
{
    if (source >= stream->source_count)
        return -ERANGE;
    if (ledger)
        speadi_recv_tally_source(&stream->tally, source, ledger);
    if (name)
        *name = stream->source_name[source];
    return 0;
}

int spead_recv_stream_source_interface(const struct spead_recv_stream *stream, uint32_t source,
                                       const char **interface)
{
    if (source >= stream->source_count)
        return -ERANGE;
    *interface = stream->facts.interface[source];
    return 0;
}

/* ---- After the end ------------------------------------------------------------------------- */

void spead_recv_stream_end(const struct spead_recv_stream *stream, struct spead_recv_end *end)
{
    const struct spead_recv_end full = {
        .cause = stream->end_cause,
        .has_stop = stream->stop_items > 0,
        .stop_source = stream->last_stop.endpoint,
        .stop_sender = stream->last_stop.address,
        .stop_counter = stream->last_stop.counter,
    };

    (void)speadi_struct_write(end, &full, sizeof full);
}

/* ---- The consumer -------------------------------------------------------------------------- */

struct spead_channel *spead_recv_stream_channel(const struct spead_recv_stream *stream)
{
    return stream->outlet.channel;
}

void spead_recv_stream_fill_edge(struct spead_recv_stream *stream,
                                 struct spead_channel_config *config)
{
    const struct spead_channel_config own =
        speadi_outlet_channel_config(&stream->config, speadi_recv_on_shed, stream);

    (void)speadi_struct_write(config, &own, sizeof own);
}

int spead_recv_stream_take(struct spead_recv_stream *stream, struct spead_heap **heap,
                           uint64_t deadline_ns)
{
    int ret;

    if (speadi_deadline_is_duration(deadline_ns) || stream->chunks)
        return -EINVAL;
    ret = speadi_outlet_take(&stream->outlet, heap, 1, true, deadline_ns);
    return ret < 0 ? ret : 0;
}

int spead_recv_stream_try_take(struct spead_recv_stream *stream, struct spead_heap **heap)
{
    int ret = stream->chunks ? -EINVAL : speadi_outlet_take(&stream->outlet, heap, 1, false, 0);

    return ret < 0 ? ret : 0;
}

int spead_recv_stream_take_many(struct spead_recv_stream *stream, struct spead_heap **heaps,
                                uint32_t max, uint64_t deadline_ns)
{
    if (speadi_deadline_is_duration(deadline_ns) || stream->chunks)
        return -EINVAL;
    return speadi_outlet_take(&stream->outlet, heaps, max, true, deadline_ns);
}

int spead_recv_stream_fd(struct spead_recv_stream *stream)
{
    return speadi_outlet_fd(&stream->outlet);
}
