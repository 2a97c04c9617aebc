/* SPDX-License-Identifier: Apache-2.0 */
/* A receive engine that follows the script of a test. The script says which packets come, how many packets a poll
 * lends, how the packets are split, and when reservations end.
 *
 * If posts_ahead is true, a reservation ends when a packet lands in its range, as with a NIC. If posts_ahead is false,
 * all reservations end with the next poll, as with a system call. Each packet lands in the next reserved range, even if
 * the core has reserved that range for another packet. The core must handle this. One thread uses the engine; other
 * threads may only call wake().
 *
 * script_nic_ops is the same engine in the form of a NIC: the core must show it the heap memory with attach(). The
 * engine writes to this memory by offset, and aborts when a range lies outside of the memory. script_clock_ops is the
 * same engine with a clock of its own. */
#ifndef TEST_SCRIPT_ENGINE_H
#define TEST_SCRIPT_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rx_from.h"

#define SCRIPT_PACKETS_MAX    8192u
#define SCRIPT_HEAD_BYTES_MAX 128u /* a packet with a longer header is not placed */

struct script_packet {
    uint8_t *bytes; /* a copy of the packet; the engine frees it */
    uint32_t length;
    /* If this is not 0, the packet is not placed. The engine then lends it as a head and a body, and this is the number
     * of bytes of the head. */
    uint32_t split;
    uint16_t segments;
    uint16_t source;
    uint8_t flags, bucket;
    /* The sender of the packet. Zeros mean that the sender is not known. The engine sets from.source when it lends the
     * packet. */
    struct speadi_rx_from from;
    /* The time that the engine's clock shows after the engine has lent the packet. 0 means that the clock does not
     * change. */
    uint64_t clock_ns;
    /* The time stamp of the packet. 0 means that the engine counts: 1001, 1002 and so on. */
    uint64_t time_ns;
};

struct script_engine {
    struct script_packet packet[SCRIPT_PACKETS_MAX];
    unsigned count, next;
    /* The largest number of packets that a poll lends. 0 means SPEADI_RX_BURST_MAX. */
    unsigned poll_max;
    bool posts_ahead;
    unsigned window;       /* the largest number of reservations of a queue that have not ended */
    bool spills;           /* if true, a packet that is longer than its range gets a tail */
    uint64_t memory_bytes; /* what counters() returns in memory_bytes */
    int start_error;       /* what start() returns */
    /* What poll() returns after the last packet. 0 means that the source has not ended. */
    int end;
    uint64_t kernel_drops, checksum_drops, filtered_drops;
    uint64_t clock_ns;     /* what the clock of the engine shows (script_clock_ops) */
    uint64_t waited_until; /* the deadline of the last wait() */
    atomic_uint wakes;
    /* What fill() returns. The default is 1, which means that the core never pauses. If `places` is not 0, fill()
     * returns the number of packets that wait, divided by `places`. */
    double fill;
    unsigned places;
    /* A mapping through which the engine writes, as a NIC would. The core has another mapping of the same memory, which
     * the CPU cannot touch. */
    uint8_t *view;
    int attach_error;                /* what attach() returns */
    struct spead_region_info memory; /* the memory that attach() got */
    /* The largest number of reservations that had not ended at the same time. */
    unsigned most_outstanding;

    /* Number of queues, a power of two; 0 means one. A packet comes through the queue that the port of its sender gives. The
     * queues share one order, but only the packets of a queue land in its reservations. Set by script_engine_queues(). */
    unsigned queues;

    struct speadi_rx_range range[SPEADI_RX_RESERVE_MAX];
    uint32_t range_head[SPEADI_RX_RESERVE_MAX];
    /* For each queue, numbers of reservations: of the next one to accept, to land in, to end. */
    uint64_t accepted[SPEADI_RX_QUEUES_MAX], landed[SPEADI_RX_QUEUES_MAX],
        ended[SPEADI_RX_QUEUES_MAX];
    unsigned unreserves, quiesces, bursts_out;
    uint8_t heads[SPEADI_RX_BURST_MAX][SCRIPT_HEAD_BYTES_MAX];
};

extern const struct speadi_rx_engine_ops script_engine_ops, script_nic_ops, script_clock_ops;

/* Returns a new engine. The test passes it to create_on(), which frees it. */
struct script_engine *script_engine_new(void);

/* Appends a copy of a packet to the script. Returns this copy; the test may change it. */
struct script_packet *script_engine_push(struct script_engine *engine, const void *bytes,
                                         size_t length);

/* Gives the engine so many queues. The test must set facts.queues too. */
void script_engine_queues(struct script_engine *engine, unsigned queues);

/* Removes all packets from the script and frees them. */
void script_engine_clear(struct script_engine *engine);

#endif
