/* The contract of a send engine. The core decides which packets are sent and when; the engine moves them.
 *
 * The core gives packets to the engine with send(), and the engine takes some of them, in order. Later the engine
 * reports with reap(), in the same order, that these packets are done. From send() until reap() the core does not
 * change a packet that the engine has taken: its struct, iovecs, header and payload stay as they are. */
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

/* A packet has its header and at most this many pieces of payload. When the payload of a packet lies in more pieces,
 * the packetiser copies it behind the header. The kernel takes no more than 1024 iovecs in one sendmsg(). */
#define SPEADI_PACKET_PIECES_MAX 16u
#define SPEADI_PACKET_IOVECS_MAX (1u + SPEADI_PACKET_PIECES_MAX)

/* One packet. If the iovecs of consecutive packets lie in one array without a gap between them, an engine can pass
 * packets of one size to the kernel as one train. */
struct speadi_tx_packet {
    const struct iovec *iov;
    uint32_t bytes; /* sum of its iovecs */
    uint16_t iov_count;
    uint16_t destination;
};

/* One record that reap() fills. It says that the next packets in order, as many as `packets`, are done with this error
 * (0, -errno or SPEADI_TX_INJECTED). */
struct speadi_tx_done {
    uint32_t packets;
    int error;
};

/* The error of packets that the fault decorator has dropped. The ledger counts them as injected, not as failed. */
#define SPEADI_TX_INJECTED (-4096)

/* Capability bits. */
enum {
    SPEADI_TX_CAP_DEVICE = 1u << 0,   /* sends from memory that the CPU cannot read */
    SPEADI_TX_CAP_PACES = 1u << 1,    /* keeps the rate itself when hardware_rate is set */
    SPEADI_TX_CAP_SEGMENTS = 1u << 2, /* lets a device cut packets when hardware_tso is set */
};

struct speadi_tx_counters {
    uint64_t messages; /* trains, and packets by themselves, given to the kernel or the device */
    uint64_t batches;  /* system calls or doorbells that carried them */
    /* memory beside `self`, reserved address space included; open() sets it */
    uint64_t memory_bytes;
    /* How often a send was refused because an ICMP message had come for an earlier datagram (ECONNREFUSED,
     * EHOSTUNREACH). These sends were repeated. */
    uint64_t icmp_unreachable;
    uint64_t rebuilds;        /* device queues that failed and were built again */
    uint64_t link_downs;      /* how often the port went down */
    uint64_t neighbours_lost; /* how often a next hop stopped answering */
    uint64_t copied_bytes;    /* payload that had to be copied into registered memory */
};

/* What a stream asks of its engine. The engine may use the pointers only until usable() or open() returns, except where
 * a field says otherwise. A stream has either addresses or links, and its engine can send to that kind of endpoint. */
struct speadi_tx_config {
    /* `count` addresses for SPEAD_ENDPOINT_UDP; else NULL */
    const struct speadi_address *addresses;
    /* `count` links for SPEAD_ENDPOINT_MEM_LINK, else NULL. The engine takes a reference to each. */
    struct spead_mem_link *const *links;
    uint32_t count;
    const struct speadi_interface *interface;
    uint32_t socket_buffer_bytes;
    uint32_t multicast_ttl;
    uint32_t packet_bytes_max;
    /* bytes of the longest train: one burst of the pacer, but at least one packet */
    uint32_t train_bytes_max;
    double rate_bytes_per_s; /* for an engine that paces; 0: no limit */
    enum spead_rate_of rate_of;
    bool hardware_rate; /* the engine paces; only with SPEADI_TX_CAP_PACES */
    bool hardware_tso;  /* the device cuts packets; only with SPEADI_TX_CAP_SEGMENTS */
    const struct spead_send_memory *memory;
    uint32_t memory_count;
    /* The options for all engines, as the stream got them. speadi_tx_engine_open() finds the options for this engine
     * among them and sets `options`. */
    const struct spead_engine_options *engine_options;
    const struct spead_engine_options *options; /* NULL: the engine uses its defaults */
    const struct spead_log *log;                /* valid until close() */
};

struct speadi_tx_engine_ops {
    struct speadi_engine_about about; /* must be the first member */
    size_t state_size; /* bytes that the core allocates, zeroes and passes as `self` */
    uint32_t caps;     /* bits SPEADI_TX_CAP_* */

    /* Control plane, any thread. Tells whether a stream with this configuration could use the engine on this machine
     * now. If config is NULL, it tells whether any stream could. Returns 0, or -errno with a sentence that names what
     * is missing. It may load libraries and try system calls, and it leaves nothing open. NULL: the engine is always
     * usable. */
    int (*usable)(const struct speadi_tx_config *config, struct spead_err *err);

    /* Opens the engine. Control plane: may block, allocate and log. Returns 0 or -errno. After a failed open() the core
     * still calls close(), so open() must leave `self` in a state that close() can handle. *buffer_bytes gets the
     * socket buffer that the kernel granted, 0 if there is none; the pointer may be NULL. */
    int (*open)(void *self, const struct speadi_tx_config *config, uint32_t *buffer_bytes,
                struct spead_err *err);
    void (*close)(void *self);

    /* Prepares the engine on the owner thread, which calls it once before the first send(). Returns 0 or -errno. NULL:
     * the engine needs no start. */
    int (*start)(void *self, struct spead_err *err);

    /* Owner thread, never blocks. Takes packets from the beginning of the array, to send them. Returns how many packets
     * it took, or -errno when the engine has failed and cannot send any more. 0 means that the engine has no room now,
     * and the core calls wait(). An error of single packets (EMSGSIZE) is not returned here: the engine takes such
     * packets and reports them in reap() with the error. */
    int (*send)(void *self, const struct speadi_tx_packet *packets, unsigned count);

    /* Owner thread, never blocks. Reports packets that are done: fills at most max records and returns their number. */
    unsigned (*reap)(void *self, struct speadi_tx_done *done, unsigned max);

    /* Owner thread. Sleeps until send() could take packets, reap() could report packets, a thread calls wake(), or
     * deadline_ns (CLOCK_MONOTONIC; UINT64_MAX: no limit) has passed. When for_room is false, only wake() and the
     * deadline have to end the sleep. It may return early. */
    void (*wait)(void *self, uint64_t deadline_ns, bool for_room);

    /* Any thread and signal handlers. Makes the current wait() return, or the next one if the owner thread is not in
     * wait(). */
    void (*wake)(void *self);

    /* Owner thread. Ends sending: cancels the packets that are in flight. After this call reap() reports every packet
     * that the engine has taken. */
    void (*quiesce)(void *self);

    /* Owner thread, or any thread before start(). Fills *counters. */
    void (*counters)(void *self, struct speadi_tx_counters *counters);
};

/* The tables of operations of all send engines of this library, sorted by name, with a NULL behind the last. The table
 * of an engine is speadi_tx_engine_<name>, in the file tx_<name>.c of its folder. */
extern const struct speadi_engine_about *const speadi_tx_engines[];

/* Chooses an engine by name or by "auto" (docs/engines.md tells the order and the reasons) and opens it. Returns 0 or
 * -errno. The core must pass *state as `self`, and free() it after close(). reason gets one sentence for the user. */
int speadi_tx_engine_open(const struct speadi_tx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_tx_config *config, char reason[256],
                          uint32_t *buffer_bytes, struct spead_err *err);

/* Puts a fault decorator around an open engine. *ops and *state are those of the engine before the call, and those of
 * the decorator after it. The decorator closes and frees the inner engine. `fault` is the specification of the faults
 * (docs/faults.md). Returns 0. Returns -EINVAL or -ENOMEM on failure, and then *ops and *state are unchanged. */
int speadi_tx_engine_wrap_fault(const struct speadi_tx_engine_ops **ops, void **state,
                                const char *fault, struct spead_err *err);

#endif
