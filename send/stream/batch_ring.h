/* Packets on their way to the engine: a few batches, each with its headers, iovecs and packets.
 *
 * Batches are filled, taken and reaped in order; one is used again when all of its packets are reaped. All
 * memory is allocated at init. Owner thread only. */
#ifndef SPEADI_BATCH_RING_H
#define SPEADI_BATCH_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packetiser.h"
#include "tx_engine.h"

/* An engine that works asynchronously holds one batch or two while the next is filled. */
#define SPEADI_BATCHES       4u
#define SPEADI_BATCH_PACKETS 1024u
#define SPEADI_BATCH_BYTES   (1u << 20) /* what one poll hands over, unless the pacer allows less */

struct speadi_batch {
    struct speadi_tx_packet *packet;
    struct iovec *iov;
    uint8_t *header;
    unsigned count; /* packets in it */
    unsigned taken; /* by the engine */
    unsigned reaped;
    uint64_t bytes; /* of all packets */
};

struct speadi_batch_ring {
    struct speadi_batch batch[SPEADI_BATCHES];
    unsigned first; /* oldest in use */
    unsigned used;
    uint8_t *memory;
    size_t memory_bytes;
    size_t header_bytes; /* of each batch */
};

int speadi_batch_ring_init(struct speadi_batch_ring *ring,
                           uint32_t packet_bytes); /* 0 or -ENOMEM */
void speadi_batch_ring_release(struct speadi_batch_ring *ring);

/* A batch is free, and everything before it was taken. */
bool speadi_batch_ring_is_fillable(struct speadi_batch_ring *ring);

/* Lends the space of a free batch. Only when fillable. */
void speadi_batch_ring_open(struct speadi_batch_ring *ring, struct speadi_packet_space *space);

/* Ends what open() began; a batch into which nothing was written stays free. */
void speadi_batch_ring_seal(struct speadi_batch_ring *ring,
                            const struct speadi_packet_space *space);

/* The batch with packets that the engine has not taken; NULL: none. There is at most one, the newest: a
 * batch is filled only when the one before it was taken whole. */
struct speadi_batch *speadi_batch_ring_untaken(struct speadi_batch_ring *ring);

/* Packets taken and not reaped. */
bool speadi_batch_ring_is_reapable(const struct speadi_batch_ring *ring);

/* Reaps the next packets in order, at most most of them, and returns how many (0: nothing is taken)
 * and their bytes. */
unsigned speadi_batch_ring_reap(struct speadi_batch_ring *ring, uint64_t most, uint64_t *bytes);

/* Forgets packets that were not taken. */
void speadi_batch_ring_drop_untaken(struct speadi_batch_ring *ring);

#endif
