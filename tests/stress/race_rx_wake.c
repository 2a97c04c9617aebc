/* No wake() is lost, whenever it comes: goal of every engine's wait(). Method: one thread waits without a
 * deadline, another raises a flag and wakes it, as soon as the last flag has been seen; a lost wake ends
 * in the alarm. Packets arrive meanwhile, so that wakes also meet an engine that is busy. */
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
        /* W1: release pairs with W2: what is raised is seen after the wake. */
        atomic_store_explicit(&raised, i, memory_order_release);
        rig.ops->wake(rig.engine);
        if (i % 3 == 0)
            rx_rig_send(&rig, 0, packet, sizeof packet);
        while (atomic_load_explicit(&seen, memory_order_acquire) != i)
            ; /* W3: acquire pairs with W4, only so that rounds do not overlap */
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
    atomic_store_explicit(&raised, 0, memory_order_relaxed); /* no other thread yet */
    atomic_store_explicit(&seen, 0, memory_order_relaxed);
    pthread_create(&thread, NULL, wake_often, NULL);
    while (now < ROUNDS) {
        int count = rig.ops->poll(rig.engine, &rig.burst);

        if (count > 0) {
            packets += (unsigned)count;
            rx_rig_give_back(&rig);
        }
        now = atomic_load_explicit(&raised, memory_order_acquire);    /* W2 */
        if (now == atomic_load_explicit(&seen, memory_order_relaxed)) /* our own */
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
