/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the configuration of a receive stream. See recv_config.h. */
#include "recv_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/endpoint.h>
#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/packet.h>
#include <speadi/page_size.h>
#include <speadi/pool.h>
#include <speadi/snapshot.h>
#include <speadi/struct_size.h>

#include "chunk_config.h"
#include "sender_table.h"
#include "start_point.h"

#define HEAPS_MAX      (1u << 20) /* most live heaps of all substreams and endpoints together */
#define HEAP_BYTES_MAX (1ull << 40)
#define TABLE_MAX      (1u << 20) /* most item pointers, most ranges, most places in the channel */
#define ASIDE_MAX      8u

struct range_check {
    const char *field;
    uint64_t value, least, most;
};

static int check_ranges(const struct spead_recv_stream_config *c, struct spead_err *err)
{
    const uint32_t endpoints = speadi_recv_config_endpoints(c);
    const uint32_t rings = speadi_min_u32(c->substream_count, HEAPS_MAX / endpoints) * endpoints;
    const struct range_check checks[] = {
        {"packet_bytes_max", c->packet_bytes_max, SPEADI_HEADER_BYTES, SPEADI_UDP_BYTES_MAX},
        {"substream_count", c->substream_count, 1, HEAPS_MAX / endpoints},
        {"live_heaps_max", c->live_heaps_max, 1, HEAPS_MAX / rings},
        {"finished_heaps_max", c->finished_heaps_max, 1, 4 * HEAPS_MAX / rings},
        {"heap_bytes_max", c->heap_bytes_max, 1, HEAP_BYTES_MAX},
        {"pointers_max", c->pointers_max, 1, TABLE_MAX},
        {"ranges_max", c->ranges_max, 1, TABLE_MAX},
        {"hand_over_heaps", c->hand_over_heaps, 0, TABLE_MAX},
        {"held_heaps", c->held_heaps, 0, TABLE_MAX},
        {"on_full", c->on_full, SPEAD_ON_FULL_BLOCK, SPEAD_ON_FULL_DROP_OLDEST},
        {"receive_path", c->receive_path, SPEAD_PATH_AUTO, SPEAD_PATH_BOUNCE},
        {"placed_window", c->placed_window, 1, SPEADI_RX_RESERVE_MAX},
        {"sender_key", c->sender_key, SPEAD_SENDER_KEY_PORT, SPEAD_SENDER_KEY_NONE},
        {"populate", c->populate, SPEAD_POPULATE_AHEAD, SPEAD_POPULATE_OFF},
        {"copy", c->copy, SPEAD_COPY_AUTO, SPEAD_COPY_STREAMING},
        {"senders_max", c->senders_max, 1, SPEADI_SENDERS_MAX},
        {"stop_count", c->stop_count, 0, SPEADI_SENDERS_MAX},
    };

    if (c->on_full == SPEAD_ON_FULL_SAMPLE)
        return speadi_err_field(err, -EINVAL, "on_full",
                                " %d: must be block (%d), drop-newest (%d) or drop-oldest (%d); "
                                "only a channel can sample",
                                SPEAD_ON_FULL_SAMPLE, SPEAD_ON_FULL_BLOCK,
                                SPEAD_ON_FULL_DROP_NEWEST, SPEAD_ON_FULL_DROP_OLDEST);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (checks[i].value < checks[i].least || checks[i].value > checks[i].most)
            return speadi_err_range(err, checks[i].field, checks[i].value, checks[i].least,
                                    checks[i].most);
    return 0;
}

static int check_placement(const struct spead_recv_stream_config *c, struct spead_err *err)
{
    struct spead_region_arena arena;
    int ret;

    if (!(c->placed_loss_max >= 0 && c->placed_loss_max <= 1))
        return speadi_err_range_real(err, "placed_loss_max", c->placed_loss_max, 0, 1);
    if (!c->heap_arena)
        return 0;
    ret = speadi_region_arena_read(&arena, c->heap_arena, err);
    return ret == 0 ? speadi_heap_memory_check(&arena, err) : ret;
}

static int check_sources(const struct spead_recv_stream_config *c, struct spead_err *err)
{
    if (c->endpoint_count > 0 && c->link_count > 0)
        return speadi_err_field(
            err, -EINVAL, "links",
            ": a stream reads either endpoints or links: leave one of them out");
    if (c->endpoint_count + c->link_count == 0)
        return speadi_err_field(err, -EINVAL, "endpoints",
                                ": no source: name at least one endpoint (\"HOST:PORT\") or link");
    if (c->endpoint_count > SPEADI_RX_SOURCES_MAX)
        return speadi_err_range(err, "endpoint_count", c->endpoint_count, 0, SPEADI_RX_SOURCES_MAX);
    if (c->link_count > SPEADI_RX_SOURCES_MAX)
        return speadi_err_range(err, "link_count", c->link_count, 0, SPEADI_RX_SOURCES_MAX);
    if (speadi_err_array(err, "endpoints", c->endpoints, c->endpoint_count) < 0 ||
        speadi_err_array(err, "links", c->links, c->link_count) < 0)
        return -EINVAL;
    if (c->sender && c->link_count > 0)
        return speadi_err_field(err, -EINVAL, "sender",
                                ": memory links have no senders to choose from; leave it NULL");
    return 0;
}

/* Refuses a memory_bytes_max that is too small for a single packet. With such a limit the stream would count every
 * packet as no-memory. */
static int check_memory(const struct spead_recv_stream_config *c, struct spead_err *err)
{
    uint64_t least =
        c->packet_bytes_max < c->heap_bytes_max ? c->packet_bytes_max : c->heap_bytes_max;

    least = speadi_round_up(least, speadi_pages_size()); /* memory is charged in whole pages */
    if (c->memory_bytes_max != 0 && c->memory_bytes_max < least)
        return speadi_err_add(
            err, speadi_err_range(err, "memory_bytes_max", c->memory_bytes_max, least, UINT64_MAX),
            ", which one packet may need");
    return 0;
}

int speadi_recv_config_read_start(struct spead_recv_start_point *point,
                                  const struct spead_recv_start_point *from, struct spead_err *err)
{
    static const struct spead_recv_start_point defaults = SPEAD_RECV_START_POINT_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "start point",
        .init = "SPEAD_RECV_START_POINT_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_recv_start_point, reserved),
    };
    int ret = speadi_struct_read(point, from, &kind, err);

    return ret == 0 ? speadi_start_point_check(point, err) : ret;
}

static int check_start(const struct spead_recv_stream_config *c, struct spead_err *err)
{
    struct spead_recv_start_point point;

    return c->start_point ? speadi_recv_config_read_start(&point, c->start_point, err) : 0;
}

/* Checks the chunks of a chunk stream, and sets what such a stream decides by itself. */
static int adopt_chunks(struct spead_recv_stream_config *c, struct spead_err *err)
{
    struct spead_chunk_config chunks;

    if (!c->chunks)
        return 0;
    if (speadi_chunk_config_read(&chunks, c->chunks, err) < 0)
        return -EINVAL;
    if (c->heap_arena)
        return speadi_err_field(err, -EINVAL, "heap_arena",
                                ": the payload of a chunk stream lies in chunks.arena");
    if (spead_chunk_message_type() < 0)
        return speadi_err_field(err, -EINVAL, "chunks",
                                ": the message type \"chunk\" cannot be registered");
    c->allow_unsized_heaps = false;
    c->deliver_incomplete = true;
    c->keep_holes = true; /* the chunk fills them */
    c->heap_bytes_max = speadi_min_u64(c->heap_bytes_max, chunks.chunk_bytes);
    c->hand_over_heaps = chunks.chunk_count;
    c->held_heaps = 0;
    c->populate = SPEAD_POPULATE_OFF;
    return 0;
}

int speadi_recv_config_read(struct spead_recv_stream_config *config,
                            const struct spead_recv_stream_config *from, struct spead_err *err)
{
    static const struct spead_recv_stream_config defaults = SPEAD_RECV_STREAM_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "receive stream",
        .init = "SPEAD_RECV_STREAM_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_recv_stream_config, engine),
    };

    if (speadi_struct_read(config, from, &kind, err) < 0)
        return -EINVAL;
    if (!config->engine)
        config->engine = "auto";
    if (config->substream_count == 0)
        return speadi_err_range(err, "substream_count", 0, 1, HEAPS_MAX);
    if (config->finished_heaps_max == 0)
        config->finished_heaps_max =
            config->live_heaps_max < HEAPS_MAX ? 4 * config->live_heaps_max : 4 * HEAPS_MAX;
    if (adopt_chunks(config, err) < 0 || check_sources(config, err) < 0 ||
        check_ranges(config, err) < 0 || check_memory(config, err) < 0 ||
        check_placement(config, err) < 0 || check_start(config, err) < 0)
        return -EINVAL;
    if (speadi_custom_counters_check(config->custom_counters, config->custom_counter_count,
                                     speadi_recv_statistic_rows, SPEADI_RECV_STATISTIC_ROWS,
                                     err) < 0)
        return -EINVAL;
    return 0;
}

int speadi_recv_config_check_engine(const struct spead_recv_stream_config *config,
                                    const struct speadi_rx_engine_ops *ops, struct spead_err *err)
{
    if (config->on_full == SPEAD_ON_FULL_BLOCK && !(ops->caps & SPEADI_RX_CAP_LOSSLESS))
        return speadi_err_field(err, -EINVAL, "on_full",
                                ": engine \"%s\" cannot make its sender wait, so the kernel would "
                                "drop packets unseen; use drop-newest or drop-oldest",
                                ops->about.name);
    if (config->receive_path == SPEAD_PATH_PLACED && !(ops->caps & SPEADI_RX_CAP_PLACED))
        return speadi_err_field(err, -ENOTSUP, "receive_path",
                                ": engine \"%s\" cannot place payload; use auto or bounce",
                                ops->about.name);
    return 0;
}

uint32_t speadi_recv_config_aside_count(const struct spead_recv_stream_config *config,
                                        const struct speadi_rx_engine_ops *ops,
                                        uint32_t source_count, uint32_t queues)
{
    if (config->receive_path == SPEAD_PATH_BOUNCE || !(ops->caps & SPEADI_RX_CAP_PLACED))
        return 0;
    /* where one heap ends and the next begins, a source may have reservations in both heaps, and so may a queue */
    if (queues > 1)
        return speadi_max_u32(speadi_min_u32(2 * queues, ASIDE_MAX), queues + 1);
    if (source_count < 2)
        return 2;
    return source_count < ASIDE_MAX ? source_count : ASIDE_MAX;
}

uint64_t speadi_recv_config_live_blocks(const struct spead_recv_stream_config *config)
{
    return (uint64_t)config->live_heaps_max * config->substream_count *
           speadi_recv_config_endpoints(config);
}

/* Returns true if the endpoints are texts that only the named engine understands. Else the endpoints are addresses. */
static bool has_texts(const struct spead_recv_stream_config *config)
{
    const struct speadi_rx_engine_ops *ops = speadi_rx_engine_find(config->engine);

    return config->link_count == 0 && ops && ops->about.endpoint == SPEAD_ENDPOINT_TEXT;
}

static int set_endpoints(const struct spead_recv_stream_config *config,
                         struct speadi_endpoints *endpoints, struct speadi_rx_config *rx,
                         struct spead_err *err)
{
    bool texts = has_texts(config);
    int ret =
        speadi_endpoints_parse(endpoints, config->endpoints, texts ? 0 : config->endpoint_count,
                               SPEADI_ADDRESS_RECEIVE, config->interface, err);

    if (ret == 0)
        ret = speadi_endpoints_check_apart(endpoints, config->endpoints, err);
    rx->interface = &endpoints->common;
    if (endpoints->differ)
        rx->interfaces = endpoints->interface;
    if (config->link_count > 0)
        rx->links = config->links;
    else if (texts)
        rx->texts = config->endpoints;
    else
        rx->addresses = endpoints->address;
    return ret;
}

/* Refuses a sender if its packets can never reach one of the endpoints, because the IP versions differ. The endpoint
 * "[::]" receives IPv4 packets, too. But if the user has named the interface by its address, "[::]" means only this
 * address. */
static int check_versions(const struct speadi_address *sender, const struct speadi_rx_config *rx,
                          struct spead_err *err)
{
    char endpoint[SPEADI_ADDRESS_TEXT_MAX], source[SPEADI_ADDRESS_TEXT_MAX];

    for (uint32_t i = 0; i < rx->count; i++) {
        const struct speadi_address *to = &rx->addresses[i];
        bool dual = to->any.sa_family == AF_INET6 && speadi_address_is_any(to) &&
                    speadi_rx_interface(rx, i)->local.length == 0;

        if (to->any.sa_family != sender->any.sa_family && !dual)
            return speadi_err_field(
                err, -EINVAL, "sender", " %s cannot send to %s: they are of different IP versions",
                speadi_address_format(sender, source), speadi_address_format(to, endpoint));
    }
    return 0;
}

static int parse_source(const struct spead_recv_stream_config *config,
                        struct speadi_address *sender, struct speadi_rx_config *rx,
                        struct spead_err *err)
{
    int ret;

    if (!config->sender)
        return 0;
    if (!rx->addresses)
        return speadi_err_field(err, -EINVAL, "sender",
                                ": what engine %s reads has no senders to choose from; do without "
                                "it",
                                config->engine);
    ret = speadi_address_parse(sender, config->sender, SPEADI_ADDRESS_SENDER, err);
    if (ret < 0)
        return speadi_err_blame(err, ret, "sender");
    rx->sender = sender;
    return check_versions(sender, rx, err);
}

int speadi_recv_config_open_engine(const struct spead_recv_stream_config *config,
                                   const struct speadi_rx_engine_ops **ops, void **engine,
                                   char reason[SPEADI_ENGINE_REASON_MAX],
                                   struct speadi_rx_facts *facts, struct spead_err *err)
{
    struct speadi_endpoints endpoints;
    struct speadi_address sender;
    struct speadi_rx_config rx = {
        .count = config->endpoint_count + config->link_count,
        .socket_buffer_bytes = config->socket_buffer_bytes,
        .packet_bytes_max = config->packet_bytes_max,
        .path = config->receive_path,
        .placed_window = config->placed_window,
        .plan_only = config->plan_only,
        .engine_options = config->engine_options,
        .log = &config->log,
    };
    int ret = set_endpoints(config, &endpoints, &rx, err);

    if (ret == 0)
        ret = parse_source(config, &sender, &rx, err);
    if (ret < 0)
        return ret;
    ret = speadi_rx_engine_open(ops, engine, config->engine, &rx, reason, facts, err);
    if (ret < 0 || !config->fault)
        return ret;
    ret = speadi_rx_engine_wrap_fault(ops, engine, config->fault, err);
    if (ret < 0) {
        (*ops)->close(*engine);
        free(*engine);
    }
    return ret;
}
