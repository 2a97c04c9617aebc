/* A receive stream on a scripted engine, and the questions that tests ask of it.
 *
 *     struct recv_rig rig;
 *     recv_rig_init(&rig);            // config has the defaults: change it
 *     rig.config.allow_out_of_order = true;
 *     recv_rig_open(&rig);
 *     recv_rig_data(&rig, 1, 64, 0, 64);
 *     recv_rig_run(&rig);             // polls until nothing more comes
 *     heap = recv_rig_take(&rig);
 *     recv_rig_close(&rig);
 *
 * Each run checks that the ledger adds up. Aborts when a call fails that no test is about. */
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
    struct spead_recv_stats stats;          /* as of the last run */
    const struct speadi_rx_engine_ops *ops; /* default &script_engine_ops */
    uint32_t sources;                       /* default 1 */
    struct test_packet packet;
};

void recv_rig_init(struct recv_rig *rig);
void recv_rig_open(struct recv_rig *rig);
void recv_rig_close(struct recv_rig *rig);

/* Queues the packet built in rig->packet, or any bytes. */
struct script_packet *recv_rig_push(struct recv_rig *rig);
/* Queues bytes [offset, offset + bytes) of a heap, without items; content is test_packet_byte(). */
struct script_packet *recv_rig_data(struct recv_rig *rig, uint64_t counter, uint64_t heap_length,
                                    uint64_t offset, size_t bytes);
/* Queues a whole control heap: one packet, one payload byte. */
struct script_packet *recv_rig_control(struct recv_rig *rig, uint64_t counter, uint64_t value);

/* Polls until the queue is read and two polls found nothing, or the stream ended; returns the last
 * poll's result. */
int recv_rig_run(struct recv_rig *rig);
/* One poll. */
int recv_rig_poll(struct recv_rig *rig);
/* stop(), then polls to the end. */
void recv_rig_stop(struct recv_rig *rig);

/* The next heap; NULL when there is none. */
struct spead_heap *recv_rig_take(struct recv_rig *rig);

/* Packets in a bucket as of the last run. */
uint64_t recv_rig_packets(const struct recv_rig *rig, enum spead_recv_bucket bucket);

/* True when every byte of the heap is as sent, or zero where it did not arrive. */
bool recv_rig_heap_is_right(const struct spead_heap *heap);
/* The same, of payload that is to be read elsewhere. */
bool recv_rig_payload_is_right(const struct spead_heap *heap, const uint8_t *payload);

/* "duplicate 1, live 2": the buckets that are not empty. Static storage. */
const char *recv_rig_buckets(const struct recv_rig *rig);

#endif
