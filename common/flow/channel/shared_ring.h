/* The ring behind channels of many senders or receivers: lanes of slots with turns, and one account of
 * room for all lanes.
 *
 * A slot's turn says whose it is: position p may be written when turn == p, read when turn == p + 1, and
 * is free again for p + slots. (D. Vyukov's bounded queue; batches claim a run of slots whose turns are right.)
 * No operation waits for another thread: a slot that somebody is still copying counts as not there.
 *
 * `used` counts messages in all lanes, claimed or present; it is what bounds them to the capacity. */
#ifndef SPEADI_SHARED_RING_H
#define SPEADI_SHARED_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadi/latency.h>
#include <speadline/message.h>

struct speadi_shared_ring; /* opaque */

/* latency: whether times are kept. */
struct speadi_shared_ring *speadi_shared_ring_create(uint32_t capacity, uint32_t lanes,
                                                     bool latency);
void speadi_shared_ring_destroy(struct speadi_shared_ring *ring); /* NULL is ignored */
size_t speadi_shared_ring_bytes(uint32_t capacity, uint32_t lanes);

/* Room for up to count messages is set aside: how many. */
uint32_t speadi_shared_ring_claim(struct speadi_shared_ring *ring, uint32_t count);
/* Room that was claimed, or whose messages were popped, is there again. WAIT2 of the
 * receiving side is inside. */
void speadi_shared_ring_unclaim(struct speadi_shared_ring *ring, uint32_t count);

/* Puts up to count messages into a lane, against room claimed: how many (fewer when a slot is still
 * being read). WAIT2 of the sending side is inside. */
uint32_t speadi_shared_ring_push(struct speadi_shared_ring *ring, uint32_t lane,
                                 const struct spead_message *messages, uint32_t count);

/* Takes up to max messages from one lane: how many. Their room is still claimed. arrived: they have reached a
 * receiver, so their time inside counts. */
uint32_t speadi_shared_ring_pop(struct speadi_shared_ring *ring, uint32_t lane,
                                struct spead_message *messages, uint32_t max, bool arrived);

/* WAIT2: the looks before a sleep. */
bool speadi_shared_ring_has_message(struct speadi_shared_ring *ring);
bool speadi_shared_ring_has_room(struct speadi_shared_ring *ring, uint32_t lane);

/* NULL: not kept. */
const struct speadi_latency_log *speadi_shared_ring_latency(const struct speadi_shared_ring *ring);
uint64_t speadi_shared_ring_used(const struct speadi_shared_ring *ring);
uint64_t speadi_shared_ring_high_water(const struct speadi_shared_ring *ring);

#endif
