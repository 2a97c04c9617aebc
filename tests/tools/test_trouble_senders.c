/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what docs/troubleshooting.md says about senders, runs and ends is true. Method: each test makes one symptom
 * with the built spead-recv and packets of its own, compares what is said with the page, and tries the command of
 * the page. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadline/item.h>

#include "symptom.h"

TestSuite(trouble_senders, .init = tool_enter, .timeout = 120);

static json_int_t heaps(void)
{
    return number(symptom_object(), "heaps");
}

/* ---- One sender that looks like several ----------------------------------------------------- */

/* Sends 8 heaps. Each of their four packets comes from another port. */
static void stripe(const int lane[4])
{
    for (uint64_t counter = 1; counter <= 8; counter++)
        for (unsigned i = 0; i < 4; i++)
            symptom_piece(lane[i], counter, 64, 16 * i, 16);
}

Test(trouble_senders, heaps_striped_over_ports)
{
    int lane[4];

    for (unsigned i = 0; i < 4; i++)
        lane[i] = symptom_from("127.0.0.1", 7000 + i);
    symptom_begin("--strict --out-of-order");
    stripe(lane);
    symptom_end_after(32, 3);
    cr_expect_eq(heaps(), 0);
    symptom_shows("and each fills gaps of the other");
    symptom_shows("heaps lie on several senders that fill each other's gaps");
    symptom_begin("--strict --sender-key address");
    stripe(lane);
    symptom_end_after(64, 0);
    cr_expect_eq(heaps(), 8);
}

/* Sends 4 heaps of four packets over two networks. Each network loses one packet of each heap, and the two networks
 * lose different packets. */
static void send_doubled(const int network[2])
{
    for (uint64_t counter = 1; counter <= 4; counter++)
        for (unsigned i = 0; i < 4; i++)
            for (unsigned n = 0; n < 2; n++)
                if (i != 1 + n)
                    symptom_piece(network[n], counter, 64, 16 * i, 16);
}

Test(trouble_senders, one_stream_over_two_networks)
{
    int network[2] = {symptom_from("127.0.0.2", 0), symptom_from("127.0.0.3", 0)};

    symptom_begin("--strict --out-of-order");
    send_doubled(network);
    symptom_end_after(24, 3);
    cr_expect_eq(heaps(), 0);
    cr_expect_eq(number(symptom_object(), "senders"), 2);
    symptom_begin("--strict --out-of-order --sender-key none");
    symptom_asleep(); /* else a pause of this test could make a copy later than --repeat-time */
    send_doubled(network);
    symptom_awake();
    symptom_end_after(48, 0);
    cr_expect_eq(heaps(), 4);
    cr_expect_eq(bucket(symptom_object(), "duplicate"), 8);
    symptom_shows("came again: the network or the sender doubled them");
}

/* No network loses a packet, so every heap comes twice. */
Test(trouble_senders, one_stream_over_two_networks_without_loss)
{
    int network[2] = {symptom_from("127.0.0.2", 0), symptom_from("127.0.0.3", 0)};

    symptom_begin("--strict");
    for (uint64_t counter = 1; counter <= 4; counter++)
        for (unsigned n = 0; n < 2; n++)
            symptom_piece(network[n], counter, 64, 0, 64);
    symptom_end_after(8, 3);
    cr_expect_eq(heaps(), 8);
    cr_expect_gt(number(symptom_object(), "heaps_doubled"), 0);
    symptom_shows("if two networks bring one stream");
    symptom_shows("came from two senders with the same bytes, and were taken twice");
}

/* ---- One sender of several ------------------------------------------------------------------ */

/* Waits until the receiver has said this. The time limit of the test ends the wait. */
static void await_words(const char *text)
{
    while (!strstr(symptom_said(), text))
        tool_sleep_ms(20);
}

Test(trouble_senders, one_of_several_senders_falls_silent_and_comes_back)
{
    int board = symptom_from("127.0.0.1", 7000);

    symptom_begin("");
    for (uint64_t counter = 1; counter <= 3; counter++)
        symptom_stamped(board, counter, counter);
    await_words("stopped 1.");
    symptom_shows("sender 127.0.0.1:7000 at 127.0.0.1:7148 stopped");
    symptom_stamped(board, 4, 4);
    await_words("is back");
    symptom_shows("sender 127.0.0.1:7000 at 127.0.0.1:7148 is back: nothing had come from it for");
    symptom_interrupt(0);
}

Test(trouble_senders, one_of_several_senders_loses_packets)
{
    int good = symptom_from("127.0.0.1", 7000), bad = symptom_from("127.0.0.1", 7001);
    const json_t *list, *row;

    symptom_begin("");
    symptom_stamped(good, 1, 1);
    symptom_piece(bad, 1, 64, 0, 32);
    symptom_end_after(2, 0);
    symptom_shows(
        "0 heaps complete, 1 incomplete; 1 packets inside heaps and 0 whole heaps are missing");
    symptom_says("sender 127.0.0.1:7001 at 127.0.0.1:7148: 0 heaps complete, 1 incomplete");
    symptom_hides("sender 127.0.0.1:7000 at");
    list = json_object_get(symptom_object(), "sender_list");
    cr_assert_eq(json_array_size(list), 2);
    row = json_array_get(list, 1);
    cr_expect_str_eq(json_string_value(json_object_get(row, "sender")), "127.0.0.1:7001");
    cr_expect_eq(number(row, "missing_packets"), 1);
    cr_expect_eq(number(row, "incomplete_heaps"), 1);
    cr_expect_eq(number(json_array_get(list, 0), "heaps"), 1);
    cr_expect_eq(number(json_object_get(symptom_object(), "forgotten_senders"), "senders"), 0);
}

Test(trouble_senders, an_expected_sender_that_does_not_send)
{
    char path[] = "/tmp/speadline-expected-XXXXXX", options[96];
    FILE *file = fdopen(mkstemp(path), "w");
    const json_t *object;

    cr_assert_not_null(file);
    snprintf(options, sizeof options, "--strict --expect-senders %s", path);
    fputs("127.0.0.1:7000\n127.0.0.9 # the one that is off\n", file);
    fclose(file);
    symptom_begin(options);
    symptom_stamped(symptom_from("127.0.0.1", 7000), 1, 1);
    symptom_stamped(symptom_from("127.0.0.1", 7001), 1, 1);
    symptom_end_after(2, 3);
    symptom_shows("expected 1 of 2 senders are missing: 127.0.0.9");
    symptom_shows("expected 1 further senders were heard: 127.0.0.1:7001");
    object = json_object_get(symptom_object(), "expected_senders");
    cr_expect_eq(number(object, "missing"), 1);
    cr_expect_eq(number(object, "unexpected"), 1);
    symptom_begin("--strict --expect-senders 2");
    symptom_stamped(symptom_from("127.0.0.1", 8000), 1, 1);
    symptom_stamped(symptom_from("127.0.0.1", 8001), 1, 1);
    symptom_end_after(4, 0);
    symptom_says("expected all 2 senders were heard");
    unlink(path);
}

/* ---- Several senders that look like one ----------------------------------------------------- */

/* Sends heap 1 of two boards. The packets of the boards arrive in turn: 0 1, 1 0, 0 1, 1 0. Each board puts its number
 * into every packet. */
static void send_alike(const int board[2])
{
    for (unsigned i = 0; i < 4; i++)
        for (unsigned turn = 0; turn < 2; turn++) {
            unsigned b = (i + turn) % 2;

            test_packet_specials(&symptom_packet, 40, 1, 64, 16 * i, 16);
            test_packet_immediate(&symptom_packet, 0x4101, b);
            test_packet_payload(&symptom_packet, "0123456789abcdef", 16);
            symptom_send(board[b]);
        }
}

Test(trouble_senders, equal_counters_of_two_senders_taken_for_one)
{
    int board[2] = {symptom_from("127.0.0.1", 7000), symptom_from("127.0.0.1", 7001)};

    symptom_begin("--strict --sender-key none");
    send_alike(board);
    symptom_end_after(8, 3);
    cr_expect_eq(heaps(), 0);
    cr_expect_gt(bucket(symptom_object(), "repeated-counter"), 0);
    symptom_shows("heaps ended because a packet contradicted them");
    symptom_begin("--strict");
    send_alike(board);
    symptom_end_after(16, 0);
    cr_expect_eq(heaps(), 2);
}

/* ---- Counters that come again --------------------------------------------------------------- */

Test(trouble_senders, a_counter_that_is_stuck)
{
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict");
    for (uint64_t stamp = 0; stamp < 10; stamp++)
        symptom_stamped(fd, 0, stamp);
    symptom_end_after(10, 3);
    cr_expect_eq(heaps(), 1);
    cr_expect_eq(bucket(symptom_object(), "repeated-counter"), 9);
    symptom_shows("for a heap counter that had ended, with another length or item, or much later");
    symptom_begin("--strict");
    for (uint64_t stamp = 0; stamp < 4; stamp++)
        symptom_stamped(fd, 1 + stamp, stamp);
    symptom_end_after(14, 0);
    cr_expect_eq(heaps(), 4);
}

/* Sends the first half of a heap and waits until the receiver has read it. Then waits longer than `quiet_ms`, and sends
 * the whole heap, as a restarted sender does. `datagrams` is the number of datagrams that the test has sent before. */
static void send_two_runs(int fd, unsigned datagrams, unsigned quiet_ms)
{
    symptom_piece(fd, 3, 64, 0, 16);
    symptom_piece(fd, 3, 64, 16, 16);
    symptom_await(datagrams + 2);
    tool_sleep_ms(2 * quiet_ms);
    for (unsigned i = 0; i < 4; i++)
        symptom_piece(fd, 3, 64, 16 * i, 16);
    symptom_await(datagrams + 6);
}

Test(trouble_senders, a_sender_that_was_started_anew)
{
    int fd = symptom_from("127.0.0.1", 7000);

    symptom_begin("--strict --restart-quiet 200ms");
    send_two_runs(fd, 0, 200);
    symptom_interrupt(3);
    cr_expect_eq(heaps(), 1);
    cr_expect_eq(bucket(symptom_object(), "evicted"), 2);
    symptom_shows("times a sender began a new run");
    symptom_begin("--restart-quiet 60s");
    send_two_runs(fd, 6, 1);
    symptom_interrupt(0);
    cr_expect_eq(heaps(), 1);
    cr_expect_eq(bucket(symptom_object(), "delivered"), 4);
    cr_expect_eq(bucket(symptom_object(), "duplicate"), 2);
    symptom_hides("began a new run");
}

static void send_the_same_again(int fd, bool with_start_heap)
{
    for (uint64_t counter = 1; counter <= 3; counter++)
        symptom_stamped(fd, counter, counter);
    if (with_start_heap)
        symptom_control(fd, 4, SPEAD_CONTROL_START);
    for (uint64_t counter = 1; counter <= 3; counter++)
        symptom_stamped(fd, counter, 100 + counter);
}

Test(trouble_senders, a_sender_that_starts_anew_at_once)
{
    int fd = symptom_from("127.0.0.1", 7000);

    symptom_begin("--strict");
    send_the_same_again(fd, false);
    symptom_end_after(6, 3);
    cr_expect_eq(heaps(), 3);
    cr_expect_eq(bucket(symptom_object(), "repeated-counter"), 3);
    symptom_shows("the counter is stuck, too short or starts anew, or two senders use it");
    symptom_begin("--strict");
    send_the_same_again(fd, true);
    symptom_end_after(13, 0);
    cr_expect_eq(heaps(), 6);
}

/* ---- More senders than places --------------------------------------------------------------- */

Test(trouble_senders, senders_that_lost_their_place)
{
    symptom_begin("--senders 2");
    for (unsigned i = 0; i < 5; i++)
        symptom_stamped(symptom_from("127.0.0.1", 7000 + i), 1, i);
    symptom_end_after(5, 0);
    cr_expect_eq(number(symptom_object(), "senders_replaced"), 3);
    symptom_shows("lost their place to new ones: raise --senders, or look for foreign senders");
    symptom_begin("--senders 5 --strict");
    for (unsigned i = 0; i < 5; i++)
        symptom_stamped(symptom_from("127.0.0.1", 8000 + i), 1, i);
    symptom_end_after(10, 0);
    symptom_hides("lost their place");
}

Test(trouble_senders, more_senders_with_live_heaps_than_places)
{
    symptom_begin("--strict --senders 1");
    symptom_piece(symptom_from("127.0.0.1", 7000), 1, 64, 0, 32);
    symptom_stamped(symptom_from("127.0.0.1", 7001), 1, 1);
    symptom_end_after(2, 3);
    cr_expect_eq(bucket(symptom_object(), "over-cap-senders"), 1);
    symptom_shows("from senders that found no place among --senders");
    symptom_begin("--senders 2");
    symptom_piece(symptom_from("127.0.0.1", 7002), 1, 64, 0, 32);
    symptom_stamped(symptom_from("127.0.0.1", 7003), 1, 1);
    symptom_end_after(4, 0);
    cr_expect_eq(heaps(), 1);
}

/* A sender completes a heap and begins the next one; then another sender begins its first heap. */
static void begin_while_another_works(unsigned port)
{
    int works = symptom_from("127.0.0.1", port);

    symptom_piece(works, 1, 64, 0, 32);
    symptom_piece(works, 1, 64, 32, 32);
    symptom_piece(works, 2, 64, 0, 32);
    symptom_piece(symptom_from("127.0.0.1", port + 1), 1, 64, 0, 32);
}

Test(trouble_senders, a_new_sender_while_others_fill_all_places)
{
    symptom_begin("--strict --concurrent-heaps 1");
    begin_while_another_works(7000);
    symptom_end_after(4, 3);
    cr_expect_eq(bucket(symptom_object(), "over-cap-newcomers"), 1);
    symptom_shows("from new senders, while heaps of senders that work took all places");
    symptom_begin("--concurrent-heaps 2");
    begin_while_another_works(7002);
    symptom_end_after(8, 0);
    symptom_hides("from new senders");
}

/* ---- The end -------------------------------------------------------------------------------- */

/* A heap, a stop heap and a further heap wait in the socket, so that the receiver reads all of them. */
static void send_past_a_stop(int fd)
{
    symptom_asleep();
    symptom_stamped(fd, 1, 1);
    symptom_control(fd, 2, SPEAD_CONTROL_STOP);
    symptom_stamped(fd, 3, 3);
    symptom_awake();
}

Test(trouble_senders, packets_after_a_stop_heap)
{
    int fd = symptom_from("127.0.0.1", 7000);

    symptom_begin("--strict");
    send_past_a_stop(fd);
    symptom_end(3);
    cr_expect_eq(heaps(), 1);
    cr_expect_eq(bucket(symptom_object(), "after-stop"), 1);
    symptom_shows("came after the end: --no-stop-item goes on past a stop item");
    symptom_begin("--no-stop-item");
    send_past_a_stop(fd);
    symptom_end_after(6, 0);
    cr_expect_eq(heaps(), 2);
    cr_expect_eq(bucket(symptom_object(), "after-stop"), 0);
}

Test(trouble_senders, an_end_before_the_second_sender_began)
{
    int first = symptom_from("127.0.0.1", 7000), second = symptom_from("127.0.0.1", 7001);

    symptom_begin("");
    symptom_stamped(first, 1, 1);
    symptom_control(first, 2, SPEAD_CONTROL_STOP);
    symptom_end(0);
    symptom_shows("by a stop heap of");
    symptom_says("127.0.0.1:7000 at 127.0.0.1:7148");
    symptom_begin("--strict --stop 2");
    symptom_stamped(first, 1, 1);
    symptom_control(first, 2, SPEAD_CONTROL_STOP);
    symptom_await(4);
    symptom_stamped(second, 1, 1);
    symptom_control(second, 2, SPEAD_CONTROL_STOP);
    symptom_end(0);
    cr_expect_eq(heaps(), 2);
    symptom_says("by a stop heap of 127.0.0.1:7001 at 127.0.0.1:7148");
}

/* The first sender dies after one heap. The receiver waits for the stop heap of this sender as long as --stop-silence
 * says. */
Test(trouble_senders, a_receiver_that_does_not_end)
{
    int dead = symptom_from("127.0.0.1", 7000), alive = symptom_from("127.0.0.1", 7001);

    symptom_begin("--stop-silence 200ms");
    symptom_stamped(dead, 1, 1);
    symptom_await(1);
    tool_sleep_ms(300);
    symptom_stamped(alive, 1, 1);
    symptom_control(alive, 2, SPEAD_CONTROL_STOP);
    symptom_end(0);
    symptom_shows("sent no stop heap, and nothing in the last");
    symptom_says("silent 127.0.0.1:7000 at 127.0.0.1:7148");
    symptom_begin("--stop any");
    symptom_stamped(dead, 1, 1);
    symptom_await(4);
    symptom_stamped(alive, 1, 1);
    symptom_control(alive, 2, SPEAD_CONTROL_STOP);
    symptom_end(0);
    cr_expect_eq(heaps(), 2);
}
