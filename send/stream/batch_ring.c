/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of batches of packets. */
#include "batch_ring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/numbers.h>

enum {
    /* Most packets have two iovecs. If the packets of a batch have more iovecs, the batch has space for fewer
     * packets. */
    BATCH_IOVECS = 2 * SPEADI_BATCH_PACKETS + SPEADI_PACKET_IOVECS_MAX,
    /* Most headers contain at most one item pointer. */
    USUAL_HEADER_BYTES = SPEADI_PACKET_FIXED_BYTES + 8,
};

static size_t aligned(size_t bytes)
{
    return speadi_round_up(bytes, SPEADI_CACHE_LINE);
}

int speadi_batch_ring_init(struct speadi_batch_ring *ring, uint32_t packet_bytes)
{
    const size_t packets = aligned(SPEADI_BATCH_PACKETS * sizeof(struct speadi_tx_packet));
    const size_t iovecs = aligned(BATCH_IOVECS * sizeof(struct iovec));
    const size_t headers = aligned(SPEADI_BATCH_PACKETS * USUAL_HEADER_BYTES + packet_bytes);
    uint8_t *at;

    *ring = (struct speadi_batch_ring){
        .header_bytes = headers, .memory_bytes = SPEADI_BATCHES * (packets + iovecs + headers)};
    at = ring->memory = speadi_alloc_lines(ring->memory_bytes);
    if (!at)
        return -ENOMEM;
    for (unsigned i = 0; i < SPEADI_BATCHES; i++) {
        ring->batch[i].packet = (struct speadi_tx_packet *)(void *)at;
        ring->batch[i].iov = (struct iovec *)(void *)(at + packets);
        ring->batch[i].header = at + packets + iovecs;
        at += packets + iovecs + headers;
    }
    return 0;
}

void speadi_batch_ring_release(struct speadi_batch_ring *ring)
{
    free(ring->memory);
    ring->memory = NULL;
}

bool speadi_batch_ring_is_fillable(struct speadi_batch_ring *ring)
{
    return ring->used < SPEADI_BATCHES && !speadi_batch_ring_untaken(ring);
}

void speadi_batch_ring_open(struct speadi_batch_ring *ring, struct speadi_packet_space *space)
{
    struct speadi_batch *batch;

    assert(speadi_batch_ring_is_fillable(ring));
    if (ring->used == 0)
        ring->first = 0; /* use the same batch again, because its memory is in the cache */
    batch = &ring->batch[(ring->first + ring->used) % SPEADI_BATCHES];
    *space = (struct speadi_packet_space){
        .header = batch->header,
        .header_end = batch->header + ring->header_bytes,
        .iov = batch->iov,
        .iov_end = batch->iov + BATCH_IOVECS,
        .packet = batch->packet,
        .packet_end = batch->packet + SPEADI_BATCH_PACKETS,
    };
}

static uint64_t sum_bytes(const struct speadi_tx_packet *packet, size_t count)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += packet[i].bytes;
    return bytes;
}

void speadi_batch_ring_seal(struct speadi_batch_ring *ring, const struct speadi_packet_space *space,
                            double ns_per_byte)
{
    struct speadi_batch *batch = &ring->batch[(ring->first + ring->used) % SPEADI_BATCHES];

    if (space->packet == batch->packet)
        return;
    batch->count = (unsigned)(space->packet - batch->packet);
    batch->ns_per_byte = ns_per_byte;
    batch->taken = 0;
    batch->reaped = 0;
    batch->bytes = space->bytes;
    ring->used++;
}

void speadi_batch_ring_pass(struct speadi_batch_ring *ring, unsigned count)
{
    struct speadi_batch *batch = &ring->batch[ring->first];

    batch->reaped += count;
    if (batch->reaped == batch->count) {
        ring->first = (ring->first + 1) % SPEADI_BATCHES;
        ring->used--;
    }
}

unsigned speadi_batch_ring_reap(struct speadi_batch_ring *ring, uint64_t most, uint64_t *bytes)
{
    const struct speadi_batch *batch = &ring->batch[ring->first];
    const unsigned reapable = speadi_batch_ring_reapable(ring);
    const unsigned count = reapable < most ? reapable : (unsigned)most;

    if (count == 0)
        return 0;
    *bytes = count == batch->count ? batch->bytes : sum_bytes(batch->packet + batch->reaped, count);
    speadi_batch_ring_pass(ring, count);
    return count;
}

void speadi_batch_ring_drop_untaken(struct speadi_batch_ring *ring)
{
    struct speadi_batch *batch = speadi_batch_ring_untaken(ring);

    if (!batch)
        return;
    batch->count = batch->taken;
    batch->bytes = sum_bytes(batch->packet, batch->count);
    if (batch->reaped == batch->count)
        ring->used--; /* the batch is free again, because the engine holds none of its packets */
}
