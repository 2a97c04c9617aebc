/* A ring of a few batches. It holds the packets that have been cut and are not yet done. Each batch has its own
 * packets, iovecs and headers.
 *
 * The packetiser fills the batches in order, the engine takes the packets in order, and the core reaps the packets in
 * order. A batch is free again when all of its packets are reaped. All memory is allocated in init(). Only the owner
 * thread calls these functions. */
#ifndef SPEADI_BATCH_RING_H
#define SPEADI_BATCH_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packetiser.h"
#include "tx_engine.h"

/* There are 4 batches, because an asynchronous engine may still send from one or two batches while the core fills the
 * next. */
#define SPEADI_BATCHES       4u
#define SPEADI_BATCH_PACKETS 1024u
#define SPEADI_BATCH_BYTES   (1u << 20) /* at most as many are cut in one poll() */

struct speadi_batch {
    struct speadi_tx_packet *packet;
    struct iovec *iov;
    uint8_t *header;
    unsigned count;  /* packets in the batch */
    unsigned taken;  /* packets that the engine has taken */
    unsigned reaped; /* packets that are done */
    uint64_t bytes;  /* sum over all packets */
};

struct speadi_batch_ring {
    struct speadi_batch batch[SPEADI_BATCHES];
    unsigned first; /* index of the oldest batch in use */
    unsigned used;  /* number of batches in use */
    uint8_t *memory;
    size_t memory_bytes;
    size_t header_bytes; /* size of the header memory of each batch */
};

int speadi_batch_ring_init(struct speadi_batch_ring *ring,
                           uint32_t packet_bytes); /* 0 or -ENOMEM */
void speadi_batch_ring_release(struct speadi_batch_ring *ring);

/* Returns true when a batch is free and the engine has taken all packets of the other batches. */
bool speadi_batch_ring_is_fillable(struct speadi_batch_ring *ring);

/* Sets *space to the memory of a free batch. The caller has seen is_fillable() return true. */
void speadi_batch_ring_open(struct speadi_batch_ring *ring, struct speadi_packet_space *space);

/* Ends the filling of the batch that open() has given. *space is the space that the packetiser has left over. If the
 * batch has no packets, it stays free. */
void speadi_batch_ring_seal(struct speadi_batch_ring *ring,
                            const struct speadi_packet_space *space);

/* Returns the batch with packets that the engine has not taken, or NULL. Only the newest batch can have such packets,
 * because the core fills a batch only when the engine has taken all packets of the batch before. */
struct speadi_batch *speadi_batch_ring_untaken(struct speadi_batch_ring *ring);

/* Returns true when the engine has taken packets that are not yet reaped. */
bool speadi_batch_ring_is_reapable(const struct speadi_batch_ring *ring);

/* Marks the oldest taken packets as reaped. These are at most `most` packets, and all belong to one batch. Returns
 * their number (0: no packet can be reaped) and sets *bytes to the sum of their sizes. */
unsigned speadi_batch_ring_reap(struct speadi_batch_ring *ring, uint64_t most, uint64_t *bytes);

/* Removes the packets that the engine has not taken. */
void speadi_batch_ring_drop_untaken(struct speadi_batch_ring *ring);

#endif
