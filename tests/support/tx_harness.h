/* A send engine between a set of known packets and sinks that check what arrives.
 *
 * The network engines send to UDP sockets on loopback ports that the kernel picks; mem sends to links.
 * What does not hold is printed and aborts: that fails a Criterion test and a race program alike. */
#ifndef TEST_TX_HARNESS_H
#define TEST_TX_HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadline/verbs.h>

#include "tx_engine.h"

/* ---- Packets ------------------------------------------------------------------------------- */

/* Packets with contents of their own (number, then a pattern of it), all iovecs back to back: as the
 * core hands them over. */
struct tx_packets {
    struct speadi_tx_packet *packet;
    struct iovec *iov;
    uint8_t **bytes;
    unsigned count, max;
};

struct tx_packets *tx_packets_make(unsigned max);
/* A packet in two iovecs, or in `pieces`. */
void tx_packets_add(struct tx_packets *packets, uint32_t bytes, uint16_t destination);
void tx_packets_add_pieces(struct tx_packets *packets, uint32_t bytes, uint16_t destination,
                           unsigned pieces);
void tx_packets_free(struct tx_packets *packets);

/* ---- An engine and its sinks --------------------------------------------------------------- */

#define TX_SINKS_MAX 8u

struct tx_harness {
    const struct speadi_tx_engine_ops *ops;
    void *state;
    char reason[256];
    uint32_t buffer_bytes;
    struct tx_sink {
        int fd;                      /* bound to a loopback port; -1: closed or none */
        struct spead_mem_link *link; /* for mem */
    } sink[TX_SINKS_MAX];
    unsigned sinks;
    int *error; /* what reap() said, packet by packet */
    unsigned reaped, reaped_max;
};

struct tx_harness_config {
    const char *engine;
    unsigned sinks; /* default 1 */
    bool v6;
    uint32_t train_bytes_max; /* default 65536 */
    uint32_t link_packets;    /* of each mem link; default 4096 */
    const char *fault;        /* NULL: none */
    /* Instead of sinks: `sinks` addresses to send to, and the send buffer to ask for. */
    const struct speadi_address *address;
    uint32_t buffer_bytes;                /* default 512 KiB */
    uint32_t packet_bytes_max;            /* default 65507 */
    struct spead_send_verbs_config verbs; /* for engine verbs, without its head; zero by default */
    bool hardware_rate, hardware_tso;
    const struct spead_send_memory *memory;
    uint32_t memory_count;
    double rate_bytes_per_s;
    const struct spead_log *log;
};

/* Only opens the engine, with the config's address: what open() says, and its sentence in *err. */
int tx_harness_try(struct tx_harness *h, const struct tx_harness_config *config,
                   struct spead_err *err);

/* False when this host cannot run the engine (printed): the caller skips. */
bool tx_harness_open(struct tx_harness *h, const struct tx_harness_config *config);
void tx_harness_close(struct tx_harness *h);

/* Takes what reap() has; returns the packets reaped in all. */
unsigned tx_harness_reap(struct tx_harness *h);

/* Sends all packets and waits for their end: at most 10 s. */
void tx_harness_send(struct tx_harness *h, const struct tx_packets *packets);

/* Receives one packet from sink i: length, or -1 when nothing comes within 100 ms. */
int tx_harness_receive(struct tx_harness *h, unsigned i, uint8_t *into, uint32_t room);

/* Requires that exactly these packets arrived at their sinks, in order, byte by byte. */
void tx_harness_expect(struct tx_harness *h, const struct tx_packets *packets);

#endif
