/* SPDX-License-Identifier: Apache-2.0 */
/* The struct of a send stream and its internal functions. Only the files of the stream include this header:
 * send_config.c (create), send_stream.c and send_submit.c (functions for any thread), send_loop.c (the loop of the owner
 * thread), send_admit.c (new heaps), send_cut.c (packets), send_complete.c (completions), send_trouble.c (packets that
 * could not be sent), send_runner.c and send_progress.c. */
#ifndef SPEADI_SEND_STREAM_H
#define SPEADI_SEND_STREAM_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include <speadi/address.h>
#include <speadi/cache_line.h>

#include "batch_ring.h"
#include "heap_counters.h"
#include "heap_mix.h"
#include "heap_queue.h"
#include "pacer.h"
#include "packetiser.h"
#include "progress.h"
#include "send_ledger.h"
#include "send_trouble.h"
#include "tx_engine.h"

/* An open engine, and what the stream knows about it. */
struct speadi_send_transport {
    const struct speadi_tx_engine_ops *ops;
    /* The pointer that the engine gets as `self`. At its end the stream closes the engine and frees this memory. */
    void *engine;
    uint32_t destination_count;
    struct speadi_tx_facts facts;
    /* packet_overhead[i] is for destination i. It is the number of bytes that the rate counts for each packet in
     * addition to the SPEAD bytes. */
    uint32_t packet_overhead[SPEADI_TX_DESTINATIONS_MAX];
    /* name[i] is the address of destination i as text, or the text "memory link" */
    char name[SPEADI_TX_DESTINATIONS_MAX][SPEADI_ADDRESS_TEXT_MAX];
    char reason[SPEADI_ENGINE_REASON_MAX]; /* why this engine was chosen */
    uint64_t memory_bytes; /* memory of the engine in addition to its state; set by attach() */
};

struct spead_send_stream {
    /* speadi_send_stream_build() and speadi_send_stream_attach() set these fields. Later they do not change. */
    struct speadi_send_transport transport;
    struct speadi_packet_size packet_size;
    bool hardware_rate; /* true if the device paces the packets */
    /* the most heaps whose packets are mixed for longer trains; 0 or 1: none */
    uint32_t mix_heaps;
    struct speadi_device_memory device_memory; /* payload that the CPU cannot read */
    struct spead_log log; /* the engine uses this log as long as the engine is open */

    /* Any thread may use these fields. */
    struct speadi_heap_queue queue;
    struct speadi_heap_counters counters;
    /* tells waiting threads and the watcher about progress */
    struct speadi_progress progress;
    _Atomic uint64_t heaps_refused;
    _Atomic bool abandon; /* true after a second call of stop() */
    /* true if the owner thread sleeps until a heap is submitted (OWNER1) */
    _Atomic bool asleep;
    /* speadi_send_thread_id() of the owner thread; 0 before the start and after the end */
    _Atomic uintptr_t owner;
    /* true after spead_send_stream_start() has accepted a thread as the owner thread */
    _Atomic bool has_owner;

    /* Only the owner thread uses these fields. Other threads read the published part of the ledger. */
    alignas(SPEADI_CACHE_LINE) struct speadi_packetiser packetiser;
    struct speadi_pacer pacer;
    struct speadi_batch_ring batches;
    struct speadi_send_ledger ledger;
    struct speadi_send_trouble trouble;
    bool fail_fast; /* true if the first packet that cannot be sent ends the stream */
    /* The queue position of the heap that is being cut or will be cut next. While a mix is being cut, this is its first
     * heap, which can have completed already: only `cutting` says what comes next. */
    uint64_t packetising;
    bool heap_begun; /* true if the packetiser has begun that heap */
    int failure;     /* 0, -ECANCELED after an abandon, or the -errno of the engine */
    /* The packets of the oldest heap that are done so far. If that heap belongs to a mix, `mixed` counts them. */
    struct speadi_heap_done oldest;
    uint64_t utc_offset_ns; /* UTC minus CLOCK_MONOTONIC */
    uint64_t utc_again_ns;  /* when it is read again */
    struct speadi_mixed_heaps mixed;
    struct speadi_mix_walk cutting,
        reaping; /* the mix that is being cut, and the one that is being reaped */
};

/* Creates a stream without an engine. The caller must have checked *config. Returns 0 or -ENOMEM. */
int speadi_send_stream_build(struct spead_send_stream **out,
                             const struct spead_send_stream_config *config, struct spead_err *err);

/* Gives an open engine to the stream. After this call the stream owns the engine. spead_send_stream_create() calls it,
 * and tests call it with engines of their own. */
void speadi_send_stream_attach(struct spead_send_stream *stream,
                               const struct spead_send_stream_config *config,
                               const struct speadi_send_transport *transport);

/* Frees a stream. If the stream has had an engine, the caller must have closed and freed the engine before. */
void speadi_send_stream_free(struct spead_send_stream *stream);

/* Calls poll() and wait() until the stream has ended. Returns 0, or -errno when the engine failed. */
int speadi_send_stream_loop(struct spead_send_stream *stream);

/* Its address is another one in each thread. A submit compares it each time, and pthread_self() would be a call. */
extern _Thread_local char speadi_send_thread __attribute__((tls_model("initial-exec")));

static inline uintptr_t speadi_send_thread_id(void)
{
    return (uintptr_t)&speadi_send_thread;
}

/* Returns true if the calling thread is the owner thread. */
static inline bool speadi_send_stream_is_owner(const struct spead_send_stream *stream)
{
    /* Relaxed: a thread finds its own id in this field only if this thread itself has stored it. */
    return atomic_load_explicit(&stream->owner, memory_order_relaxed) == speadi_send_thread_id();
}

/* Returns the rate of the packet that will be cut next, as the time for a byte (speadi_heap_entry.ns_per_byte). There
 * must be an admitted heap with packets that are not cut. Owner thread. */
static inline double speadi_send_stream_next_rate(const struct spead_send_stream *stream)
{
    if (speadi_mix_is_under_way(&stream->cutting))
        return speadi_heap_entry_ns_per_byte(
            speadi_mix_next(&stream->cutting, &stream->mixed, &stream->queue).entry);
    return speadi_heap_entry_ns_per_byte(speadi_heap_queue_at(&stream->queue, stream->packetising));
}

/* Cuts heaps into the space until the space is full, the next heap has another rate than ns_per_byte, or no admitted
 * heap is left. Owner thread. */
void speadi_send_stream_cut(struct spead_send_stream *stream, struct speadi_packet_space *space,
                            double ns_per_byte);

/* Makes the sleeps of the calling thread, which is the owner thread, end at the right time. */
void speadi_send_stream_sleep_exactly(void);

/* Returns true if an admitted heap has packets that are not yet cut. Owner thread. */
static inline bool speadi_send_stream_has_heaps(const struct spead_send_stream *stream)
{
    return stream->packetising != stream->queue.admitted;
}

/* ---- How heaps end: only the owner thread calls these ---- */

/* Reaps packets from the engine and completes the heaps whose packets are all done. */
void speadi_send_stream_reap(struct spead_send_stream *stream);

/* Closes the queue. After that, completes every accepted heap that has not completed yet with `error`, which is a
 * -errno. */
void speadi_send_stream_abandon(struct spead_send_stream *stream, int error);

/* Publishes the ledger and then notifies the threads that wait. The owner thread calls it after
 * speadi_send_stream_reap() and after speadi_send_stream_abandon(). */
void speadi_send_stream_publish(struct spead_send_stream *stream);

/* Admits the newly accepted heaps: gives them heap counters and counts them in the ledger. */
void speadi_send_stream_admit(struct spead_send_stream *stream);

#endif
