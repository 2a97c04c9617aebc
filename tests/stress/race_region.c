/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: one thread takes regions and several threads release them with events, until the owner ends the pool. The pool
 * never gives a region out when a device still uses it.
 * Method: the taker writes a number into each region. A releasing thread checks the number. It has two references to
 * the region, and gives each of them back with an event. A device completes the event only after it has checked many
 * times that no other thread got the region. ThreadSanitizer finds other races. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <speadline/region.h>

enum { RELEASERS = 3, REGIONS = 8, ROUNDS = 20, TAKES = 100 };

struct use {
    struct spead_region *region;
    uint64_t number, *word;
    struct spead_host_event *event;
};

/* Mailboxes. The taker passes a `struct use` to a releasing thread, and this thread passes it to its device. NULL means
 * that the mailbox is empty. */
static _Atomic(struct use *) to_releaser[RELEASERS], to_device[RELEASERS];
static struct use uses[RELEASERS];
static atomic_bool done, released;
static atomic_int wrong;

static void begin_and_release(struct use *use, unsigned who)
{
    struct spead_region *region = use->region;
    uint64_t first, second;

    if (spead_host_event_create(&use->event, NULL) < 0) {
        atomic_fetch_add(&wrong, 1);
        spead_region_unref(region);
        return;
    }
    if (*use->word != use->number)
        atomic_fetch_add(&wrong, 1);
    first = spead_host_event_share(use->event);
    second = spead_host_event_share(use->event);
    atomic_store(&to_device[who], use);
    spead_region_ref(region);
    spead_region_release(region, first);
    spead_region_release(region, second);
    while (atomic_load(&to_device[who]))
        sched_yield();
}

static void *release(void *arg)
{
    unsigned who = (unsigned)(uintptr_t)arg;

    for (;;) {
        bool last = atomic_load(&done);
        struct use *use = atomic_load(&to_releaser[who]);

        if (use) {
            begin_and_release(use, who);
            atomic_store(&to_releaser[who], NULL);
        } else if (last) {
            return NULL;
        } else {
            sched_yield();
        }
    }
}

/* A device. It uses the region during and after its release, until the device itself completes the event. */
static void *device(void *arg)
{
    unsigned who = (unsigned)(uintptr_t)arg;

    for (;;) {
        bool last = atomic_load(&released);
        struct use *use = atomic_load(&to_device[who]);

        if (use) {
            for (int i = 0; i < 20; i++) {
                if (*(volatile uint64_t *)use->word != use->number)
                    atomic_fetch_add(&wrong, 1);
                sched_yield();
            }
            *use->word = ~use->number;
            spead_host_event_complete(use->event, 0);
            spead_host_event_unref(use->event);
            atomic_store(&to_device[who], NULL);
        } else if (last) {
            return NULL;
        } else {
            sched_yield();
        }
    }
}

static bool one_round(void)
{
    struct spead_region_pool_config config = SPEAD_REGION_POOL_CONFIG_INIT;
    struct spead_region_pool *pool;
    pthread_t releasers[RELEASERS], devices[RELEASERS];

    config.region_count = REGIONS;
    config.region_bytes = 4096;
    config.event_ops = &spead_host_event_ops;
    if (spead_region_pool_create(&pool, &config, NULL) < 0)
        return false;
    atomic_store(&done, false);
    atomic_store(&released, false);
    for (uintptr_t i = 0; i < RELEASERS; i++) {
        pthread_create(&releasers[i], NULL, release, (void *)i);
        pthread_create(&devices[i], NULL, device, (void *)i);
    }
    for (uint64_t number = 1; number <= TAKES; number++) {
        unsigned to = (unsigned)(number % RELEASERS);
        struct spead_region *region;

        while (atomic_load(&to_releaser[to]))
            sched_yield();
        region = spead_region_take(pool, 8);
        if (!region)
            continue;
        uses[to] =
            (struct use){.region = region, .number = number, .word = spead_region_data(region)};
        *uses[to].word = number;
        atomic_store(&to_releaser[to], &uses[to]);
    }
    /* Some regions are still out, and others are parked. This call waits for the parked regions. The threads release
     * the regions that are out. */
    spead_region_pool_unref(pool);
    atomic_store(&done, true);
    for (unsigned i = 0; i < RELEASERS; i++)
        pthread_join(releasers[i], NULL);
    atomic_store(&released, true);
    for (unsigned i = 0; i < RELEASERS; i++)
        pthread_join(devices[i], NULL);
    return true;
}

int main(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        if (!one_round()) {
            fprintf(stderr, "race_region: cannot make a pool\n");
            return 1;
        }
    }
    if (atomic_load(&wrong)) {
        fprintf(stderr, "race_region: %d regions were given out while a device used them\n",
                atomic_load(&wrong));
        return 1;
    }
    return 0;
}
