/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every receive engine tells for each packet who sent it, as recv/engine/rx_engine.h promises.
 * Method: several sockets send to each engine of the library, over IPv4 and IPv6. The test compares the sender of each
 * lent packet with the name of the socket that sent it. The first byte of a packet is the number of its sender.
 * tests/recv/engines/verbs has the same for the engine that bypasses sockets. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <each_engine.h>
#include <rx_rig.h>

#define PACKETS 200u
#define BYTES   300u
#define HEAD    72u
#define SEGMENT 1072u
#define RANGES  8u

static struct rx_rig rig;
static int senders[2];

struct sender_case {
    char engine[TEST_ENGINE_LENGTH];
    char addresses[24];
};

static struct criterion_test_params network_cases(void)
{
    static struct sender_case cases[2 * TEST_ENGINES_MAX];
    char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned engines = test_engines(TEST_RECEIVES, TEST_KERNEL, names);

    for (unsigned i = 0; i < 2 * engines; i++) {
        memcpy(cases[i].engine, names[i / 2], TEST_ENGINE_LENGTH);
        snprintf(cases[i].addresses, sizeof cases[i].addresses, "%s",
                 i % 2 ? "[::1]:%u" : "127.0.0.1:%u");
    }
    return cr_make_param_array(struct sender_case, cases, 2 * engines);
}

/* A test that runs for each engine that reads sockets, over IPv4 and over IPv6. */
#define EVERY_NETWORK_ENGINE(name)                                            \
    static void name(const struct sender_case *c);                            \
    ParameterizedTestParameters(any_sender, name)                             \
    {                                                                         \
        return network_cases();                                               \
    }                                                                         \
    ParameterizedTest(struct sender_case *c, any_sender, name, .timeout = 60) \
    {                                                                         \
        name(c);                                                              \
        rx_rig_close(&rig);                                                   \
    }                                                                         \
    static void name(const struct sender_case *c)

/* Opens the engine and two senders to its first endpoint. */
static void open_rig(const struct sender_case *c, enum spead_receive_path path, const char *fault)
{
    const struct rx_rig_options options = {
        .engine = c->engine, .path = path, .addresses = c->addresses, .fault = fault};

    if (!rx_rig_open(&rig, &options))
        cr_skip_test("%s", rig.reason);
    senders[0] = rig.sender[0];
    senders[1] = rx_rig_other_sender(&rig, &rig.address[0]);
}

static void send_by(unsigned sender, size_t bytes)
{
    static uint8_t data[BYTES];

    data[0] = (uint8_t)sender;
    cr_assert_eq(send(senders[sender], data, bytes, 0), (ssize_t)bytes);
}

static void expect_entries_in_order(void)
{
    cr_expect_leq(rig.burst.from_count, SPEADI_RX_FROM_MAX);
    cr_expect_leq(rig.burst.from_count, rig.burst.count, "each entry was added for a packet");
}

EVERY_NETWORK_ENGINE(each_packet_names_the_socket_that_sent_it)
{
    unsigned got = 0;

    open_rig(c, SPEAD_PATH_BOUNCE, NULL);
    for (unsigned i = 0; i < PACKETS; i++)
        send_by(0, BYTES);
    while (got < PACKETS) {
        cr_assert_gt(rx_rig_poll(&rig), 0, "%u packets came", got);
        cr_expect_eq(rig.burst.from_count, 1u, "one sender has one entry");
        for (unsigned i = 0; i < rig.burst.count; i++, got++)
            cr_assert(rx_rig_is_from(&rig, &rig.burst.packet[i], senders[0]), "packet %u", got);
        rx_rig_give_back(&rig);
    }
}

EVERY_NETWORK_ENGINE(two_senders_that_alternate_are_told_apart_packet_by_packet)
{
    unsigned got = 0;

    open_rig(c, SPEAD_PATH_BOUNCE, NULL);
    for (unsigned i = 0; i < PACKETS; i++)
        send_by(i % 2, BYTES);
    while (got < PACKETS) {
        cr_assert_gt(rx_rig_poll(&rig), 0, "%u packets came", got);
        expect_entries_in_order();
        for (unsigned i = 0; i < rig.burst.count; i++, got++) {
            cr_assert_eq(rig.burst.packet[i].head[0], got % 2);
            cr_assert(rx_rig_is_from(&rig, &rig.burst.packet[i], senders[got % 2]), "packet %u",
                      got);
        }
        rx_rig_give_back(&rig);
    }
}

EVERY_NETWORK_ENGINE(a_train_has_one_entry)
{
    static uint8_t data[30 * SEGMENT + 100];
    unsigned got = 0;

    open_rig(c, SPEAD_PATH_BOUNCE, NULL);
    cr_assert(rx_rig_send_train(&rig, 0, data, sizeof data, SEGMENT));
    while (got < 31) {
        cr_assert_gt(rx_rig_poll(&rig), 0, "%u packets came", got);
        cr_expect_eq(rig.burst.from_count, 1u);
        for (unsigned i = 0; i < rig.burst.count; i++, got++)
            cr_assert(rx_rig_is_from(&rig, &rig.burst.packet[i], senders[0]));
        rx_rig_give_back(&rig);
    }
}

static unsigned receive_placed(unsigned *placed)
{
    unsigned got = 0;

    while (got < RANGES) {
        cr_assert_gt(rx_rig_poll(&rig), 0, "%u packets came", got);
        for (unsigned i = 0; i < rig.burst.count; i++, got++) {
            const struct speadi_rx_packet *packet = &rig.burst.packet[i];

            *placed += packet->place != SPEADI_RX_UNPLACED;
            cr_assert(rx_rig_is_from(&rig, packet, senders[packet->head[0]]));
        }
        rx_rig_give_back(&rig);
    }
    return got;
}

/* An engine can need to see one train before it places payload. So the test sends several trains. */
EVERY_NETWORK_ENGINE(packets_in_reserved_ranges_name_their_sender_too)
{
    static uint8_t data[RANGES * SEGMENT], memory[RANGES * SEGMENT];
    struct speadi_rx_range range[RANGES];
    unsigned placed = 0;

    open_rig(c, SPEAD_PATH_PLACED, NULL);
    for (unsigned i = 0; i < RANGES; i++)
        range[i] = (struct speadi_rx_range){.data = memory + i * SEGMENT, .bytes = SEGMENT - HEAD};
    for (unsigned round = 0; round < 8; round++) {
        unsigned sender = round % 2;

        for (unsigned i = 0; i < RANGES; i++)
            data[i * SEGMENT] = (uint8_t)sender;
        rig.sender[0] = senders[sender];
        cr_assert(rx_rig_send_train(&rig, 0, data, sizeof data, SEGMENT));
        rig.ops->reserve(rig.engine, 0, 0, HEAD, range, RANGES);
        receive_placed(&placed);
    }
    rig.sender[0] = senders[0];
    cr_expect_gt(placed, 0u, "something was placed");
}

EVERY_NETWORK_ENGINE(an_empty_datagram_names_its_sender)
{
    open_rig(c, SPEAD_PATH_BOUNCE, NULL);
    send_by(1, 0);
    cr_assert_eq(rx_rig_poll(&rig), 1);
    cr_expect_eq(rig.burst.packet[0].datagram_bytes, 0u);
    cr_expect(rx_rig_is_from(&rig, &rig.burst.packet[0], senders[1]));
    rx_rig_give_back(&rig);
}

/* Lends everything that the engine and the decorator have. Returns the number of packets. Adds to *named how many
 * packets name the right sender: the one whose number is the first byte. A dropped packet has no bytes, so it is enough
 * if it names one of the two senders. */
static unsigned drain_faults(unsigned packets_min, unsigned *named, unsigned *dropped)
{
    unsigned got = 0;

    while (got < packets_min) {
        if (rx_rig_poll(&rig) <= 0)
            return got;
        expect_entries_in_order();
        for (unsigned i = 0; i < rig.burst.count; i++, got++) {
            const struct speadi_rx_packet *packet = &rig.burst.packet[i];
            bool lost = packet->flags & SPEADI_RX_INJECTED_DROP;

            *dropped += lost;
            *named += lost ? rx_rig_is_from(&rig, packet, senders[0]) ||
                                 rx_rig_is_from(&rig, packet, senders[1])
                           : rx_rig_is_from(&rig, packet, senders[packet->head[0]]);
        }
        rx_rig_give_back(&rig);
    }
    return got;
}

/* Held packets are lent in later bursts, between the packets of other senders. */
EVERY_NETWORK_ENGINE(packets_that_the_fault_decorator_holds_still_name_their_sender)
{
    unsigned named = 0, dropped = 0, got;

    open_rig(c, SPEAD_PATH_BOUNCE, "reorder=40,reorder-chance=0.5,loss=0.1,delay=1ms,seed=11");
    for (unsigned i = 0; i < PACKETS; i++)
        send_by(i / 3 % 2, BYTES);
    got = drain_faults(PACKETS, &named, &dropped);
    cr_expect_eq(got, PACKETS);
    cr_expect_eq(named, got);
    cr_expect_gt(dropped, 0u);
}

EVERY_NETWORK_ENGINE(repeated_packets_name_the_sender_of_the_first)
{
    unsigned named = 0, dropped = 0, got;

    open_rig(c, SPEAD_PATH_BOUNCE, "dup=1,reorder=8,reorder-chance=0.5,seed=5");
    for (unsigned i = 0; i < PACKETS; i++)
        send_by(i % 2, BYTES);
    got = drain_faults(2 * PACKETS, &named, &dropped);
    cr_expect_eq(got, 2 * PACKETS);
    cr_expect_eq(named, got);
}

/* A socket of IPv6 hears IPv4 senders too. Their addresses look the same as on a socket of IPv4. */
ParameterizedTestParameters(any_sender, an_ipv4_sender_to_a_socket_of_both_versions_is_mapped)
{
    return test_each_engine(TEST_RECEIVES, TEST_KERNEL);
}

ParameterizedTest(char (*engine)[TEST_ENGINE_LENGTH], any_sender,
                  an_ipv4_sender_to_a_socket_of_both_versions_is_mapped, .timeout = 60)
{
    const struct rx_rig_options options = {
        .engine = *engine, .path = SPEAD_PATH_BOUNCE, .addresses = "[::]:%u"};
    struct speadi_address v4;
    char text[40];

    if (!rx_rig_open(&rig, &options))
        cr_skip_test("%s", rig.reason);
    snprintf(text, sizeof text, "127.0.0.1:%u", ntohs(rig.address[0].v6.sin6_port));
    cr_assert_eq(speadi_address_parse(&v4, text, SPEADI_ADDRESS_SEND, NULL), 0);
    senders[0] = rx_rig_other_sender(&rig, &v4);
    send_by(0, BYTES);
    cr_assert_eq(rx_rig_poll(&rig), 1);
    cr_expect(rx_rig_is_from(&rig, &rig.burst.packet[0], senders[0]));
    rx_rig_give_back(&rig);
    rx_rig_close(&rig);
}

/* Returns the number of entries that packets of the burst name, and checks that no entry has two sources. */
static unsigned used_entries(void)
{
    bool used[SPEADI_RX_FROM_MAX] = {false};
    unsigned count = 0;

    for (unsigned i = 0; i < rig.burst.count; i++) {
        const struct speadi_rx_packet *packet = &rig.burst.packet[i];

        cr_assert_lt(packet->from, rig.burst.from_count);
        cr_assert_eq(rig.burst.from[packet->from].source, packet->source);
        count += !used[packet->from];
        used[packet->from] = true;
    }
    return count;
}

ParameterizedTestParameters(any_sender, endpoints_never_share_an_entry)
{
    return test_each_engine(TEST_RECEIVES, TEST_MEM | TEST_KERNEL);
}

ParameterizedTest(char (*engine)[TEST_ENGINE_LENGTH], any_sender, endpoints_never_share_an_entry,
                  .timeout = 60)
{
    const struct rx_rig_options options = {
        .engine = *engine, .path = SPEAD_PATH_BOUNCE, .sources = 4};
    static const uint8_t data[BYTES];
    unsigned got = 0;

    if (!rx_rig_open(&rig, &options))
        cr_skip_test("%s", rig.reason);
    for (unsigned i = 0; i < PACKETS; i++)
        cr_assert(rx_rig_send(&rig, i % 4, data, sizeof data));
    while (got < PACKETS) {
        cr_assert_gt(rx_rig_poll(&rig), 0, "%u packets came", got);
        cr_expect_eq(used_entries(), rig.burst.from_count, "each entry has packets");
        cr_expect_leq(rig.burst.from_count, 4u, "one for each endpoint");
        got += rig.burst.count;
        rx_rig_give_back(&rig);
    }
    rx_rig_close(&rig);
}

ParameterizedTestParameters(any_sender, an_engine_without_senders_says_so)
{
    return test_each_engine(TEST_RECEIVES, TEST_MEM | TEST_TEXT);
}

ParameterizedTest(char (*engine)[TEST_ENGINE_LENGTH], any_sender, an_engine_without_senders_says_so,
                  .timeout = 60)
{
    const struct rx_rig_options options = {
        .engine = *engine, .path = SPEAD_PATH_BOUNCE, .sources = 2};
    static const struct speadi_rx_from none;
    static const uint8_t data[BYTES];

    if (!rx_rig_open(&rig, &options))
        cr_skip_test("%s", rig.reason);
    for (unsigned i = 0; i < 6; i++)
        cr_assert(rx_rig_send(&rig, i % 2, data, sizeof data));
    cr_assert_gt(rx_rig_poll(&rig), 0);
    cr_expect_eq(used_entries(), rig.burst.from_count);
    for (unsigned i = 0; i < rig.burst.from_count; i++) {
        cr_expect_not(rig.burst.from[i].sender.known);
        cr_expect_eq(rig.burst.from[i].sender.port, 0);
        cr_expect_arr_eq(rig.burst.from[i].sender.address, none.sender.address,
                         sizeof none.sender.address);
    }
    rx_rig_give_back(&rig);
    rx_rig_close(&rig);
}
