/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the mem engine copies packets onto memory links without a change. If a link is full or closed, the engine
 * reports it.
 * Method: the test reads the packets at the other end of each link. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <speadi/mem_wire.h>

#include "tx_harness.h"

static struct tx_harness h;
static struct tx_packets *packets;

static void tear_down(void)
{
    tx_harness_close(&h);
    tx_packets_free(packets);
}

TestSuite(tx_mem_send, .fini = tear_down);

static void set_up(unsigned sinks, uint32_t link_packets)
{
    packets = tx_packets_make(1024);
    tx_harness_open(&h, &(struct tx_harness_config){
                            .engine = "mem", .sinks = sinks, .link_packets = link_packets});
}

Test(tx_mem_send, packets_arrive_in_order_on_their_links)
{
    set_up(3, 0);
    for (unsigned i = 0; i < 500; i++)
        tx_packets_add(packets, 49 + i * 13, (uint16_t)(i % 3));
    tx_packets_add(packets, 65507, 2);
    tx_harness_send(&h, packets);
    tx_harness_expect(&h, packets);
}

Test(tx_mem_send, a_full_link_is_no_room_and_nothing_is_lost)
{
    uint8_t got[64];

    set_up(1, 4);
    for (unsigned i = 0; i < 10; i++)
        tx_packets_add(packets, 60, 0);
    cr_expect_eq(h.ops->send(h.state, packets->packet, 10), 4);
    cr_expect_eq(h.ops->send(h.state, packets->packet + 4, 6), 0);
    cr_expect_eq(tx_harness_reap(&h), 4);
    cr_expect_eq(tx_harness_receive(&h, 0, got, sizeof got), 60);
    cr_expect_eq(h.ops->send(h.state, packets->packet + 4, 6), 1, "one slot was given back");
}

static void *make_room_later(void *arg)
{
    usleep(20000);
    speadi_mem_wire_pop(arg, 1);
    return NULL;
}

Test(tx_mem_send, room_ends_a_wait_for_room, .timeout = 10)
{
    pthread_t thread;

    set_up(1, 1);
    tx_packets_add(packets, 60, 0);
    tx_packets_add(packets, 60, 0);
    cr_assert_eq(h.ops->send(h.state, packets->packet, 2), 1);
    tx_harness_reap(&h);
    pthread_create(&thread, NULL, make_room_later, h.sink[0].link);
    h.ops->wait(h.state, UINT64_MAX, true);
    cr_expect_eq(h.ops->send(h.state, packets->packet + 1, 1), 1);
    pthread_join(thread, NULL);
}

Test(tx_mem_send, a_closed_link_fails_its_packets_only)
{
    set_up(2, 0);
    spead_mem_link_close(h.sink[0].link);
    tx_packets_add(packets, 60, 0);
    tx_packets_add(packets, 60, 1);
    tx_harness_send(&h, packets);
    cr_expect_eq(h.error[0], -EPIPE);
    cr_expect_eq(h.error[1], 0);
}
