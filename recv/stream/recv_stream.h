/* The parts of a receive stream. The recv_*.c files share this struct. Each file calls only functions of files that
 * stand below it in this list:
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
 * Two more files are outside of this order. recv_stream.c makes and frees streams; it also has the functions that
 * other threads and the consumer call. recv_memory.c decides in which memory the heaps lie. The owner thread calls
 * all functions below, except speadi_recv_stream_create_on(), speadi_recv_make_memory() and, for the cause CANCELLED,
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

/* why a heap ends */
enum speadi_recv_cause {
    SPEADI_RECV_COMPLETE,
    SPEADI_RECV_BY_EVICTION,
    SPEADI_RECV_BY_AGE,
    SPEADI_RECV_BY_FLUSH,
};

struct spead_recv_stream {
    /* create() sets these fields; afterwards they do not change. */
    struct spead_recv_stream_config config; /* its borrowed pointers are not valid any more */
    struct spead_region_arena arena;        /* copy of *heap_arena, if config has one */
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

    /* Only the owner thread uses this field and all fields below. */
    _Alignas(SPEADI_CACHE_LINE) void *engine;
    enum speadi_recv_state state;
    int result; /* what poll() returns once the stream has ended */
    bool armed; /* is_armed, read once per poll */
    /* the engine was asked to end all reservations and was not polled after that */
    bool unreserving;
    /* Bit number i is set if a stop item has come from source i. Later packets of that source are counted as
     * after-stop, except the packets of the heap that carried the stop item. */
    uint64_t stopped_sources;
    /* for each source: the heap counter of the heap that carried the stop item */
    uint64_t stop_counter[SPEADI_RX_SOURCES_MAX];
    bool quiesced;          /* quiesce() of the engine was called: it posts no more receives */
    uint64_t now_ns;        /* CLOCK_MONOTONIC, read once per poll */
    uint64_t age_ns;        /* the clock by which heaps age: now_ns, or the engine's own clock */
    uint64_t deadline_ns;   /* when draining or flushing must end */
    uint64_t node_sequence; /* value of outlet.sequence when the node last slept */
    uint64_t counters_ns;   /* value of now_ns when the engine's counters were last read */
    /* bytes of the longest complete heap so far; a new heap is populated if it is not longer */
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
    bool read_since_wait;  /* packets have come since the last wait; more may come soon */
    uint64_t coalesced;    /* how often wait() slept to let packets coalesce */
    bool burst_is_out;     /* the engine has lent `burst`, which is not given back yet */
    bool places_unchecked; /* packets from burst_next on may be misplaced; nobody has looked yet */
    /* the burst had a misplaced packet: spare_of is valid from that packet on */
    bool places_checked;
    unsigned burst_next; /* the first packet of the burst that is not processed */
    struct speadi_rx_burst burst;
    /* One value for each packet of the burst. 0: the packet lies where the engine lent it. Else the value is 1 + the
     * number of its copy, or a mark that says why it has no copy (recv_copy.c). */
    uint8_t spare_of[SPEADI_RX_BURST_MAX];
};

/* Makes a stream on an open engine. The stream takes the engine over; if the function fails, it closes and frees the
 * engine. config must come from speadi_recv_config_read(). reason is copied. Returns 0, or -errno with a sentence in
 * err. Control plane. */
int speadi_recv_stream_create_on(struct spead_recv_stream **out,
                                 const struct spead_recv_stream_config *config,
                                 const struct speadi_rx_engine_ops *ops, void *engine,
                                 const char *reason, const struct speadi_rx_facts *facts,
                                 struct spead_err *err);

/* ---- recv_memory.c --------------------------------------------------------------------------- */

/* Makes the pool, and shows its memory to the engine. The fields layout and engine must be set before. With
 * SPEAD_PATH_AUTO, payload is bounced if it cannot be placed into this memory, and engine_reason says why. Sets
 * leaving_max to 0 if nothing will be placed. Returns 0, or -errno with a sentence in err. Control plane. */
int speadi_recv_make_memory(struct spead_recv_stream *stream, struct spead_err *err);

/* ---- recv_stop.c ----------------------------------------------------------------------------- */

/* Makes the engine post no more receives and end all reservations. Packets that have come before can still be
 * read. */
void speadi_recv_quiesce(struct spead_recv_stream *stream);

/* Begins the end of the stream if stop() was called or if no receiving end is open any more. Each poll() calls it at
 * its beginning. */
void speadi_recv_check_stop(struct spead_recv_stream *stream);

/* Begins the end of the stream if a stop item has come. recv_packet.c only notes stop items in stopped_sources. Call
 * this after packets were read. */
void speadi_recv_check_stop_items(struct spead_recv_stream *stream);

/* Ends the reading and flushes the live heaps. When all finished heaps are handed over, poll() returns `result`. */
void speadi_recv_begin_flush(struct spead_recv_stream *stream, int result);

/* Does one step of flushing: hands over the heaps for which there is room. Ends the stream when no heap is pending
 * any more or the deadline has passed. */
void speadi_recv_flush(struct spead_recv_stream *stream);

/* Ends the stream: each later poll() returns `result`, and the channel gets end of stream behind the last heap. */
void speadi_recv_end(struct spead_recv_stream *stream, int result);

/* ---- recv_burst.c ---------------------------------------------------------------------------- */

/* Processes stream->burst, which is not empty. If a packet had to wait for memory in an earlier call, processing
 * continues with that packet. Ends the burst after its last packet. Returns how many packets it has processed. */
int speadi_recv_process_burst(struct spead_recv_stream *stream);

/* Gives the burst back, if one is lent. Then lets those leaving heaps and parked packets go on whose reservations the
 * engine has reported as ended. */
void speadi_recv_end_burst(struct spead_recv_stream *stream);

/* ---- recv_fast_path.c ------------------------------------------------------------------------ */

/* Processes packets of the burst, beginning with burst_next, as long as each packet begins where the packet before it
 * in the heap ended and has no other effect. Returns how many packets it has processed. It leaves the first other
 * packet to speadi_recv_process_packet(). */
unsigned speadi_recv_fast_path(struct spead_recv_stream *stream);

/* ---- recv_packet.c --------------------------------------------------------------------------- */

/* Finds the bucket of a packet, and puts its payload in place. Returns false only with on_full = block, when there is
 * no memory until the consumer takes a heap. Then nothing was counted, and the packet must be processed again. */
bool speadi_recv_process_packet(struct spead_recv_stream *stream,
                                const struct speadi_rx_packet *raw);

/* Processes the parked packets again: their own places may be free now. */
void speadi_recv_retry_parked(struct spead_recv_stream *stream);

/* ---- recv_copy.c ----------------------------------------------------------------------------- */

/* Copies a packet into a spare buffer. Returns SPEAD_RECV_LIVE and the number of the copy in *copy, or the bucket
 * that says why there is no copy. In the copy the header always lies in one piece. The CPU can read the payload of
 * the copy if it can read the payload of the packet. */
enum spead_recv_bucket speadi_recv_copy_to_spare(struct spead_recv_stream *stream,
                                                 const struct speadi_rx_packet *raw,
                                                 uint32_t *copy);

/* Copies the payload of a packet into memory that the CPU cannot touch, to offset `to` of that memory. Returns 0 or
 * -errno. */
int speadi_recv_copy_to_device(struct spead_recv_stream *stream, uint64_t to,
                               const struct speadi_rx_packet *raw,
                               const struct speadi_packet *packet);

/* Copies the misplaced packets among those from burst_next on to spare buffers. Call this before any payload of these
 * packets is written anywhere. */
void speadi_recv_copy_misplaced(struct spead_recv_stream *stream);

/* Returns packet i of the burst, or its copy. Returns NULL if the packet needed a copy and has none; *why is then the
 * bucket that says why. */
const struct speadi_rx_packet *speadi_recv_burst_packet(const struct spead_recv_stream *stream,
                                                        unsigned i, enum spead_recv_bucket *why);

/* Returns false if the stream uses no byte of the packet, because the packet is dropped or refused. */
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

/* Opens a heap for the packet. Returns SPEAD_RECV_LIVE and gives the heap in *out; the heap is not in the table yet.
 * If no heap can be opened, returns the bucket of the packet. Sets *paused if the packet must be processed again, see
 * speadi_recv_process_packet(). */
enum spead_recv_bucket speadi_recv_open_heap(struct spead_recv_stream *stream,
                                             const struct speadi_packet *packet,
                                             struct speadi_live_heap **out, bool *paused);

/* Gives the heap a slot, and puts the heap into the table unless the heap is complete. Call this when the first
 * packet of the heap was accepted. */
void speadi_recv_heap_opened(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                             const struct speadi_rx_packet *raw,
                             const struct speadi_packet *packet);

/* Ends the heap, and hands it over or gives it up. If posted receives point into the heap, this waits until none
 * does. */
void speadi_recv_close_heap(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                            enum speadi_recv_cause cause);

/* Hands over or gives up all leaving heaps that no posted receive points into any more. */
void speadi_recv_release_leaving(struct spead_recv_stream *stream);

/* Ends the heaps that are older than the age limit. Returns true if one of them must first wait for posted
 * receives. */
bool speadi_recv_close_aged(struct spead_recv_stream *stream);

/* ---- recv_hand_over.c ------------------------------------------------------------------------ */

/* Sends the pending heaps to the consumer. Heaps that find no room stay pending if wait is true; else they are shed.
 * Returns true when no heap is pending any more. */
bool speadi_recv_hand_over(struct spead_recv_stream *stream, bool wait);

/* The channel calls this for each heap that it sheds (on_shed). The heap was counted as delivered; this function
 * counts it as shed instead. It runs on the owner thread. With the cause CANCELLED it may run on any thread, and then
 * it changes nothing. */
void speadi_recv_on_shed(void *stream, const struct spead_message *message,
                         enum spead_shed_cause cause);

/* Returns true if finished heaps wait for room in the channel while the stream runs, instead of being shed. */
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

/* Counts the packet as seen. Call this once for each packet. */
static inline void speadi_recv_count_seen(struct spead_recv_stream *stream,
                                          const struct speadi_rx_packet *raw)
{
    speadi_ledger_add(&stream->tally.source[raw->source].seen, raw->segments, raw->datagram_bytes);
}

/* Counts a packet as seen and in its bucket, when nobody looks at its payload. */
static inline void speadi_recv_count_unread(struct spead_recv_stream *stream,
                                            const struct speadi_rx_packet *raw,
                                            enum spead_recv_bucket bucket)
{
    speadi_recv_count_seen(stream, raw);
    speadi_recv_count(stream, raw, bucket);
}

#endif
