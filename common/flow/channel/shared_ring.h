/* The ring behind channels with many sending or receiving ends. It has one row of slots for each lane, and one count of
 * used places for all lanes together.
 *
 * Each slot has a number, its turn, that says which thread may touch the slot. The slot of position p may be written
 * when its turn is p, and read when its turn is p + 1. The reader sets the turn to p + the number of slots, which is
 * the next position that uses this slot. (This is the bounded queue of D. Vyukov. A batch claims a run of slots whose
 * turns are right.) No operation waits for another thread: a slot that another thread is still copying counts as not
 * ready.
 *
 * `used` counts the claimed places of all lanes, with or without a message. It never exceeds the capacity.
 *
 * Any thread may call push, pop, claim, unclaim and the functions that only read. None of them blocks. */
#ifndef SPEADI_SHARED_RING_H
#define SPEADI_SHARED_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadi/latency.h>
#include <speadline/message.h>

struct speadi_shared_ring; /* opaque */

/* Returns NULL if there is no memory. If `latency` is true, the ring keeps a log of the time that each message spends
 * in it. */
struct speadi_shared_ring *speadi_shared_ring_create(uint32_t capacity, uint32_t lanes,
                                                     bool latency);
void speadi_shared_ring_destroy(struct speadi_shared_ring *ring); /* NULL is ignored */
/* Returns how many bytes of memory a ring takes, without the latency log. */
size_t speadi_shared_ring_bytes(uint32_t capacity, uint32_t lanes);

/* Claims places for up to `count` messages. Returns how many places it has claimed (0: the ring is full). */
uint32_t speadi_shared_ring_claim(struct speadi_shared_ring *ring, uint32_t count);
/* Frees places that were claimed and not used, or whose messages were popped.
 * The function contains the store of WAIT2 for which sending ends wait. */
void speadi_shared_ring_unclaim(struct speadi_shared_ring *ring, uint32_t count);

/* Puts up to `count` messages into a lane. The caller has claimed their places. Returns how many it has put. These are
 * fewer than `count` if another thread still reads one of the slots; the places for the other messages stay claimed.
 * The function contains the store of WAIT2 for which receiving ends wait. */
uint32_t speadi_shared_ring_push(struct speadi_shared_ring *ring, uint32_t lane,
                                 const struct spead_message *messages, uint32_t count);

/* Takes up to `max` messages out of one lane. Returns how many it has taken. Their places stay claimed. `arrived` is
 * true if a receiving end takes them; then the latency log counts them. */
uint32_t speadi_shared_ring_pop(struct speadi_shared_ring *ring, uint32_t lane,
                                struct spead_message *messages, uint32_t max, bool arrived);

/* An end calls one of these as its last look before it sleeps (WAIT2). They return true if some lane has a message, or
 * if `lane` has a free place. */
bool speadi_shared_ring_has_message(struct speadi_shared_ring *ring);
bool speadi_shared_ring_has_room(struct speadi_shared_ring *ring, uint32_t lane);

/* Returns NULL if no log is kept. */
const struct speadi_latency_log *speadi_shared_ring_latency(const struct speadi_shared_ring *ring);
uint64_t speadi_shared_ring_used(const struct speadi_shared_ring *ring);
uint64_t speadi_shared_ring_high_water(const struct speadi_shared_ring *ring);

#endif
