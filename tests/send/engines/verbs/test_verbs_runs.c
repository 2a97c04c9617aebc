/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: when the device cuts several packets out of one request, they arrive in order and whole, like packets with one
 * request each. When a request fails, all its packets count as failed, and no other packet is lost without an error. If
 * the device cannot do what an option asks for, the engine refuses the option with a text.
 * Method: the engine uses hardware_tso with the verbs double. The double writes the IP lengths and the checksums of
 * segments, but not the UDP lengths. Kernel sockets on another host drop wrong packets. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "verbs_double.h"
#include "verbs_tx_rig.h"

static struct verbs_tx_rig rig;
static struct tx_packets *packets;

#define V4_GROUP "239.1.2.3"
#define V6_GROUP "ff15::77"

static void network(const char *const *far_addresses)
{
    const char *reason;

    test_use_verbs_double();
    if (!verbs_tx_network(&rig, far_addresses, &reason))
        cr_skip_test("%s", reason);
    packets = tx_packets_make(8192);
}

static void to_group(const char *text)
{
    network((const char *const[]){V4_GROUP, NULL});
    cr_assert_eq(vdouble_script(text), 0, "%s: %s", text, vdouble_last_refusal());
}

static void finish(void)
{
    struct vdouble_counters counters;

    verbs_tx_close(&rig);
    tx_packets_free(packets);
    vdouble_counters(&counters);
    cr_assert_eq(counters.contexts + counters.pds + counters.mrs + counters.channels +
                     counters.cqs + counters.qps,
                 0, "something of the device is left");
}

static void open_engine(struct tx_harness_config config)
{
    config.hardware_tso = true;
    verbs_tx_open(&rig, config);
}

static void send_and_expect(void)
{
    tx_harness_send(&rig.h, packets);
    tx_harness_expect(&rig.h, packets);
    for (unsigned i = 0; i < rig.h.reaped; i++)
        cr_assert_eq(rig.h.error[i], 0, "packet %u: %s", i, strerror(-rig.h.error[i]));
}

static void add(unsigned count, uint32_t bytes, uint16_t destination)
{
    for (unsigned i = 0; i < count; i++)
        tx_packets_add(packets, bytes, destination);
}

static uint64_t requests(void)
{
    struct speadi_tx_counters counters = {0};

    rig.h.ops->counters(rig.h.state, &counters);
    return counters.messages;
}

/* ---- Packets that arrive ------------------------------------------------------------------------ */

Test(verbs_runs, runs_of_any_size_arrive_at_groups_and_hosts_of_both_families)
{
    static const uint32_t sizes[] = {56, 57, 1000, 1472, 8900, 4441};

    network((const char *const[]){V4_GROUP, TEST_FAR_V4, V6_GROUP, TEST_FAR_V6, NULL});
    open_engine((struct tx_harness_config){0});
    for (unsigned i = 0; i < 48; i++) {
        add(1 + i * 5 % 23, sizes[i % 6], (uint16_t)(i / 2 % 4));
        /* A shorter packet, as at the end of a heap. */
        add(1, 49 + i % 7, (uint16_t)(i / 2 % 4));
    }
    send_and_expect();
    cr_assert_lt(requests(), packets->count / 2, "%u packets went in %u requests", packets->count,
                 (unsigned)requests());
    finish();
}

Test(verbs_runs, a_run_is_one_request_and_a_shorter_packet_one_of_its_own)
{
    to_group("");
    open_engine((struct tx_harness_config){.buffer_bytes = 4 << 20});
    add(10, 1000, 0);
    add(1, 600, 0);
    tx_harness_send(&rig.h, packets);
    tx_harness_expect(&rig.h, packets);
    cr_assert_eq(requests(), 2);
    finish();
}

Test(verbs_runs, destinations_that_alternate_make_no_runs)
{
    network((const char *const[]){V4_GROUP, V6_GROUP, NULL});
    open_engine((struct tx_harness_config){0});
    for (unsigned i = 0; i < 40; i++)
        add(1, 1000, i % 2);
    send_and_expect();
    cr_assert_eq(requests(), 40);
    finish();
}

Test(verbs_runs, payload_in_many_pieces_arrives_in_order)
{
    to_group("");
    open_engine((struct tx_harness_config){0});
    for (unsigned pieces = 1; pieces < 60; pieces++) {
        tx_packets_add_pieces(packets, 6000, 0, pieces);
        tx_packets_add_pieces(packets, 6000, 0, 2);
    }
    send_and_expect();
    finish();
}

/* ---- Limits ------------------------------------------------------------------------------------- */

static void send_within(const char *limits, struct tx_harness_config config)
{
    to_group(limits);
    open_engine(config);
    for (unsigned i = 0; i < 40; i++)
        add(i, 700 + i % 3, 0);
    send_and_expect();
    finish();
}

Test(verbs_runs, a_device_that_gathers_one_piece_gets_frames)
{
    send_within("max_sge=1", (struct tx_harness_config){0});
}

Test(verbs_runs, a_device_that_gathers_few_pieces_gets_short_runs)
{
    send_within("max_sge=3", (struct tx_harness_config){0});
}

Test(verbs_runs, a_device_that_takes_few_bytes_gets_short_runs)
{
    send_within("max_tso=2000", (struct tx_harness_config){0});
}

Test(verbs_runs, a_queue_of_any_length_carries_everything)
{
    send_within("max_qp_wr=12 max_sge=4 max_cqe=11", (struct tx_harness_config){0});
}

/* A request of 30 entries takes nine blocks of the device's memory. */
Test(verbs_runs, a_long_queue_becomes_as_long_as_the_device_allows)
{
    to_group("");
    open_engine((struct tx_harness_config){.packet_bytes_max = 1472, .buffer_bytes = 16 << 20});
    cr_assert(strstr(rig.h.reason, "holds 2048 packets, not the 8192"), "%s", rig.h.reason);
    add(300, 1000, 0);
    send_and_expect();
    finish();
}

Test(verbs_runs, late_completions_are_slept_for)
{
    send_within("delay_us=300", (struct tx_harness_config){0});
}

Test(verbs_runs, no_room_is_waited_for)
{
    send_within("post_send@%7=ENOMEM delay_us=100",
                (struct tx_harness_config){.buffer_bytes = 64 << 10});
}

Test(verbs_runs, a_run_is_no_longer_than_the_burst_of_the_pacer)
{
    to_group("");
    open_engine((struct tx_harness_config){.train_bytes_max = 3500, .buffer_bytes = 4 << 20});
    add(12, 1000, 0);
    tx_harness_send(&rig.h, packets);
    tx_harness_expect(&rig.h, packets);
    cr_assert_eq(requests(), 4);
    finish();
}

/* ---- Payload that is sent without a copy ---------------------------------------------------------- */

/* Adds one packet. It has a header of 48 bytes, and its payload is the 1000 bytes at `data`. */
static void add_payload(const uint8_t *header, const void *data)
{
    struct iovec *iov = packets->iov + 2 * packets->count;

    iov[0] = (struct iovec){(void *)(uintptr_t)header, 48};
    iov[1] = (struct iovec){(void *)(uintptr_t)data, 1000};
    packets->packet[packets->count++] =
        (struct speadi_tx_packet){.iov = iov, .bytes = 1048, .iov_count = 2};
}

Test(verbs_runs, registered_payload_and_copied_payload_share_a_run)
{
    static uint8_t header[8][48], registered[8][1000], other[8][1000];
    const struct spead_send_memory memory = {.data = registered, .bytes = sizeof registered};
    struct speadi_tx_counters counters = {0};
    uint8_t got[9000];

    to_group("");
    open_engine(
        (struct tx_harness_config){.memory = &memory, .memory_count = 1, .buffer_bytes = 4 << 20});
    for (unsigned i = 0; i < 8; i++) {
        memset(header[i], (int)i, 48);
        memset(registered[i], 0x40 + (int)i, 1000);
        memset(other[i], 0x80 + (int)i, 1000);
        add_payload(header[i], i % 3 ? registered[i] : other[i]);
    }
    tx_harness_send(&rig.h, packets);
    for (unsigned i = 0; i < 8; i++) {
        cr_assert_eq(tx_harness_receive(&rig.h, 0, got, sizeof got), 1048);
        cr_assert_arr_eq(got, header[i], 48);
        cr_assert_arr_eq(got + 48, i % 3 ? registered[i] : other[i], 1000);
    }
    rig.h.ops->counters(rig.h.state, &counters);
    cr_assert_eq(counters.copied_bytes, 3000);
    cr_assert_eq(counters.messages, 1);
    packets->count = 0;
    finish();
}

/* ---- Failures ------------------------------------------------------------------------------------- */

Test(verbs_runs, a_request_that_fails_takes_its_own_packets_along_and_the_rest_is_told)
{
    unsigned at = 0, own = 0, swept = 0;

    to_group("");
    open_engine((struct tx_harness_config){.train_bytes_max = 5100});
    add(1000, 1000, 0);
    cr_assert_eq(vdouble_script("tx.status@3=LOC_PROT_ERR"), 0);
    tx_harness_send(&rig.h, packets);
    while (at < 1000 && rig.h.error[at] == 0)
        at++;
    cr_assert_eq(at, 10, "two requests of five packets went before");
    for (; at + own < 1000 && rig.h.error[at + own] == -EFAULT; own++)
        ;
    cr_assert_eq(own, 5);
    for (at += own; at < 1000 && rig.h.error[at] == -EIO; at++)
        swept++;
    cr_assert_gt(swept, 0);
    cr_assert_lt(at, 1000);
    for (; at < 1000; at++)
        cr_assert_eq(rig.h.error[at], 0, "packet %u follows the rebuild", at);
    finish();
}

Test(verbs_runs, a_packet_that_is_too_long_ends_in_its_turn)
{
    to_group("");
    open_engine((struct tx_harness_config){.packet_bytes_max = 1000});
    for (unsigned i = 0; i < 12; i++)
        add(1, i % 4 == 3 ? 1001 : 1000, 0);
    tx_harness_send(&rig.h, packets);
    for (unsigned i = 0; i < 12; i++)
        cr_assert_eq(rig.h.error[i], i % 4 == 3 ? -EMSGSIZE : 0, "packet %u", i);
    finish();
}

/* ---- Refusals ------------------------------------------------------------------------------------- */

static void refuse(const char *text, int error, const char *word)
{
    struct spead_err err = {0};

    vdouble_reset();
    cr_assert_eq(vdouble_script(text), 0, "%s: %s", text, vdouble_last_refusal());
    cr_assert_eq(verbs_tx_try(&rig, (struct tx_harness_config){.hardware_tso = true}, &err), error,
                 "%s: %s", text, err.text);
    cr_assert(strstr(err.text, word), "\"%s\" does not say \"%s\"", err.text, word);
}

Test(verbs_runs, a_device_that_cannot_is_refused_in_words)
{
    to_group("");
    refuse("max_tso=0", -ENOTSUP, "does not segment");
    refuse("ip_csum=0", -ENOTSUP, "no checksums");
    refuse("max_tso_header=40", -EINVAL, "head of 42 bytes");
    refuse("net_raw=0", -EPERM, "spead-net-raw");
    refuse("create_qp_ex@%1=ENOMEM", -ENOMEM, "create_qp_ex");
    finish();
}

Test(verbs_runs, an_engine_without_a_device_refuses_it)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    const char *endpoint = "127.0.0.1:7148";
    struct spead_send_stream *stream;
    struct spead_err err = {0};

    config.engine = "socket";
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.hardware_tso = true;
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), -ENOTSUP);
    cr_assert(strstr(err.text, "hardware_tso"), "%s", err.text);
}

Test(verbs_runs, a_device_that_cannot_is_no_trouble_without_the_option)
{
    to_group("max_tso=0");
    verbs_tx_open(&rig, (struct tx_harness_config){0});
    add(50, 1000, 0);
    send_and_expect();
    cr_assert_eq(requests(), 50);
    finish();
}
