/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the library turns what the kernel returned for one receive into the packets that were sent. Method: the test
 * itself makes the results of receives. It also makes results that the kernel of a test machine does not return:
 * datagrams that are cut off, or more datagrams than a burst holds. */
#include <criterion/criterion.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include <gro.h>

static uint8_t data[SPEADI_DATAGRAMS_BYTES_MAX];
static struct speadi_rx_burst burst;

static struct speadi_datagrams received(uint32_t bytes, uint32_t segment)
{
    return (struct speadi_datagrams){.data = data,
                                     .held_bytes = bytes,
                                     .true_bytes = bytes,
                                     .segment_bytes = segment,
                                     .from = {.source = 3},
                                     .time_ns = 42};
}

Test(gro, a_train_becomes_its_datagrams_and_the_last_may_be_shorter)
{
    struct speadi_datagrams datagrams = received(2500, 1000);

    cr_assert(speadi_datagrams_lend(&datagrams, &burst));
    cr_assert_eq(burst.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct speadi_rx_packet *p = &burst.packet[i];

        cr_expect_eq(p->head, data + 1000 * i);
        cr_expect_eq(p->head_bytes, i < 2 ? 1000 : 500);
        cr_expect_eq(p->datagram_bytes, p->head_bytes);
        cr_expect_null(p->body);
        cr_expect_eq(p->source, 3);
        cr_expect_eq(p->segments, 1);
        cr_expect_eq(p->time_ns, 42);
        cr_expect_eq(p->place, SPEADI_RX_UNPLACED);
        cr_expect_eq(p->from, 0);
    }
    cr_expect_eq(burst.from_count, 1u, "a train has one sender");
    cr_expect_eq(burst.from[0].source, 3);
}

Test(gro, an_empty_datagram_is_a_packet)
{
    struct speadi_datagrams datagrams = received(0, 1);

    cr_assert(speadi_datagrams_lend(&datagrams, &burst));
    cr_assert_eq(burst.count, 1);
    cr_expect_eq(burst.packet[0].datagram_bytes, 0);
}

/* The host of a virtual machine can deliver a train of very many small datagrams: far more than a burst holds. */
Test(gro, a_train_longer_than_a_burst_goes_on_in_the_next)
{
    struct speadi_datagrams datagrams = received(5 * SPEADI_RX_BURST_MAX / 2, 1);

    cr_assert_not(speadi_datagrams_lend(&datagrams, &burst));
    cr_assert_eq(burst.count, SPEADI_RX_BURST_MAX);
    cr_assert_not(speadi_datagrams_lend(&datagrams, &burst), "a full burst takes no more");
    cr_assert_eq(burst.count, SPEADI_RX_BURST_MAX);
    burst.count = 0;
    cr_assert_not(speadi_datagrams_lend(&datagrams, &burst));
    cr_expect_eq(burst.packet[0].head, data + SPEADI_RX_BURST_MAX);
    burst.count = 0;
    cr_assert(speadi_datagrams_lend(&datagrams, &burst));
    cr_expect_eq(burst.count, SPEADI_RX_BURST_MAX / 2);
}

Test(gro, a_cut_off_train_is_counted_with_all_its_datagrams)
{
    struct speadi_datagrams datagrams = received(7001, 1000);

    datagrams.held_bytes = 4000;
    cr_assert(speadi_datagrams_lend(&datagrams, &burst));
    cr_assert_eq(burst.count, 1);
    cr_expect_eq(burst.packet[0].flags, SPEADI_RX_TRUNCATED);
    cr_expect_eq(burst.packet[0].segments, 8);
    cr_expect_eq(burst.packet[0].datagram_bytes, 7001);
    cr_expect_eq(burst.packet[0].head_bytes, 4000);
}

static uint32_t segment_of(int type, int value, uint32_t bytes)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr header = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);

    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(sizeof value);
    memcpy(CMSG_DATA(c), &value, sizeof value);
    return speadi_gro_segment_bytes(&header, bytes);
}

Test(gro, the_kernel_says_where_datagrams_end)
{
    cr_expect_eq(segment_of(UDP_GRO, 1472, 9000), 1472);
}

Test(gro, a_message_without_that_word_is_one_datagram)
{
    cr_expect_eq(segment_of(UDP_GRO + 1, 1472, 9000), 9000);
    cr_expect_eq(segment_of(UDP_GRO, 0, 9000), 9000);
    cr_expect_eq(segment_of(UDP_GRO, -1, 0), 1, "never 0: lengths are divided by it");
}
