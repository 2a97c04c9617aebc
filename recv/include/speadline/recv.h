/* One SPEAD receive stream: packets go in, heaps come out.
 *
 * Threads:  One thread owns the stream, the owner thread. Only it calls start(), poll(), wait() and run(). One
 *           consumer thread calls take(), try_take(), take_many() and fd(); it may be the owner thread. Any thread
 *           may call arm(), stop(), plan(), stats() and source_stats(); a signal handler may call stop(), too.
 * Lifetime: create -> [start -> poll and wait, until poll() returns a negative value] -> destroy. run() does the part
 *           in brackets on the calling thread; a spead_recv_runner does it on a new thread. Call destroy() when no
 *           thread uses the stream any more. Heaps that were taken may outlive the stream.
 * Control:  A heap that carries start or stop items (SPEAD_ID_STREAM_CONTROL) and nothing else is a control heap: the
 *           stream counts its packets as control and does not hand it over. A heap that carries other items, too, is
 *           handed over, and its start or stop item has the same effect. A start or stop item makes the stream forget
 *           which heaps have ended, so that a sender may begin its heap counters anew. A stop item has its effect as
 *           soon as its packet is accepted: later packets from the same endpoint are counted as after-stop, except
 *           the packets of the heap that carried the stop item. The stream reads the other endpoints until they are
 *           empty, but not longer than stop_drain_ns. Then the stream ends as it does after stop(). spead2 differs:
 *           it hands over start heaps. It also hands over stop heaps when it is told to ignore stop items.
 * Channel:  Heaps leave the stream through a bounded channel (speadline/channel.h) as messages of type "heap". In
 *           each message, `reference` is the heap, `length` is the heap's length in bytes, `time_ns` is the time of
 *           its first packet, `key` is its heap counter, and `stream` is the message_stream of the configuration.
 *           `sequence` counts the finished heaps of the stream without gaps. If the consumer sees a gap in
 *           `sequence`, the heaps between were shed. The messages of incomplete heaps have the flag
 *           SPEAD_MESSAGE_INCOMPLETE. Heaps can be taken in one of three ways: with take() and the functions like it;
 *           through a receiving end that the caller opens on spead_recv_stream_channel() (a graph can read the
 *           channel by spead_graph_join_input()); or the stream is itself a node of a graph, and the heaps go through
 *           the output of the node. When the last receiving end closes, the heaps that finish afterwards are shed,
 *           and the stream ends.
 * Refused:  In in-order mode the stream opens no heap whose first packet was lost: the other packets of that heap are
 *           counted as out-of-order, and the heap counts as missing.
 * Memory:   create() plans all memory, and spead_recv_stream_plan() tells how much memory that is. No packet can make
 *           the memory grow. If the engine reads from the network, create() populates four heap regions with up to 4
 *           MiB each. */
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

/* Describes one engine that receive streams can use. The engines are numbered 0, 1, ... in the order of their ranks.
 * Fills *info, whose struct_size the caller has set by its _INIT. Returns 0, -ERANGE when index is past the last
 * engine, or -EINVAL when struct_size is 0. Any thread may call it. */
int spead_recv_engine_info(uint32_t index, struct spead_engine_info *info);

/* Tells whether this process could use the engine now, on this machine, for some stream. The function tries the
 * engine: it may load libraries, open devices and block. It leaves nothing open. Returns 0, -EINVAL when there is no
 * engine of this name, or another -errno; err then says what is missing. err may be NULL. Any thread may call it. */
int spead_recv_engine_usable(const char *name, struct spead_err *err);

struct spead_recv_stream; /* opaque */

/* What happens to a finished heap that finds the channel full. */
enum spead_on_full {
    SPEAD_DROP_NEWEST = 0, /* this heap is shed */
    SPEAD_DROP_OLDEST = 1, /* the heap that has waited longest in the channel is shed instead */
    /* The stream reads no packets until there is room in the channel. This needs a source that can wait, such as
     * engine mem. A UDP sender cannot wait: the kernel would drop its packets, and no bucket would count them.
     * Therefore create() refuses SPEAD_BLOCK with -EINVAL if the engine cannot make its source wait. */
    SPEAD_BLOCK = 2,
};

/* How the payload of a packet gets from the engine into its heap. */
enum spead_receive_path {
    /* The payload of a packet is placed if the engine can place and the payload is 4 KiB or longer. Else it is
     * bounced. */
    SPEAD_PATH_AUTO = 0,
    /* The core predicts where the next payload belongs, and the engine writes it there: no second copy is made.
     * create() refuses this value with -ENOTSUP if the engine cannot place. */
    SPEAD_PATH_PLACED = 1,
    /* The engine receives into a small buffer that stays in the CPU's cache, and the core copies from there. */
    SPEAD_PATH_BOUNCE = 2,
};

/* The values that SPEAD_RECV_STREAM_CONFIG_INIT sets. */
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

/* The configuration of a receive stream. Start from SPEAD_RECV_STREAM_CONFIG_INIT and set the fields that differ.
 * create() refuses a value that is out of range with -EINVAL and names the field. Where a field says "borrowed", the
 * memory need only be valid while create() runs. */
struct spead_recv_stream_config {
    uint32_t struct_size; /* set by _INIT; lets an older caller use a newer library */

    /* Where the packets come from: either endpoints or memory links. At least one must be given, and at most 64. An
     * endpoint is "HOST:PORT", "[V6]:PORT" or ":PORT" (UDP; if HOST is a multicast group, the stream joins it).
     * Engines of the kind SPEAD_ENDPOINT_TEXT (see struct spead_engine_info) understand other texts; `engine` must
     * then name the engine. The strings and the array are borrowed; the stream takes a reference to each link. Each
     * endpoint or link is one source of the ledger, in this order. */
    const char *const *endpoints;
    uint32_t endpoint_count;
    struct spead_mem_link *const *links;
    uint32_t link_count;

    /* A name from spead_recv_engine_info(), or "auto" (default; NULL means the same). "auto" chooses the usable
     * engine with the lowest rank. Borrowed. */
    const char *engine;
    /* The interface on which the stream joins groups and listens: its name ("eth0") or one of its addresses. NULL:
     * any. Borrowed. */
    const char *interface_name;
    /* what the fault decorator does (docs/faults.md); NULL: no faults. Borrowed. */
    const char *fault;

    /* The largest SPEAD packet that is accepted, in bytes, with header and item pointers; 8 to 65507. A longer packet
     * is counted as truncated. */
    uint32_t packet_bytes_max;
    uint32_t socket_buffer_bytes; /* the receive buffer that each socket asks the kernel for */
    enum spead_receive_path receive_path; /* default SPEAD_PATH_AUTO */

    /* The substream of a heap is its heap counter modulo this number; default 1. */
    uint32_t substream_count;
    /* The number of live heaps in each substream, at least 1. A new heap evicts an older heap of its substream: the
     * one that was opened live_heaps_max heaps before it, if that heap is still live. */
    uint32_t live_heaps_max;
    /* The number of ended heaps that each substream remembers, so that late and duplicate packets do not open them
     * again. A heap is remembered for one second at most. 0: 4 x live_heaps_max. */
    uint32_t finished_heaps_max;
    bool allow_out_of_order;  /* accept payload offsets in any order; default false */
    bool allow_unsized_heaps; /* accept heaps without item 0x02 (heap length); default true */
    /* If true, stop items do not end the stream, so that one forged packet cannot end a long recording. A heap that
     * carries only stop items is still counted as control and not handed over. Default false. */
    bool ignore_stop_item;
    bool explicit_start;     /* count packets as start-up until arm() is called; default false */
    bool keep_holes;         /* do not zero the holes of incomplete heaps; default false */
    bool deliver_incomplete; /* hand over incomplete heaps, too; default false */
    /* The age limit of a live heap, in nanoseconds from its first packet on. 0 (default): no limit. */
    uint64_t heap_timeout_ns;

    uint64_t heap_bytes_max; /* the largest payload of a heap, in bytes; 1 to 2^40 */
    /* The largest memory that all heaps together may use, in bytes. It must have room for at least one packet. 0
     * (default): every region of the plan may be used whole. */
    uint64_t memory_bytes_max;
    uint32_t pointers_max; /* distinct item pointers of one heap; 1 to 2^20 */
    /* With allow_out_of_order, the bytes that have arrived of a heap may lie in several separate ranges. This is the
     * largest number of such ranges in one heap; 1 to 2^20. */
    uint32_t ranges_max;

    /* The capacity of the channel: the number of finished heaps that may wait for the consumer; 1 to 2^20. */
    uint32_t ring_heaps;
    /* The number of heaps, besides those in the channel, that the consumer may hold at a time; 0 to 2^20. */
    uint32_t held_heaps;
    enum spead_on_full on_full; /* default SPEAD_DROP_NEWEST */

    /* At a steady rate wait() sleeps up to this many nanoseconds and poll() then reads all that has come, instead
     * of waking for each datagram or train. This halves the CPU time. 0: wait() returns as soon as something has
     * come. */
    uint64_t coalesce_ns;
    /* A limit of time, in nanoseconds. After stop() or a stop item, the stream reads the source until it is empty,
     * but not longer than this. Then the finished heaps wait for room in the channel, but again not longer than this
     * (in a graph they wait without a limit). */
    uint64_t stop_drain_ns;
    /* By how much the heap counter of the sender grows from heap to heap. The stream uses this to count missing
     * heaps. Default 1. 0: unknown, and no heap is counted as missing. */
    uint64_t heap_counter_step;
    struct spead_log log; /* gets the warnings and decisions of the stream; default: silence */

    uint32_t message_stream; /* the field `stream` of the messages in the channel; default 0 */
    uint32_t reserved;

    /* Options of single engines, such as struct spead_recv_verbs_config (speadline/verbs.h). NULL: every engine uses
     * its defaults. Borrowed. */
    const struct spead_engine_options *engine_options;

    /* Memory that the caller has made for the heaps; NULL: the stream makes its own. It may be the memory of a device
     * that the CPU cannot touch (data NULL). Heaps in such memory have no spead_heap_payload();
     * spead_heap_region_info() says where they lie. create() copies the struct. The library borrows the operations
     * until it calls ended() of the arena. It calls ended() once, on any thread, when the stream and its last heap
     * are gone. It never calls ended() if create() fails. */
    const struct spead_region_arena *heap_arena;

    /* For placed payload: the largest number of places that are reserved for coming packets (1 to 64). An engine that
     * does not post receives ahead reserves at most as many places as one receive call can fill. */
    uint32_t placed_window;
    /* For placed payload: a limit, from 0 to 1. A packet breaks the order if it does not continue where the packet
     * before it ended, as after a loss. Each such packet can make all reserved places wrong. If a share p of the
     * packets breaks the order, and N places are reserved, then about 1-(1-p)^N of all packets land in the wrong
     * place and must be moved. When the stream opens a heap, it computes p over the last 8192 packets or more. If p
     * is above placed_loss_max, the stream bounces the packets of new heaps. If p is at most half of placed_loss_max,
     * it places them again. It logs both changes. 0 (default): the stream uses the p at which half of the packets
     * would have to be moved (1.1 % for 64 places); bouncing costs the same there. 1: the stream never stops
     * placing. */
    double placed_loss_max;

    /* The only sender whose packets the stream accepts: "HOST" or "[V6]" (any port of that host), "HOST:PORT" or
     * "[V6]:PORT". NULL (default): all senders. It applies to every endpoint, so all must have its IP version. The
     * stream joins multicast groups for this sender only (source-specific multicast). Packets of other senders are in
     * no bucket of the ledger, because the stream does not see them. Engine verbs gets only the frames of this
     * sender. Engines socket and uring put a filter into the kernel, and the packets that the filter discards are
     * counted in kernel_drops. (Packets that other hosts send to a joined group do not reach the filter.) With memory
     * links create() returns -EINVAL, because a link has no sender. A sender's address is easy to forge: this option
     * sorts packets, it does not protect. Borrowed. */
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

/* Makes a stream. Returns 0 and gives *out to the caller; or -EINVAL (err names the field), -ENOMEM, -ENOTSUP (the
 * engine cannot do what was asked), -EADDRINUSE or another error of the network. On failure *out is unchanged. When
 * create() returns 0, the sockets are bound and have joined their groups, and packets that come wait in the sockets.
 * create() may block. err may be NULL. Any thread may call it. */
int spead_recv_stream_create(struct spead_recv_stream **out,
                             const struct spead_recv_stream_config *config, struct spead_err *err);

/* Frees the stream. No thread may use the stream any more. Heaps that were not taken are released; heaps that were
 * taken stay valid. NULL is ignored. */
void spead_recv_stream_destroy(struct spead_recv_stream *stream);

/* What create() has decided. People can read it, and tests can check it. The strings live as long as the stream. */
struct spead_recv_plan {
    uint32_t struct_size;      /* set by _INIT */
    const char *engine;        /* name of the engine in use */
    const char *engine_reason; /* one line: why this engine, and why not the others */
    /* The number of heap regions: live_heaps_max x substream_count + ring_heaps + held_heaps. If payload is placed,
     * there are some more regions for heaps that are leaving. */
    uint64_t region_count;
    uint64_t region_bytes; /* address space of each region: heap_bytes_max, rounded up to pages */

    /* The largest heap memory in bytes that can be in use. If the memory is registered with a device, all of it is in
     * use from the start. */
    uint64_t memory_bytes;
    uint64_t table_bytes; /* all other memory that the stream has allocated, in bytes */
    /* The receive buffer that the kernel has granted to the first socket, in bytes; 0: the engine has no socket. */
    uint32_t socket_buffer_bytes;
    uint32_t reserved;
};
/* clang-format off */
#define SPEAD_RECV_PLAN_INIT { .struct_size = sizeof(struct spead_recv_plan) }
/* clang-format on */

/* Fills *plan, whose struct_size the caller has set by its _INIT. Any thread may call it. */
void spead_recv_stream_plan(const struct spead_recv_stream *stream, struct spead_recv_plan *plan);

/* Makes the calling thread the owner thread; call it once, before the first poll(). (An io_uring accepts requests
 * from one thread only, and start() fixes which thread that is.) Returns 0 or -errno. After an error the stream has
 * ended, and receiving ends of the channel see that error. err may be NULL. */
int spead_recv_stream_start(struct spead_recv_stream *stream, struct spead_err *err);

/* Reads one burst, sorts its packets into heaps, and hands over finished heaps; never blocks. Owner thread. Returns
 * the number of packets read (0: none were ready). Returns -ESHUTDOWN once the stream has ended in order (end of
 * stream is in the channel then). Returns another -errno once the stream has ended because its source failed
 * (receiving ends see that error). */
int spead_recv_stream_poll(struct spead_recv_stream *stream);

/* Sleeps until a packet is ready, stop() is called, a live heap reaches its age limit, the channel has room for a
 * heap that waits for it, or deadline_ns has passed (CLOCK_MONOTONIC; 0: the caller sets no limit). It may return
 * earlier; it returns immediately when the stream has ended. At a steady rate it sleeps for a fixed time, see
 * coalesce_ns; stop() has its effect after that time. Owner thread. Returns 0. */
int spead_recv_stream_wait(struct spead_recv_stream *stream, uint64_t deadline_ns);

/* Calls start(), then poll() and wait() until the stream has ended. The calling thread is the owner thread. Returns 0
 * when the stream has ended in order, else -errno with a sentence in err. err may be NULL. */
int spead_recv_stream_run(struct spead_recv_stream *stream, struct spead_err *err);

/* Ends the start-up phase of a stream with explicit_start: packets that are read after this call are put into heaps,
 * also those that wait in the sockets already. Without explicit_start this call has no effect. Any thread may call
 * it; it never blocks. */
void spead_recv_stream_arm(struct spead_recv_stream *stream);

/* Asks the stream to end in order: the owner thread reads the source until it is empty (or stop_drain_ns has passed),
 * flushes the live heaps, and ends the channel behind the last heap. A second call asks the stream to end
 * immediately: nothing more is read, and heaps for which the channel has no room are shed. Any thread and any signal
 * handler may call this function; it never blocks. */
void spead_recv_stream_stop(struct spead_recv_stream *stream);

/* Takes the next heap; waits for one until deadline_ns (CLOCK_MONOTONIC; 0: without limit). Consumer thread. Returns
 * 0 and gives the caller one reference in *heap. Returns -ETIMEDOUT after the deadline. Returns -ESHUTDOWN when the
 * stream has ended and all its heaps were taken, also when the stream has failed (run() and poll() return the error
 * itself). The first call of take(), try_take(), take_many() or fd() opens a receiving end on the channel. That call
 * returns -ENOMEM if there is no memory for the receiving end, and -EBUSY if another receiving end is open. */
int spead_recv_stream_take(struct spead_recv_stream *stream, struct spead_heap **heap,
                           uint64_t deadline_ns);

/* Takes the next heap like take(), but never waits: returns -EAGAIN when there is no heap now. */
int spead_recv_stream_try_take(struct spead_recv_stream *stream, struct spead_heap **heap);

/* Takes up to max heaps in one call, max >= 1; waits for the first one as take() does. Returns how many heaps it
 * took, or the same errors as take(). The caller owns one reference to each heap. */
int spead_recv_stream_take_many(struct spead_recv_stream *stream, struct spead_heap **heaps,
                                uint32_t max, uint64_t deadline_ns);

/* A file descriptor for event loops: poll(2) finds it readable while a heap or end of stream waits in the channel.
 * Call try_take() until it returns -EAGAIN, then poll the descriptor. The first call makes the descriptor; the stream
 * owns and closes it. Returns the descriptor or -errno; -ENOMEM and -EBUSY mean the same as for take(). Consumer
 * thread. */
int spead_recv_stream_fd(struct spead_recv_stream *stream);

/* ---- As a channel and as a node ------------------------------------------------------------- */

/* Returns the channel that the heaps go through, for a caller that opens its own receiving end on that channel. The
 * caller borrows the channel from the stream. If the stream fails, receiving ends see its error. Once the stream is a
 * node, nothing goes through this channel. Any thread may call it. */
struct spead_channel *spead_recv_stream_channel(const struct spead_recv_stream *stream);

/* Fills *config, whose struct_size the caller has set, with a node that runs the stream: a source with one output,
 * "heaps". The node is blocking, so it has a thread of its own (config->cpu pins that thread). The thread starts the
 * stream and is its owner thread. Nothing else may run the stream. The stream must outlive the graph. When the graph
 * has ended, the stream has ended, too. When the graph is stopped, the stream stops in order, and its finished heaps
 * wait for room in the output without a limit of time (the deadline of the graph's drain() limits it). When the graph
 * is cancelled, the stream ends immediately and sheds the heaps that it holds. A stop item or
 * spead_recv_stream_stop() ends the node, too, but only after its output has taken the finished heaps. If the source
 * fails, the node fails. name is borrowed by *config. */
void spead_recv_stream_fill_node(struct spead_recv_stream *stream, const char *name,
                                 struct spead_node_config *config);

/* Does the same as spead_recv_stream_fill_node(), but returns the struct. */
static inline struct spead_node_config spead_recv_stream_node(struct spead_recv_stream *stream,
                                                              const char *name)
{
    struct spead_node_config config;

    config.struct_size = sizeof config;
    spead_recv_stream_fill_node(stream, name, &config);
    return config;
}

/* Fills *config, whose struct_size the caller has set, for the edge that spead_graph_join() makes at the node's
 * output. The edge has the capacity ring_heaps and the policy on_full. Heaps that the edge sheds are counted as shed
 * in the ledger of the stream. The caller may join the output with another configuration. Then the policy of that
 * edge holds instead of on_full, and heaps that the edge sheds are counted in the channel only. Streams that share
 * one input need such a configuration. An edge with the policy block is refused if the engine cannot make its source
 * wait, unless the graph is pulled: then packets wait in the socket between two calls of spead_graph_next(). */
void spead_recv_stream_fill_edge(struct spead_recv_stream *stream,
                                 struct spead_channel_config *config);

/* Does the same as spead_recv_stream_fill_edge(), but returns the struct. */
static inline struct spead_channel_config spead_recv_stream_edge_config(
    struct spead_recv_stream *stream)
{
    struct spead_channel_config config;

    config.struct_size = sizeof config;
    spead_recv_stream_fill_edge(stream, &config);
    return config;
}

/* ---- Statistics ---------------------------------------------------------------------------- */

/* Copies the counters, as they were after the last poll(), into *stats. The caller must start from
 * SPEAD_RECV_STATS_INIT, which sets struct_size. Any
 * thread may call it. */
void spead_recv_stream_stats(const struct spead_recv_stream *stream,
                             struct spead_recv_stats *stats);

/* Fills *ledger with the ledger of one source, and *name with the name of the source as configured ("239.1.2.3:7148";
 * "mem:0" for a link). The name lives as long as the stream. Either pointer may be NULL. Returns 0, or -ERANGE when
 * source is past the last one. Any thread may call it. */
int spead_recv_stream_source_stats(const struct spead_recv_stream *stream, uint32_t source,
                                   struct spead_recv_ledger *ledger, const char **name);

/* A thread that runs a stream and is its owner thread. */
struct spead_recv_runner; /* opaque */

/* Starts a thread that does what run() does. The thread is pinned to CPU number `cpu` (cpu < 0: not pinned). Waits
 * until the new thread has started the stream. Returns 0 and gives *out to the caller, -EINVAL (there is no such
 * CPU), or the -errno with which the thread or the stream failed to start. The stream must outlive the runner. err
 * may be NULL. */
int spead_recv_runner_start(struct spead_recv_runner **out, struct spead_recv_stream *stream,
                            int cpu, struct spead_err *err);

/* Waits until the thread has ended, frees the runner, and returns what run() would return. The thread ends when the
 * stream ends: call spead_recv_stream_stop() first, or let a stop item end the stream. *cpu_ns gets the CPU time of
 * the thread, in nanoseconds; cpu_ns may be NULL. */
int spead_recv_runner_join(struct spead_recv_runner *runner, uint64_t *cpu_ns);

#ifdef __cplusplus
}
#endif
#endif
