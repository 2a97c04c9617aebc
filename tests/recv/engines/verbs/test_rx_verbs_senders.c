/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the verbs engine tells for each packet who sent it. This holds with both kinds of queue, and also for frames
 * that the engine refuses.
 * Method: two sockets on the far host send, or the test builds frames byte by byte. The test compares the sender of
 * each packet with the name of its socket. The first byte of a packet is the number of its sender. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include <speadi/udp.h>

#include "verbs_double.h"
#include "verbs_rx_usual.h"

TestSuite(rx_verbs_senders, .init = test_use_verbs_double, .fini = tear_down, .timeout = 60);

#define PACKETS 64u

static int senders[2];
static uint8_t frame[PAYLOAD + 64];

/* Opens the engine with one endpoint, and a second sender to it. */
static void open_two(const char *endpoint, enum spead_verbs_mprq mprq)
{
    struct speadi_interface far;
    const struct speadi_udp_send_options options = {
        .interface = &far, .buffer_bytes = 1u << 20, .ttl = 4};
    struct speadi_udp_socket socket;

    verbs_rx_open(&rig, &(struct verbs_rx_options){.endpoints = {endpoint},
                                                   .path = SPEAD_PATH_BOUNCE,
                                                   .verbs = {.mprq = mprq}});
    test_netns_move(rig.hosts.far);
    cr_assert_eq(speadi_interface_find(&far, TEST_FAR_INTERFACE, NULL), 0);
    cr_assert_eq(speadi_udp_open_send(&socket, &rig.address[0], &options, NULL), 0);
    test_netns_move(rig.hosts.near);
    senders[0] = rig.sender[0];
    senders[1] = socket.fd;
}

static bool is_from(const struct speadi_rx_packet *packet, int sender)
{
    return packet->from < rig.burst.from_count &&
           rig.burst.from[packet->from].source == packet->source &&
           rx_rig_from_is(&rig.burst.from[packet->from], sender);
}

static void send_by(unsigned sender)
{
    sent[0] = (uint8_t)sender;
    cr_assert_eq(send(senders[sender], sent, sizeof sent, 0), (ssize_t)sizeof sent);
}

/* The two senders take turns: one sends `run` packets, then the other sends `run` packets. Expects that each packet
 * names its sender. */
static void expect_senders(unsigned run)
{
    unsigned got = 0;

    for (unsigned i = 0; i < PACKETS; i++)
        send_by(i / run % 2);
    while (got < PACKETS) {
        unsigned runs = 0, last = 2;

        cr_assert_gt(verbs_rx_rig_poll(&rig), 0, "%u packets came", got);
        for (unsigned i = 0; i < rig.burst.count; i++, got++) {
            const struct speadi_rx_packet *packet = &rig.burst.packet[i];

            cr_assert_eq(packet->head[0], got / run % 2);
            cr_assert(is_from(packet, senders[got / run % 2]), "packet %u", got);
            runs += packet->head[0] != last;
            last = packet->head[0];
        }
        cr_expect_eq(rig.burst.from_count, runs, "an entry for each change of sender");
        verbs_rx_rig_give_back(&rig);
    }
}

static const struct {
    const char *endpoint;
    enum spead_verbs_mprq mprq;
} endpoints[] = {
    {"239.1.2.3:7148", SPEAD_MPRQ_OFF},         {TEST_NEAR_V4 ":7148", SPEAD_MPRQ_OFF},
    {"[ff15::1:2]:7148", SPEAD_MPRQ_OFF},       {"[" TEST_NEAR_V6 "]:7148", SPEAD_MPRQ_OFF},
    {"239.1.2.3:7148", SPEAD_MPRQ_ON},          {TEST_NEAR_V4 ":7148", SPEAD_MPRQ_ON},
    {"[" TEST_NEAR_V6 "]:7148", SPEAD_MPRQ_ON},
};

Test(rx_verbs_senders, two_senders_are_told_apart_over_both_ip_versions_and_queues)
{
    for (unsigned i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        open_two(endpoints[i].endpoint, endpoints[i].mprq);
        expect_senders(PACKETS); /* the first sender alone */
        expect_senders(1);
        expect_senders(5);
        close(senders[1]);
        verbs_rx_rig_close(&rig);
    }
}

/* Expects that the sender of the packet is the far host, with the port that verbs_rx_rig_frame() writes. */
static void expect_far_host(const struct speadi_rx_packet *packet, uint16_t port)
{
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 10, 77, 0, 2};
    const struct speadi_rx_from *from = &rig.burst.from[packet->from];

    cr_assert_lt(packet->from, rig.burst.from_count);
    cr_expect(from->sender.known);
    cr_expect_eq(from->sender.port, port);
    cr_expect_arr_eq(from->sender.address, mapped, sizeof mapped);
}

Test(rx_verbs_senders, frames_with_a_vlan_tag_name_their_sender)
{
    open_usual();
    cr_assert(
        verbs_rx_rig_send_frame(&rig, frame, verbs_rx_rig_frame(frame, 5, 0, sent, sizeof sent)));
    expect_far_host(take_one(), 1234);
    verbs_rx_rig_give_back(&rig);
}

Test(rx_verbs_senders, a_frame_refused_for_its_checksum_names_the_sender_that_it_states)
{
    size_t bytes;

    open_usual();
    assert_comes(0, 1);
    bytes = verbs_rx_rig_frame(frame, 0, 0, sent, sizeof sent);
    frame[bytes - 3] ^= 4;
    cr_assert(verbs_rx_rig_send_frame(&rig, frame, bytes));
    cr_expect_eq(take_one()->flags, SPEADI_RX_REFUSED);
    expect_far_host(&rig.burst.packet[0], 1234);
    verbs_rx_rig_give_back(&rig);
    assert_comes(0, 2);
}

Test(rx_verbs_senders, the_sender_of_a_frame_that_cannot_be_read_is_not_known)
{
    size_t bytes;

    open_usual();
    assert_comes(0, 1);
    bytes = verbs_rx_rig_frame(frame, 0, 0, sent, sizeof sent);
    frame[38] = 0xff; /* the UDP length */
    cr_assert(verbs_rx_rig_send_frame(&rig, frame, bytes));
    cr_expect_eq(take_one()->flags, SPEADI_RX_REFUSED);
    cr_assert_lt(rig.burst.packet[0].from, rig.burst.from_count);
    cr_expect_not(rig.burst.from[rig.burst.packet[0].from].sender.known);
    verbs_rx_rig_give_back(&rig);
    assert_comes(0, 2);
}
