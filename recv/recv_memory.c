/* Which memory heaps lie in, and whether payload can be placed there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>

#include "recv_config.h"
#include "recv_stream.h"

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
    };

    return speadi_pool_create(&s->pool, &pool, err);
}

static int make_placed(struct spead_recv_stream *s, struct spead_err *err)
{
    struct spead_region_info memory;
    int ret = make_pool(s, err);

    if (ret < 0 || s->ops->attach == NULL)
        return ret;
    speadi_pool_memory(s->pool, &memory);
    ret = s->ops->attach(s->engine, &memory, err);
    if (ret < 0) {
        speadi_pool_unref(s->pool);
        s->pool = NULL;
    }
    return ret;
}

static void say_bounced(struct spead_recv_stream *s, const char *why)
{
    size_t used = strlen(s->engine_reason);

    snprintf(s->engine_reason + used, sizeof s->engine_reason - used, "; bounced, not placed: %s",
             why);
}

int speadi_recv_make_memory(struct spead_recv_stream *s, struct spead_err *err)
{
    struct spead_err why = {0};
    int ret;

    s->leaving_max = speadi_recv_config_leaving_max(&s->config, s->ops, s->source_count);
    if (s->leaving_max == 0)
        return make_pool(s, err);
    if (s->config.receive_path == SPEAD_PATH_PLACED)
        return make_placed(s, err);
    ret = make_placed(s, &why);
    if (ret == 0)
        return 0;
    /* auto: what cannot be placed is bounced, if there is memory enough for that. */
    say_bounced(s, why.text);
    s->leaving_max = 0;
    return make_pool(s, err);
}
