/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the receiving end closes at a time when sending ends still send. After all ends have closed, every message that
 * was sent was either received or shed, and on_shed was called once for each message that was shed. All this is true
 * before the channel is freed.
 * Method: the test makes many short rounds with channels of all forms. The threads send until a send fails, and the
 * receiving end closes after a few messages. If a message was put into the channel after the closing end had emptied
 * it, the statistic `depth` shows this message. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include <speadline/channel.h>

#define ROUNDS  1500u
#define SENDERS 2u

static _Atomic uint64_t shed_calls;

static void note_shed(void *arg, const struct spead_message *message, enum spead_shed_cause cause)
{
    (void)arg;
    (void)message;
    (void)cause;
    atomic_fetch_add(&shed_calls, 1);
}

static void *send_until_stopped(void *arg)
{
    struct spead_message messages[3] = {{.sequence = 1}};

    while (spead_sender_send(arg, messages, 3, 0) > 0)
        ;
    spead_sender_close(arg, 0);
    return NULL;
}

static bool is_accounted_for(struct spead_channel *channel)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;

    spead_channel_stats(channel, &stats);
    if (stats.depth == 0 && stats.sent == stats.received + stats.shed[SPEAD_SHED_CANCELLED] &&
        atomic_load(&shed_calls) == stats.shed[SPEAD_SHED_CANCELLED])
        return true;
    printf("%llu sent, %llu received, %llu shed, %llu calls of on_shed, %llu left\n",
           (unsigned long long)stats.sent, (unsigned long long)stats.received,
           (unsigned long long)stats.shed[SPEAD_SHED_CANCELLED], (unsigned long long)shed_calls,
           (unsigned long long)stats.depth);
    return false;
}

static bool run_round(enum spead_channel_form form, unsigned round)
{
    bool many = form == SPEAD_CHANNEL_MPSC || form == SPEAD_CHANNEL_MPMC;
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    unsigned senders = many ? SENDERS : 1;
    struct spead_receiver *receiver;
    struct spead_message message;
    struct spead_channel *channel;
    pthread_t threads[SENDERS];
    bool right;

    config.form = form;
    config.capacity = 16;
    config.on_shed = note_shed;
    atomic_store(&shed_calls, 0);
    if (spead_channel_create(&channel, &config, NULL) < 0 ||
        spead_receiver_open(&receiver, channel, "out", SPEAD_TYPE_PLAIN, NULL) < 0)
        return false;
    for (unsigned i = 0; i < senders; i++) {
        struct spead_sender *sender;

        if (spead_sender_open(&sender, channel, "in", SPEAD_TYPE_PLAIN, NULL) < 0 ||
            pthread_create(&threads[i], NULL, send_until_stopped, sender) != 0)
            return false;
    }
    for (unsigned i = 0; i < 20 + round % 50; i++)
        spead_receiver_receive(receiver, &message, 1, 0);
    spead_receiver_close(receiver);
    for (unsigned i = 0; i < senders; i++)
        pthread_join(threads[i], NULL);
    right = is_accounted_for(channel);
    spead_channel_unref(channel);
    return right;
}

int main(void)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned form = 0; form <= SPEAD_CHANNEL_MPMC; form++)
            if (!run_round((enum spead_channel_form)form, round))
                return 1;
    return 0;
}
