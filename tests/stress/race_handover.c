/* An owner that pushes and a consumer that takes: no heap is lost, doubled or out of order, and nobody
 * sleeps while there is something to do.
 *
 * Method: a ring of two, numbered heaps, the consumer in turn taking one, taking many, polling the
 * descriptor and trying; the owner in turn waiting for room and shedding. Data races show under TSan; a
 * missed wake-up shows as a wait of five seconds. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include <speadi/clock.h>
#include <speadi/heap_view.h>

#include "handover.h"

enum { HEAPS = 60000, SLOTS = 2, BATCH = 3 };
static const uint64_t patience_ns = 5000000000u;

static struct speadi_handover ring;
static struct spead_heap heap[HEAPS];
static bool shed[HEAPS];
static atomic_int failures;

static void fail(const char *what, uint64_t at)
{
    fprintf(stderr, "race_handover: %s at heap %llu\n", what, (unsigned long long)at);
    atomic_fetch_add(&failures, 1);
}

static uint64_t patience(void)
{
    return speadi_clock_mono_ns() + patience_ns;
}

/* The consumer. Returns how many heaps it got. */
static int take_some(int round, int fd, struct spead_heap **heaps)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    switch (round % 4) {
    case 0:
        return speadi_handover_take(&ring, heaps, 1, true, patience());
    case 1:
        return speadi_handover_take(&ring, heaps, BATCH, true, patience());
    case 2:
        if (poll(&polled, 1, (int)(patience_ns / 1000000)) != 1)
            return -ETIMEDOUT;
        return speadi_handover_take(&ring, heaps, 1, false, 0);
    default:
        return speadi_handover_take(&ring, heaps, BATCH, false, 0);
    }
}

static void *consume(void *arg)
{
    struct spead_heap *heaps[BATCH];
    uint64_t last = 0, *count = arg;
    int fd = speadi_handover_fd(&ring), got;

    for (int round = 0; (got = take_some(round, fd, heaps)) != -ESHUTDOWN; round++) {
        if (got == -ETIMEDOUT)
            fail("a wake-up was missed after", last);
        for (int i = 0; i < got; i++) {
            if (heaps[i]->counter <= last)
                fail("order was lost", heaps[i]->counter);
            last = heaps[i]->counter;
            heaps[i]->packets++; /* the consumer's to read and, here, to write */
            ++*count;
        }
    }
    return NULL;
}

static uint64_t push_waiting(struct spead_heap *const *heaps, uint32_t count)
{
    struct spead_heap *back[BATCH + SLOTS];

    for (uint32_t done = 0; done < count;) {
        uint32_t room = speadi_handover_room(&ring), now = count - done;
        uint64_t start = speadi_clock_mono_ns();

        if (room == 0) {
            speadi_handover_wait_room(&ring, patience());
            if (speadi_clock_mono_ns() - start > patience_ns / 2)
                fail("room was not told of", heaps[done]->counter);
            continue;
        }
        now = now < room ? now : room;
        if (speadi_handover_push(&ring, heaps + done, now, false, back) != 0)
            fail("shed although there was room", heaps[done]->counter);
        done += now;
    }
    return 0;
}

static uint64_t push_shedding(struct spead_heap *const *heaps, uint32_t count, bool oldest)
{
    struct spead_heap *back[BATCH + SLOTS];
    uint32_t n = speadi_handover_push(&ring, heaps, count, oldest, back);

    for (uint32_t i = 0; i < n; i++)
        shed[back[i] - heap] = true;
    return n;
}

int main(void)
{
    uint64_t taken = 0, shed_count = 0;
    pthread_t consumer;

    if (speadi_handover_init(&ring, SLOTS) < 0)
        return 1;
    pthread_create(&consumer, NULL, consume, &taken);
    for (uint32_t i = 0; i < HEAPS; i += BATCH) {
        struct spead_heap *heaps[BATCH];

        for (uint32_t k = 0; k < BATCH; k++) {
            heap[i + k].counter = i + k + 1;
            heaps[k] = &heap[i + k];
        }
        if (i / BATCH % 3 == 0)
            shed_count += push_shedding(heaps, BATCH, i / BATCH % 2 == 0);
        else
            shed_count += push_waiting(heaps, BATCH);
    }
    speadi_handover_end(&ring);
    pthread_join(consumer, NULL);
    for (uint32_t i = 0; i < HEAPS; i++)
        if (heap[i].packets != !shed[i])
            fail(shed[i] ? "shed and taken" : "lost", i + 1);
    if (taken + shed_count != HEAPS)
        fail("heaps do not add up", taken + shed_count);
    speadi_handover_release(&ring);
    return atomic_load(&failures) > 0;
}
