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

void speadi_send_stream_admit(struct spead_send_stream *stream)
{
    struct speadi_send_admitted admitted = {0};
    struct speadi_heap_entry *entry;

    while ((entry = speadi_heap_queue_admit(&stream->queue)) != NULL) {
        speadi_heap_counters_reach(&stream->counters, stream->queue.admitted - 1,
                                   entry->is_next_of_group);
        if (!entry->explicit_counter)
            entry->counter = speadi_pointer_value(speadi_heap_counters_take(&stream->counters),
                                                  entry->heap->flavour.heap_address_bits);
        if (entry->ns_per_byte >= 0)
            note_rate(stream);
        if (entry->mix_count > 1)
            speadi_mixed_heap_prepare(
                speadi_mixed_heap_at(&stream->mixed, stream->queue.admitted - 1));
        admitted.heaps++;
        admitted.packets += entry->shape.packets;
        admitted.bytes += entry->shape.bytes;
    }
    if (admitted.heaps != 0)
        speadi_send_ledger_submit(&stream->ledger, &admitted);
}
