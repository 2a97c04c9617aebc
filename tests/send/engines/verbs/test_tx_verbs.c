/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the verbs engine sends the same packets as a socket of the kernel would: every packet whole, once and in order,
 * with headers that a receiving kernel accepts.
 * Method: the engine uses the verbs double on one host, and sends to kernel sockets on another host. A kernel drops
 * frames with wrong checksums, lengths or addresses. So every packet that arrives was right. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

static void to_group(void)
{
    network((const char *const[]){V4_GROUP, NULL});
}

static void script(const char *text)
{
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

static struct speadi_tx_counters engine_counters(void)
{
    struct speadi_tx_counters counters = {0};

    rig.h.ops->counters(rig.h.state, &counters);
    return counters;
}

static void send_and_expect(void)
{
    tx_harness_send(&rig.h, packets);
    tx_harness_expect(&rig.h, packets);
    for (unsigned i = 0; i < rig.h.reaped; i++)
        cr_assert_eq(rig.h.error[i], 0, "packet %u: %s", i, strerror(-rig.h.error[i]));
}

/* ---- Destinations and headers ----------------------------------------------------------------- */

static void add_sizes(unsigned count, unsigned destinations)
{
    static const uint32_t sizes[] = {49, 56, 57, 1000, 1472, 1472, 8900, 8900, 8899, 1, 64};

    for (unsigned i = 0; i < count; i++)
        tx_packets_add(packets, sizes[i * 7 / 3 % 11], (uint16_t)(i / 5 % destinations));
}

static void send_everywhere(const char *with)
{
    network((const char *const[]){V4_GROUP, TEST_FAR_V4, V6_GROUP, TEST_FAR_V6,
                                  TEST_FAR_LINK "%" TEST_NEAR_INTERFACE, NULL});
    script(with);
    verbs_tx_open(&rig, (struct tx_harness_config){0});
    add_sizes(600, 5);
    send_and_expect();
    finish();
}

Test(tx_verbs, packets_of_all_sizes_arrive_at_groups_and_hosts_of_both_families)
{
    send_everywhere("");
}

Test(tx_verbs, without_the_devices_help_checksums_are_right_all_the_same)
{
    send_everywhere("ip_csum=0");
}

Test(tx_verbs, a_group_gets_the_ttl_that_was_asked_for)
{
    char control[64], byte[64];
    struct iovec iov = {byte, sizeof byte};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int on = 1;

    to_group();
    verbs_tx_open(&rig, (struct tx_harness_config){0});
    setsockopt(rig.h.sink[0].fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
    tx_packets_add(packets, 64, 0);
    tx_harness_send(&rig.h, packets);
    cr_assert_eq(recvmsg(rig.h.sink[0].fd, &message, 0), 64);
    cr_assert_eq(CMSG_FIRSTHDR(&message)->cmsg_type, IP_TTL);
    cr_assert_eq(*(int *)(void *)CMSG_DATA(CMSG_FIRSTHDR(&message)), 1);
    finish();
}

Test(tx_verbs, packets_come_from_a_port_that_no_other_socket_gets)
{
    struct speadi_address from = {.length = sizeof from.v4};
    uint8_t bytes[64];
    int other;

    to_group();
    verbs_tx_open(&rig, (struct tx_harness_config){0});
    tx_packets_add(packets, 64, 0);
    tx_harness_send(&rig.h, packets);
    cr_assert_eq(recvfrom(rig.h.sink[0].fd, bytes, sizeof bytes, 0, &from.any, &from.length), 64);
    other = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(bind(other, &from.any, from.length), -1, "the port is free");
    cr_assert_eq(errno, EADDRINUSE);
    close(other);
    finish();
}

/* ---- Where payload lies ------------------------------------------------------------------------- */

/* Adds one packet. It has a header of 48 bytes, and its payload is the `bytes` bytes at `data`. */
static void add_payload(const uint8_t *header, const void *data, uint32_t bytes)
{
    struct iovec *iov = packets->iov + 2 * packets->count;

    iov[0] = (struct iovec){(void *)(uintptr_t)header, 48};
    iov[1] = (struct iovec){(void *)(uintptr_t)data, bytes};
    packets->packet[packets->count++] =
        (struct speadi_tx_packet){.iov = iov, .bytes = 48 + bytes, .iov_count = 2};
}

static void expect_payload(const uint8_t *expected, uint32_t bytes)
{
    uint8_t got[9000];

    cr_assert_eq(tx_harness_receive(&rig.h, 0, got, sizeof got), (int)bytes + 48);
    cr_assert_arr_eq(got + 48, expected, bytes);
}

Test(tx_verbs, registered_payload_goes_by_reference_and_other_payload_is_copied)
{
    static uint8_t header[48], registered[3][4096], other[1000];
    const struct spead_send_memory memory[3] = {{.data = registered[2], .bytes = 4096},
                                                {.data = registered[0], .bytes = 4096},
                                                {.data = registered[1], .bytes = 4096}};

    for (unsigned i = 0; i < sizeof registered; i++)
        registered[i / 4096][i % 4096] = (uint8_t)(i * 7 + i / 4096);
    memset(other, 0x42, sizeof other);
    to_group();
    verbs_tx_open(&rig, (struct tx_harness_config){.memory = memory, .memory_count = 3});
    for (unsigned i = 0; i < 30; i++)
        add_payload(header, registered[i % 3] + 100 * (i / 3), 1000 + i);
    tx_harness_send(&rig.h, packets);
    cr_assert_eq(engine_counters().copied_bytes, 0);
    for (unsigned i = 0; i < 30; i++)
        expect_payload(registered[i % 3] + 100 * (i / 3), 1000 + i);
    packets->count = 0;
    add_payload(header, other, sizeof other);
    /* This payload ends at the last byte of registered memory. */
    add_payload(header, registered[1] + 4000, 96);
    /* This payload lies in two registered pieces. */
    add_payload(header, registered[2] - 50, 100);
    tx_harness_send(&rig.h, packets);
    cr_assert_eq(engine_counters().copied_bytes, sizeof other + 100);
    expect_payload(other, sizeof other);
    expect_payload(registered[1] + 4000, 96);
    expect_payload(registered[2] - 50, 100);
    packets->count = 0;
    finish();
}

/* Headers of 32 to 64 bytes are copied in two pieces, and others by a call. */
Test(tx_verbs, headers_of_every_length_arrive_whole)
{
    static uint8_t header[80], payload[1000], got[9000];
    const struct spead_send_memory memory = {.data = payload, .bytes = sizeof payload};

    for (unsigned i = 0; i < sizeof header; i++)
        header[i] = (uint8_t)(i * 5 + 1);
    for (unsigned i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 3 + 7);
    to_group();
    verbs_tx_open(&rig, (struct tx_harness_config){.memory = &memory, .memory_count = 1});
    for (unsigned i = 8; i <= sizeof header; i++) {
        add_payload(header, payload + i, 100 + i);
        packets->iov[2 * (i - 8)].iov_len = i;
        packets->packet[i - 8].bytes = i + 100 + i;
    }
    tx_harness_send(&rig.h, packets);
    for (unsigned i = 8; i <= sizeof header; i++) {
        cr_assert_eq(tx_harness_receive(&rig.h, 0, got, sizeof got), (int)(2 * i + 100));
        cr_assert_arr_eq(got, header, i);
        cr_assert_arr_eq(got + i, payload + i, 100 + i);
    }
    cr_assert_eq(engine_counters().copied_bytes, 0);
    packets->count = 0;
    finish();
}

Test(tx_verbs, payload_in_many_pieces_arrives_in_order)
{
    to_group();
    verbs_tx_open(&rig, (struct tx_harness_config){0});
    for (unsigned pieces = 1; pieces < 60; pieces++)
        tx_packets_add_pieces(packets, 6000 + pieces, 0, pieces);
    send_and_expect();
    finish();
}

Test(tx_verbs, a_device_that_gathers_little_gets_copies)
{
    to_group();
    script("max_sge=1");
    verbs_tx_open(&rig, (struct tx_harness_config){0});
    add_sizes(100, 1);
    send_and_expect();
    finish();
}

Test(tx_verbs, memory_that_the_cpu_must_not_touch_is_sent_from)
{
    static uint8_t header[48], expected[65536];
    int fd = memfd_create("device", MFD_CLOEXEC);
    struct spead_send_memory memory = {.bytes = sizeof expected, .is_dma_buf = true, .fd = fd};

    for (unsigned i = 0; i < sizeof expected; i++)
        expected[i] = (uint8_t)(i * 13 + i / 256);
    cr_assert_eq(write(fd, expected, sizeof expected), (ssize_t)sizeof expected);
    memory.data = mmap(NULL, sizeof expected, PROT_NONE, MAP_SHARED, fd, 0);
    to_group();
    verbs_tx_open(&rig, (struct tx_harness_config){.memory = &memory, .memory_count = 1});
    for (unsigned i = 0; i < 7; i++)
        add_payload(header, (const uint8_t *)memory.data + i * 8192, 8192);
    tx_harness_send(&rig.h, packets);
    for (unsigned i = 0; i < 7; i++)
        expect_payload(expected + i * 8192, 8192);
    packets->count = 0;
    finish();
    close(fd);
}

Test(tx_verbs, a_packet_in_more_pieces_of_device_memory_than_the_device_gathers_ends_alone)
{
    static uint8_t header[48];
    int fd = memfd_create("device", MFD_CLOEXEC);
    struct spead_send_memory memory = {.bytes = 4096, .is_dma_buf = true, .fd = fd};

    cr_assert_eq(ftruncate(fd, 4096), 0);
    memory.data = mmap(NULL, 4096, PROT_NONE, MAP_SHARED, fd, 0);
    to_group();
    script("max_sge=2");
    verbs_tx_open(&rig, (struct tx_harness_config){.memory = &memory, .memory_count = 1});
    for (unsigned i = 0; i < 3; i++)
        add_payload(header, memory.data, 1000);
    packets->iov[6] = packets->iov[5]; /* The last packet gets a second piece of payload. */
    packets->packet[2].iov_count = 3;
    packets->packet[2].bytes += 1000;
    tx_harness_send(&rig.h, packets);
    cr_assert_eq(rig.h.error[0], 0);
    cr_assert_eq(rig.h.error[1], 0);
    cr_assert_eq(rig.h.error[2], -EMSGSIZE);
    packets->count = 0;
    finish();
    close(fd);
}

/* ---- Queues --------------------------------------------------------------------------------------- */

static void send_with(const char *limits, uint32_t buffer_bytes, int comp_vector)
{
    to_group();
    script(limits);
    verbs_tx_open(&rig, (struct tx_harness_config){.buffer_bytes = buffer_bytes,
                                                   .verbs.comp_vector = comp_vector});
    for (unsigned i = 0; i < 2000; i++)
        tx_packets_add(packets, 200 + i % 77, 0);
    send_and_expect();
    finish();
}

Test(tx_verbs, a_queue_of_any_length_carries_everything)
{
    send_with("max_qp_wr=2", 1 << 20, 0);
}

Test(tx_verbs, a_queue_whose_length_is_no_power_of_two_does_too)
{
    send_with("max_qp_wr=11 max_cqe=11", 1 << 20, 0);
}

Test(tx_verbs, a_long_queue_does_too)
{
    send_with("", 16 << 20, 0);
}

/* Opens the engine with this configuration, sends packets, and asserts how many packets its queue holds. */
static void expect_queue(struct tx_harness_config config, uint32_t slots)
{
    const uint32_t slot_bytes = (config.packet_bytes_max + 72 + 63) / 64 * 64;

    to_group();
    verbs_tx_open(&rig, config);
    cr_assert_eq(rig.h.facts.queue_packets, slots, "%u packets, %s", rig.h.facts.queue_packets,
                 rig.h.reason);
    cr_expect_eq(rig.h.facts.queue_bytes, slots * slot_bytes);
    for (unsigned i = 0; i < 500; i++)
        tx_packets_add(packets, 200 + i % 77, 0);
    send_and_expect();
}

/* The device counts the queue in blocks of 64 bytes. A request of 4 entries takes two of them. */
Test(tx_verbs, a_buffer_of_many_small_packets_becomes_a_queue_of_that_length)
{
    expect_queue((struct tx_harness_config){.packet_bytes_max = 1472, .buffer_bytes = 16 << 20},
                 8192);
    cr_assert_null(strstr(rig.h.reason, "send queue"), "%s", rig.h.reason);
    finish();
    expect_queue((struct tx_harness_config){.packet_bytes_max = 512, .buffer_bytes = 8 << 20},
                 8192);
    finish();
}

Test(tx_verbs, a_queue_that_is_too_long_for_the_device_becomes_shorter_and_the_engine_says_so)
{
    to_group();
    finish();
    cr_assert_eq(vdouble_script("max_qp_wr=4096"), 0);
    expect_queue((struct tx_harness_config){.packet_bytes_max = 1472, .buffer_bytes = 16 << 20},
                 2048);
    cr_assert(strstr(rig.h.reason,
                     "its send queue holds 2048 packets, not the 8192 that the buffer "
                     "has room for"),
              "%s", rig.h.reason);
    finish();
}

Test(tx_verbs, a_device_that_has_no_memory_for_a_long_queue_makes_a_shorter_one)
{
    to_group();
    finish();
    cr_assert_eq(vdouble_script("create_qp@1=ENOMEM create_qp@2=EINVAL create_cq@3=ENOMEM"), 0);
    expect_queue((struct tx_harness_config){.packet_bytes_max = 1472, .buffer_bytes = 4 << 20},
                 256);
    finish();
}

Test(tx_verbs, of_a_packet_in_many_pieces_only_what_has_no_entry_is_copied)
{
    struct spead_send_memory memory = {.bytes = 6000};
    uint64_t copied = 0;

    to_group();
    tx_packets_add_pieces(packets, 6000, 0, 7);
    memory.data = packets->bytes[0];
    verbs_tx_open(&rig, (struct tx_harness_config){.memory = &memory, .memory_count = 1});
    send_and_expect();
    /* The first entry has the header, and the last entry has what was copied. */
    for (unsigned i = 3; i < 7; i++)
        copied += packets->iov[i].iov_len;
    cr_assert_eq(engine_counters().copied_bytes, copied);
    finish();
}

Test(tx_verbs, late_completions_are_slept_for)
{
    send_with("delay_us=300", 1 << 20, 0);
}

Test(tx_verbs, late_completions_are_polled_for_where_events_are_not_wanted)
{
    send_with("delay_us=300", 1 << 20, -1);
}

Test(tx_verbs, a_chain_costs_one_doorbell_and_one_completion)
{
    struct vdouble_counters before, after;
    struct speadi_tx_counters counters;

    to_group();
    verbs_tx_open(&rig, (struct tx_harness_config){0});
    for (unsigned i = 0; i < 64; i++)
        tx_packets_add(packets, 100, 0);
    vdouble_counters(&before);
    cr_assert_eq(rig.h.ops->send(rig.h.state, packets->packet, 8), 8);
    vdouble_counters(&after);
    counters = engine_counters();
    cr_assert_eq(counters.messages, 8);
    cr_assert_eq(counters.batches, 1);
    cr_assert_eq(after.completions - before.completions, 1);
    rig.h.ops->quiesce(rig.h.state);
    cr_assert_eq(tx_harness_reap(&rig.h), 8);
    finish();
}

Test(tx_verbs, a_packet_that_is_too_long_ends_in_its_turn)
{
    to_group();
    verbs_tx_open(&rig, (struct tx_harness_config){.packet_bytes_max = 1000});
    for (unsigned i = 0; i < 9; i++)
        tx_packets_add(packets, i % 3 == 1 ? 1001 : 1000, 0);
    tx_harness_send(&rig.h, packets);
    for (unsigned i = 0; i < 9; i++)
        cr_assert_eq(rig.h.error[i], i % 3 == 1 ? -EMSGSIZE : 0, "packet %u", i);
    finish();
}

/* ---- Refusals --------------------------------------------------------------------------------------- */

static void refuse(struct tx_harness_config config, int error, const char *word)
{
    struct spead_err err = {0};

    cr_assert_eq(verbs_tx_try(&rig, config, &err), error, "%s: %s", word, err.text);
    cr_assert(strstr(err.text, word), "\"%s\" does not say \"%s\"", err.text, word);
}

Test(tx_verbs, what_cannot_be_sent_is_refused_in_words)
{
    static uint8_t bytes[64];
    const struct spead_send_memory overlapping[2] = {{.data = bytes, .bytes = 32},
                                                     {.data = bytes + 31, .bytes = 8}};
    const struct spead_send_memory empty = {.data = bytes};

    to_group();
    refuse((struct tx_harness_config){.packet_bytes_max = 8976}, -EMSGSIZE, "at most 8968");
    refuse((struct tx_harness_config){.memory = overlapping, .memory_count = 2}, -EINVAL,
           "overlap");
    refuse((struct tx_harness_config){.memory = &empty, .memory_count = 1}, -EINVAL, "0 bytes");
    refuse((struct tx_harness_config){.verbs.comp_vector = 1000}, -EINVAL, "comp_vector");
    refuse((struct tx_harness_config){.hardware_rate = true}, -EINVAL, "rate");
    refuse((struct tx_harness_config){.verbs.device = "nothing"}, -ENODEV, "nothing");
    script("net_raw=0");
    refuse((struct tx_harness_config){0}, -EPERM, "spead-net-raw");
    finish();
}

Test(tx_verbs, a_device_memory_that_needs_checksums_by_the_cpu_is_refused)
{
    const struct spead_send_memory memory = {
        .data = (void *)4096, .bytes = 4096, .is_dma_buf = true, .fd = 0};

    network((const char *const[]){V6_GROUP, NULL});
    script("ip_csum=0");
    refuse((struct tx_harness_config){.memory = &memory, .memory_count = 1}, -ENOTSUP, "IPv6");
    finish();
}

Test(tx_verbs, a_next_hop_that_does_not_answer_is_named)
{
    network((const char *const[]){"10.77.0.200", NULL});
    cr_assert_eq(
        system("echo 10 > /proc/sys/net/ipv4/neigh/" TEST_NEAR_INTERFACE "/retrans_time_ms"), 0);
    refuse((struct tx_harness_config){0}, -EHOSTUNREACH, "10.77.0.200");
    finish();
}

Test(tx_verbs, this_hosts_own_address_is_refused)
{
    network((const char *const[]){TEST_NEAR_V4, NULL});
    refuse((struct tx_harness_config){0}, -EADDRNOTAVAIL, "engine socket");
    finish();
}

Test(tx_verbs, the_device_paces_only_where_it_can)
{
    to_group();
    verbs_tx_open(&rig, (struct tx_harness_config){.hardware_rate = true, .rate_bytes_per_s = 1e8});
    add_sizes(50, 1);
    send_and_expect();
    tx_harness_close(&rig.h);
    rig.h = (struct tx_harness){0};
    rig.is_open = false;
    script("pacing=0");
    refuse((struct tx_harness_config){.hardware_rate = true, .rate_bytes_per_s = 1e8}, -EOPNOTSUPP,
           "software paces");
    finish();
}

static void pace(const char *with, uint32_t burst_bytes, uint32_t packet_bytes)
{
    to_group();
    script(with);
    verbs_tx_open(&rig, (struct tx_harness_config){.hardware_rate = true,
                                                   .rate_bytes_per_s = 1e8,
                                                   .packet_bytes_max = 8000,
                                                   .train_bytes_max = 25000});
    cr_assert_gt(vdouble_rate().kbps, 800000);
    cr_assert_eq(vdouble_rate().burst_bytes, burst_bytes);
    cr_assert_eq(vdouble_rate().packet_bytes, packet_bytes);
    finish();
}

Test(tx_verbs, the_device_gets_the_burst_and_the_packet_size_where_it_takes_them)
{
    /* 25000 bytes are three packets, and each frame has 42 bytes of headers. */
    pace("", 3 * 8042, 8042);
    pace("pacing_burst=0", 0, 0);
}
