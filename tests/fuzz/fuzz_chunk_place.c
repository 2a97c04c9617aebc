/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever a place function answers, and whichever packets come, nothing outside of a chunk is touched, chunks come
 * in the order of their ids, and every packet is in one bucket. Method: each 24 bytes of the input are one packet: its
 * heap, its part, and what the place function answers. The chunks lie in buffers of exactly their size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/mem_link.h>
#include <speadline/recv_chunk.h>

#include "packet_builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAP   64u
#define CHUNK  640u
#define CHUNKS 4u
#define STEP   24u

static const uint8_t *answer;

static uint64_t word(const uint8_t *from)
{
    uint64_t value;

    memcpy(&value, from, sizeof value);
    return value;
}

static void place(void *state, const struct spead_chunk_packet *packet,
                  struct spead_chunk_place *out)
{
    const uint8_t how = answer[1];

    (void)state;
    (void)packet;
    /* in the bounds, unless the bits of `how` say that any number may come */
    out->chunk_id = (int64_t)(how & 1 ? word(answer + 8) : word(answer + 8) % 16);
    out->heap_index = how & 2 ? word(answer + 16) : word(answer + 16) % 10;
    out->heap_offset = how & 4 ? word(answer + 16) >> (how >> 3) : out->heap_index * HEAP;
    memset(out->extra, how, 8);
}

static void check(int right)
{
    if (!right)
        abort();
}

static void take_chunks(struct spead_recv_stream *stream, int64_t *last)
{
    struct spead_chunk *chunk;

    while (spead_recv_stream_try_take_chunk(stream, &chunk) == 0) {
        uint32_t count;
        const uint8_t *present = spead_chunk_present(chunk, &count);
        uint32_t set = 0;

        check(spead_chunk_id(chunk) > *last);
        *last = spead_chunk_id(chunk);
        for (uint32_t i = 0; i < count; i++)
            set += present[i];
        check(set == spead_chunk_present_count(chunk));
        spead_chunk_unref(chunk);
    }
}

static void check_ledger(const struct spead_recv_stream *stream)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    uint64_t sum = 0;

    spead_recv_stream_stats(stream, &stats);
    for (uint32_t i = 0; i < stats.bucket_count; i++)
        sum += stats.total.bucket[i].packets;
    check(sum == stats.total.seen.packets);
}

static struct spead_recv_stream *make(struct spead_mem_link **link, void *buffers[CHUNKS])
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_chunk_config chunks = SPEAD_CHUNK_CONFIG_INIT;
    struct spead_recv_stream *stream;

    check(spead_mem_link_create(link, 64, 256, NULL) == 0);
    config.links = link;
    config.link_count = 1;
    config.allow_out_of_order = true;
    config.chunks = &chunks;
    chunks.chunk_bytes = CHUNK;
    chunks.present_count = 10;
    chunks.chunk_count = CHUNKS;
    chunks.extra_bytes = 8;
    chunks.buffers = buffers;
    chunks.place = place;
    check(spead_recv_stream_create(&stream, &config, NULL) == 0);
    check(spead_recv_stream_start(stream, NULL) == 0);
    return stream;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct test_packet packet;
    void *buffers[CHUNKS];
    struct spead_mem_link *link;
    struct spead_recv_stream *stream;
    int64_t last = -1;

    for (unsigned i = 0; i < CHUNKS; i++)
        buffers[i] = malloc(CHUNK);
    stream = make(&link, buffers);
    for (size_t at = 0; at + STEP <= size && at < 200 * STEP; at += STEP) {
        unsigned part = data[at + 2] % 4;

        answer = data + at;
        test_packet_data(&packet, 40, data[at] % 32, HEAP, part * 16, NULL, 16);
        check(spead_mem_link_push(link, packet.bytes, packet.length) == 0);
        (void)spead_recv_stream_poll(stream);
        check_ledger(stream);
        if (data[at + 3] % 8 == 0)
            take_chunks(stream, &last);
    }
    spead_recv_stream_stop(stream);
    while (spead_recv_stream_poll(stream) >= 0)
        take_chunks(stream, &last);
    take_chunks(stream, &last);
    check_ledger(stream);
    spead_recv_stream_destroy(stream);
    spead_mem_link_unref(link);
    for (unsigned i = 0; i < CHUNKS; i++)
        free(buffers[i]);
    return 0;
}
