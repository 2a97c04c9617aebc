/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a heap with a rate of its own is sent at that rate, and not at the rate of the stream.
 *
 * Method: a stream on a scripted engine (support/send_rig.h). A limited rate is one byte in a second, so that the next
 * burst is not due during the test. tests/send/stream/test_pacer.c checks the rates themselves. */
#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>
#include <sys/prctl.h>

#include <speadi/clock.h>

#include "send_rig.h"

enum { BURST = 5 }; /* packets */

/* Opens a stream with this rate; 0 means no limit. */
static void open_rig(struct send_rig *rig, double rate)
{
    send_rig_open(rig, 8);
    spead_send_stream_destroy(rig->stream);
    rig->config.rate_bytes_per_s = rate;
    rig->config.burst_bytes = BURST * 1472;
    rig->stream = scripted_tx_stream_to(rig->tx, &rig->config, 3, 0);
}

static int submit(struct send_rig *rig, double rate)
{
    rig->options.explicit_rate = true;
    rig->options.rate_bytes_per_s = rate;
    return send_rig_submit(rig);
}

static unsigned poll_all(struct send_rig *rig)
{
    unsigned packets = 0;
    int ret;

    while ((ret = spead_send_stream_poll(rig->stream)) > 0)
        packets += (unsigned)ret;
    return packets;
}

Test(send_own_rates, a_heap_is_paced_on_a_stream_without_a_limit)
{
    struct send_rig rig;

    prctl(PR_SET_TIMERSLACK, 50000ul);
    open_rig(&rig, 0);
    cr_assert_eq(spead_send_stream_start(rig.stream, NULL), 0);
    send_rig_submit(&rig);
    cr_expect_eq(poll_all(&rig), SEND_RIG_PACKETS);
    cr_expect_eq(prctl(PR_GET_TIMERSLACK), 50000, "no rate, no reason");
    cr_assert_eq(submit(&rig, 1), 0);
    cr_expect_eq(poll_all(&rig), BURST);
    cr_expect_eq(prctl(PR_GET_TIMERSLACK), 1);
    cr_assert_eq(submit(&rig, 0), 0);
    cr_expect_eq(poll_all(&rig), 0, "heaps do not overtake");
    spead_send_stream_wait(rig.stream, speadi_clock_mono_ns() + 2000000);
    cr_expect_not(rig.tx->last_for_room, "there is room; it is not time");
    send_rig_close(&rig);
}

Test(send_own_rates, a_heap_without_a_limit_is_not_paced_on_a_limited_stream)
{
    struct send_rig rig;

    open_rig(&rig, 1);
    cr_assert_eq(submit(&rig, 0), 0);
    cr_assert_eq(submit(&rig, 0), 0);
    cr_expect_eq(poll_all(&rig), 2 * SEND_RIG_PACKETS);
    cr_assert_eq(submit(&rig, -1), 0);
    cr_expect_eq(poll_all(&rig), BURST, "a negative rate is the rate of the stream");
    send_rig_close(&rig);
}

Test(send_own_rates, without_explicit_rate_the_value_means_nothing)
{
    struct send_rig rig;

    open_rig(&rig, 0);
    rig.options.rate_bytes_per_s = 1;
    send_rig_submit(&rig);
    cr_expect_eq(poll_all(&rig), SEND_RIG_PACKETS);
    send_rig_close(&rig);
}

/* The second heap has a rate so high that its packets are always due. */
Test(send_own_rates, the_heaps_of_a_group_have_their_own_rates_and_keep_their_order)
{
    struct send_rig rig;
    struct spead_send_group_heap group[3] = {{0}};

    open_rig(&rig, 0);
    for (unsigned i = 0; i < 3; i++) {
        group[i] = (struct spead_send_group_heap){rig.heap, rig.options};
        group[i].options.explicit_rate = i != 2;
        group[i].options.rate_bytes_per_s = i == 0 ? 1e15 : 0;
    }
    cr_assert_eq(spead_send_stream_submit_group(rig.stream, group, 3, SPEAD_SEND_GROUP_ROUND_ROBIN),
                 0);
    for (unsigned i = 0; i < 1000 && rig.log.count < 3; i++)
        spead_send_stream_poll(rig.stream);
    cr_assert_eq(rig.log.count, 3);
    for (unsigned i = 0; i < 3 * SEND_RIG_PACKETS; i++)
        cr_expect_eq(scripted_tx_value(rig.tx, i, 0), i % 3 + 1);
    send_rig_close(&rig);
}

Test(send_own_rates, rates_out_of_range_are_refused)
{
    struct send_rig rig;

    open_rig(&rig, 0);
    cr_expect_eq(submit(&rig, NAN), -EINVAL);
    cr_expect_eq(submit(&rig, INFINITY), -EINVAL);
    cr_expect_eq(submit(&rig, 0.5), -EINVAL);
    cr_expect_eq(send_rig_stats(&rig).counters.heaps_submitted, 0);
    send_rig_close(&rig);
}

Test(send_own_rates, a_device_that_paces_knows_one_rate)
{
    struct send_rig rig;

    send_rig_open(&rig, 4);
    spead_send_stream_destroy(rig.stream);
    rig.config.rate_bytes_per_s = 1e9;
    rig.config.hardware_rate = true;
    rig.stream = scripted_tx_stream(rig.tx, &rig.config);
    cr_expect_eq(submit(&rig, 1e6), -ENOTSUP);
    cr_expect_eq(submit(&rig, 0), -ENOTSUP);
    cr_expect_eq(submit(&rig, -1), 0);
    cr_expect_eq(poll_all(&rig), SEND_RIG_PACKETS);
    send_rig_close(&rig);
}
