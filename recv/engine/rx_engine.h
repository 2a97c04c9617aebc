/* SPDX-License-Identifier: Apache-2.0 */
/* The contract between the core of a receive stream and its engine. The core decides what happens to packets; the
 * engine moves them.
 *
 * One engine instance serves all endpoints of a stream. Each endpoint is one source.
 *
 * poll() lends a burst to the core. The core may read the burst until it calls give_back(). At most one burst is lent
 * at a time.
 *
 * Payload is placed as follows. Before a poll the core may call reserve() to say where the payload of the next packets
 * should go. The engine numbers the reservations 0, 1, 2, ... in the order in which it accepts them, and ends them in
 * that order. When the core has processed the burst, the reservations with a number below burst.reservations_ended have
 * ended. Until a reservation has ended, the engine may write to its range. Until then the core must not touch the
 * range, must not move a packet to it, and must not hand over or free its heap. A packet with place = r has its payload
 * in range r. That payload may belong elsewhere: the core decodes every header, and moves each payload that landed in
 * the wrong range.
 *
 * An engine may receive through several queues (speadi_rx_facts.queues, a power of two). All packets of one sender to
 * one endpoint come through one queue. Only packets of one queue come in a known order. So each queue has reservations
 * of its own: those of queue q of n have the numbers q, q + n, q + 2n, ..., and end in this order, whatever the other
 * queues do. burst.reservations_ended has a number for each queue.
 *
 * Packets name their senders as follows. packet.from is the index of an entry in burst.from. Packets with the same
 * index have the same source, came from the same address and port, and came through the same queue. Different sources
 * never share an entry. Two entries of a source may be equal. The engine makes a new entry only if the sender or the
 * queue differs from the last entry of the same source. So all packets of a train have the same index. Every packet of a burst has an entry, also a packet that
 * is REFUSED, TRUNCATED or INJECTED_DROP. The functions of rx_from.h make the entries.
 *
 * All ranges lie in the heap memory. The core describes this memory to attach() before the first reserve(). The CPU may
 * be unable to touch this memory. In that case the engine does not touch it with the CPU either, and the pointers
 * speadi_rx_range.data and speadi_rx_packet.body are NULL. */
#ifndef SPEADI_RX_ENGINE_H
#define SPEADI_RX_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <speadline/error.h>
#include <speadline/heap.h>
#include <speadline/mem_link.h>
#include <speadline/recv.h>
#include <speadline/region.h>
#include <speadline/sender_address.h>
#include <speadline/stats.h>

#include <speadi/address.h>
#include <speadi/engine_list.h>

#define SPEADI_RX_SOURCES_MAX 64u
#define SPEADI_RX_BURST_MAX   1024u               /* at most this many packets are in one burst */
#define SPEADI_RX_FROM_MAX    SPEADI_RX_BURST_MAX /* at most this many entries name their senders */
#define SPEADI_RX_RESERVE_MAX \
    4096u /* at most this many reservations at a time, of all queues together */
#define SPEADI_RX_QUEUES_MAX 16u /* an engine has at most this many queues; a power of two */
/* An engine takes at most this many reservations at a time if it says nothing else (speadi_rx_facts.reserve_max). */
#define SPEADI_RX_RESERVE_USUAL 64u
#define SPEADI_RX_UNPLACED      UINT64_MAX

/* From this size of a packet on, path `auto` places payload: then it costs less CPU time to let the kernel or the device
 * place it than to copy it (docs/engines.md). */
#define SPEADI_RX_AUTO_PLACED_BYTES 4096u

/* Capability bits. */
enum {
    /* The engine can place payload: it has the operation reserve(). */
    SPEADI_RX_CAP_PLACED = 1u << 0,
    /* The sources of the engine lose no packet while the core does not poll. So the user may set the option on_full =
     * block. */
    SPEADI_RX_CAP_LOSSLESS = 1u << 1,
    /* The engine posts receives ahead: a reservation may stay outstanding over several polls, and as many are
     * outstanding as placed_window allows. Without this bit only the reservations of one receive are outstanding. */
    SPEADI_RX_CAP_AHEAD = 1u << 2,
    /* attach() registers the heap memory with a device. Until close() no page of this memory may go back to the
     * kernel. */
    SPEADI_RX_CAP_PINS = 1u << 3,
    /* The engine can place payload into memory that the CPU cannot touch. */
    SPEADI_RX_CAP_DEVICE = 1u << 4,
};

/* Packet flags. */
enum {
    /* The fault decorator dropped this packet. The core counts it and does not read it. */
    SPEADI_RX_INJECTED_DROP = 1u << 0,
    /* Head, body and tail together hold less than the datagram, or less than the train. The core does not decode this
     * packet. */
    SPEADI_RX_TRUNCATED = 1u << 1,
    /* The engine refused the frame. The core counts it in `bucket` and does not read it. */
    SPEADI_RX_REFUSED = 1u << 2,
};

/* Who sent a packet to an endpoint. */
struct speadi_rx_from {
    /* The address and port from which the packet came. If the engine does not know them, sender.known is false and they
     * are 0. There are two reasons for that. The first: the source has no addresses, for example a memory link. Then
     * all packets of the source are of one sender. The second: the packet is REFUSED or TRUNCATED, and the engine could
     * not read its addresses. */
    struct spead_sender_address sender;
    uint16_t source; /* index of the endpoint */
    uint16_t queue;  /* index of the queue through which the packets came */
};

struct speadi_rx_packet {
    /* The first bytes of the datagram, in one piece. */
    const uint8_t *head;
    /* The bytes behind head. body is NULL when head holds the whole datagram. body is also NULL when these bytes lie in
     * the range of `place` and the CPU cannot touch them; in that case body_bytes is not 0. */
    const uint8_t *body;
    uint32_t head_bytes;
    uint32_t body_bytes;
    /* The length of the datagram as it was sent: head, body and tail together, or more if TRUNCATED. */
    uint32_t datagram_bytes;
    /* speadi_rx_packet_kind() reads the 8 bytes from here to `segments`. */
    uint16_t source;   /* index of the endpoint */
    uint16_t from;     /* index of the sender in burst.from; less than burst.from_count */
    uint8_t flags;     /* SPEADI_RX_INJECTED_DROP, _TRUNCATED, _REFUSED */
    uint8_t bucket;    /* enum spead_recv_bucket if the packet is REFUSED; else 0 */
    uint16_t segments; /* 1; in a TRUNCATED train, the number of its datagrams */
    /* A placed packet may be longer than its range. Then `tail` points to the tail_bytes bytes behind the body; else
     * `tail` is NULL. */
    uint32_t tail_bytes;
    const uint8_t *tail;
    uint64_t time_ns; /* arrival time, by the clock that speadi_rx_burst.clock names */
    uint64_t place;   /* the reservation whose range holds body, or SPEADI_RX_UNPLACED */
};

_Static_assert(sizeof(struct speadi_rx_packet) <= 64, "a packet fits into one cache line");
_Static_assert(offsetof(struct speadi_rx_packet, segments) -
                       offsetof(struct speadi_rx_packet, source) ==
                   6,
               "the kind of a packet is one word");

/* Returns one word that is equal for two packets if they have the same source, sender, flags, bucket and segments. One
 * comparison saves 9 instructions a packet. */
static inline uint64_t speadi_rx_packet_kind(const struct speadi_rx_packet *packet)
{
    uint64_t kind;

    memcpy(&kind, (const uint8_t *)packet + offsetof(struct speadi_rx_packet, source), sizeof kind);
    return kind;
}

struct speadi_rx_burst {
    struct speadi_rx_packet packet[SPEADI_RX_BURST_MAX];
    unsigned count;
    /* For each queue, the number of its first reservation that has not ended; see the top of this file. If there is one
     * queue, this is how many reservations have ended since open(). */
    uint64_t reservations_ended[SPEADI_RX_QUEUES_MAX];
    /* The clock of speadi_rx_packet.time_ns. An engine whose times are not UTC sets it in each poll. */
    enum spead_clock clock;
    /* A bound of the error of these times, in nanoseconds; UINT64_MAX if nobody knows. 0 means that the engine has read
     * CLOCK_REALTIME in this poll, after it found the packets: then the core knows the bound. An engine that brings a
     * clock of its own (`now`) need not set it; the bound is not known then. */
    uint64_t clock_error_ns;
    /* The senders of the packets. Only the first from_count entries are set. */
    struct speadi_rx_from from[SPEADI_RX_FROM_MAX];
    unsigned from_count;
    /* For each source, the index of the entry that was added last for it. Only rx_from.c uses this array. An index may
     * be left over from an earlier burst, so it is compared with from_count and with the entry. */
    uint16_t from_last[SPEADI_RX_SOURCES_MAX];
};

/* A place for one packet's payload. */
struct speadi_rx_range {
    /* NULL if the CPU cannot touch the range. Only an engine with SPEADI_RX_CAP_DEVICE gets such a range. */
    uint8_t *data;
    /* Where the range begins, in bytes from the start of the memory that attach() got. */
    uint64_t offset;
    uint32_t bytes;
};

/* Packets that have come and that poll() has not lent when the stream ends. */
struct speadi_rx_unread {
    struct spead_count count; /* the packets that were counted, and the bytes of their datagrams */
    /* How many bytes of kernel memory hold packets that still wait and are not counted. */
    uint64_t memory_bytes;
};

/* Adds the packets of a burst. */
static inline void speadi_rx_unread_add(struct speadi_rx_unread *unread,
                                        const struct speadi_rx_burst *burst)
{
    for (unsigned i = 0; i < burst->count; i++) {
        unread->count.packets += burst->packet[i].segments;
        unread->count.bytes += burst->packet[i].datagram_bytes;
    }
}

struct speadi_rx_counters {
    /* packets that the kernel dropped at all sockets together (SO_MEMINFO) */
    uint64_t kernel_drops;
    uint64_t messages;   /* number of receives that returned data */
    uint64_t sleeps;     /* number of wait() calls that slept */
    uint64_t rebuilds;   /* number of queues that failed and were made again */
    uint64_t rebuild_ns; /* how long the engine could not receive because of that */
    /* number of tries to make a queue again that failed and were repeated */
    uint64_t rebuild_failures;
    uint64_t link_downs; /* how many times the port went down */
    /* Bytes of address space that the engine allocated in addition to its state `self`. This number does not change
     * after open(). */
    uint64_t memory_bytes;
    /* The parts of kernel_drops whose cause is known: a wrong UDP checksum, a full buffer, the filter for one sender.
     * Together they are at most kernel_drops. */
    uint64_t checksum_drops, buffer_drops, filtered_drops;
    uint64_t unverified; /* packets that were accepted although nobody has checked their checksum */
    uint64_t rejoins;    /* how many times an endpoint was joined or bound to its interface again */
    /* For each queue, the number of packets that were lent; counted if the engine has several queues. */
    uint64_t packets_by_queue[SPEADI_RX_QUEUES_MAX];
};

/* The configuration with which an engine is opened. usable() and open() borrow all pointers until they return. open()
 * takes a reference to each link. All endpoints of a stream are of one kind, so exactly one of addresses, links and
 * texts is set. The array that is set has count elements. */
struct speadi_rx_config {
    const struct speadi_address *addresses; /* set if the endpoints are SPEAD_ENDPOINT_UDP */
    struct spead_mem_link *const *links;    /* set if the endpoints are SPEAD_ENDPOINT_MEM_LINK */
    const char *const *texts;               /* set if the endpoints are SPEAD_ENDPOINT_TEXT */
    uint32_t count;
    /* The interface of all endpoints. NULL or index 0 means any interface. */
    const struct speadi_interface *interface;
    /* If the endpoints have different interfaces: an array of `count` interfaces, which count instead of `interface`.
     * Else NULL. */
    const struct speadi_interface *interfaces;
    /* The engine lends only packets that come from this address, which has the IP version of `addresses`. If it is
     * NULL, the engine lends the packets of all senders. */
    const struct speadi_address *sender;
    uint32_t socket_buffer_bytes;
    uint32_t packet_bytes_max;    /* the engine may lend a longer datagram as TRUNCATED */
    enum spead_receive_path path; /* with SPEAD_PATH_BOUNCE the core never calls reserve() */
    /* At most this many reservations at a time, of all queues together; 0 means no limit. Each queue may have one. */
    uint32_t placed_window;
    /* True if the engine will not be started: attach() must answer, but must not register the memory. */
    bool plan_only;
    /* The options for all engines, as the user gave them to the stream. speadi_rx_engine_open() finds the options of
     * this engine among them and stores them in `options`. */
    const struct spead_engine_options *engine_options;
    const struct spead_engine_options *options; /* NULL means the defaults of the engine */
    const struct spead_log *log;
};

/* Returns the interface of endpoint i, or NULL. */
static inline const struct speadi_interface *speadi_rx_interface(
    const struct speadi_rx_config *config, uint32_t i)
{
    return config->interfaces ? &config->interfaces[i] : config->interface;
}

/* What the core knows about an engine only after open(). */
struct speadi_rx_facts {
    uint32_t buffer_bytes;     /* real buffer size of the first socket; 0 without a socket */
    uint32_t packet_bytes_max; /* length of the longest packet that can come; 0 means no limit */
    /* True if the options asked for busy polling. Then wait() returns immediately, and the core does not sleep to
     * coalesce packets. */
    bool busy;
    /* For each endpoint, the name of the interface on which its group was joined, or to which it was bound; "" if it
     * receives from all interfaces. */
    char interface[SPEADI_RX_SOURCES_MAX][IF_NAMESIZE];
    /* Text for people: how the queues of the engine were set up, and why. It also tells if packets are accepted whose
     * checksums nobody checks. "" if there is nothing to say. */
    char shape[320];
    /* The file in which the device counts the frames that found no posted receive, as a path of sys_file.h; "" if the
     * engine has no device. The device may have no such file. */
    char out_of_buffer[128];
    /* At most this many receives are posted at a time; 0 if the engine does not say. */
    uint32_t receives;
    /* Size of the memory that posted receives of a device fill, of all of them together; 0 without a device. */
    uint32_t posted_bytes;
    /* At most this many reservations of each queue are outstanding at a time; 0 means SPEADI_RX_RESERVE_USUAL. */
    uint32_t reserve_max;
    /* At most this many packets of a burst are placed; 0 means as many as there are reservations. */
    uint32_t burst_max;
    /* Through so many queues packets come: a power of two, at most SPEADI_RX_QUEUES_MAX; 0 means one. An engine with
     * several queues accepts reservations only if the stream has one endpoint. */
    uint32_t queues;
};

/* Returns the number of queues of an engine. */
static inline uint32_t speadi_rx_queues(const struct speadi_rx_facts *facts)
{
    return facts->queues > 0 ? facts->queues : 1;
}

struct speadi_rx_engine_ops {
    struct speadi_engine_about about; /* must be the first member */
    size_t state_size;                /* bytes of `self`, which the core allocates and zeroes */
    uint32_t caps;                    /* SPEADI_RX_CAP_* bits */

    /* Control plane; any thread may call it. Tells whether a stream with this configuration could use the engine on
     * this machine now. If config is NULL, tells whether any stream could. Returns 0, or -errno with a sentence that
     * names what is missing. It may load libraries and open things as a trial, and leaves nothing open. If an engine
     * sets `usable` to NULL, the engine is always usable. */
    int (*usable)(const struct speadi_rx_config *config, struct spead_err *err);

    /* Control plane: may block, allocate and log. The caller must call close() even after a failed open(). After a
     * successful open() the sockets are bound and have joined their groups. The caller must zero *facts before the
     * call, and open() sets the fields that it knows. Returns 0, or -errno with a sentence. */
    int (*open)(void *self, const struct speadi_rx_config *config, struct speadi_rx_facts *facts,
                struct spead_err *err);
    void (*close)(void *self);

    /* Control plane. Tells the engine where the heap memory lies. The core calls attach() once, after open() and before
     * start(), but not if the stream will place nothing. All ranges that reserve() gets will lie in this memory, which
     * stays valid until close(). An engine with SPEADI_RX_CAP_PINS registers the memory with its device. Returns 0, or
     * -errno with a sentence that tells what to do; the engine still works after a failure, but without reservations.
     * An engine that has nothing to do sets `attach` to NULL. */
    int (*attach)(void *self, const struct spead_region_info *memory, struct spead_err *err);

    /* Prepares the engine for the first poll. The owner thread calls start() once. Returns 0, or -errno with a
     * sentence. An engine that has nothing to do sets `start` to NULL. */
    int (*start)(void *self, struct spead_err *err);

    /* Data path: never blocks. Only the owner thread calls it. Fills *burst and returns burst->count. The core zeroes
     * *burst once, before the first poll, and passes the same struct to every poll. Returns 0 when no packet was there:
     * in that case nothing is lent, but burst->reservations_ended is set. Returns -ESHUTDOWN when all sources have
     * ended (such as closed memory links that have been read to their end). Returns another -errno when the stream
     * cannot continue. give_back() ends the loan of the burst. */
    int (*poll)(void *self, struct speadi_rx_burst *burst);
    void (*give_back)(void *self, struct speadi_rx_burst *burst);

    /* Only the owner thread calls it. Offers ranges for the payloads of the next packets of `source` that come through
     * this queue, in this order. The core expects that each of these packets has head_bytes bytes before its payload. The engine accepts some
     * ranges from the beginning of the array, or none now, and returns how many. The core calls reserve() only if no
     * burst is lent and the queue has fewer than its share of SPEADI_RX_RESERVE_MAX reservations outstanding. If the engine posts receives ahead,
     * the core may call it several times before a poll, for ranges of several heaps. */
    unsigned (*reserve)(void *self, uint16_t source, uint16_t queue, uint32_t head_bytes,
                        const struct speadi_rx_range *ranges, unsigned count);

    /* Only the owner thread calls it. Returns the number of receives that are posted to this queue without a
     * reservation. The next packets of the queue first use up these receives and the earlier reservations. Only the
     * packets after them land in the ranges that reserve() accepts now. An engine that never has such receives sets `ahead` to NULL. */
    unsigned (*ahead)(void *self, uint16_t queue);

    /* Only the owner thread calls it. Takes all outstanding reservations back: the engine cancels the posted receives
     * and waits until they have completed. So it may block for the time of a cancellation. The next poll() lends the
     * packets that came during this time, and reports every reservation as ended. If packets would be lost meanwhile,
     * the engine sets `unreserve` to NULL: then a reservation ends only when a packet lands in its range, or when the
     * engine has failed. */
    void (*unreserve)(void *self);

    /* Only the owner thread calls it. Sleeps until poll() may have packets, until wake() is called, or until
     * deadline_ns has passed. deadline_ns is a time of CLOCK_MONOTONIC; UINT64_MAX means no limit. wait() may also
     * return earlier. */
    void (*wait)(void *self, uint64_t deadline_ns);

    /* Any thread and any signal handler may call it. Makes a running wait() return. If no wait() is running, the next
     * one returns immediately. */
    void (*wake)(void *self);

    /* Data path; only the owner thread calls it. Returns the time by which heaps age, in ns. This time never goes back,
     * and it changes only inside poll(). An engine without a clock of its own sets `now` to NULL; then the core uses
     * its reading clock (recv_stream.h). In an engine that reads a capture, the packets have a time of their own. Such
     * an engine returns the time up to which it has lent all packets. The core calls now() once in a poll and again
     * after each burst. For the core all packets of a burst come at that time. So if a packet comes much later than the
     * packet before it, the engine must end the burst between the two. Else the core does not notice the silence. With
     * this time the core decides when a heap times out (heap_timeout_ns) and when it forgets a finished heap. The core
     * lets heaps time out only after a poll() that lent nothing, because a packet that is still to be read has not been
     * lost.
     *
     * All other times are times of the host, because a thread waits for them: the deadline of wait(), stop_drain_ns,
     * coalesce_ns, and the time between two readings of the counters. If the engine has a clock, the core does not wake
     * up by itself to end old heaps. So wait() must return when the next poll() would move the clock, even if there is
     * no packet. */
    uint64_t (*now)(void *self);

    /* Only the owner thread calls it. Returns how full the fullest source is, 0 to 1: the part of its buffer that holds
     * packets which no poll() has lent yet. The core calls it at most once in a poll, and only while the consumer has
     * no room for heaps. An engine that cannot tell sets `fill` to NULL; then the core never pauses reading. */
    double (*fill)(void *self);

    /* Prepares the engine for its end. The owner thread calls quiesce() once, when the stream stops. After that the core
     * makes no reservations. An engine with unreserve() takes all reservations back, and no receive is in flight when
     * poll() returns. An engine without unreserve() goes on receiving, and its reservations stay outstanding. The core
     * then polls until the source is empty. A decorator that has held packets back lends all of them in these polls
     * without further delay. */
    void (*quiesce)(void *self);

    /* Only the owner thread calls it, after quiesce(), when the stream reads nothing more and its memory cannot be
     * exchanged. Closes the queue: no receive writes any more, and all reservations have ended. poll() may still lend
     * packets that came before; they are only counted. An engine with unreserve() does not need it and sets `halt` to
     * NULL. */
    void (*halt)(void *self);

    /* Only the owner thread calls it, after quiesce() and after the last poll(), when the time for draining is over.
     * Counts packets that have come and that poll() has not lent, and adds them to *unread; the caller zeroes *unread
     * before the first call. The engine discards what it has counted, if the source of the packets ends with the stream
     * anyway. One call does a bounded part of the work. `scratch` is an empty burst that the engine may use. Returns
     * true if the core should call again, because packets still wait. If an engine sets `unread` to NULL, the core
     * counts by poll() instead. */
    bool (*unread)(void *self, struct speadi_rx_burst *scratch, struct speadi_rx_unread *unread);

    /* Only the owner thread calls it, between two polls, at most about once in a millisecond. Does what is rarely due:
     * looks whether interfaces have gone or come back. If that may have happened, wait() returns. An engine that has
     * nothing to do sets `refresh` to NULL. */
    void (*refresh)(void *self);

    /* Fills *counters. The owner thread calls this operation. The core also calls it once after open(). */
    void (*counters)(void *self, struct speadi_rx_counters *counters);
};

/* The descriptions of all receive engines of this library, ordered by name; NULL ends the list. Each description is the
 * first member of a table of operations, which is named speadi_rx_engine_<name> and is defined in rx_<name>.c. */
extern const struct speadi_engine_about *const speadi_rx_engines[];

/* Returns the engine of that name, or NULL if there is none. */
const struct speadi_rx_engine_ops *speadi_rx_engine_find(const char *name);

/* Chooses an engine by its name or by "auto" (docs/engines.md tells the order and why), and opens it. If name is NULL,
 * it means "auto". On success *ops is the table of operations of the engine, and *state is the pointer that the core
 * passes as self. After close() the core calls free(*state). reason gets one line for people: why this engine was
 * chosen. Returns 0, or -errno with a sentence; *ops and *state are untouched then. */
int speadi_rx_engine_open(const struct speadi_rx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_rx_config *config,
                          char reason[SPEADI_ENGINE_REASON_MAX], struct speadi_rx_facts *facts,
                          struct spead_err *err);

/* Wraps an open engine in the fault decorator, which then owns the inner engine: close() of the decorator closes both.
 * The decorator keeps the contract above and has the capabilities of the inner engine. fault is a specification such as
 * "loss=0.1" (see speadi/fault.h). Returns 0 and replaces *ops and *state. Else returns -errno with a sentence and
 * leaves the engine unchanged. */
int speadi_rx_engine_wrap_fault(const struct speadi_rx_engine_ops **ops, void **state,
                                const char *fault, struct spead_err *err);

#endif
