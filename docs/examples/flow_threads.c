/* SPDX-License-Identifier: Apache-2.0 */
/* Two threads and a channel: a detector that cannot wait, and a slower reader that wants the newest
 * readings. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include <speadline/channel.h>

#define READINGS 1000u

static void *detect(void *arg)
{
    struct spead_sender *sender = arg;

    for (uint64_t i = 0; i < READINGS; i++) {
        struct spead_message reading = {.sequence = i, .offset = i * i % 1000};

        if (spead_sender_send(sender, &reading, 1, SPEAD_DEADLINE_NEVER) < 0)
            break; /* the reader has closed its end */
    }
    /* the reader still takes the messages that are left, then sees the end */
    spead_sender_close(sender, 0);
    return NULL;
}

/* Returns how many messages came. Sets *newest to the last message. */
static uint64_t read_all(struct spead_receiver *receiver, struct spead_message *newest)
{
    uint64_t count = 0;

    while (spead_receiver_receive(receiver, newest, 1, SPEAD_DEADLINE_NEVER) > 0) {
        /* this sleep imitates real work */
        nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
        /* a plain message has nothing to release, but this call is a good habit */
        spead_message_unref(newest);
        count++;
    }
    return count;
}

int main(void)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;
    struct spead_channel *channel;
    struct spead_receiver *receiver;
    struct spead_sender *sender;
    struct spead_message newest;
    struct spead_err err = {0};
    pthread_t detector;

    config.name = "readings";
    config.capacity = 16;
    /* with drop-oldest the sender also takes old messages out, as a receiver does */
    config.form = SPEAD_CHANNEL_SPMC;
    config.on_full = SPEAD_ON_FULL_DROP_OLDEST;
    if (spead_channel_create(&channel, &config, &err) < 0 ||
        spead_sender_open(&sender, channel, "detector", SPEAD_TYPE_PLAIN, &err) < 0 ||
        spead_receiver_open(&receiver, channel, "reader", SPEAD_TYPE_PLAIN, &err) < 0 ||
        pthread_create(&detector, NULL, detect, sender) != 0) {
        fprintf(stderr, "flow_threads: %s\n", err.text);
        return 1;
    }
    uint64_t count = read_all(receiver, &newest);
    pthread_join(detector, NULL);
    spead_channel_stats(channel, &stats);
    fprintf(stderr, "%" PRIu64 " received, %" PRIu64 " shed, at most %" PRIu64 " inside\n", count,
            stats.shed[SPEAD_SHED_OLDEST], stats.high_water);
    printf("%" PRIu64 " readings sent, %" PRIu64 " received or shed\n", stats.sent,
           stats.received + stats.shed[SPEAD_SHED_OLDEST]);
    printf("the newest is number %" PRIu64 ": %" PRIu64 "\n", newest.sequence, newest.offset);
    spead_receiver_close(receiver);
    spead_channel_unref(channel);
    return 0;
}
