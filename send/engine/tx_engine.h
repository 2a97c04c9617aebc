/* SPDX-License-Identifier: Apache-2.0 */
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

/* A packet consists of its header and of pieces of payload. SPEADI_PACKET_PIECES_MAX is the largest number of pieces.
 * When the payload of a packet lies in more pieces, the packetiser copies what the CPU can read of it behind the header.
 * One sendmsg() of the kernel takes at most 1024 iovecs for all packets of a train together. */
#define SPEADI_PACKET_PIECES_MAX 16u
#define SPEADI_PACKET_IOVECS_MAX (1u + SPEADI_PACKET_PIECES_MAX)

/* One packet. If the iovecs of consecutive packets lie in one array without a gap between them, an engine can pass
 * packets of one size to the kernel as one train. */
struct speadi_tx_packet {
    const struct iovec *iov;
    uint32_t bytes; /* the size of the packet: the sum of the lengths of its iovecs */
    uint16_t iov_count;
    uint16_t destination;
};

/* One record that reap() fills. It says that `packets` packets, which come after the packets of the previous record in
 * the order of send(), are done. All of them have the same error: 0, -errno or SPEADI_TX_INJECTED. */
struct speadi_tx_done {
    uint32_t packets;
    int error;
};

/* The error of packets that the fault decorator has dropped. The ledger counts these packets as injected, not as
 * failed. */
#define SPEADI_TX_INJECTED (-4096)

/* The capability bits of an engine. A bit says what the engine can do. */
enum {
    SPEADI_TX_CAP_DEVICE = 1u << 0,   /* the engine can send from memory that the CPU cannot read */
    SPEADI_TX_CAP_PACES = 1u << 1,    /* the engine can pace packets itself (hardware_rate) */
    SPEADI_TX_CAP_SEGMENTS = 1u << 2, /* the engine can let a device cut packets (hardware_tso) */
    SPEADI_TX_CAP_GATHERS = 1u << 3,  /* the engine has the two ways of enum spead_send_path */
    /* the engine sends consecutive packets of one size as a train */
    SPEADI_TX_CAP_TRAINS = 1u << 4,
};

struct speadi_tx_counters {
    /* The number of trains that the kernel or the device got, plus the number of packets that it got outside of a
     * train. */
    uint64_t messages;
    uint64_t batches; /* how many system calls or doorbells carried these trains and packets */
    /* How many bytes of memory the engine uses in addition to `self`. This includes address space that the engine has
     * only reserved. open() sets this field. */
    uint64_t memory_bytes;
    /* How often a send was refused because an ICMP message had come for an earlier datagram (ECONNREFUSED,
     * EHOSTUNREACH). These sends were repeated. */
    uint64_t icmp_unreachable;
    uint64_t rebuilds;        /* how often a failed device queue was built again */
    uint64_t link_downs;      /* how often the port went down */
    uint64_t neighbours_lost; /* how often a next hop stopped answering */
    /* How many bytes of payload the engine had to copy into registered memory. */
    uint64_t copied_bytes;
    /* How many packets were gathered, and how many went by reference. Both are 0 if the engine has only one way. */
    uint64_t gathered_packets, referenced_packets;
};

/* What a stream asks of its engine. The engine is allowed to use the pointers in this struct only until usable() or
 * open() returns, except where the comment of a field says otherwise. A stream has either addresses or links, and it
 * chooses an engine that can send to that kind of endpoint. */
struct speadi_tx_config {
    /* An array of `count` addresses if the endpoints are SPEAD_ENDPOINT_UDP, else NULL. */
    const struct speadi_address *addresses;
    /* An array of `count` links if the endpoints are SPEAD_ENDPOINT_MEM_LINK, else NULL. The engine takes a reference
     * to each link. */
    struct spead_mem_link *const *links;
    uint32_t count;
    /* The interface of all endpoints. Index 0 means that the routes decide. */
    const struct speadi_interface *interface;
    /* If the endpoints have different interfaces: an array of `count` interfaces, which count instead of `interface`.
     * Else NULL. */
    const struct speadi_interface *interfaces;
    uint32_t socket_buffer_bytes;
    uint32_t multicast_ttl;
    uint32_t packet_bytes_max;
    /* The largest size of a train, in bytes. This is the size of one burst of the pacer, but at least the size of one
     * packet. */
    uint32_t train_bytes_max;
    double rate_bytes_per_s; /* the rate for an engine that paces; 0 means no limit */
    enum spead_rate_of rate_of;
    /* True if the engine itself must pace the packets. Only an engine with SPEADI_TX_CAP_PACES gets true here. */
    bool hardware_rate;
    /* True if the device must cut the packets. Only an engine with SPEADI_TX_CAP_SEGMENTS gets true here. */
    bool hardware_tso;
    /* How packets reach the kernel. Only an engine with SPEADI_TX_CAP_GATHERS gets another value than
     * SPEAD_SEND_PATH_AUTO here. */
    enum spead_send_path send_path;
    /* True if the core orders packets such that trains become longer (mix_heaps). It is refused for an engine that would
     * build no trains. */
    bool wants_trains;
    const struct spead_send_memory *memory;
    uint32_t memory_count;
    /* The options for all engines, as the user gave them to the stream. speadi_tx_engine_open() looks among them for
     * the options for this engine and stores these in `options`. */
    const struct spead_engine_options *engine_options;
    const struct spead_engine_options *options; /* NULL if the engine must use its defaults */
    const struct spead_log *log;                /* the engine may use this pointer until close() */
};

/* Returns the interface of endpoint i. */
static inline const struct speadi_interface *speadi_tx_interface(
    const struct speadi_tx_config *config, uint32_t i)
{
    return config->interfaces ? &config->interfaces[i] : config->interface;
}

#define SPEADI_TX_SHAPE_MAX 96u

/* What the core knows about an engine only after open(). */
struct speadi_tx_facts {
    uint32_t buffer_bytes; /* the size that the kernel granted; 0 without a socket buffer */
    /* A queue of a device: how many packets it holds, and the size of the memory for their headers and for payload that
     * is copied. 0 without a device. */
    uint32_t queue_packets, queue_bytes;
    /* Text for people, for the line that names the engine. It says what the engine got less of than the configuration
     * asks for, or what it has chosen itself. Else it is "". */
    char shape[SPEADI_TX_SHAPE_MAX];
};

struct speadi_tx_engine_ops {
    struct speadi_engine_about about; /* must be the first member */
    /* how many bytes the core allocates, zeroes and passes as `self` */
    size_t state_size;
    uint32_t caps; /* what the engine can do: bits SPEADI_TX_CAP_* */

    /* Control plane, any thread. Tells whether a stream with this configuration could use the engine on this machine
     * now. If config is NULL, it tells whether any stream could. Returns 0, or -errno with a sentence that names what
     * is missing. It may load libraries and try system calls, and it leaves nothing open. If this pointer is NULL, the
     * engine is always usable. */
    int (*usable)(const struct speadi_tx_config *config, struct spead_err *err);

    /* Opens the engine. Control plane: may block, allocate and log. Returns 0 or -errno. The core calls close() also
     * after a failed open(), so open() must always leave `self` in a state that close() can handle. *facts is all zero
     * before the call. */
    int (*open)(void *self, const struct speadi_tx_config *config, struct speadi_tx_facts *facts,
                struct spead_err *err);
    void (*close)(void *self);

    /* Prepares the engine. The owner thread calls it once, before the first send(). Returns 0 or -errno. If this
     * pointer is NULL, the engine needs no start. */
    int (*start)(void *self, struct spead_err *err);

    /* Owner thread, never blocks. Takes packets from the beginning of the array and sends them, now or later. Returns
     * how many packets it took. Returns 0 when the engine has no room now; the core then calls wait(). Returns -errno
     * when the engine has failed and cannot send any more. An error of a single packet (EMSGSIZE) is not returned here:
     * the engine takes such a packet, and reap() reports it with the error. */
    int (*send)(void *self, const struct speadi_tx_packet *packets, unsigned count);

    /* Owner thread, never blocks. Reports packets that are done: fills at most `max` records and returns the number of
     * records. */
    unsigned (*reap)(void *self, struct speadi_tx_done *done, unsigned max);

    /* Owner thread. Sleeps until send() could take packets, reap() could report packets, a thread calls wake(), or
     * deadline_ns has passed. deadline_ns is a time of CLOCK_MONOTONIC, and UINT64_MAX means no limit. When for_room is
     * false, only wake() and the deadline have to end the sleep. The function is allowed to return earlier. */
    void (*wait)(void *self, uint64_t deadline_ns, bool for_room);

    /* Any thread and signal handlers. Ends the present wait() of the owner thread. If the owner thread is not in
     * wait(), this ends its next wait() immediately. */
    void (*wake)(void *self);

    /* Owner thread. Ends the sending and cancels the packets that are in flight. After this call, reap() reports all
     * packets that the engine has taken and that reap() has not reported yet. */
    void (*quiesce)(void *self);

    /* Owner thread, or any thread before start(). Fills *counters. */
    void (*counters)(void *self, struct speadi_tx_counters *counters);
};

/* The tables of operations of all send engines of this library, sorted by name. NULL ends the array. The table of an
 * engine has the name speadi_tx_engine_<name>. It is in the file tx_<name>.c in the folder of the engine. */
extern const struct speadi_engine_about *const speadi_tx_engines[];

/* Chooses an engine and opens it. `name` is the name of an engine or "auto"; docs/engines.md tells in which order
 * "auto" tries the engines, and why. Returns 0 or -errno. The core must pass *state as `self` to all operations, and
 * free() it after close(). `reason` gets one sentence that tells the user why this engine was chosen. *facts gets what
 * the engine says about itself. */
int speadi_tx_engine_open(const struct speadi_tx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_tx_config *config,
                          char reason[SPEADI_ENGINE_REASON_MAX], struct speadi_tx_facts *facts,
                          struct spead_err *err);

/* Puts a fault decorator around an open engine. Before the call, *ops and *state are those of the engine; after the
 * call, they are those of the decorator. The decorator closes and frees the engine inside it. `fault` says which faults
 * to make (docs/faults.md). Returns 0, -EINVAL or -ENOMEM. After a failure *ops and *state are unchanged. */
int speadi_tx_engine_wrap_fault(const struct speadi_tx_engine_ops **ops, void **state,
                                const char *fault, struct spead_err *err);

#endif
