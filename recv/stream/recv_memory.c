/* Which memory heaps lie in, and whether payload can be placed there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>

#include "recv_config.h"
#include "recv_stream.h"

#define SPARE_BYTES (512u << 10) /* of spare buffers where a receive at a time is placed */
#define SPARES_MIN  8u

/* Room for what may be misplaced at once, and as much again for what must wait. */
static void plan_placement(struct spead_recv_stream *s, uint32_t stride)
{
    uint32_t count = SPARE_BYTES / stride, window = s->config.placed_window;
    bool ahead = s->ops->caps & SPEADI_RX_CAP_AHEAD;

    if (ahead)
        count = 2 * window;
    if (count < SPARES_MIN)
        count = SPARES_MIN;
    if (count > SPEADI_SPARES_MAX)
        count = SPEADI_SPARES_MAX;
    s->spare_count = count;
    s->placement.enabled = true;
    s->placement.outstanding_max = window < count / 2 ? window : count / 2;
    s->placement.ask_bytes_max = ahead ? UINT64_MAX : SPEADI_PLACEMENT_ASK_BYTES;
    s->placement.policy.loss_max = s->config.placed_loss_max;
}

static int make_pool(struct spead_recv_stream *s, struct spead_err *err)
{
    const struct spead_recv_stream_config *c = &s->config;
    uint64_t regions = (uint64_t)c->live_heaps_max * c->substream_count + c->ring_heaps +
                       c->held_heaps + s->leaving_max;
    struct speadi_pool_config pool = {
        .region_count = (uint32_t)regions,
        .region_bytes = c->heap_bytes_max,
        .meta_bytes = s->layout.meta_bytes,
        .memory_bytes_max = c->memory_bytes_max,
        .pinned = s->leaving_max > 0 && s->ops->caps & SPEADI_RX_CAP_PINS,
        .arena = c->heap_arena,
    };
    int ret;

    ret = speadi_pool_create(&s->pool, &pool, err);
    if (ret < 0)
        return ret;
    s->memory = (struct speadi_heap_memory){
        .ops = c->heap_arena != NULL ? c->heap_arena->ops : NULL,
        .log = &s->config.log,
    };
    s->memory.spare_offset = speadi_pool_memory(s->pool, &s->memory.all);
    return 0;
}

/* What was moved out of its place needs room in the same memory, if that is a device's. */
static int check_reach(const struct spead_recv_stream *s, uint32_t stride, struct spead_err *err)
{
    uint64_t need = s->memory.spare_offset + (uint64_t)s->spare_count * stride;
    struct speadi_pool_stats plan;

    if (!speadi_heap_memory_is_apart(&s->memory))
        return 0;
    if (!(s->ops->caps & SPEADI_RX_CAP_DEVICE))
        return speadi_err_set(err, -ENOTSUP,
                              "engine \"%s\" cannot place payload into memory that the CPU cannot "
                              "touch",
                              s->ops->about.name);
    speadi_pool_stats(s->pool, &plan);
    if (need > s->memory.all.bytes)
        return speadi_err_set(err, -EINVAL,
                              "heap_arena: %u heaps and %u spare buffers for placing into it need "
                              "%llu bytes, not %zu",
                              plan.regions, s->spare_count, (unsigned long long)need,
                              s->memory.all.bytes);
    return 0;
}

static int make_placed(struct spead_recv_stream *s, struct spead_err *err)
{
    uint32_t stride = speadi_spare_stride((uint32_t)s->packet_bytes_max);
    int ret = make_pool(s, err);

    if (ret < 0)
        return ret;
    plan_placement(s, stride);
    ret = check_reach(s, stride, err);
    if (ret == 0 && s->ops->attach != NULL)
        ret = s->ops->attach(s->engine, &s->memory.all, err);
    if (ret < 0) {
        speadi_pool_unref(s->pool);
        s->pool = NULL;
    }
    return ret;
}

static int make_bounced(struct spead_recv_stream *s, struct spead_err *err)
{
    s->leaving_max = 0;
    s->spare_count = 1;
    s->placement.enabled = false;
    return make_pool(s, err);
}

static void say_bounced(struct spead_recv_stream *s, const char *why)
{
    size_t used = strlen(s->engine_reason);

    snprintf(s->engine_reason + used, sizeof s->engine_reason - used,
             "; payload is bounced, not placed: %s", why);
    speadi_log(&s->config.log, SPEAD_LOG_INFO, "payload is bounced, not placed: %s", why);
}

int speadi_recv_make_memory(struct spead_recv_stream *s, struct spead_err *err)
{
    struct spead_err why = {0};

    s->leaving_max = speadi_recv_config_leaving_max(&s->config, s->ops, s->source_count);
    if (s->leaving_max == 0)
        return make_bounced(s, err);
    if (s->config.receive_path == SPEAD_PATH_PLACED)
        return make_placed(s, err);
    if (make_placed(s, &why) == 0)
        return 0;
    say_bounced(s, why.text); /* auto: if there is memory enough for that */
    return make_bounced(s, err);
}
