/* The receive engine contract: the core owns policy, an engine moves packets.
 *
 * A burst is a *loan*: what poll() lends is valid until give_back() of that burst, and there is never
 * more than one burst out. One engine instance serves all endpoints of a stream; each is a source.
 *
 * Placed receive. Before a poll the core may reserve() where the payload of the next packets should
 * go. The engine numbers reservations 0, 1, 2, ... in order of acceptance and ends them in that order:
 * burst.reservations_ended says how many have ended in all, once the burst is processed. A range is the
 * engine's to write until its reservation has ended, and the core does not touch it, move a packet onto
 * it, or let its heap go. A packet with place = r has its payload in range r, whatever payload that is:
 * every header is decoded, and the core moves what landed in the wrong place.
 *
 * Ranges lie in the heap memory, which the core shows to attach() before the first reserve(). It may be
 * memory that the CPU cannot touch: then the engine, too, must never touch it, and data and body are NULL. */
#ifndef SPEADI_RX_ENGINE_H
#define SPEADI_RX_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/heap.h>
#include <speadline/mem_link.h>
#include <speadline/recv.h>
#include <speadline/region.h>

#include <speadi/address.h>
#include <speadi/engine_list.h>

#define SPEADI_RX_SOURCES_MAX 64u
#define SPEADI_RX_BURST_MAX   1024u /* packets in one burst */
#define SPEADI_RX_RESERVE_MAX 64u   /* reservations outstanding at a time */
#define SPEADI_RX_UNPLACED    UINT64_MAX

/* Capability bits. */
enum {
    SPEADI_RX_CAP_PLACED = 1u << 0,   /* implements reserve/unreserve */
    SPEADI_RX_CAP_LOSSLESS = 1u << 1, /* its source can wait: on_full = block is allowed */
    SPEADI_RX_CAP_AHEAD = 1u << 2,    /* posts ahead: reservations stay outstanding over polls, as
                                         many as the stream's window allows (else one receive's) */
    SPEADI_RX_CAP_PINS = 1u << 3,     /* attach() registers the heap memory with a device: none of
                                         it may be given back to the system meanwhile */
    SPEADI_RX_CAP_DEVICE = 1u << 4,   /* places payload into memory that the CPU cannot touch */
};

/* Packet flags. */
enum {
    /* Dropped by the fault decorator: count it, do not read it. */
    SPEADI_RX_INJECTED_DROP = 1u << 0,
    /* Head + body + tail hold less than the datagram(s): do not decode. */
    SPEADI_RX_TRUNCATED = 1u << 1,
    SPEADI_RX_REFUSED = 1u << 2, /* the frame is none to read; `bucket` says why */
};

struct speadi_rx_packet {
    const uint8_t *head; /* first bytes of the datagram, contiguous */
    const uint8_t *body; /* the rest of it; NULL when head holds everything, or when the rest (then
                            body_bytes > 0) lies in range `place`, which the CPU cannot touch */
    uint32_t head_bytes;
    uint32_t body_bytes;
    uint32_t datagram_bytes; /* true length; head + body + tail unless TRUNCATED */
    uint16_t source;         /* index of the endpoint */
    uint8_t flags;
    uint8_t bucket;      /* enum spead_recv_bucket of a refused frame */
    uint32_t segments;   /* 1; a truncated super-packet counts all its segments here */
    uint32_t tail_bytes; /* of a placed packet that is longer than its range ... */
    const uint8_t *tail; /* ... the rest, behind body; else NULL */
    uint64_t time_ns;    /* when it came, in the engine's clock */
    uint64_t place;      /* reservation in whose range body lies, or SPEADI_RX_UNPLACED */
};

struct speadi_rx_burst {
    struct speadi_rx_packet packet[SPEADI_RX_BURST_MAX];
    unsigned count;
    uint64_t reservations_ended; /* of all accepted so far; see above */
};

/* A place for one packet's payload. */
struct speadi_rx_range {
    uint8_t *data;   /* NULL: the CPU cannot touch it (only with SPEADI_RX_CAP_DEVICE) */
    uint64_t offset; /* the same place, counted in the memory of attach() */
    uint32_t bytes;
};

struct speadi_rx_counters {
    uint64_t kernel_drops; /* all sockets, SO_MEMINFO; absolute */
    uint64_t messages;     /* receives that returned data */
    uint64_t sleeps;       /* wait() calls that slept */
    uint64_t rebuilds;     /* queues that failed and were made anew */
    uint64_t link_downs;   /* times that the port went down */
    uint64_t memory_bytes; /* allocated beside `self`, address space included; fixed by open() */
};

/* Pointers are borrowed by usable() and open(), unless it says otherwise. Of the three kinds of endpoint a stream has
 * one, and the engine that it gets is of that kind. */
struct speadi_rx_config {
    const struct speadi_address *addresses; /* SPEAD_ENDPOINT_UDP: count of them */
    /* SPEAD_ENDPOINT_MEM_LINK: count of them; the engine takes references. */
    struct spead_mem_link *const *links;
    const char *const *texts; /* SPEAD_ENDPOINT_TEXT: count of them */
    uint32_t count;
    const struct speadi_interface *interface;
    const struct speadi_address *sender; /* nobody else's packets are lent; NULL: all are. Of the
                                            addresses' IP version; borrowed by open() */
    uint32_t socket_buffer_bytes;
    uint32_t packet_bytes_max;    /* longer datagrams may be lent truncated */
    enum spead_receive_path path; /* BOUNCE: reserve() will never be called */
    uint32_t placed_window; /* reservations outstanding at a time, at most; 0: all there are */
    /* The stream's options for engines, of which the list of engines looks up this one's own. */
    const struct spead_engine_options *engine_options;
    const struct spead_engine_options *options; /* NULL: the engine's defaults */
    const struct spead_log *log;
};

/* What is known of an engine only once it is open. */
struct speadi_rx_facts {
    uint32_t buffer_bytes;     /* effective socket buffer, of the first socket; 0: none */
    uint32_t packet_bytes_max; /* longer packets cannot come; 0: the engine sets no limit */
    enum spead_clock clock;    /* of packet.time_ns */
    bool busy;      /* wait() returns at once, as was asked for: no sleeping beside it either */
    char shape[80]; /* what became of wishes for its queues, for people; "": there were none */
};

struct speadi_rx_engine_ops {
    struct speadi_engine_about about; /* first */
    size_t state_size;                /* bytes the core allocates, zeroed, and passes as `self` */
    uint32_t caps;

    /* Control plane, any thread: whether a stream with this configuration could use the engine here and now; config
     * NULL: whether any stream could. Returns 0, or -errno with a sentence that names what is missing. May load
     * libraries and try things out, and leaves nothing open. NULL: always usable. */
    int (*usable)(const struct speadi_rx_config *config, struct spead_err *err);

    /* Control plane: may block, allocate, log. A failed open() leaves `self` safe for close().
     * After open() the sockets are bound and joined; *facts, zeroed before, says what came of it. */
    int (*open)(void *self, const struct speadi_rx_config *config, struct speadi_rx_facts *facts,
                struct spead_err *err);
    void (*close)(void *self);

    /* Control plane, once, after open() and before start(), unless nothing will be placed: all ranges of
     * reserve() will lie in this memory, which stays until close(). An engine with CAP_PINS registers
     * it; a failure says what to do, and leaves an engine that works without reservations. NULL: nothing
     * to do. */
    int (*attach)(void *self, const struct spead_region_info *memory, struct spead_err *err);

    /* Owner thread, once, before the first poll. NULL: nothing to do. */
    int (*start)(void *self, struct spead_err *err);

    /* Data plane, owner thread only, never blocks. Fills *burst and returns burst->count: 0 when the
     * source was found empty (then nothing is lent, but reservations_ended is set), -errno when the
     * stream cannot continue, -ESHUTDOWN when the source has ended (a closed memory link, all read). */
    int (*poll)(void *self, struct speadi_rx_burst *burst);
    void (*give_back)(void *self, struct speadi_rx_burst *burst);

    /* Offers places for the payloads of the next packets of `source`, in order; each packet is expected
     * to have head_bytes before its payload. Returns how many of the count ranges were accepted (0: not
     * now). Never called while a burst is out, nor with more than SPEADI_RX_RESERVE_MAX outstanding. */
    unsigned (*reserve)(void *self, uint16_t source, uint32_t head_bytes,
                        const struct speadi_rx_range *ranges, unsigned count);

    /* How many packets will come before one that lands in what reserve() accepts now, reservations not
     * counted: receives posted without any. NULL: none. */
    unsigned (*ahead)(void *self);

    /* Takes all outstanding reservations back: posted receives are cancelled and their completion
     * awaited. Packets that came meanwhile are lent by the next poll(), which also reports every
     * reservation as ended. May block for the time of a cancellation. */
    void (*unreserve)(void *self);

    /* Owner thread: sleeps until poll() may have something, wake(), or deadline_ns (CLOCK_MONOTONIC;
     * UINT64_MAX: no limit). Spurious returns are fine. */
    void (*wait)(void *self, uint64_t deadline_ns);

    /* Any thread and signal handlers: makes the current or next wait() return. */
    void (*wake)(void *self);

    /* Data plane, owner thread: the time by which heaps age, in ns; it never goes back. NULL: the host's CLOCK_MONOTONIC.
     * For an engine whose packets have a time of their own, such as one that reads a capture: it is the time up to which
     * everything has been lent, and moves by poll(). The core asks once a poll and again after each burst. By it the core
     * judges heap_timeout_ns (heaps are judged only after a poll() that lent nothing, for packets that wait are not
     * late) and how long it remembers finished heaps. Everything else is the host's time, because somebody waits for it:
     * deadlines of wait(), stop_drain_ns, gather_ns, and how often counters are read. wait() gets no deadline for a
     * heap's age: an engine whose clock can move on without packets returns from wait() when it has. */
    uint64_t (*now)(void *self);

    /* Owner thread, when the stream stops: takes all reservations back as unreserve() does, and posts no
     * receive that could still be under way when poll() returns. Polls follow until the source is empty;
     * they lend at once what an engine held back. */
    void (*quiesce)(void *self);

    /* Owner thread; the core also asks once after open(). */
    void (*counters)(void *self, struct speadi_rx_counters *counters);
};

/* The tables of operations of all engines of this library; each is speadi_rx_engine_<name>, in its folder's rx_<name>.c.
 * NULL-terminated, by name. */
extern const struct speadi_engine_about *const speadi_rx_engines[];

/* NULL: there is none. */
const struct speadi_rx_engine_ops *speadi_rx_engine_find(const char *name);

/* Picks by name or "auto" (order and reason: docs/engines.md), and opens. *state is what the core must
 * pass as self and free() after close(). reason gets one line for people. */
int speadi_rx_engine_open(const struct speadi_rx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_rx_config *config, char reason[256],
                          struct speadi_rx_facts *facts, struct spead_err *err);

/* Wraps an open engine in the fault decorator. The decorator owns the inner engine from then on:
 * closing the one closes the other. Same contract, same capabilities. */
int speadi_rx_engine_wrap_fault(const struct speadi_rx_engine_ops **ops, void **state,
                                const char *fault, struct spead_err *err);

#endif
