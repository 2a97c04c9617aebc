/* A receive engine that does what a test says: which packets come, how many a poll, how they are split,
 * and when reservations end.
 *
 * Posting ahead, reservations end one by one as packets land in them, as with a NIC; else all end with
 * the poll that had them, as with a system call. Ranges are filled with whatever packet is next, right
 * or wrong: that is what the core must cope with. One thread, except wake().
 *
 * script_nic_ops is the same engine as a NIC: it must be shown the memory, writes to it by offset, and
 * checks that nothing is asked outside of it. script_clock_ops is it with a clock of its own. */
#ifndef TEST_SCRIPT_ENGINE_H
#define TEST_SCRIPT_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rx_engine.h"

#define SCRIPT_PACKETS_MAX    8192u
#define SCRIPT_HEAD_BYTES_MAX 128u /* longer headers are never placed */

struct script_packet {
    uint8_t *bytes; /* the engine's copy */
    uint32_t length;
    uint32_t split; /* head_bytes when not placed; 0: not split */
    uint32_t segments;
    uint16_t source;
    uint8_t flags, bucket;
    uint64_t clock_ns; /* where lending it moves the engine's clock; 0: it stays */
};

struct script_engine {
    struct script_packet packet[SCRIPT_PACKETS_MAX];
    unsigned count, next;
    unsigned poll_max; /* packets a poll; 0: the largest burst */
    bool posts_ahead;
    unsigned window;       /* reservations at a time */
    bool spills;           /* lends what is longer than its range in three parts */
    uint64_t memory_bytes; /* says that it allocated */
    int start_error;       /* what start() returns */
    int end; /* what poll returns after the last packet; 0: the source is just empty */
    uint64_t kernel_drops;
    uint64_t clock_ns;     /* what its clock shows, with script_clock_ops */
    uint64_t waited_until; /* deadline of the last wait() */
    atomic_uint wakes;
    uint8_t *view;                   /* the NIC's way to heap memory that the CPU cannot touch */
    int attach_error;                /* what attach() returns */
    struct spead_region_info memory; /* what it was shown */
    unsigned most_outstanding;

    struct speadi_rx_range range[SPEADI_RX_RESERVE_MAX];
    uint32_t range_head[SPEADI_RX_RESERVE_MAX];
    uint64_t accepted, landed, ended;
    unsigned unreserves, quiesces, bursts_out;
    uint8_t heads[SPEADI_RX_BURST_MAX][SCRIPT_HEAD_BYTES_MAX];
};

extern const struct speadi_rx_engine_ops script_engine_ops, script_nic_ops, script_clock_ops;

/* An engine for create_on(), which frees it. */
struct script_engine *script_engine_new(void);

/* Appends a packet; the returned one may be changed further. */
struct script_packet *script_engine_push(struct script_engine *engine, const void *bytes,
                                         size_t length);

/* Forgets the packets that were read. */
void script_engine_clear(struct script_engine *engine);

#endif
