/* SPDX-License-Identifier: Apache-2.0 */
/* The start point: discards whole heaps until their sender has reached it. */
#include <speadi/err.h>
#include <speadi/log_pause.h>
#include <speadi/utc.h>

#include "recv_stream.h"
#include "start_point.h"

static bool is_in_sync(const struct spead_recv_stream *stream, const struct speadi_sender *sender)
{
    return sender->sync_epoch == stream->start.epoch;
}

/* ---- A new start point --------------------------------------------------------------------- */

void speadi_recv_set_start_point(struct spead_recv_stream *stream,
                                 const struct spead_recv_start_point *point)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    stream->start.point = *point;
    stream->start.epoch++; /* no sender is in sync any more */
    stream->start.absent_said = false;
    totals->awaits_start = point->kind != SPEAD_START_POINT_NONE;
    totals->senders_in_sync = 0;
    totals->sync_heap = 0;
    totals->sync_ns = 0;
}

void speadi_recv_take_start_point(struct spead_recv_stream *stream)
{
    struct spead_recv_start_point point;
    char text[SPEADI_START_POINT_TEXT_MAX];

    pthread_mutex_lock(&stream->start_lock);
    point = stream->start_asked;
    /* relaxed: the lock orders it with the start point */
    stream->start.calls = atomic_load_explicit(&stream->start_calls, memory_order_relaxed);
    pthread_mutex_unlock(&stream->start_lock);
    speadi_recv_set_start_point(stream, &point);
    speadi_log_line(&stream->config.log, SPEAD_LOG_INFO,
                    point.kind == SPEAD_START_POINT_NONE
                        ? "heaps are taken from %s that comes now"
                        : "waiting for %s: heaps before it are discarded from now on",
                    speadi_start_point_text(text, &point));
}

/* ---- Heaps --------------------------------------------------------------------------------- */

static void say_absent(struct spead_recv_stream *stream, const struct speadi_sender *sender,
                       const struct speadi_packet *packet)
{
    char name[SPEAD_SENDER_ADDRESS_TEXT_MAX];

    if (stream->start.absent_said)
        return;
    stream->start.absent_said = true;
    speadi_log_line(
        &stream->config.log, SPEAD_LOG_WARNING,
        "the first packet of heap %llu of sender %s has no immediate item 0x%llx, which "
        "the start point needs: such heaps are discarded until the sender is in sync",
        (unsigned long long)packet->heap_counter,
        spead_sender_address_format(&sender->address, name),
        (unsigned long long)stream->start.point.item);
}

static void say_in_sync(struct spead_recv_stream *stream, const struct speadi_sender *sender,
                        const struct speadi_packet *packet, uint64_t time_ns)
{
    char name[SPEAD_SENDER_ADDRESS_TEXT_MAX], rest[SPEADI_LOG_PAUSE_TEXT_MAX];
    char utc[SPEADI_UTC_TEXT_MAX];

    if (!speadi_log_pause_ends(&stream->start.said, stream->now_ns, rest))
        return;
    speadi_log_line(&stream->config.log, SPEAD_LOG_INFO,
                    "sender %s is in sync since heap %llu, time %s: %llu heaps before the start "
                    "point were discarded%s",
                    spead_sender_address_format(&sender->address, name),
                    (unsigned long long)packet->heap_counter, speadi_utc_text(utc, time_ns),
                    (unsigned long long)sender->heaps_before_start, rest);
}

/* The heap of this packet is the first one at the start point or behind it. */
static void come_in_sync(struct spead_recv_stream *stream, struct speadi_sender *sender,
                         const struct speadi_packet *packet, uint64_t value, uint64_t time_ns)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    sender->sync_epoch = stream->start.epoch;
    sender->sync_age_ns = stream->age_ns;
    sender->sync_value = value;
    /* The counters of the discarded heaps are not missing. */
    speadi_gap_trackers_restart(&stream->gaps, speadi_sender_index(sender->id));
    totals->senders_in_sync++;
    if (totals->awaits_start) {
        totals->awaits_start = 0;
        totals->sync_heap = packet->heap_counter;
        totals->sync_ns = time_ns;
    }
    say_in_sync(stream, sender, packet, time_ns);
    sender->heaps_before_start = 0;
}

/* Tells whether a new heap of a sender that is in sync must be discarded: networks reorder packets, so heaps from before
 * the start point can come a moment later. */
static bool is_straggler(const struct spead_recv_stream *stream, const struct speadi_sender *sender,
                         const struct speadi_packet *packet,
                         const struct speadi_start_verdict *verdict)
{
    return stream->age_ns - sender->sync_age_ns <= SPEADI_FINISHED_FORGET_NS && verdict->known &&
           speadi_start_point_is_before(&stream->start.point, sender->sync_value, verdict->value,
                                        packet->heap_address_bits);
}

bool speadi_recv_is_before_start(struct spead_recv_stream *stream,
                                 const struct speadi_rx_packet *raw, struct speadi_sender *sender,
                                 const struct speadi_packet *packet)
{
    struct speadi_start_verdict verdict;

    /* A control heap begins or ends a run whatever the start point is. A heap that has begun was judged when it began. */
    if (speadi_packet_control_heap(packet) != 0 ||
        speadi_heap_table_find(&stream->table, sender->id, packet->heap_counter) ||
        speadi_finished_find(&stream->finished, sender, packet->heap_counter, stream->age_ns))
        return false;
    verdict = speadi_start_point_judge(&stream->start.point, packet, raw->time_ns);
    if (is_in_sync(stream, sender))
        return is_straggler(stream, sender, packet, &verdict);
    if (!verdict.known)
        say_absent(stream, sender, packet);
    if (!verdict.reached)
        return true;
    come_in_sync(stream, sender, packet, verdict.value, raw->time_ns);
    return false;
}

void speadi_recv_discard_before_start(struct spead_recv_stream *stream,
                                      struct speadi_sender *sender,
                                      const struct speadi_packet *packet)
{
    const struct speadi_heap_key key = speadi_recv_heap_key(stream, sender, packet->heap_counter);
    struct speadi_finished_heap *finished =
        speadi_finished_add(&stream->finished, &key, sender, stream->age_ns);

    finished->refused_as = SPEAD_RECV_BEFORE_START;
    finished->heap_address_bits = packet->heap_address_bits;
    finished->has_length = packet->has_heap_length;
    finished->length = packet->heap_length;
    finished->controls = (uint8_t)speadi_packet_boundaries(packet);
    sender->has_sent_data = true;
    sender->newest_counter = packet->heap_counter;
    sender->heaps_before_start++;
    stream->tally.totals->heaps_before_start++;
}

void speadi_recv_say_never_in_sync(const struct spead_recv_stream *stream)
{
    const struct spead_recv_counters *totals = stream->tally.totals;
    char text[SPEADI_START_POINT_TEXT_MAX];

    if (totals->awaits_start)
        speadi_log_line(&stream->config.log, SPEAD_LOG_WARNING,
                        "the stream has ended and never got in sync: %s did not come; %llu heaps "
                        "before it were discarded",
                        speadi_start_point_text(text, &stream->start.point),
                        (unsigned long long)totals->heaps_before_start);
}
