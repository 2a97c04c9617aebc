/* SPDX-License-Identifier: Apache-2.0 */
/* One SPEAD receive stream: packets go in, heaps come out.
 *
 * Threads:  One thread owns the stream, the owner thread. Only the owner thread calls start(), poll(), wait() and
 *           run(). One consumer thread calls take(), try_take(), take_many() and fd(). The owner thread may also be the
 *           consumer thread. Any thread may call arm(), start_at(), stop(), plan(), stats() and source_stats(). A signal handler
 *           may call stop().
 * Lifetime: create -> [start -> poll and wait, until poll() returns a negative value] -> destroy. The function run()
 *           does the part in brackets on the calling thread. A spead_recv_runner does that part on a new thread. Call
 *           destroy() when no thread uses the stream any more. After destroy() the consumer may still keep the heaps
 *           that it has taken.
 * Control:  A control heap carries start or stop items (SPEAD_ID_STREAM_CONTROL) and nothing else. The stream counts
 *           the packets of a control heap as control and does not hand the heap over. The stream hands over a heap that
 *           carries other items, too; a start or stop item in such a heap has the same effect as in a control heap.
 *           - A start or stop item makes the stream forget which heaps have ended. So a sender may then use the same
 *             heap counters again.
 *           - A stop item has its effect as soon as its packet is accepted. The stream counts later packets from the
 *             same endpoint as after-stop, except the packets of the heap that carried the stop item. The stream reads
 *             the other endpoints until they are empty, but not longer than stop_drain_ns. Then the stream ends as it
 *             does after stop().
 *           spead2 differs: it hands over start heaps. It also hands over stop heaps when it is told to ignore stop
 *           items.
 * Channel:  Heaps leave the stream through a bounded channel (speadline/channel.h) as messages of type "heap". In each
 *           message, `reference` is the heap, `length` is the heap's length in bytes, `time_ns` is the time of the
 *           heap's first packet, `key` is the heap counter, and `stream` is the message_stream of the configuration.
 *           `sequence` counts the finished heaps of the stream. If the consumer sees that numbers are left out in
 *           `sequence`, the heaps with these numbers were shed. The message of an incomplete heap has the flag
 *           SPEAD_MESSAGE_INCOMPLETE.
 *           The consumer can get the heaps in one of three ways:
 *           - with take() and the functions like it;
 *           - through a receiving end that the caller opens on spead_recv_stream_channel(). A graph can read that
 *             channel by spead_graph_join_input();
 *           - through the output of a node, when the stream itself is a node of a graph.
 *           When the last receiving end closes, the stream sheds the heaps that finish afterwards, and the stream ends.
 * Refused:  The stream is in in-order mode when allow_out_of_order is false. In this mode a packet that begins behind a
 *           byte that has not arrived is refused, as out-of-order. Its heap remembers that the packet came. So the gaps
 *           of the heap show which ranges never came, and which ranges came and were refused. If the first packet of a
 *           heap was lost, the stream still opens the heap, refuses its packets, and ends the heap as an incomplete
 *           one.
 * Unsized:  A heap without declared length (item 0x02) has no end that the stream could see. If such a heap is live
 *           when the stream ends, and no byte of it is missing, it is complete. If a newer heap evicts it, or it
 *           becomes too old, it is incomplete, because its sender may have sent more. Packets of it that come later are
 *           late. A stream whose senders finish a heap before they begin the next one can take the heap as complete
 *           instead (unsized_in_sequence).
 * Memory:   create() plans all memory, and spead_recv_stream_plan() tells how much memory that is. No packet can make
 *           the memory grow. If the engine reads from the network, create() asks the kernel for the pages of four heap
 *           regions, up to 4 MiB of each. */
#ifndef SPEADLINE_RECV_H
#define SPEADLINE_RECV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/deadline.h>
#include <speadline/engine.h>
#include <speadline/error.h>
#include <speadline/heap.h>
#include <speadline/mem_link.h>
#include <speadline/node.h>
#include <speadline/region.h>
#include <speadline/sender_address.h>
#include <speadline/snapshot.h>
#include <speadline/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Describes one of the engines that receive streams can use. The index counts the engines 0, 1, ... in the order of
 * their ranks, the lowest rank first. The caller must have set info->struct_size by SPEAD_ENGINE_INFO_INIT; the
 * function fills the rest of *info. Returns 0, -ERANGE when index is past the last engine, or -EINVAL when struct_size
 * is 0. Any thread may call this function. */
int spead_recv_engine_info(uint32_t index, struct spead_engine_info *info);

/* Tells whether this process could use the engine with this name now, on this machine, for some stream. The function
 * tries the engine: it may load libraries, open devices and block. It closes again what it has opened. Returns 0,
 * -EINVAL when there is no engine of this name, or another -errno; err then says what is missing. err may be NULL. Any
 * thread may call this function. */
int spead_recv_engine_usable(const char *name, struct spead_err *err);

struct spead_recv_stream;  /* opaque */
struct spead_chunk_config; /* see speadline/recv_chunk.h */

/* How payload gets from the engine into a heap. The payload is *placed* if the engine writes it directly where it
 * belongs in the heap. It is *bounced* if the engine receives it into a small buffer and the core copies it into the
 * heap. */
enum spead_receive_path {
    /* The stream chooses for each heap, when the first packet of the heap comes. If the engine can place payload, and
     * that packet has 4 KiB of payload or more, the payload of the heap is placed. In all other cases it is bounced. */
    SPEAD_PATH_AUTO = 0,
    /* Payload is placed: the core predicts where in the heap the payload of the next packet belongs, and the engine
     * writes it there. So the CPU makes no second copy. create() refuses this value with -ENOTSUP if the engine cannot
     * place payload. */
    SPEAD_PATH_PLACED = 1,
    /* Payload is bounced: the engine receives it into a small buffer that stays in the CPU's cache, and the core copies
     * it from there into the heap. */
    SPEAD_PATH_BOUNCE = 2,
};

/* What makes a sender. Heaps of two senders are never mixed, even if their heap counters are equal. */
enum spead_sender_key {
    /* The address and the port from which the packets come. */
    SPEAD_SENDER_KEY_PORT = 0,
    /* The address alone. Choose it if one sender spreads the packets of a heap over several of its ports. */
    SPEAD_SENDER_KEY_ADDRESS = 1,
    /* All packets of an endpoint are of one sender. Choose it if the packets of a heap come from several addresses, for
     * example over redundant networks. */
    SPEAD_SENDER_KEY_NONE = 2,
};

/* Which thread makes the kernel supply the memory of heaps that are longer than 1 MiB. */
enum spead_populate {
    /* A thread of the stream populates the memory of the next heaps in the background, before their packets come. */
    SPEAD_POPULATE_AHEAD = 0,
    /* Nothing is populated ahead. The owner thread populates a region when a heap begins, and packets can be lost
     * during that time. */
    SPEAD_POPULATE_OFF = 1,
};

/* What a start point is made of. */
enum spead_start_point_kind {
    SPEAD_START_POINT_NONE = 0, /* there is no start point: the first heap that comes is taken */
    SPEAD_START_POINT_HEAP = 1, /* a heap counter */
    SPEAD_START_POINT_ITEM = 2, /* the value of an immediate item */
    SPEAD_START_POINT_TIME = 3, /* a time */
};

/* The start point of a stream: from where on it takes heaps. Until a sender has reached the start point, the stream
 * discards the heaps of this sender whole and counts their packets as before-start; it counts nothing of them as missing.
 * The first heap at the start point or behind it is taken, and from then on the sender is *in sync*: the log says "in sync
 * since heap N, time T".
 *   - Each sender gets in sync by itself, as sender_key says what a sender is. In a joint stream a sender is one at all
 *     endpoints. All senders compare with the same point, so they start together if their counters or items go together.
 *   - A heap is judged as a whole by the packet of it that comes first: by its heap counter, by its item, or by its time.
 *     A heap whose first packet lacks the item is discarded; the log says so once.
 *   - A sender that is in sync stays so, also if its counter wraps or begins anew. But for one second, heaps that lie
 *     before the start point and come late are still discarded. A sender that is heard later is judged too.
 *   - Start and stop items have their effect also before the start point.
 * Start from SPEAD_RECV_START_POINT_INIT. */
struct spead_recv_start_point {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    enum spead_start_point_kind kind;
    uint64_t item; /* ITEM: the id of the item, above 0x06; else ignored */
    /* HEAP: the least heap counter. ITEM: the least value. TIME: nanoseconds of UTC; the time of the first packet of a heap
     * is compared with it, by the clock of the heaps (spead_heap_clock()). */
    uint64_t least;
    /* HEAP and ITEM: the sender starts at a multiple of this number. 0: at any. Must be 0 for TIME. */
    uint64_t step;
    uint64_t reserved; /* 0 */
};
/* clang-format off */
#define SPEAD_RECV_START_POINT_INIT { .struct_size = sizeof(struct spead_recv_start_point) }
/* clang-format on */
/* Does what SPEAD_RECV_START_POINT_INIT does; `size` is sizeof *point. Any thread. See docs/abi.md. */
void spead_recv_start_point_init(struct spead_recv_start_point *point, size_t size);

/* How the CPU copies bounced payload into a heap. */
enum spead_copy {
    /* Cached, except for heaps of 64 KiB or more that begin while the heaps in use have more than twice the bytes of the
     * last cache in front of the memory. The plan says the number (copy_reason). */
    SPEAD_COPY_AUTO = 0,
    SPEAD_COPY_CACHED = 1, /* by ordinary stores, which go through the cache of the CPU */
    /* By stores that bypass the cache. That is faster for memory that is not in the cache, but a consumer then reads the
     * heap from the memory. create() refuses this value with -ENOTSUP if the CPU has no such stores. */
    SPEAD_COPY_STREAMING = 2,
};

/* Why a stream has ended. */
enum spead_recv_end_cause {
    SPEAD_END_NONE = 0,       /* the stream has not ended */
    SPEAD_END_STOP_CALL = 1,  /* spead_recv_stream_stop() was called */
    SPEAD_END_STOP_ITEMS = 2, /* the stop items of the senders ended it, see stop_count */
    SPEAD_END_SOURCE = 3,     /* all sources have ended, such as closed memory links */
    /* The last receiving end of the channel was closed, or the graph was cancelled. */
    SPEAD_END_NO_READER = 4,
    SPEAD_END_FAILED = 5, /* the engine failed */
};

/* The default values that SPEAD_RECV_STREAM_CONFIG_INIT sets. Each macro belongs to the field of struct
 * spead_recv_stream_config with the same name; the comment of that field says what the value means. */
#define SPEAD_RECV_PACKET_BYTES_DEFAULT        9200u      /* fits an MTU of 9000 bytes */
#define SPEAD_RECV_SOCKET_BUFFER_BYTES_DEFAULT (8u << 20) /* 8 MiB */
#define SPEAD_RECV_LIVE_HEAPS_DEFAULT          4u
#define SPEAD_RECV_HEAP_BYTES_DEFAULT          (64u << 20) /* 64 MiB */
#define SPEAD_RECV_POINTERS_DEFAULT            1024u
#define SPEAD_RECV_RANGES_DEFAULT              4096u
#define SPEAD_RECV_HAND_OVER_HEAPS_DEFAULT     0u
#define SPEAD_RECV_HELD_HEAPS_DEFAULT          2u
#define SPEAD_RECV_COALESCE_NS_DEFAULT         200000u    /* 200 us */
#define SPEAD_RECV_STOP_DRAIN_NS_DEFAULT       100000000u /* 100 ms */
#define SPEAD_RECV_PLACED_WINDOW_DEFAULT       4096u
#define SPEAD_RECV_SENDERS_DEFAULT             1024u
#define SPEAD_RECV_RESTART_QUIET_NS_DEFAULT    2000000000u  /* 2 s */
#define SPEAD_RECV_REPEAT_NS_DEFAULT           10000000u    /* 10 ms */
#define SPEAD_RECV_STOP_SILENCE_NS_DEFAULT     10000000000u /* 10 s */

/* The bounds of the hand-over if hand_over_heaps is 0. The number of finished heaps that wait for the consumer is at
 * most HAND_OVER_MESSAGES. Their bytes are at most HAND_OVER_SIZES times the bytes of the longest heap that has
 * finished so far. If this product is less than HAND_OVER_BYTES_MIN, HAND_OVER_BYTES_MIN is the bound. */
#define SPEAD_RECV_HAND_OVER_MESSAGES  4096u
#define SPEAD_RECV_HAND_OVER_SIZES     4u
#define SPEAD_RECV_HAND_OVER_BYTES_MIN (16u << 20) /* 16 MiB */

/* The configuration of a receive stream. Start from SPEAD_RECV_STREAM_CONFIG_INIT and set the fields that must differ
 * from their defaults. If a value is out of range, create() returns -EINVAL and names the field in its err. Where the
 * comment of a field says "borrowed", the caller must keep the memory valid only until create() returns. */
struct spead_recv_stream_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */

    /* The endpoints that the stream reads from. A stream reads either endpoints or memory links, from 1 to 64 of them.
     * The text of an endpoint is "HOST:PORT", "[V6]:PORT" or ":PORT" (UDP). If HOST is a multicast group, the stream
     * joins the group. "%IF" behind the port names the interface of this endpoint, as in "239.1.2.3:7148%eth0"; it must
     * not contradict the interface of the stream. A zone inside the brackets ("[ff02::1%eth0]:7148") is the scope of
     * the address, and so also names the interface. "[::ffff:192.0.2.1]:PORT" means the IPv4 address 192.0.2.1.
     * create() refuses two endpoints that are the same, or of which the kernel lets only one be bound (":7148" and
     * "192.0.2.1:7148"). An engine of the kind SPEAD_ENDPOINT_TEXT (see struct spead_engine_info) understands other
     * texts; then `engine` must name that engine. Each endpoint is one source of the ledger, in this order. The strings
     * and the array are borrowed. */
    const char *const *endpoints;
    uint32_t endpoint_count;
    /* The memory links that the stream reads from, when it reads no endpoints. The stream takes a reference to each
     * link; the array is borrowed. Each link is one source of the ledger, in this order. */
    struct spead_mem_link *const *links;
    uint32_t link_count;

    /* The name of the engine: one of the names that spead_recv_engine_info() returns, or "auto" (default). NULL means
     * the same as "auto". "auto" chooses the usable engine with the lowest rank. Borrowed. */
    const char *engine;
    /* The network interface on which the stream receives and joins multicast groups: its name ("eth0") or one of its
     * addresses. It holds for all endpoints that name none. NULL (default): any interface; a group is then joined on
     * the interface of its route. Borrowed. */
    const char *interface;
    /* The faults that the fault decorator makes on purpose in the received packets, as a text (see docs/faults.md).
     * NULL (default): no faults. Borrowed. */
    const char *fault;

    /* The size of the largest SPEAD packet that the stream accepts, in bytes, with header and item pointers; 8 to
     * 65507, default 9200. The stream counts a longer packet as truncated. */
    uint32_t packet_bytes_max;
    /* The size of the receive buffer that the stream requests from the kernel for each socket, in bytes; default 8 MiB.
     * The plan of the stream says how much the kernel has granted. */
    uint32_t socket_buffer_bytes;
    /* how payload gets into its heap; default SPEAD_PATH_AUTO */
    enum spead_receive_path receive_path;

    /* The number of substreams; default 1. A heap belongs to the substream whose number is the heap counter modulo this
     * value. Each substream has its own live heaps. */
    uint32_t substream_count;
    /* The number of heaps that may be live (may still wait for packets) in each substream; at least 1, default 4. A new
     * heap evicts an older heap of its substream, which means that the older heap ends early. The evicted heap is the
     * one that was opened live_heaps_max heaps before the new heap, if it is still live. */
    uint32_t live_heaps_max;
    /* The number of ended heaps that each substream remembers. A late or duplicate packet of a remembered heap cannot
     * open that heap again. The stream remembers a heap for one second at most. 0 (default) means 4 x
     * live_heaps_max. */
    uint32_t finished_heaps_max;
    /* True: the packets of a heap may arrive in any order. False (default): each packet must continue the heap where
     * the packet before it ended. The stream counts a packet that begins behind that place as out-of-order. */
    bool allow_out_of_order;
    /* True (default): the stream accepts heaps without item 0x02 (heap length). False: it refuses the packets of such
     * heaps. */
    bool allow_unsized_heaps;
    /* True: stop items do not end the stream, so that one forged packet cannot end a long recording. The stream still
     * counts a heap that carries only stop items as control, and does not hand it over. False (default): a stop item
     * ends the stream. */
    bool ignore_stop_item;
    /* True: until arm() is called, the stream counts every packet as start-up and puts none into a heap. False
     * (default): the stream puts packets into heaps from the start. */
    bool explicit_start;
    /* A hole is a range of an incomplete heap that did not arrive. True: the holes keep whatever bytes the memory held
     * before. False (default): the stream sets the bytes of the holes to zero. */
    bool keep_holes;
    /* True: the stream hands over incomplete heaps, too. False (default): it hands over complete heaps only. */
    bool deliver_incomplete;
    /* The age limit of a live heap, in nanoseconds after its first packet. The stream ends a heap that is older. 0
     * (default) means no limit. */
    uint64_t heap_timeout_ns;

    /* the largest payload of one heap, in bytes; 1 to 2^40, default 64 MiB */
    uint64_t heap_bytes_max;
    /* The largest memory that all heaps together may use, in bytes. It must have room for at least one packet. 0
     * (default): half of the memory that the host and the cgroups of the process leave free when the stream is made. A
     * value that is larger than all regions of the plan together changes nothing. */
    uint64_t memory_bytes_max;
    /* the largest number of distinct item pointers in one heap; 1 to 2^20, default 1024 */
    uint32_t pointers_max;
    /* With allow_out_of_order, the bytes of a heap that have arrived may lie in several separate ranges. This value is
     * the largest number of such ranges in one heap; 1 to 2^20, default 4096. It also bounds the time that a packet
     * takes: a packet that begins a new range moves the table entries of all ranges behind it, 16 bytes for each. With
     * the default a packet moves at most 64 KiB, which takes up to 0.5 us. With 65,536 ranges, packets that had holes
     * between them took 4 us each in random order, and up to 8 us in descending order (CPU time on an AMD EPYC,
     * 2026-12-01). Packets in order move nothing. */
    uint32_t ranges_max;

    /* The number of finished heaps, of any size, that may wait for the consumer in the channel; up to 2^20. 0
     * (default): the hand-over is bounded by bytes and messages instead. At most SPEAD_RECV_HAND_OVER_MESSAGES heaps
     * may wait. Together they may have 4 times the bytes of the longest heap that has finished so far, or 16 MiB if
     * that is more (4 MiB in place of 16 MiB if the memory of the heaps is pinned for a device), but at most half of
     * memory_bytes_max. One heap may always wait. This means that many small heaps may wait, and 4 heaps that are
     * longer than 1 MiB. */
    uint32_t hand_over_heaps;
    /* The number of heaps, of any size, that the consumer may hold at a time besides those in the channel; 0 to 2^20,
     * default 2. If hand_over_heaps is 0, the consumer may hold more heaps of up to 1 MiB: as many as may wait in the
     * channel. If the consumer holds too many heaps, the stream has no memory for new heaps, and its log says so. */
    uint32_t held_heaps;
    /* What the stream does with a finished heap when the channel to the consumer is full; default
     * SPEAD_ON_FULL_DROP_NEWEST. To shed a heap is to drop and to count it.
     * - DROP_NEWEST: the stream first stops reading while its source is less than half full (a pause). Then it reads
     *   again, and sheds the finished heap. An engine that cannot tell how full its source is makes no pause.
     * - DROP_OLDEST: the stream sheds the heap that has waited longest in the channel.
     * - BLOCK: the stream reads no packets until there is room in the channel. This value needs an engine that can make
     *   the sender wait, such as engine mem. A UDP sender cannot wait: the kernel would drop its packets, and no bucket
     *   of the ledger would count them. Therefore create() refuses BLOCK with -EINVAL if the engine cannot make the
     *   sender wait.
     * - SAMPLE is for channels only: create() refuses it with -EINVAL. */
    enum spead_on_full on_full;

    /* The longest sleep of wait() at a steady rate, in nanoseconds; default 200 us. After such a sleep, poll() reads
     * all packets that have come. So the thread does not wake for each datagram or train, which halves its CPU time.
     * With 0, wait() returns as soon as a packet has come. */
    uint64_t coalesce_ns;
    /* A limit of time, in nanoseconds; default 100 ms. After stop() or a stop item, the stream reads the source until
     * it is empty, but not longer than this time. Then the finished heaps wait for room in the channel, again not
     * longer than this time. In a graph they wait without a limit. During this wait the stream counts the packets that
     * it had no time to read (undrained_packets in stats.h). */
    uint64_t stop_drain_ns;
    /* The difference between the heap counters of two successive heaps of the sender. The stream uses this value to
     * count missing heaps. With 0 (default), the stream learns the difference from the heaps that come. */
    uint64_t heap_counter_step;
    /* The log callback for the warnings and decisions of the stream. By default there is no callback, and the stream
     * logs nothing. */
    struct spead_log log;

    uint32_t message_stream; /* value of `stream` in the messages; default 0 */
    /* True: the stream is made only for its plan. No heap memory is registered with a device, so nothing is pinned for
     * it, and the stream cannot be started (-EINVAL). Default false. */
    bool plan_only;
    uint8_t reserved[3];

    /* A list of options that only particular engines have, such as struct spead_recv_verbs_config (speadline/verbs.h).
     * NULL (default): every engine uses its defaults. Borrowed. */
    const struct spead_engine_options *engine_options;

    /* The memory for the heaps, if the caller has made it. NULL (default): the stream makes this memory itself. The
     * memory may belong to a device, so that the CPU cannot touch it (`data` of the arena is NULL then). For a heap in
     * such memory spead_heap_payload() returns NULL, and spead_heap_region_info() says where the payload lies. Before a
     * heap is handed over, the stream calls flush() of the arena's operations: it makes what the NIC has written visible
     * to the device (speadline/region.h says what it must do for a GPU).
     *
     * create() copies the struct. If create() succeeds, the library borrows the memory and the operations (ops) until
     * it calls the function ended() of the arena. It calls ended() once, on any thread, when the stream and its last
     * heap are gone. It never calls ended() if create() fails. */
    const struct spead_region_arena *heap_arena;

    /* For placed payload: the largest number of places in heaps that the core reserves for packets that have not come
     * yet; 1 to 4096, default 4096. An engine may take fewer: engine verbs as many as it has receives posted, the other
     * engines at most 64, and an engine that does not post receives in advance as many as one receive call can fill.
     * Engine verbs posts no more receives than this while it places payload. So a small number makes a NIC drop packets
     * whenever the owner thread is late. */
    uint32_t placed_window;
    /* For placed payload: the share of packets, from 0 to 1, above which placing stops. A packet breaks the order if it
     * does not continue where the packet before it ended, for example after a loss. Then the payload of the packets
     * that follow can land in wrong places, and the CPU must move it. The share p is the number of packets that broke
     * the order, divided by the number of all packets. If N places are reserved, about 1-(1-p)^N of all packets must be
     * moved.
     *
     * When the stream opens a heap, it computes p over the last 8192 packets or more. If p is above placed_loss_max,
     * the stream bounces the payload of new heaps. If p is at most half of placed_loss_max, it places payload again. It
     * logs both changes. 0 (default): the limit is the p at which half of the packets must be moved, because bouncing
     * costs the same there (1.1 % for 64 places, 0.07 % for 1024). 1: the stream never stops placing. */
    double placed_loss_max;

    /* The only sender whose packets the stream accepts: "HOST" or "[V6]" (any port of that host), "HOST:PORT" or
     * "[V6]:PORT". NULL (default): all senders. The sender applies to every endpoint, so all endpoints must have its IP
     * version. The stream joins multicast groups for this sender only (source-specific multicast). With memory links
     * create() returns -EINVAL, because a link has no sender. Borrowed.
     *
     * The stream does not see packets of other senders, so these packets are in no bucket of the ledger. Engine verbs
     * gets only the frames of this sender. Engines socket and uring put a filter into the kernel, and the stream counts
     * the packets that the filter discards in kernel_drops and in filtered_drops. Packets that other hosts send to a
     * joined group do not even reach the filter. The address of a sender is easy to forge: this option sorts packets,
     * it does not protect. */
    const char *sender;

    /* If false (default), the endpoints are apart: each has its own window of live heaps, its own memory of finished
     * heaps and its own end. If true, the heaps of all endpoints are one numbered sequence, as if the packets of all
     * endpoints had come to the first one. */
    bool joint;
    /* For heaps without item 0x02 (heap length). True: their senders send one heap after the other, as spead2 assumes.
     * So a heap that a newer heap evicts, or that is too old, has all its packets, and it is complete if no byte before
     * its last byte is missing. False (default): such a heap is incomplete, because its sender may have sent more. */
    bool unsized_in_sequence;
    enum spead_sender_key sender_key; /* default SPEAD_SENDER_KEY_PORT */
    /* The number of senders that the stream knows at a time, 1 to 65535. A further sender replaces the one that has
     * been silent longest. A sender with live heaps is never replaced: if all senders have live heaps, the packets of
     * the further sender are counted as over-cap-senders. */
    uint32_t senders_max;
    /* How many senders must have sent a stop item until the stream ends. 0 (default): the stream ends when all
     * endpoints at which a sender was heard have ended. An endpoint ends in two cases. In the first case, all senders
     * that were heard there within the last stop_silence_ns have stopped. In the second case, a stop heap comes to the
     * endpoint from a sender that has sent no data. The second case has an exception: if senders that had sent data
     * have lost their place (senders_max), the stream cannot tell whether a sender has sent data. A stop heap then ends
     * only its sender. */
    uint32_t stop_count;
    uint64_t stop_silence_ns; /* default 10 s; see stop_count */
    /* When a sender was silent longer than this, its next packet begins a new run: the live heaps of the sender end
     * incomplete, and the stream forgets which heaps of the sender have ended. So no heap holds bytes of two runs.
     * Default 2 s. 0 means that no silence begins a run. */
    uint64_t restart_quiet_ns;
    /* A limit of time, in nanoseconds; default 10 ms. If a packet of a complete heap comes more than this time after
     * the end of the heap, the packet is counted as repeated-counter and not as duplicate: the sender probably uses the
     * counter for another heap. */
    uint64_t repeat_ns;
    /* Whether heap memory is populated ahead; default SPEAD_POPULATE_AHEAD. Only heaps that are longer than 1 MiB need
     * it. The stream does not trust a length that only one packet claims. It populates at most the length of the
     * longest complete heap, or 16 times the bytes of a live heap that have come. It also keeps free regions populated:
     * as many as heaps may be live at the endpoints at which senders were heard. Populated regions count in
     * memory_bytes, and stay populated until another heap needs the memory. */
    enum spead_populate populate;
    /* number of elements of custom_counters, at most SPEAD_CUSTOM_COUNTERS_MAX */
    uint32_t custom_counter_count;
    /* The custom counters of the stream: numbers that callbacks and nodes of the caller count by
     * spead_recv_stream_count(). They stand in the snapshots of the stream behind the statistics of the library. NULL
     * (default): none. The array and its names are borrowed. */
    const struct spead_custom_counter *custom_counters;
    /* From where on the stream takes heaps. NULL (default): from the first heap on. Borrowed. */
    const struct spead_recv_start_point *start_point;
    /* Makes the stream a chunk stream, which puts many heaps into one large array and hands over these arrays
     * (speadline/recv_chunk.h). NULL (default): the stream hands over heaps. Borrowed. */
    const struct spead_chunk_config *chunks;
    /* How bounced payload is copied; default SPEAD_COPY_AUTO. It changes the speed only. Memory that the CPU cannot touch
     * has a copy operation of its own, to which this does not apply. */
    enum spead_copy copy;
    uint32_t reserved_2;
};

/* clang-format off */
#define SPEAD_RECV_STREAM_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_recv_stream_config), .engine = "auto", \
    .packet_bytes_max = SPEAD_RECV_PACKET_BYTES_DEFAULT, \
    .socket_buffer_bytes = SPEAD_RECV_SOCKET_BUFFER_BYTES_DEFAULT, .substream_count = 1, \
    .live_heaps_max = SPEAD_RECV_LIVE_HEAPS_DEFAULT, .allow_unsized_heaps = true, \
    .heap_bytes_max = SPEAD_RECV_HEAP_BYTES_DEFAULT, .pointers_max = SPEAD_RECV_POINTERS_DEFAULT, \
    .ranges_max = SPEAD_RECV_RANGES_DEFAULT, .hand_over_heaps = SPEAD_RECV_HAND_OVER_HEAPS_DEFAULT, \
    .held_heaps = SPEAD_RECV_HELD_HEAPS_DEFAULT, .on_full = SPEAD_ON_FULL_DROP_NEWEST, \
    .coalesce_ns = SPEAD_RECV_COALESCE_NS_DEFAULT, \
    .stop_drain_ns = SPEAD_RECV_STOP_DRAIN_NS_DEFAULT, .heap_counter_step = 0, \
    .placed_window = SPEAD_RECV_PLACED_WINDOW_DEFAULT, .senders_max = SPEAD_RECV_SENDERS_DEFAULT, \
    .stop_silence_ns = SPEAD_RECV_STOP_SILENCE_NS_DEFAULT, \
    .restart_quiet_ns = SPEAD_RECV_RESTART_QUIET_NS_DEFAULT, .repeat_ns = SPEAD_RECV_REPEAT_NS_DEFAULT }
/* clang-format on */
/* Does what SPEAD_RECV_STREAM_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_recv_stream_config_init(struct spead_recv_stream_config *config, size_t size);

/* Makes a stream. Returns 0 and gives *out to the caller; or -EINVAL (err names the field), -ENOMEM, -ENOTSUP (the
 * engine cannot do what the configuration asks for), -EADDRINUSE or another error of the network. On failure *out is
 * unchanged. When create() returns 0, the sockets are bound and have joined their groups, and packets that arrive from
 * then on wait in the sockets. create() may block. err may be NULL. Any thread may call this function. */
int spead_recv_stream_create(struct spead_recv_stream **out,
                             const struct spead_recv_stream_config *config, struct spead_err *err);

/* Frees the stream. No thread may use the stream any more when this function is called. The function releases the heaps
 * that the consumer has not taken; heaps that were taken stay valid. NULL is ignored. */
void spead_recv_stream_destroy(struct spead_recv_stream *stream);

/* What create() has decided: the engine, and how much memory the stream uses. The text fields are for people, the
 * numbers also for tests. The strings live as long as the stream. */
struct spead_recv_plan {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    const char *engine;   /* name of the engine that the stream uses */
    /* One line of text: why the stream uses this engine, and why not another one. */
    const char *engine_reason;
    /* The number of the largest heap regions. A region is the memory of one heap. The number is the sum of the five
     * fields live_regions to moved_regions below. */
    uint64_t region_count;
    /* The address space of each region, in bytes: heap_bytes_max, rounded up to whole pages. */
    uint64_t region_bytes;

    /* The largest amount of heap memory that can be in use, in bytes: the smaller one of memory_need_bytes and
     * memory_limit_bytes. If the memory is registered with a device, all of it is in use from the start. */
    uint64_t memory_bytes;
    uint64_t table_bytes; /* all other memory of the stream, in bytes */
    /* The size of the receive buffer that the kernel has granted to the first socket, in bytes. 0 means that the engine
     * has no socket. */
    uint32_t socket_buffer_bytes;
    uint32_t reserved;

    /* What region_count consists of: regions for live heaps (live_heaps_max x substream_count x endpoints that are
     * apart), for heaps that wait in the hand-over (hand_over_heaps, or 4), and for heaps that the consumer holds
     * (held_heaps). If payload is placed, moved_regions more are set aside: if a heap must end while receives are
     * posted into its region, the heap moves to one of these. Engine verbs also posts receives into them for heaps that
     * have not begun. */
    uint64_t live_regions, hand_over_regions, held_regions, moved_regions;
    /* The memory that heaps would need in the worst case. There are two cases: every region holds a heap of the largest
     * size, or every smaller region holds a heap of its size. The case that needs more memory counts. */
    uint64_t memory_need_bytes;
    /* memory_bytes_max, or what the stream has chosen for it; 0: no limit */
    uint64_t memory_limit_bytes;
    /* One line of text: where the number memory_bytes comes from, and what happens if it is less than the need. */
    const char *memory_reason;
    /* If the limit is less than the need: the memory that is kept for the heaps of each endpoint, however much comes to
     * the other endpoints. 0 if nothing is kept. */
    uint64_t endpoint_share_bytes;
    /* One line of text: whether heap memory is populated ahead, and if not, why. */
    const char *populate_reason;
    /* One line of text: on which NUMA node each port of the stream is, and whether the memory policy of the thread that
     * made the stream names other nodes. "" if the host has one node, or does not tell. The thread that becomes the
     * owner compares its CPUs with the node, and the log warns if they differ. */
    const char *port_place;
    /* Engine verbs: how many receives are posted at a time. A NIC drops a packet that finds none. engine_reason says what
     * sets this number. 0 for the other engines, and for a multi-packet queue. */
    uint64_t posted_receives;
    /* Engine verbs: the size of the memory that these receives, or the entries of a multi-packet queue, fill, in bytes.
     * 0 for the other engines. */
    uint64_t posted_bytes;
    /* One line of text: how bounced payload is copied into heaps, and why. */
    const char *copy_reason;
};
/* clang-format off */
#define SPEAD_RECV_PLAN_INIT { .struct_size = sizeof(struct spead_recv_plan) }
/* clang-format on */
/* Does what SPEAD_RECV_PLAN_INIT does; `size` is sizeof *plan. Any thread. See docs/abi.md. */
void spead_recv_plan_init(struct spead_recv_plan *plan, size_t size);

/* Fills *plan. The caller must have set plan->struct_size by SPEAD_RECV_PLAN_INIT. Any thread may call this
 * function. */
void spead_recv_stream_plan(const struct spead_recv_stream *stream, struct spead_recv_plan *plan);

/* Makes the calling thread the owner thread. Call it once, before the first poll(). (An io_uring accepts requests from
 * one thread only, and start() decides which thread that is.) Returns 0 or -errno. A second call returns -EBUSY and
 * changes nothing. If the call returns another error, the stream has ended, and receiving ends of the channel get that
 * error. err may be NULL. */
int spead_recv_stream_start(struct spead_recv_stream *stream, struct spead_err *err);

/* Reads one burst of packets, puts the packets into heaps, and hands over finished heaps. It never blocks. Owner
 * thread. Returns
 *   >= 0        the number of packets that it has read; 0 means that no packet was ready
 *   -ESHUTDOWN  the stream has ended in order, and end of stream is in the channel
 *   other       the -errno with which the source has failed. The stream has ended; receiving ends get this error */
int spead_recv_stream_poll(struct spead_recv_stream *stream);

/* Sleeps until there is something to do, and then returns 0. It returns when a packet is ready, when stop() is called,
 * or when a live heap reaches its age limit. If a finished heap waits for room in the channel, it returns when there is
 * room. It also returns at deadline_ns, which is a deadline (deadline.h). It returns -EINVAL when deadline_ns is a
 * duration. It may return earlier, and it returns immediately when the stream has ended. At a steady rate it sleeps for
 * a fixed time (see coalesce_ns); a call of stop() takes effect only after that time. Owner thread. */
int spead_recv_stream_wait(struct spead_recv_stream *stream, uint64_t deadline_ns);

/* Calls start(), and then poll() and wait() until the stream has ended. The calling thread becomes the owner thread.
 * Returns 0 when the stream has ended in order. Otherwise it returns -errno, and err holds a sentence. -EBUSY means
 * that the stream was started before: a stream runs once. err may be NULL. */
int spead_recv_stream_run(struct spead_recv_stream *stream, struct spead_err *err);

/* Ends the start-up phase of a stream whose configuration has explicit_start. The stream puts packets that it reads
 * after this call into heaps, also those that already wait in the sockets. Without explicit_start this call has no
 * effect. Any thread may call this function; it never blocks. */
void spead_recv_stream_arm(struct spead_recv_stream *stream);

/* Gives the stream a new start point in place of the one that it has. No sender is in sync any more, until it has reached
 * the new point; heaps that have begun go on. With the kind NONE the stream takes all heaps again. The owner thread does
 * so at the beginning of a poll() after this call; if there are several calls before it, the last one counts. Returns 0,
 * or -EINVAL; err names the field, and may be NULL. Any thread may call this function; it waits at most while the owner
 * thread copies a start point. (spead_recv_stream_arm() is something else: it ends the start-up phase of
 * explicit_start.) */
int spead_recv_stream_start_at(struct spead_recv_stream *stream,
                               const struct spead_recv_start_point *point, struct spead_err *err);

/* Asks the stream to end in order. The owner thread then reads the source until it is empty or stop_drain_ns has
 * passed. It ends the live heaps, hands over the finished heaps, and ends the channel behind the last heap. A second
 * call asks the stream to end immediately: the owner thread reads nothing more, and sheds heaps for which the channel
 * has no room. Any thread and any signal handler may call this function; it never blocks. */
void spead_recv_stream_stop(struct spead_recv_stream *stream);

/* Takes the next heap from the channel. If there is none, it waits for one until deadline_ns, which is a
 * deadline (deadline.h). Consumer thread. Returns
 *   0           *heap is the heap, and the caller owns one reference to it
 *   -ETIMEDOUT  the deadline has passed
 *   -EINVAL     deadline_ns is a duration
 *   -ESHUTDOWN  the stream has ended and all its heaps were taken. It is also returned when the stream has failed;
 *               run() and poll() return the error itself
 *   -ENOMEM     there is no memory for a receiving end
 *   -EBUSY      another receiving end is open
 * The first call of take(), try_take(), take_many() or fd() opens a receiving end on the channel. Only that call can
 * return -ENOMEM or -EBUSY. */
int spead_recv_stream_take(struct spead_recv_stream *stream, struct spead_heap **heap,
                           uint64_t deadline_ns);

/* Takes the next heap as take() does, but never waits. It returns -EAGAIN when there is no heap now. Consumer
 * thread. */
int spead_recv_stream_try_take(struct spead_recv_stream *stream, struct spead_heap **heap);

/* Takes up to max heaps in one call; max must be at least 1. If there is no heap, it waits for the first one as take()
 * does. Returns how many heaps it took, or the same errors as take(). The caller owns one reference to each heap.
 * Consumer thread. */
int spead_recv_stream_take_many(struct spead_recv_stream *stream, struct spead_heap **heaps,
                                uint32_t max, uint64_t deadline_ns);

/* Returns a file descriptor for event loops, or -errno. poll(2) reports the descriptor as readable while a heap or end
 * of stream waits in the channel. Call try_take() until it returns -EAGAIN, and only then poll the descriptor again.
 * The first call makes the descriptor; the stream owns and closes it. The errors -ENOMEM and -EBUSY mean the same as
 * for take(). Consumer thread. */
int spead_recv_stream_fd(struct spead_recv_stream *stream);

/* ---- As a channel and as a node ------------------------------------------------------------- */

/* Returns the channel that the heaps go through. It is for a caller that opens its own receiving end on that channel.
 * The caller borrows the channel from the stream. If the stream fails, receiving ends get its error. When the stream
 * has become a node, its heaps go through the output of the node and no longer through this channel. Any thread may
 * call this function. */
struct spead_channel *spead_recv_stream_channel(const struct spead_recv_stream *stream);

/* Fills *config with the configuration of a node that runs the stream: a source with one output, "heaps". The caller
 * must have set config->struct_size. *config borrows name. The stream must outlive the graph.
 *
 * The node is blocking, so it has a thread of its own, pinned to config->cpu. That thread starts the stream and is its
 * owner thread; no other thread may run the stream. When the graph is stopped, the stream stops in order. Its finished
 * heaps then wait for room in the output without a limit of time; the deadline of spead_graph_drain() can end this
 * wait. When the graph is cancelled, the stream ends immediately and sheds the heaps that it holds. A stop item or
 * spead_recv_stream_stop() ends the node, too, after its output has taken the finished heaps. If the source fails, the
 * node fails. When the graph has ended, the stream has ended, too. */
void spead_recv_stream_fill_node(struct spead_recv_stream *stream, const char *name,
                                 struct spead_node_config *config);

/* Returns the configuration that spead_recv_stream_fill_node() fills. */
static inline struct spead_node_config spead_recv_stream_node(struct spead_recv_stream *stream,
                                                              const char *name)
{
    struct spead_node_config config;

    config.struct_size = sizeof config;
    spead_recv_stream_fill_node(stream, name, &config);
    return config;
}

/* Fills *config with the configuration of a channel for spead_graph_join() at the output of the node. The caller must
 * have set config->struct_size. The channel has the bounds of the hand-over (see hand_over_heaps) and the policy
 * on_full. If this channel sheds heaps, the ledger of the stream counts their packets as shed.
 *
 * The caller may join the output with another configuration instead. Then the policy of that configuration replaces
 * on_full, and only the channel counts the heaps that it sheds. Streams that share one input need such a configuration.
 * If the engine cannot make its sender wait, the start of the graph fails for a channel with the policy block. A pulled
 * graph is the exception: there, packets wait in the socket between two calls of spead_graph_next(). */
void spead_recv_stream_fill_edge(struct spead_recv_stream *stream,
                                 struct spead_channel_config *config);

/* Returns the configuration that spead_recv_stream_fill_edge() fills. */
static inline struct spead_channel_config spead_recv_stream_edge_config(
    struct spead_recv_stream *stream)
{
    struct spead_channel_config config;

    config.struct_size = sizeof config;
    spead_recv_stream_fill_edge(stream, &config);
    return config;
}

/* ---- Statistics ---------------------------------------------------------------------------- */

/* Fills *stats with the counters of the stream, as they were after the last poll(). The caller must have set
 * stats->struct_size by SPEAD_RECV_STATS_INIT. If the engine has an RDMA device, the call also reads a counter of its
 * port (port_out_of_buffer), which takes a few system calls. Any thread may call this function. */
void spead_recv_stream_stats(const struct spead_recv_stream *stream,
                             struct spead_recv_stats *stats);

/* Makes a snapshot of all statistics of the stream (snapshot.h), as they were after the last poll(): the ledger of the
 * whole stream ("seen.packets", "delivered.bytes", ...), the fields of struct spead_recv_counters under their names,
 * "hand_over_high_water", and the custom counters. All are of one moment, except hand_over_high_water and
 * port_out_of_buffer, which are read during the call. Returns 0 and gives *out to the caller, or -ENOMEM. Any thread may
 * call this function. */
int spead_recv_stream_snapshot(const struct spead_recv_stream *stream, struct spead_snapshot **out);

/* Notes a value in the custom counter of this index (its place in custom_counters): adds it to a counter of the mode SUM,
 * and treats the other modes as enum spead_statistic_mode says. It takes no lock and never blocks. Other threads see the
 * value after the next poll(), together with all that this poll has counted. An index past the last counter has no
 * effect. Owner thread: for example a callback that the stream calls, or a node of a pulled graph. */
void spead_recv_stream_count(struct spead_recv_stream *stream, uint32_t counter, uint64_t value);

/* Fills *ledger with the ledger of one source. Sets *name to the name of that source in the configuration
 * ("239.1.2.3:7148"), or to a name such as "mem:0" for a memory link. The name lives as long as the stream. ledger and
 * name may be NULL. Returns 0, or -ERANGE when `source` is past the last source. Any thread may call this function. */
int spead_recv_stream_source_stats(const struct spead_recv_stream *stream, uint32_t source,
                                   struct spead_recv_ledger *ledger, const char **name);

/* Sets *interface to the name of the interface on which create() joined the group of one source, or to which it bound
 * it. The name is "" if the source receives from all interfaces, or is a memory link. It lives as long as the stream.
 * Returns 0, or -ERANGE when `source` is past the last source. Any thread may call this function. */
int spead_recv_stream_source_interface(const struct spead_recv_stream *stream, uint32_t source,
                                       const char **interface);

/* Tells why a stream has ended. */
struct spead_recv_end {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    enum spead_recv_end_cause cause;
    /* The stop item that came last. If no stop item has come, `has_stop` is false and the next three fields have no
     * meaning. */
    bool has_stop;
    uint32_t stop_source;                    /* the endpoint at which the stop item came */
    struct spead_sender_address stop_sender; /* the sender that sent it */
    uint64_t stop_counter;                   /* the heap counter of its heap */
};
/* clang-format off */
#define SPEAD_RECV_END_INIT { .struct_size = sizeof(struct spead_recv_end) }
/* clang-format on */
/* Does what SPEAD_RECV_END_INIT does; `size` is sizeof *end. Any thread. See docs/abi.md. */
void spead_recv_end_init(struct spead_recv_end *end, size_t size);

/* Fills *end. The caller must have set end->struct_size by SPEAD_RECV_END_INIT. The caller may call this function only
 * when it knows that the stream has ended: poll() has returned a negative value, or take() has returned -ESHUTDOWN.
 * Any thread that knows it may call the function. */
void spead_recv_stream_end(const struct spead_recv_stream *stream, struct spead_recv_end *end);

/* What a stream knows of one sender. Heaps and their packets are counted when the heap ends: complete or not, and handed
 * over or not. Control heaps are not counted, nor packets that are in no heap (duplicate, late, malformed, ...). */
struct spead_recv_sender {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t source;      /* the endpoint at which the sender was heard; 0 in a joint stream */
    struct spead_sender_address address; /* where the sender's first packet came from */
    bool stopped;                        /* a stop item has come from the sender */
    uint64_t heaps_complete, heaps_incomplete;
    uint64_t restarts; /* how many further runs of the sender began */
    /* The time from the sender's last packet to the end of the stream; in spead_recv_stream_senders() to the call. */
    uint64_t silent_ns;
    uint64_t senders; /* how many senders this struct sums up: 1, except for forgotten senders */
    uint64_t packets; /* packets of heaps that have ended */
    uint64_t payload_bytes; /* payload of heaps that have ended */
    /* The sender's part in the counters of these names. It may fall, as they do. */
    uint64_t missing_packets, missing_heaps;
    /* When its first and its last packet were read: CLOCK_MONOTONIC at the beginning of the poll. */
    uint64_t first_packet_mono_ns, last_packet_mono_ns;
};
/* clang-format off */
#define SPEAD_RECV_SENDER_INIT { .struct_size = sizeof(struct spead_recv_sender) }
/* clang-format on */
/* Does what SPEAD_RECV_SENDER_INIT does; `size` is sizeof *sender. Any thread. See docs/abi.md. */
void spead_recv_sender_init(struct spead_recv_sender *sender, size_t size);

/* Fills *sender with what the stream knows of sender number `index` (0, 1, ...). The caller must have set
 * sender->struct_size by SPEAD_RECV_SENDER_INIT. The caller may call this function only when it may call
 * spead_recv_stream_end(). Returns 0, or -ERANGE if index is past the last sender. */
int spead_recv_stream_sender(const struct spead_recv_stream *stream, uint32_t index,
                             struct spead_recv_sender *sender);

/* Writes what the stream knows of its senders to senders[0], senders[1], ..., at most senders_max elements. The caller
 * must have set the struct_size of senders[0] by SPEAD_RECV_SENDER_INIT: it is the size of each element. `senders` may
 * be NULL if senders_max is 0. If `forgotten` is not NULL, it has its struct_size too, and gets the sums of the senders
 * that have lost their place to others (senders_max of the configuration); it has no address and no times.
 *
 * All of it is of one moment between two polls, the owner's last one or the one that ends during the call. If
 * senders_max suffices, the sums over all elements and *forgotten are at that moment:
 *   - missing_packets, missing_heaps: the counters of the stream with these names; restarts: `sender_restarts`;
 *     senders: `senders` + `senders_replaced`
 *   - heaps_complete + heaps_incomplete: all heaps that have ended and are not control heaps. The counters of the stream
 *     divide them further: handed over, shed, discarded.
 * A sender keeps its index until it loses its place; its last_packet_mono_ns shows whether it goes on.
 *
 * Returns how many senders the stream knows, which may be more than senders_max; -ENOMEM; or -EINVAL if a struct_size is
 * wrong. Any thread may call this function as long as the stream exists, but not a callback that the stream calls. The
 * owner thread takes no lock for it. The call may wait until the owner thread ends its poll, and until another caller
 * has finished. */
int spead_recv_stream_senders(struct spead_recv_stream *stream, struct spead_recv_sender *senders,
                              uint32_t senders_max, struct spead_recv_sender *forgotten);

/* A thread that runs a stream and is its owner thread. */
struct spead_recv_runner; /* opaque */

/* Starts a thread that does what run() does. The thread is pinned to CPU number `cpu`, or is not pinned if cpu < 0. The
 * call returns when the new thread has started the stream. Returns 0 and gives *out to the caller, -EINVAL (there is no
 * such CPU), -EBUSY (the stream was started before: it runs once), or the -errno with which the thread or the stream
 * failed to start. On failure *out is unchanged. The stream must outlive the runner. err
 * may be NULL. Any thread may call this function. */
int spead_recv_runner_start(struct spead_recv_runner **out, struct spead_recv_stream *stream,
                            int cpu, struct spead_err *err);

/* Waits until the thread of the runner has ended, frees the runner, and returns what run() would return. The thread
 * ends when the stream ends, so call spead_recv_stream_stop() first, or let a stop item end the stream. Writes the CPU
 * time of the thread to *cpu_ns, in nanoseconds. cpu_ns may be NULL. Any thread other than that of the runner may call
 * this function, once. */
int spead_recv_runner_join(struct spead_recv_runner *runner, uint64_t *cpu_ns);

#ifdef __cplusplus
}
#endif
#endif
