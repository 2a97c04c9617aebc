/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: in channels of every form and policy, sending ends and receiving ends work at the same time. No message is
 * lost, doubled or reordered, and no wake-up is lost.
 * Method: a message carries the number of its sending end (stream) and a count (sequence). Each receiving end checks
 * that the counts from one sending end only become larger. A weighted sum over all messages that arrived or were shed
 * shows a message that was lost or doubled. With capacity 1 both ends must wait at every message. Then a lost wake-up
 * hangs the program, and the time limit of the test reports this. The program also runs under ThreadSanitizer. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadi/channel_internal.h>
#include <speadline/channel.h>

enum { ENDS_MAX = 4, BATCH = 7 };

/* How an end waits. SPIN tries again immediately. SLEEP sleeps in _send() or _receive(). ANNOUNCE announces a waker.
 * POLL polls the descriptor of the end. */
enum wait_kind { SPIN, SLEEP, ANNOUNCE, POLL };

struct race {
    struct spead_channel_config config;
    enum speadi_channel_sync sync;
    enum wait_kind wait_kind;
    unsigned senders, receivers;
    uint64_t messages; /* number of messages from each sending end */
};

/* A thread and the one end that it uses. */
struct end_thread {
    const struct race *race;
    struct spead_sender *sender;
    struct spead_receiver *receiver;
    unsigned number;
    /* The sum of the weights of the messages that this end sent or received, and the number of these messages. */
    uint64_t sum, count;
    bool wrong; /* true after an error, or if messages came out of order */
};

static _Atomic uint64_t shed_sum, shed_count;

/* Messages of one sending end all have different weights. So the sum shows the error even if one of these messages
 * is lost and another is doubled. */
static uint64_t weight(const struct spead_message *message)
{
    return (message->sequence + 1) * (message->stream + 1) * 2654435761u;
}

static void note_shed(void *arg, const struct spead_message *message, enum spead_shed_cause cause)
{
    (void)arg;
    (void)cause;
    atomic_fetch_add(&shed_sum, weight(message));
    atomic_fetch_add(&shed_count, 1);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

struct test_waker {
    struct spead_waker waker;
    sem_t woken;
};

static void post(struct spead_waker *waker)
{
    sem_post(&((struct test_waker *)(void *)waker)->woken);
}

/* Waits as a node does: announces a waker and sleeps until the other side wakes it. */
static void wait_announced(struct end_thread *self, struct test_waker *test_waker)
{
    int announced = self->sender ? spead_sender_announce(self->sender, &test_waker->waker, 0)
                                 : spead_receiver_announce(self->receiver, &test_waker->waker, 0);

    if (announced != 0)
        return;
    while (sem_wait(&test_waker->woken) < 0)
        ; /* sem_wait() was interrupted by a signal */
    if (self->sender)
        spead_sender_retract(self->sender, &test_waker->waker, 0);
    else
        spead_receiver_retract(self->receiver, &test_waker->waker, 0);
}

/* Waits as an event loop does: polls the descriptor of the end. */
static void wait_polling(struct end_thread *self)
{
    struct pollfd polled = {.events = POLLIN};

    polled.fd = self->sender ? spead_sender_fd(self->sender) : spead_receiver_fd(self->receiver);
    poll(&polled, 1, -1);
}

static void wait_for_other_side(struct end_thread *self, struct test_waker *test_waker)
{
    if (self->race->wait_kind == ANNOUNCE)
        wait_announced(self, test_waker);
    else if (self->race->wait_kind == POLL)
        wait_polling(self);
}

/* ---- The two sides ------------------------------------------------------------------------- */

static int send_some(struct end_thread *self, const struct spead_message *messages, uint32_t count,
                     struct test_waker *test_waker)
{
    int ret;

    if (self->race->wait_kind == SLEEP)
        return spead_sender_send(self->sender, messages, count, 0);
    while ((ret = spead_sender_try_send(self->sender, messages, count)) == -EAGAIN)
        wait_for_other_side(self, test_waker);
    return ret;
}

static void *sending(void *arg)
{
    struct end_thread *self = arg;
    struct spead_message messages[BATCH];
    struct test_waker test_waker = {.waker.wake = post};
    uint64_t sent = 0;

    sem_init(&test_waker.woken, 0, 0);
    while (sent < self->race->messages) {
        uint64_t left = self->race->messages - sent;
        uint32_t count = 1 + (uint32_t)(sent % BATCH);
        int taken;

        count = left < count ? (uint32_t)left : count;
        for (uint32_t i = 0; i < count; i++)
            messages[i] = (struct spead_message){.stream = self->number,
                                                 .sequence = sent + i,
                                                 .priority = (uint8_t)((sent + i) % 3)};
        taken = send_some(self, messages, count, &test_waker);
        if (taken < 0) {
            self->wrong = true;
            break;
        }
        for (int i = 0; i < taken; i++)
            self->sum += weight(&messages[i]);
        sent += (uint64_t)taken;
    }
    self->count = sent;
    spead_sender_close(self->sender, 0);
    sem_destroy(&test_waker.woken);
    return NULL;
}

static int receive_some(struct end_thread *self, struct spead_message *messages,
                        struct test_waker *test_waker)
{
    int ret;

    if (self->race->wait_kind == SLEEP)
        return spead_receiver_receive(self->receiver, messages, BATCH, 0);
    while ((ret = spead_receiver_try_receive(self->receiver, messages, BATCH)) == -EAGAIN)
        wait_for_other_side(self, test_waker);
    return ret;
}

static void *receiving(void *arg)
{
    struct end_thread *self = arg;
    struct spead_message messages[BATCH];
    struct test_waker test_waker = {.waker.wake = post};
    uint64_t next[ENDS_MAX] = {0};
    int count;

    sem_init(&test_waker.woken, 0, 0);
    while ((count = receive_some(self, messages, &test_waker)) > 0) {
        for (int i = 0; i < count; i++) {
            const struct spead_message *message = &messages[i];

            self->sum += weight(message);
            if (self->race->config.lanes > 1)
                /* Messages of a higher lane overtake messages of a lower lane, so no order is checked here. */
                continue;
            if (message->stream >= ENDS_MAX || message->sequence < next[message->stream])
                self->wrong = true;
            else
                next[message->stream] = message->sequence + 1;
        }
        self->count += (uint64_t)count;
    }
    self->wrong |= count != -ESHUTDOWN;
    sem_destroy(&test_waker.woken);
    return NULL;
}

/* ---- One race ------------------------------------------------------------------------------ */

static bool adds_up(struct spead_channel *channel, uint64_t sent, uint64_t received)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;
    uint64_t shed = 0;

    spead_channel_stats(channel, &stats);
    for (unsigned i = 0; i < SPEAD_SHED_CAUSES; i++)
        shed += stats.shed[i];
    return stats.sent == sent && stats.received == received && stats.depth == 0 &&
           shed == atomic_load(&shed_count) && sent == received + shed &&
           stats.high_water <= stats.capacity;
}

static bool is_right(struct spead_channel *channel, const struct race *race,
                     const struct end_thread *senders, const struct end_thread *receivers)
{
    uint64_t in = 0, out = atomic_load(&shed_sum), sent = 0, received = 0;
    bool right = true;

    for (unsigned i = 0; i < race->senders; i++) {
        in += senders[i].sum;
        sent += senders[i].count;
        right &= !senders[i].wrong;
    }
    for (unsigned i = 0; i < race->receivers; i++) {
        out += receivers[i].sum;
        received += receivers[i].count;
        right &= !receivers[i].wrong;
    }
    return right && in == out && adds_up(channel, sent, received);
}

static bool run(const struct race *race)
{
    struct end_thread senders[ENDS_MAX] = {0}, receivers[ENDS_MAX] = {0};
    pthread_t threads[2 * ENDS_MAX];
    struct spead_channel_config config = race->config;
    struct spead_channel *channel;
    unsigned started = 0;
    bool right;

    config.on_shed = note_shed;
    atomic_store(&shed_sum, 0);
    atomic_store(&shed_count, 0);
    if (spead_channel_create(&channel, &config, NULL) < 0)
        return false;
    speadi_channel_set_sync(channel, race->sync);
    for (unsigned i = 0; i < race->senders; i++) {
        senders[i] = (struct end_thread){.race = race, .number = i};
        if (spead_sender_open(&senders[i].sender, channel, "race", 0, NULL) < 0)
            return false;
    }
    for (unsigned i = 0; i < race->receivers; i++) {
        receivers[i] = (struct end_thread){.race = race, .number = i};
        if (spead_receiver_open(&receivers[i].receiver, channel, "race", 0, NULL) < 0)
            return false;
    }
    for (unsigned i = 0; i < race->receivers; i++)
        pthread_create(&threads[started++], NULL, receiving, &receivers[i]);
    for (unsigned i = 0; i < race->senders; i++)
        pthread_create(&threads[started++], NULL, sending, &senders[i]);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    right = is_right(channel, race, senders, receivers);
    for (unsigned i = 0; i < race->receivers; i++)
        spead_receiver_close(receivers[i].receiver);
    spead_channel_unref(channel);
    return right;
}

/* ---- All of them --------------------------------------------------------------------------- */

static bool can_be_created(const struct spead_channel_config *config)
{
    struct spead_channel *channel;

    if (spead_channel_create(&channel, config, NULL) < 0)
        return false;
    spead_channel_unref(channel);
    return true;
}

static bool race_config(const struct spead_channel_config *config, enum speadi_channel_sync sync)
{
    bool many_senders = config->form == SPEAD_CHANNEL_MPSC || config->form == SPEAD_CHANNEL_MPMC;
    bool many_receivers = config->form == SPEAD_CHANNEL_SPMC || config->form == SPEAD_CHANNEL_MPMC;

    for (enum wait_kind wait_kind = SPIN; wait_kind <= POLL; wait_kind++) {
        struct race race = {.config = *config,
                            .sync = sync,
                            .wait_kind = wait_kind,
                            .senders = many_senders ? 3 : 1,
                            .receivers = many_receivers ? 2 : 1,
                            .messages = wait_kind == SPIN || wait_kind == POLL ? 700 : 2000};

        if (run(&race))
            continue;
        fprintf(stderr,
                "race_channel: form %d, policy %d, capacity %u, lanes %u, sync %d, waiting %d: "
                "messages were lost, doubled or reordered, or the statistics are wrong\n",
                (int)config->form, (int)config->on_full, config->capacity, config->lanes, (int)sync,
                (int)wait_kind);
        return false;
    }
    return true;
}

int main(void)
{
    static const uint32_t capacities[] = {1, 3, 64};
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    unsigned races = 0;

    config.sample_n = 3;
    for (config.form = 0; config.form <= SPEAD_CHANNEL_MPMC; config.form++)
        for (config.on_full = 0; config.on_full <= SPEAD_ON_FULL_SAMPLE; config.on_full++)
            for (unsigned i = 0; i < 3; i++)
                for (config.lanes = 1; config.lanes <= 3; config.lanes += 2) {
                    config.capacity = capacities[i];
                    if (!can_be_created(&config))
                        continue;
                    if (!race_config(&config, SPEADI_SYNC_BARRIER) ||
                        (config.form == SPEAD_CHANNEL_SPSC &&
                         !race_config(&config, SPEADI_SYNC_FENCED)))
                        return 1;
                    races++;
                }
    if (races < 40) {
        fprintf(stderr, "race_channel: only %u configs could be created\n", races);
        return 1;
    }
    return 0;
}
