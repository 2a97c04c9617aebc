/* The send engine contract: the core decides what and when, an engine moves packets.
 *
 * send() takes packets in order, reap() reports them done in the same order. A taken packet (its struct,
 * iovecs, headers and payload) stays as it is until it is reaped. */
#ifndef SPEADI_TX_ENGINE_H
#define SPEADI_TX_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadline/error.h>
#include <speadline/mem_link.h>
#include <speadline/send.h>

#include <speadi/address.h>
#include <speadi/engine_list.h>

#define SPEADI_TX_DESTINATIONS_MAX 64u

/* A packet is its header and at most this many pieces of payload. The packetiser copies a packet of more, smaller, pieces
 * behind its header, because the kernel takes no more than 1024 iovecs a message. */
#define SPEADI_PACKET_PIECES_MAX 16u
#define SPEADI_PACKET_IOVECS_MAX (1u + SPEADI_PACKET_PIECES_MAX)

/* One packet. Where the iovecs of consecutive packets lie back to back in one array, an engine can pass
 * a run of equal packets to the kernel as one message. */
struct speadi_tx_packet {
    const struct iovec *iov;
    uint32_t bytes; /* sum of its iovecs */
    uint16_t iov_count;
    uint16_t destination;
};

/* "The next `packets` packets in order are done, with this error" (0 or -errno). */
struct speadi_tx_done {
    uint32_t packets;
    int error;
};

/* The error of packets that the fault decorator dropped: they count as injected, not as failed. */
#define SPEADI_TX_INJECTED (-4096)

/* Capability bits. */
enum {
    SPEADI_TX_CAP_DEVICE = 1u << 0,   /* sends from memory that the CPU cannot read */
    SPEADI_TX_CAP_PACES = 1u << 1,    /* can be told to keep the rate itself: hardware_rate */
    SPEADI_TX_CAP_SEGMENTS = 1u << 2, /* can be told to have a device segment: hardware_tso */
};

struct speadi_tx_counters {
    uint64_t messages;     /* super-packets given to the kernel */
    uint64_t batches;      /* system calls or doorbells that carried them */
    uint64_t memory_bytes; /* allocated beside `self`, address space included; fixed by open() */
    /* Late refusals (ECONNREFUSED, EHOSTUNREACH by ICMP); the sends were repeated. */
    uint64_t icmp_unreachable;
    uint64_t rebuilds;        /* queues that failed and were made anew */
    uint64_t link_downs;      /* times that the port went down */
    uint64_t neighbours_lost; /* times that a next hop stopped answering */
    uint64_t copied_bytes;    /* payload that had to be copied into registered memory */
};

/* Pointers are borrowed by usable() and open(), unless it says otherwise. A stream has addresses or links, and the engine
 * that it gets sends to such. */
struct speadi_tx_config {
    const struct speadi_address *addresses; /* SPEAD_ENDPOINT_UDP: count of them */
    struct spead_mem_link *const *links;    /* SPEAD_ENDPOINT_MEM_LINK: count of them; the engine
                                               takes references */
    uint32_t count;
    const struct speadi_interface *interface;
    uint32_t socket_buffer_bytes;
    uint32_t multicast_ttl;
    uint32_t packet_bytes_max;
    uint32_t train_bytes_max; /* a super-packet is never longer: the pacer's burst; >= one packet */
    double rate_bytes_per_s;  /* for an engine that paces: 0: none */
    enum spead_rate_of rate_of;
    bool hardware_rate; /* it is the engine that paces; only with SPEADI_TX_CAP_PACES */
    bool hardware_tso;  /* its device segments; only with SPEADI_TX_CAP_SEGMENTS */
    const struct spead_send_memory *memory;
    uint32_t memory_count;
    /* The stream's options for engines, of which the list of engines looks up this one's own. */
    const struct spead_engine_options *engine_options;
    const struct spead_engine_options *options; /* NULL: the engine's defaults */
    const struct spead_log *log;
};

struct speadi_tx_engine_ops {
    struct speadi_engine_about about; /* first */
    size_t state_size;                /* bytes the core allocates, zeroed, and passes as `self` */
    uint32_t caps;

    /* Control plane, any thread: whether a stream with this configuration could use the engine here and now; config
     * NULL: whether any stream could. Returns 0, or -errno with a sentence that names what is missing. May load
     * libraries and try things out, and leaves nothing open. NULL: always usable. */
    int (*usable)(const struct speadi_tx_config *config, struct spead_err *err);

    /* Control plane: may block, allocate, log. A failed open() leaves `self` safe for close(). */
    int (*open)(void *self, const struct speadi_tx_config *config, uint32_t *buffer_bytes,
                struct spead_err *err);
    void (*close)(void *self);

    /* Owner thread, once, before the first send. NULL: nothing to do. */
    int (*start)(void *self, struct spead_err *err);

    /* Owner thread, never blocks. Takes the first packets of the array and returns how many (0: no room
     * now, wait()), or -errno when the transport has failed for good. An error that concerns single
     * packets (EMSGSIZE) is not returned here: these packets are taken and reaped with it. */
    int (*send)(void *self, const struct speadi_tx_packet *packets, unsigned count);

    /* Owner thread, never blocks: fills at most max records; returns how many. */
    unsigned (*reap)(void *self, struct speadi_tx_done *done, unsigned max);

    /* Owner thread: sleeps until send() or reap() may do more, wake(), or deadline_ns (CLOCK_MONOTONIC;
     * UINT64_MAX: no limit). for_room: false when only wake() or the deadline matter. */
    void (*wait)(void *self, uint64_t deadline_ns, bool for_room);

    /* Any thread and signal handlers: makes the current or next wait() return. */
    void (*wake)(void *self);

    /* Owner thread: cancels what is still under way; after it reap() reports everything taken. */
    void (*quiesce)(void *self);

    void (*counters)(void *self, struct speadi_tx_counters *counters);
};

/* The tables of operations of all engines of this library; each is speadi_tx_engine_<name>, in its folder's tx_<name>.c.
 * NULL-terminated, by name. */
extern const struct speadi_engine_about *const speadi_tx_engines[];

/* Picks by name or "auto" (order and reason: docs/engines.md), and opens. *state is what the core must
 * pass as self and free() after close(). reason gets one line for people. */
int speadi_tx_engine_open(const struct speadi_tx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_tx_config *config, char reason[256],
                          uint32_t *buffer_bytes, struct spead_err *err);

/* As speadi_rx_engine_wrap_fault(). */
int speadi_tx_engine_wrap_fault(const struct speadi_tx_engine_ops **ops, void **state,
                                const char *fault, struct spead_err *err);

#endif
