/* SPDX-License-Identifier: Apache-2.0 */
/* Notices when two senders bring the same heaps. Then they are probably one stream that comes over two networks, and the
 * user can join them. */
#include <string.h>

#include <speadi/err.h>
#include <speadi/numbers.h>

#include "recv_stream.h"

/* Two senders can send the same heap once without being one stream, for example a heap that says how they are set up.
 * So a sender needs this many such heaps, and of its last heaps one in DOUBLED_SHARE. */
#define DOUBLED_MIN   2u
#define DOUBLED_SHARE 3u

/* After this many heaps the older ones count half. */
#define WINDOW 32u

/* After a sender was heard for the first time, the stream compares so many heaps for each sender that it knows, but not
 * more than for SENDERS_MAX of them: forged senders must not make it compare for ever. */
#define COMPARE_NEW 64u
#define SENDERS_MAX 64u

void speadi_recv_compare_all(struct spead_recv_stream *stream)
{
    stream->compare_until =
        stream->outlet.sequence +
        COMPARE_NEW * (uint64_t)speadi_min_u32(stream->senders.count, SENDERS_MAX);
}

static void warn(const struct spead_recv_stream *stream, uint64_t counter,
                 const struct speadi_sender *a, const struct speadi_sender *b)
{
    char one[SPEAD_SENDER_ADDRESS_TEXT_MAX], other[SPEAD_SENDER_ADDRESS_TEXT_MAX];
    bool same_address =
             memcmp(a->address.address, b->address.address, sizeof a->address.address) == 0 &&
             a->endpoint == b->endpoint,
         apart = a->endpoint != b->endpoint;

    speadi_log_line(&stream->config.log, SPEAD_LOG_WARNING,
                    "heap %llu came from the senders %s and %s with the same bytes, and so did "
                    "others: if two networks bring one stream, join them with %ssender_key = %s "
                    "(spead-recv %s--sender-key %s)",
                    (unsigned long long)counter, spead_sender_address_format(&a->address, one),
                    spead_sender_address_format(&b->address, other), apart ? "joint and " : "",
                    same_address ? "SPEAD_SENDER_KEY_ADDRESS" : "SPEAD_SENDER_KEY_NONE",
                    apart ? "--joint " : "", same_address ? "address" : "none");
}

/* Counts that the sender has brought a heap that `other` has brought before. */
static void doubled(struct spead_recv_stream *stream, uint64_t counter,
                    struct speadi_sender *sender, const struct speadi_sender *other)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    sender->heaps_doubled++;
    if (sender->heaps_doubled < DOUBLED_MIN ||
        sender->heaps_doubled * DOUBLED_SHARE < sender->heaps_asked)
        return;
    if (totals->heaps_doubled == 0)
        warn(stream, counter, other, sender);
    totals->heaps_doubled++;
}

/* Tells whether a heap that has ended now came from the sender of `before` too, at about the same time. A sender that has
 * stopped does not count: the other sender can be its next run, on another port. */
static const struct speadi_sender *other_of(const struct spead_recv_stream *stream,
                                            const struct speadi_heap_print *before, uint64_t print,
                                            const struct speadi_sender *sender)
{
    const struct speadi_sender *other = speadi_sender_table_get(&stream->senders, before->sender);
    uint64_t came_ns = speadi_recv_came_ns(stream);

    if (before->print != print || !other || other == sender || other->stopped ||
        (came_ns > before->time_ns && came_ns - before->time_ns > stream->config.repeat_ns))
        return NULL;
    return other;
}

void speadi_recv_note_doubling(struct spead_recv_stream *stream,
                               const struct speadi_live_heap *live)
{
    struct speadi_sender *sender = speadi_sender_table_get(&stream->senders, live->sender);
    const struct speadi_sender *other;
    struct speadi_heap_print before;
    uint64_t print;

    if (!sender || !live->heap.region->data)
        return;
    print = speadi_heap_print(&live->heap);
    if (print == 0)
        return;
    before = speadi_heap_prints_add(&stream->prints, print, sender->id, stream->age_ns);
    if (sender->heaps_asked++ == WINDOW) {
        sender->heaps_asked /= 2;
        sender->heaps_doubled /= 2;
    }
    other = other_of(stream, &before, print, sender);
    if (other)
        doubled(stream, live->heap.counter, sender, other);
}
