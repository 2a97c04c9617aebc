/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted send engine, and a stream on it. The test says how many packets the engine takes, which packets it
 * refuses, and when it fails. The test can also see what the stream has sent.
 *
 *     struct scripted_tx *tx = scripted_tx_create();
 *     tx->room = 3;
 *     struct spead_send_stream *stream = scripted_tx_stream(tx, &config);
 *     ...
 *     spead_send_stream_destroy(stream);
 *     scripted_tx_destroy(tx);
 *
 * Only the owner thread of the stream uses the fields. */
#ifndef TEST_SCRIPTED_TX_H
#define TEST_SCRIPTED_TX_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include <speadi/wake_fd.h>

#include <tx_engine.h>

#define SCRIPTED_TX_REFUSALS_MAX 8

struct scripted_tx {
    /* The test sets the fields from `room` to `record`. `room` is the number of packets that the engine will still
     * take. It begins with UINT64_MAX. */
    uint64_t room;
    /* The largest number of packets that one send() takes. It begins with UINT_MAX. */
    unsigned at_once;
    /* If true, reap() reports only the first `let_go` packets, until quiesce() is called. */
    bool hold;
    /* How many packets reap() reports if `hold` is true. */
    uint64_t let_go;
    int broken; /* if not 0, send() returns this -errno */
    struct {
        uint64_t packet; /* index of the packet; the first packet has index 0 */
        int error;       /* the error that reap() reports for the packet; 0 ends the list */
    } refuse[SCRIPTED_TX_REFUSALS_MAX];
    bool record; /* true if the engine must store the bytes of the packets; begins with true */

    /* What has happened. The engine sets these fields. */
    uint64_t taken, reaped;
    uint8_t *bytes; /* the bytes of all recorded packets */
    size_t used, capacity;
    struct {
        size_t at;
        uint32_t bytes;
        uint16_t destination;
    } * packet;
    size_t packet_count, packet_capacity;
    unsigned sends, waits;
    uint64_t last_deadline_ns;
    bool last_for_room;
    bool quiesced, closed, started;
    struct speadi_wake_fd wake_fd;
};

struct scripted_tx *scripted_tx_create(void);
/* Destroys the engine. The stream must have been destroyed earlier. */
void scripted_tx_destroy(struct scripted_tx *tx);

/* Returns the engine without a stream. The caller must call its close() and then free *state. */
const struct speadi_tx_engine_ops *scripted_tx_engine(struct scripted_tx *tx, void **state);

/* Returns a stream that sends with tx, and has this number of destinations. The destinations in `config` are ignored.
 * Aborts when the stream cannot be created. scripted_tx_stream() does the same with one destination and no overhead. */
struct spead_send_stream *scripted_tx_stream_to(struct scripted_tx *tx,
                                                const struct spead_send_stream_config *config,
                                                uint32_t destinations, uint32_t packet_overhead);
struct spead_send_stream *scripted_tx_stream(struct scripted_tx *tx,
                                             const struct spead_send_stream_config *config);

/* scripted_tx_pointer() returns item pointer i of the recorded packet n; every packet has item pointers 0 to 3.
 * scripted_tx_packet() returns the bytes of packet n. */
uint64_t scripted_tx_pointer(const struct scripted_tx *tx, size_t n, unsigned i);
const uint8_t *scripted_tx_packet(const struct scripted_tx *tx, size_t n);

/* Returns the value in item pointer i of packet n, without the mode bit and the item identifier. The flavour must be
 * SPEAD-64-40. */
uint64_t scripted_tx_value(const struct scripted_tx *tx, size_t n, unsigned i);

#endif
