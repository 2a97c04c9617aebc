/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t ids[] = {CHUNK_RIG_NUMBER};

static void put(void *state, const struct spead_chunk_packet *packet,
                struct spead_chunk_place *place)
{
    struct chunk_rig *rig = state;

    rig->places++;
    rig->last = *packet;
    rig->last_item = packet->item_count > 0 ? packet->items[0] : -1;
    if (rig->place) {
        rig->place(rig, packet, place);
        return;
    }
    if (packet->items[0] < 0)
        return;
    place->chunk_id = packet->items[0] / (int64_t)CHUNK_RIG_HEAPS;
    place->heap_index = (uint64_t)packet->items[0] % CHUNK_RIG_HEAPS;
    place->heap_offset = place->heap_index * CHUNK_RIG_HEAP;
}

void chunk_rig_init(struct chunk_rig *rig)
{
    *rig = (struct chunk_rig){.chunks = SPEAD_CHUNK_CONFIG_INIT};
    recv_rig_init(&rig->recv);
    rig->recv.config.allow_out_of_order = true;
    rig->recv.config.live_heaps_max = 64;
    rig->recv.config.chunks = &rig->chunks;
    rig->chunks.chunk_bytes = CHUNK_RIG_CHUNK;
    rig->chunks.present_count = CHUNK_RIG_HEAPS;
    rig->chunks.place = put;
    rig->chunks.place_state = rig;
    rig->chunks.items = ids;
    rig->chunks.item_count = 1;
    rig->chunks.chunk_count = 16;
}

void chunk_rig_open(struct chunk_rig *rig)
{
    recv_rig_open(&rig->recv);
}

void chunk_rig_close(struct chunk_rig *rig)
{
    recv_rig_close(&rig->recv);
}

struct script_packet *chunk_rig_packet(struct chunk_rig *rig, uint64_t counter, uint64_t number,
                                       uint64_t offset, size_t bytes)
{
    struct test_packet *packet = &rig->recv.packet;
    uint8_t payload[CHUNK_RIG_HEAP];

    for (size_t i = 0; i < bytes; i++)
        payload[i] = test_packet_byte(counter, offset + i);
    test_packet_specials(packet, 40, counter, CHUNK_RIG_HEAP, offset, bytes);
    test_packet_immediate(packet, CHUNK_RIG_NUMBER, number);
    test_packet_payload(packet, payload, bytes);
    return recv_rig_push(&rig->recv);
}

struct script_packet *chunk_rig_heap(struct chunk_rig *rig, uint64_t counter, uint64_t number)
{
    return chunk_rig_packet(rig, counter, number, 0, CHUNK_RIG_HEAP);
}

struct spead_chunk *chunk_rig_take(struct chunk_rig *rig)
{
    struct spead_chunk *chunk;

    return spead_recv_stream_try_take_chunk(rig->recv.stream, &chunk) == 0 ? chunk : NULL;
}

int64_t chunk_rig_next(struct chunk_rig *rig)
{
    struct spead_chunk *chunk = chunk_rig_take(rig);
    int64_t id;

    if (!chunk)
        return -1;
    id = spead_chunk_id(chunk);
    if (!chunk_rig_is_right(chunk, spead_chunk_data(chunk), rig->chunks.fill_byte))
        id = -2;
    spead_chunk_unref(chunk);
    return id;
}

/* Writes what the bytes of the heap must be. */
static void expect_heap(const struct spead_chunk *chunk, uint32_t index, uint8_t *expected,
                        uint8_t fill)
{
    struct spead_chunk_heap heap = SPEAD_CHUNK_HEAP_INIT;
    struct spead_chunk_gap gaps[64];
    size_t count = spead_chunk_gaps(chunk, gaps, 64);

    (void)spead_chunk_heap(chunk, index, &heap);
    for (uint64_t i = 0; i < heap.bytes; i++)
        expected[heap.offset + i] = test_packet_byte(heap.heap_counter, i);
    for (size_t i = 0; i < count; i++)
        if (gaps[i].heap_index == index)
            memset(expected + gaps[i].offset, fill, gaps[i].bytes);
}

bool chunk_rig_is_right(const struct spead_chunk *chunk, const uint8_t *data, uint8_t fill)
{
    uint64_t bytes = spead_chunk_bytes(chunk);
    uint8_t *expected = malloc(bytes);
    uint32_t count;
    bool right;

    (void)spead_chunk_present(chunk, &count);
    memset(expected, fill, bytes);
    for (uint32_t i = 0; i < count; i++)
        expect_heap(chunk, i, expected, fill);
    right = memcmp(expected, data, bytes) == 0;
    for (uint64_t i = 0; !right && i < bytes; i++)
        if (expected[i] != data[i]) {
            fprintf(stderr, "chunk %lld: byte %llu is %u, not %u\n",
                    (long long)spead_chunk_id(chunk), (unsigned long long)i, data[i], expected[i]);
            break;
        }
    free(expected);
    return right;
}

const char *chunk_rig_present(const struct spead_chunk *chunk)
{
    static char text[4096];
    uint32_t count, i;
    const uint8_t *present = spead_chunk_present(chunk, &count);

    for (i = 0; i < count && i + 1 < sizeof text; i++)
        text[i] = (char)('0' + present[i]);
    text[i] = '\0';
    return text;
}
