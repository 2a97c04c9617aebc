/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: packets that landed as predicted are lent in place. All other packets are lent whole and in order. Method: the
 * test spreads the bytes of a receive over the iovecs as the kernel does, lends them, and compares the packets with
 * what was sent. */
#include <criterion/criterion.h>

#include <string.h>

#include <rx_rig.h>
#include <scatter.h>

#define HEAD    48u
#define PAYLOAD 952u
#define PACKET  (HEAD + PAYLOAD)
#define FIRST   1000u /* the number of the first reservation */

static uint8_t sent[SPEADI_DATAGRAMS_BYTES_MAX], spill[SPEADI_DATAGRAMS_BYTES_MAX];
static uint8_t heads[SPEADI_HEADS_BYTES], memory[64 * PAYLOAD];
static struct iovec iov[SPEADI_SCATTER_IOVECS];
static struct speadi_scatter scatter = {.iov = iov, .first_place = FIRST};
static struct speadi_rx_burst burst;

static void predict(unsigned count, uint32_t last_bytes)
{
    struct speadi_rx_range range[SPEADI_RX_RESERVE_USUAL];

    for (unsigned i = 0; i < count; i++)
        range[i] = (struct speadi_rx_range){.data = memory + i * PAYLOAD,
                                            .bytes = i + 1 < count ? PAYLOAD : last_bytes};
    speadi_scatter_build(&scatter, range, count, HEAD, heads, spill);
}

/* Receives `bytes` bytes in datagrams of `segment` bytes. Returns the result of speadi_scatter_lend_placed(). */
static bool receive(uint32_t bytes, uint32_t segment)
{
    struct speadi_datagrams datagrams = {
        .held_bytes = bytes, .true_bytes = bytes, .segment_bytes = segment, .from = {.source = 5}};
    uint32_t at = 0;
    bool rest;

    rx_rig_fill(sent, bytes, bytes + segment);
    for (unsigned i = 0; i < 2 * scatter.slots + 1 && at < bytes; i++) {
        size_t part = bytes - at < iov[i].iov_len ? bytes - at : iov[i].iov_len;

        memcpy(iov[i].iov_base, sent + at, part);
        at += (uint32_t)part;
    }
    rest = speadi_scatter_lend_placed(&scatter, &datagrams, &burst);
    if (rest)
        cr_assert(speadi_datagrams_lend(&datagrams, &burst));
    return rest;
}

/* Checks that all packets were lent whole. Checks also that the first `placed` packets lie in their reserved ranges. */
static void check(uint32_t bytes, uint32_t segment, unsigned placed)
{
    unsigned count = (bytes + segment - 1) / segment;

    cr_assert_eq(burst.count, count, "%u packets, %u sent", burst.count, count);
    for (unsigned i = 0; i < count; i++) {
        const struct speadi_rx_packet *p = &burst.packet[i];
        uint32_t at = i * segment, part = bytes - at < segment ? bytes - at : segment;

        cr_expect(rx_rig_packet_is(p, sent + at, part), "packet %u of %u bytes", i, part);
        cr_expect_eq(p->place, i < placed ? FIRST + i : SPEADI_RX_UNPLACED, "packet %u", i);
        cr_expect(i >= placed || p->body == memory + i * PAYLOAD, "packet %u", i);
        cr_expect_eq(p->source, 5);
    }
}

Test(scatter, packets_as_predicted_are_lent_where_they_lie)
{
    predict(7, PAYLOAD);
    cr_expect_not(receive(7 * PACKET, PACKET));
    check(7 * PACKET, PACKET, 7);
}

Test(scatter, the_last_packet_may_be_shorter)
{
    predict(7, PAYLOAD);
    cr_expect_not(receive(3 * PACKET + 500, PACKET));
    check(3 * PACKET + 500, PACKET, 4);
}

Test(scatter, a_packet_without_payload_has_no_place)
{
    predict(3, PAYLOAD);
    cr_expect_not(receive(2 * PACKET + HEAD, PACKET));
    check(2 * PACKET + HEAD, PACKET, 2);
}

Test(scatter, packets_beyond_the_prediction_come_from_the_spill)
{
    predict(2, PAYLOAD);
    cr_expect(receive(5 * PACKET + 10, PACKET));
    check(5 * PACKET + 10, PACKET, 2);
}

Test(scatter, packets_split_elsewhere_are_gathered)
{
    for (uint32_t segment = 8; segment < 3 * PACKET; segment += 97) {
        if (segment == PACKET)
            continue;
        burst.count = 0;
        predict(7, PAYLOAD);
        receive(9 * 97 * 5, segment);
        /* A datagram that comes alone and fits its slot would be placed, whatever its length. Here each datagram comes
         * with others, or is too long for its slot. */
        check(9 * 97 * 5, segment, 0);
    }
}

/* The last range of a heap is shorter than the other ranges. A train ends with the packet for this range. */
Test(scatter, slots_end_with_the_first_shorter_range)
{
    struct speadi_rx_range range[4] = {
        {.data = memory, .bytes = PAYLOAD},
        {.data = memory + PAYLOAD, .bytes = 100},
        {.data = memory + 2 * PAYLOAD, .bytes = PAYLOAD},
    };

    speadi_scatter_build(&scatter, range, 3, HEAD, heads, spill);
    cr_assert_eq(scatter.slots, 2);
    cr_expect_not(receive(PACKET + HEAD + 100, PACKET));
    check(PACKET + HEAD + 100, PACKET, 2);
}

Test(scatter, slots_end_before_the_first_longer_range)
{
    struct speadi_rx_range range[2] = {{.data = memory, .bytes = 100},
                                       {.data = memory + PAYLOAD, .bytes = PAYLOAD}};

    speadi_scatter_build(&scatter, range, 2, HEAD, heads, spill);
    cr_assert_eq(scatter.slots, 1);
}

Test(scatter, a_last_packet_too_long_for_its_slot_is_gathered_whole)
{
    predict(3, 100);
    cr_expect(receive(2 * PACKET + 700, PACKET));
    check(2 * PACKET + 700, PACKET, 2);
}

Test(scatter, the_largest_message_fits_after_gathering)
{
    predict(64, PAYLOAD);
    cr_expect(receive(65507, 65507));
    check(65507, 65507, 0);
}

Test(scatter, an_empty_datagram_is_a_packet)
{
    predict(2, PAYLOAD);
    cr_expect_not(receive(0, 1));
    cr_assert_eq(burst.count, 1);
    cr_expect_eq(burst.packet[0].datagram_bytes, 0);
    cr_expect_eq(burst.packet[0].place, SPEADI_RX_UNPLACED);
}

Test(scatter, a_cut_off_message_is_counted_with_its_segments)
{
    struct speadi_datagrams datagrams = {
        .held_bytes = 3000, .true_bytes = 4001, .segment_bytes = PACKET};

    predict(2, PAYLOAD);
    cr_assert(speadi_scatter_lend_placed(&scatter, &datagrams, &burst));
    cr_assert(speadi_datagrams_lend(&datagrams, &burst));
    cr_assert_eq(burst.count, 1);
    cr_expect_eq(burst.packet[0].flags, SPEADI_RX_TRUNCATED);
    cr_expect_eq(burst.packet[0].segments, 5);
    cr_expect_eq(burst.packet[0].datagram_bytes, 4001);
}
