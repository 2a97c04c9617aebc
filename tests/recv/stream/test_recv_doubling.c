/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: one stream that two networks bring without loss is noticed at once, and two senders that only look alike are not
 * taken for one stream. Method: a scripted engine with a clock lends heaps of two senders; the tests look at the count of
 * doubled heaps and at the log. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "recv_rig.h"

#define SECOND    1000000000u
#define REPEAT_NS 10000000u /* the default of repeat_ns */

static struct recv_rig rig;
static char warning[512];

static void keep_line(void *arg, enum spead_log_level level, const char *text)
{
    (void)arg;
    if (level == SPEAD_LOG_WARNING)
        snprintf(warning, sizeof warning, "%s", text);
}

static void make_rig(void)
{
    warning[0] = '\0';
    recv_rig_init(&rig);
    rig.config.log = (struct spead_log){.fn = keep_line};
    rig.ops = &script_clock_ops;
    rig.sources = 2;
    rig.engine->clock_ns = SECOND;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_doubling, .init = make_rig, .fini = close_rig);

struct way {
    uint16_t endpoint;
    uint8_t host;
    uint16_t port;
};

static const struct way one = {0, 1, 7000}, other_host = {0, 2, 7000}, other_port = {0, 1, 7001},
                        other_endpoint = {1, 2, 7000};

static void push_from(const struct way *way)
{
    struct script_packet *packet = recv_rig_push(&rig);

    packet->source = way->endpoint;
    packet->from =
        speadi_rx_from_v4(way->endpoint, (const uint8_t[]){192, 0, 2, way->host}, way->port);
}

/* Queues a heap of one packet. All bytes of the payload differ by `add` from those of the counter's usual payload. */
static void heap(const struct way *way, uint64_t counter, uint8_t add)
{
    uint8_t payload[64];

    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(test_packet_byte(counter, i) + add);
    test_packet_data(&rig.packet, 40, counter, sizeof payload, 0, payload, sizeof payload);
    push_from(way);
}

static uint64_t doubled(void)
{
    recv_rig_run(&rig);
    return rig.stats.counters.heaps_doubled;
}

static void both_bring(const struct way *a, const struct way *b, uint64_t heaps)
{
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= heaps; counter++) {
        heap(a, counter, 0);
        heap(b, counter, 0);
    }
}

/* The name of a constant, which the compiler knows: so a renamed constant cannot stay in the log. */
#define NAME_OF(constant) ((void)(constant), "sender_key = " #constant " ")

/* ---- One stream ------------------------------------------------------------------------------- */

Test(recv_doubling, two_networks_that_bring_each_heap_are_noticed_at_the_second_one)
{
    both_bring(&one, &other_host, 2);
    cr_expect_gt(doubled(), 0u);
    cr_expect_not_null(strstr(warning, "(spead-recv --sender-key none)"), "%s", warning);
    cr_expect_not_null(strstr(warning, NAME_OF(SPEAD_SENDER_KEY_NONE)), "%s", warning);
}

Test(recv_doubling, two_ports_of_one_host_need_another_option)
{
    both_bring(&one, &other_port, 2);
    cr_expect_gt(doubled(), 0u);
    cr_expect_not_null(strstr(warning, "(spead-recv --sender-key address)"), "%s", warning);
    cr_expect_not_null(strstr(warning, NAME_OF(SPEAD_SENDER_KEY_ADDRESS)), "%s", warning);
}

Test(recv_doubling, at_two_endpoints_the_log_names_both_options)
{
    both_bring(&one, &other_endpoint, 2);
    cr_expect_gt(doubled(), 0u);
    cr_expect_not_null(strstr(warning, "(spead-recv --joint --sender-key none)"), "%s", warning);
}

Test(recv_doubling, it_is_noticed_whichever_network_is_faster)
{
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 8; counter++) {
        heap(counter % 2 ? &one : &other_host, counter, 0);
        heap(counter % 2 ? &other_host : &one, counter, 0);
    }
    cr_expect_gt(doubled(), 0u);
}

/* The stream has compared all the first heaps; now it compares some. */
Test(recv_doubling, a_second_network_that_begins_later_is_noticed)
{
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 1000; counter++)
        heap(&one, counter, 0);
    cr_expect_eq(doubled(), 0u);
    for (uint64_t counter = 1001; counter <= 1500; counter++) {
        heap(&one, counter, 0);
        heap(&other_host, counter, 0);
    }
    cr_expect_gt(doubled(), 0u);
}

/* ---- Two senders ------------------------------------------------------------------------------ */

Test(recv_doubling, equal_counters_with_other_bytes_are_two_senders)
{
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 200; counter++) {
        heap(&one, counter, 0);
        heap(&other_host, counter, 1);
    }
    cr_expect_eq(doubled(), 0u);
    cr_expect_str_eq(warning, "");
}

/* Two boards without a signal send zeros. */
Test(recv_doubling, a_payload_of_one_value_says_nothing)
{
    static const uint8_t zeros[64];

    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 20; counter++)
        for (unsigned way = 0; way < 2; way++) {
            test_packet_data(&rig.packet, 40, counter, sizeof zeros, 0, zeros, sizeof zeros);
            push_from(way ? &one : &other_host);
        }
    cr_expect_eq(doubled(), 0u);
}

/* Boards of one kind describe their items alike. */
Test(recv_doubling, descriptors_say_nothing)
{
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 20; counter++)
        for (unsigned way = 0; way < 2; way++) {
            test_packet_specials(&rig.packet, 40, counter, 24, 0, 24);
            test_packet_addressed(&rig.packet, SPEAD_ID_DESCRIPTOR, 0);
            test_packet_payload(&rig.packet, "abcdefghijklmnopqrstuvwx", 24);
            push_from(way ? &one : &other_host);
        }
    cr_expect_eq(doubled(), 0u);
}

Test(recv_doubling, one_equal_heap_says_nothing)
{
    both_bring(&one, &other_host, 1);
    for (uint64_t counter = 2; counter <= 40; counter++) {
        heap(&one, counter, 0);
        heap(&other_host, counter, 1);
    }
    cr_expect_eq(doubled(), 0u);
}

/* A program that sends a file ends, and another one sends the same file from another port. */
Test(recv_doubling, the_next_run_of_a_sender_that_has_stopped_is_no_copy)
{
    rig.config.stop_count = 3;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 10; counter++)
        heap(&one, counter, 0);
    recv_rig_control(&rig, 11, SPEAD_CONTROL_STOP)->from =
        speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, 1}, 7000);
    for (uint64_t counter = 1; counter <= 10; counter++)
        heap(&other_port, counter, 0);
    cr_expect_eq(doubled(), 0u);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DELIVERED) +
                     recv_rig_packets(&rig, SPEAD_RECV_SHED),
                 20u);
}

Test(recv_doubling, heaps_that_come_again_much_later_are_no_copies)
{
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 10; counter++)
        heap(&one, counter, 0);
    recv_rig_run(&rig);
    rig.engine->clock_ns += REPEAT_NS + 1;
    recv_rig_poll(&rig); /* finds the source empty */
    for (uint64_t counter = 1; counter <= 10; counter++)
        heap(&other_port, counter, 0);
    cr_expect_eq(doubled(), 0u);
}

/* Joined, the second network brings copies, and nothing is noticed because nothing is wrong. */
Test(recv_doubling, joined_the_copies_are_duplicates)
{
    rig.config.sender_key = SPEAD_SENDER_KEY_NONE;
    rig.config.joint = true;
    both_bring(&one, &other_endpoint, 20);
    cr_expect_eq(doubled(), 0u);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DUPLICATE), 20u);
}
