/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a test a chunk stream on a scripted engine. The heap with the item CHUNK_RIG_NUMBER = n goes to chunk n / 10, to
 * entry n % 10 of it; heaps have CHUNK_RIG_HEAP bytes. A heap without that item is rejected.
 *
 *     struct chunk_rig rig;
 *     chunk_rig_init(&rig);              // rig.chunks and rig.recv.config have the defaults
 *     chunk_rig_open(&rig);
 *     chunk_rig_heap(&rig, 1, 0);        // counter 1 goes to chunk 0, entry 0
 *     recv_rig_run(&rig.recv);
 *     chunk = chunk_rig_take(&rig);
 *     chunk_rig_close(&rig);
 *
 * One thread uses the rig. */
#ifndef TEST_CHUNK_RIG_H
#define TEST_CHUNK_RIG_H

#include <stdbool.h>

#include <speadline/recv_chunk.h>

#include "recv_rig.h"

#define CHUNK_RIG_NUMBER 0x1600u
#define CHUNK_RIG_HEAP   64u /* bytes of a heap */
#define CHUNK_RIG_HEAPS  10u /* heaps of a chunk */
#define CHUNK_RIG_CHUNK  (CHUNK_RIG_HEAP * CHUNK_RIG_HEAPS)

struct chunk_rig {
    struct recv_rig recv;
    struct spead_chunk_config chunks;
    /* If it is set, it replaces the rule above. */
    void (*place)(struct chunk_rig *rig, const struct spead_chunk_packet *packet,
                  struct spead_chunk_place *place);
    unsigned places;                /* how often the place function was called */
    struct spead_chunk_packet last; /* what it got last; its pointers are not valid any more */
    int64_t last_item;
};

void chunk_rig_init(struct chunk_rig *rig);
void chunk_rig_open(struct chunk_rig *rig);
void chunk_rig_close(struct chunk_rig *rig);

/* Queues a packet of a heap of CHUNK_RIG_HEAP bytes with the number `number`. The packet carries [offset, offset +
 * bytes); each byte is test_packet_byte() of this counter. */
struct script_packet *chunk_rig_packet(struct chunk_rig *rig, uint64_t counter, uint64_t number,
                                       uint64_t offset, size_t bytes);
/* Queues a whole heap in one packet. */
struct script_packet *chunk_rig_heap(struct chunk_rig *rig, uint64_t counter, uint64_t number);

/* Takes the next chunk, and the caller owns the reference. Returns NULL if there is none. */
struct spead_chunk *chunk_rig_take(struct chunk_rig *rig);

/* Returns the id of the next chunk and releases it. Returns -1 if there is none, and -2 if its bytes are wrong. */
int64_t chunk_rig_next(struct chunk_rig *rig);

/* Tells whether each byte of the chunk is right: a byte of a heap that has arrived is what was sent under its counter,
 * every other byte is `fill`. */
bool chunk_rig_is_right(const struct spead_chunk *chunk, const uint8_t *data, uint8_t fill);

/* Returns `present` as a text of 0 and 1. It lies in static storage. */
const char *chunk_rig_present(const struct spead_chunk *chunk);

#endif
