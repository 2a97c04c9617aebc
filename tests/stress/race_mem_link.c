/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a producer and a consumer sleep whenever they can. No packet is lost or mixed with another packet, and no
 * wake-up is lost.
 * Method: the link has one slot, so that each end sleeps after each packet. So no later packet can hide a lost wake-up.
 * The packets have numbers and different lengths. Each wait has a deadline of five seconds. If a wake-up is lost, a
 * wait reaches its deadline although there was something to do. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/mem_wire.h>

enum { PACKETS = 50000, SLOTS = 1 };
static const uint64_t patience_ns = 5000000000u;

static atomic_int failures;

static void fail(const char *what, uint64_t packet)
{
    fprintf(stderr, "race_mem_link: %s at packet %llu\n", what, (unsigned long long)packet);
    atomic_fetch_add(&failures, 1);
}

static size_t length_of(uint64_t packet)
{
    return 8 + packet * 7 % 57;
}

/* Waits up to about 100 us, which is longer than a wake-up takes. Without this wait, the steps of the two ends would
 * always follow each other in the same few orders. */
static void wait_random_time(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    for (volatile uint64_t i = *state >> 47; i > 0; i--)
        ;
}

/* Pins the thread to a CPU. If two threads wake each other, the scheduler often puts them on one CPU, and there no race
 * happens. */
static void pin_to_cpu(int nth)
{
    cpu_set_t allowed, one;

    sched_getaffinity(0, sizeof allowed, &allowed);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || nth-- > 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

static void *produce(void *arg)
{
    struct spead_mem_link *link = arg;
    struct speadi_wake_fd wake_fd;
    uint8_t bytes[64];
    uint64_t random_state = 1;

    pin_to_cpu(1);
    speadi_wake_fd_open(&wake_fd);
    speadi_mem_wire_set_producer_wake_fd(link, &wake_fd);
    for (uint64_t packet = 0; packet < PACKETS && !atomic_load(&failures);) {
        memset(bytes, (int)packet, sizeof bytes);
        memcpy(bytes, &packet, 8);
        wait_random_time(&random_state);
        if (spead_mem_link_push(link, bytes, length_of(packet)) == 0) {
            packet++;
        } else if (speadi_mem_wire_producer_may_sleep(link)) {
            uint64_t deadline = speadi_clock_mono_ns() + patience_ns;

            speadi_wake_fd_wait(&wake_fd, NULL, 0, 0, deadline);
            if (speadi_clock_mono_ns() >= deadline)
                fail("the producer was not woken", packet);
        }
    }
    speadi_mem_wire_set_producer_wake_fd(link, NULL);
    speadi_wake_fd_close(&wake_fd);
    spead_mem_link_close(link);
    spead_mem_link_unref(link);
    return NULL;
}

static void check(uint64_t expected, const uint8_t *bytes, uint32_t length)
{
    uint64_t packet;

    memcpy(&packet, bytes, 8);
    if (packet != expected || length != length_of(packet))
        fail("out of order", expected);
    for (uint32_t i = 8; i < length; i++)
        if (bytes[i] != (uint8_t)packet) {
            fail("torn", expected);
            return;
        }
}

static uint64_t consume(struct spead_mem_link *link)
{
    struct speadi_wake_fd wake_fd;
    uint64_t packets = 0, random_state = 2;

    pin_to_cpu(0);
    speadi_wake_fd_open(&wake_fd);
    speadi_mem_wire_set_consumer_wake_fd(link, &wake_fd);
    while (!speadi_mem_wire_ended(link) && !atomic_load(&failures)) {
        uint32_t length;
        const uint8_t *bytes;
        size_t count = 0;

        wait_random_time(&random_state);
        while ((bytes = speadi_mem_wire_peek(link, count, &length)) != NULL)
            check(packets + count++, bytes, length);
        speadi_mem_wire_pop(link, count);
        packets += count;
        if (count == 0 && speadi_mem_wire_consumer_may_sleep(link)) {
            uint64_t deadline = speadi_clock_mono_ns() + patience_ns;

            speadi_wake_fd_wait(&wake_fd, NULL, 0, 0, deadline);
            if (speadi_clock_mono_ns() >= deadline)
                fail("the consumer was not woken", packets);
        }
    }
    speadi_mem_wire_set_consumer_wake_fd(link, NULL);
    speadi_wake_fd_close(&wake_fd);
    return packets;
}

int main(void)
{
    struct spead_mem_link *link;
    pthread_t producer;
    uint64_t packets;

    if (spead_mem_link_create(&link, SLOTS, 64, NULL) < 0)
        return 1;
    pthread_create(&producer, NULL, produce, spead_mem_link_ref(link));
    packets = consume(link);
    pthread_join(producer, NULL);
    spead_mem_link_unref(link);
    if (packets != PACKETS)
        fail("packets are missing", packets);
    return atomic_load(&failures) ? 1 : 0;
}
