/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: channels of every form, policy, capacity and number of lanes do what their contract says. The tests use an
 * empty channel, one message and many messages. They close an end in the middle, with an error or without, cancel the
 * channel, reach a deadline, and use an event loop. At any time, sent = received + shed + depth, and on_shed is called
 * once for each message that was shed.
 * Method: each function under "The cells" runs once for each configuration that can be created, on one thread. Messages
 * are of a type that counts its references. So at the end the test finds a message that was not released. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadi/clock.h>

#include "channel_rig.h"

enum { MANY = 200 };

/* ---- Counting the messages ------------------------------------------------------------------- */

static int held;                     /* how many references to messages exist now */
static uint64_t shed_calls;          /* number of calls of on_shed */
static unsigned shed_each[MANY];     /* how often on_shed was called for each sequence number */
static unsigned received_each[MANY]; /* how often each sequence number was received */

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

static void note_shed(void *arg, const struct spead_message *message, enum spead_shed_cause cause)
{
    (void)arg;
    (void)cause;
    cr_assert_gt(held, 0, "on_shed comes before the message is released");
    shed_calls++;
    shed_each[message->sequence]++;
}

static uint16_t counted_type(void)
{
    static const struct spead_message_type type = {
        .name = "test.matrix", .ref = take_ref, .unref = drop_ref};

    return (uint16_t)spead_message_type_register(&type, NULL);
}

/* ---- Every configuration ----------------------------------------------------------------------- */

static const char *label(const struct spead_channel_config *config)
{
    static char text[80];

    snprintf(text, sizeof text, "form %d, policy %d, capacity %u, lanes %u", (int)config->form,
             (int)config->on_full, config->capacity, config->lanes);
    return text;
}

static void clear_counts(void)
{
    held = 0;
    shed_calls = 0;
    memset(shed_each, 0, sizeof shed_each);
    memset(received_each, 0, sizeof received_each);
}

static void run_one(const struct spead_channel_config *config,
                    void (*cell)(struct channel_rig *rig, const struct spead_channel_config *))
{
    struct channel_rig rig;

    clear_counts();
    rig = channel_rig_open_any(config);
    cell(&rig, config);
    channel_rig_close(&rig);
    cr_assert_eq(held, 0, "%d messages were not released: %s", held, label(config));
}

static void each_config(void (*cell)(struct channel_rig *rig, const struct spead_channel_config *))
{
    static const uint32_t capacities[] = {1, 2, 5, 64};
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;
    unsigned ran = 0;

    config.sample_n = 3;
    config.on_shed = note_shed;
    for (config.form = 0; config.form <= SPEAD_CHANNEL_MPMC; config.form++)
        for (config.on_full = 0; config.on_full <= SPEAD_ON_FULL_SAMPLE; config.on_full++)
            for (unsigned i = 0; i < 4; i++)
                for (config.lanes = 1; config.lanes <= 3; config.lanes++) {
                    config.capacity = capacities[i];
                    if (spead_channel_create(&channel, &config, NULL) < 0)
                        /* The channel refuses this configuration. test_channel.c tests which configurations are
                         * refused. */
                        continue;
                    spead_channel_unref(channel);
                    run_one(&config, cell);
                    ran++;
                }
    /* SPSC and MPSC allow three policies with one lane. SPMC and MPMC allow four policies with one to three lanes. */
    cr_assert_eq(ran, (2 * 3 + 2 * 4 * 3) * 4);
}

/* ---- Helpers of the cells -------------------------------------------------------------------- */

/* Sends `count` messages, one in each call. Their sequence numbers are `first`, `first` + 1 and so on, and their
 * priorities are 0, 1, 2, 0, 1, 2 and so on. Stops at -EAGAIN. Returns how many messages it has sent. */
static uint64_t send(struct channel_rig *rig, uint64_t first, uint64_t count)
{
    uint64_t taken = 0;

    for (; taken < count; taken++) {
        struct spead_message message = {.reference = 1,
                                        .type = counted_type(),
                                        .sequence = first + taken,
                                        .priority = (uint8_t)((first + taken) % 3)};
        int ret;

        spead_message_ref(&message);
        ret = spead_sender_try_send(rig->sender, &message, 1);
        if (ret == 1)
            continue;
        spead_message_unref(&message);
        cr_assert_eq(ret, -EAGAIN);
        break;
    }
    return taken;
}

/* Receives all messages that are in the channel and adds their number to *count. Returns what the receive after the
 * last message returns: -EAGAIN, or the code of the end of stream. */
static int receive(struct channel_rig *rig, uint64_t *count)
{
    struct spead_message messages[7];
    int ret;

    while ((ret = spead_receiver_try_receive(rig->receiver, messages, 7)) > 0)
        for (int i = 0; i < ret; i++) {
            received_each[messages[i].sequence]++;
            spead_message_unref(&messages[i]);
            ++*count;
        }
    return ret;
}

static void expect_account(struct channel_rig *rig, const struct spead_channel_config *config,
                           uint64_t sent, uint64_t received)
{
    struct spead_channel_stats stats = channel_rig_stats(rig->channel);
    uint64_t shed = 0;

    for (unsigned i = 0; i < SPEAD_SHED_CAUSES; i++)
        shed += stats.shed[i];
    cr_assert_eq(stats.sent, sent, "%s", label(config));
    cr_assert_eq(stats.received, received, "%s", label(config));
    cr_assert_eq(shed, shed_calls, "%s", label(config));
    cr_assert_eq(sent, received + shed + stats.depth, "%s", label(config));
    cr_assert_leq(stats.high_water, config->capacity, "%s", label(config));
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_leq(shed_each[i] + received_each[i], 1, "number %u: %s", i, label(config));
}

static bool can_block(const struct spead_channel_config *config)
{
    return config->on_full == SPEAD_ON_FULL_BLOCK;
}

static void close_sender(struct channel_rig *rig, int error)
{
    spead_sender_close(rig->sender, error);
    rig->sender = NULL;
}

/* ---- The cells ------------------------------------------------------------------------------- */

static void empty(struct channel_rig *rig, const struct spead_channel_config *config)
{
    uint64_t received = 0;

    cr_assert_eq(receive(rig, &received), -EAGAIN, "%s", label(config));
    close_sender(rig, 0);
    cr_assert_eq(receive(rig, &received), -ESHUTDOWN, "%s", label(config));
    expect_account(rig, config, 0, 0);
}

Test(channel_matrix, empty)
{
    each_config(empty);
}

static void one(struct channel_rig *rig, const struct spead_channel_config *config)
{
    uint64_t received = 0;

    cr_assert_eq(send(rig, 0, 1), 1, "%s", label(config));
    cr_assert_eq(receive(rig, &received), -EAGAIN, "%s", label(config));
    cr_assert_eq(received, 1, "the first message is always a sample: %s", label(config));
    expect_account(rig, config, 1, 1);
}

Test(channel_matrix, one)
{
    each_config(one);
}

/* Each round sends twice as many messages as fit into the channel. So the policy must act in each round. */
static void many(struct channel_rig *rig, const struct spead_channel_config *config)
{
    uint64_t sent = 0, received = 0;

    while (sent < MANY) {
        uint64_t wanted = 2 * config->capacity, taken;

        wanted = wanted < MANY - sent ? wanted : MANY - sent;
        taken = send(rig, sent, wanted);
        cr_assert(can_block(config) || taken == wanted, "%s", label(config));
        cr_assert_gt(taken, 0, "%s", label(config));
        sent += taken;
        cr_assert_eq(receive(rig, &received), -EAGAIN, "%s", label(config));
        expect_account(rig, config, sent, received);
    }
    cr_assert(!can_block(config) || received == MANY, "%s", label(config));
    cr_assert(can_block(config) || received < MANY, "%s", label(config));
    cr_assert_geq(received, MANY / 6, "%s", label(config));
}

Test(channel_matrix, many)
{
    each_config(many);
}

static void ends_in_the_middle(struct channel_rig *rig, const struct spead_channel_config *config,
                               int error)
{
    uint64_t sent = send(rig, 0, 100), received = 0;
    uint64_t left = channel_rig_stats(rig->channel).depth;

    close_sender(rig, error);
    cr_assert_eq(receive(rig, &received), error ? error : -ESHUTDOWN, "%s", label(config));
    cr_assert_eq(received, left, "all messages come before the end: %s", label(config));
    cr_assert_gt(received, 0, "%s", label(config));
    expect_account(rig, config, sent, received);
}

static void closed(struct channel_rig *rig, const struct spead_channel_config *config)
{
    ends_in_the_middle(rig, config, 0);
}

Test(channel_matrix, close_in_the_middle)
{
    each_config(closed);
}

static void failed(struct channel_rig *rig, const struct spead_channel_config *config)
{
    ends_in_the_middle(rig, config, -EIO);
}

Test(channel_matrix, error_in_the_middle)
{
    each_config(failed);
}

static void stopped(struct channel_rig *rig, const struct spead_channel_config *config)
{
    struct spead_message message = {0};
    uint64_t sent = send(rig, 0, 100);

    spead_receiver_close(rig->receiver);
    rig->receiver = NULL;
    cr_assert_eq(held, 0, "%s", label(config));
    cr_assert_eq(spead_sender_try_send(rig->sender, &message, 1), -EPIPE, "%s", label(config));
    cr_assert_eq(spead_sender_send(rig->sender, &message, 1, 0), -EPIPE, "%s", label(config));
    expect_account(rig, config, sent, 0);
}

Test(channel_matrix, downstream_stop)
{
    each_config(stopped);
}

static void cancelled(struct channel_rig *rig, const struct spead_channel_config *config)
{
    uint64_t sent = send(rig, 0, 100), received = 0;

    spead_channel_cancel(rig->channel);
    cr_assert_eq(receive(rig, &received), -ECANCELED, "%s", label(config));
    spead_receiver_close(rig->receiver);
    rig->receiver = NULL;
    expect_account(rig, config, sent, 0);
}

Test(channel_matrix, cancel_in_the_middle)
{
    each_config(cancelled);
}

/* A send waits only with the policy BLOCK. So only with BLOCK can a send reach its deadline. */
static void reach_deadline(struct channel_rig *rig, const struct spead_channel_config *config)
{
    struct spead_message messages[MANY] = {{.sequence = 0}};
    uint64_t deadline = speadi_clock_mono_ns() + 200000;
    int taken;

    cr_assert_eq(spead_receiver_receive(rig->receiver, messages, 1, deadline), -ETIMEDOUT, "%s",
                 label(config));
    for (unsigned i = 0; i < MANY; i++)
        messages[i] = (struct spead_message){.sequence = i, .reference = 1, .type = counted_type()};
    held += MANY;
    taken = spead_sender_send(rig->sender, messages, MANY, deadline);
    cr_assert_eq(taken, can_block(config) ? (int)config->capacity : MANY, "%s", label(config));
    held -= MANY - taken;
    cr_assert_eq(channel_rig_stats(rig->channel).blocked > 0, can_block(config), "%s",
                 label(config));
    cr_assert_eq(channel_rig_stats(rig->channel).starved, 1, "%s", label(config));
}

Test(channel_matrix, deadline)
{
    each_config(reach_deadline);
}

/* An event loop tries until -EAGAIN, polls the descriptor, and tries again. */
static void polled(struct channel_rig *rig, const struct spead_channel_config *config)
{
    int in = spead_sender_fd(rig->sender), out = spead_receiver_fd(rig->receiver);
    uint64_t sent = 0, received = 0;

    while (sent < MANY) {
        uint64_t taken = send(rig, sent, MANY - sent);

        cr_assert_gt(taken, 0, "%s", label(config));
        sent += taken;
        cr_assert_eq(channel_rig_is_readable(in), sent == MANY || !can_block(config), "%s",
                     label(config));
        cr_assert(channel_rig_is_readable(out), "%s", label(config));
        cr_assert_eq(receive(rig, &received), -EAGAIN, "%s", label(config));
        cr_assert(channel_rig_is_readable(in), "%s", label(config));
        cr_assert_not(channel_rig_is_readable(out), "%s", label(config));
    }
    close_sender(rig, 0);
    cr_assert(channel_rig_is_readable(out), "%s", label(config));
    cr_assert_eq(receive(rig, &received), -ESHUTDOWN, "%s", label(config));
    expect_account(rig, config, sent, received);
}

Test(channel_matrix, event_loop)
{
    each_config(polled);
}
