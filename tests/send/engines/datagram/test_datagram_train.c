/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the kernel can cut every train into exactly the packets from which the train was made. After the kernel has
 * refused a train, later trains are built differently.
 * Method: the packets are never sent. The test passes results as the kernel would return them. The packets go by
 * reference; test_datagram_gather.c has what differs for gathered ones. */
#include "datagram_train.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>

#include "tx_harness.h"

static struct speadi_train train;
static struct tx_packets *packets;
static char log_line[256];
static unsigned log_lines;

static void keep_line(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg, (void)level;
    snprintf(log_line, sizeof log_line, "%s", line);
    log_lines++;
}

static void set_up(void)
{
    struct spead_log log = {.fn = keep_line};

    cr_assert_eq(speadi_train_init(&train, 65536, SPEAD_SEND_PATH_REFERENCE, &log), 0);
    /* The train has its own copy of `log`, so this change has no effect on the train. */
    log.fn = NULL;
    packets = tx_packets_make(1024);
}

static void tear_down(void)
{
    speadi_train_release(&train);
    tx_packets_free(packets);
}

TestSuite(datagram_train, .init = set_up, .fini = tear_down);

static void add(unsigned count, uint32_t bytes)
{
    for (unsigned i = 0; i < count; i++)
        tx_packets_add(packets, bytes, 0);
}

static unsigned build(void)
{
    return speadi_train_build(&train, packets->packet, packets->count);
}

/* Returns the segment size that kernel message i passes to the kernel, or 0 if the kernel must not cut the message. */
static unsigned segment_size(unsigned i)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(&train.message[i].msg_hdr);
    uint16_t bytes;

    if (!control)
        return 0;
    cr_assert(control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_SEGMENT);
    memcpy(&bytes, CMSG_DATA(control), sizeof bytes);
    return bytes;
}

static void expect_messages(unsigned count, const unsigned *lengths)
{
    cr_assert_eq(train.count, count, "%u messages, not %u", train.count, count);
    for (unsigned i = 0; i < count; i++)
        cr_expect_eq(train.packets[i], lengths[i], "message %u holds %u packets, not %u", i,
                     train.packets[i], lengths[i]);
}

Test(datagram_train, equal_packets_ride_together_up_to_the_largest_datagram)
{
    add(100, 1472);
    cr_expect_eq(build(), 100);
    expect_messages(3, (unsigned[]){44, 44, 12});
    cr_expect_eq(segment_size(0), 1472);
    cr_expect_eq(train.message[0].msg_hdr.msg_iovlen, 88);
    cr_expect_eq(train.message[1].msg_hdr.msg_iov, packets->packet[44].iov,
                 "iovecs are not copied");
}

Test(datagram_train, a_shorter_packet_ends_its_train)
{
    add(3, 1000);
    add(1, 600);
    add(2, 600);
    add(1, 700);
    cr_expect_eq(build(), 7);
    expect_messages(3, (unsigned[]){4, 2, 1});
    cr_expect_eq(segment_size(1), 600);
}

Test(datagram_train, a_packet_alone_asks_for_no_segmentation)
{
    add(1, 8000);
    build();
    cr_expect_eq(segment_size(0), 0);
    cr_expect_null(train.message[0].msg_hdr.msg_control);
}

Test(datagram_train, destinations_do_not_share_a_train)
{
    add(2, 500);
    tx_packets_add(packets, 500, 1);
    tx_packets_add(packets, 500, 1);
    tx_packets_add(packets, 500, 0);
    build();
    expect_messages(3, (unsigned[]){2, 2, 1});
    cr_expect_eq(train.destination[1], 1);
}

Test(datagram_train, a_train_is_no_longer_than_the_burst_but_one_packet_always_goes)
{
    speadi_train_release(&train);
    cr_assert_eq(speadi_train_init(&train, 5000, SPEAD_SEND_PATH_REFERENCE, NULL), 0);
    add(4, 2000);
    add(1, 9000);
    build();
    expect_messages(3, (unsigned[]){2, 2, 1});
}

Test(datagram_train, at_most_128_packets_ride_together)
{
    add(300, 64);
    build();
    expect_messages(3, (unsigned[]){128, 128, 44});
}

Test(datagram_train, at_most_1024_iovecs_ride_together)
{
    for (unsigned i = 0; i < 3; i++)
        tx_packets_add_pieces(packets, 1000, 0, 500);
    build();
    expect_messages(2, (unsigned[]){2, 1});
}

Test(datagram_train, packets_whose_iovecs_lie_apart_do_not_share_a_train)
{
    struct iovec elsewhere[2];

    add(3, 400);
    memcpy(elsewhere, packets->packet[1].iov, sizeof elsewhere);
    packets->packet[1].iov = elsewhere;
    build();
    expect_messages(3, (unsigned[]){1, 1, 1});
}

Test(datagram_train, a_packet_of_too_many_pieces_is_copied_together)
{
    tx_packets_add_pieces(packets, 3000, 0, 1500);
    tx_packets_add_pieces(packets, 3000, 0, 1500);
    cr_expect_eq(build(), 2, "such packets are gathered by every path");
    cr_assert_eq(train.message[0].msg_hdr.msg_iovlen, 1);
    cr_expect_eq(memcmp(train.message[0].msg_hdr.msg_iov->iov_base, packets->bytes[0], 3000), 0);
    cr_expect(train.is_gathered[0]);
}

/* ---- Refusals ------------------------------------------------------------------------------ */

static int error;

static bool icmp_seen;

static enum speadi_train_decision judge(unsigned i, int result)
{
    error = 1;
    return speadi_train_decide(&train, i, result, icmp_seen, &error);
}

Test(datagram_train, a_long_train_that_is_refused_is_halved_once)
{
    add(300, 64);
    build();
    cr_expect_eq(judge(0, -EINVAL), SPEADI_TRAIN_AGAIN);
    build();
    expect_messages(5, (unsigned[]){64, 64, 64, 64, 44});
    cr_expect_eq(judge(0, 64 * 64), SPEADI_TRAIN_DONE);
    cr_expect_eq(error, 0);
    cr_expect_eq(log_lines, 0, "nothing is lost by that");
}

Test(datagram_train, refused_segmentation_ends_trains_when_single_packets_pass)
{
    add(100, 1472);
    build();
    cr_expect_eq(judge(0, -EIO), SPEADI_TRAIN_AGAIN);
    cr_expect_eq(build(), 44, "only the refused packets are tried singly");
    cr_expect_eq(train.packets[0], 1);
    cr_expect_eq(judge(0, 1472), SPEADI_TRAIN_DONE);
    for (int round = 0; round < 2; round++) {
        build();
        cr_expect(train.packets[0] == 1 && train.packets[63] == 1, "trains have ended for good");
    }
    cr_expect_eq(log_lines, 1);
    cr_expect(strstr(log_line, "UDP_SEGMENT"), "\"%s\"", log_line);
}

Test(datagram_train, trains_go_on_when_the_packets_were_at_fault)
{
    add(60, 1472);
    build();
    judge(0, -EINVAL);
    cr_expect_eq(build(), 44);
    for (unsigned i = 0; i < 44; i++) {
        cr_expect_eq(judge(i, -EINVAL), SPEADI_TRAIN_DONE);
        cr_expect_eq(error, -EINVAL);
    }
    build();
    cr_expect_eq(train.packets[0], 44);
    cr_expect_eq(log_lines, 0);
}

Test(datagram_train, packets_longer_than_the_route_takes_go_singly_from_then_on)
{
    add(14, 8000);
    build();
    cr_expect_eq(judge(0, -EMSGSIZE), SPEADI_TRAIN_AGAIN);
    build();
    cr_expect_eq(judge(0, 8000), SPEADI_TRAIN_DONE);
    build();
    expect_messages(14, (unsigned[]){1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    tx_packets_free(packets);
    packets = tx_packets_make(16);
    add(10, 1472);
    build();
    expect_messages(1, (unsigned[]){10});
}

Test(datagram_train, a_late_refusal_is_counted_and_the_message_goes_again)
{
    add(2, 100);
    build();
    cr_expect_eq(judge(0, -ECONNREFUSED), SPEADI_TRAIN_AGAIN);
    cr_expect_eq(judge(0, -ECONNREFUSED), SPEADI_TRAIN_AGAIN);
    cr_expect_eq(judge(0, 200), SPEADI_TRAIN_DONE);
    cr_expect_eq(error, 0);
    cr_expect_eq(train.icmp_unreachable, 2);
}

Test(datagram_train, an_error_of_the_route_itself_becomes_the_packets_error)
{
    add(1, 100);
    build();
    cr_expect_eq(judge(0, -ENETUNREACH), SPEADI_TRAIN_AGAIN);
    cr_expect_eq(judge(0, -ENETUNREACH), SPEADI_TRAIN_DONE);
    cr_expect_eq(error, -ENETUNREACH);
    cr_expect_eq(train.icmp_unreachable, 0, "no ICMP message was involved");
    cr_expect_eq(judge(0, -EPERM), SPEADI_TRAIN_DONE);
    cr_expect_eq(error, -EPERM);
}

/* A router can send many ICMP messages in a short time. */
Test(datagram_train, many_icmp_messages_in_a_row_fail_no_packet)
{
    add(1, 100);
    build();
    icmp_seen = true;
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(judge(0, i % 2 ? -EHOSTUNREACH : -EPROTO), SPEADI_TRAIN_AGAIN);
    cr_expect_eq(judge(0, 100), SPEADI_TRAIN_DONE);
    cr_expect_eq(error, 0);
    icmp_seen = false;
}

Test(datagram_train, what_a_local_queue_dropped_is_not_sent_again)
{
    add(60, 1472);
    build();
    cr_expect_eq(judge(0, -ENOBUFS), SPEADI_TRAIN_DONE);
    cr_expect_eq(error, -ENOBUFS);
    cr_expect_eq(train.segments_max, 128, "trains are not at fault");
}

Test(datagram_train, packets_go_singly_while_a_queue_drops_and_where_one_cuts_trains)
{
    add(3, 1000);
    tx_packets_add(packets, 1000, 1);
    tx_packets_add(packets, 1000, 1);
    train.singly = true;
    build();
    expect_messages(5, (unsigned[]){1, 1, 1, 1, 1});
    train.singly = false;
    train.singly_to[1] = true;
    build();
    expect_messages(3, (unsigned[]){3, 1, 1});
}

Test(datagram_train, endless_refusals_end)
{
    unsigned again = 0;

    add(1, 100);
    build();
    while (judge(0, -ECONNREFUSED) == SPEADI_TRAIN_AGAIN)
        cr_assert_lt(++again, 1000);
    cr_expect_eq(error, -ECONNREFUSED);
}

Test(datagram_train, lack_of_room_is_no_error)
{
    add(1, 100);
    build();
    cr_expect_eq(judge(0, -EAGAIN), SPEADI_TRAIN_NO_ROOM);
    cr_expect_eq(judge(0, -ENOMEM), SPEADI_TRAIN_STARVED);
    cr_expect_eq(judge(0, -EINTR), SPEADI_TRAIN_AGAIN);
}
