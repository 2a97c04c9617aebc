/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: packets of one piece share a train wherever their iovecs lie, and packets that follow each other in memory are
 * one piece of the message. Only if the pieces are short on average are they copied.
 * Method: the packets are never sent. */
#include "datagram_train.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { PACKETS_MAX = 600 };

static struct speadi_train train;
static uint8_t *memory;
static struct speadi_tx_packet packet[PACKETS_MAX];
/* The iovecs do not lie next to each other, as if each packet were of another array. */
static struct iovec iov[2 * PACKETS_MAX];
static unsigned count;

static void begin(enum spead_send_path path)
{
    cr_assert_eq(speadi_train_init(&train, 65536, path, NULL), 0);
    memory = malloc(1 << 23);
    cr_assert_not_null(memory);
    for (unsigned i = 0; i < 1 << 23; i++)
        memory[i] = (uint8_t)(i * 31 + i / 251);
}

static void tear_down(void)
{
    speadi_train_release(&train);
    free(memory);
}

TestSuite(datagram_joined, .fini = tear_down);

/* Adds packets of one piece, the first of them at this place of the memory, and the others `stride` bytes apart. */
static void add(unsigned packets, size_t at, uint32_t bytes, size_t stride)
{
    for (unsigned i = 0; i < packets; i++, count++) {
        iov[2 * count] = (struct iovec){memory + at + i * stride, bytes};
        packet[count] =
            (struct speadi_tx_packet){.iov = &iov[2 * count], .bytes = bytes, .iov_count = 1};
    }
}

static unsigned build(unsigned first)
{
    return speadi_train_build(&train, packet + first, count - first);
}

/* Checks that message i has these packets, in this number of pieces, and nothing else. */
static void expect(unsigned i, unsigned first, unsigned packets, size_t pieces, bool copied)
{
    const struct msghdr *message = &train.message[i].msg_hdr;
    static uint8_t got[1 << 16], want[1 << 16];
    size_t got_bytes = 0, want_bytes = 0;

    cr_assert_eq(train.packets[i], packets, "message %u has %u packets", i, train.packets[i]);
    cr_assert_eq(message->msg_iovlen, pieces, "message %u has %zu pieces", i, message->msg_iovlen);
    cr_expect_eq(train.is_gathered[i], copied, "message %u", i);
    for (size_t k = 0; k < message->msg_iovlen; k++) {
        memcpy(got + got_bytes, message->msg_iov[k].iov_base, message->msg_iov[k].iov_len);
        got_bytes += message->msg_iov[k].iov_len;
    }
    for (unsigned k = first; k < first + packets; k++) {
        memcpy(want + want_bytes, packet[k].iov->iov_base, packet[k].bytes);
        want_bytes += packet[k].bytes;
    }
    cr_assert_eq(got_bytes, want_bytes);
    cr_expect_eq(memcmp(got, want, want_bytes), 0, "message %u has other bytes", i);
}

Test(datagram_joined, packets_that_follow_each_other_are_one_piece)
{
    begin(SPEAD_SEND_PATH_AUTO);
    add(61, 0, 1072, 1072);
    cr_assert_eq(build(0), 61);
    cr_assert_eq(train.count, 1);
    expect(0, 0, 61, 1, false);
    cr_expect_eq(train.message[0].msg_hdr.msg_iov->iov_base, memory, "nothing is copied");
}

Test(datagram_joined, a_ring_of_heaps_is_two_pieces_where_it_begins_again)
{
    begin(SPEAD_SEND_PATH_AUTO);
    add(10, 54 * 1072, 1072, 1072);
    add(51, 0, 1072, 1072);
    cr_assert_eq(build(0), 61);
    cr_assert_eq(train.count, 1);
    expect(0, 0, 61, 2, false);
}

Test(datagram_joined, short_packets_that_lie_apart_are_gathered_and_long_ones_are_not)
{
    begin(SPEAD_SEND_PATH_AUTO);
    add(5, 0, 1072, 2000);
    add(5, 100000, 1536, 2000);
    cr_assert_eq(build(0), 10);
    cr_assert_eq(train.count, 2);
    expect(0, 0, 5, 1, true);
    expect(1, 5, 5, 5, false);
}

Test(datagram_joined, the_last_packet_of_a_train_can_be_shorter)
{
    begin(SPEAD_SEND_PATH_AUTO);
    add(3, 0, 2000, 2000);
    add(1, 6000, 100, 100);
    add(2, 6100, 2000, 2000);
    cr_assert_eq(build(0), 6);
    cr_assert_eq(train.count, 2);
    expect(0, 0, 4, 1, false);
    expect(1, 4, 2, 1, false);
}

Test(datagram_joined, another_destination_begins_another_train)
{
    begin(SPEAD_SEND_PATH_AUTO);
    add(6, 0, 2000, 2000);
    for (unsigned i = 3; i < 6; i++)
        packet[i].destination = 1;
    cr_assert_eq(build(0), 6);
    cr_assert_eq(train.count, 2);
    expect(0, 0, 3, 1, false);
    expect(1, 3, 3, 1, false);
}

Test(datagram_joined, a_packet_of_two_pieces_ends_the_train)
{
    begin(SPEAD_SEND_PATH_AUTO);
    add(3, 0, 2000, 2000);
    packet[1].iov_count = 2;
    iov[2] = (struct iovec){memory + 2000, 1000};
    iov[3] = (struct iovec){memory + 3000, 1000};
    cr_assert_eq(build(0), 3);
    cr_assert_eq(train.count, 2, "the two of two and of one piece are gathered");
    expect(0, 0, 1, 1, false);
    cr_expect(train.is_gathered[1]);
    cr_expect_eq(train.packets[1], 2);
}

Test(datagram_joined, the_configuration_decides)
{
    begin(SPEAD_SEND_PATH_GATHER);
    add(10, 0, 2000, 2000);
    cr_assert_eq(build(0), 10);
    expect(0, 0, 10, 1, true);
    speadi_train_release(&train);
    cr_assert_eq(speadi_train_init(&train, 65536, SPEAD_SEND_PATH_REFERENCE, NULL), 0);
    count = 0;
    add(10, 0, 56, 100);
    cr_assert_eq(build(0), 10);
    expect(0, 0, 10, 10, false);
}

Test(datagram_joined, a_build_ends_where_its_pieces_are_used_up_and_the_next_one_goes_on)
{
    unsigned built = 0, messages = 0;

    begin(SPEAD_SEND_PATH_REFERENCE);
    add(600, 0, 56, 100);
    while (built < count) {
        const unsigned from = built;
        unsigned at = from;

        built += build(from);
        cr_assert_gt(built, from);
        for (unsigned i = 0; i < train.count; at += train.packets[i], i++)
            expect(i, at, train.packets[i], train.packets[i], false);
        messages += train.count;
    }
    cr_expect_eq(messages, 5, "600 packets are 4 trains of 128 and one of 88");
}
