/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a test a receive stream on a scripted engine, and functions that say what the stream has done.
 *
 *     struct recv_rig rig;
 *     recv_rig_init(&rig);                  // rig.config has the defaults
 *     rig.config.allow_out_of_order = true; // the test changes them
 *     recv_rig_open(&rig);                  // the stream has a clock of its own: it goes on only while it is read
 *     recv_rig_data(&rig, 1, 64, 0, 64);
 *     recv_rig_run(&rig);                   // polls until no more packets come
 *     heap = recv_rig_take(&rig);
 *     recv_rig_close(&rig);
 *
 * Each poll checks that `seen` equals the sum of the buckets. Some calls must not fail in any test. If such a call
 * fails, the rig ends the program with abort(). One thread uses the rig. */
#ifndef TEST_RECV_RIG_H
#define TEST_RECV_RIG_H

#include <speadline/recv.h>

#include "packet_builder.h"
#include "recv_stream.h"
#include "script_engine.h"

struct recv_rig {
    struct spead_recv_stream_config config;
    struct script_engine *engine;
    struct spead_recv_stream *stream;
    struct spead_recv_stats stats;          /* the statistics after the last poll */
    const struct speadi_rx_engine_ops *ops; /* the default is &script_engine_ops */
    uint32_t sources;                       /* the default is 1 */
    struct speadi_rx_facts facts;           /* what the engine reports; the default is all zero */
    struct test_packet packet;
};

void recv_rig_init(struct recv_rig *rig);
void recv_rig_open(struct recv_rig *rig);
void recv_rig_close(struct recv_rig *rig);

/* Puts the packet rig->packet into the queue of the engine. Returns the queued packet. The test can change in it how
 * the engine lends the packet. */
struct script_packet *recv_rig_push(struct recv_rig *rig);
/* Queues a packet without items. It carries the range [offset, offset + bytes) of a heap. Each byte of the payload is
 * test_packet_byte(). */
struct script_packet *recv_rig_data(struct recv_rig *rig, uint64_t counter, uint64_t heap_length,
                                    uint64_t offset, size_t bytes);
/* Queues a control heap of one packet with one byte of payload. Its item 0x06 has this value. */
struct script_packet *recv_rig_control(struct recv_rig *rig, uint64_t counter, uint64_t value);

/* Polls until two consecutive polls have found nothing, or until the stream has ended. Returns 0, or the error of the
 * last poll. */
int recv_rig_run(struct recv_rig *rig);
/* Polls once. Returns what poll() returned. */
int recv_rig_poll(struct recv_rig *rig);
/* Calls stop(), then polls until the stream has ended. */
void recv_rig_stop(struct recv_rig *rig);

/* Takes the next heap. The caller owns the reference. Returns NULL if there is no heap. */
struct spead_heap *recv_rig_take(struct recv_rig *rig);

/* Returns the number of packets in a bucket after the last poll. */
uint64_t recv_rig_packets(const struct recv_rig *rig, enum spead_recv_bucket bucket);

/* Returns true if every byte of the heap is right: a byte that arrived must have the value that was sent, and every
 * other byte must be zero. */
bool recv_rig_heap_is_right(const struct spead_heap *heap);
/* Does the same check on a copy of the payload. Use it for heaps that the CPU cannot read. */
bool recv_rig_payload_is_right(const struct spead_heap *heap, const uint8_t *payload);

/* Returns the buckets that are not empty, as in "duplicate 1, live 2". The text lies in static storage. */
const char *recv_rig_buckets(const struct recv_rig *rig);

#endif
