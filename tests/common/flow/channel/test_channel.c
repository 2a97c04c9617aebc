/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: in channels of every form, each message that goes in comes out once and in order, and the channel counts it.
 * Method: one thread uses both ends. Most tests run over all four forms. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "channel_rig.h"

Test(channel, is_empty_at_first)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 4);

        cr_expect_eq(channel_rig_receive(rig.receiver, 0, 4), -EAGAIN, "form %u", form);
        cr_expect_eq(channel_rig_stats(rig.channel).depth, 0);
        channel_rig_close(&rig);
    }
}

Test(channel, of_capacity_one_holds_exactly_one)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 1);

        for (uint64_t i = 0; i < 100; i++) {
            cr_assert_eq(channel_rig_send(rig.sender, i, 1), 1, "form %u", form);
            cr_assert_eq(channel_rig_send(rig.sender, i, 1), -EAGAIN, "form %u", form);
            cr_assert_eq(channel_rig_receive(rig.receiver, i, 5), 1, "form %u", form);
        }
        channel_rig_close(&rig);
    }
}

/* The capacity of a channel limits the memory that its messages keep in use. If the channel rounded the capacity up, it
 * would break this limit. */
Test(channel, holds_its_capacity_and_no_more_when_that_is_no_power_of_two)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 5);

        cr_assert_eq(channel_rig_send(rig.sender, 0, 9), 5, "form %u", form);
        cr_assert_eq(channel_rig_send(rig.sender, 5, 1), -EAGAIN, "form %u", form);
        cr_assert_eq(channel_rig_receive(rig.receiver, 0, 2), 2, "form %u", form);
        cr_assert_eq(channel_rig_send(rig.sender, 5, 9), 2, "form %u", form);
        cr_assert_eq(channel_rig_receive(rig.receiver, 2, 9), 5, "form %u", form);
        channel_rig_close(&rig);
    }
}

Test(channel, keeps_the_order_of_many_messages_in_uneven_batches)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 64);
        uint64_t sent = 0, received = 0;

        for (uint32_t step = 0; received < 100000; step++) {
            int out, in = channel_rig_send(rig.sender, sent, 1 + step % 97);

            sent += in > 0 ? (uint64_t)in : 0;
            out = channel_rig_receive(rig.receiver, received, 1 + step % 61);
            cr_assert_gt(out, 0, "form %u after %lu", form, (unsigned long)received);
            received += (uint64_t)out;
        }
        channel_rig_close(&rig);
    }
}

Test(channel, carries_every_field_of_a_message)
{
    const struct spead_message in = {.reference = 0,
                                     .offset = 2,
                                     .length = 3,
                                     .sequence = 4,
                                     .time_ns = 5,
                                     .key = 6,
                                     .event = 0,
                                     .stream = 8,
                                     .type = 0,
                                     .priority = 9,
                                     .flags = 10};

    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 4);
        struct spead_message out;

        cr_assert_eq(spead_sender_try_send(rig.sender, &in, 1), 1);
        cr_assert_eq(spead_receiver_try_receive(rig.receiver, &out, 1), 1);
        cr_expect_eq(memcmp(&in, &out, sizeof in), 0, "form %u", form);
        channel_rig_close(&rig);
    }
}

Test(channel, counts_what_it_was_given_what_it_gave_and_what_it_holds)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 8);
        struct spead_channel_stats stats;

        channel_rig_send(rig.sender, 0, 6);
        channel_rig_receive(rig.receiver, 0, 4);
        stats = channel_rig_stats(rig.channel);
        cr_expect_eq(stats.sent, 6, "form %u", form);
        cr_expect_eq(stats.received, 4, "form %u", form);
        cr_expect_eq(stats.depth, 2, "form %u", form);
        cr_expect_eq(stats.high_water, 6, "form %u", form);
        cr_expect_eq(stats.capacity, 8);
        cr_expect(channel_rig_adds_up(&stats));
        channel_rig_close(&rig);
    }
}

Test(channel, remembers_that_it_was_full)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 3);

        channel_rig_send(rig.sender, 0, 4);
        channel_rig_receive(rig.receiver, 0, 3);
        cr_expect_eq(channel_rig_stats(rig.channel).high_water, 3, "form %u", form);
        channel_rig_close(&rig);
    }
}

Test(channel, of_many_senders_takes_from_each_in_its_order)
{
    struct spead_channel_config config =
        channel_rig_config(SPEAD_CHANNEL_MPSC, SPEAD_ON_FULL_BLOCK, 8);
    struct channel_rig rig = channel_rig_open(&config);
    struct spead_sender *other;

    cr_assert_eq(spead_sender_open(&other, rig.channel, "other", SPEAD_TYPE_PLAIN, NULL), 0);
    channel_rig_send(rig.sender, 10, 1);
    channel_rig_send(other, 20, 2);
    channel_rig_send(rig.sender, 11, 1);
    cr_expect_eq(channel_rig_receive_one(rig.receiver), 10);
    cr_expect_eq(channel_rig_receive_one(rig.receiver), 20);
    cr_expect_eq(channel_rig_receive_one(rig.receiver), 21);
    cr_expect_eq(channel_rig_receive_one(rig.receiver), 11);
    spead_sender_close(other, 0);
    channel_rig_close(&rig);
}

Test(channel, of_many_receivers_gives_each_message_to_one_of_them)
{
    struct spead_channel_config config =
        channel_rig_config(SPEAD_CHANNEL_SPMC, SPEAD_ON_FULL_BLOCK, 8);
    struct channel_rig rig = channel_rig_open(&config);
    struct spead_receiver *other;

    cr_assert_eq(spead_receiver_open(&other, rig.channel, "other", SPEAD_TYPE_PLAIN, NULL), 0);
    channel_rig_send(rig.sender, 0, 3);
    cr_expect_eq(channel_rig_receive_one(other), 0);
    cr_expect_eq(channel_rig_receive_one(rig.receiver), 1);
    cr_expect_eq(channel_rig_receive_one(other), 2);
    cr_expect_eq(channel_rig_receive_one(rig.receiver), -EAGAIN);
    spead_receiver_close(other);
    channel_rig_close(&rig);
}

Test(channel, refuses_more_ends_than_its_form_allows_and_names_the_form)
{
    struct channel_rig rig = channel_rig_open_form(SPEAD_CHANNEL_SPSC, 1);
    struct spead_sender *sender;
    struct spead_receiver *receiver;
    struct spead_err err;

    cr_assert_eq(spead_sender_open(&sender, rig.channel, "2nd", SPEAD_TYPE_PLAIN, &err), -EBUSY);
    cr_expect(strstr(err.text, "spsc") && strstr(err.text, "mpsc"), "%s", err.text);
    cr_assert_eq(spead_receiver_open(&receiver, rig.channel, "2nd", SPEAD_TYPE_PLAIN, &err),
                 -EBUSY);
    cr_expect(strstr(err.text, "spmc") != NULL, "%s", err.text);
    channel_rig_close(&rig);
}

Test(channel, of_two_types_names_both_ends_and_their_types)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;
    struct spead_sender *sender;
    struct spead_receiver *receiver;
    struct spead_err err;

    cr_assert_eq(spead_channel_create(&channel, &config, NULL), 0);
    cr_assert_eq(spead_sender_open(&sender, channel, "capture", SPEAD_TYPE_HEAP, NULL), 0);
    cr_assert_eq(spead_receiver_open(&receiver, channel, "fft", SPEAD_TYPE_REGION, &err),
                 -EPROTOTYPE);
    cr_expect(strstr(err.text, "\"capture\"") && strstr(err.text, "\"heap\""), "%s", err.text);
    cr_expect(strstr(err.text, "\"fft\"") && strstr(err.text, "\"region\""), "%s", err.text);
    spead_sender_close(sender, 0);
    spead_channel_unref(channel);
}

Test(channel, lets_an_end_of_any_type_join_before_or_after_the_type_is_settled)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;
    struct spead_sender *sender;
    struct spead_receiver *receiver;

    cr_assert_eq(spead_channel_create(&channel, &config, NULL), 0);
    cr_assert_eq(spead_receiver_open(&receiver, channel, "tap", SPEAD_CHANNEL_ANY_TYPE, NULL), 0);
    cr_expect_eq(channel_rig_stats(channel).type, SPEAD_CHANNEL_ANY_TYPE);
    cr_assert_eq(spead_sender_open(&sender, channel, "in", SPEAD_TYPE_HEAP, NULL), 0);
    cr_expect_eq(channel_rig_stats(channel).type, SPEAD_TYPE_HEAP);
    spead_sender_close(sender, 0);
    spead_receiver_close(receiver);
    spead_channel_unref(channel);
}

Test(channel, refuses_a_type_that_nobody_registered)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;
    struct spead_sender *sender;

    cr_assert_eq(spead_channel_create(&channel, &config, NULL), 0);
    cr_expect_eq(spead_sender_open(&sender, channel, "in", 999, NULL), -EINVAL);
    cr_expect_eq(spead_sender_open(&sender, channel, "in", 70000, NULL), -EINVAL);
    spead_channel_unref(channel);
}

static void expect_refused(struct spead_channel_config config, const char *word)
{
    struct spead_channel *channel;
    struct spead_err err = {0};

    cr_assert_eq(spead_channel_create(&channel, &config, &err), -EINVAL, "%s", word);
    cr_expect(strstr(err.text, word) != NULL, "%s lacks %s", err.text, word);
}

Test(channel, config_that_cannot_work_is_refused_by_name)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;

    config.capacity = 0;
    expect_refused(config, "capacity");
    config.capacity = SPEAD_CHANNEL_CAPACITY_MAX + 1;
    expect_refused(config, "capacity");
    config = (struct spead_channel_config)SPEAD_CHANNEL_CONFIG_INIT;
    config.lanes = 0;
    expect_refused(config, "lanes");
    config.lanes = 2;
    expect_refused(config, "spmc or mpmc");
    config = (struct spead_channel_config)SPEAD_CHANNEL_CONFIG_INIT;
    config.on_full = SPEAD_ON_FULL_DROP_OLDEST;
    expect_refused(config, "spmc or mpmc");
    config.form = SPEAD_CHANNEL_MPSC;
    expect_refused(config, "spmc or mpmc");
    config.on_full = SPEAD_ON_FULL_SAMPLE;
    expect_refused(config, "sample_n");
    config.struct_size = 8;
    expect_refused(config, "struct_size");
}

Test(channel, says_before_it_is_made_how_much_memory_it_takes)
{
    struct spead_channel_config config = channel_rig_config(0, SPEAD_ON_FULL_BLOCK, 1024);

    cr_expect_geq(spead_channel_bytes(&config), 1024 * 64);
    cr_expect_lt(spead_channel_bytes(&config), 1024 * 64 + 1024);
    config.capacity = 1;
    /* A large graph has edges with this capacity, so the channel must take little memory. */
    cr_expect_leq(spead_channel_bytes(&config), 1024);
    cr_expect_leq(spead_channel_end_bytes(), 256);
}
