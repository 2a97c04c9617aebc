/* What a receive stream consists of. The recv_*.c files share it:
 *
 *   recv_stream.c  making, unmaking, and the calls that any thread or the consumer makes
 *   recv_memory.c  which memory heaps lie in
 *   recv_loop.c    the owner's poll and wait: bursts from the engine
 *   recv_packet.c  one packet: which bucket, which heap, into its place
 *   recv_run.c     packets in a row that just go on
 *   recv_aside.c   packets that are moved: copies, and memory that the CPU cannot touch
 *   recv_heaps.c   one heap: opening, ending, handing over
 *   recv_stop.c    the end of the stream
 *   recv_node.c    the stream as a node of a graph */
#ifndef SPEADLINE_RECV_RECV_STREAM_H
#define SPEADLINE_RECV_RECV_STREAM_H

#include <stdatomic.h>

#include <speadline/recv.h>

#include "finished.h"
#include "gap_tracker.h"
#include "gather.h"
#include "heap_memory.h"
#include "heap_table.h"
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
    _Alignas(64) atomic_uint stop_calls;
    atomic_bool is_armed;

    /* The owner's. */
    _Alignas(64) void *engine;
    enum speadi_recv_state state;
    int result;               /* of poll() once ended */
    bool armed;               /* is_armed, read once a poll */
    bool unreserving;         /* asked the engine to end all reservations; not polled since */
    uint64_t stopped_sources; /* bits: a stop item came; what follows is after-stop */
    uint64_t stop_counter[SPEADI_RX_SOURCES_MAX]; /* but for the rest of the heap that held it */
    bool quiesced;                                /* the engine was told to post no more */
    uint64_t now_ns;                              /* CLOCK_MONOTONIC, read once a poll */
    uint64_t age_ns;        /* the time by which heaps age: now_ns, or the engine's own clock */
    uint64_t deadline_ns;   /* of draining or flushing */
    uint64_t node_sequence; /* the outlet's, when the node last slept */
    uint64_t counters_ns;   /* when the engine's counters were read */
    uint64_t largest_heap;  /* longest complete heap so far: heaps up to it are populated */
    struct speadi_heap_table table;
    struct speadi_finished finished;
    struct speadi_gap_tracker gaps;
    struct speadi_recv_ledger ledger;
    struct speadi_live_heap *leaving; /* by older: ended, wait for posted receives */
    uint32_t leaving_count;
    struct speadi_outlet outlet;
    bool started;
    struct speadi_placement placement;
    struct speadi_heap_memory memory;
    struct speadi_spare spare;
    struct speadi_gather gather;
    bool read_since_wait; /* packets came since the last wait: more may gather */
    uint64_t gathered;    /* sleeps taken to let them */
    bool burst_is_out;
    bool burst_is_loose;  /* it may have placed packets, and all up to burst_next were at home */
    bool burst_is_sorted; /* spare_of is valid from the first packet on that was not */
    unsigned burst_next;  /* first packet not judged */
    struct speadi_rx_burst burst;
    uint8_t spare_of
        [SPEADI_RX_BURST_MAX]; /* 0: where it was lent; else 1 + its copy, or SPARE_LACKED */
};

/* Makes a stream on an open engine, which is the stream's from then on, also when this fails. config was
 * read by speadi_recv_config_read(). reason is copied. */
int speadi_recv_stream_create_on(struct spead_recv_stream **out,
                                 const struct spead_recv_stream_config *config,
                                 const struct speadi_rx_engine_ops *ops, void *engine,
                                 const char *reason, const struct speadi_rx_facts *facts,
                                 struct spead_err *err);

/* ---- recv_memory.c ------------------------------------------------------------------------- */

/* Makes the pool and shows its memory to the engine, once layout and engine are known. With path auto and
 * memory that cannot be placed into, it is bounced; the engine's reason then says why. leaving_max
 * is 0 where nothing will be placed. */
int speadi_recv_make_memory(struct spead_recv_stream *stream, struct spead_err *err);

/* ---- recv_packet.c ------------------------------------------------------------------------- */

/* Finds a packet's bucket and puts its payload in place. False: in block mode there is no memory until
 * the consumer takes a heap; nothing was counted, judge it again. */
bool speadi_recv_judge(struct spead_recv_stream *stream, const struct speadi_rx_packet *raw);

/* The packet of the burst, or its copy; NULL when it needed a copy and there is none, and *why then names
 * the bucket. */
const struct speadi_rx_packet *speadi_recv_burst_packet(const struct spead_recv_stream *stream,
                                                        unsigned i, enum spead_recv_bucket *why);

/* Judges the packets again that waited for a place to become free. */
void speadi_recv_retry_parked(struct spead_recv_stream *stream);

/* Counts one packet that was read, as seen and in its bucket. */
void speadi_recv_count_seen(struct spead_recv_stream *stream, const struct speadi_rx_packet *raw,
                            enum spead_recv_bucket bucket);

/* ---- recv_run.c ---------------------------------------------------------------------------- */

/* Takes packets from the next of the burst on, as long as each goes on where the last one of its heap ended and
 * does nothing else. Returns how many; the first that is different is for speadi_recv_judge(). */
unsigned speadi_recv_take_run(struct spead_recv_stream *stream);

/* ---- recv_aside.c -------------------------------------------------------------------------- */

/* Copies a packet into a spare buffer: its number in *copy and SPEAD_RECV_LIVE, or the bucket that names why
 * not. A header that is split lies whole in the copy. The payload of a copy lies where the CPU can read it, or
 * not, as that of the packet did. */
enum spead_recv_bucket speadi_recv_set_aside(struct spead_recv_stream *stream,
                                             const struct speadi_rx_packet *raw, uint32_t *copy);

/* Brings the packet's payload to an offset of memory that the CPU cannot touch: 0 or -errno. */
int speadi_recv_put_apart(struct spead_recv_stream *stream, uint64_t to,
                          const struct speadi_rx_packet *raw, const struct speadi_packet *packet);

static inline bool speadi_recv_has_split_header(const struct speadi_rx_packet *raw)
{
    return raw->body_bytes > 0 && (raw->head_bytes < SPEADI_HEADER_BYTES ||
                                   speadi_packet_header_bytes(raw->head) > raw->head_bytes);
}

/* ---- recv_heaps.c -------------------------------------------------------------------------- */

/* Opens a heap for the packet: SPEAD_RECV_LIVE and *out, not in the table yet; or the bucket that names
 * why not. *paused: as speadi_recv_judge() returning false. */
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
void speadi_recv_settle_leaving(struct spead_recv_stream *stream);

/* Ends the heaps that are older than the age limit. Returns true when one of them waits for posted
 * receives. */
bool speadi_recv_close_aged(struct spead_recv_stream *stream);

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

/* ---- recv_loop.c --------------------------------------------------------------------------- */

/* Gives the burst back, if one is out, and settles what waited for its reservations to end. */
void speadi_recv_end_burst(struct spead_recv_stream *stream);

/* Reads the engine's counters into the ledger. */
void speadi_recv_read_counters(struct spead_recv_stream *stream);

/* ---- recv_stop.c --------------------------------------------------------------------------- */

/* A stop item came from this source, in the heap with this counter. */
void speadi_recv_stop_item(struct spead_recv_stream *stream, uint16_t source, uint64_t counter);

/* No more receives are posted ahead, no reservation stays; what came before is still read. */
void speadi_recv_quiesce(struct spead_recv_stream *stream);

/* Takes up stop() calls; called at the begin of each poll. */
void speadi_recv_check_stop(struct spead_recv_stream *stream);

/* No more is read: live heaps end, and poll() will return result once all is handed over. */
void speadi_recv_begin_flush(struct spead_recv_stream *stream, int result);

/* One step of flushing: ends the stream when nothing is pending or the deadline has passed. */
void speadi_recv_flush(struct spead_recv_stream *stream);

/* The stream has ended: poll() returns result from now on, end-of-stream follows what was handed over. */
void speadi_recv_end(struct spead_recv_stream *stream, int result);

#endif
