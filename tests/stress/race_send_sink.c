/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a send sink works when its stream, its graph and threads that read its statistics run at the same time. Each of
 * them can end at any moment. Every message is released once and counted once. The counters add up in every snapshot.
 * No thread uses or wakes anything that is already freed.
 *
 * Method: the test makes many short rounds with support/sink_rig.h. The rounds differ in four things: the number of
 * heaps in flight; the thread that runs the stream (a thread of the sink or of this program); the heaps that the
 * network refuses; and the failure policy. Another producer submits to the same stream. A round runs to its end, is
 * cancelled or drained, or its stream is stopped. ThreadSanitizer finds data races. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include <speadi/clock.h>

#include "sink_rig.h"
#include "step_nodes.h"

enum { ROUNDS = 400, MESSAGES = 300 };

enum ending { RUNS_OUT, IS_CANCELLED, IS_DRAINED, STREAM_STOPS, ENDINGS };

static atomic_bool round_over;

static void *watch(void *arg)
{
    while (!atomic_load(&round_over)) {
        sink_rig_stats(arg); /* This aborts if the counters do not add up. */
        sched_yield();
    }
    return NULL;
}

/* Acts as another producer: submits heaps between the heaps of the sink. */
static void *interfere(void *arg)
{
    struct sink_rig *rig = arg;
    struct spead_send_heap *heap;

    STEP_CHECK(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) == 0);
    while (!atomic_load(&round_over)) {
        int ret = spead_send_stream_submit(rig->stream, heap, NULL);

        if (ret == -ESHUTDOWN)
            break;
        STEP_CHECK(ret == 0 || ret == -EAGAIN);
        sched_yield();
    }
    spead_send_stream_flush(rig->stream, 0);
    spead_send_heap_destroy(heap);
    return NULL;
}

static void prepare(struct sink_rig *rig, uint64_t seed, bool own_thread)
{
    static const enum spead_on_error policies[] = {SPEAD_ON_ERROR_SKIP, SPEAD_ON_ERROR_RETRY,
                                                   SPEAD_ON_ERROR_DIVERT, SPEAD_ON_ERROR_FAIL};

    sink_rig_init(rig, MESSAGES, 1 + (uint32_t)(seed % 5));
    rig->sink_config.own_thread = own_thread;
    rig->node_config.on_error = policies[seed / 8 % 4];
    rig->node_config.after_retries = SPEAD_ON_ERROR_SKIP;
    rig->node_config.retries = 1;
    rig->collects = rig->node_config.on_error == SPEAD_ON_ERROR_DIVERT;
    rig->tx->record = false;
    rig->tx->at_once = 1 + (unsigned)(seed / 32 % 4);
    for (unsigned i = 0; i < SCRIPTED_TX_REFUSALS_MAX; i++) {
        rig->tx->refuse[i].packet = step_mix(seed, i) % MESSAGES;
        rig->tx->refuse[i].error = seed / 128 % 2 ? -EPERM : 0;
    }
    sink_rig_open(rig);
}

static void end(struct sink_rig *rig, uint64_t seed, enum ending ending)
{
    const uint64_t in = step_mix(seed, 99) % MESSAGES;

    if (ending != RUNS_OUT)
        for (unsigned i = 0; i < 10000 && sink_rig_stats(rig).in < in; i++)
            sched_yield();
    if (ending == IS_CANCELLED)
        spead_graph_cancel(rig->graph);
    if (ending == IS_DRAINED)
        spead_graph_drain(rig->graph, speadi_clock_mono_ns() + step_mix(seed, 98) % 100000, NULL);
    if (ending == STREAM_STOPS)
        spead_send_stream_stop(rig->stream);
    spead_graph_wait(rig->graph, 0, NULL);
}

static void run_round(uint64_t seed)
{
    const enum ending ending = (enum ending)(seed % ENDINGS);
    const bool own_thread = seed / 4 % 2, interferes = seed / 256 % 2;
    struct spead_send_runner *runner = NULL;
    struct spead_send_sink_stats stats;
    pthread_t watcher, other;
    struct sink_rig rig;

    prepare(&rig, seed, own_thread);
    atomic_store(&round_over, false);
    if (!own_thread)
        STEP_CHECK(spead_send_runner_start(&runner, rig.stream, -1, NULL) == 0);
    pthread_create(&watcher, NULL, watch, &rig);
    sink_rig_start(&rig);
    if (interferes)
        pthread_create(&other, NULL, interfere, &rig);
    end(&rig, seed, ending);
    atomic_store(&round_over, true);
    pthread_join(watcher, NULL);
    if (interferes)
        pthread_join(other, NULL);
    if (!own_thread) {
        spead_send_stream_stop(rig.stream);
        STEP_CHECK(spead_send_runner_join(runner, NULL) == 0);
    }
    stats = sink_rig_stats(&rig);
    STEP_CHECK(stats.pending == 0);
    if (sink_rig_close(&rig) != 0) {
        fprintf(stderr, "race_send_sink: round %llu: messages were not released\n",
                (unsigned long long)seed);
        step_give_up(__FILE__, __LINE__, "all messages are released");
    }
}

int main(void)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        run_round(step_mix(20, round));
    return 0;
}
