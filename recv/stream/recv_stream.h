/* The parts of a receive stream. The recv_*.c files share this struct. Each file calls only functions of files below
 * it:
 *
 *   recv_node.c       the stream as a node of a graph
 *   recv_loop.c       the owner thread's poll and wait
 *   recv_stop.c       the end of the stream
 *   recv_burst.c      one burst: begun, processed packet by packet, given back
 *   recv_fast_path.c  packets that begin where the packet before them ended
 *   recv_packet.c     any other packet: finds its bucket and its heap, puts its payload in place
 *   recv_copy.c       packets that are copied: to spare buffers, and to memory that the CPU cannot touch
 *   recv_heaps.c      one heap: opened, ended
 *   recv_hand_over.c  finished heaps: sent to the consumer, or shed
 *   recv_counters.c   counters that are read from the engine, and the publication of all counters
 *
 * Beside them stand recv_stream.c, which makes and frees streams and has the calls of other threads and of the
 * consumer, and recv_memory.c, which decides in which memory the heaps lie. The owner thread calls all functions
 * below, except speadi_recv_stream_create_on(), speadi_recv_make_memory() and, for the cause CANCELLED,
 * speadi_recv_on_shed(). */
#ifndef SPEADI_RECV_STREAM_H
#define SPEADI_RECV_STREAM_H

#include <stdatomic.h>

#include <speadline/recv.h>

#include <speadi/cache_line.h>

#include "coalesce.h"
#include "finished.h"
#include "gap_tracker.h"
#include "heap_memory.h"
#include "heap_table.h"
#include "leaving_heaps.h"
#include "live_heap.h"
#include "outlet.h"
#include "placement.h"
#include "recv_ledger.h"
#include "rx_engine.h"
#include "spare.h"

enum speadi_recv_state {
    SPEADI_RECV_RUNNING,
    SPEADI_RECV_DRAINING, /* reads until the source is empty, or until the deadline */
    SPEADI_RECV_FLUSHING, /* reads nothing; finished heaps wait for room in the channel */
    SPEADI_RECV_ENDED,
};

/* The cause for which a heap ends. */
enum speadi_recv_cause {
    SPEADI_RECV_COMPLETE,
    SPEADI_RECV_BY_EVICTION,
    SPEADI_RECV_BY_AGE,
    SPEADI_RECV_BY_FLUSH,
};

struct spead_recv_stream {
    /* create() sets these fields; then they are constant. */
    struct spead_recv_stream_config config; /* its borrowed pointers are not valid any more */
    struct spead_region_arena arena;        /* copy of *config.heap_arena, if there is one */
    const struct speadi_rx_engine_ops *ops;
    struct speadi_rx_facts facts; /* what the engine said when it was opened */
    struct speadi_live_heap_layout layout;
    struct speadi_pool *pool;
    uint64_t packet_bytes_max;
    uint32_t source_count;
    uint32_t leaving_max; /* how many heaps may be leaving at a time; 0: nothing is placed */
    uint32_t spare_count;
    char **source_name;
    char engine_reason[256];
    struct spead_recv_plan plan;

    /* Any thread writes these fields. */
    _Alignas(SPEADI_CACHE_LINE) atomic_uint stop_calls;
    atomic_bool is_armed;

    /* Only the owner thread uses the fields from here on. */
    _Alignas(SPEADI_CACHE_LINE) void *engine;
    enum speadi_recv_state state;
    int result;       /* what poll() returns once the stream has ended */
    bool armed;       /* is_armed, read once per poll */
    bool unreserving; /* the engine was asked to end all reservations, and not polled since */
    /* Bits, by source: a stop item has come from the source, and later packets are after-stop, ... */
    uint64_t stopped_sources;
    /* ... except those of this heap, which carried the stop item. */
    uint64_t stop_counter[SPEADI_RX_SOURCES_MAX];
    bool quiesced;          /* quiesce() of the engine was called: it posts no more receives */
    uint64_t now_ns;        /* CLOCK_MONOTONIC, read once per poll */
    uint64_t age_ns;        /* the clock by which heaps age: now_ns, or the engine's own clock */
    uint64_t deadline_ns;   /* end of draining or of flushing */
    uint64_t node_sequence; /* outlet.sequence, when the node last slept */
    uint64_t counters_ns;   /* now_ns, when the engine's counters were last read */
    /* bytes of the longest complete heap so far: new heaps up to it are populated */
    uint64_t largest_heap;
    struct speadi_heap_table table;
    struct speadi_finished finished;
    struct speadi_gap_tracker gaps;
    struct speadi_recv_tally tally;
    struct speadi_leaving_heaps leaving; /* heaps that have ended and wait for posted receives */
    struct speadi_outlet outlet;
    bool started;
    struct speadi_placement placement;
    struct speadi_heap_memory memory;
    struct speadi_spare spare;
    struct speadi_coalesce coalesce;
    bool read_since_wait;  /* packets have come since the last wait: soon there may be more */
    uint64_t coalesced;    /* how often wait() slept to let packets coalesce */
    bool burst_is_out;     /* the engine has lent `burst`, and it is not given back yet */
    bool places_unchecked; /* the burst may have misplaced packets, but none before burst_next */
    bool places_checked;   /* the burst had one: from that packet on, spare_of is valid */
    unsigned burst_next;   /* the first packet of the burst that is not processed */
    struct speadi_rx_burst burst;
    /* By packet of the burst. 0: the packet lies where the engine lent it. Else 1 + the number of its copy, or a mark
     * that says why it has no copy (recv_copy.c). */
    uint8_t spare_of[SPEADI_RX_BURST_MAX];
};

/* Makes a stream on an open engine. The stream owns the engine from then on; if this fails, the engine is closed and
 * freed. config was read by speadi_recv_config_read(). reason is copied. Returns 0, or -errno with a sentence in err.
 * Control plane. */
int speadi_recv_stream_create_on(struct spead_recv_stream **out,
                                 const struct spead_recv_stream_config *config,
                                 const struct speadi_rx_engine_ops *ops, void *engine,
                                 const char *reason, const struct speadi_rx_facts *facts,
                                 struct spead_err *err);

/* ---- recv_memory.c --------------------------------------------------------------------------- */

/* Makes the pool, and shows its memory to the engine; layout and engine are known by then. With path auto the payload
 * is bounced if it cannot be placed into the memory, and engine_reason says why. leaving_max becomes 0 if nothing
 * will be placed. Returns 0, or -errno with a sentence in err. Control plane. */
int speadi_recv_make_memory(struct spead_recv_stream *stream, struct spead_err *err);

/* ---- recv_stop.c ----------------------------------------------------------------------------- */

/* Makes the engine post no more receives and end all reservations. What has come before can still be read. */
void speadi_recv_quiesce(struct spead_recv_stream *stream);

/* Acts on calls of stop(), and on a channel without receiving end. Each poll() calls it at its beginning. */
void speadi_recv_check_stop(struct spead_recv_stream *stream);

/* Acts on stop items, which recv_packet.c has only noted in stopped_sources. Called after packets were read. */
void speadi_recv_check_stop_items(struct spead_recv_stream *stream);

/* Ends reading and flushes the live heaps. When all finished heaps are handed over, poll() will return result. */
void speadi_recv_begin_flush(struct spead_recv_stream *stream, int result);

/* Does one step of flushing: hands over what it can, and ends the stream when nothing is pending or the deadline has
 * passed. */
void speadi_recv_flush(struct spead_recv_stream *stream);

/* Ends the stream: poll() returns result from now on, and end of stream follows the last heap in the channel. */
void speadi_recv_end(struct spead_recv_stream *stream, int result);

/* ---- recv_burst.c ---------------------------------------------------------------------------- */

/* Processes stream->burst: either the engine has just lent it and it is not empty, or it goes on with the packet that
 * had to wait for memory. Ends the burst after the last packet. Returns how many packets it has processed. */
int speadi_recv_process_burst(struct spead_recv_stream *stream);

/* Gives the burst back, if one is lent. Reservations that the engine has reported as ended are over: heaps that were
 * leaving and packets that were parked because of them go on. */
void speadi_recv_end_burst(struct spead_recv_stream *stream);

/* ---- recv_fast_path.c ------------------------------------------------------------------------ */

/* Processes packets from burst_next on, as long as each begins where the last one of its heap ended and has no other
 * effect. Returns how many. The first packet that is different is left to speadi_recv_process_packet(). */
unsigned speadi_recv_fast_path(struct spead_recv_stream *stream);

/* ---- recv_packet.c --------------------------------------------------------------------------- */

/* Finds the bucket of a packet, and puts its payload in place. False: with on_full = block, there is no memory until
 * the consumer takes a heap. Nothing was counted then, and the packet must be processed again. */
bool speadi_recv_process_packet(struct spead_recv_stream *stream,
                                const struct speadi_rx_packet *raw);

/* Processes the parked packets again: their own places may be free now. */
void speadi_recv_retry_parked(struct spead_recv_stream *stream);

/* ---- recv_copy.c ----------------------------------------------------------------------------- */

/* Copies a packet into a spare buffer. Returns SPEAD_RECV_LIVE and the number of the copy in *copy, or the bucket
 * that says why there is no copy. If the header was split, it lies in one piece in the copy. The payload of the copy
 * can be read by the CPU if the payload of the packet can. */
enum spead_recv_bucket speadi_recv_copy_to_spare(struct spead_recv_stream *stream,
                                                 const struct speadi_rx_packet *raw,
                                                 uint32_t *copy);

/* Copies the payload of a packet to offset `to` of memory that the CPU cannot touch. Returns 0 or -errno. */
int speadi_recv_copy_to_device(struct spead_recv_stream *stream, uint64_t to,
                               const struct speadi_rx_packet *raw,
                               const struct speadi_packet *packet);

/* Copies the misplaced packets of the burst, from burst_next on, to spare buffers. Called before any payload of them
 * is written anywhere. */
void speadi_recv_copy_misplaced(struct spead_recv_stream *stream);

/* Returns packet i of the burst, or its copy. NULL: it needed a copy and has none, and *why is the bucket that says
 * why. */
const struct speadi_rx_packet *speadi_recv_burst_packet(const struct spead_recv_stream *stream,
                                                        unsigned i, enum spead_recv_bucket *why);

/* False: no byte of the packet will be used. */
static inline bool speadi_recv_is_readable(const struct spead_recv_stream *stream,
                                           const struct speadi_rx_packet *raw)
{
    return (raw->flags & (SPEADI_RX_INJECTED_DROP | SPEADI_RX_TRUNCATED | SPEADI_RX_REFUSED)) ==
               0 &&
           raw->datagram_bytes <= stream->packet_bytes_max;
}

static inline bool speadi_recv_has_split_header(const struct speadi_rx_packet *raw)
{
    return raw->body_bytes > 0 && (raw->head_bytes < SPEADI_HEADER_BYTES ||
                                   speadi_packet_header_bytes(raw->head) > raw->head_bytes);
}

/* ---- recv_heaps.c ---------------------------------------------------------------------------- */

/* Opens a heap for the packet. Returns SPEAD_RECV_LIVE and the heap in *out, which is not in the table yet; or the
 * bucket that says why not. *paused is set if the packet must be processed again, see
 * speadi_recv_process_packet(). */
enum spead_recv_bucket speadi_recv_open_heap(struct spead_recv_stream *stream,
                                             const struct speadi_packet *packet,
                                             struct speadi_live_heap **out, bool *paused);

/* Called when the first packet of the heap was accepted. The heap gets a slot, and enters the table unless it is
 * complete. */
void speadi_recv_heap_opened(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                             const struct speadi_rx_packet *raw,
                             const struct speadi_packet *packet);

/* Ends the heap. It is handed over or given up, either now or when no posted receive points into it any more. */
void speadi_recv_close_heap(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                            enum speadi_recv_cause cause);

/* Sends on their way all leaving heaps that no posted receive points into any more. */
void speadi_recv_release_leaving(struct spead_recv_stream *stream);

/* Ends the heaps that are older than the age limit. Returns true if one of them must first wait for posted
 * receives. */
bool speadi_recv_close_aged(struct spead_recv_stream *stream);

/* ---- recv_hand_over.c ------------------------------------------------------------------------ */

/* Sends the pending heaps to the consumer. If wait is true, those that find no room stay pending; else they are shed.
 * Returns true when none is pending any more. */
bool speadi_recv_hand_over(struct spead_recv_stream *stream, bool wait);

/* on_shed of the channel: the heap was counted as handed over, and is counted as shed now. On the owner thread; with
 * the cause CANCELLED on any thread, and then it changes nothing. */
void speadi_recv_on_shed(void *stream, const struct spead_message *message,
                         enum spead_shed_cause cause);

/* True when finished heaps wait for room, while the stream runs. */
static inline bool speadi_recv_waits_for_room(const struct spead_recv_stream *stream)
{
    return stream->outlet.waits;
}

/* ---- recv_counters.c ------------------------------------------------------------------------- */

/* Reads the engine's counters into the tally. */
void speadi_recv_read_counters(struct spead_recv_stream *stream);

/* Publishes the counters of this poll to the threads that ask for statistics. */
void speadi_recv_publish(struct spead_recv_stream *stream);

/* Counts the packet in its bucket. */
static inline void speadi_recv_count(struct spead_recv_stream *stream,
                                     const struct speadi_rx_packet *raw,
                                     enum spead_recv_bucket bucket)
{
    speadi_recv_tally_count(&stream->tally, raw->source, bucket, raw->segments,
                            raw->datagram_bytes);
}

/* Takes the packet out of its bucket, because it will be counted in another one. */
static inline void speadi_recv_uncount(struct spead_recv_stream *stream,
                                       const struct speadi_rx_packet *raw,
                                       enum spead_recv_bucket bucket)
{
    speadi_recv_tally_count(&stream->tally, raw->source, bucket, -(uint64_t)raw->segments,
                            -(uint64_t)raw->datagram_bytes);
}

/* Counts the packet as seen, once. */
static inline void speadi_recv_count_seen(struct spead_recv_stream *stream,
                                          const struct speadi_rx_packet *raw)
{
    speadi_ledger_add(&stream->tally.source[raw->source].seen, raw->segments, raw->datagram_bytes);
}

/* Counts a packet whose payload is not looked at: as seen, and in its bucket. */
static inline void speadi_recv_count_unread(struct spead_recv_stream *stream,
                                            const struct speadi_rx_packet *raw,
                                            enum spead_recv_bucket bucket)
{
    speadi_recv_count_seen(stream, raw);
    speadi_recv_count(stream, raw, bucket);
}

#endif
