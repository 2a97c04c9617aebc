/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: packets of short pieces are gathered and the others go by reference, unless the configuration says otherwise. A
 * gathered train has the bytes of its packets one behind another, and the kernel cuts it into these packets.
 * Method: the packets are never sent. */
#include "datagram_train.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tx_harness.h"

static struct speadi_train train;
static struct tx_packets *packets;

static void begin(enum spead_send_path path)
{
    cr_assert_eq(speadi_train_init(&train, 65536, path, NULL), 0);
    packets = tx_packets_make(1024);
}

static void tear_down(void)
{
    speadi_train_release(&train);
    tx_packets_free(packets);
}

TestSuite(datagram_gather, .fini = tear_down);

static void add(unsigned count, uint32_t bytes)
{
    for (unsigned i = 0; i < count; i++)
        tx_packets_add(packets, bytes, 0);
}

/* Builds kernel messages from all packets, beginning with packet `first`. */
static unsigned build(unsigned first)
{
    return speadi_train_build(&train, packets->packet + first, packets->count - first);
}

/* Checks that message i consists of one piece, with the bytes of these packets. */
static void expect_copy(unsigned i, unsigned first, unsigned count)
{
    const struct msghdr *message = &train.message[i].msg_hdr;
    const uint8_t *at = message->msg_iov->iov_base;
    size_t bytes = 0;

    cr_assert_eq(train.packets[i], count, "message %u has %u packets", i, train.packets[i]);
    cr_assert(train.is_gathered[i] && message->msg_iovlen == 1, "message %u", i);
    for (unsigned k = first; k < first + count; k++) {
        cr_expect_eq(memcmp(at + bytes, packets->bytes[k], packets->packet[k].bytes), 0,
                     "packet %u", k);
        bytes += packets->packet[k].bytes;
    }
    cr_expect_eq(message->msg_iov->iov_len, bytes);
}

Test(datagram_gather, auto_gathers_packets_below_3072_bytes)
{
    static const uint32_t sizes[] = {56, 1472, 3071, 3072, 8972, 65507};

    begin(SPEAD_SEND_PATH_AUTO);
    for (unsigned i = 0; i < 6; i++)
        tx_packets_add(packets, sizes[i], 0);
    cr_assert_eq(build(0), 6);
    cr_assert_eq(train.count, 6, "each packet is longer than the one before it");
    for (unsigned i = 0; i < 6; i++)
        cr_expect_eq(train.is_gathered[i], sizes[i] < 3072, "%u bytes", sizes[i]);
    cr_expect_eq(train.message[3].msg_hdr.msg_iov, packets->packet[3].iov);
}

Test(datagram_gather, auto_gathers_long_packets_of_short_pieces_too)
{
    begin(SPEAD_SEND_PATH_AUTO);
    tx_packets_add_pieces(packets, 8972, 0, 5);
    tx_packets_add_pieces(packets, 8972, 0, 6);
    tx_packets_add_pieces(packets, 1536, 0, 1);
    cr_assert_eq(build(0), 3);
    cr_expect(!train.is_gathered[0], "two packets of 8972 bytes, and the first has long pieces");
    cr_expect(!train.is_gathered[train.count - 1], "the one piece is long enough");
    cr_assert_eq(speadi_train_build(&train, packets->packet + 1, 1), 1);
    expect_copy(0, 1, 1);
}

Test(datagram_gather, a_gathered_train_has_the_bytes_of_its_packets_in_order)
{
    begin(SPEAD_SEND_PATH_GATHER);
    add(6, 1472);
    add(1, 100);
    add(3, 8972);
    cr_assert_eq(build(0), 10);
    cr_assert_eq(train.count, 2);
    expect_copy(0, 0, 7);
    expect_copy(1, 7, 3);
}

Test(datagram_gather, packets_whose_iovecs_lie_apart_or_are_many_share_a_gathered_train)
{
    struct iovec elsewhere[2];

    begin(SPEAD_SEND_PATH_AUTO);
    add(3, 1000);
    memcpy(elsewhere, packets->packet[1].iov, sizeof elsewhere);
    packets->packet[1].iov = elsewhere;
    for (unsigned i = 0; i < 3; i++)
        tx_packets_add_pieces(packets, 1000, 0, 500);
    cr_assert_eq(build(0), 6);
    cr_assert_eq(train.count, 1);
    expect_copy(0, 0, 6);
}

Test(datagram_gather, a_build_ends_where_the_buffer_is_full_and_the_next_one_goes_on)
{
    begin(SPEAD_SEND_PATH_GATHER);
    add(100, 1472);
    cr_assert_eq(build(0), 88);
    expect_copy(0, 0, 44);
    expect_copy(1, 44, 44);
    cr_assert_eq(build(88), 12);
    expect_copy(0, 88, 12);
}

/* A train that finds no room is gathered in vain. */
Test(datagram_gather, after_a_send_without_room_one_train_is_gathered_at_a_time)
{
    begin(SPEAD_SEND_PATH_GATHER);
    add(100, 1472);
    train.gather.half = true;
    cr_assert_eq(build(0), 44);
    expect_copy(0, 0, 44);
    tx_packets_add(packets, 65507, 0);
    cr_assert_eq(build(100), 1, "the largest packet still fits");
    expect_copy(0, 100, 1);
}

Test(datagram_gather, packets_that_make_no_train_do_not_fill_the_buffer)
{
    begin(SPEAD_SEND_PATH_AUTO);
    for (unsigned i = 0; i < 100; i++)
        tx_packets_add(packets, 1472, (uint16_t)(i % 2));
    cr_assert_eq(build(0), 64, "as many kernel messages as by reference");
    for (unsigned i = 0; i < 64; i++)
        expect_copy(i, i, 1);
}

Test(datagram_gather, the_largest_packets_fit_the_buffer)
{
    begin(SPEAD_SEND_PATH_GATHER);
    add(3, 65507);
    cr_assert_eq(build(0), 2);
    expect_copy(0, 0, 1);
    expect_copy(1, 1, 1);
}

Test(datagram_gather, a_packet_that_no_datagram_can_carry_is_left_to_the_kernel)
{
    begin(SPEAD_SEND_PATH_GATHER);
    add(1, 65508);
    add(1, 200000);
    cr_assert_eq(build(0), 2);
    for (unsigned i = 0; i < 2; i++)
        cr_expect(!train.is_gathered[i] &&
                  train.message[i].msg_hdr.msg_iov == packets->packet[i].iov);
}

Test(datagram_gather, by_reference_nothing_is_copied)
{
    begin(SPEAD_SEND_PATH_REFERENCE);
    add(200, 56);
    add(10, 1472);
    build(0);
    for (unsigned i = 0; i < train.count; i++)
        cr_expect_not(train.is_gathered[i], "message %u", i);
}

/* After a refusal the same packets are built anew, as a shorter train or one by one. */
Test(datagram_gather, a_refused_train_is_gathered_again_in_the_parts_that_are_tried)
{
    int error;

    begin(SPEAD_SEND_PATH_AUTO);
    add(60, 1000);
    build(0);
    cr_expect_eq(speadi_train_decide(&train, 0, -EIO, false, &error), SPEADI_TRAIN_AGAIN);
    cr_assert_eq(build(0), 60);
    for (unsigned i = 0; i < 60; i++)
        expect_copy(i, i, 1);
    cr_expect_null(train.message[0].msg_hdr.msg_control);
}

static const char *described(enum spead_send_path path, uint32_t packet_bytes)
{
    static char text[SPEADI_TX_SHAPE_MAX];

    speadi_gather_describe(path, packet_bytes, text);
    return text;
}

Test(datagram_gather, the_choice_is_told_with_its_reason)
{
    begin(SPEAD_SEND_PATH_AUTO);
    cr_expect_str_eq(described(SPEAD_SEND_PATH_AUTO, 1472),
                     "packets are shorter than 3072 bytes and gathered, unless they follow each "
                     "other in memory");
    cr_expect_str_eq(described(SPEAD_SEND_PATH_AUTO, 8968),
                     "packets go by reference from 3072 bytes on, and shorter ones are gathered");
    cr_expect_str_eq(described(SPEAD_SEND_PATH_GATHER, 8968), "packets are gathered: asked for");
    cr_expect_str_eq(described(SPEAD_SEND_PATH_REFERENCE, 56),
                     "packets go by reference: asked for");
}
