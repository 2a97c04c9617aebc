/* A receive engine that follows the script of a test: which packets come, how many in a poll, how they are split, and
 * when reservations end.
 *
 * With posts_ahead, reservations end one by one when packets land in them, as with a NIC. Without it, all reservations
 * end with the next poll, as with a system call. The next packet lands in the next range, also if another packet was
 * expected there: the core must handle this. One thread uses the engine; other threads may only call wake().
 *
 * script_nic_ops is the same engine in the form of a NIC: the core must show the heap memory to the engine; the engine
 * writes to this memory by offset, and aborts when a range lies outside of the memory. script_clock_ops is the same
 * engine with a clock of its own. */
#ifndef TEST_SCRIPT_ENGINE_H
#define TEST_SCRIPT_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rx_engine.h"

#define SCRIPT_PACKETS_MAX    8192u
#define SCRIPT_HEAD_BYTES_MAX 128u /* longer headers are never placed */

struct script_packet {
    uint8_t *bytes; /* a copy, which the engine frees */
    uint32_t length;
    uint32_t split; /* head_bytes of a packet that is split and not placed; 0: it is not split */
    uint32_t segments;
    uint16_t source;
    uint8_t flags, bucket;
    /* the engine's clock shows this time after the packet is lent; 0: no change */
    uint64_t clock_ns;
};

struct script_engine {
    struct script_packet packet[SCRIPT_PACKETS_MAX];
    unsigned count, next;
    unsigned poll_max; /* a poll lends at most this many packets; 0: SPEADI_RX_BURST_MAX */
    bool posts_ahead;
    unsigned window;       /* at most this many reservations are outstanding */
    bool spills;           /* a packet that is longer than its range gets a tail */
    uint64_t memory_bytes; /* what counters() returns in memory_bytes */
    int start_error;       /* result of start() */
    int end;               /* result of poll() after the last packet; 0: the source has not ended */
    uint64_t kernel_drops;
    uint64_t clock_ns;     /* time that the engine's clock shows (script_clock_ops) */
    uint64_t waited_until; /* deadline of the last wait() */
    atomic_uint wakes;
    uint8_t *view;    /* mapping by which the NIC writes to memory that the CPU cannot touch */
    int attach_error; /* result of attach() */
    struct spead_region_info memory; /* the memory that attach() got */
    unsigned most_outstanding;       /* most reservations that were ever outstanding */

    struct speadi_rx_range range[SPEADI_RX_RESERVE_MAX];
    uint32_t range_head[SPEADI_RX_RESERVE_MAX];
    uint64_t accepted, landed, ended;
    unsigned unreserves, quiesces, bursts_out;
    uint8_t heads[SPEADI_RX_BURST_MAX][SCRIPT_HEAD_BYTES_MAX];
};

extern const struct speadi_rx_engine_ops script_engine_ops, script_nic_ops, script_clock_ops;

/* Returns a new engine. The test passes it to create_on(), which frees it. */
struct script_engine *script_engine_new(void);

/* Appends a copy of a packet to the script. The test may change the returned packet. */
struct script_packet *script_engine_push(struct script_engine *engine, const void *bytes,
                                         size_t length);

/* Frees and forgets all packets of the script. */
void script_engine_clear(struct script_engine *engine);

#endif
