/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a receive stream. The recv_*.c files share this struct. Each file calls only functions of files that
 * stand below it in this list:
 *
 *   recv_node.c       the stream as a node of a graph
 *   recv_loop.c       the owner thread's poll and wait
 *   recv_stop.c       the end of the stream
 *   recv_unread.c     counts the packets that are left when the time for draining is over
 *   recv_burst.c      begins one burst, processes it packet by packet, gives it back to the engine
 *   recv_fast_path.c  processes packets that begin where the packet before them in the heap ended
 *   recv_packet.c     processes any other packet: finds its bucket and its heap, puts its payload in place
 *   recv_peek.c       finds the misplaced packets of a burst before any payload is written
 *   recv_start_point.c  discards heaps before the start point
 *   recv_senders.c    finds the sender of a packet, begins its runs, ends its heaps after a stop
 *   recv_heaps.c      opens a heap
 *   recv_places.c     asks where a heap goes, and moves the window of chunks (of chunk streams)
 *   recv_charge.c     charges the memory of a heap; ends older heaps where memory is scarce
 *   recv_heap_end.c   ends a heap
 *   recv_slots.c      chooses the slot that a new heap takes
 *   recv_striping.c   notices when two senders fill one heap together
 *   recv_doubling.c   notices when two senders bring the same heaps
 *   recv_missing.c    counts the packets that are missing
 *   recv_populate.c   has the memory of large heaps populated ahead
 *   recv_regions.c    takes a region for a heap
 *   recv_move.c       frees heaps from posted receives, writes payload that has waited for them
 *   recv_copy.c       copies packets to spare buffers, and payload to memory that the CPU cannot touch
 *   recv_copy_choice.c  chooses how the CPU copies payload into heaps
 *   recv_chunk_end.c  takes finished heaps into their chunks, and chunks out of the window (of chunk streams)
 *   recv_hand_over.c  sends finished heaps to the consumer, or sheds them
 *   recv_counters.c   reads the counters of the engine, and publishes all counters
 *   recv_port.c       looks at the port of the stream: where it is in the host, and what it has dropped
 *
 * Three more files are outside of this order. recv_stream.c makes and frees streams; it also has the functions that
 * other threads and the consumer call. recv_memory.c decides in which memory the heaps lie. recv_statistics.c has the
 * custom counters and makes snapshots. The owner thread calls all functions below, with these exceptions. The thread
 * that makes the stream calls speadi_recv_stream_create_on(), speadi_recv_copy_custom_counters(),
 * speadi_recv_make_memory(), speadi_recv_choose_copy() and speadi_recv_start_populating(). Any thread may call
 * speadi_recv_on_shed() if the cause
 * is CANCELLED. */
#ifndef SPEADI_RECV_STREAM_H
#define SPEADI_RECV_STREAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <speadline/recv.h>

#include <speadi/cache_line.h>
#include <speadi/log_pause.h>
#include <speadi/streaming_copy.h>

#include "chunk_window.h"
#include "coalesce.h"
#include "finished.h"
#include "gap_trackers.h"
#include "heap_memory.h"
#include "heap_prints.h"
#include "heap_table.h"
#include "late_gaps.h"
#include "leaving_heaps.h"
#include "live_heap.h"
#include "memory_limit.h"
#include "outlet.h"
#include "placement.h"
#include "recv_ledger.h"
#include "region_plan.h"
#include "rx_engine.h"
#include "sender_table.h"
#include "spare.h"

enum speadi_recv_state {
    SPEADI_RECV_RUNNING,
    /* the stream reads until the source is empty or the deadline has passed */
    SPEADI_RECV_DRAINING,
    /* the stream reads nothing; finished heaps wait for room in the channel */
    SPEADI_RECV_FLUSHING,
    SPEADI_RECV_ENDED,
};

/* What happens to packets that may begin a heap. */
enum speadi_recv_gate {
    SPEADI_GATE_OPEN,   /* they begin heaps */
    SPEADI_GATE_CLOSED, /* explicit_start, and arm() was not called: all packets only count */
    SPEADI_GATE_JUDGES, /* the start point decides */
};

/* The start point of a stream as the owner thread knows it. */
struct speadi_recv_start {
    struct spead_recv_start_point point;
    /* How many start points there were. A sender is in sync if its sync_epoch is the same. */
    uint32_t epoch;
    uint32_t calls;               /* value of start_calls when the owner thread last looked */
    bool absent_said;             /* the log has said that a heap lacks the item */
    struct speadi_log_pause said; /* of the lines about senders that are in sync, by now_ns */
};

/* The reason why a heap ends. */
enum speadi_recv_cause {
    SPEADI_RECV_COMPLETE,
    SPEADI_RECV_BY_EVICTION,
    SPEADI_RECV_BY_AGE,
    SPEADI_RECV_BY_FLUSH,
    SPEADI_RECV_BY_CHUNK, /* its chunk has left the window */
};

/* The stop item that came last. */
struct speadi_recv_last_stop {
    struct spead_sender_address address;
    uint32_t endpoint;
    uint64_t counter; /* heap counter of the heap with the stop item */
};

/* A lack of memory can last for hours, and each heap would be worth a line. The log has one line in this time. */
#define SPEADI_RECV_NO_MEMORY_PAUSE_NS 10000000000u

/* The longest time between two polls that counts as time in which the owner thread has read. While heaps are live,
 * wait() does not sleep longer than this. A packet waits in its source for at most this time of the reading clock. */
#define SPEADI_RECV_STALL_NS 250000000u

/* Heaps that are shorter than this are never copied by streaming stores, unless the user asks for it. */
#define SPEADI_RECV_STREAMING_HEAP_BYTES ((uint64_t)64 << 10)

/* How payload is copied into heaps (recv_copy_choice.c). */
struct speadi_recv_copying {
    speadi_copy_fn *streaming; /* NULL: all heaps are copied by memcpy() */
    /* A heap is copied by streaming() if it is not shorter than heap_bytes_min, and if the heaps in use would have at
     * least footprint_min bytes if all of them were as long. heap_bytes_min is UINT64_MAX if streaming is NULL. */
    uint64_t heap_bytes_min, footprint_min;
    char reason[256];
};

struct spead_recv_stream {
    /* speadi_recv_stream_create_on() sets the fields from here to `plan`. Afterwards they do not change. */
    /* The user's configuration. Its endpoints, links and options must not be read after the stream was made, because
     * the user may have freed them. heap_arena points to `arena` below. */
    struct spead_recv_stream_config config;
    struct spead_region_arena arena; /* copy of the heap_arena of the user, if there is one */
    const struct speadi_rx_engine_ops *ops;
    struct speadi_rx_facts facts; /* what open() of the engine reported */
    struct speadi_live_heap_layout layout;
    /* The pool of heaps. In a chunk stream its blocks have tables only: see chunk_window.h. */
    struct speadi_pool *pool;
    struct speadi_chunk_window *chunks; /* NULL: the stream hands over heaps */
    uint64_t packet_bytes_max;
    uint32_t source_count;
    /* Number of regions of each size class that are set aside for heaps that must leave while receives are posted into
     * them. Receives are posted into at most this many regions at a time. 0 means that nothing is placed. */
    uint32_t aside_count;
    /* The packets have so many bytes together for which places may be reserved in heaps that have not begun. For them
     * the plan has more regions that are set aside. */
    uint64_t expected_bytes;
    uint32_t spare_count;
    char **source_name;
    /* Array [config.custom_counter_count]. The names lie behind its last element. */
    struct spead_custom_counter *custom;
    char engine_reason[SPEADI_ENGINE_REASON_MAX];
    struct speadi_memory_limit limit; /* config.memory_bytes_max has the same number of bytes */
    char memory_reason[512];
    char port_place[2048];
    /* What the counter port_out_of_buffer of the device was when the stream was made; -1 if there is none. */
    int64_t out_of_buffer_start;
    const char *populate_reason;
    bool populates; /* a thread of the pool populates regions ahead */
    struct speadi_recv_copying copying;
    struct spead_recv_plan plan;
    struct speadi_region_plan regions;

    /* Any thread may write these fields. start_lock protects start_asked, the start point of the last call of
     * start_at(); start_calls counts these calls. */
    _Alignas(SPEADI_CACHE_LINE) atomic_uint stop_calls;
    atomic_uint start_calls;
    pthread_mutex_t start_lock;
    struct spead_recv_start_point start_asked;
    atomic_bool is_armed;
    atomic_bool has_owner; /* spead_recv_stream_start() has accepted a thread as the owner thread */

    /* Only the owner thread uses this field and all fields below. */
    _Alignas(SPEADI_CACHE_LINE) void *engine;
    enum speadi_recv_state state;
    int result; /* what spead_recv_stream_poll() returns after the stream has ended */
    enum speadi_recv_gate gate; /* as it was at the beginning of this poll */
    struct speadi_recv_start start;
    /* True after unreserve() of the engine was called, until poll() of the engine reports all reservations as ended. */
    bool unreserving;
    /* Bit number i of heard_endpoints is set if endpoint i has had a sender. The same bit of stopped_endpoints is set
     * if a stop item came to endpoint i from a sender that had sent no data. */
    uint64_t heard_endpoints, stopped_endpoints;
    uint64_t stop_items;    /* how many senders have sent a stop item */
    bool has_stopped_heaps; /* a stop item has come; heaps of its sender may still be live */
    /* The stream will look again at this time of CLOCK_MONOTONIC whether the stop items end it. */
    uint64_t stop_review_ns;
    struct speadi_recv_last_stop last_stop;
    enum spead_recv_end_cause end_cause; /* why the stream ends; SPEAD_END_NONE while it runs */
    /* The time for draining is over, and speadi_recv_count_unread_packets() has not finished. */
    bool counting_unread;
    bool quiesced; /* quiesce() of the engine was called */
    /* poll() reads the time here: CLOCK_MONOTONIC, in nanoseconds. A test may replace the function. */
    uint64_t (*clock)(void);
    uint64_t now_ns; /* what clock() returned when this poll began */
    /* The time by which heaps age. It is the time of the engine's own clock, or else the reading clock: the sum of the
     * times between polls, without the time in which this thread did not read although heaps waited for packets. */
    uint64_t age_ns;
    /* The source was empty at this time of the same clock. So the packets that are read now have come later. */
    uint64_t empty_ns;
    uint64_t drained_ns; /* value of now_ns in the last poll that lent nothing; 0 before it */
    /* Bound of the error of the times of the burst; see speadi_rx_burst.clock_error_ns. */
    uint64_t clock_error_ns;
    bool has_slept;     /* wait() of the engine was called after the last poll */
    uint64_t polled_ns; /* value of now_ns in the poll before this one; 0 in the first poll */
    /* How far the reading clock has advanced since the stream last read packets, at most SPEADI_RECV_STALL_NS. */
    uint64_t unread_ns;
    uint64_t deadline_ns;   /* time of CLOCK_MONOTONIC at which draining or flushing must end */
    uint64_t node_sequence; /* value of outlet.sequence when the node last looked for a reader */
    uint64_t counters_ns;   /* value of now_ns when the engine's counters were last read */
    uint64_t drops_ns;      /* value of now_ns when an incomplete heap last ended */
    /* The drops as they were known before this poll received anything. A heap that opens in this poll may have lost
     * packets to all later drops. */
    struct speadi_kernel_drops drops_before;
    /* number of messages at the last call of speadi_coalesce_observe() */
    uint64_t coalesce_messages;
    bool paused;      /* the last poll has read nothing, because the hand-over was full */
    bool catching_up; /* a pause has ended, and the source has not been found empty after that */
    bool source_has_room; /* what fill() of the engine said in the poll number fill_poll */
    uint64_t fill_poll;
    uint64_t pause_ns; /* value of now_ns in the last poll, if that poll was paused */
    /* While the stream drains, it does not pause after this time of CLOCK_MONOTONIC. */
    uint64_t pause_end_ns;
    /* Bytes of the longest complete heap so far. When a new heap opens that is not longer, its memory is populated. */
    uint64_t largest_heap;
    /* Heaps of this many bytes are expected. The regions of the next heaps are populated ahead. */
    uint64_t shown_bytes;
    struct speadi_log_pause run_said; /* of the lines about new runs of senders, by age_ns */
    /* counters.placed when the last heap ended whose payload may be placed */
    uint64_t placed_noted;
    /* of the lines that placement is off ([0]) and on again ([1]), by now_ns */
    struct speadi_log_pause placement_said[2];
    /* Of the lines about heaps that found no region, and of those that found too little memory, by now_ns. */
    struct speadi_log_pause no_region_said, no_bytes_said;
    bool populate_due; /* there may be work for the thread that populates */
    bool populating;   /* the thread that populates has work, or will have some at the next poll */
    struct speadi_heap_table table;
    struct speadi_finished finished;
    struct speadi_late_gaps late_gaps;
    /* Array [senders_max]: how each sender cuts its heaps into packets. */
    struct speadi_size_memory *sizes;
    struct speadi_gap_trackers gaps;
    struct speadi_sender_table senders;
    struct speadi_heap_prints prints; /* of the heaps that ended last */
    /* All complete heaps that are handed over with a sequence below this one are compared (recv_doubling.c). */
    uint64_t compare_until;
    /* For each entry of burst.from: the id of the sender, or SPEADI_SENDER_NONE if it was not looked up yet. */
    uint32_t sender_of[SPEADI_RX_FROM_MAX];
    struct speadi_recv_tally tally;
    /* ended heaps into which receives are posted and that could not exchange their memory */
    struct speadi_leaving_heaps leaving;
    struct speadi_outlet outlet;
    bool started;
    struct speadi_placement placement;
    struct speadi_heap_memory memory;
    struct speadi_spare spare;
    struct speadi_coalesce coalesce;
    bool read_since_wait; /* a burst has come after coalesce() last slept */
    uint64_t coalesced;   /* how many times coalesce() has slept */
    bool burst_is_out;    /* the engine has lent `burst`, and it is not given back yet */
    /* Packets of the burst from burst_next on may be misplaced, because nobody has looked at their places yet. */
    bool places_unchecked;
    /* speadi_recv_copy_misplaced() was called for this burst. spare_of is valid for the packet that had the number
     * burst_next at that time, and for all later packets. */
    bool places_checked;
    unsigned burst_next; /* index of the first packet of the burst that is not processed yet */
    struct speadi_rx_burst burst;
    /* One value for each packet of the burst. 0 means that the packet lies where the engine lent it. Any other value is
     * 1 + the number of the packet's copy, or one of the marks in recv_copy.c that say why the packet has no copy. */
    uint16_t spare_of[SPEADI_RX_BURST_MAX];
};

/* Makes a stream on an open engine. The stream then owns the engine: spead_recv_stream_destroy() closes and frees the
 * engine, and so does this function if it fails. config must come from speadi_recv_config_read(). The function copies
 * the text `reason`, which says why this engine was chosen. Returns 0, or -errno with a sentence in err. Control
 * plane. */
int speadi_recv_stream_create_on(struct spead_recv_stream **out,
                                 const struct spead_recv_stream_config *config,
                                 const struct speadi_rx_engine_ops *ops, void *engine,
                                 const char *reason, const struct speadi_rx_facts *facts,
                                 struct spead_err *err);

/* ---- recv_memory.c --------------------------------------------------------------------------- */

/* Makes the pool of the heaps, and shows its memory to the engine. The caller must have set the fields layout and
 * engine. If the path is SPEAD_PATH_AUTO and payload cannot be placed into this memory, payload is bounced, and
 * engine_reason says why. Sets aside_count to 0 if nothing will be placed. Returns 0, or -errno with a sentence in err.
 * Control plane. */
int speadi_recv_make_memory(struct spead_recv_stream *stream, struct spead_err *err);

/* ---- recv_chunk_memory.c: control plane, for chunk streams ------------------------------------ */

/* Makes the window of chunks, without memory. Returns 0, or -errno with a sentence in err. */
int speadi_recv_make_chunks(struct spead_recv_stream *stream, struct spead_err *err);

/* Makes the memory of the chunks and the pool of heaps, and fills stream->regions. Returns 0, or -errno with a sentence
 * in err; the caller must then call speadi_recv_drop_chunk_pools() and release stream->pool. */
int speadi_recv_make_chunk_pools(struct spead_recv_stream *stream, struct spead_err *err);
void speadi_recv_drop_chunk_pools(struct spead_recv_stream *stream);

/* Populates the memory of the chunks that the stream has made. */
void speadi_recv_warm_chunks(struct spead_recv_stream *stream);

/* Returns the pool in which payload lies. */
static inline struct speadi_pool *speadi_recv_memory_pool(const struct spead_recv_stream *stream)
{
    return stream->chunks ? stream->chunks->pool : stream->pool;
}

/* Returns the memory of the user in which payload lies, or NULL. */
static inline const struct spead_region_arena *speadi_recv_arena(
    const struct spead_recv_stream *stream)
{
    return stream->chunks ? stream->chunks->config.arena : stream->config.heap_arena;
}

/* Tells whether the engine registers the memory of the heaps with a device. */
static inline bool speadi_recv_pins_memory(const struct spead_recv_stream *stream)
{
    return stream->aside_count > 0 && stream->ops->caps & SPEADI_RX_CAP_PINS;
}

/* ---- recv_statistics.c ----------------------------------------------------------------------- */

/* Copies the custom counters of the configuration with their names, which the caller has only lent. Returns 0 or -ENOMEM.
 * Control plane. */
int speadi_recv_copy_custom_counters(struct spead_recv_stream *stream);

/* ---- recv_stop.c ----------------------------------------------------------------------------- */

/* Makes the engine accept no more reservations, and end all reservations if it can (see quiesce() in rx_engine.h).
 * Packets that came before this call can still be read. */
void speadi_recv_quiesce(struct spead_recv_stream *stream);

/* Begins to end the stream if spead_recv_stream_stop() was called, or if the channel has no open receiving end any
 * more. spead_recv_stream_poll() calls this function at its beginning. */
void speadi_recv_check_stop(struct spead_recv_stream *stream);

/* Begins to end the stream if a stop item has come. The owner thread must call this after it has read packets, because
 * recv_senders.c only notes the stop items. */
void speadi_recv_check_stop_items(struct spead_recv_stream *stream);

/* Reads no more packets, and ends all live heaps. The stream ends when the finished heaps are handed over or shed;
 * spead_recv_stream_poll() then returns `result`. */
void speadi_recv_begin_flush(struct spead_recv_stream *stream, int result);

/* A pending heap is a heap that is finished, but not handed over yet. This function hands over the pending heaps for
 * which the channel has room. After the deadline it sheds the other pending heaps. When no heap is pending any more, it
 * ends the stream. */
void speadi_recv_flush(struct spead_recv_stream *stream);

/* Ends the stream: each later spead_recv_stream_poll() returns `result`, and the consumer gets end of stream behind the
 * last heap. */
void speadi_recv_end(struct spead_recv_stream *stream, int result);

/* ---- recv_unread.c --------------------------------------------------------------------------- */

/* Must be called after speadi_recv_begin_flush(), when packets may be left in the engine because the time for draining
 * is over. */
void speadi_recv_begin_unread(struct spead_recv_stream *stream);

/* Counts a part of the packets that are left in the engine, and sets counting_unread to false when all are counted. If
 * `last` is true, this is the last part. Does nothing if counting_unread is false. */
void speadi_recv_count_unread_packets(struct spead_recv_stream *stream, bool last);

/* ---- recv_burst.c ---------------------------------------------------------------------------- */

/* Processes the packets of stream->burst, which must not be empty. It stops early at a packet for which there is no
 * memory; the next call continues with that packet. After the last packet it gives the burst back. Returns how many
 * packets this call has processed. */
int speadi_recv_process_burst(struct spead_recv_stream *stream);

/* Gives the burst back to the engine, if one is lent. Then ends the reservations that the engine has reported as ended.
 * Parked payload that waited only for these reservations is put into its place, and leaving heaps are handed over. */
void speadi_recv_end_burst(struct spead_recv_stream *stream);

/* ---- recv_fast_path.c ------------------------------------------------------------------------ */

/* Processes packets of the burst, beginning with packet number burst_next. It stops at the first packet that does not
 * begin where the packet before it in the heap ended. It also stops at a packet that does more than add payload, for
 * example completes the heap. The caller must give that packet to speadi_recv_process_packet(). Returns how many
 * packets it has processed, which may be 0. It is 0 if there is no live heap. */
unsigned speadi_recv_fast_path(struct spead_recv_stream *stream);

/* ---- recv_packet.c --------------------------------------------------------------------------- */

/* Finds the bucket of a packet, and puts its payload into its heap. Returns true when the packet is processed. Returns
 * false when there is no memory until the consumer takes a heap. This happens only if the stream waits when its channel
 * is full (speadi_recv_waits_for_room()). Then nothing was counted, and the caller must process the packet later. */
bool speadi_recv_process_packet(struct spead_recv_stream *stream,
                                const struct speadi_rx_packet *raw);

/* ---- recv_peek.c ----------------------------------------------------------------------------- */

/* Looks at all packets of the burst from burst_next on, and copies each misplaced one to a spare buffer. The caller
 * must call this before it writes the payload of any of these packets to a heap. Otherwise such a write could overwrite
 * a misplaced packet. */
void speadi_recv_copy_misplaced(struct spead_recv_stream *stream);

/* Returns packet i of the burst, or the copy of this packet if it was misplaced. Returns NULL if the packet is
 * misplaced and could not be copied; *why is then the bucket that says why. */
const struct speadi_rx_packet *speadi_recv_burst_packet(const struct spead_recv_stream *stream,
                                                        unsigned i, enum spead_recv_bucket *why);

/* Returns false if the stream uses no byte of the packet: the fault decorator dropped it, the engine refused it, or it
 * is truncated or too long. */
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

/* ---- recv_senders.c -------------------------------------------------------------------------- */

/* Returns the earliest time at which the packet that is processed can have come. It may have waited in its source. The
 * time is of the clock by which heaps age. */
static inline uint64_t speadi_recv_came_ns(const struct spead_recv_stream *stream)
{
    uint64_t came_ns = stream->empty_ns;

    if (stream->age_ns > came_ns + SPEADI_RECV_STALL_NS)
        came_ns = stream->age_ns - SPEADI_RECV_STALL_NS;
    return came_ns;
}

/* Returns the index of the endpoint to which the packet belongs. In a joint stream all packets belong to endpoint 0. */
static inline uint16_t speadi_recv_endpoint(const struct spead_recv_stream *stream,
                                            const struct speadi_rx_packet *raw)
{
    return stream->config.joint ? 0 : raw->source;
}

/* Returns the sender of a packet of this burst if it was looked up for an earlier packet of the burst, else NULL. */
static inline struct speadi_sender *speadi_recv_sender_found_before(
    const struct spead_recv_stream *stream, const struct speadi_rx_packet *raw)
{
    uint32_t id = stream->sender_of[raw->from];
    struct speadi_sender *sender;

    if (id == SPEADI_SENDER_NONE)
        return NULL;
    sender = speadi_sender_table_get(&stream->senders, id);
    return sender && sender->endpoint == speadi_recv_endpoint(stream, raw) ? sender : NULL;
}

/* The long way of speadi_recv_sender(). */
struct speadi_sender *speadi_recv_look_up_sender(struct spead_recv_stream *stream,
                                                 const struct speadi_rx_packet *raw,
                                                 bool may_admit);

/* Returns the sender of a packet of this burst. If the sender was silent for longer than restart_quiet_ns, the heaps of
 * its last run end. A sender that was not heard before gets an entry in the table of senders if may_admit is true.
 * Returns NULL if the sender has no entry. The sender is valid until the next call of this function. */
static inline struct speadi_sender *speadi_recv_sender(struct spead_recv_stream *stream,
                                                       const struct speadi_rx_packet *raw,
                                                       bool may_admit)
{
    struct speadi_sender *sender = speadi_recv_sender_found_before(stream, raw);

    return sender ? sender : speadi_recv_look_up_sender(stream, raw, may_admit);
}

/* The owner thread must call this when a new burst is lent: the entries of burst.from describe other senders now. */
void speadi_recv_forget_senders_of_burst(struct spead_recv_stream *stream);

/* The sender has sent a start item in this packet. A new run of the sender begins. Its live heaps end, except
 * `carrier`, which may be NULL. Nothing happens if the start item is a copy, that is, if the last start item came at
 * most repeat_ns before it, and in a heap with the same counter and length. */
void speadi_recv_sender_starts(struct spead_recv_stream *stream, struct speadi_sender *sender,
                               const struct speadi_packet *packet,
                               const struct speadi_live_heap *carrier);

/* A stop item has come from the sender in the heap with this counter. Later packets of the sender are counted as
 * after-stop, except the packets of that heap. If the sender has sent no data, all later
 * packets of its endpoint are counted as after-stop. */
void speadi_recv_sender_stops(struct spead_recv_stream *stream, struct speadi_sender *sender,
                              uint64_t counter);

/* Ends the live heaps of senders and endpoints that have stopped, except the heaps in which the stop items came. The
 * caller must call it when the source is empty. */
void speadi_recv_end_stopped_heaps(struct spead_recv_stream *stream);

/* Returns true if the packet comes after a stop item of its sender, or of its endpoint. `sender` is NULL if the sender
 * is not known, and `packet` is NULL if the packet is malformed. */
bool speadi_recv_is_after_stop(const struct spead_recv_stream *stream,
                               const struct speadi_rx_packet *raw,
                               const struct speadi_sender *sender,
                               const struct speadi_packet *packet);

/* Returns true if the stop items that have come must end the stream (see spead_recv_stream_config.stop_count). */
bool speadi_recv_stop_items_suffice(const struct spead_recv_stream *stream);

/* ---- recv_slots.c ---------------------------------------------------------------------------- */

/* Returns true if the heap of a newcomer must not take a slot from a sender that works. A newcomer is a sender that has
 * not proven itself. While no sender of the endpoint has proven itself, all senders are treated alike. */
static inline bool speadi_recv_is_guest(const struct spead_recv_stream *stream,
                                        const struct speadi_sender *sender)
{
    return !sender->proven && stream->senders.proven[sender->endpoint] > 0;
}

/* The way of speadi_recv_choose_slot() for a guest. */
bool speadi_recv_choose_guest_slot(const struct spead_recv_stream *stream, uint32_t ring,
                                   const struct speadi_packet *packet, uint32_t *slot);

/* Chooses the slot that a new heap of this sender takes in a window of live heaps. If the slot holds another heap, the
 * caller must end that heap. The slot is SPEADI_SLOT_NONE if the new heap needs none, because the packet completes it
 * and its sender is a newcomer. Returns false if the heap of a newcomer would have to end a heap of a sender that
 * works. */
static inline bool speadi_recv_choose_slot(const struct spead_recv_stream *stream,
                                           const struct speadi_sender *sender, uint32_t ring,
                                           const struct speadi_packet *packet, uint32_t *slot)
{
    if (speadi_recv_is_guest(stream, sender))
        return speadi_recv_choose_guest_slot(stream, ring, packet, slot);
    *slot = speadi_heap_table_next_slot(&stream->table, ring);
    return true;
}

/* The caller must call this when a new heap of the ring has taken the slot that was chosen for it, or was refused for
 * lack of memory. */
static inline void speadi_recv_slot_used(struct spead_recv_stream *stream, uint32_t ring,
                                         uint32_t slot)
{
    if (slot == speadi_heap_table_next_slot(&stream->table, ring))
        speadi_heap_table_advance(&stream->table, ring);
}

/* Chooses the live heap that ends so that a heap of this sender and ring finds memory: the oldest one of the endpoint
 * whose sender has begun a newer heap, or is silent, or is a newcomer. `taker` is the heap that needs memory, or NULL
 * if it has no region yet. A heap that is newer than the taker ends only if it is of a newcomer and the taker is not.
 * Returns NULL if there is no such heap. */
struct speadi_live_heap *speadi_recv_choose_giver(const struct spead_recv_stream *stream,
                                                  const struct speadi_sender *sender, uint32_t ring,
                                                  const struct speadi_live_heap *taker);

/* ---- recv_charge.c --------------------------------------------------------------------------- */

/* The long way of speadi_recv_find_memory(). */
bool speadi_recv_find_more_memory(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                                  uint64_t end, bool *paused);

/* Charges the memory of the heap up to the offset `end`, or further. If there is not enough memory, hands over or sheds
 * the pending heaps, and then ends older live heaps. If heaps are still pending because the stream pauses until the
 * consumer has made room, ends no heap and sets *paused to true. Returns false if there is still not enough memory. */
static inline bool speadi_recv_find_memory(struct spead_recv_stream *stream,
                                           struct speadi_live_heap *live, uint64_t end,
                                           bool *paused)
{
    return end <= live->heap.region->charged_bytes ||
           speadi_recv_find_more_memory(stream, live, end, paused);
}

/* Ends the heap that speadi_recv_choose_giver() chooses. Returns false if there is none, or if heaps are leaving, which
 * will give memory back anyway. Else the caller should look for memory once more; *again tells whether it may then call
 * this function again. */
bool speadi_recv_make_room(struct spead_recv_stream *stream, const struct speadi_sender *sender,
                           uint32_t ring, const struct speadi_live_heap *taker, bool *again);

/* ---- recv_striping.c ------------------------------------------------------------------------- */

/* The caller must call this when a heap ends incomplete. If a live heap of another sender has the same counter, and
 * each of the two has bytes that the other lacks, counts the heap as striped. The first time it writes to the log. */
void speadi_recv_note_striping(struct spead_recv_stream *stream,
                               const struct speadi_live_heap *live);

/* ---- recv_doubling.c ------------------------------------------------------------------------- */

/* Heaps are compared with those of other senders: all, for some time after a sender was heard for the first time, and
 * then one in SPEADI_RECV_COMPARE_EVERY, chosen by the heap counter, so that the same heaps of two senders are
 * compared. */
#define SPEADI_RECV_COMPARE_EVERY 64u

/* Lets all complete heaps be compared for some time, because a sender is new. */
void speadi_recv_compare_all(struct spead_recv_stream *stream);

/* Tells whether a complete heap must be compared with those of other senders. The first heaps of a stream are compared
 * although it knows only one sender: the second one can bring the same heaps a moment later. */
static inline bool speadi_recv_compares(const struct spead_recv_stream *stream,
                                        const struct speadi_live_heap *live)
{
    return stream->outlet.sequence < stream->compare_until ||
           (stream->senders.count > 1 &&
            live->heap.counter * 0x9e3779b97f4a7c15ull < UINT64_MAX / SPEADI_RECV_COMPARE_EVERY);
}

/* The caller must call this when a complete heap that must be compared is about to be handed over. If another sender
 * has brought the same bytes under the same counter, and if this is not the first such heap, counts the heap as
 * doubled. The first time it writes to the log. */
void speadi_recv_note_doubling(struct spead_recv_stream *stream,
                               const struct speadi_live_heap *live);

/* ---- recv_start_point.c ---------------------------------------------------------------------- */

/* Sets the start point. No sender is in sync afterwards. */
void speadi_recv_set_start_point(struct spead_recv_stream *stream,
                                 const struct spead_recv_start_point *point);

/* Sets the start point that another thread has asked for. */
void speadi_recv_take_start_point(struct spead_recv_stream *stream);

/* Tells whether the packet is of a heap before the start point. If its heap is the first one of the sender at that point,
 * the sender is in sync after this call. The caller must call it only if there is a start point. */
bool speadi_recv_is_before_start(struct spead_recv_stream *stream,
                                 const struct speadi_rx_packet *raw, struct speadi_sender *sender,
                                 const struct speadi_packet *packet);

/* Discards the heap of this packet, and remembers it so that its other packets are discarded too. */
void speadi_recv_discard_before_start(struct spead_recv_stream *stream,
                                      struct speadi_sender *sender,
                                      const struct speadi_packet *packet);

/* The stream ends. Says so in the log if no sender has reached the start point. */
void speadi_recv_say_never_in_sync(const struct spead_recv_stream *stream);

/* ---- recv_heaps.c ---------------------------------------------------------------------------- */

static inline uint32_t speadi_recv_substream(const struct spead_recv_stream *stream,
                                             uint64_t counter)
{
    uint32_t substreams = stream->config.substream_count;

    return substreams == 1 ? 0 : (uint32_t)(counter % substreams);
}

/* Returns the key of a heap of this sender. */
static inline struct speadi_heap_key speadi_recv_heap_key(const struct spead_recv_stream *stream,
                                                          const struct speadi_sender *sender,
                                                          uint64_t counter)
{
    uint32_t ring =
        sender->endpoint * stream->config.substream_count + speadi_recv_substream(stream, counter);

    return (struct speadi_heap_key){
        .counter = counter, .sender = sender->id, .ring = ring, .endpoint = sender->endpoint};
}

/* Opens a heap for the packet of this sender, which lies in `raw`. Returns SPEAD_RECV_LIVE and gives the heap in *out; the
 * heap is not in the table yet. If no heap can be opened, returns the bucket of the packet. Sets *paused to true if the
 * caller must process the packet again later; see speadi_recv_process_packet(). */
enum spead_recv_bucket speadi_recv_open_heap(struct spead_recv_stream *stream,
                                             struct speadi_sender *sender,
                                             const struct speadi_rx_packet *raw,
                                             const struct speadi_packet *packet,
                                             struct speadi_live_heap **out, bool *paused);

/* Tells whether the packet is of a heap of the sender that has ended and that carried all start and stop items of the
 * packet: then the caller must not obey these items again. */
bool speadi_recv_is_ended_carrier(const struct spead_recv_stream *stream,
                                  const struct speadi_sender *sender,
                                  const struct speadi_packet *packet);

/* Tells whether the packet can be a copy of a packet of a complete heap that is forgotten because of a stop item. */
bool speadi_recv_is_copy_behind_stop(const struct spead_recv_stream *stream,
                                     const struct speadi_sender *sender,
                                     const struct speadi_packet *packet);

/* Remembers a control heap of the sender, which came in this packet. Returns false if the packet is a copy of a control
 * heap that came at most repeat_ns before: then the caller must not obey its items again. */
bool speadi_recv_note_control_heap(struct spead_recv_stream *stream, struct speadi_sender *sender,
                                   const struct speadi_packet *packet);

/* Discards a heap that speadi_recv_open_heap() has opened and whose first packet was refused. If `bucket` is
 * SPEAD_RECV_NO_MEMORY, counts the heap as one without memory, and remembers it as finished. */
void speadi_recv_discard_new(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                             const struct speadi_packet *packet, enum spead_recv_bucket bucket);

/* Releases the region of a heap that nobody has seen yet. */
void speadi_recv_release_new(struct spead_recv_stream *stream, struct speadi_live_heap *live);

/* The owner thread must call this after the heap of this sender has accepted its first packet. Takes a slot of the heap
 * table, and puts the heap into this slot. A heap that is already complete does not enter the table. */
void speadi_recv_heap_opened(struct spead_recv_stream *stream, struct speadi_sender *sender,
                             struct speadi_live_heap *live, const struct speadi_rx_packet *raw,
                             const struct speadi_packet *packet);

/* ---- recv_heap_end.c ------------------------------------------------------------------------- */

/* Counts a heap as one that could not begin or finish because there was no memory; each heap once. */
void speadi_recv_starved(struct spead_recv_stream *stream, struct speadi_live_heap *live);

/* Returns true if the consumer will get the heap when it ends as it is now. */
bool speadi_recv_is_wanted(const struct spead_recv_stream *stream,
                           const struct speadi_live_heap *live);

/* Ends the heap for the reason `cause`, and hands it over or discards it. If receives are posted into the heap and
 * there is no other memory for its payload, the heap becomes a leaving heap, and speadi_recv_release_leaving() hands it
 * over later. */
void speadi_recv_close_heap(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                            enum speadi_recv_cause cause);

/* A packet has contradicted what is known of the heap. Ends the heap incomplete. */
void speadi_recv_contradicted(struct spead_recv_stream *stream, struct speadi_live_heap *live);

/* Hands over or discards all leaving heaps into which no receive is posted any more. */
void speadi_recv_release_leaving(struct spead_recv_stream *stream);

/* Ends the heaps that are older than the age limit. */
void speadi_recv_close_aged(struct spead_recv_stream *stream);

/* ---- recv_missing.c -------------------------------------------------------------------------- */

/* Returns what is known about how this sender cuts heaps. If the entry of the table of senders belongs to a new sender
 * now, forgets what is known about the old sender. */
static inline struct speadi_size_memory *speadi_recv_sizes_of(struct spead_recv_stream *stream,
                                                              uint32_t sender)
{
    struct speadi_size_memory *memory = &stream->sizes[sender % SPEADI_SENDER_IDS];

    if (memory->sender != sender)
        *memory = (struct speadi_size_memory){.sender = sender};
    return memory;
}

/* Learns from a complete heap how its sender cuts heaps. */
static inline void speadi_recv_learn_sizes(struct spead_recv_stream *stream,
                                           const struct speadi_live_heap *live)
{
    struct speadi_size_memory *memory = speadi_recv_sizes_of(stream, live->sender);

    if (live->heap.packets == 1) {
        stream->tally.totals->heaps_single_packet++;
        speadi_size_memory_single(memory, live->heap.received);
    } else if (live->heap.has_length)
        speadi_size_memory_learn(memory, &live->heap, &live->sizes);
}

/* Judges how many packets of an incomplete heap are missing, and counts them. Returns how many ranges never came. The
 * caller must pass the result to speadi_recv_keep_gaps(). */
struct speadi_heap_missing speadi_recv_count_missing(struct spead_recv_stream *stream,
                                                     struct speadi_live_heap *live);

/* Keeps the gaps of this incomplete heap, for packets that come late. */
void speadi_recv_keep_gaps(struct spead_recv_stream *stream, struct speadi_finished_heap *finished,
                           const struct spead_heap *heap,
                           const struct speadi_heap_missing *missing);

/* Says that a packet of a heap that ended incomplete has come. If the packet counted as missing, takes it out of that
 * count. */
void speadi_recv_came_late(struct spead_recv_stream *stream, struct speadi_finished_heap *finished,
                           const struct speadi_packet *packet);

/* ---- recv_regions.c -------------------------------------------------------------------------- */

/* Takes the smallest free region that the heap of this packet fits into. Returns NULL if there is none. If heaps are
 * pending, the function first hands them over or sheds them, because that may free a region. */
struct speadi_block *speadi_recv_take_region(struct spead_recv_stream *stream,
                                             const struct speadi_packet *packet);

/* Must be called for an ended heap without a declared length, before it is handed over. Moves the heap to the smallest
 * region that it fits into, so that it does not keep one of the few largest regions from other heaps. Returns the heap,
 * which has not moved if no smaller region is free. */
struct speadi_live_heap *speadi_recv_fit_region(struct spead_recv_stream *stream,
                                                struct speadi_live_heap *live);

/* Gives larger tables to a heap that has no room for its item pointers or received ranges. Returns false if the heap
 * has the largest tables already, or if no region is free. */
bool speadi_recv_grow_heap(struct spead_recv_stream *stream, struct speadi_live_heap *live);

/* ---- recv_populate.c ------------------------------------------------------------------------- */

/* A heap that is longer than this has its memory populated ahead. Shorter heaps cause few page faults. */
#define SPEADI_RECV_POPULATE_BYTES ((uint64_t)1 << 20)

/* Starts the thread that populates, if the stream needs it, and sets populate_reason. Control plane. */
void speadi_recv_start_populating(struct spead_recv_stream *stream);

/* Tells whether the thread populates the memory of this heap. */
static inline bool speadi_recv_populates(const struct spead_recv_stream *stream,
                                         const struct spead_heap *heap)
{
    return stream->populates && heap->region->size_class == 0 &&
           heap->region->bytes > SPEADI_RECV_POPULATE_BYTES &&
           (!heap->has_length || heap->length > SPEADI_RECV_POPULATE_BYTES);
}

/* Gives the thread that populates its next piece of work, if it is idle and if there is something to do. The owner
 * thread calls this once a poll while populate_due is true. */
void speadi_recv_populate_ahead(struct spead_recv_stream *stream);

/* Returns the inlet through which a packet of the burst has come. */
static inline uint16_t speadi_recv_inlet(const struct spead_recv_stream *stream,
                                         const struct speadi_rx_packet *raw)
{
    return speadi_placement_inlet(&stream->placement, raw->source,
                                  stream->burst.from[raw->from].queue);
}

/* ---- recv_move.c ----------------------------------------------------------------------------- */

static inline struct speadi_burst_state speadi_recv_burst_state(
    const struct spead_recv_stream *stream)
{
    return (struct speadi_burst_state){.ended = stream->burst.reservations_ended,
                                       .next = stream->burst_next,
                                       .checked = stream->places_checked};
}

/* Puts the payload of parked packets into its place, if that place is not reserved any more. */
void speadi_recv_put_parked(struct spead_recv_stream *stream);

/* Makes sure that no receive is posted into the memory of the heap, and that no payload of the heap is parked. If a
 * receive may still write to that memory, the heap exchanges its memory with a region that was set aside. With `keep`
 * the received payload is copied, and the heap counts as moved; without `keep` the payload is lost. Returns false and
 * changes nothing if there is no memory for the exchange. */
bool speadi_recv_detach(struct spead_recv_stream *stream, struct speadi_live_heap *live, bool keep);

/* ---- recv_copy.c ----------------------------------------------------------------------------- */

/* Copies a packet into a spare buffer. Returns SPEAD_RECV_LIVE and the number of the copy in *copy, or the bucket that
 * says why there is no copy. In the copy the header always lies in one piece. The payload of the copy lies in memory of
 * the same kind as the payload of the packet, or in host memory. */
enum spead_recv_bucket speadi_recv_copy_to_spare(struct spead_recv_stream *stream,
                                                 const struct speadi_rx_packet *raw,
                                                 uint32_t *copy);

/* Copies the payload of a packet into heap memory that the CPU cannot touch, to offset `to` of that memory. The payload
 * begins behind the first header_bytes bytes of the packet. Returns 0 or -errno. */
int speadi_recv_copy_to_device(struct spead_recv_stream *stream, uint64_t to,
                               const struct speadi_rx_packet *raw, uint32_t header_bytes);

/* Copies the payload of a packet to memory that the CPU can touch. */
static inline void speadi_recv_copy_payload(speadi_copy_fn *copy, uint8_t *to,
                                            const struct speadi_rx_packet *raw,
                                            uint32_t header_bytes)
{
    size_t from_head = raw->head_bytes - header_bytes;

    copy(to, raw->head + header_bytes, from_head);
    if (raw->body)
        copy(to + from_head, raw->body, raw->body_bytes);
}

/* Copies the payload of a packet to this offset of the heap. */
static inline void speadi_recv_write_payload(struct spead_recv_stream *stream,
                                             struct speadi_live_heap *live, uint64_t offset,
                                             const struct speadi_rx_packet *raw,
                                             uint32_t header_bytes)
{
    const struct speadi_block *region = live->heap.region;

    if (region->data)
        speadi_recv_copy_payload(live->copy ? live->copy : memcpy, region->data + offset, raw,
                                 header_bytes);
    else if (speadi_recv_copy_to_device(stream, region->offset + offset, raw, header_bytes) < 0)
        speadi_live_heap_memory_failed(live);
}

/* ---- recv_places.c --------------------------------------------------------------------------- */

/* Finds the place of the heap of this packet in a chunk. The answer of the place function is in chunks->answer then. May
 * open chunks; older chunks leave then. Returns SPEAD_RECV_LIVE and the chunk. Otherwise returns the bucket of the
 * packets of the heap, which is counted; or sets *paused to true if the caller must process the packet again later. */
enum spead_recv_bucket speadi_recv_find_place(struct spead_recv_stream *stream,
                                              const struct speadi_sender *sender,
                                              const struct speadi_rx_packet *raw,
                                              const struct speadi_packet *packet,
                                              struct spead_chunk **chunk, bool *paused);

/* Says that the heap, whose memory is the place that was found for it, has opened. */
void speadi_recv_claim_place(struct spead_recv_stream *stream, const struct speadi_live_heap *live);

/* Lets all open chunks leave. */
void speadi_recv_close_chunks(struct spead_recv_stream *stream);

/* Lets the chunks leave that are older than the age limit of chunks, and those with lower ids. */
void speadi_recv_close_aged_chunks(struct spead_recv_stream *stream);

/* Returns how long it takes until a chunk is too old; UINT64_MAX if none will be. */
uint64_t speadi_recv_chunk_age_left(const struct spead_recv_stream *stream);

/* ---- recv_chunk_end.c ------------------------------------------------------------------------ */

static inline struct spead_chunk *speadi_recv_chunk(const struct spead_message *message)
{
    return (struct spead_chunk *)(uintptr_t)message->reference;
}

/* Gives the chunks to the outlet that have left the window and into which no heap writes any more. */
void speadi_recv_chunks_left(struct spead_recv_stream *stream);

/* Releases the region of a heap. If its memory is a part of a chunk, the region gets its own memory back. */
void speadi_recv_release_region(struct spead_recv_stream *stream, struct speadi_block *region);

/* Takes an ended heap into its chunk, and releases its region. No receive may be posted into the heap any more. */
void speadi_recv_leave_to_chunk(struct spead_recv_stream *stream, struct speadi_live_heap *live);

/* Tells whether the stream must not read, because a heap waits for a free chunk. */
bool speadi_recv_starves(struct spead_recv_stream *stream);

/* Sleeps until a chunk may be free, or stop() is called; not longer than until deadline_ns. */
void speadi_recv_wait_for_chunk(struct spead_recv_stream *stream, uint64_t deadline_ns);

/* Sets the counters of chunks, and publishes those of the place function. */
void speadi_recv_publish_chunks(struct spead_recv_stream *stream);

/* ---- recv_copy_choice.c ---------------------------------------------------------------------- */

/* Sets `copying` by the configuration, the CPU and its cache. Returns 0, or -ENOTSUP with a sentence in err. Control
 * plane. */
int speadi_recv_choose_copy(struct spead_recv_stream *stream, struct spead_err *err);

/* Sets `copy` of a heap that opens now, whose region was just taken. Only for a heap of at least heap_bytes_min bytes;
 * all other heaps are copied by memcpy(). */
void speadi_recv_choose_copy_of(const struct spead_recv_stream *stream,
                                struct speadi_live_heap *live, uint64_t heap_bytes);

/* ---- recv_hand_over.c ------------------------------------------------------------------------ */

/* Sends the pending heaps to the consumer. If the channel has no room for a heap, and may_wait and
 * speadi_recv_waits_for_room() are true, the heap stays pending. Otherwise the policy of the channel decides which heap
 * is shed. Returns true if no heap is pending any more. */
bool speadi_recv_hand_over(struct spead_recv_stream *stream, bool may_wait);

/* The channel calls this function for each heap that the channel sheds. The heap was counted as delivered; this
 * function counts it as shed instead. It runs on the owner thread. With the cause CANCELLED it may run on any thread;
 * then it counts the heap in tally.untaken, and each snapshot adds these counts. */
void speadi_recv_on_shed(void *stream, const struct spead_message *message,
                         enum spead_shed_cause cause);

/* Tells what the stream does now with finished heaps for which its channel has no room. True: they wait, and the stream
 * reads nothing. False: heaps are shed. The policy drop-newest waits as long as the source is less than half full. */
bool speadi_recv_waits_for_room(struct spead_recv_stream *stream);

/* ---- recv_port.c ----------------------------------------------------------------------------- */

/* Sets port_place and out_of_buffer_start. Control plane. */
void speadi_recv_look_at_port(struct spead_recv_stream *stream);

/* Compares the CPUs of the calling thread, which becomes the owner thread, with the place of the port. If they differ,
 * the log says so. Reads files of the kernel. */
void speadi_recv_check_place(struct spead_recv_stream *stream);

/* Sets the counters that only the device has. Any thread may call it. */
void speadi_recv_read_port(const struct spead_recv_stream *stream,
                           struct spead_recv_counters *counters);

/* ---- recv_counters.c ------------------------------------------------------------------------- */

/* Reads the engine's counters into the tally. */
void speadi_recv_read_counters(struct spead_recv_stream *stream);

/* Returns the datagrams that the kernel has dropped, as speadi_recv_read_counters() last read them. */
struct speadi_kernel_drops speadi_recv_kernel_drops(const struct spead_recv_stream *stream);

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

/* Moves the packets of the heap from one bucket to another one. */
static inline void speadi_recv_move_heap(struct spead_recv_stream *stream,
                                         const struct speadi_live_heap *live,
                                         enum spead_recv_bucket from, enum spead_recv_bucket to)
{
    for (uint32_t i = 0; i < stream->layout.source_count; i++)
        if (live->count[i].packets > 0)
            speadi_recv_tally_move(&stream->tally, live->first_source + i, &live->count[i], from,
                                   to);
}

/* Moves the packets of the chunk from one bucket to another one. */
static inline void speadi_recv_move_chunk(struct spead_recv_stream *stream,
                                          const struct spead_chunk *chunk,
                                          enum spead_recv_bucket from, enum spead_recv_bucket to)
{
    for (uint32_t i = 0; i < stream->source_count; i++)
        if (chunk->count[i].packets > 0)
            speadi_recv_tally_move(&stream->tally, i, &chunk->count[i], from, to);
}

/* Counts the packet as seen. Call this once for each packet. */
static inline void speadi_recv_count_seen(struct spead_recv_stream *stream,
                                          const struct speadi_rx_packet *raw)
{
    speadi_ledger_add(&stream->tally.source[raw->source].seen, raw->segments, raw->datagram_bytes);
}

/* Counts a packet as seen and in its bucket. This is for packets of which the stream uses no byte. */
static inline void speadi_recv_count_unread(struct spead_recv_stream *stream,
                                            const struct speadi_rx_packet *raw,
                                            enum spead_recv_bucket bucket)
{
    speadi_recv_count_seen(stream, raw);
    speadi_recv_count(stream, raw, bucket);
}

#endif
