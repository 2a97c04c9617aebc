/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a channel ends in each of four ways: after its last message, with an error, when the last receiving end closes,
 * and immediately by a cancel. In each case every message that was in the channel is released.
 * Method: the messages are of a type that counts its references. Most tests run over all four forms. */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "channel_rig.h"

static void close_sender(struct channel_rig *rig, int error)
{
    spead_sender_close(rig->sender, error);
    rig->sender = NULL;
}

static void close_receiver(struct channel_rig *rig)
{
    spead_receiver_close(rig->receiver);
    rig->receiver = NULL;
}

Test(channel_end, of_an_empty_channel_is_seen_at_once_and_ever_after)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 4);

        close_sender(&rig, 0);
        cr_expect_eq(channel_rig_receive(rig.receiver, 0, 4), -ESHUTDOWN, "form %u", form);
        cr_expect_eq(channel_rig_receive(rig.receiver, 0, 4), -ESHUTDOWN, "form %u", form);
        channel_rig_close(&rig);
    }
}

Test(channel_end, comes_after_all_that_was_sent)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 4);

        channel_rig_send(rig.sender, 0, 3);
        close_sender(&rig, 0);
        cr_expect_eq(channel_rig_receive(rig.receiver, 0, 2), 2, "form %u", form);
        cr_expect_eq(channel_rig_receive(rig.receiver, 2, 2), 1, "form %u", form);
        cr_expect_eq(channel_rig_receive(rig.receiver, 3, 2), -ESHUTDOWN, "form %u", form);
        channel_rig_close(&rig);
    }
}

Test(channel_end, with_an_error_comes_after_all_that_was_sent)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 4);

        channel_rig_send(rig.sender, 0, 4);
        close_sender(&rig, -EIO);
        cr_expect_eq(channel_rig_receive(rig.receiver, 0, 9), 4, "form %u", form);
        cr_expect_eq(channel_rig_receive(rig.receiver, 4, 9), -EIO, "form %u", form);
        cr_expect_eq(channel_rig_receive(rig.receiver, 4, 9), -EIO, "form %u", form);
        cr_expect_eq(channel_rig_stats(rig.channel).end, -EIO);
        channel_rig_close(&rig);
    }
}

Test(channel_end, comes_when_the_last_of_many_senders_closes_with_the_first_error)
{
    struct channel_rig rig = channel_rig_open_form(SPEAD_CHANNEL_MPSC, 4);
    struct spead_sender *second, *third;

    cr_assert_eq(spead_sender_open(&second, rig.channel, "2nd", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(spead_sender_open(&third, rig.channel, "3rd", SPEAD_TYPE_PLAIN, NULL), 0);
    spead_sender_close(second, -EIO);
    cr_expect_eq(channel_rig_receive(rig.receiver, 0, 1), -EAGAIN);
    spead_sender_close(third, -ENOSPC);
    cr_expect_eq(channel_rig_send(rig.sender, 0, 1), 1);
    close_sender(&rig, 0);
    cr_expect_eq(channel_rig_receive(rig.receiver, 0, 1), 1);
    cr_expect_eq(channel_rig_receive(rig.receiver, 1, 1), -EIO);
    channel_rig_close(&rig);
}

Test(channel_end, is_seen_by_each_of_many_receivers)
{
    struct channel_rig rig = channel_rig_open_form(SPEAD_CHANNEL_SPMC, 4);
    struct spead_receiver *second;

    cr_assert_eq(spead_receiver_open(&second, rig.channel, "2nd", SPEAD_TYPE_PLAIN, NULL), 0);
    close_sender(&rig, 0);
    cr_expect_eq(channel_rig_receive(rig.receiver, 0, 1), -ESHUTDOWN);
    cr_expect_eq(channel_rig_receive(second, 0, 1), -ESHUTDOWN);
    spead_receiver_close(second);
    channel_rig_close(&rig);
}

/* ---- The last receiving end closes ---------------------------------------------------------- */

static atomic_int held; /* how many references to messages exist now */

static void take_ref(const struct spead_message *message)
{
    (void)message;
    held++;
}

static void drop_ref(const struct spead_message *message)
{
    (void)message;
    held--;
}

static const struct spead_message_type counted = {
    .name = "test.counted", .ref = take_ref, .unref = drop_ref};

static int send_counted(struct spead_sender *sender, int count)
{
    struct spead_message message = {.reference = 1};
    int id = spead_message_type_register(&counted, NULL), sent = 0;

    message.type = (uint16_t)id;
    for (; sent < count; sent++) {
        spead_message_ref(&message);
        if (spead_sender_try_send(sender, &message, 1) != 1) {
            spead_message_unref(&message);
            break;
        }
    }
    return sent;
}

Test(channel_end, from_below_tells_the_sender_and_releases_what_was_left)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 8);
        struct spead_channel_stats stats;

        cr_assert_eq(send_counted(rig.sender, 5), 5);
        cr_assert_eq(held, 5);
        close_receiver(&rig);
        cr_expect_eq(held, 0, "form %u", form);
        cr_expect_eq(channel_rig_send(rig.sender, 0, 1), -EPIPE, "form %u", form);
        cr_expect_eq(channel_rig_send(rig.sender, 0, 1), -EPIPE, "form %u", form);
        stats = channel_rig_stats(rig.channel);
        cr_expect_eq(stats.shed[SPEAD_SHED_CANCELLED], 5, "form %u", form);
        cr_expect(channel_rig_adds_up(&stats), "form %u", form);
        channel_rig_close(&rig);
    }
}

Test(channel_end, from_below_is_not_yet_while_another_receiver_is_there)
{
    struct channel_rig rig = channel_rig_open_form(SPEAD_CHANNEL_MPMC, 4);
    struct spead_receiver *second;

    cr_assert_eq(spead_receiver_open(&second, rig.channel, "2nd", SPEAD_TYPE_PLAIN, NULL), 0);
    close_receiver(&rig);
    cr_expect_eq(channel_rig_send(rig.sender, 0, 1), 1);
    cr_expect_eq(channel_rig_receive(second, 0, 1), 1);
    spead_receiver_close(second);
    cr_expect_eq(channel_rig_send(rig.sender, 0, 1), -EPIPE);
    channel_rig_close(&rig);
}

Test(channel_end, without_a_receiver_ever_releases_what_it_holds)
{
    EACH_FORM(form)
    {
        struct spead_channel_config config = channel_rig_config(form, SPEAD_ON_FULL_BLOCK, 4);
        struct spead_channel *channel;
        struct spead_sender *sender;

        cr_assert_eq(spead_channel_create(&channel, &config, NULL), 0);
        cr_assert_eq(spead_sender_open(&sender, channel, "in", -1, NULL), 0);
        spead_channel_unref(channel);
        cr_assert_eq(send_counted(sender, 3), 3);
        spead_sender_close(sender, 0);
        cr_expect_eq(held, 0, "form %u", form);
    }
}

Test(channel_end, after_the_end_no_sender_can_come_but_a_receiver_can)
{
    EACH_FORM(form)
    {
        struct spead_channel_config config = channel_rig_config(form, SPEAD_ON_FULL_BLOCK, 4);
        struct spead_channel *channel;
        struct spead_sender *sender;
        struct spead_receiver *receiver;

        cr_assert_eq(spead_channel_create(&channel, &config, NULL), 0);
        cr_assert_eq(spead_sender_open(&sender, channel, "in", 0, NULL), 0);
        channel_rig_send(sender, 7, 1);
        spead_sender_close(sender, 0);
        cr_expect_eq(spead_sender_open(&sender, channel, "in", 0, NULL), -ESHUTDOWN);
        cr_assert_eq(spead_receiver_open(&receiver, channel, "out", 0, NULL), 0);
        cr_expect_eq(channel_rig_receive_one(receiver), 7, "form %u", form);
        cr_expect_eq(channel_rig_receive_one(receiver), -ESHUTDOWN);
        spead_receiver_close(receiver);
        cr_expect_eq(spead_receiver_open(&receiver, channel, "out", 0, NULL), -EPIPE);
        spead_channel_unref(channel);
    }
}

/* ---- Cancel -------------------------------------------------------------------------------- */

Test(channel_end, by_cancel_stops_both_ends_at_once)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 4);

        cr_assert_eq(send_counted(rig.sender, 2), 2);
        spead_channel_cancel(rig.channel);
        cr_expect_eq(channel_rig_send(rig.sender, 0, 1), -ECANCELED, "form %u", form);
        cr_expect_eq(channel_rig_receive(rig.receiver, 0, 1), -ECANCELED, "form %u", form);
        close_receiver(&rig);
        cr_expect_eq(held, 0, "form %u", form);
        channel_rig_close(&rig);
    }
}

static void *cancel_later(void *arg)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;

    /* Wait until the receiving end sleeps or will sleep soon. The cancel must end the wait in both cases. */
    do
        spead_channel_stats(arg, &stats);
    while (stats.starved == 0);
    spead_channel_cancel(arg);
    return NULL;
}

Test(channel_end, by_cancel_wakes_a_thread_that_waits)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 4);
        struct spead_message message;
        pthread_t thread;

        pthread_create(&thread, NULL, cancel_later, rig.channel);
        cr_expect_eq(spead_receiver_receive(rig.receiver, &message, 1, 0), -ECANCELED);
        pthread_join(thread, NULL);
        channel_rig_close(&rig);
    }
}
