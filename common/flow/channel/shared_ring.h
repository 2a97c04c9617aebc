/* The ring of a channel with several sending ends or several receiving ends. It has one row of slots for each lane, and
 * one count of used places for all lanes together.
 *
 * Each slot has a number that is called its turn. The turn says which thread may touch the slot. Each message of a lane
 * has a position: 0, 1, 2 and so on. A thread may write the slot of position p when the turn of the slot is p. After
 * the write, it sets the turn to p + 1. Then a thread may read the slot. After the read, it sets the turn to p + the
 * number of slots, which is the next position that uses the same slot. This is the bounded queue of D. Vyukov; in
 * addition, a thread can claim several slots at once. No operation waits for another thread: if another thread is still
 * copying a slot, the slot counts as not ready.
 *
 * `used` is the number of claimed places in all lanes. A place counts whether it holds a message yet or not. The number
 * never exceeds the capacity.
 *
 * Any thread may call push, pop, claim, unclaim and the functions that only read. None of these functions blocks. */
#ifndef SPEADI_SHARED_RING_H
#define SPEADI_SHARED_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadi/latency.h>
#include <speadline/message.h>

struct speadi_shared_ring; /* opaque */

/* Makes a ring. Returns NULL if there is no memory. If `latency` is true, the ring keeps a log of the time that each
 * message spends in the ring. */
struct speadi_shared_ring *speadi_shared_ring_create(uint32_t capacity, uint32_t lanes,
                                                     bool latency);
void speadi_shared_ring_destroy(struct speadi_shared_ring *ring); /* NULL is ignored */
/* Returns how many bytes of memory a ring takes, without the latency log. */
size_t speadi_shared_ring_bytes(uint32_t capacity, uint32_t lanes);

/* Claims places for up to `count` messages. Returns how many places it has claimed, which is 0 if the ring is full. */
uint32_t speadi_shared_ring_claim(struct speadi_shared_ring *ring, uint32_t count);
/* Frees `count` claimed places. These are places that were not used, or whose messages were taken out with pop().
 * Sending ends that sleep wait for this change (WAIT2). */
void speadi_shared_ring_unclaim(struct speadi_shared_ring *ring, uint32_t count);

/* Puts up to `count` messages into a lane. The caller must have claimed a place for each of them. Returns how many
 * messages it has put. If another thread still reads one of the slots, that number is less than `count`, and the places
 * for the other messages stay claimed. Receiving ends that sleep wait for this change (WAIT2). */
uint32_t speadi_shared_ring_push(struct speadi_shared_ring *ring, uint32_t lane,
                                 const struct spead_message *messages, uint32_t count);

/* Takes up to `max` messages out of one lane. Returns how many messages it has taken. Their places stay claimed. The
 * caller sets `arrived` if a receiving end takes the messages; only then does the latency log count them. */
uint32_t speadi_shared_ring_pop(struct speadi_shared_ring *ring, uint32_t lane,
                                struct spead_message *messages, uint32_t max, bool arrived);

/* An end that is about to sleep calls one of these two functions as its last look (WAIT2). has_message() returns true
 * if any lane has a message. has_room() returns true if `lane` has a free place. */
bool speadi_shared_ring_has_message(struct speadi_shared_ring *ring);
bool speadi_shared_ring_has_room(struct speadi_shared_ring *ring, uint32_t lane);

/* Returns the latency log, or NULL if the ring keeps none. */
const struct speadi_latency_log *speadi_shared_ring_latency(const struct speadi_shared_ring *ring);
uint64_t speadi_shared_ring_used(const struct speadi_shared_ring *ring);
uint64_t speadi_shared_ring_high_water(const struct speadi_shared_ring *ring);

#endif
