/* A send engine that does as it is told, and a stream on it: what was sent, and what the stream does when
 * there is no room, a packet is refused or the transport breaks.
 *
 *     struct scripted_tx *tx = scripted_tx_create();
 *     tx->room = 3;
 *     struct spead_send_stream *stream = scripted_tx_stream(tx, &config);
 *     ...
 *     spead_send_stream_destroy(stream);
 *     scripted_tx_destroy(tx);
 *
 * All members belong to the stream's owner thread. */
#ifndef TEST_SCRIPTED_TX_H
#define TEST_SCRIPTED_TX_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include <speadi/wake_fd.h>

#include <tx_engine.h>

#define SCRIPTED_TX_REFUSALS_MAX 8

struct scripted_tx {
    /* What it shall do. */
    uint64_t room;    /* packets that it will still take; UINT64_MAX at first */
    unsigned at_once; /* most that one send() takes; UINT_MAX at first */
    bool hold;        /* report nothing done until let_go or quiesce */
    uint64_t let_go;  /* how many more to report done, with hold */
    int broken;       /* send() answers this -errno */
    struct {
        uint64_t packet; /* number, from 0 */
        int error;       /* 0: end of the list */
    } refuse[SCRIPTED_TX_REFUSALS_MAX];
    bool record; /* keep the packets' bytes; true at first */

    /* What happened. */
    uint64_t taken, reaped;
    uint8_t *bytes; /* of all recorded packets */
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
void scripted_tx_destroy(struct scripted_tx *tx); /* after the stream */

/* The engine alone. *state is the caller's to free, after the operations' close(). */
const struct speadi_tx_engine_ops *scripted_tx_engine(struct scripted_tx *tx, void **state);

/* A stream on tx with config (destinations in it are ignored) and that many destinations. Aborts when it
 * cannot be made. */
struct spead_send_stream *scripted_tx_stream_to(struct scripted_tx *tx,
                                                const struct spead_send_stream_config *config,
                                                uint32_t destinations, uint32_t packet_overhead);
struct spead_send_stream *scripted_tx_stream(struct scripted_tx *tx,
                                             const struct spead_send_stream_config *config);

/* Header word, pointer number i (from 0; 0..3 are the specials), payload of recorded packet n. */
uint64_t scripted_tx_pointer(const struct scripted_tx *tx, size_t n, unsigned i);
const uint8_t *scripted_tx_packet(const struct scripted_tx *tx, size_t n);

/* Value of pointer i, without mode and id, in SPEAD-64-40. */
uint64_t scripted_tx_value(const struct scripted_tx *tx, size_t n, unsigned i);

#endif
