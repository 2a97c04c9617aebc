/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the three ways to wait at a channel work: a thread waits with a deadline, an event loop polls a descriptor, and
 * a node announces a waker.
 * Method: the other end acts before, during or after the announcement. If a test needs a second thread, that thread
 * acts when the statistics say that the first thread waits. No test measures a duration. */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>

#include <speadi/channel_internal.h>
#include <speadi/clock.h>

#include "channel_rig.h"

/* ---- Threads ------------------------------------------------------------------------------- */

Test(channel_wait, for_a_message_ends_at_the_deadline)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 1);
        struct spead_message message;
        uint64_t deadline = speadi_clock_mono_ns() + 1000000;

        cr_expect_eq(spead_receiver_receive(rig.receiver, &message, 1, deadline), -ETIMEDOUT);
        cr_expect_geq(speadi_clock_mono_ns(), deadline);
        cr_expect_gt(channel_rig_stats(rig.channel).starved_ns, 0, "form %u", form);
        cr_expect_eq(channel_rig_stats(rig.channel).blocked, 0);
        channel_rig_close(&rig);
    }
}

Test(channel_wait, for_room_ends_at_the_deadline_with_what_was_taken)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 2);
        struct spead_message messages[3] = {0};
        uint64_t deadline = speadi_clock_mono_ns() + 1000000;

        cr_expect_eq(spead_sender_send(rig.sender, messages, 3, deadline), 2);
        cr_expect_eq(spead_sender_send(rig.sender, messages, 3, deadline), -ETIMEDOUT);
        cr_expect_gt(channel_rig_stats(rig.channel).blocked_ns, 0, "form %u", form);
        channel_rig_close(&rig);
    }
}

Test(channel_wait, with_a_deadline_that_is_past_does_not_wait)
{
    struct channel_rig rig = channel_rig_open_form(SPEAD_CHANNEL_SPSC, 1);
    struct spead_message message;

    cr_expect_eq(spead_receiver_receive(rig.receiver, &message, 1, 1), -ETIMEDOUT);
    channel_rig_send(rig.sender, 0, 1);
    cr_expect_eq(spead_receiver_receive(rig.receiver, &message, 1, 1), 1);
    channel_rig_close(&rig);
}

static void *send_once_starved(void *arg)
{
    struct channel_rig *rig = arg;

    while (channel_rig_stats(rig->channel).starved == 0)
        ;
    channel_rig_send(rig->sender, 42, 1);
    return NULL;
}

Test(channel_wait, of_a_receiver_ends_when_a_message_comes)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 1);
        struct spead_message message = {0};
        pthread_t thread;

        pthread_create(&thread, NULL, send_once_starved, &rig);
        cr_expect_eq(spead_receiver_receive(rig.receiver, &message, 1, 0), 1);
        cr_expect_eq(message.sequence, 42, "form %u", form);
        pthread_join(thread, NULL);
        channel_rig_close(&rig);
    }
}

static void *receive_once_blocked(void *arg)
{
    struct channel_rig *rig = arg;

    while (channel_rig_stats(rig->channel).blocked == 0)
        ;
    channel_rig_receive(rig->receiver, 0, 1);
    return NULL;
}

Test(channel_wait, of_a_sender_ends_when_there_is_room)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 1);
        struct spead_message messages[2] = {{.sequence = 0}, {.sequence = 1}};
        pthread_t thread;

        pthread_create(&thread, NULL, receive_once_blocked, &rig);
        cr_expect_eq(spead_sender_send(rig.sender, messages, 2, 0), 2);
        pthread_join(thread, NULL);
        cr_expect_eq(channel_rig_receive(rig.receiver, 1, 2), 1, "form %u", form);
        channel_rig_close(&rig);
    }
}

static void *close_once_blocked(void *arg)
{
    struct channel_rig *rig = arg;

    while (channel_rig_stats(rig->channel).blocked == 0)
        ;
    spead_receiver_close(rig->receiver);
    return NULL;
}

Test(channel_wait, of_a_sender_ends_when_the_receiver_closes)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 1);
        struct spead_message message = {0};
        pthread_t thread;

        channel_rig_send(rig.sender, 0, 1);
        pthread_create(&thread, NULL, close_once_blocked, &rig);
        cr_expect_eq(spead_sender_send(rig.sender, &message, 1, 0), -EPIPE, "form %u", form);
        pthread_join(thread, NULL);
        rig.receiver = NULL;
        channel_rig_close(&rig);
    }
}

/* ---- Event loops --------------------------------------------------------------------------- */

Test(channel_wait, descriptor_of_a_receiver_is_readable_while_something_is_there)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 4);
        int fd = spead_receiver_fd(rig.receiver);

        cr_assert_geq(fd, 0);
        cr_expect_not(channel_rig_is_readable(fd), "form %u", form);
        channel_rig_send(rig.sender, 0, 2);
        cr_expect(channel_rig_is_readable(fd), "form %u", form);
        cr_expect_eq(channel_rig_receive(rig.receiver, 0, 1), 1);
        cr_expect(channel_rig_is_readable(fd), "one message is still there");
        cr_expect_eq(channel_rig_receive(rig.receiver, 1, 1), 1);
        cr_expect_eq(channel_rig_receive(rig.receiver, 2, 1), -EAGAIN);
        cr_expect_not(channel_rig_is_readable(fd), "form %u", form);
        channel_rig_send(rig.sender, 2, 1);
        cr_expect(channel_rig_is_readable(fd), "form %u", form);
        cr_expect_eq(channel_rig_receive(rig.receiver, 2, 1), 1);
        channel_rig_close(&rig);
    }
}

Test(channel_wait, descriptor_made_late_knows_what_was_there_before)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 4);

        channel_rig_send(rig.sender, 0, 1);
        cr_expect(channel_rig_is_readable(spead_receiver_fd(rig.receiver)), "form %u", form);
        channel_rig_close(&rig);
    }
}

Test(channel_wait, descriptor_of_a_receiver_is_readable_at_the_end)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 4);
        int fd = spead_receiver_fd(rig.receiver);

        spead_sender_close(rig.sender, 0);
        rig.sender = NULL;
        cr_expect(channel_rig_is_readable(fd), "form %u", form);
        cr_expect_eq(channel_rig_receive(rig.receiver, 0, 1), -ESHUTDOWN);
        cr_expect(channel_rig_is_readable(fd), "it stays readable");
        channel_rig_close(&rig);
    }
}

Test(channel_wait, descriptor_of_a_sender_is_readable_while_there_is_room)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 2);
        int fd = spead_sender_fd(rig.sender);

        cr_expect(channel_rig_is_readable(fd), "form %u", form);
        cr_expect_eq(channel_rig_send(rig.sender, 0, 2), 2);
        cr_expect_eq(channel_rig_send(rig.sender, 2, 1), -EAGAIN);
        cr_expect_not(channel_rig_is_readable(fd), "form %u", form);
        cr_expect_eq(channel_rig_receive(rig.receiver, 0, 1), 1);
        cr_expect(channel_rig_is_readable(fd), "form %u", form);
        channel_rig_close(&rig);
    }
}

/* ---- Nodes --------------------------------------------------------------------------------- */

struct test_waker {
    struct spead_waker waker;
    int woken;
};

static void count_wake(struct spead_waker *waker)
{
    ((struct test_waker *)(void *)waker)->woken++;
}

static const enum speadi_channel_sync syncs[] = {SPEADI_SYNC_BARRIER, SPEADI_SYNC_FENCED,
                                                 SPEADI_SYNC_LOCAL};

Test(channel_wait, an_announced_receiver_is_woken_once)
{
    EACH_FORM(form)
    {
        for (unsigned sync = 0; sync < 3; sync++) {
            struct channel_rig rig = channel_rig_open_form(form, 4);
            struct test_waker test_waker = {.waker.wake = count_wake};

            speadi_channel_set_sync(rig.channel, syncs[sync]);
            cr_assert_eq(spead_receiver_announce(rig.receiver, &test_waker.waker, 0), 0);
            channel_rig_send(rig.sender, 0, 1);
            channel_rig_send(rig.sender, 1, 1);
            cr_expect_eq(test_waker.woken, 1, "form %u", form);
            cr_expect_not(spead_receiver_retract(rig.receiver, &test_waker.waker, 0));
            cr_expect_eq(channel_rig_receive(rig.receiver, 0, 4), 2);
            channel_rig_close(&rig);
        }
    }
}

/* A program can send 0 messages to ask whether the channel still has a receiving end. Such a send must not wake
 * anybody. */
Test(channel_wait, a_send_of_nothing_wakes_nobody)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 1);
        struct test_waker test_waker = {.waker.wake = count_wake};

        cr_assert_eq(spead_receiver_announce(rig.receiver, &test_waker.waker, 0), 0);
        cr_expect_eq(spead_sender_try_send(rig.sender, NULL, 0), 0);
        cr_expect_eq(test_waker.woken, 0, "form %u", form);
        spead_receiver_retract(rig.receiver, &test_waker.waker, 0);
        spead_receiver_close(rig.receiver);
        rig.receiver = NULL;
        cr_expect_eq(spead_sender_try_send(rig.sender, NULL, 0), -EPIPE);
        channel_rig_close(&rig);
    }
}

Test(channel_wait, an_announcement_that_comes_too_late_is_not_made)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 2);
        struct test_waker test_waker = {.waker.wake = count_wake};

        channel_rig_send(rig.sender, 0, 1);
        cr_expect_eq(spead_receiver_announce(rig.receiver, &test_waker.waker, 0), 1);
        cr_expect_eq(spead_sender_announce(rig.sender, &test_waker.waker, 0), 1);
        channel_rig_send(rig.sender, 1, 1);
        cr_expect_eq(test_waker.woken, 0, "form %u", form);
        channel_rig_close(&rig);
    }
}

Test(channel_wait, a_retracted_announcement_wakes_nobody)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 2);
        struct test_waker test_waker = {.waker.wake = count_wake};

        cr_assert_eq(spead_receiver_announce(rig.receiver, &test_waker.waker, 0), 0);
        cr_expect(spead_receiver_retract(rig.receiver, &test_waker.waker, 0));
        channel_rig_send(rig.sender, 0, 1);
        cr_expect_eq(test_waker.woken, 0, "form %u", form);
        channel_rig_close(&rig);
    }
}

Test(channel_wait, an_announced_sender_is_woken_by_room_and_by_the_end)
{
    EACH_FORM(form)
    {
        struct channel_rig rig = channel_rig_open_form(form, 1);
        struct test_waker test_waker = {.waker.wake = count_wake};

        channel_rig_send(rig.sender, 0, 1);
        cr_assert_eq(spead_sender_announce(rig.sender, &test_waker.waker, 0), 0);
        channel_rig_receive(rig.receiver, 0, 1);
        cr_expect_eq(test_waker.woken, 1, "form %u", form);
        spead_sender_retract(rig.sender, &test_waker.waker, 0);
        channel_rig_send(rig.sender, 1, 1);
        cr_assert_eq(spead_sender_announce(rig.sender, &test_waker.waker, 0), 0);
        spead_receiver_close(rig.receiver);
        rig.receiver = NULL;
        cr_expect_eq(test_waker.woken, 2, "form %u", form);
        channel_rig_close(&rig);
    }
}

/* Two receiving ends wait, and one send brings two messages. The send wakes only the first end, and this end takes only
 * one message. So the first end must wake the second end for the other message. */
Test(channel_wait, a_woken_receiver_that_leaves_something_wakes_the_next)
{
    struct channel_rig rig = channel_rig_open_form(SPEAD_CHANNEL_SPMC, 4);
    struct test_waker first = {.waker.wake = count_wake}, second = first;
    struct spead_receiver *other;

    cr_assert_eq(spead_receiver_open(&other, rig.channel, "other", 0, NULL), 0);
    cr_assert_eq(spead_receiver_announce(rig.receiver, &first.waker, 0), 0);
    cr_assert_eq(spead_receiver_announce(other, &second.waker, 0), 0);
    channel_rig_send(rig.sender, 0, 2);
    cr_expect_eq(first.woken, 1);
    cr_expect_eq(second.woken, 0);
    cr_expect_eq(channel_rig_receive_one(rig.receiver), 0);
    cr_expect_eq(second.woken, 1);
    cr_expect_eq(channel_rig_receive_one(other), 1);
    spead_receiver_close(other);
    channel_rig_close(&rig);
}

Test(channel_wait, a_woken_receiver_that_closes_wakes_the_next)
{
    struct channel_rig rig = channel_rig_open_form(SPEAD_CHANNEL_SPMC, 4);
    struct test_waker first = {.waker.wake = count_wake}, second = first;
    struct spead_receiver *other;

    cr_assert_eq(spead_receiver_open(&other, rig.channel, "other", 0, NULL), 0);
    cr_assert_eq(spead_receiver_announce(rig.receiver, &first.waker, 0), 0);
    cr_assert_eq(spead_receiver_announce(other, &second.waker, 0), 0);
    channel_rig_send(rig.sender, 0, 1);
    spead_receiver_close(rig.receiver);
    rig.receiver = NULL;
    cr_expect_eq(second.woken, 1);
    spead_receiver_close(other);
    channel_rig_close(&rig);
}

Test(channel_wait, the_time_of_a_wait_is_that_of_the_callers_clock)
{
    struct channel_rig rig = channel_rig_open_form(SPEAD_CHANNEL_SPSC, 1);
    struct test_waker test_waker = {.waker.wake = count_wake};

    cr_assert_eq(spead_receiver_announce(rig.receiver, &test_waker.waker, 1000), 0);
    spead_receiver_retract(rig.receiver, &test_waker.waker, 1700);
    cr_expect_eq(channel_rig_stats(rig.channel).starved_ns, 700);
    cr_expect_eq(channel_rig_stats(rig.channel).starved, 1);
    channel_rig_close(&rig);
}
