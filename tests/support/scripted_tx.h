/* A scripted send engine, and a stream on it. The test says how much room the engine has, which packets it refuses, and
 * when it fails. The test can also see what the stream has sent.
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
    /* The script: the test sets these fields. */
    uint64_t room;    /* how many more packets the engine takes; UINT64_MAX at first */
    unsigned at_once; /* one send() takes at most so many packets; UINT_MAX at first */
    bool hold;        /* true: reap() reports only let_go packets, until quiesce() */
    uint64_t let_go;  /* if hold is true: how many more packets reap() reports */
    int broken;       /* if not 0, send() returns this -errno */
    struct {
        uint64_t packet; /* the number of the packet, from 0 */
        int error;       /* the error that reap() reports for it; 0: end of the list */
    } refuse[SCRIPTED_TX_REFUSALS_MAX];
    bool record; /* true: the engine keeps the bytes of the packets; true at first */

    /* What has happened: the engine sets these fields. */
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
void scripted_tx_destroy(struct scripted_tx *tx); /* the stream must be destroyed before */

/* Returns the engine without a stream. The caller calls its close() and then frees *state. */
const struct speadi_tx_engine_ops *scripted_tx_engine(struct scripted_tx *tx, void **state);

/* Returns a stream whose engine is tx, with this number of destinations. The destinations in config are ignored. Aborts
 * when the stream cannot be created. scripted_tx_stream() does the same with one destination and no overhead. */
struct spead_send_stream *scripted_tx_stream_to(struct scripted_tx *tx,
                                                const struct spead_send_stream_config *config,
                                                uint32_t destinations, uint32_t packet_overhead);
struct spead_send_stream *scripted_tx_stream(struct scripted_tx *tx,
                                             const struct spead_send_stream_config *config);

/* The first function returns item pointer i of the recorded packet n; every packet has item pointers 0 to 3. The second
 * function returns the bytes of packet n. */
uint64_t scripted_tx_pointer(const struct scripted_tx *tx, size_t n, unsigned i);
const uint8_t *scripted_tx_packet(const struct scripted_tx *tx, size_t n);

/* Returns the value in item pointer i of packet n, without mode and id. The flavour must be SPEAD-64-40. */
uint64_t scripted_tx_value(const struct scripted_tx *tx, size_t n, unsigned i);

#endif
