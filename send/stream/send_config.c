/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the configuration of a send stream and creates the stream with its engine. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/send.h>

#include <speadi/endpoint.h>
#include <speadi/err.h>
#include <speadi/frame_layout.h>
#include <speadi/packet.h>
#include <speadi/struct_size.h>

#include "send_stream.h"

/* More heaps need more live heaps at the receiver, and make trains hardly longer. */
#define MIX_HEAPS_MAX 64u

static int read_config(struct spead_send_stream_config *config,
                       const struct spead_send_stream_config *from, struct spead_err *err)
{
    static const struct spead_send_stream_config defaults = SPEAD_SEND_STREAM_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "send stream",
        .init = "SPEAD_SEND_STREAM_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_send_stream_config, engine),
    };
    int ret = speadi_struct_read(config, from, &kind, err);

    if (ret == 0 && !config->engine)
        config->engine = "auto";
    return ret;
}

static int check_destinations(const struct spead_send_stream_config *config, struct spead_err *err)
{
    uint32_t count = config->endpoint_count + config->link_count;

    if (config->endpoint_count != 0 && config->link_count != 0)
        return speadi_err_field(err, -EINVAL, "links",
                                ": give endpoints or memory links, not both");
    if (count == 0)
        return speadi_err_field(err, -EINVAL, "endpoints", ": no destination given");
    if (count > SPEADI_TX_DESTINATIONS_MAX)
        return speadi_err_range(err, config->link_count > 0 ? "link_count" : "endpoint_count",
                                count, 1, SPEADI_TX_DESTINATIONS_MAX);
    if (speadi_err_array(err, "endpoints", config->endpoints, config->endpoint_count) < 0)
        return -EINVAL;
    return speadi_err_array(err, "links", config->links, config->link_count);
}

static int check_payload(const struct spead_send_stream_config *config, struct spead_err *err)
{
    const uint32_t payload = config->packet_payload_bytes, unit = 8;
    const uint32_t most = config->packet_bytes_max / unit * unit - (SPEADI_PACKET_BYTES_MIN - unit);

    if (payload == 0)
        return 0;
    if (payload < unit || payload > most)
        return speadi_err_range(err, "packet_payload_bytes", payload, unit, most);
    if (payload % unit != 0)
        return speadi_err_field(err, -EINVAL, "packet_payload_bytes",
                                " %u: it must be a multiple of %u", payload, unit);
    return 0;
}

static int check_sizes(const struct spead_send_stream_config *config, struct spead_err *err)
{
    if (config->packet_bytes_max < SPEADI_PACKET_BYTES_MIN ||
        config->packet_bytes_max > SPEADI_UDP_BYTES_MAX)
        return speadi_err_range(err, "packet_bytes_max", config->packet_bytes_max,
                                SPEADI_PACKET_BYTES_MIN, SPEADI_UDP_BYTES_MAX);
    if (check_payload(config, err) < 0)
        return -EINVAL;
    if (config->mix_heaps > MIX_HEAPS_MAX)
        return speadi_err_range(err, "mix_heaps", config->mix_heaps, 0, MIX_HEAPS_MAX);
    if (config->heaps_max == 0 || config->heaps_max > SPEADI_HEAPS_MAX)
        return speadi_err_range(err, "heaps_max", config->heaps_max, 1, SPEADI_HEAPS_MAX);
    if (config->rate_of > SPEAD_RATE_WIRE)
        return speadi_err_range(err, "rate_of", config->rate_of, 0, SPEAD_RATE_WIRE);
    if (config->send_path > SPEAD_SEND_PATH_REFERENCE)
        return speadi_err_range(err, "send_path", config->send_path, 0, SPEAD_SEND_PATH_REFERENCE);
    if (config->multicast_ttl > 255)
        return speadi_err_range(err, "multicast_ttl", config->multicast_ttl, 0, 255);
    if (config->heap_counter_step == 0)
        return speadi_err_add(err, speadi_err_range(err, "heap_counter_step", 0, 1, UINT64_MAX),
                              ", or all heaps would have one counter");
    return 0;
}

static int check_rate(const struct spead_send_stream_config *config, struct spead_err *err)
{
    double rate = config->rate_bytes_per_s, ratio = config->burst_rate_ratio;

    if (!isfinite(rate) || rate < 0 || (rate > 0 && rate < 1))
        return speadi_err_add(err,
                              speadi_err_range_real(err, "rate_bytes_per_s", rate, 1, HUGE_VAL),
                              ", or 0 for unlimited");
    if (!isfinite(ratio) || ratio < 1)
        return speadi_err_range_real(err, "burst_rate_ratio", ratio, 1, HUGE_VAL);
    if (config->burst_bytes == 0)
        return speadi_err_range(err, "burst_bytes", 0, 1, UINT64_MAX);
    if (config->rate_of != SPEAD_RATE_SPEAD && config->rate_of != SPEAD_RATE_WIRE)
        return speadi_err_range(err, "rate_of", config->rate_of, SPEAD_RATE_SPEAD, SPEAD_RATE_WIRE);
    return 0;
}

/* Refuses the configuration if it has memory of a device, and an option with which the CPU copies packets: `fault`, or
 * SPEAD_SEND_PATH_GATHER. The CPU cannot copy from the memory of a device. */
static int check_memory(const struct spead_send_stream_config *config, struct spead_err *err)
{
    if (speadi_err_array(err, "memory", config->memory, config->memory_count) < 0)
        return -EINVAL;
    for (uint32_t i = 0; i < config->memory_count; i++) {
        if (config->fault && config->memory[i].is_dma_buf)
            return speadi_err_field(err, -EINVAL, "fault",
                                    ": the decorator cannot copy from a device's memory");
        if (config->send_path == SPEAD_SEND_PATH_GATHER && config->memory[i].is_dma_buf)
            return speadi_err_field(err, -EINVAL, "send_path",
                                    ": the CPU cannot gather packets from a device's memory");
    }
    return 0;
}

static int check_config(const struct spead_send_stream_config *config, struct spead_err *err)
{
    int ret = check_destinations(config, err);

    if (ret == 0)
        ret = check_sizes(config, err);
    if (ret == 0)
        ret = check_rate(config, err);
    if (ret == 0)
        ret = check_memory(config, err);
    return ret;
}

static int find_destinations(const struct spead_send_stream_config *config,
                             struct speadi_endpoints *endpoints,
                             struct speadi_send_transport *transport, struct spead_err *err)
{
    const bool on_wire = config->rate_of == SPEAD_RATE_WIRE;
    int ret = speadi_endpoints_parse(endpoints, config->endpoints, config->endpoint_count,
                                     SPEADI_ADDRESS_SEND, config->interface, err);

    transport->destination_count = config->endpoint_count + config->link_count;
    for (uint32_t i = 0; i < config->link_count; i++) {
        transport->packet_overhead[i] = on_wire ? SPEADI_WIRE_OVERHEAD_V4 : 0;
        strcpy(transport->name[i], "memory link");
    }
    for (uint32_t i = 0; ret == 0 && i < config->endpoint_count; i++) {
        bool v6 = endpoints->address[i].any.sa_family == AF_INET6;

        speadi_address_format(&endpoints->address[i], transport->name[i]);
        transport->packet_overhead[i] = !on_wire ? 0
                                        : v6     ? SPEADI_WIRE_OVERHEAD_V6
                                                 : SPEADI_WIRE_OVERHEAD_V4;
    }
    return ret;
}

/* Returns the largest size of a train. The packets of a train are sent at line rate, without pauses. So a train must
 * not be longer than a burst of the pacer. */
static uint32_t train_bytes_max(const struct spead_send_stream_config *config)
{
    if (config->rate_bytes_per_s <= 0)
        return UINT32_MAX;
    return config->burst_bytes > config->packet_bytes_max ? config->burst_bytes
                                                          : config->packet_bytes_max;
}

static int open_transport(struct speadi_send_transport *transport,
                          const struct spead_send_stream_config *config,
                          const struct spead_log *log, struct spead_err *err)
{
    struct speadi_endpoints endpoints;
    struct speadi_tx_config engine = {
        .addresses = config->link_count == 0 ? endpoints.address : NULL,
        .links = config->link_count == 0 ? NULL : config->links,
        .count = config->endpoint_count + config->link_count,
        .interface = &endpoints.common,
        .socket_buffer_bytes = config->socket_buffer_bytes,
        .multicast_ttl = config->multicast_ttl,
        .packet_bytes_max = config->packet_bytes_max & ~7u,
        .train_bytes_max = train_bytes_max(config),
        .rate_bytes_per_s = config->rate_bytes_per_s,
        .rate_of = config->rate_of,
        .hardware_rate = config->hardware_rate,
        .hardware_tso = config->hardware_tso,
        .send_path = config->send_path,
        .wants_trains = config->mix_heaps > 1,
        .memory = config->memory,
        .memory_count = config->memory_count,
        .engine_options = config->engine_options,
        .log = log,
    };
    int ret = find_destinations(config, &endpoints, transport, err);

    engine.interfaces = endpoints.differ ? endpoints.interface : NULL;
    if (ret == 0)
        ret = speadi_tx_engine_open(&transport->ops, &transport->engine, config->engine, &engine,
                                    transport->reason, &transport->facts, err);
    if (ret < 0 || !config->fault)
        return ret;
    ret = speadi_tx_engine_wrap_fault(&transport->ops, &transport->engine, config->fault, err);
    if (ret < 0) {
        transport->ops->close(transport->engine);
        free(transport->engine);
    }
    return ret;
}

int spead_send_stream_create(struct spead_send_stream **out,
                             const struct spead_send_stream_config *config, struct spead_err *err)
{
    struct speadi_send_transport transport = {0};
    struct spead_send_stream_config own;
    struct spead_send_stream *stream;
    int ret = read_config(&own, config, err);

    if (ret == 0)
        ret = check_config(&own, err);
    if (ret == 0)
        ret = speadi_send_stream_build(&stream, &own, err);
    if (ret < 0)
        return ret;
    ret = open_transport(&transport, &own, &stream->log, err);
    if (ret < 0) {
        speadi_send_stream_free(stream);
        return ret;
    }
    speadi_send_stream_attach(stream, &own, &transport);
    *out = stream;
    return 0;
}
