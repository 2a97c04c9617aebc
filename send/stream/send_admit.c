/* SPDX-License-Identifier: Apache-2.0 */
/* Admits heaps: what the owner thread does once with each heap that producers have submitted, before it cuts packets. */
#include <sys/prctl.h>

#include <speadi/packet.h>

#include "send_stream.h"

void speadi_send_stream_sleep_exactly(void)
{
    /* The usual timer slack is 50 us, so a sleep can end up to 50 us late. Such a sleep would end at or after the time
     * of the pacer, and the stream would not reach its rate. If prctl() fails, the stream runs with the usual slack. */
    prctl(PR_SET_TIMERSLACK, 1ul);
}

/* From the first heap on that has a rate of its own, the owner thread reads the clock and sleeps until bursts are due. */
static void note_rate(struct spead_send_stream *stream)
{
    if (stream->pacer.has_own_rates)
        return;
    speadi_pacer_expect_own_rates(&stream->pacer);
    speadi_send_stream_sleep_exactly();
}

/* What only a heap needs that is not plain. */
static void admit_special(struct spead_send_stream *stream, const struct speadi_heap_entry *entry,
                          uint64_t position)
{
    if (speadi_heap_entry_ns_per_byte(entry) >= 0)
        note_rate(stream);
    if (speadi_heap_entry_mix_count(entry) > 1)
        speadi_mixed_heap_prepare(speadi_mixed_heap_at(&stream->mixed, position));
}

void speadi_send_stream_admit(struct spead_send_stream *stream)
{
    const uint64_t first = stream->queue.admitted;
    uint64_t position = first, packets = 0, bytes = 0;

    for (; speadi_heap_queue_is_published(&stream->queue, position); position++) {
        struct speadi_heap_entry *entry = speadi_heap_queue_at(&stream->queue, position);

        speadi_heap_counters_reach(&stream->counters, position, entry->is_next_of_group);
        if (!entry->explicit_counter)
            entry->counter = speadi_pointer_value(speadi_heap_counters_take(&stream->counters),
                                                  entry->heap->flavour.heap_address_bits);
        if (!entry->is_plain)
            admit_special(stream, entry, position);
        packets += speadi_heap_entry_packets(entry);
        bytes += entry->bytes;
    }
    if (position == first)
        return;
    stream->queue.admitted = position;
    speadi_send_ledger_submit(&stream->ledger,
                              &(struct speadi_send_admitted){
                                  .heaps = position - first, .packets = packets, .bytes = bytes});
}
