/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that many tests of the verbs receive engine use. They open one engine, send one packet, or receive one
 * packet. */
#ifndef TEST_VERBS_RX_USUAL_H
#define TEST_VERBS_RX_USUAL_H

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "rx_rig.h"
#include "verbs_rx_expect.h"

enum { PAYLOAD = 1000 };

/* The engine of the test, and the packet that was sent last. */
static struct verbs_rx_rig rig;
static uint8_t sent[PAYLOAD];

static inline void tear_down(void)
{
    verbs_rx_close(&rig);
}

static inline void open_usual(void)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){0});
}

static inline void send_one(unsigned endpoint, uint32_t seed)
{
    rx_rig_fill(sent, sizeof sent, seed);
    cr_assert(verbs_rx_rig_send(&rig, endpoint, sent, sizeof sent), "%s", strerror(errno));
}

static inline const struct speadi_rx_packet *take_one(void)
{
    int count = verbs_rx_rig_poll(&rig);

    cr_assert_eq(count, 1, "poll says %d", count);
    return &rig.burst.packet[0];
}

/* Sends one packet and asserts that it arrives unchanged. */
static inline void assert_comes(unsigned endpoint, uint32_t seed)
{
    const struct speadi_rx_packet *packet;

    send_one(endpoint, seed);
    packet = take_one();
    cr_assert(rx_rig_packet_is(packet, sent, sizeof sent), "flags %u bucket %u", packet->flags,
              packet->bucket);
    cr_assert_eq(packet->source, endpoint);
    verbs_rx_rig_give_back(&rig);
}

static inline struct speadi_rx_counters counters(void)
{
    struct speadi_rx_counters c;

    rig.ops->counters(rig.engine, &c);
    return c;
}

#endif
