/* Receive slots: registered host memory, each slot room for the longest frame, and the work request that
 * posts it. A slot is free, posted, or lent.
 *
 * A placed slot is scattered over three pieces: the frame's head into the slot, the payload into the range that
 * was reserved, whatever more there is into the rest of the slot, so that no frame is ever too long. */
#ifndef SPEADI_VERBS_SLOTS_H
#define SPEADI_VERBS_SLOTS_H

#include <speadi/verbs_device.h>

#include "rx_engine.h"

struct speadi_verbs_slot {
    struct ibv_recv_wr wr; /* wr_id: the slot's number */
    struct ibv_sge sge[3];
    uint8_t *data;
    uint64_t place;      /* reservation, or SPEADI_RX_UNPLACED */
    uint8_t *payload;    /* where it was asked to go, when placed; NULL: the CPU cannot touch it */
    uint32_t head_bytes; /* of the frame, before the payload, when placed */
    uint32_t queue;      /* number of the queue that it is posted to; 0: to none */
    uint32_t wq;         /* which of its work queues */
};

struct speadi_verbs_slots {
    struct speadi_verbs_device *device;
    struct speadi_verbs_arena arena;
    struct speadi_verbs_memory memory;
    struct speadi_verbs_slot *slot;
    uint32_t count, slot_bytes;
    uint32_t *free; /* numbers of free slots; a stack, so that warm ones are used first */
    uint32_t free_count;
};

/* count slots of slot_bytes. Returns 0 or -errno with a sentence; what was made is for close(). */
int speadi_verbs_slots_open(struct speadi_verbs_slots *slots, struct speadi_verbs_device *device,
                            uint32_t count, uint32_t slot_bytes, struct spead_err *err);

/* Nothing is posted any more. Safe when zeroed. */
void speadi_verbs_slots_close(struct speadi_verbs_slots *slots);

uint64_t speadi_verbs_slots_bytes(const struct speadi_verbs_slots *slots);

/* What is posted to that queue is free again: the queue has gone, without completing all of it. */
void speadi_verbs_slots_reclaim(struct speadi_verbs_slots *slots, uint32_t queue);

/* A free slot, as it was last used: make it a plain or a placed one. The caller posts its wr. */
static inline struct speadi_verbs_slot *speadi_verbs_slots_take(struct speadi_verbs_slots *slots)
{
    return &slots->slot[slots->free[--slots->free_count]];
}

static inline void speadi_verbs_slots_free(struct speadi_verbs_slots *slots, uint32_t number)
{
    slots->free[slots->free_count++] = number;
}

static inline void speadi_verbs_slot_make_plain(struct speadi_verbs_slot *slot, uint32_t slot_bytes)
{
    slot->sge[0].length = slot_bytes;
    slot->wr.num_sge = 1;
    slot->place = SPEADI_RX_UNPLACED;
}

/* What all ranges behind heads of so many bytes share: only where the payload goes is left to say. */
void speadi_verbs_slot_shape(struct speadi_verbs_slot *slot, uint32_t slot_bytes,
                             uint32_t head_bytes, uint32_t heaps_key);

static inline void speadi_verbs_slot_place(struct speadi_verbs_slot *slot, uint32_t slot_bytes,
                                           const struct speadi_rx_range *range, uint32_t head_bytes,
                                           uint64_t place, const struct speadi_verbs_memory *heaps)
{
    if (slot->wr.num_sge == 1 || slot->head_bytes != head_bytes)
        speadi_verbs_slot_shape(slot, slot_bytes, head_bytes, heaps->key);
    slot->sge[1].addr = heaps->address + range->offset;
    slot->sge[1].length = range->bytes;
    slot->payload = range->data;
    slot->place = place;
}

/* Posts the chain of `count` slots that begins with first to a queue pair, or to one of its work queues, whose
 * numbers they have. Returns how many
 * it took, *error (positive) says why not all; those it did not take are free. */
uint32_t speadi_verbs_slots_post(struct speadi_verbs_slots *slots, struct ibv_qp *qp,
                                 struct ibv_wq *wq, struct speadi_verbs_slot *first, uint32_t count,
                                 int *error);

#endif
