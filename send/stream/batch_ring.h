/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of a few batches. The ring holds the packets that the packetiser has cut and that the engine has not yet
 * finished. Each batch has memory for its own packets, iovecs and headers. */
#ifndef SPEADI_BATCH_RING_H
#define SPEADI_BATCH_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packetiser.h"
#include "tx_engine.h"

/* The number of batches. With 4 batches the core can fill a batch, and an asynchronous engine can still send from one
 * or two other batches. */
#define SPEADI_BATCHES       4u
#define SPEADI_BATCH_PACKETS 1024u
#define SPEADI_BATCH_BYTES   (1u << 20) /* the largest number of bytes that one poll() cuts */

struct speadi_batch {
    struct speadi_tx_packet *packet;
    struct iovec *iov;
    uint8_t *header;
    unsigned count;     /* packets in the batch */
    unsigned taken;     /* how many packets of the batch the engine has taken */
    unsigned reaped;    /* how many packets of the batch are done */
    uint64_t bytes;     /* sum of the sizes of all packets of the batch */
    double ns_per_byte; /* the rate of all of its packets (speadi_heap_entry.ns_per_byte) */
};

struct speadi_batch_ring {
    struct speadi_batch batch[SPEADI_BATCHES];
    unsigned first; /* index of the oldest batch in use */
    unsigned used;  /* number of batches in use */
    uint8_t *memory;
    size_t memory_bytes;
    size_t header_bytes; /* size of the header memory of each batch */
};

/* Allocates the memory of all batches. packet_bytes is the largest size of a packet. Returns 0 or -ENOMEM. */
int speadi_batch_ring_init(struct speadi_batch_ring *ring, uint32_t packet_bytes);
void speadi_batch_ring_release(struct speadi_batch_ring *ring);

/* Returns true when a batch is free and the engine has taken all packets of all other batches. */
bool speadi_batch_ring_is_fillable(struct speadi_batch_ring *ring);

/* Sets *space to the memory of a free batch. The caller must call it only after speadi_batch_ring_is_fillable() has
 * returned true. */
void speadi_batch_ring_open(struct speadi_batch_ring *ring, struct speadi_packet_space *space);

/* Ends the filling of a batch, whose packets have the rate ns_per_byte. The caller passes the same *space that
 * speadi_batch_ring_open() has set, after the packetiser has used a part of it. If the batch has no packets, it stays
 * free. */
void speadi_batch_ring_seal(struct speadi_batch_ring *ring, const struct speadi_packet_space *space,
                            double ns_per_byte);

/* Returns the batch that has packets which the engine has not taken, or NULL if there is none. At most one batch, the
 * newest, has such packets. The reason is that the core fills a new batch only after the engine has taken all packets
 * of the previous batch. */
static inline struct speadi_batch *speadi_batch_ring_untaken(struct speadi_batch_ring *ring)
{
    struct speadi_batch *newest;

    if (ring->used == 0)
        return NULL;
    newest = &ring->batch[(ring->first + ring->used - 1) % SPEADI_BATCHES];
    return newest->taken < newest->count ? newest : NULL;
}

/* Returns how many packets of the oldest batch the engine has taken and are not yet reaped. */
static inline unsigned speadi_batch_ring_reapable(const struct speadi_batch_ring *ring)
{
    const struct speadi_batch *oldest = &ring->batch[ring->first];

    return ring->used != 0 ? oldest->taken - oldest->reaped : 0;
}

/* Returns true when the engine has taken packets that are not yet reaped. */
static inline bool speadi_batch_ring_is_reapable(const struct speadi_batch_ring *ring)
{
    return speadi_batch_ring_reapable(ring) != 0;
}

/* Marks `count` packets as reaped, at most speadi_batch_ring_reapable(), beginning with the oldest. */
void speadi_batch_ring_pass(struct speadi_batch_ring *ring, unsigned count);

/* Does the same with at most `most` packets of the oldest batch, and adds up their sizes. Returns how many packets it marked, or
 * 0 if no packet can be reaped. Sets *bytes to
 * the sum of the sizes of the marked packets. */
unsigned speadi_batch_ring_reap(struct speadi_batch_ring *ring, uint64_t most, uint64_t *bytes);

/* Removes from the ring all packets that the engine has not taken. */
void speadi_batch_ring_drop_untaken(struct speadi_batch_ring *ring);

#endif
