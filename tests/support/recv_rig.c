/* SPDX-License-Identifier: Apache-2.0 */
#include "recv_rig.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadi/clock.h>
#include <speadi/heap_view.h>

#include "recv_config.h"

static void need(bool true_, const char *what)
{
    if (true_)
        return;
    fprintf(stderr, "recv_rig: %s\n", what);
    abort();
}

void recv_rig_init(struct recv_rig *rig)
{
    *rig = (struct recv_rig){
        .config = SPEAD_RECV_STREAM_CONFIG_INIT, .sources = 1, .ops = &script_engine_ops};
    rig->config.heap_bytes_max = 1u << 20;
    rig->config.stop_drain_ns = 20000000;
    rig->engine = script_engine_new();
}

/* Each look at the clock takes ten microseconds of its time, and nothing else takes any: a machine that does not run the
 * test for a while ends no time limit of the stream. */
#define LOOK_NS 10000u

static _Atomic uint64_t clock_ns;

static uint64_t rig_clock(void)
{
    return atomic_fetch_add(&clock_ns, LOOK_NS) + LOOK_NS;
}

void recv_rig_open(struct recv_rig *rig)
{
    static const char *endpoints[SPEADI_RX_SOURCES_MAX];
    struct spead_recv_stream_config full;
    struct spead_err err = {0};

    for (uint32_t i = 0; i < SPEADI_RX_SOURCES_MAX; i++)
        endpoints[i] = "scripted";
    rig->config.endpoints = endpoints;
    rig->config.endpoint_count = rig->sources;
    if (speadi_recv_config_read(&full, &rig->config, &err) < 0 ||
        speadi_recv_stream_create_on(&rig->stream, &full, rig->ops, rig->engine, "a test",
                                     &rig->facts, &err) < 0)
        need(false, err.text);
    clock_ns = speadi_clock_mono_ns();
    rig->stream->clock = rig_clock;
}

void recv_rig_close(struct recv_rig *rig)
{
    spead_recv_stream_destroy(rig->stream);
    rig->stream = NULL;
}

struct script_packet *recv_rig_push(struct recv_rig *rig)
{
    return script_engine_push(rig->engine, rig->packet.bytes, rig->packet.length);
}

struct script_packet *recv_rig_data(struct recv_rig *rig, uint64_t counter, uint64_t heap_length,
                                    uint64_t offset, size_t bytes)
{
    test_packet_data(&rig->packet, 40, counter, heap_length, offset, NULL, bytes);
    return recv_rig_push(rig);
}

struct script_packet *recv_rig_control(struct recv_rig *rig, uint64_t counter, uint64_t value)
{
    test_packet_specials(&rig->packet, 40, counter, 1, 0, 1);
    test_packet_immediate(&rig->packet, SPEAD_ID_STREAM_CONTROL, value);
    test_packet_addressed(&rig->packet, SPEAD_ID_NULL, 0);
    test_packet_payload(&rig->packet, "", 1);
    return recv_rig_push(rig);
}

static void check_ledger(struct recv_rig *rig)
{
    const struct spead_recv_ledger *total = &rig->stats.total;
    struct spead_count sum = {0, 0};

    rig->stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    spead_recv_stream_stats(rig->stream, &rig->stats);
    for (unsigned i = 0; i < rig->stats.bucket_count; i++) {
        sum.packets += total->bucket[i].packets;
        sum.bytes += total->bucket[i].bytes;
    }
    need(sum.packets == total->seen.packets && sum.bytes == total->seen.bytes,
         "the ledger does not add up");
}

int recv_rig_poll(struct recv_rig *rig)
{
    int ret = spead_recv_stream_poll(rig->stream);

    check_ledger(rig);
    return ret;
}

int recv_rig_run(struct recv_rig *rig)
{
    int ret;

    for (unsigned idle = 0; idle < 2;) {
        ret = recv_rig_poll(rig);
        if (ret < 0)
            return ret;
        idle = ret == 0 ? idle + 1 : 0;
    }
    return 0;
}

void recv_rig_stop(struct recv_rig *rig)
{
    spead_recv_stream_stop(rig->stream);
    while (recv_rig_poll(rig) >= 0)
        ;
}

struct spead_heap *recv_rig_take(struct recv_rig *rig)
{
    struct spead_heap *heap;

    return spead_recv_stream_try_take(rig->stream, &heap) == 0 ? heap : NULL;
}

uint64_t recv_rig_packets(const struct recv_rig *rig, enum spead_recv_bucket bucket)
{
    return rig->stats.total.bucket[bucket].packets;
}

bool recv_rig_heap_is_right(const struct spead_heap *heap)
{
    return recv_rig_payload_is_right(heap, spead_heap_payload(heap));
}

bool recv_rig_payload_is_right(const struct spead_heap *heap, const uint8_t *payload)
{
    uint32_t span = 0;

    for (uint64_t i = 0; i < spead_heap_length(heap); i++) {
        bool arrived;

        while (span < heap->span_count && heap->spans[span].end <= i)
            span++;
        arrived = span < heap->span_count && heap->spans[span].start <= i;
        if (payload[i] != (arrived ? test_packet_byte(heap->counter, i) : 0)) {
            fprintf(stderr, "heap %llu: byte %llu is wrong\n", (unsigned long long)heap->counter,
                    (unsigned long long)i);
            return false;
        }
    }
    return true;
}

const char *recv_rig_buckets(const struct recv_rig *rig)
{
    static char text[1024];
    size_t used = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < rig->stats.bucket_count; i++)
        if (rig->stats.total.bucket[i].packets > 0)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %llu",
                                     used > 0 ? ", " : "", spead_recv_bucket_name(i),
                                     (unsigned long long)rig->stats.total.bucket[i].packets);
    return text;
}
