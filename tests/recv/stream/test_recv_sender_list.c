/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a program learns from a running stream which of its senders sends what, and the numbers of all senders add up.
 * Method: a scripted engine lends packets from several addresses; the tests read the list of senders between polls. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "recv_rig.h"

#define SECOND 1000000000u
#define ROWS   8

static struct recv_rig rig;
static struct spead_recv_sender row[ROWS], forgotten;

static void make_rig(void)
{
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_sender_list, .init = make_rig, .fini = close_rig);

static struct script_packet *from(struct script_packet *packet, uint8_t host, uint16_t port)
{
    packet->from = speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, host}, port);
    return packet;
}

/* Queues one of the four packets of a heap of 64 bytes. */
static struct script_packet *piece(uint64_t counter, unsigned number, uint8_t host, uint16_t port)
{
    return from(recv_rig_data(&rig, counter, 64, number * 16u, 16), host, port);
}

static void heap_from(uint64_t counter, uint8_t host, uint16_t port)
{
    for (unsigned number = 0; number < 4; number++)
        piece(counter, number, host, port);
}

/* Reads the list. Returns how many senders the stream knows. */
static int list(void)
{
    row[0] = forgotten = (struct spead_recv_sender)SPEAD_RECV_SENDER_INIT;
    return spead_recv_stream_senders(rig.stream, row, ROWS, &forgotten);
}

static const char *name(const struct spead_recv_sender *sender)
{
    static char text[SPEAD_SENDER_ADDRESS_TEXT_MAX];

    return spead_sender_address_format(&sender->address, text);
}

/* The sums over the list and the forgotten senders. */
static struct spead_recv_sender sums(void)
{
    struct spead_recv_sender sum;
    int count = list();

    cr_assert_leq(count, ROWS);
    sum = forgotten;
    for (int i = 0; i < count; i++) {
        sum.senders += row[i].senders;
        sum.packets += row[i].packets;
        sum.payload_bytes += row[i].payload_bytes;
        sum.heaps_complete += row[i].heaps_complete;
        sum.heaps_incomplete += row[i].heaps_incomplete;
        sum.missing_packets += row[i].missing_packets;
        sum.missing_heaps += row[i].missing_heaps;
        sum.restarts += row[i].restarts;
    }
    return sum;
}

/* Expects that the sums are those of the counters of the stream. */
static void expect_that_it_adds_up(void)
{
    const struct spead_recv_counters *counters = &rig.stats.counters;
    const struct spead_recv_sender sum = sums();

    cr_expect_eq(sum.senders, counters->senders + counters->senders_replaced);
    cr_expect_eq(sum.missing_packets, counters->missing_packets);
    cr_expect_eq(sum.missing_heaps, counters->missing_heaps);
    cr_expect_eq(sum.restarts, counters->sender_restarts);
    cr_expect_eq(sum.heaps_complete, counters->heaps_complete + counters->heaps_shed);
    cr_expect_eq(sum.heaps_incomplete,
                 counters->heaps_evicted + counters->heaps_timed_out + counters->heaps_flushed);
}

/* ---- What is told of a sender --------------------------------------------------------------- */

Test(recv_sender_list, before_the_first_packet_there_is_no_sender)
{
    recv_rig_open(&rig);
    cr_expect_eq(list(), 0);
    cr_expect_eq(forgotten.senders, 0u);
}

Test(recv_sender_list, each_sender_has_its_packets_and_its_heaps)
{
    recv_rig_open(&rig);
    heap_from(1, 1, 7000);
    heap_from(2, 1, 7000);
    heap_from(1, 2, 7000);
    recv_rig_run(&rig);
    cr_assert_eq(list(), 2);
    cr_expect_str_eq(name(&row[0]), "192.0.2.1:7000");
    cr_expect_eq(row[0].senders, 1u);
    cr_expect_eq(row[0].packets, 8u);
    cr_expect_eq(row[0].payload_bytes, 128u);
    cr_expect_eq(row[0].heaps_complete, 2u);
    cr_expect_str_eq(name(&row[1]), "192.0.2.2:7000");
    cr_expect_eq(row[1].packets, 4u);
    expect_that_it_adds_up();
}

Test(recv_sender_list, what_is_missing_is_told_of_the_sender_that_lost_it)
{
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 9; counter++)
        if (counter != 4 && counter != 5)
            heap_from(counter, 1, 7000);
    heap_from(1, 2, 7000);
    piece(2, 0, 2, 7000);
    recv_rig_stop(&rig);
    cr_assert_eq(list(), 2);
    cr_expect_eq(row[0].missing_heaps, 2u);
    cr_expect_eq(row[0].missing_packets, 0u);
    cr_expect_eq(row[1].missing_heaps, 0u);
    cr_expect_eq(row[1].missing_packets, 3u);
    cr_expect_eq(row[1].heaps_incomplete, 1u);
    expect_that_it_adds_up();
}

Test(recv_sender_list, the_times_of_the_first_and_the_last_packet_are_told)
{
    recv_rig_open(&rig);
    heap_from(1, 1, 7000);
    recv_rig_run(&rig);
    cr_assert_eq(list(), 1);
    cr_expect_neq(row[0].first_packet_mono_ns, 0u);
    cr_expect_eq(row[0].first_packet_mono_ns, rig.stats.counters.first_packet_mono_ns);
    cr_expect_eq(row[0].last_packet_mono_ns, row[0].first_packet_mono_ns);
    piece(2, 0, 1, 7000);
    recv_rig_run(&rig);
    cr_assert_eq(list(), 1);
    cr_expect_eq(row[0].last_packet_mono_ns, rig.stats.counters.last_packet_mono_ns);
}

Test(recv_sender_list, a_sender_that_is_started_anew_stays_one_sender)
{
    rig.ops = &script_clock_ops;
    rig.engine->clock_ns = SECOND;
    recv_rig_open(&rig);
    heap_from(1, 1, 7000);
    recv_rig_run(&rig);
    rig.engine->clock_ns += 5ull * SECOND;
    heap_from(1, 1, 7000);
    recv_rig_run(&rig);
    cr_assert_eq(list(), 1);
    cr_expect_eq(row[0].restarts, 1u);
    cr_expect_eq(row[0].heaps_complete, 2u);
    expect_that_it_adds_up();
}

Test(recv_sender_list, a_sender_behind_a_new_port_of_its_router_is_a_second_sender)
{
    recv_rig_open(&rig);
    heap_from(1, 1, 7000);
    heap_from(2, 1, 41000);
    recv_rig_run(&rig);
    cr_assert_eq(list(), 2);
    cr_expect_str_eq(name(&row[1]), "192.0.2.1:41000");
    expect_that_it_adds_up();
}

Test(recv_sender_list, a_stop_item_is_told)
{
    rig.config.stop_count = 2;
    recv_rig_open(&rig);
    heap_from(1, 1, 7000);
    from(recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP), 1, 7000);
    recv_rig_run(&rig);
    cr_assert_eq(list(), 1);
    cr_expect(row[0].stopped);
    cr_expect_eq(row[0].heaps_complete, 1u, "a control heap is not counted");
}

/* ---- What makes a sender -------------------------------------------------------------------- */

Test(recv_sender_list, by_address_the_ports_of_a_striped_sender_are_one_sender)
{
    rig.config.sender_key = SPEAD_SENDER_KEY_ADDRESS;
    recv_rig_open(&rig);
    for (unsigned number = 0; number < 4; number++)
        piece(1, number, 1, (uint16_t)(7000 + number));
    recv_rig_run(&rig);
    cr_assert_eq(list(), 1);
    cr_expect_eq(row[0].packets, 4u);
    cr_expect_eq(row[0].heaps_complete, 1u);
    expect_that_it_adds_up();
}

Test(recv_sender_list, a_sender_to_two_endpoints_is_told_at_each_of_them)
{
    rig.sources = 2;
    recv_rig_open(&rig);
    heap_from(1, 1, 7000);
    for (unsigned number = 0; number < 4; number++)
        piece(1, number, 1, 7000)->source = 1;
    recv_rig_run(&rig);
    cr_assert_eq(list(), 2);
    cr_expect_eq(row[0].source, 0u);
    cr_expect_eq(row[1].source, 1u);
    cr_expect_str_eq(name(&row[1]), "192.0.2.1:7000");
    expect_that_it_adds_up();
}

Test(recv_sender_list, a_sender_has_its_ipv6_address)
{
    static const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 9};

    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 16, 0, 16)->from = speadi_rx_from_v6(0, address, 7000);
    recv_rig_run(&rig);
    cr_assert_eq(list(), 1);
    cr_expect_str_eq(name(&row[0]), "[2001:db8::9]:7000");
}

Test(recv_sender_list, packets_without_an_address_are_of_one_unknown_sender)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 16, 0, 16);
    recv_rig_data(&rig, 2, 16, 0, 16);
    recv_rig_run(&rig);
    cr_assert_eq(list(), 1);
    cr_expect_not(row[0].address.known);
    cr_expect_eq(row[0].heaps_complete, 2u);
}

/* ---- More senders than places --------------------------------------------------------------- */

/* Each of the senders loses a packet and a heap. */
static void lose_from_each(unsigned senders)
{
    for (unsigned i = 1; i <= senders; i++) {
        for (uint64_t counter = 1; counter <= 9; counter++)
            for (unsigned number = counter == 2; number < 4 && counter != 5; number++)
                piece(counter, number, (uint8_t)i, 7000);
        recv_rig_run(&rig);
    }
}

Test(recv_sender_list, senders_that_lost_their_place_are_summed)
{
    rig.config.senders_max = 2;
    rig.config.live_heaps_max = 1;
    recv_rig_open(&rig);
    lose_from_each(5);
    cr_expect_eq(list(), 2);
    cr_expect_eq(forgotten.senders, 3u);
    cr_expect_eq(forgotten.missing_packets, 3u);
    cr_expect_eq(forgotten.missing_heaps, 3u);
    cr_expect_eq(forgotten.heaps_complete, 3 * 7u);
    cr_expect_eq(forgotten.heaps_incomplete, 3u);
    cr_expect_not(forgotten.address.known);
    expect_that_it_adds_up();
}

Test(recv_sender_list, a_late_packet_is_not_missing_any_more)
{
    rig.config.live_heaps_max = 1;
    recv_rig_open(&rig);
    for (unsigned number = 1; number < 4; number++)
        piece(1, number, 1, 7000);
    heap_from(2, 1, 7000);
    recv_rig_run(&rig);
    cr_assert_eq(list(), 1);
    cr_expect_eq(row[0].missing_packets, 1u);
    piece(1, 0, 1, 7000);
    recv_rig_run(&rig);
    cr_assert_eq(list(), 1);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_LATE), 1u);
    cr_expect_eq(row[0].missing_packets, 0u);
    expect_that_it_adds_up();
}

Test(recv_sender_list, a_flood_of_forged_senders_makes_the_list_no_longer)
{
    rig.config.senders_max = 4;
    recv_rig_open(&rig);
    heap_from(1, 1, 7000);
    recv_rig_run(&rig);
    for (unsigned i = 0; i < 3000; i++) {
        from(recv_rig_data(&rig, 1, 16, 0, 16), 3, (uint16_t)(1 + i));
        if (i % 100 == 99)
            recv_rig_run(&rig);
    }
    cr_assert_eq(list(), 4);
    cr_expect_str_eq(name(&row[0]), "192.0.2.1:7000", "a sender that works keeps its place");
    cr_expect_eq(forgotten.senders, 2997u);
    cr_expect_eq(forgotten.packets, 2997u);
    expect_that_it_adds_up();
}

/* ---- The array of the caller ---------------------------------------------------------------- */

Test(recv_sender_list, a_short_array_is_filled_and_the_number_of_all_senders_is_told)
{
    recv_rig_open(&rig);
    for (uint8_t host = 1; host <= 3; host++)
        heap_from(1, host, 7000);
    recv_rig_run(&rig);
    row[0] = (struct spead_recv_sender)SPEAD_RECV_SENDER_INIT;
    row[2].packets = 99;
    cr_expect_eq(spead_recv_stream_senders(rig.stream, row, 2, NULL), 3);
    cr_expect_eq(row[1].packets, 4u);
    cr_expect_eq(row[2].packets, 99u);
    cr_expect_eq(spead_recv_stream_senders(rig.stream, NULL, 0, NULL), 3);
}

/* The struct as it was before it got its last fields. */
struct older_sender {
    uint32_t struct_size, source;
    struct spead_sender_address address;
    bool stopped;
    uint64_t heaps_complete, heaps_incomplete, restarts, silent_ns;
};

Test(recv_sender_list, an_older_program_gets_an_array_of_its_own_structs)
{
    struct older_sender older[2] = {{.struct_size = sizeof older[0]}};

    recv_rig_open(&rig);
    heap_from(1, 1, 7000);
    heap_from(1, 2, 7000);
    recv_rig_run(&rig);
    cr_assert_eq(spead_recv_stream_senders(rig.stream, (void *)older, 2, NULL), 2);
    cr_expect_eq(older[0].heaps_complete, 1u);
    cr_expect_eq(older[1].struct_size, sizeof older[0]);
    cr_expect_eq(older[1].address.address[15], 2);
    older[0].struct_size = 2;
    cr_expect_eq(spead_recv_stream_senders(rig.stream, (void *)older, 2, NULL), -EINVAL);
}
