/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the histogram of the times that messages spend inside a channel counts each message in one bucket. There is a
 * bucket for each possible length of time.
 * Method: the test gives chosen times to the histogram, and sends messages through channels of two forms. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>

#include <speadi/clock.h>
#include <speadi/latency.h>

#include "channel_rig.h"

Test(latency, buckets_ascend_without_gaps_to_the_end_of_time)
{
    for (unsigned i = 1; i < SPEAD_LATENCY_BUCKETS; i++)
        cr_expect_gt(spead_latency_bound_ns(i), spead_latency_bound_ns(i - 1), "bucket %u", i);
    cr_expect_eq(spead_latency_bound_ns(0), 1);
    cr_expect_eq(spead_latency_bound_ns(SPEAD_LATENCY_BUCKETS - 1), UINT64_MAX);
}

Test(latency, a_time_is_counted_below_its_buckets_bound_and_not_below_the_one_before)
{
    for (unsigned shift = 0; shift < 40; shift++) {
        for (uint64_t ns = UINT64_C(1) << shift, step = 0; step < 5; ns += ns / 5 + 1, step++) {
            struct speadi_latency_log *log = speadi_latency_create(1);
            struct spead_latency latency = SPEAD_LATENCY_INIT;
            unsigned bucket = 0;

            speadi_latency_enter(log, 0, 1000);
            speadi_latency_leave(log, 0, 1000 + ns);
            speadi_latency_read(log, &latency);
            while (latency.count[bucket] == 0)
                bucket++;
            cr_expect_lt(ns, spead_latency_bound_ns(bucket));
            cr_expect(bucket == 0 || ns >= spead_latency_bound_ns(bucket - 1), "%lu in %u",
                      (unsigned long)ns, bucket);
            cr_expect_eq(latency.total, 1);
            cr_expect_eq(latency.max_ns, ns);
            free(log);
        }
    }
}

Test(latency, of_a_channel_counts_each_message_received)
{
    static const enum spead_channel_form forms[] = {SPEAD_CHANNEL_SPSC, SPEAD_CHANNEL_MPMC};

    for (unsigned i = 0; i < 2; i++) {
        struct spead_channel_config config = channel_rig_config(forms[i], SPEAD_ON_FULL_BLOCK, 4);
        struct spead_latency latency = SPEAD_LATENCY_INIT;
        struct channel_rig rig;
        uint64_t start = speadi_clock_mono_ns();

        config.latency = true;
        rig = channel_rig_open(&config);
        for (uint64_t n = 0; n < 100; n++) {
            channel_rig_send(rig.sender, n, 1);
            cr_assert_eq(channel_rig_receive_one(rig.receiver), (int)n);
        }
        channel_rig_send(rig.sender, 100, 1);
        cr_assert_eq(spead_channel_latency(rig.channel, &latency), 0);
        cr_expect_eq(latency.total, 100);
        cr_expect_leq(latency.sum_ns, speadi_clock_mono_ns() - start);
        cr_expect_geq(latency.max_ns, spead_latency_quantile_ns(&latency, 1.0) / 2);
        channel_rig_close(&rig);
    }
}

Test(latency, is_not_kept_unless_asked_for)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct channel_rig rig = channel_rig_open(&config);
    struct spead_latency latency = SPEAD_LATENCY_INIT;

    cr_expect_eq(spead_channel_latency(rig.channel, &latency), -ENOTSUP);
    channel_rig_close(&rig);
}

Test(latency, quantiles_ascend)
{
    struct spead_latency latency = {.count = {[10] = 90, [40] = 9, [80] = 1},
                                    .total = 100,
                                    .max_ns = spead_latency_bound_ns(80) - 1};

    cr_expect_eq(spead_latency_quantile_ns(&latency, 0.5), spead_latency_bound_ns(10));
    cr_expect_eq(spead_latency_quantile_ns(&latency, 0.95), spead_latency_bound_ns(40));
    cr_expect_eq(spead_latency_quantile_ns(&latency, 0.999), latency.max_ns);
    cr_expect_eq(spead_latency_quantile_ns(&(struct spead_latency){0}, 0.5), 0);
}
