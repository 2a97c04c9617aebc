/* One SPEAD receive stream: packets in, heaps out.
 *
 * Threads:  one thread owns the stream: it alone calls start(), poll(), wait() and run(). take() and
 *           its kin belong to one consumer thread (which may be the owner). stop(), arm(), stats()
 *           are safe from any thread; stop() is also async-signal-safe.
 * Lifetime: create -> [start -> poll/wait ... until -ESHUTDOWN] -> destroy. run() does the part in
 *           brackets; a spead_recv_runner does it on a thread of its own.
 *           destroy() only when neither thread uses it any more; heaps may outlive it.
 * Control:  a heap of start or stop items (SPEAD_ID_STREAM_CONTROL) and nothing else is the stream's own:
 *           it is counted as control and not handed over. One that has other items too is handed over,
 *           and then acts. A start or stop item makes the stream forget which heaps it had finished, so
 *           that a sender may begin its counters anew. A stop item acts as soon as its packet is accepted:
 *           what comes from the same endpoint after it is after-stop; other endpoints are read until
 *           empty (or stop_drain_ns), then the stream ends as by stop(). spead2 hands start heaps over,
 *           and stop heaps when it is told to ignore them.
 * Channel:  heaps leave through a bounded channel (speadline/channel.h) as messages of type "heap": reference is
 *           the heap, length its length, time_ns its first packet's, key its counter, stream the config's
 *           message_stream; sequence counts the stream's finished heaps without gaps, so that a gap at the consumer is
 *           heaps that were shed on the way. Incomplete ones are flagged. They are taken in one of three ways:
 *           by take() and its kin; by a receiver of one's own on spead_recv_stream_channel() (a graph can read it
 *           by spead_graph_join_input()); or the stream is itself a node and heaps go through its output.
 *           When the last receiver closes, what comes after is shed and the stream ends.
 * Heaps of which every packet was refused (in-order mode and the first packet lost) never opened: their
 *           packets are out-of-order, and the heap counts as missing.
 * Memory:   all of it is planned at create() and known from spead_recv_stream_plan(); no packet can
 *           make it grow. For a network source create() faults in up to 4 MiB of four regions. */
#ifndef SPEADLINE_RECV_H
#define SPEADLINE_RECV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/engine.h>
#include <speadline/error.h>
#include <speadline/heap.h>
#include <speadline/mem_link.h>
#include <speadline/node.h>
#include <speadline/region.h>
#include <speadline/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The engines that receive streams can have, by rank: number index (0, 1, ...). Fills *info (struct_size set by its _INIT).
 * Returns 0, -ERANGE past the last, or -EINVAL (struct_size is 0). Any thread. */
int spead_recv_engine_info(uint32_t index, struct spead_engine_info *info);

/* Whether this process could use that engine here and now, for some stream. Tries it out: it may load libraries and open
 * devices, and leaves nothing open. Returns 0, -EINVAL (no such engine), or another -errno; err says what is missing,
 * and may be NULL. Any thread. */
int spead_recv_engine_usable(const char *name, struct spead_err *err);

struct spead_recv_stream; /* opaque */

/* What happens to a complete heap that finds the channel full. */
enum spead_on_full {
    SPEAD_DROP_NEWEST = 0, /* that heap is shed */
    SPEAD_DROP_OLDEST = 1, /* the heap that waited longest is shed instead */
    /* The stream stops reading until there is room; only where the source can wait (mem). A UDP sender cannot, so
     * the kernel would drop unseen: refused there with -EINVAL. */
    SPEAD_BLOCK = 2,
};

/* How payload gets from the engine into a heap. */
enum spead_receive_path {
    SPEAD_PATH_AUTO = 0,   /* placed from 4 KiB of payload a packet upwards, else bounce */
    SPEAD_PATH_PLACED = 1, /* predicted: the kernel's copy is the only one */
    SPEAD_PATH_BOUNCE = 2, /* through a small buffer that stays in cache, then copied */
};

/* What SPEAD_RECV_STREAM_CONFIG_INIT sets. */
#define SPEAD_RECV_PACKET_BYTES_DEFAULT        9200u /* a packet of a 9000-byte MTU, and some room */
#define SPEAD_RECV_SOCKET_BUFFER_BYTES_DEFAULT (8u << 20) /* 8 MiB */
#define SPEAD_RECV_LIVE_HEAPS_DEFAULT          4u
#define SPEAD_RECV_HEAP_BYTES_DEFAULT          (64u << 20) /* 64 MiB */
#define SPEAD_RECV_POINTERS_DEFAULT            1024u
#define SPEAD_RECV_RANGES_DEFAULT              4096u
#define SPEAD_RECV_RING_HEAPS_DEFAULT          4u
#define SPEAD_RECV_HELD_HEAPS_DEFAULT          2u
#define SPEAD_RECV_COALESCE_NS_DEFAULT         200000u    /* 200 us */
#define SPEAD_RECV_STOP_DRAIN_NS_DEFAULT       100000000u /* 100 ms */
#define SPEAD_RECV_PLACED_WINDOW_DEFAULT       64u

struct spead_recv_stream_config {
    uint32_t struct_size; /* set by _INIT; lets an old caller meet a newer library */

    /* Where packets come from: either endpoints "HOST:PORT", "[V6]:PORT" or ":PORT" (UDP; a multicast
     * HOST is joined), or memory links. An engine may read other endpoints (struct spead_engine_info): then they
     * are what it says, and it has to be named. Strings and array are borrowed during create()
     * only; links are referenced. At most 64; each is one source of the ledger. */
    const char *const *endpoints;
    uint32_t endpoint_count;
    struct spead_mem_link *const *links;
    uint32_t link_count;

    const char *engine;           /* a name of spead_recv_engine_info(), or "auto" (default) */
    const char *interface_name;   /* interface name or address to join and listen on; NULL: any */
    const char *fault;            /* fault decorator's specification (docs/faults.md); NULL: none */
    uint32_t packet_bytes_max;    /* largest accepted SPEAD packet */
    uint32_t socket_buffer_bytes; /* asked of the kernel for each socket */
    enum spead_receive_path receive_path;

    uint32_t substream_count;    /* heap counter modulo this selects the substream; default 1 */
    uint32_t live_heaps_max;     /* per substream; a new heap evicts the one this many earlier */
    uint32_t finished_heaps_max; /* per substream: heaps remembered; 0: 4 x live_heaps_max */
    bool allow_out_of_order;     /* accept payload offsets in any order; default false */
    bool allow_unsized_heaps;    /* accept heaps without item 0x02; default true */
    /* One forged packet must not end a night's capture; stop heaps are then control and nothing more; default
     * false. */
    bool ignore_stop_item;
    bool explicit_start;      /* count packets as start-up until arm(); default false */
    bool keep_holes;          /* do not zero the holes of incomplete heaps; default false */
    bool deliver_incomplete;  /* hand incomplete heaps over too; default false */
    uint64_t heap_timeout_ns; /* age limit of a live heap; 0: none */

    uint64_t heap_bytes_max;   /* cap on a heap's payload */
    uint64_t memory_bytes_max; /* bound of all heap memory: a packet or more; 0: the plan's need */
    uint32_t pointers_max;     /* distinct item pointers a heap */
    uint32_t ranges_max;       /* separate received ranges a heap */

    uint32_t ring_heaps;        /* heaps waiting for the consumer: the channel's capacity */
    uint32_t held_heaps;        /* heaps the consumer may hold at a time beyond these */
    enum spead_on_full on_full; /* default SPEAD_DROP_NEWEST */

    /* At a steady rate, sleep up to this long and read what came, rather than wake for each message: half the CPU
     * time; 0: wake at once. */
    uint64_t coalesce_ns;
    uint64_t stop_drain_ns;     /* at stop, read the source until empty or this long */
    uint64_t heap_counter_step; /* the sender's, to see skipped counters; default 1; 0: unknown */
    struct spead_log log;

    uint32_t message_stream; /* `stream` of the messages that heaps travel as; default 0 */
    uint32_t reserved;

    /* Options of single engines, such as struct spead_recv_verbs_config (speadline/verbs.h); NULL: their defaults.
     * Borrowed during create(). */
    const struct spead_engine_options *engine_options;

    /* Memory for heaps that somebody else made, instead of the stream's own; it may be a device's, that
     * the CPU cannot touch (data NULL): then heaps have no spead_heap_payload(), see
     * spead_heap_region_info(). The struct is copied at create(), its ops are borrowed until ended(), which is
     * called once the stream and its last heap are gone (any thread), and never if create() fails. */
    const struct spead_region_arena *heap_arena;

    /* Placement: how many packets' places may be given away ahead (1 to 64), where the
     * engine posts ahead. One loss misplaces all that are: of packets lost at a rate p about 1 - (1-p)^N of
     * the others must be moved. So at a share of packets that did not follow the one before, over the last
     * 8192 or more, above placed_loss_max, placement goes off at the next heap, and on again at half of
     * that; both are logged. 0 (default): where half of the packets would be moved, which is when
     * bouncing all costs the same: 1.1 % for 64. 1: never off. */
    uint32_t placed_window;
    double placed_loss_max;

    /* Hear one sender only: "HOST" or "[V6]" (any port of it), "HOST:PORT" or "[V6]:PORT"; NULL: all. It is for
     * every endpoint, and so of their IP version. Groups are joined for it alone (source-specific multicast).
     * What others send is turned away before the stream sees it, and is in no ledger: engine verbs takes its
     * frames only, and those of others are discarded by the kernel; engines socket and uring have a filter in
     * the kernel, and what that turns away is among kernel_drops (other hosts' packets to a group do not get
     * as far). Memory links have no senders: -EINVAL. Addresses are easily forged: this sorts, and does not
     * protect. Borrowed during create(). */
    const char *source;
};

/* clang-format off */
#define SPEAD_RECV_STREAM_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_recv_stream_config), .engine = "auto", \
    .packet_bytes_max = SPEAD_RECV_PACKET_BYTES_DEFAULT, \
    .socket_buffer_bytes = SPEAD_RECV_SOCKET_BUFFER_BYTES_DEFAULT, .substream_count = 1, \
    .live_heaps_max = SPEAD_RECV_LIVE_HEAPS_DEFAULT, .allow_unsized_heaps = true, \
    .heap_bytes_max = SPEAD_RECV_HEAP_BYTES_DEFAULT, .pointers_max = SPEAD_RECV_POINTERS_DEFAULT, \
    .ranges_max = SPEAD_RECV_RANGES_DEFAULT, .ring_heaps = SPEAD_RECV_RING_HEAPS_DEFAULT, \
    .held_heaps = SPEAD_RECV_HELD_HEAPS_DEFAULT, .coalesce_ns = SPEAD_RECV_COALESCE_NS_DEFAULT, \
    .stop_drain_ns = SPEAD_RECV_STOP_DRAIN_NS_DEFAULT, .heap_counter_step = 1, \
    .placed_window = SPEAD_RECV_PLACED_WINDOW_DEFAULT }
/* clang-format on */

/* Returns 0 and gives *out to the caller, or -EINVAL (err names the field), -ENOMEM, -ENOTSUP (the
 * engine lacks what was asked), -EADDRINUSE and other errors of the network. On failure *out is
 * untouched. Sockets are bound and joined when it returns: packets queue from then on. err may be
 * NULL. */
int spead_recv_stream_create(struct spead_recv_stream **out,
                             const struct spead_recv_stream_config *config, struct spead_err *err);

/* Frees the stream. Heaps not taken are released, heaps taken stay valid. NULL is ignored. */
void spead_recv_stream_destroy(struct spead_recv_stream *stream);

/* What was decided at create(), for people and for checking. Strings live as long as the stream. */
struct spead_recv_plan {
    uint32_t struct_size;      /* set by _INIT */
    const char *engine;        /* name of the engine in use */
    const char *engine_reason; /* one line: why this one, and why not the others */
    uint64_t region_count;     /* (live x substreams) + ring + held + reserved ahead */
    uint64_t region_bytes;     /* address space of each: the heap cap, rounded up */

    /* Bound of heap memory: no more is ever in use. Where a device knows the memory, all of it is in use from the
     * start. */
    uint64_t memory_bytes;
    uint64_t table_bytes;         /* everything else that the stream allocated */
    uint32_t socket_buffer_bytes; /* effective, read back (of the first socket); 0: none */
    uint32_t reserved;
};
/* clang-format off */
#define SPEAD_RECV_PLAN_INIT { .struct_size = sizeof(struct spead_recv_plan) }
/* clang-format on */
void spead_recv_stream_plan(const struct spead_recv_stream *stream, struct spead_recv_plan *plan);

/* Owner thread, once, before the first poll (io_uring's single issuer binds here). Returns 0 or
 * -errno: then the stream has ended, with end-of-stream in the channel. */
int spead_recv_stream_start(struct spead_recv_stream *stream, struct spead_err *err);

/* Reads and sorts one burst; never blocks. Returns the number of packets read (0: none ready),
 * -ESHUTDOWN once the stream has ended (end-of-stream is then in the channel), or another -errno when
 * the source has failed. */
int spead_recv_stream_poll(struct spead_recv_stream *stream);

/* Sleeps until a packet is there, stop(), a heap's deadline or deadline_ns (CLOCK_MONOTONIC; 0: no
 * limit of the caller's). Returns 0. */
int spead_recv_stream_wait(struct spead_recv_stream *stream, uint64_t deadline_ns);

/* start, then poll and wait until the stream ends. Returns 0 at the end, or -errno. */
int spead_recv_stream_run(struct spead_recv_stream *stream, struct spead_err *err);

/* Ends explicit_start: packets read from now on count. Any thread. */
void spead_recv_stream_arm(struct spead_recv_stream *stream);

/* Asks for an orderly end: the source is read until empty (or stop_drain_ns), live heaps are flushed,
 * end-of-stream follows in the channel. A second call means now: nothing more is read. Any thread, and
 * signal handlers. */
void spead_recv_stream_stop(struct spead_recv_stream *stream);

/* Next heap for the consumer. deadline_ns is CLOCK_MONOTONIC; 0 waits without limit. Returns 0 and one
 * reference in *heap, -ETIMEDOUT, or -ESHUTDOWN when the stream has ended (or failed: run() says how) and
 * everything was taken. The first call of these four opens a receiver: -ENOMEM, or -EBUSY when another one has
 * been opened on the channel. */
int spead_recv_stream_take(struct spead_recv_stream *stream, struct spead_heap **heap,
                           uint64_t deadline_ns);

/* The same without waiting: -EAGAIN when there is none now. */
int spead_recv_stream_try_take(struct spead_recv_stream *stream, struct spead_heap **heap);

/* Up to max heaps at once. Waits for the first as take() does. Returns how many (>= 1), -ETIMEDOUT or
 * -ESHUTDOWN. */
int spead_recv_stream_take_many(struct spead_recv_stream *stream, struct spead_heap **heaps,
                                uint32_t max, uint64_t deadline_ns);

/* A file descriptor that polls readable while a heap or end-of-stream waits: for event loops. Take until -EAGAIN,
 * then poll. Owned by the stream; made at the first call. -errno on failure. Consumer thread. */
int spead_recv_stream_fd(struct spead_recv_stream *stream);

/* ---- As a channel and as a node ------------------------------------------------------------- */

/* The channel that heaps go through, for a receiver of one's own; borrowed. A stream that failed ends it with
 * its error. Not used once the stream is a node. */
struct spead_channel *spead_recv_stream_channel(const struct spead_recv_stream *stream);

/* Fills *config (its struct_size is set) with the stream as a source node: output "heaps", blocking, so that it has a
 * thread of its own (pinned by the config's cpu), which starts and owns the stream. The stream outlives the graph; it is not run in any other way and is at its
 * end when the graph is. Where the graph stops, so does the stream, in order (without a limit on flushing: the graph's
 * drain() has one); a cancel ends it at once, what it held is shed. A stop item or stop() ends the node, once its output
 * has room for what is finished; a source that fails fails it. */
void spead_recv_stream_fill_node(struct spead_recv_stream *stream, const char *name,
                                 struct spead_node_config *config);

/* The same as an expression. */
static inline struct spead_node_config spead_recv_stream_node(struct spead_recv_stream *stream,
                                                              const char *name)
{
    struct spead_node_config config;

    config.struct_size = sizeof config;
    spead_recv_stream_fill_node(stream, name, &config);
    return config;
}

/* Fills *config (its struct_size is set) for spead_graph_join() with the node's output: capacity and policy as
 * ring_heaps and on_full say, and what the channel sheds is shed in the stream's ledger too. The edge's policy is what counts: with another config
 * sheds are the channel's alone to count, and streams that share an input need one. A block edge is refused where the source cannot wait, unless the graph is
 * pulled: then packets wait in the socket between two calls. */
void spead_recv_stream_fill_edge(struct spead_recv_stream *stream,
                                 struct spead_channel_config *config);

/* The same as an expression. */
static inline struct spead_channel_config spead_recv_stream_edge_config(
    struct spead_recv_stream *stream)
{
    struct spead_channel_config config;

    config.struct_size = sizeof config;
    spead_recv_stream_fill_edge(stream, &config);
    return config;
}

/* ---- Accounts ------------------------------------------------------------------------------- */

/* Fills *stats (struct_size set by its _INIT). Any thread; exact as of the last poll. */
void spead_recv_stream_stats(const struct spead_recv_stream *stream,
                             struct spead_recv_stats *stats);

/* The ledger of one endpoint, and its name as configured ("239.1.2.3:7148", "mem:0"; NULL to skip).
 * Returns 0, or -ERANGE when source is past the last. Any thread. */
int spead_recv_stream_source_stats(const struct spead_recv_stream *stream, uint32_t source,
                                   struct spead_recv_ledger *ledger, const char **name);

/* A thread that runs a stream. */
struct spead_recv_runner; /* opaque */

/* Starts a thread that calls run(); cpu < 0: not pinned. The stream must outlive the runner.
 * Returns 0, -EINVAL (no such cpu), or -errno of the start on the new thread. */
int spead_recv_runner_start(struct spead_recv_runner **out, struct spead_recv_stream *stream,
                            int cpu, struct spead_err *err);

/* Waits for the thread to end (call stream stop() first, or wait for a stop item), frees the runner,
 * and returns what run() returned. CPU time of the thread goes to *cpu_ns when not NULL. */
int spead_recv_runner_join(struct spead_recv_runner *runner, uint64_t *cpu_ns);

#ifdef __cplusplus
}
#endif
#endif
