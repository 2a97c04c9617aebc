/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of slots for each lane. Each slot has a turn (see shared_ring.h). All lanes share one count of used places. */
#include "shared_ring.h"

#include <stdalign.h>
#include <stdlib.h>

#include <speadi/cache_line.h>
#include <speadi/clock.h>
#include <speadi/numbers.h>

struct lane {
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t tail; /* the next position to write */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t head; /* the next position to read */
    _Atomic uint64_t *turn; /* the turn of each slot (see shared_ring.h) */
    struct spead_message *slots;
    uint64_t first_time; /* the index of slot 0 of this lane in the latency log */
};

struct speadi_shared_ring {
    uint64_t mask;
    uint32_t capacity, lanes;
    struct speadi_latency_log *latency;               /* NULL if the ring keeps no log */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t used; /* number of claimed places */
    _Atomic uint64_t high_water;
    /* The number of messages that were ever put into the ring. A sending end raises this number after it has set the
     * turns of its slots (WAIT2). */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t published;
    struct lane lane[];
};

/* Returns the number of slots of a lane, which is at least two. If a lane had only one slot, the turn p + 1 would have
 * two meanings: a thread may read position p, and a thread may write position p + 1. */
static uint64_t slots_for(uint32_t capacity)
{
    return speadi_power_of_two_from(speadi_max_u32(capacity, 2));
}

size_t speadi_shared_ring_bytes(uint32_t capacity, uint32_t lanes)
{
    size_t slot_bytes = sizeof(struct spead_message) + sizeof(_Atomic uint64_t);

    return sizeof(struct speadi_shared_ring) +
           lanes * (sizeof(struct lane) + slots_for(capacity) * slot_bytes);
}

static bool allocate_lane(struct lane *lane, uint64_t slots)
{
    lane->turn = malloc(slots * sizeof *lane->turn);
    lane->slots = speadi_alloc_lines(slots * sizeof *lane->slots);
    if (!lane->turn || !lane->slots)
        return false;
    for (uint64_t i = 0; i < slots; i++)
        atomic_init(&lane->turn[i], i);
    return true;
}

static bool allocate_parts(struct speadi_shared_ring *ring, bool latency)
{
    uint64_t slots = ring->mask + 1;

    if (latency && !(ring->latency = speadi_latency_create(ring->lanes * slots)))
        return false;
    for (uint32_t i = 0; i < ring->lanes; i++)
        if (!allocate_lane(&ring->lane[i], slots))
            return false;
    return true;
}

struct speadi_shared_ring *speadi_shared_ring_create(uint32_t capacity, uint32_t lanes,
                                                     bool latency)
{
    size_t bytes = sizeof(struct speadi_shared_ring) + lanes * sizeof(struct lane);
    struct speadi_shared_ring *ring = speadi_alloc_lines(bytes);

    if (!ring)
        return NULL;
    *ring = (struct speadi_shared_ring){
        .mask = slots_for(capacity) - 1, .capacity = capacity, .lanes = lanes};
    for (uint32_t i = 0; i < lanes; i++)
        ring->lane[i] = (struct lane){.first_time = i * (ring->mask + 1)};
    if (allocate_parts(ring, latency))
        return ring;
    speadi_shared_ring_destroy(ring);
    return NULL;
}

void speadi_shared_ring_destroy(struct speadi_shared_ring *ring)
{
    if (!ring)
        return;
    for (uint32_t i = 0; i < ring->lanes; i++) {
        free(ring->lane[i].turn);
        free(ring->lane[i].slots);
    }
    free(ring->latency);
    free(ring);
}

/* ---- Places -------------------------------------------------------------------------------- */

static void note_high_water(struct speadi_shared_ring *ring, uint64_t used)
{
    /* relaxed: the value is only reported. */
    uint64_t high = atomic_load_explicit(&ring->high_water, memory_order_relaxed);

    while (used > high &&
           !atomic_compare_exchange_weak_explicit(&ring->high_water, &high, used,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

uint32_t speadi_shared_ring_claim(struct speadi_shared_ring *ring, uint32_t count)
{
    /* relaxed: the turns decide which thread may touch a slot. `used` is only a count. */
    uint64_t used = atomic_load_explicit(&ring->used, memory_order_relaxed);
    uint64_t claimed;

    do {
        uint64_t room = ring->capacity - used;

        claimed = count < room ? count : room;
        if (claimed == 0)
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(&ring->used, &used, used + claimed,
                                                    memory_order_relaxed, memory_order_relaxed));
    note_high_water(ring, used + claimed);
    return (uint32_t)claimed;
}

void speadi_shared_ring_unclaim(struct speadi_shared_ring *ring, uint32_t count)
{
    /* WAIT2 store: this store comes after the turns of the slots were set, and before the caller looks for a sending
     * end that waits. */
    atomic_fetch_sub(&ring->used, count);
}

/* ---- Slots --------------------------------------------------------------------------------- */

/* Returns how many consecutive slots are ready, beginning with the slot of `position`, but at most `max`. A slot is
 * ready if its turn is its position + `offset`. With offset 0 the function looks for slots to write. With offset 1 it
 * looks for slots to read. */
static uint32_t ready_run(const struct speadi_shared_ring *ring, const struct lane *lane,
                          uint64_t position, uint64_t offset, uint32_t max)
{
    uint32_t run = 0;

    /* SLOT1 acquire: the thread that used the slot before has finished with it. */
    while (run < max && atomic_load_explicit(&lane->turn[(position + run) & ring->mask],
                                             memory_order_acquire) == position + run + offset)
        run++;
    return run;
}

/* Claims ready slots, at most `max` of them, beginning with the slot at position *index. To claim them, it adds their
 * number to *index. Returns how many slots it claimed, and sets *position to the position of the first of them. */
static uint32_t claim_run(const struct speadi_shared_ring *ring, const struct lane *lane,
                          _Atomic uint64_t *index, uint64_t offset, uint32_t max,
                          uint64_t *position)
{
    /* relaxed: the turns decide whether this thread may touch the slots. */
    uint64_t at = atomic_load_explicit(index, memory_order_relaxed);

    for (;;) {
        uint32_t run = ready_run(ring, lane, at, offset, max);

        if (run == 0) {
            /* The slot is not ready. If another thread has claimed the slot in the meantime, the index has changed, and
             * this thread tries again at the new index. */
            uint64_t now = atomic_load_explicit(index, memory_order_relaxed);

            if (now == at)
                return 0;
            at = now;
        } else if (atomic_compare_exchange_weak_explicit(index, &at, at + run, memory_order_relaxed,
                                                         memory_order_relaxed)) {
            *position = at;
            return run;
        }
    }
}

/* Sets the turn of a slot, so that another thread may write or read the slot next. */
static void set_turn(const struct speadi_shared_ring *ring, const struct lane *lane,
                     uint64_t position, uint64_t turn)
{
    /* SLOT1 release: this thread has written or read the slot before the next thread may touch it. */
    atomic_store_explicit(&lane->turn[position & ring->mask], turn, memory_order_release);
}

uint32_t speadi_shared_ring_push(struct speadi_shared_ring *ring, uint32_t lane_index,
                                 const struct spead_message *messages, uint32_t count)
{
    struct lane *lane = &ring->lane[lane_index];
    uint64_t position, now_ns = ring->latency ? speadi_clock_mono_ns() : 0;
    uint32_t run = claim_run(ring, lane, &lane->tail, 0, count, &position);

    for (uint32_t i = 0; i < run; i++) {
        uint64_t slot = (position + i) & ring->mask;

        lane->slots[slot] = messages[i];
        if (ring->latency)
            speadi_latency_enter(ring->latency, lane->first_time + slot, now_ns);
        set_turn(ring, lane, position + i, position + i + 1);
    }
    if (run > 0)
        atomic_fetch_add(&ring->published, run); /* WAIT2 store */
    return run;
}

uint32_t speadi_shared_ring_pop(struct speadi_shared_ring *ring, uint32_t lane_index,
                                struct spead_message *messages, uint32_t max, bool arrived)
{
    struct lane *lane = &ring->lane[lane_index];
    bool log = arrived && ring->latency;
    uint64_t position, now_ns = log ? speadi_clock_mono_ns() : 0;
    uint32_t run = claim_run(ring, lane, &lane->head, 1, max, &position);

    for (uint32_t i = 0; i < run; i++) {
        uint64_t slot = (position + i) & ring->mask;

        messages[i] = lane->slots[slot];
        if (log)
            speadi_latency_leave(ring->latency, lane->first_time + slot, now_ns);
        set_turn(ring, lane, position + i, position + i + ring->mask + 1);
    }
    return run;
}

/* ---- Looking ------------------------------------------------------------------------------- */

static bool is_ready(const struct speadi_shared_ring *ring, const struct lane *lane,
                     const _Atomic uint64_t *index, uint64_t offset)
{
    /* relaxed: as in claim_run(), the turn decides whether the slot is ready. */
    return ready_run(ring, lane, atomic_load_explicit(index, memory_order_relaxed), offset, 1) > 0;
}

bool speadi_shared_ring_has_message(struct speadi_shared_ring *ring)
{
    /* WAIT2 load: this load reads a value that a sending end has stored. So the loop below sees every turn that the
     * sending end set before it stored the value. */
    atomic_load(&ring->published);
    for (uint32_t i = 0; i < ring->lanes; i++)
        if (is_ready(ring, &ring->lane[i], &ring->lane[i].head, 1))
            return true;
    return false;
}

bool speadi_shared_ring_has_room(struct speadi_shared_ring *ring, uint32_t lane)
{
    return atomic_load(&ring->used) < ring->capacity && /* WAIT2 load */
           is_ready(ring, &ring->lane[lane], &ring->lane[lane].tail, 0);
}

uint64_t speadi_shared_ring_used(const struct speadi_shared_ring *ring)
{
    /* relaxed: this value is only a count. */
    return atomic_load_explicit(&ring->used, memory_order_relaxed);
}

uint64_t speadi_shared_ring_high_water(const struct speadi_shared_ring *ring)
{
    /* relaxed: this value is only reported. */
    return atomic_load_explicit(&ring->high_water, memory_order_relaxed);
}

const struct speadi_latency_log *speadi_shared_ring_latency(const struct speadi_shared_ring *ring)
{
    return ring->latency;
}
