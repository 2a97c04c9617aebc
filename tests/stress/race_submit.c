/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: several producers submit to a stream. At the same time its owner thread runs, and another thread stops it at
 * any moment. Every accepted heap completes exactly once, in the order of acceptance, and every snapshot of the ledger
 * adds up.
 *
 * Method: the stream has a scripted engine that takes a few packets at a time. The producers call submit(),
 * submit_wait() and flush(). The completions of each heap are counted in a cell of its own. Another thread takes
 * snapshots all the time. A round ends with one or two calls of stop(). ThreadSanitizer finds data races. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadi/clock.h>

#include "scripted_tx.h"

enum { PRODUCERS = 3, HEAPS_EACH = 400, ROUNDS = 300, HEAP_BYTES = 3000 };

static uint8_t data[HEAP_BYTES];
static atomic_int wrong;
static atomic_bool round_over;

struct round {
    struct spead_send_stream *stream;
    struct spead_send_heap *heap;
    /* Only the owner thread uses this field and the field `completed`. The value is the heap counter of the last
     * completion. The next completion must have the next heap counter. */
    uint64_t last_counter;
    uint64_t completed;
};

struct heap_cell {
    struct round *round;
    /* The owner thread counts the completions of the heap here. Other threads read it only after the round. */
    unsigned completions;
    bool accepted; /* true: submit() has accepted the heap; written by its producer */
};

struct producer {
    struct round *round;
    pthread_t thread;
    unsigned number;
    struct heap_cell cell[HEAPS_EACH];
};

static void complain(const char *what)
{
    fprintf(stderr, "race_submit: %s\n", what);
    atomic_fetch_add(&wrong, 1);
}

static void done(void *arg, const struct spead_send_result *result)
{
    struct heap_cell *cell = arg;
    struct round *round = cell->round;

    cell->completions++;
    round->completed++;
    if (result->counter != round->last_counter + 1)
        complain("heaps completed out of order");
    round->last_counter = result->counter;
    if (result->error != 0 && result->error != -ECANCELED)
        complain("a heap failed");
}

static int submit(struct producer *producer, struct heap_cell *cell, unsigned i)
{
    struct spead_send_stream *stream = producer->round->stream;
    struct spead_send_options options = {.done = done, .done_arg = cell};

    if (i % 16 == 15)
        spead_send_stream_flush(stream, speadi_clock_mono_ns() + 1000000);
    if (i % 3 == 0)
        return spead_send_stream_submit(stream, producer->round->heap, &options);
    return spead_send_stream_submit_wait(stream, producer->round->heap, &options,
                                         speadi_clock_mono_ns() + (i % 5) * 1000000);
}

static void *produce(void *arg)
{
    struct producer *producer = arg;

    for (unsigned i = 0; i < HEAPS_EACH; i++) {
        struct heap_cell *cell = &producer->cell[i];
        int ret = submit(producer, cell, i);

        cell->accepted = ret == 0;
        if (ret == -ESHUTDOWN)
            return NULL;
        if (ret != 0 && ret != -EAGAIN && ret != -ETIMEDOUT)
            complain("submit answered what it never should");
    }
    return NULL;
}

static void *watch(void *arg)
{
    struct round *round = arg;

    while (!atomic_load(&round_over)) {
        struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;
        uint64_t packets = 0, bytes = 0;

        spead_send_stream_stats(round->stream, &stats);
        for (unsigned i = 0; i < stats.bucket_count; i++) {
            packets += stats.bucket[i].packets;
            bytes += stats.bucket[i].bytes;
        }
        if (packets != stats.submitted.packets || bytes != stats.submitted.bytes)
            complain("a snapshot does not add up");
    }
    return NULL;
}

static void check_cells(const struct producer *producers, const struct round *round)
{
    uint64_t accepted = 0;

    for (unsigned p = 0; p < PRODUCERS; p++) {
        for (unsigned i = 0; i < HEAPS_EACH; i++) {
            const struct heap_cell *cell = &producers[p].cell[i];

            accepted += cell->accepted;
            if (cell->completions != (unsigned)cell->accepted)
                complain("an accepted heap did not complete once");
        }
    }
    if (accepted != round->completed)
        complain("more heaps completed than were accepted");
}

static void run_round(unsigned number)
{
    static struct producer producers[PRODUCERS];
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct scripted_tx *tx = scripted_tx_create();
    struct round round = {0};
    struct spead_send_runner *runner;
    pthread_t watcher;

    config.heaps_max = 1 + number % 7;
    tx->record = false;
    tx->at_once = 1 + number % 4;
    round.stream = scripted_tx_stream(tx, &config);
    if (spead_send_heap_create(&round.heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) < 0 ||
        spead_send_heap_add_item(round.heap, 0x1000, data, sizeof data, false) < 0)
        abort();
    atomic_store(&round_over, false);
    if (spead_send_runner_start(&runner, round.stream, -1, NULL) < 0)
        abort();
    pthread_create(&watcher, NULL, watch, &round);
    for (unsigned p = 0; p < PRODUCERS; p++) {
        producers[p] = (struct producer){.round = &round, .number = p};
        for (unsigned i = 0; i < HEAPS_EACH; i++)
            producers[p].cell[i].round = &round;
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
    if (spead_send_runner_join(runner, NULL) != 0)
        complain("the runner failed");
    atomic_store(&round_over, true);
    pthread_join(watcher, NULL);
    check_cells(producers, &round);
    spead_send_stream_destroy(round.stream);
    spead_send_heap_destroy(round.heap);
    scripted_tx_destroy(tx);
}

int main(void)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        run_round(round);
    return atomic_load(&wrong) == 0 ? 0 : 1;
}
