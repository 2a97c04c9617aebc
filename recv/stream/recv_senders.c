/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out who sent a packet, begins the runs of a sender, and ends the heaps of a sender that has stopped. */
#include <speadi/err.h>

#include "recv_stream.h"

#define NS_PER_S 1e9

/* Begins a new run of the sender: ends its live heaps, except `kept`, and forgets its finished heaps. No heap may hold
 * bytes of both runs. */
static void begin_run(struct spead_recv_stream *stream, struct speadi_sender *sender,
                      const struct speadi_live_heap *kept)
{
    const uint32_t id = sender->id;
    struct speadi_live_heap *live = stream->table.oldest, *newer;

    for (; live && sender->live_heaps > 0; live = newer) {
        newer = live->newer;
        if (live->sender == id && live != kept)
            speadi_recv_close_heap(stream, live, SPEADI_RECV_BY_EVICTION);
    }
    speadi_finished_forget(sender);
    sender->run_epoch = sender->finished_epoch;
    speadi_gap_trackers_restart(&stream->gaps, speadi_sender_index(id));
    sender->restarts++;
    sender->stopped = false;
    speadi_sender_row_add(sender->row, SPEADI_SENDER_RESTARTS, 1);
    speadi_sender_row_set(sender->row, SPEADI_SENDER_STOPPED, false);
    stream->tally.totals->sender_restarts++;
}

/* ---- Runs ---------------------------------------------------------------------------------- */

static struct speadi_sender_start start_in(const struct speadi_packet *packet)
{
    return (struct speadi_sender_start){.counter = packet->heap_counter,
                                        .length = packet->has_heap_length ? packet->heap_length
                                                                          : UINT64_MAX,
                                        .is_control = speadi_packet_control_heap(packet) != 0};
}

/* Tells whether a start item is a copy of the one before: networks can double packets. */
static bool is_copied_start(const struct spead_recv_stream *stream,
                            const struct speadi_sender *sender,
                            const struct speadi_sender_start *start)
{
    const struct speadi_sender_start *last = &sender->start;
    uint64_t came_ns = speadi_recv_came_ns(stream);

    return sender->has_started && last->counter == start->counter &&
           last->length == start->length && last->is_control == start->is_control &&
           (came_ns <= sender->start_ns || came_ns - sender->start_ns <= stream->config.repeat_ns);
}

void speadi_recv_sender_starts(struct spead_recv_stream *stream, struct speadi_sender *sender,
                               const struct speadi_packet *packet,
                               const struct speadi_live_heap *carrier)
{
    const struct speadi_sender_start start = start_in(packet);

    if (is_copied_start(stream, sender, &start))
        return;
    sender->has_started = true;
    sender->start = start;
    sender->start_ns = stream->age_ns;
    begin_run(stream, sender, carrier);
}

/* A sender was silent for so long that it may have been started anew. No heap may hold bytes of both runs. */
static void end_run(struct spead_recv_stream *stream, struct speadi_sender *sender)
{
    char name[SPEAD_SENDER_ADDRESS_TEXT_MAX], rest[SPEADI_LOG_PAUSE_TEXT_MAX];
    uint32_t heaps = sender->live_heaps;

    if (heaps > 0 && speadi_log_pause_ends(&stream->run_said, stream->age_ns, rest))
        speadi_log_line(
            &stream->config.log, SPEAD_LOG_INFO,
            "sender %s was silent for %.3g s: a new run begins, and %u heaps of the run "
            "before it end incomplete%s",
            spead_sender_address_format(&sender->address, name),
            (double)(stream->age_ns - sender->seen_ns) / NS_PER_S, heaps, rest);
    begin_run(stream, sender, NULL);
}

/* ---- Search -------------------------------------------------------------------------------- */

static struct speadi_sender *admit(struct spead_recv_stream *stream, uint16_t endpoint,
                                   const struct spead_sender_address *from)
{
    uint32_t replaced;
    struct speadi_sender *sender = speadi_sender_table_admit(
        &stream->senders, endpoint, from, stream->age_ns, stream->now_ns, &replaced);

    if (replaced != SPEADI_SENDER_NONE)
        speadi_gap_trackers_forget(&stream->gaps, speadi_sender_index(replaced));
    if (sender) {
        stream->heard_endpoints |= 1ull << endpoint;
        speadi_recv_compare_all(stream);
    }
    return sender;
}

static bool was_silent(const struct spead_recv_stream *stream, const struct speadi_sender *sender)
{
    return stream->config.restart_quiet_ns != 0 &&
           stream->age_ns - sender->seen_ns > stream->config.restart_quiet_ns;
}

/* This rare case is not inlined: otherwise every look-up would save the registers that it needs. */
static __attribute__((noinline)) struct speadi_sender *search(struct spead_recv_stream *stream,
                                                              const struct speadi_rx_packet *raw,
                                                              bool may_admit)
{
    const struct spead_sender_address *from = &stream->burst.from[raw->from].sender;
    uint16_t endpoint = speadi_recv_endpoint(stream, raw);
    struct speadi_sender *sender = speadi_sender_table_search(&stream->senders, endpoint, from);

    if (!sender && may_admit)
        sender = admit(stream, endpoint, from);
    else if (sender) {
        if (was_silent(stream, sender))
            end_run(stream, sender);
        speadi_sender_heard(&stream->senders, sender, stream->age_ns);
        speadi_sender_row_set(sender->row, SPEADI_SENDER_SEEN_NS, stream->now_ns);
    }
    if (sender)
        stream->sender_of[raw->from] = sender->id;
    return sender;
}

struct speadi_sender *speadi_recv_look_up_sender(struct spead_recv_stream *stream,
                                                 const struct speadi_rx_packet *raw, bool may_admit)
{
    struct speadi_sender *sender = speadi_sender_table_recent(
        &stream->senders, speadi_recv_endpoint(stream, raw), &stream->burst.from[raw->from].sender);

    /* As long as one sender sends, each burst takes this short way. */
    if (!sender || was_silent(stream, sender) || !speadi_sender_stays_newest(sender))
        return search(stream, raw, may_admit);
    sender->seen_ns = stream->age_ns;
    speadi_sender_row_set(sender->row, SPEADI_SENDER_SEEN_NS, stream->now_ns);
    stream->sender_of[raw->from] = sender->id;
    return sender;
}

void speadi_recv_forget_senders_of_burst(struct spead_recv_stream *stream)
{
    unsigned count = stream->burst.from_count;

    /* Most bursts have one sender. Without this test the loop becomes a call of memset() for no bytes. */
    stream->sender_of[0] = SPEADI_SENDER_NONE;
    if (__builtin_expect(count > 1, 0))
        for (unsigned i = 1; i < count; i++)
            stream->sender_of[i] = SPEADI_SENDER_NONE;
}

/* ---- Stop items ---------------------------------------------------------------------------- */

void speadi_recv_sender_stops(struct spead_recv_stream *stream, struct speadi_sender *sender,
                              uint64_t counter)
{
    if (sender->stopped)
        return;
    speadi_finished_forget(sender);
    sender->stopped = true;
    speadi_sender_row_set(sender->row, SPEADI_SENDER_STOPPED, true);
    sender->stop_counter = counter;
    stream->stop_items++;
    stream->stop_review_ns = 0;
    stream->last_stop = (struct speadi_recv_last_stop){
        .address = sender->address, .endpoint = sender->endpoint, .counter = counter};
    /* If the table has forgotten senders that sent data, this sender may be one of them. */
    if (!sender->has_sent_data && !stream->senders.forgot_data)
        stream->stopped_endpoints |= 1ull << sender->endpoint;
    stream->has_stopped_heaps = true;
}

bool speadi_recv_is_after_stop(const struct spead_recv_stream *stream,
                               const struct speadi_rx_packet *raw,
                               const struct speadi_sender *sender,
                               const struct speadi_packet *packet)
{
    bool own = sender && sender->stopped;

    if (!own && (stream->stopped_endpoints >> speadi_recv_endpoint(stream, raw) & 1) == 0)
        return false;
    return !own || !packet || packet->heap_counter != sender->stop_counter;
}

/* Returns true if no packet will be added to the heap any more, because its sender or its endpoint has stopped. */
static bool has_stopped(const struct spead_recv_stream *stream, const struct speadi_live_heap *live)
{
    const struct speadi_sender *sender = speadi_sender_table_get(&stream->senders, live->sender);

    if (sender->stopped)
        return live->heap.counter != sender->stop_counter;
    return stream->stopped_endpoints >> sender->endpoint & 1;
}

void speadi_recv_end_stopped_heaps(struct spead_recv_stream *stream)
{
    struct speadi_live_heap *live = stream->table.oldest, *newer;

    stream->has_stopped_heaps = false;
    for (; live; live = newer) {
        newer = live->newer;
        if (has_stopped(stream, live))
            speadi_recv_close_heap(stream, live, SPEADI_RECV_BY_FLUSH);
    }
}

/* Tells whether all senders of an endpoint have stopped. Senders that were silent for stop_silence_ns do not count:
 * they may have died without a stop item. */
static bool senders_have_stopped(const struct spead_recv_stream *stream, uint32_t endpoint)
{
    for (uint32_t i = 0; i < stream->senders.count; i++) {
        const struct speadi_sender *sender = &stream->senders.sender[i];

        if (sender->endpoint == endpoint && !sender->stopped &&
            stream->age_ns - sender->seen_ns <= stream->config.stop_silence_ns)
            return false;
    }
    return true;
}

bool speadi_recv_stop_items_suffice(const struct spead_recv_stream *stream)
{
    if (stream->config.stop_count > 0)
        return stream->stop_items >= stream->config.stop_count;
    for (uint32_t e = 0; e < stream->source_count; e++)
        if ((stream->heard_endpoints & ~stream->stopped_endpoints) >> e & 1 &&
            !senders_have_stopped(stream, e))
            return false;
    return true;
}
