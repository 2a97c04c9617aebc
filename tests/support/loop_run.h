/* A sender and a receiver in one thread, joined by a real engine, with every byte accounted for.
 *
 * The two streams are polled in turn: after each burst that is sent the receiver reads until nothing is
 * left, so nothing is lost unless a fault is asked for, whatever the machine's load. Over a cable (pair), where
 * packets are under way for a while, the sender is never far ahead of the receiver. */
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
    const char *tx_engine, *rx_engine;  /* of memory links both, or each of UDP */
    const struct test_netns_pair *pair; /* from far to near; NULL: over lo */
    enum spead_verbs_mprq mprq;         /* of engine verbs */
    const char *host;                   /* destination, e.g. "127.0.0.1"; not for mem */
    uint32_t packet_bytes;
    uint64_t heap_bytes;
    unsigned heaps;
    unsigned items;            /* payload is divided into this many items; 0 means 1 */
    uint8_t heap_address_bits; /* 0 means 48 */
    const char *tx_fault, *rx_fault;
    enum spead_receive_path path;
    bool lossy; /* over a cable: packets may be lost, so do not wait long for them */
    bool allow_out_of_order;
    bool deliver_incomplete;
    unsigned live_heaps; /* 0 means 8 */
    unsigned substreams; /* 0 means 1 */
    uint64_t heap_timeout_ns;
    uint32_t rx_packet_bytes_max;      /* 0 means 65507 */
    uint32_t ring_heaps;               /* 0 means 1100 */
    const struct apart_memory *memory; /* heaps lie there; NULL: the stream's own */
};

struct loop_result {
    struct spead_send_stats sent;
    struct spead_recv_stats received;
    unsigned complete, incomplete; /* heaps taken */
    uint64_t wrong_bytes;          /* arrived bytes that are not what was sent */
    uint64_t dirty_hole_bytes;     /* bytes of holes that are not zero */
    uint64_t repeated_heaps;       /* a counter taken twice as complete */
    uint64_t torn_snapshots;       /* snapshots in which seen was not the sum of the buckets */
    char error[300];               /* why the run could not be made; empty: it was */
};

/* Byte o of heap c: never zero, so that a hole shows. */
uint8_t loop_pattern(uint64_t counter, uint64_t offset);

/* Runs the case to its end: all heaps, a stop heap, and everything taken. Returns true when it could run. */
bool loop_run(const struct loop_case *c, struct loop_result *result);

/* seen == sum of all buckets, in packets and in bytes. */
bool loop_ledger_adds_up(const struct spead_recv_stats *stats);
bool loop_send_ledger_adds_up(const struct spead_send_stats *stats);

#endif
