/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: producers submit groups, and others acquire and submit slots, while another thread changes the heap counters and
 * the owner thread runs and is stopped. Every accepted heap completes once. The heaps of a group complete one after
 * another, and their counters have one step. Nobody gets a slot that is in flight.
 *
 * Method: the stream has a scripted engine that takes a few packets at a time and reads every byte. Each producer writes
 * into the memory of its slots. ThreadSanitizer finds data races, also between a producer and the engine. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/send_slots.h>

#include <speadi/clock.h>

#include "scripted_tx.h"

enum { PRODUCERS = 2, SLOT_USERS = 2, GROUPS_EACH = 60, GROUP_MAX = 24, SLOTS = 3, ROUNDS = 150 };
enum { HEAP_BYTES = 600, SLOT_BYTES = 300, PACKET_BYTES = 200 };

static uint8_t data[HEAP_BYTES];
static atomic_int wrong;
static atomic_bool round_over;

struct round {
    struct spead_send_stream *stream;
    struct spead_send_heap *heap;
    struct spead_send_slots *slots;
    unsigned number;
    atomic_uint slots_accepted;
};

struct group {
    unsigned count;
    /* The owner thread writes these fields. Other threads read them only after the round. */
    unsigned completions;
    uint64_t counter[GROUP_MAX];
    bool accepted; /* written by the producer */
};

struct producer {
    struct round *round;
    pthread_t thread;
    struct group group[GROUPS_EACH];
};

static void complain(const char *what)
{
    fprintf(stderr, "race_send_orders: %s\n", what);
    atomic_fetch_add(&wrong, 1);
}

static void done(void *arg, const struct spead_send_result *result)
{
    struct group *group = arg;

    if (group->completions < group->count)
        group->counter[group->completions] = result->counter;
    group->completions++;
    if (result->error != 0 && result->error != -ECANCELED)
        complain("a heap failed");
}

static int submit_group(struct producer *producer, struct group *group, unsigned i)
{
    const enum spead_send_group_order order =
        i % 3 == 0 ? SPEAD_SEND_GROUP_SERIAL : SPEAD_SEND_GROUP_ROUND_ROBIN;
    struct spead_send_group_heap heaps[GROUP_MAX];

    group->count = 1 + i % GROUP_MAX;
    for (unsigned k = 0; k < group->count; k++)
        heaps[k] = (struct spead_send_group_heap){.heap = producer->round->heap,
                                                  .options = {.done = done, .done_arg = group}};
    if (i % 2 == 0)
        return spead_send_stream_submit_group(producer->round->stream, heaps, group->count, order);
    return spead_send_stream_submit_group_wait(producer->round->stream, heaps, group->count, order,
                                               speadi_clock_mono_ns() + (i % 5) * 1000000);
}

static void *produce(void *arg)
{
    struct producer *producer = arg;

    for (unsigned i = 0; i < GROUPS_EACH; i++) {
        struct group *group = &producer->group[i];
        int ret = submit_group(producer, group, i);

        group->accepted = ret == 0;
        if (ret == -ESHUTDOWN)
            return NULL;
        if (ret != 0 && ret != -EAGAIN && ret != -ETIMEDOUT)
            complain("submit_group answered what it never should");
    }
    return NULL;
}

static void *use_slots(void *arg)
{
    struct round *round = arg;
    struct spead_send_slot *slot;

    for (unsigned i = 0; i < 200; i++) {
        int ret = spead_send_slots_acquire(round->slots, &slot, SPEAD_DEADLINE_NEVER);

        if (ret != 0) {
            complain("acquire answered what it never should");
            return NULL;
        }
        memset(slot->data, (int)i, SLOT_BYTES);
        if (i % 7 == 0)
            ret = -EAGAIN;
        else
            ret = spead_send_slot_submit(slot, round->stream, NULL);
        if (ret == 0)
            atomic_fetch_add(&round->slots_accepted, 1);
        else
            spead_send_slot_give_back(slot);
        if (i % 16 == 0)
            spead_send_slots_flush(round->slots, speadi_clock_mono_ns() + 1000000);
        if (ret == -ESHUTDOWN)
            return NULL;
    }
    return NULL;
}

static void *change_counters(void *arg)
{
    struct round *round = arg;

    for (uint64_t i = 0; !atomic_load(&round_over); i++) {
        int ret = spead_send_stream_set_counters(round->stream, i * 1000, 1 + i % 3);

        if (ret != 0 && ret != -EAGAIN)
            complain("set_counters answered what it never should");
    }
    return NULL;
}

static void check_group(const struct group *group)
{
    if (group->completions != (group->accepted ? group->count : 0))
        complain("an accepted heap did not complete once");
    for (unsigned k = 2; k < group->completions; k++)
        if (group->counter[k] - group->counter[k - 1] != group->counter[1] - group->counter[0])
            complain("the counters of a group have two steps");
}

/* Returns the number of heaps in slots that have completed. */
static unsigned completed_slots(struct round *round)
{
    struct spead_send_slot *slot[SLOTS];
    unsigned count = 0;

    if (spead_send_slots_flush(round->slots, SPEAD_DEADLINE_NOW) != 0 ||
        spead_send_slots_take(round->slots, slot, SLOTS) != SLOTS) {
        complain("a slot is in flight after the end of the stream");
        return 0;
    }
    for (unsigned i = 0; i < SLOTS; i++)
        count += (unsigned)slot[i]->sent;
    return count;
}

static void open_round(struct round *round, struct scripted_tx *tx)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_slots_config slots = SPEAD_SEND_SLOTS_CONFIG_INIT;

    config.heaps_max = (1 + round->number % 4) * GROUP_MAX;
    config.packet_bytes_max = PACKET_BYTES;
    config.mix_heaps = round->number % 3 == 0 ? 4 : 0;
    tx->at_once = 4 + round->number % 40;
    round->stream = scripted_tx_stream(tx, &config);
    slots.slot_count = SLOTS;
    slots.slot_bytes = SLOT_BYTES;
    slots.item_id = 0x1000;
    if (spead_send_heap_create(&round->heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) < 0 ||
        spead_send_heap_add_item(round->heap, 0x1000, data, sizeof data, false) < 0 ||
        spead_send_slots_create(&round->slots, &slots, NULL) < 0 ||
        (round->number % 2 == 0 && spead_send_slots_fd(round->slots) < 0))
        abort();
}

static void run_round(unsigned number)
{
    static struct producer producers[PRODUCERS];
    struct round round = {.number = number};
    struct scripted_tx *tx = scripted_tx_create();
    struct spead_send_runner *runner;
    pthread_t changer, users[SLOT_USERS];

    open_round(&round, tx);
    atomic_store(&round_over, false);
    if (spead_send_runner_start(&runner, round.stream, -1, NULL) < 0)
        abort();
    pthread_create(&changer, NULL, change_counters, &round);
    for (unsigned i = 0; i < SLOT_USERS; i++)
        pthread_create(&users[i], NULL, use_slots, &round);
    for (unsigned p = 0; p < PRODUCERS; p++) {
        producers[p] = (struct producer){.round = &round};
        pthread_create(&producers[p].thread, NULL, produce, &producers[p]);
    }
    for (uint64_t until = speadi_clock_mono_ns() + number % 10 * 1000000;
         speadi_clock_mono_ns() < until;)
        ;
    spead_send_stream_stop(round.stream);
    if (number % 2 == 1)
        spead_send_stream_stop(round.stream);
    for (unsigned p = 0; p < PRODUCERS; p++)
        pthread_join(producers[p].thread, NULL);
    for (unsigned i = 0; i < SLOT_USERS; i++)
        pthread_join(users[i], NULL);
    if (spead_send_runner_join(runner, NULL) != 0)
        complain("the runner failed");
    atomic_store(&round_over, true);
    pthread_join(changer, NULL);
    for (unsigned p = 0; p < PRODUCERS; p++)
        for (unsigned i = 0; i < GROUPS_EACH; i++)
            check_group(&producers[p].group[i]);
    if (completed_slots(&round) != atomic_load(&round.slots_accepted))
        complain("a slot did not complete once for each submit");
    spead_send_stream_destroy(round.stream);
    spead_send_slots_destroy(round.slots);
    spead_send_heap_destroy(round.heap);
    scripted_tx_destroy(tx);
}

int main(void)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        run_round(round);
    return atomic_load(&wrong) == 0 ? 0 : 1;
}
