/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of a channel with several sending ends or several receiving ends. It has an array of slots for each lane,
 * and one count of used places for all lanes together.
 *
 * Each slot has a number that is called its turn. The turn says which thread is allowed to touch the slot. Each message
 * of a lane has a position: 0, 1, 2 and so on. When the turn of a slot is p, a thread may write the message of position
 * p into it. After the write, the thread sets the turn to p + 1. Then a thread may read the slot. After the read, that
 * thread sets the turn to p + the number of slots, which is the next position that uses the same slot. This is the
 * bounded queue of D. Vyukov; in addition, a thread can claim several slots at once. No operation waits for another
 * thread: if another thread is still copying a slot, the slot counts as not ready.
 *
 * `used` is the number of claimed places in all lanes. A claimed place counts even if it has no message yet. The number
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
/* Frees `count` claimed places. The caller has not used these places, or has taken out their messages with pop(). This
 * is a change for which sleeping sending ends wait (WAIT2). */
void speadi_shared_ring_unclaim(struct speadi_shared_ring *ring, uint32_t count);

/* Puts up to `count` messages into a lane. The caller must have claimed a place for each of them. Returns how many
 * messages it has put. If another thread is still reading one of the slots, the function puts fewer than `count`
 * messages, and the places for the other messages stay claimed. This is a change for which sleeping receiving ends wait
 * (WAIT2). */
uint32_t speadi_shared_ring_push(struct speadi_shared_ring *ring, uint32_t lane,
                                 const struct spead_message *messages, uint32_t count);

/* Takes up to `max` messages out of one lane. Returns how many messages it has taken. Their places stay claimed.
 * `arrived` must be true if a receiving end takes the messages. The latency log counts only such messages. */
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
