/* From a configuration to a stream on an open engine. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/send.h>

#include <speadi/address.h>
#include <speadi/err.h>
#include <speadi/packet.h>

#include "send_stream.h"

/* What an Ethernet link carries beside the SPEAD bytes of a packet: UDP 8, IPv4 20 or IPv6 40, Ethernet
 * header 14, FCS 4, preamble 8, gap 12. A memory link is paced as if it were IPv4. */
enum { OVERHEAD_V4 = 66, OVERHEAD_V6 = 86 };

/* Reads an older caller's configuration: what it does not know keeps its default. */
static int read_config(struct spead_send_stream_config *config,
                       const struct spead_send_stream_config *from, struct spead_err *err)
{
    *config = (struct spead_send_stream_config)SPEAD_SEND_STREAM_CONFIG_INIT;
    if (from->struct_size < offsetof(struct spead_send_stream_config, engine))
        return speadi_err_set(
            err, -EINVAL,
            "send stream: struct_size is %u; start from SPEAD_SEND_STREAM_CONFIG_INIT",
            from->struct_size);
    memcpy(config, from, from->struct_size < sizeof *config ? from->struct_size : sizeof *config);
    if (config->engine == NULL)
        config->engine = "auto";
    return 0;
}

static int check_destinations(const struct spead_send_stream_config *config, struct spead_err *err)
{
    uint32_t count = config->endpoint_count + config->link_count;

    if (config->endpoint_count != 0 && config->link_count != 0)
        return speadi_err_set(err, -EINVAL,
                              "send stream: give endpoints or memory links, not both");
    if (count == 0)
        return speadi_err_set(err, -EINVAL, "send stream: no destination given");
    if (count > SPEADI_TX_DESTINATIONS_MAX)
        return speadi_err_set(err, -EINVAL, "send stream: %u destinations; at most %u", count,
                              SPEADI_TX_DESTINATIONS_MAX);
    return 0;
}

static int check_sizes(const struct spead_send_stream_config *config, struct spead_err *err)
{
    if (config->packet_bytes_max < SPEADI_PACKET_BYTES_MIN ||
        config->packet_bytes_max > SPEADI_UDP_BYTES_MAX)
        return speadi_err_set(err, -EINVAL, "packet_bytes_max is %u; must be %u..%u",
                              config->packet_bytes_max, SPEADI_PACKET_BYTES_MIN,
                              SPEADI_UDP_BYTES_MAX);
    if (config->heaps_max == 0 || config->heaps_max > SPEADI_HEAPS_MAX)
        return speadi_err_set(err, -EINVAL, "heaps_max is %u; must be 1..%u", config->heaps_max,
                              SPEADI_HEAPS_MAX);
    if (config->multicast_ttl > 255)
        return speadi_err_set(err, -EINVAL, "multicast_ttl is %u; must be 0..255",
                              config->multicast_ttl);
    if (config->heap_counter_step == 0)
        return speadi_err_set(err, -EINVAL,
                              "heap_counter_step is 0: all heaps would have one counter");
    return 0;
}

static int check_rate(const struct spead_send_stream_config *config, struct spead_err *err)
{
    double rate = config->rate_bytes_per_s, ratio = config->burst_rate_ratio;

    if (!isfinite(rate) || rate < 0 || (rate > 0 && rate < 1))
        return speadi_err_set(err, -EINVAL,
                              "rate_bytes_per_s is %g; must be 0 (unlimited), or 1 or more", rate);
    if (!isfinite(ratio) || ratio < 1)
        return speadi_err_set(err, -EINVAL, "burst_rate_ratio is %g; must be 1 or more", ratio);
    if (config->burst_bytes == 0)
        return speadi_err_set(err, -EINVAL, "burst_bytes is 0; must be at least 1");
    if (config->rate_of != SPEAD_RATE_SPEAD && config->rate_of != SPEAD_RATE_WIRE)
        return speadi_err_set(err, -EINVAL, "rate_of is %d; must be SPEAD_RATE_SPEAD or _WIRE",
                              (int)config->rate_of);
    return 0;
}

/* The decorator holds copies of packets back. */
static int check_memory(const struct spead_send_stream_config *config, struct spead_err *err)
{
    if (config->memory_count != 0 && config->memory == NULL)
        return speadi_err_set(err, -EINVAL, "memory_count is %u, but memory is NULL",
                              config->memory_count);
    for (uint32_t i = 0; i < config->memory_count; i++)
        if (config->fault != NULL && config->memory[i].is_dma_buf)
            return speadi_err_set(err, -EINVAL,
                                  "fault: the decorator cannot copy from a device's memory");
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
                             struct speadi_address *addresses,
                             struct speadi_send_transport *transport, struct spead_err *err)
{
    const bool on_wire = config->rate_of == SPEAD_RATE_WIRE;

    transport->destination_count = config->endpoint_count + config->link_count;
    for (uint32_t i = 0; i < config->link_count; i++)
        transport->packet_overhead[i] = on_wire ? OVERHEAD_V4 : 0;
    for (uint32_t i = 0; i < config->endpoint_count; i++) {
        bool v6;
        int ret =
            speadi_address_parse(&addresses[i], config->endpoints[i], SPEADI_ADDRESS_SEND, err);

        if (ret < 0)
            return ret;
        v6 = addresses[i].any.sa_family == AF_INET6;
        transport->packet_overhead[i] = !on_wire ? 0 : v6 ? OVERHEAD_V6 : OVERHEAD_V4;
    }
    return 0;
}

/* A train of packets leaves at line rate, so none may be longer than the pacer's burst. */
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
    struct speadi_address addresses[SPEADI_TX_DESTINATIONS_MAX];
    struct speadi_interface interface;
    struct speadi_tx_config engine = {
        .addresses = config->link_count == 0 ? addresses : NULL,
        .links = config->link_count == 0 ? NULL : config->links,
        .count = config->endpoint_count + config->link_count,
        .interface = &interface,
        .socket_buffer_bytes = config->socket_buffer_bytes,
        .multicast_ttl = config->multicast_ttl,
        .packet_bytes_max = config->packet_bytes_max & ~7u,
        .train_bytes_max = train_bytes_max(config),
        .rate_bytes_per_s = config->rate_bytes_per_s,
        .rate_of = config->rate_of,
        .hardware_rate = config->hardware_rate,
        .hardware_tso = config->hardware_tso,
        .memory = config->memory,
        .memory_count = config->memory_count,
        .engine_options = config->engine_options,
        .log = log,
    };
    int ret = find_destinations(config, addresses, transport, err);

    if (ret == 0)
        ret = speadi_interface_find(&interface, config->interface_name, err);
    if (ret == 0)
        ret = speadi_tx_engine_open(&transport->ops, &transport->engine, config->engine, &engine,
                                    transport->reason, &transport->buffer_bytes, err);
    if (ret < 0 || config->fault == NULL)
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
