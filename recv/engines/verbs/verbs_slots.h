/* SPDX-License-Identifier: Apache-2.0 */
/* The receive slots of a queue. A slot is registered host memory that can hold the longest frame, and the work request that posts this
 * memory. A slot is free, posted, or lent. A plain slot has no reserved range, so the device writes the whole frame
 * into the slot. A placed slot has a reserved range.
 *
 * The device scatters the frame of a placed slot over three pieces: the head of the frame, the payload into the reserved
 * range, and all further bytes into the slot. So no frame is ever too long for a placed slot. The heads of all placed
 * slots lie close together: the CPU reads nothing else of these frames, and slots are a page or more apart, so heads in
 * the slots would cost a miss of the address translation each (docs/adr/0037-heads-of-placed-packets-lie-together.md). */
#ifndef SPEADI_VERBS_SLOTS_H
#define SPEADI_VERBS_SLOTS_H

#include <speadi/verbs_device.h>

#include "rx_engine.h"

/* Room for the head of a placed frame. A longer head lies in its slot, and the rest of the frame behind it. */
#define SPEADI_VERBS_HEAD_BYTES 256u

/* Room for what is longer than a slot. A frame is at most this long; jumbo frames have 9 to 16 KiB. */
#define SPEADI_VERBS_SPILL_BYTES 65536u

struct speadi_verbs_slot {
    _Alignas(128) struct ibv_recv_wr wr; /* its wr_id is the number of the slot */
    struct ibv_sge sge[3];
    uint8_t *data;  /* where a frame begins: in the slot, or in the head of the slot */
    uint64_t place; /* number of the reservation, or SPEADI_RX_UNPLACED */
    /* Only in a placed slot: the reserved range, or NULL if the CPU cannot read it. */
    uint8_t *payload;
    uint32_t head_bytes; /* bytes of the frame before the payload; 0 in a plain slot */
    bool is_posted;
};

struct speadi_verbs_slots {
    struct speadi_verbs_device *device;
    struct speadi_verbs_arena arena;
    struct speadi_verbs_memory memory;
    struct speadi_verbs_slot *slot;
    uint32_t count, slot_bytes;
    /* The heads, as an offset in the arena: array [count][SPEADI_VERBS_HEAD_BYTES]. It lies behind the slots and the spill. */
    size_t heads_at;
    /* True if the plain slots have a second piece, which takes what is longer than the slot. It is the same memory for
     * all slots, behind the last slot. */
    bool has_spill;
    /* Numbers of the free slots, as a stack. So the slot that became free last, which is probably in the cache, is used
     * first. */
    uint32_t *free;
    uint32_t free_count;
};

/* Makes `count` slots of slot_bytes each. Returns 0 or -errno with a sentence. The caller must call close() even after
 * a failure. */
int speadi_verbs_slots_open(struct speadi_verbs_slots *slots, struct speadi_verbs_device *device,
                            uint32_t count, uint32_t slot_bytes, struct spead_err *err);

/* Frees the memory of the slots. The caller must make sure that no slot is posted any more. Does nothing if the struct
 * is zeroed. */
void speadi_verbs_slots_close(struct speadi_verbs_slots *slots);

uint64_t speadi_verbs_slots_bytes(const struct speadi_verbs_slots *slots);

/* Frees all slots that are still posted. The caller must call it after it has closed the queue, because some receives
 * of the queue may never have completed. */
void speadi_verbs_slots_reclaim(struct speadi_verbs_slots *slots);

/* Takes a free slot. There must be one. The fields of the slot still have the values of its last use. So the caller
 * must make the slot plain or placed before it posts the slot. */
static inline struct speadi_verbs_slot *speadi_verbs_slots_take(struct speadi_verbs_slots *slots)
{
    return &slots->slot[slots->free[--slots->free_count]];
}

static inline void speadi_verbs_slots_free(struct speadi_verbs_slots *slots, uint32_t number)
{
    slots->free[slots->free_count++] = number;
}

/* Frees these slots. The first of them is the next one to be taken. */
static inline void speadi_verbs_slots_free_all(struct speadi_verbs_slots *slots,
                                               const uint32_t *numbers, uint32_t count)
{
    uint32_t *to = slots->free + slots->free_count;

    slots->free_count += count;
    while (count > 0)
        *to++ = numbers[--count];
}

/* Says that frames begin at this offset of the arena. */
static inline void speadi_verbs_slot_begin_at(const struct speadi_verbs_slots *slots,
                                              struct speadi_verbs_slot *slot, size_t offset)
{
    slot->data = slots->arena.data + offset;
    slot->sge[0].addr = slots->memory.address + offset;
}

/* Returns the offset in the arena of the memory of the slot. */
static inline size_t speadi_verbs_slot_at(const struct speadi_verbs_slots *slots,
                                          const struct speadi_verbs_slot *slot)
{
    return (size_t)slot->wr.wr_id * slots->slot_bytes;
}

/* Returns where those bytes of a placed frame lie that are behind its payload. */
static inline const uint8_t *speadi_verbs_slot_tail(const struct speadi_verbs_slots *slots,
                                                    const struct speadi_verbs_slot *slot)
{
    return slots->arena.data + (slot->sge[2].addr - slots->memory.address);
}

/* Returns true if the slot has the form that make_plain() gives it now. */
static inline bool speadi_verbs_slot_is_plain(const struct speadi_verbs_slots *slots,
                                              const struct speadi_verbs_slot *slot)
{
    return slot->wr.num_sge == 1 + slots->has_spill;
}

static inline void speadi_verbs_slot_make_plain(const struct speadi_verbs_slots *slots,
                                                struct speadi_verbs_slot *slot)
{
    speadi_verbs_slot_begin_at(slots, slot, speadi_verbs_slot_at(slots, slot));
    slot->sge[0].length = slots->slot_bytes;
    slot->wr.num_sge = 1 + slots->has_spill;
    slot->head_bytes = 0;
    slot->place = SPEADI_RX_UNPLACED;
    if (slots->has_spill)
        slot->sge[1] =
            (struct ibv_sge){slots->memory.address + (uint64_t)slots->count * slots->slot_bytes,
                             SPEADI_VERBS_SPILL_BYTES, slots->memory.key};
}

/* Sets those fields of a placed slot that are the same for all frames with head_bytes bytes before the payload. The
 * caller must then set the address and the length of the payload. */
void speadi_verbs_slot_shape(const struct speadi_verbs_slots *slots, struct speadi_verbs_slot *slot,
                             uint32_t head_bytes, uint32_t heaps_key);

static inline void speadi_verbs_slot_place(const struct speadi_verbs_slots *slots,
                                           struct speadi_verbs_slot *slot,
                                           const struct speadi_rx_range *range, uint32_t head_bytes,
                                           uint64_t place, const struct speadi_verbs_memory *heaps)
{
    if (__builtin_expect(slot->head_bytes != head_bytes, 0))
        speadi_verbs_slot_shape(slots, slot, head_bytes, heaps->key);
    slot->sge[1].addr = heaps->address + range->offset;
    slot->sge[1].length = range->bytes;
    slot->payload = range->data;
    slot->place = place;
}

/* Posts a chain of `count` slots, which begins with `first`. It posts them to the work queue wq, or to the queue pair
 * qp if wq is NULL. The caller must set the field is_posted of the slots before. Returns how many slots were
 * posted. If some were not posted, *error is the positive errno, and these slots are free again. Otherwise *error is
 * 0. */
uint32_t speadi_verbs_slots_post(struct speadi_verbs_slots *slots, struct ibv_qp *qp,
                                 struct ibv_wq *wq, struct speadi_verbs_slot *first, uint32_t count,
                                 int *error);

#endif
