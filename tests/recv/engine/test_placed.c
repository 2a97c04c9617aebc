/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: on the placed path, payload lands in the reserved ranges. A packet that is not as predicted is lent whole.
 * Method: the test offers ranges to every engine, with guard bytes around the ranges. It sends packets that are as
 * predicted and packets that are not. It compares each lent packet with what was sent, its body with its range, and the
 * number of ended reservations with the rules of rx_engine.h. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdlib.h>
#include <string.h>

#include <engine_names.h>
#include <rx_mem.h>
#include <rx_rig.h>
#include <speadi/clock.h>

#define HEAD       72u
#define PAYLOAD    4096u
#define PACKET     (HEAD + PAYLOAD)
#define RANGES     14u
#define GUARD      64u
#define GUARD_BYTE 0xa5
#define STRIDE     (PAYLOAD + GUARD)

static struct rx_rig rig;
static uint8_t data[1u << 20], memory[GUARD + RANGES * STRIDE];
static struct speadi_rx_range range[RANGES];
/* For each reservation that has not ended: the address of its range. */
static const uint8_t *given[SPEADI_RX_RESERVE_MAX];
static uint64_t accepted, ended;

static void open_rig(const char *engine, unsigned sources)
{
    const struct rx_rig_options options = {
        .engine = engine, .path = SPEAD_PATH_PLACED, .sources = sources};

    if (!rx_rig_open(&rig, &options))
        cr_skip_test("%s", rig.reason);
    memset(memory, GUARD_BYTE, sizeof memory);
    for (unsigned i = 0; i < RANGES; i++)
        range[i] = (struct speadi_rx_range){.data = memory + GUARD + i * STRIDE, .bytes = PAYLOAD};
}

static unsigned reserve(unsigned source, unsigned first, unsigned count)
{
    unsigned got = rig.ops->reserve(rig.engine, (uint16_t)source, 0, HEAD, &range[first], count);

    cr_assert_leq(got, count);
    for (unsigned i = 0; i < got; i++)
        given[accepted++ % SPEADI_RX_RESERVE_MAX] = range[first + i].data;
    return got;
}

static void close_rig(void)
{
    for (unsigned i = 0; i <= RANGES; i++)
        for (unsigned k = 0; k < GUARD; k++)
            cr_assert_eq(memory[i * STRIDE + k], GUARD_BYTE, "written before range %u", i);
    rx_rig_close(&rig);
}

static struct criterion_test_params engines_that_place(void)
{
    static char places[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned engines = test_engines(TEST_RECEIVES, TEST_MEM | TEST_KERNEL, names), count = 0;

    for (unsigned i = 0; i < engines; i++)
        if (speadi_rx_engine_find(names[i])->caps & SPEADI_RX_CAP_PLACED)
            memcpy(places[count++], names[i], sizeof names[i]);
    return cr_make_param_array(char[TEST_ENGINE_LENGTH], places, count);
}

#define EVERY_ENGINE(name)                                             \
    static void name(const char *engine);                              \
    ParameterizedTestParameters(placed, name)                          \
    {                                                                  \
        return engines_that_place();                                   \
    }                                                                  \
    ParameterizedTest(char(*engine)[TEST_ENGINE_LENGTH], placed, name) \
    {                                                                  \
        name(*engine);                                                 \
        close_rig();                                                   \
    }                                                                  \
    static void name(const char *engine)

static unsigned check_packet(const struct speadi_rx_packet *p, const uint8_t *sent, size_t bytes)
{
    cr_assert(rx_rig_packet_is(p, sent, bytes), "packet of %zu bytes at %td", bytes, sent - data);
    if (p->place == SPEADI_RX_UNPLACED)
        return 0;
    cr_assert_geq(p->place, ended);
    cr_assert_lt(p->place, rig.burst.reservations_ended[0], "ended with the burst");
    cr_assert_eq(p->body, given[p->place % SPEADI_RX_RESERVE_MAX]);
    cr_assert_eq(p->head_bytes, HEAD);
    return 1;
}

/* Receives one burst. The expected packets lie one behind another at `sent`. Each packet has `segment` bytes; the last
 * packet can be shorter. Returns how many bytes came, and adds to *placed how many packets were placed. */
static size_t receive_burst(const uint8_t *sent, size_t bytes, size_t segment, unsigned *placed)
{
    int count = rx_rig_poll(&rig);
    size_t at = 0;

    cr_assert_gt(count, 0, "nothing came at %td", sent - data);
    cr_assert_geq(rig.burst.reservations_ended[0], ended, "they never come back");
    cr_assert_leq(rig.burst.reservations_ended[0], accepted);
    for (int i = 0; i < count; i++) {
        size_t part = bytes - at < segment ? bytes - at : segment;

        *placed += check_packet(&rig.burst.packet[i], sent + at, part);
        at += part;
    }
    ended = rig.burst.reservations_ended[0];
    rx_rig_give_back(&rig);
    return at;
}

static unsigned receive(const uint8_t *sent, size_t bytes, size_t segment)
{
    unsigned placed = 0;

    for (size_t at = 0; at < bytes;)
        at += receive_burst(sent + at, bytes - at, segment, &placed);
    return placed;
}

/* Sends and receives one train, in which each packet has `segment` bytes. Returns how many packets were placed. */
static unsigned send_and_receive(size_t bytes, size_t segment, uint32_t seed)
{
    rx_rig_fill(data, bytes, seed);
    cr_assert(rx_rig_send_train(&rig, 0, data, bytes, segment));
    return receive(data, bytes, segment);
}

/* Takes back all outstanding reservations. The next poll must report them as ended. */
static void unreserve(void)
{
    rig.ops->unreserve(rig.engine);
    cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    cr_assert_eq(rig.burst.reservations_ended[0], accepted);
    ended = accepted;
}

EVERY_ENGINE(packets_as_predicted_land_in_place)
{
    open_rig(engine, 1);
    cr_assert_eq(reserve(0, 0, RANGES), RANGES);
    cr_expect_eq(send_and_receive(RANGES * PACKET, PACKET, 1), RANGES);
    cr_expect_eq(ended, accepted);
}

EVERY_ENGINE(reservations_go_on_burst_after_burst)
{
    unsigned placed = 0;

    open_rig(engine, 1);
    for (unsigned round = 0; round < 40; round++) {
        cr_assert_eq(reserve(0, round % 2 ? 7 : 0, 7), 7);
        placed += send_and_receive(7 * PACKET, PACKET, round);
        cr_expect_eq(ended, accepted);
    }
    cr_expect_eq(placed, 40 * 7);
}

EVERY_ENGINE(a_shorter_last_packet_still_lies_in_place)
{
    open_rig(engine, 1);
    reserve(0, 0, 4);
    cr_expect_eq(send_and_receive(2 * PACKET + 1000, PACKET, 3), 3);
}

EVERY_ENGINE(more_packets_than_ranges_are_lent_whole)
{
    open_rig(engine, 1);
    reserve(0, 0, 3);
    cr_expect_eq(send_and_receive(12 * PACKET, PACKET, 4), 3);
}

EVERY_ENGINE(packets_of_other_sizes_are_lent_whole)
{
    static const size_t sizes[] = {1, 71, 72, 73, 1472, PACKET - 1, PACKET + 1, 8972, 25000};

    open_rig(engine, 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        reserve(0, 0, 4);
        send_and_receive(2 * sizes[i] + sizes[i] / 2 + 1, sizes[i], 5 + (uint32_t)i);
        unreserve();
    }
}

EVERY_ENGINE(single_packets_land_in_place_once_they_are_known_to_be_single)
{
    unsigned placed = 0;

    open_rig(engine, 1);
    for (unsigned round = 0; round < 40; round++) {
        rx_rig_fill(data, 7 * PACKET, round);
        for (unsigned i = 0; i < 7; i++)
            cr_assert(rx_rig_send(&rig, 0, data + i * PACKET, PACKET));
        for (size_t at = 0; at < 7 * PACKET;) {
            if (ended == accepted)
                reserve(0, 0, 7 - (unsigned)(at / PACKET));
            at += receive_burst(data + at, 7 * PACKET - at, PACKET, &placed);
        }
    }
    cr_expect_geq(placed, 7 * 30, "%u of 280", placed);
}

/* The engine does not look into packets. So if two packets are lost, each later packet lands two ranges too early. */
EVERY_ENGINE(whatever_comes_takes_the_places_in_order)
{
    open_rig(engine, 1);
    rx_rig_fill(data, 7 * PACKET, 6);
    reserve(0, 0, 7);
    cr_assert(rx_rig_send_train(&rig, 0, data + 2 * PACKET, 5 * PACKET, PACKET));
    cr_expect_eq(receive(data + 2 * PACKET, 5 * PACKET, PACKET), 5);
}

EVERY_ENGINE(a_train_after_a_train_is_lent_in_order)
{
    open_rig(engine, 1);
    reserve(0, 0, 5);
    rx_rig_fill(data, 40 * PACKET, 7);
    for (unsigned i = 0; i < 8; i++)
        cr_assert(rx_rig_send_train(&rig, 0, data + i * 5 * PACKET, 5 * PACKET, PACKET));
    receive(data, 40 * PACKET, PACKET);
}

EVERY_ENGINE(two_sources_have_places_of_their_own)
{
    uint64_t second;
    unsigned seen = 0;

    open_rig(engine, 2);
    reserve(0, 0, 4);
    second = accepted;
    reserve(1, 4, 4);
    rx_rig_fill(data, 6 * PACKET, 8);
    cr_assert(rx_rig_send_train(&rig, 1, data + 3 * PACKET, 3 * PACKET, PACKET));
    cr_assert(rx_rig_send_train(&rig, 0, data, 3 * PACKET, PACKET));
    while (seen < 6) {
        int count = rx_rig_poll(&rig);

        cr_assert_gt(count, 0);
        for (int i = 0; i < count; i++, seen++) {
            const struct speadi_rx_packet *p = &rig.burst.packet[i];
            bool of_second = p->place >= second;

            if (p->place == SPEADI_RX_UNPLACED)
                continue;
            cr_expect_eq(of_second, p->source == 1);
            cr_expect_eq(p->body, given[p->place % SPEADI_RX_RESERVE_MAX]);
        }
        rx_rig_give_back(&rig);
    }
}

EVERY_ENGINE(reservations_taken_back_are_no_longer_written)
{
    open_rig(engine, 1);
    reserve(0, 0, 7);
    unreserve();
    cr_expect_eq(send_and_receive(7 * PACKET, PACKET, 9), 0);
    for (size_t i = 0; i < sizeof memory; i++)
        cr_assert_eq(memory[i], GUARD_BYTE);
    reserve(0, 7, 7);
    cr_expect_eq(send_and_receive(7 * PACKET, PACKET, 10), 7, "and new ones are");
}

EVERY_ENGINE(data_that_race_with_taking_back_are_lent_by_the_next_poll)
{
    open_rig(engine, 1);
    for (unsigned round = 0; round < 20; round++) {
        reserve(0, 0, 7);
        cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
        ended = rig.burst.reservations_ended[0];
        rx_rig_fill(data, 7 * PACKET, round);
        cr_assert(rx_rig_send_train(&rig, 0, data, 7 * PACKET, PACKET));
        /* In every second round the packets have arrived before unreserve() is called. */
        if (round % 2)
            rig.ops->wait(rig.engine, UINT64_MAX);
        rig.ops->unreserve(rig.engine);
        /* After unreserve() the engine must not write to the ranges. */
        memset(memory, GUARD_BYTE, sizeof memory);
        receive(data, 7 * PACKET, PACKET);
        cr_assert_eq(ended, accepted);
    }
}

EVERY_ENGINE(after_quiesce_nothing_is_written_and_what_came_is_still_lent)
{
    open_rig(engine, 1);
    reserve(0, 0, 7);
    cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    ended = rig.burst.reservations_ended[0];
    rx_rig_fill(data, 14 * PACKET, 11);
    cr_assert(rx_rig_send_train(&rig, 0, data, 7 * PACKET, PACKET));
    rig.ops->quiesce(rig.engine);
    receive(data, 7 * PACKET, PACKET);
    memset(memory, GUARD_BYTE, sizeof memory);
    cr_assert(rx_rig_send_train(&rig, 0, data + 7 * PACKET, 7 * PACKET, PACKET));
    receive(data + 7 * PACKET, 7 * PACKET, PACKET);
    for (size_t i = 0; i < sizeof memory; i++)
        cr_assert_eq(memory[i], GUARD_BYTE);
}

EVERY_ENGINE(heads_too_long_to_predict_are_refused)
{
    open_rig(engine, 1);
    cr_expect_eq(rig.ops->reserve(rig.engine, 0, 0, 0, range, 1), 0);
    cr_expect_eq(rig.ops->reserve(rig.engine, 0, 0, 65536, range, 1), 0);
    cr_expect_eq(send_and_receive(PACKET, PACKET, 12), 0);
}

/* ---- An engine that posts receives early, as a NIC does ------------------------------------ */

Test(placed_mem, reservations_stay_outstanding_over_polls_and_end_in_order)
{
    open_rig("mem", 1);
    speadi_rx_mem_set_poll_max(rig.engine, 3);
    cr_assert_eq(reserve(0, 0, 7), 7);
    rx_rig_fill(data, 7 * PACKET, 13);
    cr_assert(rx_rig_send_train(&rig, 0, data, 7 * PACKET, PACKET));
    cr_assert_eq(receive(data, 3 * PACKET, PACKET), 3);
    cr_expect_eq(ended, 3);
    cr_assert_eq(reserve(0, 7, 3), 3);
    cr_expect_eq(receive(data + 3 * PACKET, 4 * PACKET, PACKET), 4);
    cr_expect_eq(ended, 7);
    close_rig();
}

Test(placed_mem, the_window_bounds_what_is_outstanding)
{
    open_rig("mem", 1);
    speadi_rx_mem_set_window(rig.engine, 4);
    cr_expect_eq(reserve(0, 0, 7), 4);
    cr_expect_eq(reserve(0, 4, 3), 0);
    cr_expect_eq(send_and_receive(2 * PACKET, PACKET, 14), 2);
    cr_expect_eq(reserve(0, 4, 3), 2);
    close_rig();
}
