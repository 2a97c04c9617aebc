/* Senders and receivers of every form and policy at once: nothing is lost, doubled or reordered, and nobody sleeps
 * through a wake-up.
 *
 * Method: messages carry their sender (stream) and a count (sequence). Each receiver checks that what it gets from
 * a sender only goes up; a sum over all that arrived and all that was shed shows what was lost or doubled. With
 * capacity 1 every message needs both ends to wait for each other: a lost wake-up hangs the program, which the
 * test's time limit reports. ThreadSanitizer watches the rest. */
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

enum how { SPIN, SLEEP, ANNOUNCE, POLL };

struct race {
    struct spead_channel_config config;
    enum speadi_channel_sync sync;
    enum how how;
    unsigned senders, receivers;
    uint64_t messages; /* of each sender */
};

struct worker {
    const struct race *race;
    struct spead_sender *sender;
    struct spead_receiver *receiver;
    unsigned number;
    uint64_t sum, count;
    bool wrong;
};

static _Atomic uint64_t shed_sum, shed_count;

/* Each message counts differently, so that one lost and another doubled do not cancel. */
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

/* ---- Waiting as a node does ----------------------------------------------------------------- */

struct hook {
    struct spead_waker waker;
    sem_t woken;
};

static void post(struct spead_waker *waker)
{
    sem_post(&((struct hook *)(void *)waker)->woken);
}

static void wait_for(struct worker *worker, struct hook *hook)
{
    int announced = worker->sender ? spead_sender_announce(worker->sender, &hook->waker, 0)
                                   : spead_receiver_announce(worker->receiver, &hook->waker, 0);

    if (announced != 0)
        return;
    while (sem_wait(&hook->woken) < 0)
        ; /* EINTR */
    if (worker->sender)
        spead_sender_retract(worker->sender, &hook->waker, 0);
    else
        spead_receiver_retract(worker->receiver, &hook->waker, 0);
}

/* As an event loop does. */
static void poll_for(struct worker *worker)
{
    struct pollfd polled = {.events = POLLIN};

    polled.fd =
        worker->sender ? spead_sender_fd(worker->sender) : spead_receiver_fd(worker->receiver);
    poll(&polled, 1, -1);
}

static void wait_as_told(struct worker *worker, struct hook *hook)
{
    if (worker->race->how == ANNOUNCE)
        wait_for(worker, hook);
    else if (worker->race->how == POLL)
        poll_for(worker);
}

/* ---- The two sides ------------------------------------------------------------------------- */

static int send_some(struct worker *worker, const struct spead_message *messages, uint32_t count,
                     struct hook *hook)
{
    int ret;

    if (worker->race->how == SLEEP)
        return spead_sender_send(worker->sender, messages, count, 0);
    while ((ret = spead_sender_try_send(worker->sender, messages, count)) == -EAGAIN)
        wait_as_told(worker, hook);
    return ret;
}

static void *sending(void *arg)
{
    struct worker *worker = arg;
    struct spead_message messages[BATCH];
    struct hook hook = {.waker.wake = post};
    uint64_t sent = 0;

    sem_init(&hook.woken, 0, 0);
    while (sent < worker->race->messages) {
        uint64_t left = worker->race->messages - sent;
        uint32_t count = 1 + (uint32_t)(sent % BATCH);
        int taken;

        count = left < count ? (uint32_t)left : count;
        for (uint32_t i = 0; i < count; i++)
            messages[i] = (struct spead_message){.stream = worker->number,
                                                 .sequence = sent + i,
                                                 .priority = (uint8_t)((sent + i) % 3)};
        taken = send_some(worker, messages, count, &hook);
        if (taken < 0) {
            worker->wrong = true;
            break;
        }
        for (int i = 0; i < taken; i++)
            worker->sum += weight(&messages[i]);
        sent += (uint64_t)taken;
    }
    worker->count = sent;
    spead_sender_close(worker->sender, 0);
    sem_destroy(&hook.woken);
    return NULL;
}

static int receive_some(struct worker *worker, struct spead_message *messages, struct hook *hook)
{
    int ret;

    if (worker->race->how == SLEEP)
        return spead_receiver_receive(worker->receiver, messages, BATCH, 0);
    while ((ret = spead_receiver_try_receive(worker->receiver, messages, BATCH)) == -EAGAIN)
        wait_as_told(worker, hook);
    return ret;
}

static void *receiving(void *arg)
{
    struct worker *worker = arg;
    struct spead_message messages[BATCH];
    struct hook hook = {.waker.wake = post};
    uint64_t next[ENDS_MAX] = {0};
    int count;

    sem_init(&hook.woken, 0, 0);
    while ((count = receive_some(worker, messages, &hook)) > 0) {
        for (int i = 0; i < count; i++) {
            const struct spead_message *message = &messages[i];

            worker->sum += weight(message);
            if (worker->race->config.lanes > 1)
                continue; /* a higher lane overtakes */
            if (message->stream >= ENDS_MAX || message->sequence < next[message->stream])
                worker->wrong = true;
            else
                next[message->stream] = message->sequence + 1;
        }
        worker->count += (uint64_t)count;
    }
    worker->wrong |= count != -ESHUTDOWN;
    sem_destroy(&hook.woken);
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

static bool judge(struct spead_channel *channel, const struct race *race,
                  const struct worker *senders, const struct worker *receivers)
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
    struct worker senders[ENDS_MAX] = {0}, receivers[ENDS_MAX] = {0};
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
        senders[i] = (struct worker){.race = race, .number = i};
        if (spead_sender_open(&senders[i].sender, channel, "race", 0, NULL) < 0)
            return false;
    }
    for (unsigned i = 0; i < race->receivers; i++) {
        receivers[i] = (struct worker){.race = race, .number = i};
        if (spead_receiver_open(&receivers[i].receiver, channel, "race", 0, NULL) < 0)
            return false;
    }
    for (unsigned i = 0; i < race->receivers; i++)
        pthread_create(&threads[started++], NULL, receiving, &receivers[i]);
    for (unsigned i = 0; i < race->senders; i++)
        pthread_create(&threads[started++], NULL, sending, &senders[i]);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    right = judge(channel, race, senders, receivers);
    for (unsigned i = 0; i < race->receivers; i++)
        spead_receiver_close(receivers[i].receiver);
    spead_channel_unref(channel);
    return right;
}

/* ---- All of them --------------------------------------------------------------------------- */

static bool can_be(const struct spead_channel_config *config)
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

    for (enum how how = SPIN; how <= POLL; how++) {
        struct race race = {.config = *config,
                            .sync = sync,
                            .how = how,
                            .senders = many_senders ? 3 : 1,
                            .receivers = many_receivers ? 2 : 1,
                            .messages = how == SPIN || how == POLL ? 700 : 2000};

        if (run(&race))
            continue;
        fprintf(stderr,
                "race_channel: form %d, policy %d, capacity %u, lanes %u, sync %d, waiting %d: the "
                "account does not add up\n",
                (int)config->form, (int)config->policy, config->capacity, config->lanes, (int)sync,
                (int)how);
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
        for (config.policy = 0; config.policy <= SPEAD_CHANNEL_SAMPLE; config.policy++)
            for (unsigned i = 0; i < 3; i++)
                for (config.lanes = 1; config.lanes <= 3; config.lanes += 2) {
                    config.capacity = capacities[i];
                    if (!can_be(&config))
                        continue;
                    if (!race_config(&config, SPEADI_SYNC_BARRIER) ||
                        (config.form == SPEAD_CHANNEL_SPSC &&
                         !race_config(&config, SPEADI_SYNC_FENCED)))
                        return 1;
                    races++;
                }
    if (races < 40) {
        fprintf(stderr, "race_channel: only %u configs could be made\n", races);
        return 1;
    }
    return 0;
}
