/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: wait() of every engine loses no wake(), at whatever moment the wake comes. Method: one thread waits without a
 * deadline. Another thread raises a number and calls wake(). When the waiting thread has seen the number, the other
 * thread does the same again. If a wake is lost, the alarm ends the program. At the same time packets arrive, so that
 * some wakes come when the engine receives. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pthread.h>

#include <engine_names.h>
#include <rx_rig.h>

#define ROUNDS 20000u

static struct rx_rig rig;
static atomic_uint raised, seen;

static void *wake_often(void *arg)
{
    static const uint8_t packet[100];

    for (unsigned i = 1; i <= ROUNDS; i++) {
        /* W1: release pairs with W2: the thread that was woken sees the raised number. */
        atomic_store_explicit(&raised, i, memory_order_release);
        rig.ops->wake(rig.engine);
        if (i % 3 == 0)
            rx_rig_send(&rig, 0, packet, sizeof packet);
        while (atomic_load_explicit(&seen, memory_order_acquire) != i)
            ; /* W3: acquire pairs with W4. It only keeps the rounds apart. */
    }
    return arg;
}

static bool run(const char *engine)
{
    const struct rx_rig_options options = {.engine = engine};
    pthread_t thread;
    unsigned now = 0, packets = 0;

    if (!rx_rig_open(&rig, &options)) {
        printf("%s left out: %s\n", engine, rig.reason);
        return false;
    }
    /* Relaxed is enough, because the other thread does not run yet. */
    atomic_store_explicit(&raised, 0, memory_order_relaxed);
    atomic_store_explicit(&seen, 0, memory_order_relaxed);
    pthread_create(&thread, NULL, wake_often, NULL);
    while (now < ROUNDS) {
        int count = rig.ops->poll(rig.engine, &rig.burst);

        if (count > 0) {
            packets += (unsigned)count;
            rx_rig_give_back(&rig);
        }
        now = atomic_load_explicit(&raised, memory_order_acquire); /* W2 */
        /* Relaxed is enough, because only this thread writes `seen`. */
        if (now == atomic_load_explicit(&seen, memory_order_relaxed))
            rig.ops->wait(rig.engine, UINT64_MAX);
        else
            atomic_store_explicit(&seen, now, memory_order_release); /* W4 */
    }
    pthread_join(thread, NULL);
    rx_rig_close(&rig);
    printf("%s: %u wakes, %u packets\n", engine, ROUNDS, packets);
    return true;
}

int main(void)
{
    char engines[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned count = test_engines(TEST_RECEIVES, TEST_MEM | TEST_KERNEL, engines), done = 0;

    alarm(100);
    for (unsigned i = 0; i < count; i++)
        done += run(engines[i]);
    return done ? 0 : 77;
}
