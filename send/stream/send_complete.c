/* SPDX-License-Identifier: Apache-2.0 */
/* How heaps end: the owner thread reaps packets in order and counts them in the ledger. It also completes the heaps in
 * order. */
#include "send_stream.h"

#include <assert.h>
#include <errno.h>

enum { REAP_RECORDS = 64 };

static struct speadi_heap_entry *oldest_entry(const struct spead_send_stream *stream)
{
    return speadi_heap_queue_at(&stream->queue, speadi_heap_queue_oldest(&stream->queue));
}

/* Returns what has become of the packets of the oldest heap. */
static struct speadi_heap_done *done_of_oldest(struct spead_send_stream *stream)
{
    if (speadi_heap_entry_mix_count(oldest_entry(stream)) > 1)
        return &speadi_mixed_heap_at(&stream->mixed, speadi_heap_queue_oldest(&stream->queue))
                    ->done;
    return &stream->oldest;
}

/* Counts packets of a heap as done with `error` (0 means that they were sent). The error of the heap is the first error
 * of one of its packets. */
static void end_packets(struct spead_send_stream *stream, struct speadi_heap_done *heap,
                        enum spead_send_bucket bucket, uint64_t packets, uint64_t bytes, int error)
{
    speadi_send_ledger_end(&stream->ledger, bucket, packets, bytes, error);
    heap->packets += packets;
    heap->bytes += bytes;
    if (error == 0) {
        heap->bytes_sent += bytes;
    } else if (error != SPEADI_TX_INJECTED && heap->error == 0) {
        heap->error = error;
        heap->bucket = bucket;
    }
}

/* Counts packets of a heap that the engine has reported as done. */
static void end_reported(struct spead_send_stream *stream, const struct speadi_heap_entry *entry,
                         struct speadi_heap_done *heap, uint64_t packets, uint64_t bytes, int error)
{
    const enum spead_send_bucket bucket = error ? speadi_send_bucket_of(error) : SPEAD_SEND_SENT;

    if (error != 0 || stream->trouble.is_interrupted)
        speadi_send_trouble_note(&stream->trouble, &(struct speadi_send_mishap){
                                                       bucket, error, entry->destination, packets});
    end_packets(stream, heap, bucket, packets, bytes, error);
}

/* Completes the oldest heap, whose entry is *entry. It frees the slot of the heap before it calls done(), because done()
 * is allowed to submit another heap. After the slot is free, this function must not use the entry or the heap any
 * more. */
static void complete_oldest(struct spead_send_stream *stream, const struct speadi_heap_entry *entry,
                            struct speadi_heap_done *heap)
{
    const struct spead_send_result result = {
        .error = heap->error, .bytes = heap->bytes_sent, .counter = entry->counter};
    spead_send_done_fn *done = entry->done;
    void *done_arg = entry->done_arg;

    if (result.error == 0)
        speadi_send_ledger_complete(&stream->ledger, 1, entry->heap->payload_bytes);
    else
        speadi_send_ledger_fail(&stream->ledger, heap->bucket);
    if (entry->uses_room)
        speadi_header_room_end(entry->heap->room);
    heap->packets = 0;
    heap->bytes = 0;
    heap->bytes_sent = 0;
    heap->error = 0;
    speadi_heap_queue_free_oldest(&stream->queue);
    if (done)
        done(done_arg, &result);
}

/* Counts the next packets as done with `error`, at most `packets`, which all belong to the oldest heap. Completes that
 * heap after its last packet. Returns how many packets it counted. */
static unsigned end_oldest(struct spead_send_stream *stream, const struct speadi_heap_entry *entry,
                           uint64_t packets, int error)
{
    const uint64_t rest = speadi_heap_entry_packets(entry) - stream->oldest.packets;
    uint64_t bytes = 0;
    unsigned count =
        speadi_batch_ring_reap(&stream->batches, rest < packets ? rest : packets, &bytes);

    if (count == 0)
        return 0;
    end_reported(stream, entry, &stream->oldest, count, bytes, error);
    if (count == rest)
        complete_oldest(stream, entry, &stream->oldest);
    return count;
}

/* Does the same for a mix, whose next packets belong to any of its heaps. The heaps complete in the order of the queue,
 * so a heap can be done and still wait for an older one. */
static unsigned end_mixed(struct spead_send_stream *stream, const struct speadi_heap_entry *entry,
                          uint64_t packets, int error)
{
    struct speadi_mix_run run;
    uint64_t bytes = 0, end;
    unsigned count;

    if (!speadi_mix_is_under_way(&stream->reaping))
        speadi_mix_begin(&stream->reaping, &stream->mixed, speadi_heap_queue_oldest(&stream->queue),
                         entry);
    end = stream->reaping.first + stream->reaping.count;
    run = speadi_mix_next(&stream->reaping, &stream->mixed, &stream->queue);
    count = speadi_batch_ring_reap(&stream->batches, run.packets < packets ? run.packets : packets,
                                   &bytes);
    if (count == 0)
        return 0;
    end_reported(stream, run.entry, &run.mixed->done, count, bytes, error);
    speadi_mix_pass(&stream->reaping, &stream->mixed, &run, count);
    while (speadi_heap_queue_oldest(&stream->queue) != end &&
           done_of_oldest(stream)->packets == speadi_heap_entry_packets(oldest_entry(stream)))
        complete_oldest(stream, oldest_entry(stream), done_of_oldest(stream));
    return count;
}

/* Completes heaps of one packet that were sent without an error, the oldest first, and at most `most` of them. It counts
 * them in the ledger together: nobody sees the ledger before speadi_send_stream_publish(). It frees the slot of each heap
 * before it calls done(), as complete_oldest() does. Returns how many heaps it has completed. */
static unsigned complete_singles(struct spead_send_stream *stream, uint64_t most)
{
    const unsigned reapable = speadi_batch_ring_reapable(&stream->batches);
    uint64_t bytes = 0, payload_bytes = 0;
    unsigned count = 0;

    for (; count < reapable && count < most; count++) {
        const struct speadi_heap_entry *entry = oldest_entry(stream);
        const struct spead_send_result result = {.bytes = entry->bytes, .counter = entry->counter};
        spead_send_done_fn *done = entry->done;
        void *done_arg = entry->done_arg;

        if (!speadi_heap_entry_is_single(entry))
            break;
        bytes += result.bytes;
        payload_bytes += entry->heap->payload_bytes;
        if (entry->uses_room)
            speadi_header_room_end(entry->heap->room);
        speadi_heap_queue_free_oldest(&stream->queue);
        if (done)
            done(done_arg, &result);
    }
    if (count == 0)
        return 0;
    speadi_batch_ring_pass(&stream->batches, count);
    speadi_send_ledger_end(&stream->ledger, SPEAD_SEND_SENT, count, bytes, 0);
    speadi_send_ledger_complete(&stream->ledger, count, payload_bytes);
    return count;
}

static void end_in_order(struct spead_send_stream *stream, uint64_t packets, int error)
{
    while (packets != 0) {
        const struct speadi_heap_entry *entry = oldest_entry(stream);
        unsigned count = 0;

        if (speadi_heap_entry_is_single(entry) && error == 0 && !stream->trouble.is_interrupted)
            count = complete_singles(stream, packets);
        if (count == 0)
            count = speadi_heap_entry_mix_count(entry) > 1
                        ? end_mixed(stream, entry, packets, error)
                        : end_oldest(stream, entry, packets, error);
        assert(count != 0); /* an engine reports no more packets than it has taken */
        if (count == 0)
            return;
        packets -= count;
    }
}

void speadi_send_stream_reap(struct spead_send_stream *stream)
{
    const struct speadi_send_transport *transport = &stream->transport;
    struct speadi_tx_done done[REAP_RECORDS];
    unsigned count;

    while (speadi_batch_ring_is_reapable(&stream->batches)) {
        count = transport->ops->reap(transport->engine, done, REAP_RECORDS);
        for (unsigned i = 0; i < count; i++)
            end_in_order(stream, done[i].packets, done[i].error);
        if (count < REAP_RECORDS)
            return;
    }
}

void speadi_send_stream_abandon(struct spead_send_stream *stream, int error)
{
    const struct speadi_send_transport *transport = &stream->transport;
    const enum spead_send_bucket bucket =
        error == -ECANCELED ? SPEAD_SEND_ABANDONED : SPEAD_SEND_FAILED;

    speadi_heap_queue_close(&stream->queue);
    speadi_batch_ring_drop_untaken(&stream->batches);
    if (speadi_batch_ring_is_reapable(&stream->batches)) {
        transport->ops->quiesce(transport->engine);
        speadi_send_stream_reap(stream);
        assert(!speadi_batch_ring_is_reapable(&stream->batches));
    }
    speadi_send_stream_admit(stream);
    while (speadi_heap_queue_oldest(&stream->queue) != stream->queue.admitted) {
        const struct speadi_heap_entry *entry = oldest_entry(stream);
        const uint64_t all = speadi_heap_entry_packets(entry);
        struct speadi_heap_done *heap = done_of_oldest(stream);

        /* A heap of a mix can be done already, and wait for an older heap. */
        if (heap->packets != all)
            end_packets(stream, heap, bucket, all - heap->packets, entry->bytes - heap->bytes,
                        error);
        complete_oldest(stream, entry, heap);
    }
    stream->cutting.unfinished = 0;
    stream->reaping.unfinished = 0;
    stream->packetising = stream->queue.admitted;
    stream->heap_begun = false;
}

/* This function publishes the ledger before it notifies the waiting threads. So a thread that has waited for a heap
 * finds the heap counted in the ledger. */
void speadi_send_stream_publish(struct spead_send_stream *stream)
{
    const struct speadi_send_transport *transport = &stream->transport;
    struct spead_send_counters *counters = &stream->ledger.accounts.counters;
    struct speadi_tx_counters engine = {0};

    if (stream->ledger.changed) {
        transport->ops->counters(transport->engine, &engine);
        counters->icmp_unreachable = engine.icmp_unreachable;
        counters->messages = engine.messages;
        counters->batches = engine.batches;
        counters->engine_rebuilds = engine.rebuilds;
        counters->link_downs = engine.link_downs;
        counters->neighbours_lost = engine.neighbours_lost;
        counters->copied_bytes = engine.copied_bytes;
        counters->gathered_packets = engine.gathered_packets;
        counters->referenced_packets = engine.referenced_packets;
        speadi_send_ledger_publish(&stream->ledger);
    }
    if (speadi_heap_queue_finished(&stream->queue) != speadi_heap_queue_oldest(&stream->queue)) {
        speadi_heap_queue_finish(&stream->queue);
        if (speadi_progress_notify(&stream->progress))
            speadi_progress_call_watcher(&stream->progress);
    }
}
