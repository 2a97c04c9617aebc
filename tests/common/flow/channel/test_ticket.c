/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a ticket that belongs to a message comes back exactly once, however the message ends, and the throttle keeps
 * its limit.
 * Method: one thread uses both ends of a channel. After each way to end a message, the test looks how many tickets are
 * out. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <speadline/channel.h>
#include <speadline/throttle.h>

#define TICKETS 8u

static struct spead_throttle *throttle;
static struct spead_channel *channel;
static struct spead_sender *sender;
static struct spead_receiver *receiver;

static void set_up(void)
{
    cr_assert_eq(spead_throttle_create(&throttle, TICKETS, NULL), 0);
}

static void open_channel(const struct spead_channel_config *config)
{
    cr_assert_eq(spead_channel_create(&channel, config, NULL), 0);
    cr_assert_eq(spead_sender_open(&sender, channel, "sender", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(spead_receiver_open(&receiver, channel, "receiver", SPEAD_TYPE_PLAIN, NULL), 0);
}

static void close_channel(void)
{
    spead_receiver_close(receiver);
    spead_sender_close(sender, 0);
    spead_channel_unref(channel);
    receiver = NULL;
    sender = NULL;
    channel = NULL;
}

static void tear_down(void)
{
    close_channel();
    spead_throttle_unref(throttle);
}

static uint32_t out(void)
{
    struct spead_throttle_stats stats = SPEAD_THROTTLE_STATS_INIT;

    spead_throttle_stats(throttle, &stats);
    return stats.out;
}

static struct spead_message with_ticket(void)
{
    struct spead_message message = {.type = SPEAD_TYPE_PLAIN};

    cr_assert_eq(spead_throttle_try_take(throttle), 0);
    cr_assert_eq(spead_throttle_attach(throttle, &message), 0);
    cr_assert(spead_throttle_is_attached(throttle, &message));
    return message;
}

static void send(unsigned count, uint8_t priority)
{
    for (unsigned i = 0; i < count; i++) {
        struct spead_message message = with_ticket();

        message.priority = priority;
        cr_assert_eq(spead_sender_try_send(sender, &message, 1), 1);
    }
}

TestSuite(ticket, .init = set_up, .fini = tear_down);

Test(ticket, of_a_message_comes_back_when_its_consumer_releases_the_message)
{
    const struct spead_channel_config config = {
        .struct_size = sizeof config, .capacity = 4, .lanes = 1};
    struct spead_message message;

    open_channel(&config);
    send(3, 0);
    cr_expect_eq(out(), 3);
    for (uint32_t left = 2; spead_receiver_try_receive(receiver, &message, 1) == 1; left--) {
        spead_message_unref(&message);
        cr_expect_eq(out(), left);
    }
    cr_expect_eq(out(), 0);
}

Test(ticket, of_a_message_that_is_shed_comes_back)
{
    static const enum spead_on_full policies[] = {SPEAD_ON_FULL_DROP_NEWEST,
                                                  SPEAD_ON_FULL_DROP_OLDEST, SPEAD_ON_FULL_SAMPLE};

    for (unsigned i = 0; i < 3; i++) {
        struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;

        config.capacity = 2;
        config.form = SPEAD_CHANNEL_MPMC;
        config.on_full = policies[i];
        config.sample_n = i == 2 ? 2 : 0;
        open_channel(&config);
        send(6, 0);
        cr_expect_eq(out(), 2, "policy %u: only the two messages in the channel have tickets", i);
        close_channel();
        cr_expect_eq(out(), 0, "policy %u: the rest comes back with the end", i);
    }
}

Test(ticket, of_a_message_that_makes_room_for_a_higher_lane_comes_back)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;

    config.capacity = 2;
    config.form = SPEAD_CHANNEL_MPMC;
    config.on_full = SPEAD_ON_FULL_DROP_NEWEST;
    config.lanes = 2;
    open_channel(&config);
    send(2, 0);
    send(2, 1);
    cr_expect_eq(out(), 2);
}

Test(ticket, of_a_message_that_nobody_takes_comes_back)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;

    config.capacity = 4;
    open_channel(&config);
    send(3, 0);
    spead_receiver_close(receiver);
    receiver = NULL;
    cr_expect_eq(out(), 0, "the last receiving end has closed");
    close_channel();

    open_channel(&config);
    send(3, 0);
    spead_channel_cancel(channel);
    close_channel();
    cr_expect_eq(out(), 0, "the channel was cancelled");
}

Test(ticket, wakes_whoever_waits_for_it_when_a_channel_releases_its_message)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;

    config.capacity = TICKETS;
    open_channel(&config);
    send(TICKETS, 0);
    cr_expect_eq(spead_throttle_try_take(throttle), -EAGAIN);
    spead_receiver_close(receiver);
    receiver = NULL;
    cr_expect_eq(spead_throttle_take(throttle, 0), 0, "this would wait for ever");
    spead_throttle_give(throttle);
}

/* Both messages are work under way, so both have a ticket. */
Test(ticket, of_a_copy_is_one_of_its_own)
{
    struct spead_message message = with_ticket(), copy = message;

    while (spead_throttle_try_take(throttle) == 0)
        ;
    spead_message_ref(&copy);
    cr_expect_eq(out(), TICKETS + 1, "a copy gets a ticket even if none is free");
    spead_message_unref(&message);
    cr_expect_eq(spead_throttle_try_take(throttle), -EAGAIN, "the copy still has one");
    spead_message_unref(&copy);
    cr_expect_eq(spead_throttle_try_take(throttle), 0);
    for (unsigned i = 0; i < TICKETS; i++)
        spead_throttle_give(throttle);
    cr_expect_eq(out(), 0);
}

Test(ticket, moves_to_the_message_that_is_made_of_another)
{
    struct spead_message parent = with_ticket(), child = {.flags = SPEAD_MESSAGE_INCOMPLETE};

    spead_message_move_ticket(&child, &parent);
    spead_message_unref(&parent);
    cr_expect_eq(out(), 1);
    cr_expect(child.flags & SPEAD_MESSAGE_INCOMPLETE);
    spead_message_unref(&child);
    cr_expect_eq(out(), 0);
}

Test(ticket, comes_back_before_its_message_ends_if_the_holder_wants_that)
{
    struct spead_message message = with_ticket();

    spead_message_give_ticket(&message);
    cr_expect_eq(out(), 0);
    spead_message_give_ticket(&message);
    spead_message_unref(&message);
    cr_expect_eq(out(), 0, "only once");
}

Test(ticket, of_a_message_that_has_one_is_refused)
{
    struct spead_message message = with_ticket();

    cr_expect_eq(spead_throttle_attach(throttle, &message), -EEXIST);
    spead_message_unref(&message);
    cr_expect_eq(out(), 0);
}

Test(ticket, keeps_its_throttle_alive)
{
    struct spead_throttle *other;
    struct spead_message message = {.type = SPEAD_TYPE_PLAIN};

    cr_assert_eq(spead_throttle_create(&other, 1, NULL), 0);
    cr_assert_eq(spead_throttle_try_take(other), 0);
    cr_assert_eq(spead_throttle_attach(other, &message), 0);
    spead_throttle_unref(other);
    spead_message_unref(&message); /* AddressSanitizer would see a use of freed memory, or a leak */
}

Test(ticket, belongs_to_messages_of_at_most_63_throttles_at_a_time)
{
    struct spead_throttle *many[SPEAD_THROTTLES_ATTACHED_MAX + 1];
    struct spead_message message[SPEAD_THROTTLES_ATTACHED_MAX + 1];

    memset(message, 0, sizeof message);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i <= SPEAD_THROTTLES_ATTACHED_MAX; i++) {
            cr_assert_eq(spead_throttle_create(&many[i], 1, NULL), 0);
            cr_assert_eq(spead_throttle_try_take(many[i]), 0);
            cr_assert_eq(spead_throttle_attach(many[i], &message[i]),
                         i < SPEAD_THROTTLES_ATTACHED_MAX ? 0 : -ENOSPC);
        }
        for (unsigned i = 0; i <= SPEAD_THROTTLES_ATTACHED_MAX; i++) {
            spead_message_give_ticket(&message[i]);
            spead_throttle_unref(many[i]);
        }
    }
}

Test(ticket, that_was_never_taken_raises_no_limit)
{
    spead_throttle_give(throttle);
    for (unsigned i = 0; i < TICKETS; i++)
        cr_assert_eq(spead_throttle_try_take(throttle), 0);
    cr_expect_eq(spead_throttle_try_take(throttle), -EAGAIN);
    for (unsigned i = 0; i < TICKETS; i++)
        spead_throttle_give(throttle);
}

Test(ticket, flags_that_a_program_has_made_up_do_no_harm)
{
    struct spead_message message = {.flags = 0xff};

    spead_message_ref(&message);
    spead_message_unref(&message);
    spead_message_unref(&message);
    cr_expect_eq(out(), 0);
}
