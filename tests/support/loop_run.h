/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a sender and a receiver in one thread, joined by a real engine. The run checks every byte that arrives and
 * counts the wrong bytes.
 *
 * The thread polls one stream after the other: after each burst of the sender, the receiver reads until nothing is
 * left. So even on a busy machine nothing is lost, except by a fault that the test wants. On a cable (field `pair`)
 * packets need some time. So the sender waits when too many packets are under way. With `paced_bytes_per_s` two threads do
 * the work, as in a program: the receiver has its own, and the sender waits for nothing but its pacer. */
#ifndef SPEADLINE_TESTS_LOOP_RUN_H
#define SPEADLINE_TESTS_LOOP_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/recv.h>
#include <speadline/send.h>
#include <speadline/send_slots.h>
#include <speadline/verbs.h>

#include "apart_memory.h"
#include "netns.h"

#define LOOP_GROUP_MAX 4u

struct loop_case {
    /* The engines of the sender and of the receiver. Both use memory links, or both use UDP. */
    const char *tx_engine, *rx_engine;
    /* Packets go from the host `far` to the host `near`. NULL means that they go over the loopback interface. */
    const struct test_netns_pair *pair;
    /* Only the engine verbs reads this field. */
    enum spead_verbs_mprq mprq;
    /* The destination, such as "127.0.0.1". Engine mem does not need it. */
    const char *host;
    uint32_t packet_bytes;
    uint64_t heap_bytes;
    unsigned heaps;
    /* The number of items into which the payload is divided. 0 means one item. */
    unsigned items;
    uint8_t heap_address_bits; /* 0 means 48 */
    /* The heaps are submitted in groups of this many heaps, at most LOOP_GROUP_MAX; `heaps` must be a multiple of it. 0
     * means that each heap is submitted by itself. */
    unsigned group;
    enum spead_send_group_order group_order;
    /* True: the heaps are in slots (speadline/send_slots.h), as many as LOOP_GROUP_MAX. Then `items` and `group` must be
     * 0. */
    bool slots;
    uint32_t mix_heaps;            /* of the sender */
    bool hardware_tso;             /* of the sender; only for engine verbs */
    uint32_t packet_payload_bytes; /* of the sender; 0 means that it is not fixed */
    const char *tx_fault, *rx_fault;
    enum spead_receive_path path;
    enum spead_send_path send_path;
    /* If true, packets can get lost on the cable, so the run waits for them only a short time. */
    bool lossy;
    /* Returns how many packets the cable has lost until now, if the test knows that. The run then waits for all others,
     * however long they take. NULL: see `lossy`. */
    uint64_t (*lost)(void);
    /* Only with `pair`. The rate of the sender in bytes per second; the receiver then has a thread of its own. 0: one
     * thread. */
    double paced_bytes_per_s;
    bool allow_out_of_order;
    bool deliver_incomplete;
    unsigned live_heaps; /* 0 means 8 */
    unsigned substreams; /* 0 means 1 */
    uint64_t heap_timeout_ns;
    uint32_t rx_packet_bytes_max; /* 0 means 65507 */
    uint32_t hand_over_heaps;     /* 0 means 1100 */
    /* The memory for the heaps. NULL means the stream's own memory. */
    const struct apart_memory *memory;
};

struct loop_result {
    struct spead_send_stats sent;
    struct spead_recv_stats received;
    unsigned complete, incomplete; /* how many heaps of each kind were taken */
    uint64_t wrong_bytes;          /* how many bytes arrived with a wrong value */
    uint64_t dirty_hole_bytes;     /* how many bytes of holes are not zero */
    uint64_t repeated_heaps;       /* how many complete heaps were taken more than once */
    /* How often the field `seen` of spead_recv_stream_stats() was not the sum of the buckets. */
    uint64_t torn_snapshots;
    char error[300]; /* why the run was not possible; empty if it was possible */
};

/* Returns the byte that the sender puts at `offset` of the heap `counter`. The byte is never zero, so that it differs
 * from the bytes of a hole. */
uint8_t loop_pattern(uint64_t counter, uint64_t offset);

/* Runs the case to its end: the sender sends all heaps, the receiver stops, and the run takes all heaps. Returns true
 * if the run was possible. Otherwise result->error says why it was not. */
bool loop_run(const struct loop_case *c, struct loop_result *result);

/* Both functions return true if the sum of all buckets is right, in packets and in bytes. For a receiver the sum must
 * equal `seen`, for a sender `submitted`. */
bool loop_ledger_adds_up(const struct spead_recv_stats *stats);
bool loop_send_ledger_adds_up(const struct spead_send_stats *stats);

#endif
