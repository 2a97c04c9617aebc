/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever packets come in whatever order, a receive stream counts each packet once, stays within its memory
 * plan, and hands over no byte that was not sent. Method: libFuzzer. The first bytes of the input choose the
 * configuration and the behaviour of the engine. Then come packets. Before each packet there are two bytes of length
 * and one byte of flags. The flags also choose the sender of the packet. The holes of a heap that is handed over must
 * be zero. Blocks are small and are used again, and no payload byte is 0. So the test notices when a hole still has a
 * byte of an earlier heap. Seeds: corpus/stream, see make_seeds.py. fuzz_senders.c knows who sent each byte. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/heap_view.h>
#include <speadi/page_size.h>

#include "recv_config.h"
#include "recv_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONFIG_BYTES 4u
#define PACKETS_MAX  512u

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void choose(struct recv_rig *rig, const uint8_t *data)
{
    struct spead_recv_stream_config *config = &rig->config;

    config->allow_out_of_order = data[0] & 1;
    config->deliver_incomplete = data[0] & 2;
    config->ignore_stop_item = data[0] & 4;
    config->allow_unsized_heaps = !(data[0] & 8);
    config->receive_path = data[0] & 16 ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE;
    config->heap_timeout_ns = data[0] & 32 ? 1 : 0;
    config->on_full = (enum spead_on_full)((data[0] >> 6) % 3);
    config->live_heaps_max = 1 + data[1] % 4;
    config->substream_count = 1 + (data[1] >> 2) % 3;
    config->hand_over_heaps = 1 + (data[1] >> 4) % 4;
    config->memory_bytes_max = data[1] & 128 ? 4 * speadi_pages_size() : 0;
    config->heap_bytes_max = 8192;
    config->packet_bytes_max = 1472;
    config->pointers_max = 16;
    config->ranges_max = 8;
    config->stop_drain_ns = 0;
    config->sender_key = (enum spead_sender_key)((data[3] >> 2) % 3);
    config->joint = data[3] & 32;
    config->senders_max = data[3] & 64 ? 2 : SPEAD_RECV_SENDERS_DEFAULT;
    rig->sources = 2;
    rig->engine->posts_ahead = data[2] & 1;
    rig->engine->poll_max = 1 + (data[2] >> 1) % 16;
    rig->engine->window = 1 + (data[2] >> 5);
    rig->engine->end = data[3] & 1 ? -ESHUTDOWN : 0;
}

/* No payload byte is 0, so a zero in a heap can only be a hole. */
static void fill_payload(uint8_t *packet, size_t length)
{
    size_t header = length >= 8 ? speadi_packet_header_bytes(packet) : length;

    for (size_t i = header; i < length; i++)
        packet[i] |= 1;
}

static void queue_packets(struct recv_rig *rig, const uint8_t *data, size_t size)
{
    for (unsigned n = 0; n < PACKETS_MAX && size >= 3; n++) {
        size_t length = (size_t)(data[0] << 8 | data[1]);
        uint8_t flags = data[2];
        struct script_packet *packet;

        data += 3;
        size -= 3;
        length = length < size ? length : size;
        packet = script_engine_push(rig->engine, data, length);
        fill_payload(packet->bytes, length);
        packet->source = flags & 1;
        packet->from = speadi_rx_from_v4(packet->source, (const uint8_t[]){192, 0, 2, flags >> 6},
                                         (uint16_t)(7000 + (flags >> 4 & 3)));
        packet->flags = (flags >> 1) & (SPEADI_RX_INJECTED_DROP | SPEADI_RX_TRUNCATED);
        packet->segments = packet->flags & SPEADI_RX_TRUNCATED ? 1 + (flags >> 6) : 1;
        if (flags & 8 && length > 1)
            packet->split = 1 + (uint32_t)(flags >> 4) * 4 % (uint32_t)(length - 1);
        data += length;
        size -= length;
    }
}

static void check_heap(const struct spead_heap *heap)
{
    const uint8_t *payload = spead_heap_payload(heap);
    struct spead_gap gap[16];
    struct spead_item item;
    size_t gaps = spead_heap_gaps(heap, gap, 16);
    uint64_t zeros = 0;

    check(spead_heap_length(heap) <= 8192);
    check(spead_heap_received(heap) <= spead_heap_length(heap));
    for (uint64_t i = 0; i < spead_heap_length(heap); i++)
        zeros += payload[i] == 0;
    check(zeros == spead_heap_length(heap) - spead_heap_received(heap));
    for (size_t i = 0; i < gaps && i < 16; i++)
        for (uint64_t b = 0; b < gap[i].bytes; b++)
            check(payload[gap[i].offset + b] == 0);
    for (size_t i = 0; i < spead_heap_item_count(heap); i++) {
        check(spead_heap_item(heap, i, &item) == 0);
        check(item.is_immediate || item.data + item.bytes <= payload + spead_heap_length(heap));
    }
}

static void take_heaps(struct recv_rig *rig, unsigned *held_count, struct spead_heap **held)
{
    struct spead_heap *heap;

    while ((heap = recv_rig_take(rig)) != NULL) {
        check_heap(heap);
        if (*held_count < 2)
            /* The consumer can keep heaps for some time. */
            held[(*held_count)++] = heap;
        else
            spead_heap_unref(heap);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct recv_rig rig;
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;
    struct spead_heap *held[2];
    unsigned held_count = 0;
    uint64_t pushed = 0;
    bool seldom;

    if (size < CONFIG_BYTES)
        return 0;
    recv_rig_init(&rig);
    choose(&rig, data);
    seldom = data[3] & 2;
    queue_packets(&rig, data + CONFIG_BYTES, size - CONFIG_BYTES);
    for (unsigned i = 0; i < rig.engine->count; i++)
        pushed += rig.engine->packet[i].segments;
    recv_rig_open(&rig);
    spead_recv_stream_plan(rig.stream, &plan);
    for (unsigned i = 0; i < 2 * PACKETS_MAX; i++) {
        if (recv_rig_poll(&rig) < 0 || (rig.engine->next == rig.engine->count && i % 8 == 7))
            break;
        if (!seldom || i % 8 == 0)
            take_heaps(&rig, &held_count, held);
    }
    /* Each poll has checked that the sum of the buckets is right. */
    recv_rig_stop(&rig);
    take_heaps(&rig, &held_count, held);
    check(rig.stats.counters.memory_high_water_bytes <= plan.memory_bytes);
    check(rig.stats.total.seen.packets <= pushed);
    check(rig.stats.counters.heaps_live == 0 && rig.stats.counters.heaps_leaving == 0);
    check(rig.stats.total.bucket[SPEAD_RECV_LIVE].packets == 0);
    recv_rig_close(&rig);
    while (held_count > 0)
        spead_heap_unref(held[--held_count]);
    return 0;
}
