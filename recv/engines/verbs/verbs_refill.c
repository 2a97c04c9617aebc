/* SPDX-License-Identifier: Apache-2.0 */
/* Posts receives to a verbs queue, and says how many are used up. */
#include <errno.h>

#include <speadi/numbers.h>

#include "rx_verbs.h"

#define HEAD_BYTES_MAX 512u /* packets with longer headers get no reservations */

/* Returns true if there is a queue that takes receives. After an error there is none, although the engine may still lend
 * packets that came before. */
static bool can_post(const struct speadi_verbs_engine *e)
{
    return !e->error && !e->failed && e->queue.qp;
}

/* Takes `count` free slots, makes them plain (without a reserved range), and links them in a chain. Returns the first
 * slot. */
static struct speadi_verbs_slot *chain(struct speadi_verbs_engine *e, unsigned wq, uint32_t count)
{
    struct ibv_recv_wr *first, **link = &first;

    while (count-- > 0) {
        struct speadi_verbs_slot *slot = speadi_verbs_slots_take(&e->slots);

        speadi_verbs_slot_make_plain(&e->slots, slot);
        slot->is_posted = true;
        slot->wq = wq;
        *link = &slot->wr;
        link = &slot->wr.next;
    }
    *link = NULL;
    return (struct speadi_verbs_slot *)(void *)first; /* wr is the first member of a slot */
}

/* Takes a free slot for each range, gives the range to the slot, and links the slots in a chain. Returns the first
 * slot. */
static struct speadi_verbs_slot *chain_placed(struct speadi_verbs_engine *e, uint32_t head_bytes,
                                              const struct speadi_rx_range *ranges, uint32_t count)
{
    struct ibv_recv_wr *first, **link = &first;
    const struct speadi_verbs_memory heaps = e->heaps;
    uint32_t slot_bytes = e->slots.slot_bytes;
    uint64_t place = e->accepted;
    struct speadi_verbs_slot *const slots = e->slots.slot;
    const uint32_t *free = e->slots.free + e->slots.free_count;

    e->slots.free_count -= count;
    for (uint32_t i = 0; i < count; i++) {
        struct speadi_verbs_slot *slot = &slots[*--free];

        speadi_verbs_slot_place(slot, slot_bytes, &ranges[i], head_bytes, place + i, &heaps);
        slot->is_posted = true;
        slot->wq = 0;
        *link = &slot->wr;
        link = &slot->wr.next;
    }
    *link = NULL;
    return (struct speadi_verbs_slot *)(void *)first;
}

static uint32_t post(struct speadi_verbs_engine *e, struct speadi_verbs_slot *first, uint32_t count)
{
    struct ibv_wq *wq = e->queue.wq_count ? e->queue.wq[first->wq] : NULL;
    uint32_t taken;
    int error;

    e->wq_posted[first->wq] += count;
    taken = speadi_verbs_slots_post(&e->slots, e->queue.qp, wq, first, count, &error);
    e->wq_posted[first->wq] -= count - taken;
    e->posted += taken;
    /* ENOMEM: the queue is full at the moment. There is room again when it has completed a receive. */
    if (error && (error != ENOMEM || e->posted == 0))
        e->failed = true;
    return taken;
}

static void refill_slots(struct speadi_verbs_engine *e)
{
    uint32_t wanted = e->placing ? e->window : e->depth;
    uint32_t room = wanted > e->posted ? wanted - e->posted : 0;

    room = speadi_min_u32(room, e->slots.free_count);
    if (room > 0)
        post(e, chain(e, 0, room), room);
}

/* Posts plain slots (without a reserved range) to each work queue, until each work queue has its share of e->depth. */
static void refill_wqs(struct speadi_verbs_engine *e)
{
    uint32_t share = e->depth / e->queue.wq_count;

    for (unsigned i = 0; i < e->queue.wq_count; i++) {
        uint32_t room = speadi_min_u32(share - e->wq_posted[i], e->slots.free_count);

        if (room > 0)
            post(e, chain(e, i, room), room);
    }
}

/* Posts the entries of a multi-packet queue that hold no kept frame. */
static void refill_entries(struct speadi_verbs_engine *e)
{
    bool keeps = e->arrival_next < e->arrival_count;

    speadi_mprq_refill(&e->mprq, keeps ? e->arrival[e->arrival_next].slot : e->mprq.used);
}

void speadi_verbs_refill(struct speadi_verbs_engine *e)
{
    if (e->is_striding)
        refill_entries(e);
    else if (e->queue.wq_count > 1)
        refill_wqs(e);
    else
        refill_slots(e);
}

/* Posts the slots of the last burst again, in the order in which they were lent. The device then uses these slots in
 * the same order again. */
static void repost(struct speadi_verbs_engine *e)
{
    struct ibv_recv_wr *next = NULL;
    uint32_t count = e->lent_count;

    while (e->lent_count > 0) {
        struct speadi_verbs_slot *slot = &e->slots.slot[e->lent[--e->lent_count]];

        if (!speadi_verbs_slot_is_plain(&e->slots, slot))
            speadi_verbs_slot_make_plain(&e->slots, slot);
        slot->is_posted = true;
        slot->wq = 0;
        slot->wr.next = next;
        next = &slot->wr;
    }
    post(e, (struct speadi_verbs_slot *)(void *)next, count); /* wr is the first member of a slot */
}

void speadi_verbs_return(struct speadi_verbs_engine *e)
{
    bool works = can_post(e);

    if (works && !e->placing && e->queue.wq_count == 0 && e->lent_count > 0 &&
        e->posted + e->lent_count <= e->depth) {
        repost(e);
        return;
    }
    speadi_verbs_slots_free_all(&e->slots, e->lent, e->lent_count);
    e->lent_count = 0;
    if (works && !e->placing)
        speadi_verbs_refill(e);
}

/* Returns how many of `count` ranges can be reserved now. */
static unsigned limit_count(const struct speadi_verbs_engine *e, unsigned count)
{
    uint64_t limit = SPEADI_RX_RESERVE_MAX - (e->accepted - e->ended);

    /* A kept frame may lie in a range that the core still counts as reserved. */
    if (e->posted >= e->window || e->arrival_count > 0)
        return 0;
    limit = speadi_min_u64(limit, e->window - e->posted);
    limit = speadi_min_u64(limit, e->slots.free_count);
    return (unsigned)speadi_min_u64(limit, count);
}

unsigned speadi_verbs_reserve(struct speadi_verbs_engine *e, uint16_t source, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count)
{
    uint32_t frame_head = e->reader.frame_head[source];

    if (!e->attached || e->quiesced || !can_post(e) || e->slots.has_spill || !frame_head ||
        !head_bytes || head_bytes > HEAD_BYTES_MAX ||
        frame_head + head_bytes >= e->slots.slot_bytes)
        return 0;
    e->placing = true;
    e->unreserved = 0;
    count = limit_count(e, count);
    if (count == 0)
        return 0;
    count = post(e, chain_placed(e, frame_head + head_bytes, ranges, count), count);
    e->accepted += count;
    return count;
}

/* Returns which part of the receives of the fullest queue is used up. */
static double used_up_slots(const struct speadi_verbs_engine *e)
{
    uint32_t count = speadi_max_u32(e->queue.wq_count, 1), share = e->depth / count;
    uint32_t least = share;

    for (uint32_t i = 0; i < count; i++)
        least = speadi_min_u32(least, e->wq_posted[i]);
    return 1 - (double)least / share;
}

/* Only the completions tell how many receives are used up. So the function polls them and keeps their frames, which is
 * no more work than to poll them later. A failed queue counts as full, because only poll() can replace it.
 *
 * While the core makes reservations, few receives are posted. But the core calls this function only while it does not
 * read packets. So the function then posts as many receives as it can. */
double speadi_verbs_used_up(struct speadi_verbs_engine *e)
{
    if (e->failed || e->error)
        return 1;
    if (e->placing) {
        e->placing = false;
        speadi_verbs_refill(e);
    }
    speadi_verbs_keep(e);
    if (e->failed)
        return 1;
    return e->is_striding ? speadi_mprq_fill(&e->mprq) : used_up_slots(e);
}
