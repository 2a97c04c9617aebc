/* SPDX-License-Identifier: Apache-2.0 */
/* Sends known packets through a send engine to sinks, and checks what arrives there.
 *
 * The network engines send to UDP sockets on loopback ports that the kernel chooses. The mem engine sends to memory
 * links. When a check fails, the function prints why and aborts. This works in a Criterion test and also in a race
 * program. */
#ifndef TEST_TX_HARNESS_H
#define TEST_TX_HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadline/verbs.h>

#include "tx_engine.h"

/* ---- Packets ------------------------------------------------------------------------------- */

/* A list of packets with different contents. A packet holds its number, and then a pattern that depends on the number.
 * All iovecs lie in one array without gaps, as in the packets of the core. */
struct tx_packets {
    struct speadi_tx_packet *packet;
    struct iovec *iov;
    uint8_t **bytes;
    unsigned count, max;
};

struct tx_packets *tx_packets_make(unsigned max);

/* Both functions add a packet. tx_packets_add() gives the packet two iovecs, and tx_packets_add_pieces() gives it
 * `pieces` iovecs. */
void tx_packets_add(struct tx_packets *packets, uint32_t bytes, uint16_t destination);
void tx_packets_add_pieces(struct tx_packets *packets, uint32_t bytes, uint16_t destination,
                           unsigned pieces);
void tx_packets_free(struct tx_packets *packets);

/* ---- An engine and its sinks --------------------------------------------------------------- */

#define TX_SINKS_MAX 8u

struct tx_harness {
    const struct speadi_tx_engine_ops *ops;
    void *state;
    char reason[SPEADI_ENGINE_REASON_MAX];
    struct speadi_tx_facts facts;
    struct tx_sink {
        int fd;                      /* a socket on a loopback port; -1 if closed or not used */
        struct spead_mem_link *link; /* used only by the engine mem */
    } sink[TX_SINKS_MAX];
    unsigned sinks;
    int *error; /* error[i] is the error that reap() has reported for packet i */
    unsigned reaped, reaped_max;
};

struct tx_harness_config {
    const char *engine;
    unsigned sinks; /* the default is 1 */
    bool v6;
    uint32_t train_bytes_max; /* the default is 65536 */
    uint32_t link_packets;    /* capacity of each memory link in packets; the default is 4096 */
    /* The text that describes the faults of a fault decorator. NULL means that there is no decorator. */
    const char *fault;
    /* The addresses to which the engine sends; `sinks` is their number. The harness then makes no sinks. If this is
     * NULL, the harness makes the sinks. */
    const struct speadi_address *address;
    uint32_t buffer_bytes;     /* send buffer of each socket; the default is 512 KiB */
    uint32_t packet_bytes_max; /* the default is 65507 */
    /* Options for the verbs engine. The test need not fill in the field `options` of the struct. By default all fields
     * are zero. */
    struct spead_send_verbs_config verbs;
    bool hardware_rate, hardware_tso;
    enum spead_send_path send_path;
    const struct spead_send_memory *memory;
    uint32_t memory_count;
    double rate_bytes_per_s;
    const struct spead_log *log;
};

/* Opens the engine for config->address, and does nothing else. Returns the result of the engine's open(), which also
 * writes *err. */
int tx_harness_try(struct tx_harness *h, const struct tx_harness_config *config,
                   struct spead_err *err);

/* Opens the engine and its sinks. If this host cannot run the engine, prints why and returns false. In that case the
 * caller must skip the test. */
bool tx_harness_open(struct tx_harness *h, const struct tx_harness_config *config);
void tx_harness_close(struct tx_harness *h);

/* Reaps all packets that are done. Returns how many packets it has reaped since open(). */
unsigned tx_harness_reap(struct tx_harness *h);

/* Sends all packets and waits until they are reaped, for at most 10 s. */
void tx_harness_send(struct tx_harness *h, const struct tx_packets *packets);

/* Receives one packet at sink i. Returns the length of the packet, or -1 if no packet arrives within 100 ms. */
int tx_harness_receive(struct tx_harness *h, unsigned i, uint8_t *into, uint32_t room);

/* Checks that exactly these packets have arrived at their sinks, in order and with the right bytes. */
void tx_harness_expect(struct tx_harness *h, const struct tx_packets *packets);

#endif
