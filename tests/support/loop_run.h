/* Runs a sender and a receiver in one thread, joined by a real engine. Every byte is checked or counted.
 *
 * The thread polls one stream after the other: after each burst that is sent, the receiver reads until nothing is
 * left. So nothing is lost unless a fault is asked for, even on a busy machine. On a cable (field `pair`) packets are
 * under way for a while, so the sender never gets far ahead of the receiver. */
#ifndef SPEADLINE_TESTS_LOOP_RUN_H
#define SPEADLINE_TESTS_LOOP_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/recv.h>
#include <speadline/send.h>
#include <speadline/verbs.h>

#include "apart_memory.h"
#include "netns.h"

struct loop_case {
    const char *tx_engine, *rx_engine;  /* both use memory links, or both use UDP */
    const struct test_netns_pair *pair; /* packets go from far to near; NULL: over lo */
    enum spead_verbs_mprq mprq;         /* only for engine verbs */
    const char *host;                   /* destination, such as "127.0.0.1"; not for engine mem */
    uint32_t packet_bytes;
    uint64_t heap_bytes;
    unsigned heaps;
    unsigned items;            /* the payload is divided into this many items; 0: into one */
    uint8_t heap_address_bits; /* 0: 48 */
    const char *tx_fault, *rx_fault;
    enum spead_receive_path path;
    bool lossy; /* on a cable: packets may be lost, so the run does not wait long for them */
    bool allow_out_of_order;
    bool deliver_incomplete;
    unsigned live_heaps; /* 0: 8 */
    unsigned substreams; /* 0: 1 */
    uint64_t heap_timeout_ns;
    uint32_t rx_packet_bytes_max;      /* 0: 65507 */
    uint32_t ring_heaps;               /* 0: 1100 */
    const struct apart_memory *memory; /* where heaps lie; NULL: in the stream's own memory */
};

struct loop_result {
    struct spead_send_stats sent;
    struct spead_recv_stats received;
    unsigned complete, incomplete; /* heaps that were taken */
    uint64_t wrong_bytes;          /* bytes that arrived with another value than was sent */
    uint64_t dirty_hole_bytes;     /* bytes in holes that are not zero */
    uint64_t repeated_heaps;       /* complete heaps that were taken a second time */
    /* how often spead_recv_stream_stats() gave a seen that was not the sum of the buckets */
    uint64_t torn_snapshots;
    char error[300]; /* why the run was not possible; empty if the run was possible */
};

/* Returns the byte that the sender puts at this offset of this heap. The byte is never zero, so that it differs from
 * a hole. */
uint8_t loop_pattern(uint64_t counter, uint64_t offset);

/* Runs the case to its end: all heaps are sent, the receiver stops, and everything is taken. Returns true when the
 * run was possible; else result->error says why not. */
bool loop_run(const struct loop_case *c, struct loop_result *result);

/* Both return true if the sum of all buckets is right, in packets and in bytes. For a receiver the sum must equal
 * `seen`, for a sender `submitted`. */
bool loop_ledger_adds_up(const struct spead_recv_stats *stats);
bool loop_send_ledger_adds_up(const struct spead_send_stats *stats);

#endif
