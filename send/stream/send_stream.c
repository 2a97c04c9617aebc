/* SPDX-License-Identifier: Apache-2.0 */
/* Creates and destroys a send stream, and holds the functions that any thread may call. */
#include "send_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/deadline.h>
#include <speadi/err.h>
#include <speadi/struct_size.h>

_Thread_local char speadi_send_thread;

static void init_pacer(struct spead_send_stream *stream,
                       const struct spead_send_stream_config *config)
{
    const struct speadi_send_transport *transport = &stream->transport;
    uint32_t overhead = 0;

    for (uint32_t i = 0; i < transport->destination_count; i++) {
        if (transport->packet_overhead[i] > overhead)
            overhead = transport->packet_overhead[i];
    }
    speadi_pacer_init(&stream->pacer,
                      &(struct speadi_pacer_config){
                          .rate_bytes_per_s = config->hardware_rate ? 0 : config->rate_bytes_per_s,
                          .burst_rate_ratio = config->burst_rate_ratio,
                          .burst_bytes = config->burst_bytes,
                          .packet_bytes_max = (uint64_t)stream->packet_size.bytes + overhead,
                      });
}

void speadi_send_stream_free(struct spead_send_stream *stream)
{
    speadi_send_ledger_release(&stream->ledger);
    speadi_batch_ring_release(&stream->batches);
    speadi_mixed_heaps_release(&stream->mixed);
    speadi_heap_queue_release(&stream->queue);
    speadi_heap_counters_release(&stream->counters);
    speadi_progress_release(&stream->progress);
    speadi_device_memory_release(&stream->device_memory);
    free(stream);
}

int speadi_send_stream_build(struct spead_send_stream **out,
                             const struct spead_send_stream_config *config, struct spead_err *err)
{
    struct spead_send_stream *stream =
        aligned_alloc(alignof(struct spead_send_stream), sizeof *stream);

    if (!stream)
        return speadi_err_set(err, -ENOMEM, "no memory for a send stream");
    memset(stream, 0, sizeof *stream);
    stream->packet_size.bytes = config->packet_bytes_max & ~7u;
    stream->packet_size.payload = config->packet_payload_bytes;
    stream->hardware_rate = config->hardware_rate;
    stream->mix_heaps = config->mix_heaps;
    speadi_heap_counters_init(&stream->counters, config->heap_counter_first,
                              config->heap_counter_step);
    stream->log = config->log;
    stream->fail_fast = config->fail_fast;
    speadi_packetiser_init(&stream->packetiser, &stream->packet_size);
    speadi_progress_init(&stream->progress);
    stream->cutting.walker = SPEADI_MIX_CUTS;
    stream->reaping.walker = SPEADI_MIX_REAPS;
    stream->packetiser.device = &stream->device_memory;
    if (speadi_device_memory_init(&stream->device_memory, config->memory, config->memory_count) <
            0 ||
        speadi_heap_queue_init(&stream->queue, config->heaps_max) < 0 ||
        speadi_mixed_heaps_init(&stream->mixed, &stream->queue) < 0 ||
        speadi_batch_ring_init(&stream->batches, stream->packet_size.bytes) < 0 ||
        speadi_send_ledger_init(&stream->ledger) < 0) {
        speadi_send_stream_free(stream);
        return speadi_err_set(err, -ENOMEM, "no memory for a send stream of %u heaps in flight",
                              config->heaps_max);
    }
    *out = stream;
    return 0;
}

void speadi_send_stream_attach(struct spead_send_stream *stream,
                               const struct spead_send_stream_config *config,
                               const struct speadi_send_transport *transport)
{
    struct speadi_tx_counters engine = {0};

    transport->ops->counters(transport->engine, &engine);
    stream->transport = *transport;
    stream->packetiser.uses_room = (transport->ops->caps & SPEADI_TX_CAP_GATHERS) != 0;
    stream->transport.memory_bytes = engine.memory_bytes;
    init_pacer(stream, config);
}

void spead_send_stream_destroy(struct spead_send_stream *stream)
{
    if (!stream)
        return;
    speadi_send_stream_abandon(stream, -ECANCELED);
    speadi_send_stream_publish(stream);
    stream->transport.ops->close(stream->transport.engine);
    free(stream->transport.engine);
    speadi_send_stream_free(stream);
}

void spead_send_stream_plan(const struct spead_send_stream *stream, struct spead_send_plan *plan)
{
    const struct speadi_send_transport *transport = &stream->transport;
    const struct spead_send_plan full = {
        .socket_buffer_bytes = transport->facts.buffer_bytes,
        .engine = transport->ops->about.name,
        .engine_reason = transport->reason,
        .memory_bytes = sizeof *stream + stream->queue.bytes + stream->mixed.bytes +
                        stream->batches.memory_bytes + sizeof(struct speadi_send_accounts) +
                        transport->ops->state_size + transport->memory_bytes,
        .queue_packets = transport->facts.queue_packets,
        .queue_bytes = transport->facts.queue_bytes,
    };

    (void)speadi_struct_write(plan, &full, sizeof full);
}

/* ---- Any thread ---------------------------------------------------------------------------- */

int spead_send_stream_flush(struct spead_send_stream *stream, uint64_t deadline_ns)
{
    const uint64_t target = speadi_heap_queue_accepted(&stream->queue);
    int waited = 0;
    bool done;

    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    if (speadi_send_stream_is_owner(stream))
        return -EDEADLK; /* the owner thread would wait for itself */
    speadi_progress_begin(&stream->progress);
    for (;;) {
        uint32_t epoch = speadi_progress_epoch(&stream->progress);

        done = speadi_heap_queue_finished(&stream->queue) >= target;
        if (done || waited < 0)
            break;
        waited = speadi_progress_wait(&stream->progress, epoch, deadline_ns);
    }
    speadi_progress_end(&stream->progress);
    return done ? 0 : waited;
}

int spead_send_stream_set_counters(struct spead_send_stream *stream, uint64_t next, uint64_t step)
{
    if (step == 0)
        return -EINVAL;
    return speadi_heap_counters_change(&stream->counters, &stream->queue, next, step);
}

void spead_send_stream_stop(struct spead_send_stream *stream)
{
    if (speadi_heap_queue_close(&stream->queue))
        /* ABANDON1 release: the owner thread then sees what this thread did before */
        atomic_store_explicit(&stream->abandon, true, memory_order_release);
    speadi_progress_notify(&stream->progress);
    stream->transport.ops->wake(stream->transport.engine);
}

void spead_send_stream_stats(const struct spead_send_stream *stream, struct spead_send_stats *stats)
{
    struct spead_send_stats full = SPEAD_SEND_STATS_INIT;

    speadi_send_ledger_snapshot(&stream->ledger, &full);
    /* relaxed: no other data depends on this count */
    full.heaps_refused = atomic_load_explicit(&stream->heaps_refused, memory_order_relaxed);
    (void)speadi_struct_write(stats, &full, sizeof full);
}
