/* SPDX-License-Identifier: Apache-2.0 */
/* Posts receives to a verbs queue, and says how many are used up. */
#include <errno.h>

#include <speadi/numbers.h>

#include "rx_verbs.h"

#define HEAD_BYTES_MAX 512u /* packets with longer headers get no reservations */

/* Returns true if the queue takes receives. After an error it takes none, although the engine may still lend packets that
 * came before. */
static bool can_post(const struct speadi_verbs_engine *e, const struct speadi_verbs_queue *queue)
{
    return !e->error && !e->failed && queue->qp;
}

/* Takes `count` free slots, makes them plain (without a reserved range), and links them in a chain. Returns the first
 * slot. */
static struct speadi_verbs_slot *chain(struct speadi_verbs_slots *slots, uint32_t count)
{
    struct ibv_recv_wr *first, **link = &first;

    while (count-- > 0) {
        struct speadi_verbs_slot *slot = speadi_verbs_slots_take(slots);

        speadi_verbs_slot_make_plain(slots, slot);
        slot->is_posted = true;
        *link = &slot->wr;
        link = &slot->wr.next;
    }
    *link = NULL;
    return (struct speadi_verbs_slot *)(void *)first; /* wr is the first member of a slot */
}

/* Takes a free slot for each range, gives the range to the slot, and links the slots in a chain. Returns the first
 * slot. */
static struct speadi_verbs_slot *chain_placed(struct speadi_verbs_engine *e,
                                              struct speadi_verbs_queue *queue, uint32_t head_bytes,
                                              const struct speadi_rx_range *ranges, uint32_t count)
{
    struct ibv_recv_wr *first, **link = &first;
    const struct speadi_verbs_memory heaps = e->heaps;
    const uint64_t step = e->queue_count;
    uint64_t place = queue->accepted;
    struct speadi_verbs_slot *const slots = queue->slots.slot;
    const uint32_t *free = queue->slots.free + queue->slots.free_count;

    queue->slots.free_count -= count;
    for (uint32_t i = 0; i < count; i++, place += step) {
        struct speadi_verbs_slot *slot = &slots[*--free];

        speadi_verbs_slot_place(&queue->slots, slot, &ranges[i], head_bytes, place, &heaps);
        slot->is_posted = true;
        *link = &slot->wr;
        link = &slot->wr.next;
    }
    *link = NULL;
    return (struct speadi_verbs_slot *)(void *)first;
}

static uint32_t post(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                     struct speadi_verbs_slot *first, uint32_t count)
{
    uint32_t taken;
    int error;

    taken = speadi_verbs_slots_post(&queue->slots, queue->qp, queue->wq, first, count, &error);
    queue->posted += taken;
    /* ENOMEM: the queue is full at the moment. There is room again when it has completed a receive. */
    if (error && (error != ENOMEM || queue->posted == 0))
        speadi_verbs_note_failure(e, queue);
    return taken;
}

static void refill_slots(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue)
{
    uint32_t wanted = queue->placing ? e->window : e->depth;
    uint32_t room = wanted > queue->posted ? wanted - queue->posted : 0;

    room = speadi_min_u32(room, queue->slots.free_count);
    if (room > 0)
        post(e, queue, chain(&queue->slots, room), room);
}

/* Posts the entries of a multi-packet queue that hold no kept frame. */
static void refill_entries(struct speadi_verbs_queue *queue)
{
    bool keeps = queue->arrival_next < queue->arrival_count;

    speadi_mprq_refill(&queue->mprq,
                       keeps ? queue->arrival[queue->arrival_next].slot : queue->mprq.used);
}

void speadi_verbs_refill(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue)
{
    if (e->is_striding)
        refill_entries(queue);
    else
        refill_slots(e, queue);
}

/* Posts the slots that the queue has lent in the last burst again, in the order in which they were lent. The device then
 * uses these slots in the same order again. */
static void repost(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue)
{
    const struct speadi_verbs_slots *slots = &queue->slots;
    const uint32_t *lent = e->lent + queue->lent_first;
    struct ibv_recv_wr *next = NULL;
    uint32_t count = queue->lent_count;

    while (queue->lent_count > 0) {
        struct speadi_verbs_slot *slot = &slots->slot[lent[--queue->lent_count]];

        if (!speadi_verbs_slot_is_plain(slots, slot))
            speadi_verbs_slot_make_plain(slots, slot);
        slot->is_posted = true;
        slot->wr.next = next;
        next = &slot->wr;
    }
    post(e, queue, (struct speadi_verbs_slot *)(void *)next,
         count); /* wr is the first member of a slot */
}

void speadi_verbs_return(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue)
{
    bool works = can_post(e, queue);

    if (works && !queue->placing && queue->lent_count > 0 &&
        queue->posted + queue->lent_count <= e->depth) {
        repost(e, queue);
        return;
    }
    speadi_verbs_slots_free_all(&queue->slots, e->lent + queue->lent_first, queue->lent_count);
    queue->lent_count = 0;
    if (works && !queue->placing)
        speadi_verbs_refill(e, queue);
}

/* Returns how many of `count` ranges can be reserved now. */
static unsigned limit_count(const struct speadi_verbs_engine *e,
                            const struct speadi_verbs_queue *queue, unsigned count)
{
    uint64_t limit = (SPEADI_RX_RESERVE_MAX - (queue->accepted - queue->ended)) / e->queue_count;

    /* A kept frame may lie in a range that the core still counts as reserved. */
    if (queue->posted >= e->window || queue->arrival_count > 0)
        return 0;
    limit = speadi_min_u64(limit, e->window - queue->posted);
    limit = speadi_min_u64(limit, queue->slots.free_count);
    return (unsigned)speadi_min_u64(limit, count);
}

unsigned speadi_verbs_reserve(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                              uint16_t source, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count)
{
    uint32_t frame_head = queue->reader.frame_head[source];

    if (!e->attached || e->quiesced || !can_post(e, queue) || queue->slots.has_spill ||
        !frame_head || !head_bytes || head_bytes > HEAD_BYTES_MAX ||
        frame_head + head_bytes >= queue->slots.slot_bytes)
        return 0;
    queue->placing = true;
    queue->unreserved = 0;
    count = limit_count(e, queue, count);
    if (count == 0)
        return 0;
    count = post(e, queue, chain_placed(e, queue, frame_head + head_bytes, ranges, count), count);
    queue->accepted += (uint64_t)count * e->queue_count;
    return count;
}

/* Only the completions tell how many receives are used up. So the function polls them and keeps their frames, which is
 * no more work than to poll them later. Returns which part of the receives of the queue is used up.
 *
 * While the core makes reservations, few receives are posted. But the core calls this function only while it does not
 * read packets. So the function then posts as many receives as it can. */
static double used_up(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue)
{
    if (queue->placing) {
        queue->placing = false;
        speadi_verbs_refill(e, queue);
    }
    speadi_verbs_keep(e, queue);
    return e->is_striding ? speadi_mprq_fill(&queue->mprq) : 1 - (double)queue->posted / e->depth;
}

/* A failed queue counts as full, because only poll() can replace it. */
double speadi_verbs_used_up(struct speadi_verbs_engine *e)
{
    double most = 0;

    for (unsigned i = 0; i < e->queue_count && !e->failed && !e->error; i++) {
        double part = used_up(e, &e->queue[i]);

        if (part > most)
            most = part;
    }
    return e->failed || e->error ? 1 : most;
}
