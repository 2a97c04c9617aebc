/* A bounded store of copied packets, for an engine decorator that changes or holds them. */
#ifndef SPEADLINE_RECV_PACKET_COPIES_H
#define SPEADLINE_RECV_PACKET_COPIES_H

#include <stdint.h>

#include <speadi/fault.h>

#include "rx_engine.h"

#define SPEADI_COPY_BYTES (64u << 10)
#define SPEADI_COPIES_MAX 2048u /* address space of 64 KiB each; touched as far as packets reach */

struct speadi_packet_copies {
    uint8_t *memory; /* NULL: closed */
    uint16_t spare[SPEADI_COPIES_MAX];
    unsigned spare_count;
};

int speadi_packet_copies_open(struct speadi_packet_copies *copies); /* 0 or -ENOMEM */
void speadi_packet_copies_close(struct speadi_packet_copies *copies);

/* Copies *from, cut off and with a bit inverted as the verdict says, into *copy: linear and UNPLACED.
 * Returns the number to give back, or -1 when the store is full. */
int speadi_packet_copies_take(struct speadi_packet_copies *copies,
                              const struct speadi_rx_packet *from,
                              const struct speadi_fault_verdict *verdict,
                              struct speadi_rx_packet *copy);
void speadi_packet_copies_give_back(struct speadi_packet_copies *copies, int number);

#endif
