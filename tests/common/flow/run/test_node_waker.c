/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: join() waits until a call of wake() has ended. If this takes long, the thread in join() sleeps, and wake()
 * wakes it.
 * Method: one thread calls join(). Only then the test calls wake(). To join() this looks as if the thread in wake() had
 * been preempted at the beginning of the call. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <stdatomic.h>

#include "task.h"
#include "thread_state.h"
#include "worker.h"

static struct speadi_worker worker;
static struct speadi_task task = {.worker = &worker};
static struct speadi_node_waker node_waker;
static _Atomic int joiner_id;

static void *join(void *arg)
{
    atomic_store(&joiner_id, thread_id());
    speadi_node_waker_join(&node_waker);
    return arg;
}

/* If a thread with a real-time priority only yielded in join(), it would keep the thread in wake() from its CPU: for a
 * second if the kernel limits real-time threads, otherwise for ever. */
Test(node_waker, joined_while_its_caller_was_preempted_lets_the_joiner_sleep, .timeout = 60)
{
    pthread_t joiner;

    speadi_worker_init(&worker, SPEADI_WORKER_SHARED, -1);
    atomic_store(&task.state, SPEADI_TASK_ACTIVE);
    speadi_node_waker_init(&node_waker, &task);
    cr_assert_eq(pthread_create(&joiner, NULL, join, NULL), 0);
    while (atomic_load(&joiner_id) == 0)
        ;
    thread_wait_until_asleep(atomic_load(&joiner_id));
    node_waker.waker.wake(&node_waker.waker);
    pthread_join(joiner, NULL);
    cr_expect_eq(atomic_load(&node_waker.state), SPEADI_WAKER_CALLED);
}
