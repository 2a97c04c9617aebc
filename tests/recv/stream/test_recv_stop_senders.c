/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stop item ends its sender, and the stream ends when all who were heard have ended. Method: a scripted engine
 * with a clock lends packets of several senders and endpoints. */
#include <criterion/criterion.h>

#include <errno.h>

#include "recv_rig.h"

#define SECOND 1000000000ull

static struct recv_rig rig;

static void make_rig(void)
{
    recv_rig_init(&rig);
    rig.sources = 2;
    rig.ops = &script_clock_ops;
    rig.engine->clock_ns = SECOND;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_stop_senders, .init = make_rig, .fini = close_rig);

#define EXPECT_BUCKETS(text) cr_expect_str_eq(recv_rig_buckets(&rig), text)

static void from(struct script_packet *packet, uint8_t host, uint16_t endpoint)
{
    packet->source = endpoint;
    packet->from = speadi_rx_from_v4(endpoint, (const uint8_t[]){192, 0, 2, host}, 7000);
}

/* Queues the heaps of a text such as "1a0 1b0 !2a0": heap 1 of sender a to endpoint 0, heap 1 of sender b to endpoint
 * 0, and stop heap 2 of sender a to endpoint 0. */
static void lend(const char *heaps)
{
    for (; heaps[0] != '\0'; heaps += heaps[3] == ' ' ? 4 : 3) {
        bool stops = heaps[0] == '!';
        uint64_t counter;

        heaps += stops;
        counter = (uint64_t)(heaps[0] - '0');
        from(stops ? recv_rig_control(&rig, counter, SPEAD_CONTROL_STOP)
                   : recv_rig_data(&rig, counter, 8, 0, 8),
             (uint8_t)(1 + heaps[1] - 'a'), (uint16_t)(heaps[2] - '0'));
    }
}

/* Polls. Then lets some time pass, so that the stream looks again whether it has ended, and polls once more. Returns
 * true if the stream has ended. */
static bool ends(void)
{
    if (recv_rig_run(&rig) == -ESHUTDOWN)
        return true;
    rig.stream->stop_review_ns = 0;
    return recv_rig_run(&rig) == -ESHUTDOWN;
}

/* Opens the stream, lends these heaps, and tells whether the stream has ended. */
static bool ends_after(const char *heaps)
{
    recv_rig_open(&rig);
    lend(heaps);
    return ends();
}

/* Lends further heaps, and tells whether the stream has ended. */
static bool then_ends_after(const char *heaps)
{
    lend(heaps);
    return ends();
}

Test(recv_stop_senders, the_other_sender_of_the_endpoint_goes_on)
{
    cr_expect_not(ends_after("1a0 1b0 !2a0 2b0 3a0"));
    EXPECT_BUCKETS("delivered 3, control 1, after-stop 1");
    cr_expect(then_ends_after("!3b0"));
}

Test(recv_stop_senders, the_other_endpoint_goes_on)
{
    cr_expect_not(ends_after("1a0 1b1 !2a0 2b1"));
    cr_expect(then_ends_after("!3b1"));
    EXPECT_BUCKETS("delivered 3, control 2");
}

Test(recv_stop_senders, an_endpoint_that_was_never_heard_does_not_hold_the_end)
{
    cr_expect(ends_after("1a0 !2a0"));
}

Test(recv_stop_senders, a_sender_that_fell_silent_does_not_hold_the_end_for_ever)
{
    cr_expect_not(ends_after("1a0 1b0 !2a0"));
    rig.engine->clock_ns += 9 * SECOND;
    cr_expect_not(ends());
    rig.engine->clock_ns += 2 * SECOND;
    cr_expect(ends());
}

Test(recv_stop_senders, a_stop_heap_from_a_sender_without_data_ends_the_endpoint)
{
    cr_expect(ends_after("1a0 !1z0 2a0"));
    EXPECT_BUCKETS("delivered 1, control 1, after-stop 1");
}

Test(recv_stop_senders, any_means_that_the_first_stop_item_ends_the_stream)
{
    rig.config.stop_count = 1;
    cr_expect(ends_after("1a0 1b1 !2a0"));
}

Test(recv_stop_senders, a_number_lets_a_sender_begin_after_another_has_stopped)
{
    rig.config.stop_count = 2;
    cr_expect_not(ends_after("1a0 !2a0"));
    cr_expect_not(then_ends_after("1b0"));
    cr_expect(then_ends_after("!2b0"));
    EXPECT_BUCKETS("delivered 2, control 2");
}

Test(recv_stop_senders, repeated_stop_heaps_are_control_and_count_once)
{
    rig.config.stop_count = 2;
    cr_expect_not(ends_after("1a0 !2a0 !3a0 !3a0"));
    EXPECT_BUCKETS("delivered 1, control 3");
}

Test(recv_stop_senders, a_start_item_begins_a_new_run_of_a_sender_that_has_stopped)
{
    rig.config.stop_count = 3;
    recv_rig_open(&rig);
    lend("1a0 !2a0");
    from(recv_rig_control(&rig, 1, SPEAD_CONTROL_START), 1, 0);
    cr_expect_not(then_ends_after("1a0"));
    EXPECT_BUCKETS("delivered 2, control 2");
}

Test(recv_stop_senders, a_long_silence_begins_a_new_run_of_a_sender_that_has_stopped)
{
    rig.config.stop_count = 3;
    cr_expect_not(ends_after("1a0 !2a0"));
    rig.engine->clock_ns += 5 * SECOND;
    cr_expect_not(then_ends_after("1a0"));
    EXPECT_BUCKETS("delivered 2, control 1");
}

Test(recv_stop_senders, heaps_of_a_sender_that_has_stopped_are_flushed)
{
    recv_rig_open(&rig);
    from(recv_rig_data(&rig, 1, 16, 0, 8), 1, 0);
    cr_expect_not(then_ends_after("1b1 !2a0"));
    EXPECT_BUCKETS("delivered 1, flushed 1, control 1");
}

Test(recv_stop_senders, the_stream_says_what_ended_it)
{
    struct spead_recv_end end = SPEAD_RECV_END_INIT;
    struct spead_recv_sender sender = SPEAD_RECV_SENDER_INIT;
    char text[SPEAD_SENDER_ADDRESS_TEXT_MAX];

    cr_assert(ends_after("1a1 !7a1"));
    spead_recv_stream_end(rig.stream, &end);
    cr_expect_eq(end.cause, SPEAD_END_STOP_ITEMS);
    cr_expect(end.has_stop);
    cr_expect_eq(end.stop_source, 1u);
    cr_expect_eq(end.stop_counter, 7u);
    cr_expect_str_eq(spead_sender_address_format(&end.stop_sender, text), "192.0.2.1:7000");
    cr_assert_eq(spead_recv_stream_sender(rig.stream, 0, &sender), 0);
    cr_expect(sender.stopped);
    cr_expect_eq(sender.source, 1u);
    cr_expect_eq(sender.heaps_complete, 1u);
    cr_expect_eq(spead_recv_stream_sender(rig.stream, 1, &sender), -ERANGE);
}

Test(recv_stop_senders, the_stream_says_that_a_call_ended_it)
{
    struct spead_recv_end end = SPEAD_RECV_END_INIT;

    recv_rig_open(&rig);
    lend("1a0");
    recv_rig_run(&rig);
    recv_rig_stop(&rig);
    spead_recv_stream_end(rig.stream, &end);
    cr_expect_eq(end.cause, SPEAD_END_STOP_CALL);
    cr_expect_not(end.has_stop);
}
