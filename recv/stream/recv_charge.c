/* SPDX-License-Identifier: Apache-2.0 */
/* Charges the memory of a heap. Where memory does not suffice, ends older live heaps early, as newer heaps would do
 * later. Without this, a heap that waits for a lost packet could keep the last memory for ever: heaps that find no
 * memory are short-lived, so nothing would push the waiting heap out. */
#include "recv_stream.h"

/* Charges the memory of the heap up to the offset 2 * end, or only up to `end` if there is not enough memory. It
 * charges no more, because a packet with a forged length must not take memory from other heaps. Returns false if the
 * memory is not enough even for `end`. */
static bool charge(struct speadi_live_heap *live, uint64_t end)
{
    struct speadi_block *region = live->heap.region;
    uint64_t ahead = 2 * end, most = live->heap.has_length ? live->heap.length : region->bytes;

    if (end <= region->charged_bytes)
        return true;
    if (ahead > most)
        ahead = most;
    return (ahead > end && speadi_block_charge(region, ahead) == 0) ||
           speadi_block_charge(region, end) == 0;
}

bool speadi_recv_make_room(struct spead_recv_stream *stream, const struct speadi_sender *sender,
                           uint32_t ring, const struct speadi_live_heap *taker, bool *again)
{
    struct speadi_live_heap *giver;

    if (stream->leaving.count > 0) /* their memory comes back when their receives have ended */
        return false;
    giver = speadi_recv_choose_giver(stream, sender, ring, taker);
    if (!giver)
        return false;
    speadi_recv_starved(stream, giver);
    /* A heap that is handed over keeps its memory. Senders that work must not wait for that because of newcomers. */
    giver->gives_memory =
        speadi_recv_is_guest(stream, speadi_sender_table_get(&stream->senders, giver->sender));
    /* Else the consumer or posted receives keep the memory for a while. To end more heaps would help no sooner. */
    *again = giver->reservations == 0 && !speadi_recv_is_wanted(stream, giver);
    speadi_recv_close_heap(stream, giver, SPEADI_RECV_BY_EVICTION);
    if (stream->outlet.pending_count > 0)
        speadi_recv_hand_over(stream, true);
    return true;
}

__attribute__((noinline)) static bool charge_scarce(struct spead_recv_stream *stream,
                                                    struct speadi_live_heap *live, uint64_t end,
                                                    bool *paused)
{
    const struct speadi_sender *sender = speadi_sender_table_get(&stream->senders, live->sender);
    bool again = true;

    if (stream->outlet.pending_count > 0) {
        speadi_recv_hand_over(stream, true);
        if (charge(live, end))
            return true;
        *paused = stream->outlet.pending_count > 0 && speadi_recv_waits_for_room(stream);
        if (*paused)
            return false;
    }
    while (again && speadi_recv_make_room(stream, sender, live->ring, live, &again))
        if (charge(live, end))
            return true;
    return false;
}

bool speadi_recv_find_more_memory(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                                  uint64_t end, bool *paused)
{
    return __builtin_expect(charge(live, end), 1) || charge_scarce(stream, live, end, paused);
}
