/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: all engines that send datagrams send the same datagrams in the same order, for packets of all sizes. If the
 * kernel reports an error, the engine either reports the error for the right packets, or counts it in icmp_unreachable.
 * Method: each case runs once for each engine, with sockets on loopback. Other tests check full socket buffers and
 * routes that refuse packets, because these need a network namespace. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadi/clock.h>

#include "each_engine.h"
#include "netns.h"
#include "tx_harness.h"

static struct tx_harness h;
static struct tx_packets *packets;

#define FOR_EACH_SENDER(test) TEST_FOR_EACH_SENDER(engine_datagram, test)

static void tear_down(void)
{
    tx_harness_close(&h);
    tx_packets_free(packets);
}

static void start(struct tx_harness_config config, const struct test_sender *sender)
{
    config.engine = sender->engine;
    config.send_path = sender->path;
    if (!tx_harness_open(&h, &config))
        cr_skip_test("engine %s cannot run here", sender->engine);
    packets = tx_packets_make(4096);
}

FOR_EACH_SENDER(packets_of_all_sizes_arrive_in_order)
{
    static const uint32_t sizes[] = {49, 56, 57, 1000, 1472, 1472, 8972, 8972, 8972, 65507, 65506};

    start((struct tx_harness_config){0}, sender);
    for (unsigned i = 0; i < 220; i++)
        tx_packets_add(packets, sizes[i * 7 / 3 % 11], 0);
    tx_harness_send(&h, packets);
    tx_harness_expect(&h, packets);
    tear_down();
}

FOR_EACH_SENDER(long_runs_of_equal_packets_arrive_in_order)
{
    struct speadi_tx_counters counters;

    start((struct tx_harness_config){0}, sender);
    for (unsigned i = 0; i < 3000; i++)
        tx_packets_add(packets, i % 1000 == 999 ? 100 : 1472, 0);
    tx_harness_send(&h, packets);
    tx_harness_expect(&h, packets);
    h.ops->counters(h.state, &counters);
    cr_expect_lt(counters.messages, 100, "%s: %lu messages for 3000 packets: no trains",
                 sender->engine, counters.messages);
    tear_down();
}

FOR_EACH_SENDER(each_destination_gets_its_own_packets)
{
    start((struct tx_harness_config){.sinks = 3}, sender);
    for (unsigned i = 0; i < 900; i++)
        tx_packets_add(packets, 500 + i, (uint16_t)(i / 7 % 3));
    tx_harness_send(&h, packets);
    tx_harness_expect(&h, packets);
    tear_down();
}

FOR_EACH_SENDER(ipv6_carries_the_same)
{
    start((struct tx_harness_config){.v6 = true}, sender);
    for (unsigned i = 0; i < 400; i++)
        tx_packets_add(packets, i < 300 ? 1452 : 60000, 0);
    tx_harness_send(&h, packets);
    tx_harness_expect(&h, packets);
    tear_down();
}

FOR_EACH_SENDER(packets_of_thousands_of_pieces_arrive_whole)
{
    start((struct tx_harness_config){0}, sender);
    tx_packets_add_pieces(packets, 9000, 0, 1500);
    tx_packets_add_pieces(packets, 9000, 0, 3000);
    tx_packets_add(packets, 9000, 0);
    tx_harness_send(&h, packets);
    tx_harness_expect(&h, packets);
    tear_down();
}

FOR_EACH_SENDER(a_packet_no_datagram_can_carry_fails_alone)
{
    start((struct tx_harness_config){0}, sender);
    tx_packets_add(packets, 65507, 0);
    tx_packets_add(packets, 65508, 0);
    tx_packets_add(packets, 1000, 0);
    tx_harness_send(&h, packets);
    cr_expect_eq(h.error[0], 0, "%s: %d", sender->engine, h.error[0]);
    cr_expect_eq(h.error[1], -EMSGSIZE, "%s: %d", sender->engine, h.error[1]);
    cr_expect_eq(h.error[2], 0, "%s: %d", sender->engine, h.error[2]);
    tear_down();
}

FOR_EACH_SENDER(a_closed_port_is_counted_and_fails_nothing)
{
    struct speadi_tx_counters counters;

    start((struct tx_harness_config){0}, sender);
    close(h.sink[0].fd);
    h.sink[0].fd = -1;
    for (unsigned i = 0; i < 40; i++)
        /* Each packet is longer than the packet before it, so the engine cannot build trains. */
        tx_packets_add(packets, 1000 + 8 * i, 0);
    tx_harness_send(&h, packets);
    for (unsigned i = 0; i < 40; i++)
        cr_expect_eq(h.error[i], 0, "%s: packet %u: %d", sender->engine, i, h.error[i]);
    h.ops->counters(h.state, &counters);
    cr_expect_eq(counters.messages, 40, "%s: %lu messages", sender->engine, counters.messages);
    /* On loopback the ICMP packet for a datagram arrives before the next system call. It is possible that the socket
     * engine misses the first ICMP packet. */
    cr_expect(counters.icmp_unreachable >= 38 && counters.icmp_unreachable <= 40,
              "%s: %lu refusals of 40", sender->engine, counters.icmp_unreachable);
    tear_down();
}

static void *wake_later(void *arg)
{
    const struct tx_harness *it = arg;

    usleep(20000);
    it->ops->wake(it->state);
    return NULL;
}

FOR_EACH_SENDER(a_wake_ends_a_wait_from_another_thread_and_from_before)
{
    pthread_t thread;

    start((struct tx_harness_config){0}, sender);
    pthread_create(&thread, NULL, wake_later, &h);
    h.ops->wait(h.state, UINT64_MAX, false);
    pthread_join(thread, NULL);
    h.ops->wake(h.state);
    h.ops->wait(h.state, UINT64_MAX, false);
    tear_down();
}

FOR_EACH_SENDER(a_wait_ends_at_its_deadline)
{
    uint64_t deadline = speadi_clock_mono_ns() + 5000000;

    start((struct tx_harness_config){0}, sender);
    h.ops->wait(h.state, deadline, false);
    cr_expect_geq(speadi_clock_mono_ns(), deadline, "%s", sender->engine);
    tear_down();
}
