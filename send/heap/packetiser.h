/* Cuts heaps into packets: header bytes and iovecs, never a copy of payload.
 *
 * Pure: no clock, no system call, no allocation. What it writes goes into space that the caller owns
 * and that must stay as it is until the engine has reported the packets done.
 * Sizes follow the protocol page, section 8, byte for byte. */
#ifndef SPEADI_PACKETISER_H
#define SPEADI_PACKETISER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadi/packet.h>

#include "heap_builder.h"
#include "tx_engine.h"

/* Header, counter, heap length, payload offset and payload length: in every packet. */
#define SPEADI_PACKET_FIXED_BYTES (SPEADI_HEADER_BYTES + 4 * SPEADI_POINTER_BYTES)

/* Smallest usable packet size: the fixed part, one item pointer and eight bytes of payload. */
#define SPEADI_PACKET_BYTES_MIN (SPEADI_PACKET_FIXED_BYTES + SPEADI_POINTER_BYTES + 8u)

/* What a heap comes to on the wire. */
struct speadi_heap_shape {
    uint64_t packets;
    uint64_t bytes;    /* of all packets */
    uint64_t length;   /* payload with padding: item 0x02 */
    uint32_t pointers; /* item pointers of the heap, the padding's NULL pointer included */
};

/* Returns 0, or -EINVAL: packets of packet_bytes (a multiple of 8, >= SPEADI_PACKET_BYTES_MIN) cannot
 * carry it, because repeated pointers do not fit one packet or padding does not fit the flavour. */
int speadi_heap_shape(struct speadi_heap_shape *shape, const struct spead_send_heap *heap,
                      uint32_t packet_bytes);

/* Room for packets; every member moves on as they are written. budget counts packet bytes and
 * packet_overhead for each packet; a packet that exceeds it is not begun. */
struct speadi_packet_space {
    uint8_t *header, *header_end; /* header is a multiple of 8 */
    struct iovec *iov, *iov_end;
    struct speadi_tx_packet *packet, *packet_end;
    uint64_t budget;
    uint32_t packet_overhead;
};

/* Where in a heap the cutting stands. */
struct speadi_packetiser {
    uint32_t packet_bytes; /* set by init */
    uint32_t pointers_max; /* item pointers that one packet can carry */

    const struct spead_send_heap *heap; /* borrowed from begin() until fill() returns true */
    uint64_t fixed[5];                  /* header template; host order */
    uint64_t length;
    uint64_t offset;  /* payload bytes already cut */
    uint64_t address; /* of the next addressed pointer */
    uint64_t piece;   /* bytes of item already cut */
    uint32_t item;    /* whose payload comes next */
    uint32_t pointer; /* which comes next */
    uint32_t pointers;
    uint16_t destination;
};

void speadi_packetiser_init(struct speadi_packetiser *packetiser, uint32_t packet_bytes);

void speadi_packetiser_begin(struct speadi_packetiser *packetiser,
                             const struct spead_send_heap *heap,
                             const struct speadi_heap_shape *shape, uint64_t counter,
                             uint16_t destination);

/* Writes packets until the heap is done (true) or the space cannot take the next one (false: call
 * again with more). Space with header room for packet_bytes, SPEADI_PACKET_IOVECS_MAX iovecs, one packet
 * and a budget of packet_bytes + packet_overhead takes any packet. */
bool speadi_packetiser_fill(struct speadi_packetiser *packetiser,
                            struct speadi_packet_space *space);

#endif
