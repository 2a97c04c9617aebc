/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the verbs engine lends the packets for its endpoints, whole and in order. It refuses all other frames, and
 * counts each in the right bucket.
 * Method: the verbs double is on the near host. Ordinary sockets on the far host send, and the test builds some frames
 * byte by byte. */
#include <criterion/criterion.h>

#include <string.h>

#include <speadi/clock.h>

#include "control.h"
#include "verbs_double.h"
#include "verbs_rx_usual.h"

TestSuite(rx_verbs, .init = test_use_verbs_double, .fini = tear_down, .timeout = 60);

/* ---- Packets that arrive ------------------------------------------------------------------- */

Test(rx_verbs, datagrams_to_a_group_come_whole_and_in_order_round_the_slots)
{
    uint32_t next = 0;

    /* With this size the engine has as few slots as possible. */
    verbs_rx_open(&rig, &(struct verbs_rx_options){.buffer_bytes = 1});
    for (uint32_t round = 0; round < 40; round++) {
        for (uint32_t i = 0; i < 32; i++)
            send_one(0, round * 32 + i);
        for (uint32_t end = next + 32; next < end;) {
            int count = verbs_rx_rig_poll(&rig);

            cr_assert_gt(count, 0, "%u packets came", next);
            for (int i = 0; i < count; i++, next++) {
                rx_rig_fill(sent, sizeof sent, next);
                cr_assert(rx_rig_packet_is(&rig.burst.packet[i], sent, sizeof sent), "%u", next);
            }
            verbs_rx_rig_give_back(&rig);
        }
    }
}

Test(rx_verbs, unicast_comes_and_the_kernel_does_not_answer_it)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.endpoints = {TEST_NEAR_V4 ":7148"}});
    /* If the kernel of the near host answered a datagram, the next send would fail. */
    for (uint32_t i = 0; i < 20; i++)
        assert_comes(0, i);
}

Test(rx_verbs, endpoints_are_told_apart)
{
    verbs_rx_open(
        &rig, &(struct verbs_rx_options){.endpoints = {"239.1.2.3:7148", "239.1.2.4:7148",
                                                       TEST_NEAR_V4 ":7148", "[ff15::5]:7149"}});
    for (uint32_t i = 0; i < 16; i++)
        assert_comes(i * 7 % 4, i);
}

Test(rx_verbs, any_address_means_those_of_the_interface)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.endpoints = {":7148", "[::]:7149"}});
    assert_comes(0, 1);
    assert_comes(1, 2);
}

Test(rx_verbs, ipv6_comes_to_an_address_and_to_a_group)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){
                            .endpoints = {"[" TEST_NEAR_V6 "]:7148", "[ff15::1:2]:7148"}});
    assert_comes(0, 1);
    assert_comes(1, 2);
}

Test(rx_verbs, frames_with_a_vlan_tag_come_too)
{
    static uint8_t frame[PAYLOAD + 64];

    open_usual();
    rx_rig_fill(sent, sizeof sent, 1);
    cr_assert(
        verbs_rx_rig_send_frame(&rig, frame, verbs_rx_rig_frame(frame, 5, 0, sent, sizeof sent)));
    cr_assert(rx_rig_packet_is(take_one(), sent, sizeof sent));
    verbs_rx_rig_give_back(&rig);
    assert_comes(0, 2);
}

Test(rx_verbs, the_longest_packet_of_the_interface_is_known_and_comes)
{
    static uint8_t longest[VERBS_RX_MTU - 28];

    open_usual();
    cr_assert_eq(rig.facts.packet_bytes_max, sizeof longest);
    rx_rig_fill(longest, sizeof longest, 1);
    cr_assert(verbs_rx_rig_send(&rig, 0, longest, sizeof longest));
    cr_assert(rx_rig_packet_is(take_one(), longest, sizeof longest));
    verbs_rx_rig_give_back(&rig);
}

Test(rx_verbs, a_datagram_of_no_bytes_is_lent_as_that)
{
    open_usual();
    cr_assert(verbs_rx_rig_send(&rig, 0, "", 0));
    cr_assert_eq(take_one()->datagram_bytes, 0);
    cr_assert_eq(rig.burst.packet[0].flags, 0);
    verbs_rx_rig_give_back(&rig);
}

/* ---- Frames that are refused --------------------------------------------------------------- */

static void assert_refused(const uint8_t *frame, size_t bytes, int bucket)
{
    const struct speadi_rx_packet *packet;

    cr_assert(verbs_rx_rig_send_frame(&rig, frame, bytes));
    packet = take_one();
    cr_assert_eq(packet->flags, SPEADI_RX_REFUSED);
    cr_assert_eq(packet->bucket, bucket, "bucket %u", packet->bucket);
    verbs_rx_rig_give_back(&rig);
    assert_comes(0, 99);
}

Test(rx_verbs, a_wrong_checksum_is_refused_whether_the_device_looks_or_not)
{
    static uint8_t frame[PAYLOAD + 64];
    size_t bytes;

    for (int offload = 0; offload <= 1; offload++) {
        vdouble_script(offload ? "ip_csum=1" : "ip_csum=0");
        verbs_rx_open(&rig,
                      &(struct verbs_rx_options){
                          .verbs.checksum = offload ? SPEAD_CHECKSUM_AUTO : SPEAD_CHECKSUM_VERIFY});
        bytes = verbs_rx_rig_frame(frame, 0, 0, sent, sizeof sent);
        frame[bytes - 3] ^= 4;
        assert_refused(frame, bytes, SPEAD_RECV_MALFORMED_CHECKSUM);
        verbs_rx_rig_close(&rig);
    }
}

Test(rx_verbs, contradicting_lengths_are_refused_by_name)
{
    static uint8_t frame[PAYLOAD + 64];
    size_t bytes;

    open_usual();
    bytes = verbs_rx_rig_frame(frame, 0, 0, sent, sizeof sent);
    frame[38] = 0xff; /* the length in the UDP header */
    assert_refused(frame, bytes, SPEAD_RECV_MALFORMED_FRAME);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

Test(rx_verbs, wake_ends_a_wait_without_limit)
{
    open_usual();
    rig.ops->wake(rig.engine);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    for (uint64_t sleeps = counters().sleeps; counters().sleeps == sleeps;) {
        rig.ops->wait(rig.engine, UINT64_MAX);
        rig.ops->poll(rig.engine, &rig.burst);
    }
}

Test(rx_verbs, after_max_poll_polls_it_sleeps_until_a_packet_comes)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.max_poll = 5});
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(counters().sleeps, 0);
        cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 1000000);
    }
    cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 1000000);
    cr_assert_eq(counters().sleeps, 1);
    for (uint32_t i = 0; i < 50; i++)
        assert_comes(0, i);
}

Test(rx_verbs, without_completion_events_it_never_sleeps)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.comp_vector = -1});
    for (uint32_t i = 0; i < 10; i++)
        assert_comes(0, i);
    cr_expect_eq(counters().sleeps, 0);
    cr_expect(rig.facts.busy);
    cr_expect_eq(vdouble_calls("create_comp_channel"), 0);
}

/* ---- Small devices ------------------------------------------------------------------------- */

Test(rx_verbs, a_small_device_still_carries_packets)
{
    vdouble_script("max_qp_wr=4 max_cqe=4 max_sge=1");
    open_usual();
    for (uint32_t i = 0; i < 20; i++)
        assert_comes(0, i);
}
