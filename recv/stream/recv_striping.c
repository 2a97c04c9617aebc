/* SPDX-License-Identifier: Apache-2.0 */
/* Notices when two senders fill one heap together. Then they are probably one sender, and the user can join them. */
#include <string.h>

#include <speadi/err.h>

#include "recv_stream.h"

#define LOOK_AT_MAX 64u /* slots of the window that are searched for the other heap */

/* Ranges of a heap, in ascending order. */
struct ranges {
    const struct speadi_span *span;
    uint32_t count;
};

static bool are_disjoint(struct ranges a, struct ranges b)
{
    uint32_t i = 0, j = 0;

    while (i < a.count && j < b.count) {
        if (a.span[i].end <= b.span[j].start)
            i++;
        else if (b.span[j].end <= a.span[i].start)
            j++;
        else
            return false;
    }
    return true;
}

/* Returns true if no byte has come in both heaps. Refused bytes count too, because in in-order mode most bytes of a
 * striped heap are refused. */
static bool nothing_came_twice(const struct spead_heap *a, const struct spead_heap *b)
{
    const struct ranges accepted_a = {a->spans, a->span_count},
                        refused_a = {a->refused, a->refused_count},
                        accepted_b = {b->spans, b->span_count},
                        refused_b = {b->refused, b->refused_count};

    return are_disjoint(accepted_a, accepted_b) && are_disjoint(accepted_a, refused_b) &&
           are_disjoint(refused_a, accepted_b) && are_disjoint(refused_a, refused_b);
}

static bool has_come(const struct spead_heap *heap)
{
    return heap->received > 0 || heap->refused_count > 0;
}

static bool fill_each_other(const struct speadi_live_heap *a, const struct speadi_live_heap *b)
{
    return a->heap.counter == b->heap.counter && a->sender != b->sender && has_come(&b->heap) &&
           a->heap.has_length && b->heap.has_length && a->heap.length == b->heap.length &&
           nothing_came_twice(&a->heap, &b->heap);
}

static void warn(const struct spead_recv_stream *stream, const struct speadi_live_heap *a,
                 const struct speadi_live_heap *b)
{
    char one[SPEAD_SENDER_ADDRESS_TEXT_MAX], other[SPEAD_SENDER_ADDRESS_TEXT_MAX];
    bool same_address =
        memcmp(a->heap.sender.address, b->heap.sender.address, sizeof a->heap.sender.address) == 0;

    speadi_log_line(&stream->config.log, SPEAD_LOG_WARNING,
                    "packets of heap %llu come from the senders %s and %s, and each fills gaps of "
                    "the other: if they are one sender, join them with sender_key = %s "
                    "(spead-recv --sender-key %s)",
                    (unsigned long long)a->heap.counter,
                    spead_sender_address_format(&a->heap.sender, one),
                    spead_sender_address_format(&b->heap.sender, other),
                    same_address ? "SPEAD_SENDER_KEY_ADDRESS" : "SPEAD_SENDER_KEY_NONE",
                    same_address ? "address" : "none");
}

void speadi_recv_note_striping(struct spead_recv_stream *stream,
                               const struct speadi_live_heap *live)
{
    const struct speadi_heap_table *table = &stream->table;
    uint32_t first = live->ring * table->slots_each;

    if (stream->senders.count < 2 || !has_come(&live->heap))
        return;
    for (uint32_t i = 0; i < table->slots_each && i < LOOK_AT_MAX; i++) {
        const struct speadi_live_heap *other = table->slot[first + i];

        if (!other || !fill_each_other(live, other))
            continue;
        if (stream->tally.totals->heaps_striped++ == 0)
            warn(stream, live, other);
        return;
    }
}
