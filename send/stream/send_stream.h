/* What a send stream is made of. Private to its four files: send_config.c (create), send_stream.c (calls
 * from any thread), send_loop.c (the owner's loop) and send_complete.c (how heaps end). */
#ifndef SPEADI_SEND_STREAM_H
#define SPEADI_SEND_STREAM_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include <speadi/cache_line.h>

#include "batch_ring.h"
#include "heap_queue.h"
#include "pacer.h"
#include "packetiser.h"
#include "progress.h"
#include "send_ledger.h"
#include "tx_engine.h"

/* An open engine and what is behind it. */
struct speadi_send_transport {
    const struct speadi_tx_engine_ops *ops;
    void *engine; /* closed and freed with the stream */
    uint32_t destination_count;
    uint32_t buffer_bytes;
    /* What the rate counts beyond SPEAD bytes. */
    uint32_t packet_overhead[SPEADI_TX_DESTINATIONS_MAX];
    char reason[256];
    uint64_t memory_bytes; /* the engine's, beside its state; attach() asks it */
};

struct spead_send_stream {
    /* Set by create. */
    struct speadi_send_transport transport;
    uint32_t packet_bytes_max; /* a multiple of 8 */
    uint64_t counter_step;
    struct spead_log log; /* for the engine, as long as it is open */

    /* Any thread. */
    struct speadi_heap_queue queue;
    struct speadi_progress progress; /* heaps completed, or none accepted any more */
    _Atomic uint64_t heaps_refused;
    _Atomic bool abandon;    /* stop() was called twice */
    _Atomic bool asleep;     /* the owner waits for heaps: OWNER1 */
    _Atomic uintptr_t owner; /* pthread_self() of the owner; 0: not started */

    /* Owner. */
    alignas(SPEADI_CACHE_LINE) struct speadi_packetiser packetiser;
    struct speadi_pacer pacer;
    struct speadi_batch_ring batches;
    struct speadi_send_ledger ledger;
    uint64_t next_counter;
    uint64_t packetising; /* queue position of the heap that is cut next */
    bool heap_begun;      /* ... and was begun */
    int failure;          /* 0; -ECANCELED: abandoned; else the transport's -errno */
    struct {              /* what became of the oldest heap's packets so far */
        uint64_t packets, bytes;
        uint64_t bytes_sent;
        int error;
    } oldest;
};

/* Makes a stream without an engine; config has been checked. Returns 0 or -ENOMEM. */
int speadi_send_stream_build(struct spead_send_stream **out,
                             const struct spead_send_stream_config *config, struct spead_err *err);

/* Puts it onto an open engine, which it owns from then on. Tests bring engines of their own. */
void speadi_send_stream_attach(struct spead_send_stream *stream,
                               const struct spead_send_stream_config *config,
                               const struct speadi_send_transport *transport);

/* Frees a stream that nothing was attached to. */
void speadi_send_stream_free(struct spead_send_stream *stream);

/* Polls and waits until stopped. Returns 0, or -errno when the transport failed. */
int speadi_send_stream_loop(struct spead_send_stream *stream);

/* ---- How heaps end (owner) ---- */

/* Asks the engine what is done; completes heaps. */
void speadi_send_stream_reap(struct spead_send_stream *stream);

/* Ends everything accepted so far with error (-errno), accepts nothing more. */
void speadi_send_stream_abandon(struct spead_send_stream *stream, int error);

/* After either: shows the ledger, then tells waiting threads. */
void speadi_send_stream_publish(struct spead_send_stream *stream);

/* Numbers newly accepted heaps and takes them into the ledger. */
void speadi_send_stream_admit(struct spead_send_stream *stream);

#endif
