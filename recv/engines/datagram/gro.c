/* SPDX-License-Identifier: Apache-2.0 */
/* One receive can return a train of datagrams. This file cuts the train into packets. */
#include "gro.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include <speadi/numbers.h>

uint32_t speadi_gro_segment_bytes(struct msghdr *header, uint32_t true_bytes)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        int segment;

        if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO)
            continue;
        memcpy(&segment, CMSG_DATA(c), sizeof segment);
        if (segment > 0)
            return (uint32_t)segment;
    }
    return true_bytes ? true_bytes : 1;
}

uint16_t speadi_datagrams_segments(const struct speadi_datagrams *datagrams)
{
    uint32_t segments = (uint32_t)speadi_divide_up(datagrams->true_bytes, datagrams->segment_bytes);

    return (uint16_t)speadi_clamp_u32(segments, 1, UINT16_MAX);
}

static void lend_truncated(const struct speadi_datagrams *datagrams, uint16_t from,
                           struct speadi_rx_burst *burst)
{
    burst->packet[burst->count++] = (struct speadi_rx_packet){
        .head = datagrams->data,
        .head_bytes = datagrams->held_bytes,
        .datagram_bytes = datagrams->true_bytes,
        .source = datagrams->from.source,
        .flags = SPEADI_RX_TRUNCATED,
        .segments = speadi_datagrams_segments(datagrams),
        .from = from,
        .time_ns = datagrams->time_ns,
        .place = SPEADI_RX_UNPLACED,
    };
}

bool speadi_datagrams_lend(struct speadi_datagrams *datagrams, struct speadi_rx_burst *burst)
{
    uint16_t from;

    if (burst->count == SPEADI_RX_BURST_MAX)
        return false;
    from = speadi_rx_from_add(burst, &datagrams->from);
    if (datagrams->held_bytes < datagrams->true_bytes) {
        lend_truncated(datagrams, from, burst);
        return true;
    }
    for (;;) {
        uint32_t bytes = datagrams->held_bytes < datagrams->segment_bytes
                             ? datagrams->held_bytes
                             : datagrams->segment_bytes;

        burst->packet[burst->count++] = (struct speadi_rx_packet){
            .head = datagrams->data,
            .head_bytes = bytes,
            .datagram_bytes = bytes,
            .source = datagrams->from.source,
            .segments = 1,
            .from = from,
            .time_ns = datagrams->time_ns,
            .place = SPEADI_RX_UNPLACED,
        };
        datagrams->data += bytes;
        datagrams->held_bytes -= bytes;
        datagrams->true_bytes -= bytes;
        if (!datagrams->held_bytes)
            return true;
        if (burst->count == SPEADI_RX_BURST_MAX)
            return false;
    }
}
