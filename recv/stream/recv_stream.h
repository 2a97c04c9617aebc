/* What a receive stream consists of. The recv_*.c files share it; each calls only those that stand below it:
 *
 *   recv_node.c       the stream as a node of a graph
 *   recv_loop.c       the owner's poll and wait
 *   recv_stop.c       the end of the stream
 *   recv_burst.c      one burst: begun, processed packet by packet, given back
 *   recv_fast_path.c  packets that go on where the one before them ended
 *   recv_packet.c     any other packet: which bucket, which heap, into its place
 *   recv_copy.c       packets that are copied: to spare buffers, and to memory that the CPU cannot touch
 *   recv_heaps.c      one heap: opening, ending
 *   recv_hand_over.c  finished heaps: to the consumer, or shed
 *   recv_counters.c   counters that are read from the engine, and all that are published
 *
 * and beside them, for threads that do not own it, recv_stream.c (making, unmaking, and the calls that any thread
 * or the consumer makes) with recv_memory.c (which memory heaps lie in). */
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
    SPEADI_RECV_DRAINING, /* reads until the source is empty or the deadline */
    SPEADI_RECV_FLUSHING, /* reads nothing; what is finished waits for room in the channel */
    SPEADI_RECV_ENDED,
};

/* Why a heap ends. */
enum speadi_recv_cause {
    SPEADI_RECV_COMPLETE,
    SPEADI_RECV_BY_EVICTION,
    SPEADI_RECV_BY_AGE,
    SPEADI_RECV_BY_FLUSH,
};

struct spead_recv_stream {
    /* Set at create(), then constant. */
    struct spead_recv_stream_config config; /* borrowed pointers are not valid in here */
    struct spead_region_arena arena;        /* config.heap_arena, where there is one */
    const struct speadi_rx_engine_ops *ops;
    struct speadi_rx_facts facts; /* of the engine */
    struct speadi_live_heap_layout layout;
    struct speadi_pool *pool;
    uint64_t packet_bytes_max;
    uint32_t source_count;
    uint32_t leaving_max; /* 0: nothing is placed */
    uint32_t spare_count;
    char **source_name;
    char engine_reason[256];
    struct spead_recv_plan plan;

    /* Any thread. */
    _Alignas(SPEADI_CACHE_LINE) atomic_uint stop_calls;
    atomic_bool is_armed;

    /* The owner's. */
    _Alignas(SPEADI_CACHE_LINE) void *engine;
    enum speadi_recv_state state;
    int result;               /* of poll() once ended */
    bool armed;               /* is_armed, read once a poll */
    bool unreserving;         /* asked the engine to end all reservations; not polled since */
    uint64_t stopped_sources; /* bits: a stop item came; what follows is after-stop */
    uint64_t stop_counter[SPEADI_RX_SOURCES_MAX]; /* but for the rest of the heap that held it */
    bool quiesced;          /* quiesce() of the engine was called: it posts no more */
    uint64_t now_ns;        /* CLOCK_MONOTONIC, read once a poll */
    uint64_t age_ns;        /* the time by which heaps age: now_ns, or the engine's own clock */
    uint64_t deadline_ns;   /* of draining or flushing */
    uint64_t node_sequence; /* the outlet's, when the node last slept */
    uint64_t counters_ns;   /* when the engine's counters were read */
    uint64_t largest_heap;  /* longest complete heap so far: heaps up to it are populated */
    struct speadi_heap_table table;
    struct speadi_finished finished;
    struct speadi_gap_tracker gaps;
    struct speadi_recv_tally ledger;
    struct speadi_leaving_heaps leaving; /* ended, wait for posted receives */
    struct speadi_outlet outlet;
    bool started;
    struct speadi_placement placement;
    struct speadi_heap_memory memory;
    struct speadi_spare spare;
    struct speadi_coalesce coalesce;
    bool read_since_wait;  /* packets came since the last wait: more may come */
    uint64_t coalesced;    /* sleeps taken to let them */
    bool burst_is_out;     /* the engine has lent it, and it was not given back */
    bool places_unchecked; /* it may have misplaced packets; up to burst_next it had none */
    bool places_checked;   /* it had one: spare_of is valid from the first one on */
    unsigned burst_next;   /* first packet that was not processed */
    struct speadi_rx_burst burst;
    /* 0: where it was lent; else 1 + its copy, or why there is none. */
    uint8_t spare_of[SPEADI_RX_BURST_MAX];
};

/* Makes a stream on an open engine, which is the stream's from then on, also when this fails. config was
 * read by speadi_recv_config_read(). reason is copied. */
int speadi_recv_stream_create_on(struct spead_recv_stream **out,
                                 const struct spead_recv_stream_config *config,
                                 const struct speadi_rx_engine_ops *ops, void *engine,
                                 const char *reason, const struct speadi_rx_facts *facts,
                                 struct spead_err *err);

/* ---- recv_memory.c --------------------------------------------------------------------------- */

/* Makes the pool and shows its memory to the engine, once layout and engine are known. With path auto and
 * memory that cannot be placed into, it is bounced; the engine's reason then says why. leaving_max
 * is 0 where nothing will be placed. */
int speadi_recv_make_memory(struct spead_recv_stream *stream, struct spead_err *err);

/* ---- recv_stop.c ----------------------------------------------------------------------------- */

/* No more receives are posted ahead, no reservation stays; what came before is still read. */
void speadi_recv_quiesce(struct spead_recv_stream *stream);

/* Takes up stop() calls; called at the begin of each poll. */
void speadi_recv_check_stop(struct spead_recv_stream *stream);

/* Takes up stop items, which only mark their source; called after packets were read. */
void speadi_recv_check_stop_items(struct spead_recv_stream *stream);

/* No more is read: live heaps end, and poll() will return result once all is handed over. */
void speadi_recv_begin_flush(struct spead_recv_stream *stream, int result);

/* One step of flushing: ends the stream when nothing is pending or the deadline has passed. */
void speadi_recv_flush(struct spead_recv_stream *stream);

/* The stream has ended: poll() returns result from now on, end-of-stream follows what was handed over. */
void speadi_recv_end(struct spead_recv_stream *stream, int result);

/* ---- recv_burst.c ---------------------------------------------------------------------------- */

/* Goes through stream->burst, which the engine has just lent (it is not empty), or on from the packet that had to
 * wait for memory; ends the burst after the last packet. Returns how many packets were looked at. */
int speadi_recv_process_burst(struct spead_recv_stream *stream);

/* Gives the burst back, if one is out. Reservations that the engine reported as ended are over: leaving heaps and
 * parked packets that waited for them go on. */
void speadi_recv_end_burst(struct spead_recv_stream *stream);

/* ---- recv_fast_path.c ------------------------------------------------------------------------ */

/* Processes packets from the next of the burst on, as long as each goes on where the last one of its heap ended and
 * does nothing else. Returns how many; the first that is different is for speadi_recv_process_packet(). */
unsigned speadi_recv_fast_path(struct spead_recv_stream *stream);

/* ---- recv_packet.c --------------------------------------------------------------------------- */

/* Finds a packet's bucket and puts its payload in place. False: in block mode there is no memory until
 * the consumer takes a heap; nothing was counted, process it again. */
bool speadi_recv_process_packet(struct spead_recv_stream *stream,
                                const struct speadi_rx_packet *raw);

/* Processes the packets again that waited for their own place to become free. */
void speadi_recv_retry_parked(struct spead_recv_stream *stream);

/* ---- recv_copy.c ----------------------------------------------------------------------------- */

/* Copies a packet into a spare buffer: its number in *copy and SPEAD_RECV_LIVE, or the bucket that names why
 * not. A header that is split lies whole in the copy. The payload of a copy lies where the CPU can read it, or
 * not, as that of the packet did. */
enum spead_recv_bucket speadi_recv_copy_to_spare(struct spead_recv_stream *stream,
                                                 const struct speadi_rx_packet *raw,
                                                 uint32_t *copy);

/* Copies the packet's payload to an offset of memory that the CPU cannot touch: 0 or -errno. */
int speadi_recv_copy_to_device(struct spead_recv_stream *stream, uint64_t to,
                               const struct speadi_rx_packet *raw,
                               const struct speadi_packet *packet);

/* Copies misplaced packets to spare buffers, from the next packet of the burst on. Called before anything is
 * written to any place. */
void speadi_recv_copy_misplaced(struct spead_recv_stream *stream);

/* The packet of the burst, or its copy; NULL when it needed a copy and there is none, and *why then names
 * the bucket. */
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

/* Opens a heap for the packet: SPEAD_RECV_LIVE and *out, not in the table yet; or the bucket that names
 * why not. *paused: as speadi_recv_process_packet() returning false. */
enum spead_recv_bucket speadi_recv_open_heap(struct spead_recv_stream *stream,
                                             const struct speadi_packet *packet,
                                             struct speadi_live_heap **out, bool *paused);

/* Its first packet was accepted: takes the slot, and the table unless it is complete already. */
void speadi_recv_heap_opened(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                             const struct speadi_rx_packet *raw,
                             const struct speadi_packet *packet);

/* The heap ends: it is handed over or given up, now or when no posted receive points into it. */
void speadi_recv_close_heap(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                            enum speadi_recv_cause cause);

/* Lets go those leaving heaps that nothing points into any more. */
void speadi_recv_release_leaving(struct spead_recv_stream *stream);

/* Ends the heaps that are older than the age limit. Returns true when one of them waits for posted
 * receives. */
bool speadi_recv_close_aged(struct spead_recv_stream *stream);

/* ---- recv_hand_over.c ------------------------------------------------------------------------ */

/* Sends pending heaps to the consumer. With wait, those that do not fit stay pending; else they are
 * shed. Returns true when none is pending any more. */
bool speadi_recv_hand_over(struct spead_recv_stream *stream, bool wait);

/* on_shed of the channel that heaps go through: they were handed over and now are not. */
void speadi_recv_on_shed(void *stream, const struct spead_message *message,
                         enum spead_shed_cause cause);

/* The policy while the stream runs. */
static inline bool speadi_recv_waits_for_room(const struct spead_recv_stream *stream)
{
    return stream->outlet.waits;
}

/* ---- recv_counters.c ------------------------------------------------------------------------- */

/* Reads the engine's counters into the ledger. */
void speadi_recv_read_counters(struct spead_recv_stream *stream);

/* Shows the counters of this poll to the threads that ask for statistics. */
void speadi_recv_publish(struct spead_recv_stream *stream);

/* The packet goes into its bucket, ... */
static inline void speadi_recv_count(struct spead_recv_stream *stream,
                                     const struct speadi_rx_packet *raw,
                                     enum spead_recv_bucket bucket)
{
    speadi_recv_tally_count(&stream->ledger, raw->source, bucket, raw->segments,
                            raw->datagram_bytes);
}

/* ... comes out of it, for it will be counted in another one, ... */
static inline void speadi_recv_uncount(struct spead_recv_stream *stream,
                                       const struct speadi_rx_packet *raw,
                                       enum spead_recv_bucket bucket)
{
    speadi_recv_tally_count(&stream->ledger, raw->source, bucket, -(uint64_t)raw->segments,
                            -(uint64_t)raw->datagram_bytes);
}

/* ... and was received, once. */
static inline void speadi_recv_count_seen(struct spead_recv_stream *stream,
                                          const struct speadi_rx_packet *raw)
{
    speadi_ledger_add(&stream->ledger.source[raw->source].seen, raw->segments, raw->datagram_bytes);
}

/* The packet was received, and its payload is not looked at. */
static inline void speadi_recv_count_unread(struct spead_recv_stream *stream,
                                            const struct speadi_rx_packet *raw,
                                            enum spead_recv_bucket bucket)
{
    speadi_recv_count_seen(stream, raw);
    speadi_recv_count(stream, raw, bucket);
}

#endif
