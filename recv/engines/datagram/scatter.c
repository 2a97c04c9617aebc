/* SPDX-License-Identifier: Apache-2.0 */
/* Spreads one receive over iovecs, and lends the packets that landed in their predicted ranges. */
#include "scatter.h"

#include <assert.h>
#include <string.h>

#include <speadi/numbers.h>

void speadi_scatter_build(struct speadi_scatter *scatter, const struct speadi_rx_range *ranges,
                          unsigned count, uint32_t head_bytes, uint8_t *heads, uint8_t *spill)
{
    unsigned slots = 0;

    while (slots < count) {
        const struct speadi_rx_range *range = &ranges[slots];

        if (range->bytes > ranges[0].bytes)
            break;
        scatter->iov[2 * slots] = (struct iovec){heads + slots * SPEADI_HEAD_STRIDE, head_bytes};
        scatter->iov[2 * slots + 1] = (struct iovec){range->data, range->bytes};
        slots++;
        if (range->bytes < ranges[0].bytes)
            break;
    }
    scatter->iov[2 * slots] = (struct iovec){spill, SPEADI_DATAGRAMS_BYTES_MAX};
    scatter->slots = slots;
}

static void lend_slot(const struct speadi_scatter *scatter, unsigned slot, uint32_t bytes,
                      const struct speadi_datagrams *datagrams, uint16_t from,
                      struct speadi_rx_burst *burst)
{
    const struct iovec *head = &scatter->iov[2 * slot], *range = head + 1;
    uint32_t head_bytes = speadi_min_u32(bytes, (uint32_t)head->iov_len);
    uint32_t body_bytes = bytes - head_bytes;

    burst->packet[burst->count++] = (struct speadi_rx_packet){
        .head = head->iov_base,
        .body = body_bytes ? range->iov_base : NULL,
        .head_bytes = head_bytes,
        .body_bytes = body_bytes,
        .datagram_bytes = bytes,
        .source = datagrams->from.source,
        .segments = 1,
        .from = from,
        .time_ns = datagrams->time_ns,
        .place = body_bytes ? scatter->first_place + slot : SPEADI_RX_UNPLACED,
    };
}

/* The spill has room for all that one receive returns. First the bytes that are already in the spill move towards its
 * end. Then the bytes of the slots are copied to the beginning of the spill. */
void speadi_scatter_gather(const struct speadi_scatter *scatter, unsigned slot,
                           struct speadi_datagrams *datagrams)
{
    uint8_t *spill = scatter->iov[2 * scatter->slots].iov_base;
    uint32_t left = datagrams->held_bytes, before = 0;

    for (unsigned i = 2 * slot; i < 2 * scatter->slots; i++)
        before += (uint32_t)scatter->iov[i].iov_len;
    if (left > before)
        memmove(spill + before, spill, left - before);
    datagrams->data = spill;
    for (unsigned i = 2 * slot; i < 2 * scatter->slots && left; i++) {
        uint32_t bytes = speadi_min_u32(left, (uint32_t)scatter->iov[i].iov_len);

        memcpy(spill, scatter->iov[i].iov_base, bytes);
        spill += bytes;
        left -= bytes;
    }
}

bool speadi_scatter_lend_placed(const struct speadi_scatter *scatter,
                                struct speadi_datagrams *datagrams, struct speadi_rx_burst *burst)
{
    unsigned slot = 0;
    uint16_t from = 0;

    assert(burst->count + scatter->slots <= SPEADI_RX_BURST_MAX);
    if (datagrams->held_bytes < datagrams->true_bytes) {
        /* The kernel cut the end off. The core will count these datagrams and not read them. */
        datagrams->data = scatter->iov[0].iov_base;
        datagrams->held_bytes =
            speadi_min_u32(datagrams->held_bytes, (uint32_t)scatter->iov[0].iov_len);
        return true;
    }
    for (; slot < scatter->slots; slot++) {
        uint32_t room =
            (uint32_t)(scatter->iov[2 * slot].iov_len + scatter->iov[2 * slot + 1].iov_len);
        uint32_t bytes = speadi_min_u32(datagrams->held_bytes, datagrams->segment_bytes);
        bool last = datagrams->held_bytes == bytes;

        if (last ? bytes > room : bytes != room)
            break; /* the datagrams have other sizes than predicted */
        if (slot == 0)
            from = speadi_rx_from_add(burst, &datagrams->from);
        lend_slot(scatter, slot, bytes, datagrams, from, burst);
        datagrams->held_bytes -= bytes;
        datagrams->true_bytes -= bytes;
        if (last)
            return false;
    }
    speadi_scatter_gather(scatter, slot, datagrams);
    return true;
}
