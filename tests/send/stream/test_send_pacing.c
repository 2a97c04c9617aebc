/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a send stream with a limited rate sends bursts of the right size, counts the right bytes, and sleeps until the
 * next burst.
 *
 * Method: a stream on a scripted engine (support/send_rig.h). The rates are so low that the next burst is not due
 * during the test. The test polls the stream. */
#include <criterion/criterion.h>

#include <sys/prctl.h>

#include <speadi/clock.h>

#include "send_rig.h"

Test(send_pacing, limited_stream_sends_a_burst_at_a_time)
{
    struct send_rig rig;
    uint64_t burst = 5 * 1472;

    send_rig_open(&rig, 4);
    spead_send_stream_destroy(rig.stream);
    /* At this rate the next burst is due hours later. */
    rig.config.rate_bytes_per_s = 1;
    rig.config.burst_bytes = (uint32_t)burst;
    rig.stream = scripted_tx_stream(rig.tx, &rig.config);
    send_rig_submit(&rig);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 5);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 0);
    cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_PENDING), 2);
    spead_send_stream_wait(rig.stream, speadi_clock_mono_ns() + 2000000);
    cr_expect_not(rig.tx->last_for_room, "there is room; it is not time");
    cr_expect_eq(spead_send_stream_poll(rig.stream), 0);
    send_rig_close(&rig);
}

/* With the usual timer slack of the kernel every sleep ends late, and the stream would not reach its rate. So start()
 * changes the timer slack of the owner thread, even if the program has created this thread. */
Test(send_pacing, whoever_owns_a_limited_stream_sleeps_exactly)
{
    struct send_rig rig;

    prctl(PR_SET_TIMERSLACK, 50000ul);
    send_rig_open(&rig, 4);
    cr_assert_eq(spead_send_stream_start(rig.stream, NULL), 0);
    cr_expect_eq(prctl(PR_GET_TIMERSLACK), 50000, "no rate, no reason");
    spead_send_stream_destroy(rig.stream);
    rig.config.rate_bytes_per_s = 1e9;
    rig.stream = scripted_tx_stream(rig.tx, &rig.config);
    cr_assert_eq(spead_send_stream_start(rig.stream, NULL), 0);
    cr_expect_eq(prctl(PR_GET_TIMERSLACK), 1);
    send_rig_close(&rig);
}

Test(send_pacing, wire_rate_counts_what_the_wire_carries)
{
    struct send_rig rig;

    send_rig_open(&rig, 4);
    spead_send_stream_destroy(rig.stream);
    rig.config.rate_bytes_per_s = 1;
    rig.config.burst_bytes = 5 * 1472;
    rig.stream = scripted_tx_stream_to(rig.tx, &rig.config, 1, 66);
    send_rig_submit(&rig);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 4, "a fifth packet would exceed the burst");
    cr_expect_eq(spead_send_stream_poll(rig.stream), 0);
    send_rig_close(&rig);
}

/* The first burst has to wait for room in the engine. After this burst there must be a pause before the next burst. */
Test(send_pacing, burst_counts_from_when_it_was_taken)
{
    struct send_rig rig;

    send_rig_open(&rig, 8);
    spead_send_stream_destroy(rig.stream);
    rig.config.rate_bytes_per_s = 1e6;
    /* At this rate, a burst of this size takes 6 ms. */
    rig.config.burst_bytes = 4 * 1472;
    rig.stream = scripted_tx_stream(rig.tx, &rig.config);
    for (int i = 0; i < 4; i++)
        send_rig_submit(&rig);
    rig.tx->room = 1;
    cr_expect_eq(spead_send_stream_poll(rig.stream), 1);
    spead_send_stream_wait(rig.stream, speadi_clock_mono_ns() + 20000000);
    rig.tx->room = UINT64_MAX;
    cr_expect_eq(spead_send_stream_poll(rig.stream), 3, "what was left of the burst");
    cr_expect_eq(spead_send_stream_poll(rig.stream), 0);
    send_rig_close(&rig);
}
