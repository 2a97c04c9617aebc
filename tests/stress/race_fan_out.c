/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers come and go on four threads while a fan-out sends batches, and release the batches on their own threads. In
 * the end every batch has come back: otherwise the source, which waits for batches, would not have reached its end. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include <speadline/operators.h>

#include "step_nodes.h"

#define THREADS  4u
#define MESSAGES 200000u

static struct spead_node *fan_out;
static _Atomic uint64_t received;

static int make(void *arg, struct spead_message *message)
{
    (void)arg;
    message->key = message->sequence;
    return message->sequence < MESSAGES;
}

static int is_even(void *arg, const struct spead_message *message)
{
    (void)arg;
    return message->sequence % 2 == 0;
}

static int take_some(struct spead_receiver *receiver)
{
    struct spead_message message;

    for (unsigned i = 0; i < 50; i++) {
        if (spead_receiver_receive(receiver, &message, 1, SPEAD_DEADLINE_NEVER) < 0)
            return -1;
        STEP_CHECK(spead_message_batch(&message)->messages[0].key == message.sequence);
        atomic_fetch_add(&received, spead_message_batch(&message)->count);
        spead_message_unref(&message);
    }
    return 0;
}

static void *subscribe(void *arg)
{
    struct spead_subscription subscription = SPEAD_SUBSCRIPTION_INIT;
    struct spead_receiver *receiver;

    subscription.wants = arg ? is_even : NULL;
    while (spead_fan_out_subscribe(fan_out, &subscription, &receiver, NULL) == 0) {
        take_some(receiver);
        spead_receiver_close(receiver);
    }
    return NULL;
}

int main(void)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("race");
    struct spead_executor *executor = step_executor(2);
    pthread_t threads[THREADS];
    struct spead_graph *graph;
    struct spead_err err = {0};

    spead_pipeline_set_capacity(pipeline, 4);
    spead_pipeline_source(pipeline, SPEAD_STAGE("source"), make, NULL);
    spead_pipeline_batch(pipeline, SPEAD_STAGE("batch"), (struct spead_limits){.messages = 4}, 8);
    spead_pipeline_fan_out(pipeline, SPEAD_STAGE("copies"), NULL, 0, NULL, NULL);
    if (spead_pipeline_finish(pipeline, &graph, &err) < 0)
        step_give_up(__FILE__, __LINE__, err.text);
    fan_out = spead_graph_find(graph, "copies");
    STEP_CHECK(spead_graph_start(graph, executor, NULL) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        STEP_CHECK(pthread_create(&threads[i], NULL, subscribe, i % 2 ? &received : NULL) == 0);
    STEP_CHECK(spead_graph_wait(graph, SPEAD_DEADLINE_NEVER, NULL) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%llu messages reached subscribers\n", (unsigned long long)atomic_load(&received));
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    return 0;
}
