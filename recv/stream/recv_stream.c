/* Makes and unmakes receive streams, and answers the threads that do not own them. */
#include "recv_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

#include "recv_config.h"

enum { WARM_REGIONS = 4, WARM_BYTES = 4 << 20 };

/* ---- Making -------------------------------------------------------------------------------- */

static void init_layout(struct spead_recv_stream *s)
{
    s->layout = (struct speadi_live_heap_layout){
        .heap_bytes_max = s->config.heap_bytes_max,
        .pointers_max = s->config.pointers_max,
        .ranges_max = s->config.allow_out_of_order ? s->config.ranges_max : 1,
        .source_count = s->source_count,
        .in_order = !s->config.allow_out_of_order,
    };
    speadi_live_heap_layout_init(&s->layout);
}

static int make_tables(struct spead_recv_stream *s)
{
    const struct spead_recv_stream_config *c = &s->config;

    if (speadi_heap_table_init(&s->table, c->substream_count, c->live_heaps_max) < 0 ||
        speadi_finished_init(&s->finished, c->substream_count, c->finished_heaps_max) < 0 ||
        speadi_recv_ledger_init(&s->ledger, s->source_count) < 0 ||
        speadi_spare_init(&s->spare, s->spare_count, (uint32_t)s->packet_bytes_max) < 0)
        return -ENOMEM;
    speadi_gap_tracker_init(&s->gaps, c->heap_counter_step);
    return 0;
}

static int name_sources(struct spead_recv_stream *s)
{
    s->source_name = calloc(s->source_count, sizeof *s->source_name);
    if (s->source_name == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < s->source_count; i++) {
        if (s->config.endpoint_count > 0)
            s->source_name[i] = strdup(s->config.endpoints[i]);
        else if (asprintf(&s->source_name[i], "mem:%u", i) < 0)
            s->source_name[i] = NULL;
        if (s->source_name[i] == NULL)
            return -ENOMEM;
    }
    return 0;
}

/* Each region holds at most one heap: so many can be finished at once. */
static int make_outlet(struct spead_recv_stream *s, struct spead_err *err)
{
    const struct spead_channel_config channel = spead_recv_stream_edge_config(s);
    struct speadi_pool_stats pool;

    speadi_pool_stats(s->pool, &pool);
    return speadi_outlet_init(&s->outlet, &s->config, &channel, (uint32_t)pool.regions, err);
}

static void make_plan(struct spead_recv_stream *s)
{
    const struct spead_channel_config channel = spead_recv_stream_edge_config(s);
    const struct spead_recv_stream_config *c = &s->config;
    struct speadi_pool_stats pool;
    struct speadi_rx_counters engine;

    speadi_pool_stats(s->pool, &pool);
    s->ops->counters(s->engine, &engine);
    s->plan = (struct spead_recv_plan){
        .struct_size = sizeof s->plan,
        .engine = s->ops->about.name,
        .engine_reason = s->engine_reason,
        .region_count = pool.regions,
        .region_bytes = (c->heap_bytes_max + 4095) / 4096 * 4096,
        .memory_bytes = pool.memory_bytes_max,
        .table_bytes = sizeof *s + pool.table_bytes + speadi_outlet_bytes(&s->outlet, &channel) +
                       speadi_heap_table_bytes(&s->table) + speadi_finished_bytes(&s->finished) +
                       speadi_recv_ledger_bytes(&s->ledger) + speadi_spare_bytes(&s->spare) +
                       s->ops->state_size + engine.memory_bytes,
        .socket_buffer_bytes = s->facts.buffer_bytes,
    };
}

static int no_memory(struct spead_err *err)
{
    return speadi_err_set(err, -ENOMEM,
                          "not enough memory for the stream's tables: lower the numbers of heaps, "
                          "pointers or ranges");
}

/* A sender may begin at its full rate, and page faults of the first heaps cost more milliseconds than a
 * socket buffer holds: a few regions are faulted in before the first packet. Where the source can wait,
 * or --memory is too small, nothing needs to be. */
static void warm_up(struct spead_recv_stream *s)
{
    struct speadi_region *region[WARM_REGIONS];
    size_t bytes = s->config.heap_bytes_max < WARM_BYTES ? s->config.heap_bytes_max : WARM_BYTES;
    unsigned count = 0;

    if ((s->ops->caps & SPEADI_RX_CAP_LOSSLESS) != 0)
        return;
    while (count < WARM_REGIONS && (region[count] = speadi_pool_take(s->pool)) != NULL)
        (void)speadi_region_populate(region[count++], bytes); /* a refusal leaves it as it was */
    while (count > 0)
        speadi_region_release(region[--count]);
}

int speadi_recv_stream_create_on(struct spead_recv_stream **out,
                                 const struct spead_recv_stream_config *config,
                                 const struct speadi_rx_engine_ops *ops, void *engine,
                                 const char *reason, const struct speadi_rx_facts *facts,
                                 struct spead_err *err)
{
    struct spead_recv_stream *s = aligned_alloc(64, sizeof *s);
    int ret;

    if (s == NULL) {
        ops->close(engine);
        free(engine);
        return no_memory(err);
    }
    memset(s, 0, sizeof *s);
    s->config = *config;
    s->ops = ops;
    s->facts = *facts;
    s->engine = engine;
    s->source_count = config->endpoint_count + config->link_count;
    s->packet_bytes_max = config->packet_bytes_max;
    if (facts->packet_bytes_max > 0 && facts->packet_bytes_max < s->packet_bytes_max)
        s->packet_bytes_max = facts->packet_bytes_max;
    snprintf(s->engine_reason, sizeof s->engine_reason, "%s", reason);
    atomic_init(&s->is_armed, !config->explicit_start);
    init_layout(s);

    ret = speadi_recv_config_check_engine(config, ops, err);
    if (ret == 0)
        ret = speadi_recv_make_memory(s, err);
    if (ret < 0)
        goto err_destroy;
    ret = make_tables(s);
    if (ret == 0)
        ret = name_sources(s);
    if (ret < 0) {
        no_memory(err);
        goto err_destroy;
    }
    ret = make_outlet(s, err);
    if (ret < 0)
        goto err_destroy;
    make_plan(s);
    warm_up(s);
    speadi_gather_init(
        &s->gather, !(ops->caps & SPEADI_RX_CAP_LOSSLESS) && !facts->busy ? config->gather_ns : 0,
        s->facts.buffer_bytes);
    if (config->heap_arena != NULL && config->heap_arena->ended != NULL)
        speadi_pool_at_end(s->pool, config->heap_arena->ended, config->heap_arena->arg);
    *out = s;
    return 0;

err_destroy:
    spead_recv_stream_destroy(s);
    return ret;
}

int spead_recv_stream_create(struct spead_recv_stream **out,
                             const struct spead_recv_stream_config *config, struct spead_err *err)
{
    struct spead_recv_stream_config full;
    const struct speadi_rx_engine_ops *ops;
    void *engine;
    char reason[256];
    struct speadi_rx_facts facts;
    int ret = speadi_recv_config_read(&full, config, err);

    if (ret == 0)
        ret = speadi_recv_config_open_engine(&full, &ops, &engine, reason, &facts, err);
    if (ret < 0)
        return ret;
    return speadi_recv_stream_create_on(out, &full, ops, engine, reason, &facts, err);
}

/* ---- Unmaking ------------------------------------------------------------------------------ */

/* Heaps that never reached the channel: nobody but the stream knows them. */
static void release_heaps(struct spead_recv_stream *s)
{
    while (s->table.oldest != NULL) {
        struct speadi_live_heap *live = s->table.oldest;

        speadi_heap_table_remove(&s->table, live);
        speadi_region_release(live->heap.region);
    }
    while (s->leaving != NULL) {
        struct speadi_live_heap *live = s->leaving;

        s->leaving = live->older;
        speadi_region_release(live->heap.region);
    }
    while (s->outlet.pending_count > 0) {
        const struct spead_message *last = &s->outlet.pending[--s->outlet.pending_count];

        speadi_region_release(speadi_outlet_heap(last)->region);
    }
}

void spead_recv_stream_destroy(struct spead_recv_stream *s)
{
    if (s == NULL)
        return;
    /* The engine first: until it is closed, posted receives may point into heaps. */
    s->ops->close(s->engine);
    free(s->engine);
    release_heaps(s);
    if (s->outlet.pending != NULL)
        speadi_outlet_release(&s->outlet);
    for (uint32_t i = 0; s->source_name != NULL && i < s->source_count; i++)
        free(s->source_name[i]);
    free(s->source_name);
    speadi_spare_release(&s->spare);
    speadi_recv_ledger_release(&s->ledger);
    speadi_finished_release(&s->finished);
    speadi_heap_table_release(&s->table);
    speadi_pool_unref(s->pool); /* heaps that the consumer still holds keep it alive */
    free(s);
}

/* ---- Any thread ---------------------------------------------------------------------------- */

void spead_recv_stream_plan(const struct spead_recv_stream *s, struct spead_recv_plan *plan)
{
    uint32_t size = plan->struct_size < sizeof s->plan ? plan->struct_size : sizeof s->plan;

    memcpy(plan, &s->plan, size);
    plan->struct_size = size;
}

void spead_recv_stream_arm(struct spead_recv_stream *s)
{
    atomic_store_explicit(&s->is_armed, true, memory_order_release); /* A2: pairs with A1 */
}

void spead_recv_stream_stop(struct spead_recv_stream *s)
{
    atomic_fetch_add_explicit(&s->stop_calls, 1, memory_order_release); /* S2: pairs with S1 */
    /* The owner sleeps in the engine, or waits for room. Both only write to an eventfd. */
    s->ops->wake(s->engine);
    speadi_wakeup_ring(&s->outlet.stop_bell);
}

void spead_recv_stream_stats(const struct spead_recv_stream *s, struct spead_recv_stats *stats)
{
    speadi_recv_ledger_stats(&s->ledger, speadi_outlet_high_water(&s->outlet), stats);
}

int spead_recv_stream_source_stats(const struct spead_recv_stream *s, uint32_t source,
                                   struct spead_recv_ledger *ledger, const char **name)
{
    if (source >= s->source_count)
        return -ERANGE;
    if (ledger != NULL)
        speadi_recv_ledger_source(&s->ledger, source, ledger);
    if (name != NULL)
        *name = s->source_name[source];
    return 0;
}

/* ---- The consumer -------------------------------------------------------------------------- */

struct spead_channel *spead_recv_stream_channel(const struct spead_recv_stream *s)
{
    return s->outlet.channel;
}

struct spead_channel_config spead_recv_stream_edge_config(struct spead_recv_stream *s)
{
    return speadi_outlet_channel_config(&s->config, speadi_recv_on_shed, s);
}

int spead_recv_stream_take(struct spead_recv_stream *s, struct spead_heap **heap,
                           uint64_t deadline_ns)
{
    int ret = speadi_outlet_take(&s->outlet, heap, 1, true, deadline_ns);

    return ret < 0 ? ret : 0;
}

int spead_recv_stream_try_take(struct spead_recv_stream *s, struct spead_heap **heap)
{
    int ret = speadi_outlet_take(&s->outlet, heap, 1, false, 0);

    return ret < 0 ? ret : 0;
}

int spead_recv_stream_take_many(struct spead_recv_stream *s, struct spead_heap **heaps,
                                uint32_t max, uint64_t deadline_ns)
{
    return speadi_outlet_take(&s->outlet, heaps, max, true, deadline_ns);
}

int spead_recv_stream_fd(struct spead_recv_stream *s)
{
    return speadi_outlet_fd(&s->outlet);
}
