/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a full channel sheds the message that its policy names, counts the message by the cause, and calls on_shed
 * before it releases the message.
 * Method: one thread uses both ends, so a full channel stays full until the test receives. */
#include <criterion/criterion.h>

#include <errno.h>

#include "channel_rig.h"

static struct channel_rig open_rig(enum spead_channel_form form, enum spead_on_full policy,
                                   uint32_t capacity, uint32_t lanes)
{
    struct spead_channel_config config = channel_rig_config(form, policy, capacity);

    config.lanes = lanes;
    return channel_rig_open(&config);
}

Test(channel_policy, drop_newest_sheds_what_finds_it_full)
{
    const enum spead_channel_form forms[] = {SPEAD_CHANNEL_SPSC, SPEAD_CHANNEL_MPSC,
                                             SPEAD_CHANNEL_SPMC, SPEAD_CHANNEL_MPMC};

    for (unsigned i = 0; i < 4; i++) {
        struct channel_rig rig = open_rig(forms[i], SPEAD_ON_FULL_DROP_NEWEST, 4, 1);
        struct spead_channel_stats stats;

        cr_expect_eq(channel_rig_send(rig.sender, 0, 10), 10);
        cr_expect_eq(channel_rig_receive(rig.receiver, 0, 10), 4);
        stats = channel_rig_stats(rig.channel);
        cr_expect_eq(stats.sent, 10);
        cr_expect_eq(stats.shed[SPEAD_SHED_NEWEST], 6);
        cr_expect(channel_rig_adds_up(&stats));
        channel_rig_close(&rig);
    }
}

Test(channel_policy, drop_oldest_keeps_the_latest)
{
    const enum spead_channel_form forms[] = {SPEAD_CHANNEL_SPMC, SPEAD_CHANNEL_MPMC};

    for (unsigned i = 0; i < 2; i++) {
        struct channel_rig rig = open_rig(forms[i], SPEAD_ON_FULL_DROP_OLDEST, 4, 1);
        struct spead_channel_stats stats;

        cr_expect_eq(channel_rig_send(rig.sender, 0, 10), 10);
        cr_expect_eq(channel_rig_receive(rig.receiver, 6, 10), 4);
        stats = channel_rig_stats(rig.channel);
        cr_expect_eq(stats.shed[SPEAD_SHED_OLDEST], 6);
        cr_expect(channel_rig_adds_up(&stats));
        channel_rig_close(&rig);
    }
}

Test(channel_policy, drop_oldest_of_capacity_one_always_holds_the_last)
{
    struct channel_rig rig = open_rig(SPEAD_CHANNEL_SPMC, SPEAD_ON_FULL_DROP_OLDEST, 1, 1);

    for (uint64_t i = 0; i < 20; i++)
        cr_assert_eq(channel_rig_send(rig.sender, i, 1), 1);
    cr_expect_eq(channel_rig_receive_one(rig.receiver), 19);
    cr_expect_eq(channel_rig_receive_one(rig.receiver), -EAGAIN);
    channel_rig_close(&rig);
}

Test(channel_policy, sample_offers_one_of_n)
{
    struct spead_channel_config config =
        channel_rig_config(SPEAD_CHANNEL_SPSC, SPEAD_ON_FULL_SAMPLE, 100);
    struct channel_rig rig;
    struct spead_channel_stats stats;

    config.sample_n = 10;
    rig = channel_rig_open(&config);
    for (uint64_t i = 0; i < 95; i++)
        cr_assert_eq(channel_rig_send(rig.sender, i, 1), 1);
    for (int i = 0; i < 10; i++)
        cr_expect_eq(channel_rig_receive_one(rig.receiver), i * 10);
    cr_expect_eq(channel_rig_receive_one(rig.receiver), -EAGAIN);
    stats = channel_rig_stats(rig.channel);
    cr_expect_eq(stats.shed[SPEAD_SHED_SAMPLED], 85);
    cr_expect(channel_rig_adds_up(&stats));
    channel_rig_close(&rig);
}

Test(channel_policy, sample_sheds_a_sample_that_finds_it_full_under_another_name)
{
    struct spead_channel_config config =
        channel_rig_config(SPEAD_CHANNEL_SPSC, SPEAD_ON_FULL_SAMPLE, 2);
    struct channel_rig rig;
    struct spead_channel_stats stats;

    config.sample_n = 2;
    rig = channel_rig_open(&config);
    cr_expect_eq(channel_rig_send(rig.sender, 0, 10), 10);
    stats = channel_rig_stats(rig.channel);
    cr_expect_eq(stats.depth, 2);
    cr_expect_eq(stats.shed[SPEAD_SHED_SAMPLED], 5);
    cr_expect_eq(stats.shed[SPEAD_SHED_NEWEST], 3);
    cr_expect(channel_rig_adds_up(&stats));
    channel_rig_close(&rig);
}

/* ---- Lanes --------------------------------------------------------------------------------- */

Test(channel_policy, lanes_are_received_highest_first_and_each_in_order)
{
    struct channel_rig rig = open_rig(SPEAD_CHANNEL_SPMC, SPEAD_ON_FULL_BLOCK, 8, 3);
    const uint8_t priority[] = {0, 2, 1, 2, 0, 9};
    /* A priority above the highest lane, such as 9, counts as the highest lane. */
    const int expected[] = {1, 3, 5, 2, 0, 4};

    for (uint64_t i = 0; i < 6; i++)
        cr_assert_eq(channel_rig_send_to_lane(rig.sender, i, priority[i]), 1);
    for (int i = 0; i < 6; i++)
        cr_expect_eq(channel_rig_receive_one(rig.receiver), expected[i], "number %d", i);
    channel_rig_close(&rig);
}

Test(channel_policy, lanes_share_one_capacity)
{
    struct channel_rig rig = open_rig(SPEAD_CHANNEL_MPMC, SPEAD_ON_FULL_BLOCK, 3, 2);

    cr_expect_eq(channel_rig_send_to_lane(rig.sender, 0, 0), 1);
    cr_expect_eq(channel_rig_send_to_lane(rig.sender, 1, 1), 1);
    cr_expect_eq(channel_rig_send_to_lane(rig.sender, 2, 0), 1);
    cr_expect_eq(channel_rig_send_to_lane(rig.sender, 3, 1), -EAGAIN);
    channel_rig_close(&rig);
}

Test(channel_policy, a_high_message_displaces_the_oldest_of_the_lowest_lane)
{
    struct channel_rig rig = open_rig(SPEAD_CHANNEL_SPMC, SPEAD_ON_FULL_DROP_NEWEST, 3, 3);
    struct spead_channel_stats stats;

    channel_rig_send_to_lane(rig.sender, 0, 1);
    channel_rig_send_to_lane(rig.sender, 1, 0);
    channel_rig_send_to_lane(rig.sender, 2, 0);
    cr_expect_eq(channel_rig_send_to_lane(rig.sender, 3, 2), 1); /* sheds message 1 */
    cr_expect_eq(channel_rig_send_to_lane(rig.sender, 4, 2), 1); /* sheds message 2 */
    cr_expect_eq(channel_rig_send_to_lane(rig.sender, 5, 2), 1); /* sheds message 0 */
    cr_expect_eq(channel_rig_send_to_lane(rig.sender, 6, 2), 1); /* sheds message 6 itself */
    cr_expect_eq(channel_rig_receive(rig.receiver, 3, 9), 3);
    stats = channel_rig_stats(rig.channel);
    cr_expect_eq(stats.shed[SPEAD_SHED_LANE], 3);
    cr_expect_eq(stats.shed[SPEAD_SHED_NEWEST], 1);
    cr_expect(channel_rig_adds_up(&stats));
    channel_rig_close(&rig);
}

Test(channel_policy, a_low_message_never_displaces_a_high_one)
{
    struct channel_rig rig = open_rig(SPEAD_CHANNEL_SPMC, SPEAD_ON_FULL_DROP_OLDEST, 2, 2);
    struct spead_channel_stats stats;

    channel_rig_send_to_lane(rig.sender, 0, 1);
    channel_rig_send_to_lane(rig.sender, 1, 1);
    cr_expect_eq(channel_rig_send_to_lane(rig.sender, 2, 0), 1);
    cr_expect_eq(channel_rig_receive(rig.receiver, 0, 9), 2);
    stats = channel_rig_stats(rig.channel);
    cr_expect_eq(stats.shed[SPEAD_SHED_NEWEST], 1);
    channel_rig_close(&rig);
}

/* ---- on_shed -------------------------------------------------------------------------------- */

struct shed_log {
    unsigned count[SPEAD_SHED_CAUSES];
    uint64_t last; /* sequence number of the last message that was shed */
};

static void note(void *arg, const struct spead_message *message, enum spead_shed_cause cause)
{
    struct shed_log *log = arg;

    log->count[cause]++;
    log->last = message->sequence;
}

Test(channel_policy, the_owner_hears_of_each_message_shed_and_why)
{
    struct spead_channel_config config =
        channel_rig_config(SPEAD_CHANNEL_SPMC, SPEAD_ON_FULL_DROP_OLDEST, 2);
    struct shed_log log = {0};
    struct channel_rig rig;

    config.on_shed = note;
    config.on_shed_arg = &log;
    rig = channel_rig_open(&config);
    channel_rig_send(rig.sender, 0, 5);
    cr_expect_eq(log.count[SPEAD_SHED_OLDEST], 3);
    cr_expect_eq(log.last, 2);
    channel_rig_close(&rig);
    cr_expect_eq(log.count[SPEAD_SHED_CANCELLED], 2);
}

Test(channel_policy, every_cause_has_a_name)
{
    for (unsigned i = 0; i < SPEAD_SHED_CAUSES; i++)
        cr_expect(spead_shed_cause_name(i) != NULL, "cause %u", i);
    cr_expect(spead_shed_cause_name(SPEAD_SHED_CAUSES) == NULL);
}
