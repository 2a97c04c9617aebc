/* Received messages, cut into packets. A message is what one receive returned: one datagram, or a
 * train of equal datagrams (the last may be shorter) that the kernel coalesced (UDP_GRO). */
#ifndef SPEADI_GRO_H
#define SPEADI_GRO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rx_engine.h"

#define SPEADI_DATAGRAMS_BYTES_MAX 65536u /* no UDP message is longer, coalesced or not */
#define SPEADI_GRO_CONTROL_BYTES   64u    /* room for UDP_GRO's control message */

/* The part of a message that has not been lent yet. */
struct speadi_datagrams {
    const uint8_t *data;
    uint32_t held_bytes;    /* lie at data */
    uint32_t true_bytes;    /* held_bytes, or more when the message was cut off */
    uint32_t segment_bytes; /* of each datagram but the last; >= 1 */
    uint16_t source;
    uint64_t time_ns;
};

/* Size of the datagrams in a received message of true_bytes bytes, from its control messages. */
uint32_t speadi_gro_segment_bytes(struct msghdr *header, uint32_t true_bytes);

/* Number of datagrams in the message; an empty one is one datagram. */
uint32_t speadi_datagrams_segments(const struct speadi_datagrams *message);

/* Appends the message's packets to the burst, UNPLACED, until one of them is exhausted. A message
 * that was cut off is lent as one packet, TRUNCATED, that counts all segments. Returns true when all
 * has been lent; else *message is what remains. */
bool speadi_datagrams_lend(struct speadi_datagrams *message, struct speadi_rx_burst *burst);

#endif
