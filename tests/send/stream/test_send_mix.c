/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: with mix_heaps the last packets of several heaps leave behind all their other packets, where that saves trains.
 * Each heap keeps the order of its packets, its result and its place among the completions.
 *
 * Method: a stream on a scripted engine (support/send_rig.h). A heap of the rig has 6 full packets and a shorter one.
 * Kernel messages are counted over the engines of the kernel. */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "each_engine.h"
#include "netns.h"
#include "send_rig.h"

enum { FULL = SEND_RIG_PACKETS - 1 };

static void open_rig(struct send_rig *rig, uint32_t mix_heaps)
{
    send_rig_open(rig, 16);
    spead_send_stream_destroy(rig->stream);
    rig->config.mix_heaps = mix_heaps;
    rig->stream = scripted_tx_stream_to(rig->tx, &rig->config, 3, 0);
}

/* Expects that `heaps` heaps, of which the first has the counter `first`, were sent as a mix, from packet n on. */
static void expect_mix(const struct scripted_tx *tx, size_t n, uint64_t first, unsigned heaps)
{
    cr_assert_geq(tx->packet_count, n + heaps * SEND_RIG_PACKETS);
    for (unsigned i = 0; i < heaps * SEND_RIG_PACKETS; i++, n++) {
        bool is_full = i < heaps * FULL;
        unsigned heap = is_full ? i / FULL : i - heaps * FULL;

        cr_expect_eq(scripted_tx_value(tx, n, 0), first + heap, "packet %zu", n);
        cr_expect_eq(tx->packet[n].bytes == 1472, is_full, "packet %zu", n);
    }
}

static void expect_one_after_another(const struct scripted_tx *tx)
{
    for (size_t n = 0; n < tx->packet_count; n++)
        cr_expect_eq(scripted_tx_value(tx, n, 0), n / SEND_RIG_PACKETS + 1);
}

Test(send_mix, the_last_packets_of_several_heaps_leave_last)
{
    struct send_rig rig;

    open_rig(&rig, 4);
    for (unsigned i = 0; i < 7; i++)
        send_rig_submit(&rig);
    while (spead_send_stream_poll(rig.stream) > 0)
        ;
    expect_mix(rig.tx, 0, 1, 4);
    expect_mix(rig.tx, 4 * SEND_RIG_PACKETS, 5, 3);
    cr_assert_eq(rig.log.count, 7);
    for (unsigned i = 0; i < 7; i++) {
        cr_expect_eq(rig.log.result[i].counter, i + 1);
        cr_expect_eq(rig.log.result[i].bytes, SEND_RIG_SPEAD_BYTES);
    }
    send_rig_close(&rig);
}

Test(send_mix, without_mix_heaps_heaps_leave_one_after_another)
{
    for (uint32_t mix = 0; mix < 2; mix++) {
        struct send_rig rig;

        open_rig(&rig, mix);
        for (unsigned i = 0; i < 7; i++)
            send_rig_submit(&rig);
        spead_send_stream_poll(rig.stream);
        expect_one_after_another(rig.tx);
        send_rig_close(&rig);
    }
}

/* Two heaps need two trains in either order. */
Test(send_mix, heaps_are_not_mixed_where_that_saves_no_train)
{
    struct send_rig rig;

    open_rig(&rig, 16);
    send_rig_submit(&rig);
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    expect_one_after_another(rig.tx);
    send_rig_close(&rig);
}

Test(send_mix, a_mix_has_one_destination_and_one_rate)
{
    struct send_rig rig;

    open_rig(&rig, 16);
    for (unsigned i = 0; i < 12; i++) {
        rig.options.destination = i / 6;
        rig.options.explicit_rate = i / 3 % 2 == 1;
        send_rig_submit(&rig);
    }
    for (unsigned i = 0; i < 20; i++)
        spead_send_stream_poll(rig.stream);
    for (unsigned i = 0; i < 4; i++)
        expect_mix(rig.tx, i * 3 * SEND_RIG_PACKETS, 1 + 3 * i, 3);
    cr_expect_eq(rig.log.count, 12);
    send_rig_close(&rig);
}

Test(send_mix, heaps_of_one_packet_and_groups_by_turns_are_left_alone)
{
    struct send_rig rig;
    struct spead_send_heap *small = send_rig_heap(8);
    struct spead_send_group_heap group[2];

    open_rig(&rig, 16);
    for (unsigned i = 0; i < 3; i++)
        send_rig_submit(&rig);
    spead_send_stream_submit(rig.stream, small, &rig.options);
    for (unsigned i = 0; i < 2; i++)
        group[i] = (struct spead_send_group_heap){rig.heap, rig.options};
    spead_send_stream_submit_group(rig.stream, group, 2, SPEAD_SEND_GROUP_ROUND_ROBIN);
    while (spead_send_stream_poll(rig.stream) > 0)
        ;
    expect_mix(rig.tx, 0, 1, 3);
    cr_expect_eq(scripted_tx_value(rig.tx, 3 * SEND_RIG_PACKETS, 0), 4);
    for (unsigned i = 0; i < 2 * SEND_RIG_PACKETS; i++)
        cr_expect_eq(scripted_tx_value(rig.tx, 3 * SEND_RIG_PACKETS + 1 + i, 0), 5 + i % 2);
    cr_expect_eq(rig.log.count, 6);
    send_rig_close(&rig);
    spead_send_heap_destroy(small);
}

/* The first packets of heaps with a fixed payload are longer and would end each train. */
Test(send_mix, a_fixed_payload_is_mixed_only_with_pointers_in_every_packet)
{
    for (unsigned repeat = 0; repeat < 2; repeat++) {
        struct send_rig rig;

        open_rig(&rig, 16);
        spead_send_stream_destroy(rig.stream);
        rig.config.packet_payload_bytes = 1024;
        rig.stream = scripted_tx_stream(rig.tx, &rig.config);
        spead_send_heap_repeat_pointers(rig.heap, repeat == 1);
        for (unsigned i = 0; i < 4; i++)
            send_rig_submit(&rig);
        spead_send_stream_poll(rig.stream);
        cr_assert_eq(rig.tx->packet_count, 40, "10 packets each");
        cr_expect_eq(scripted_tx_value(rig.tx, 9, 0), repeat == 1 ? 2 : 1);
        send_rig_close(&rig);
    }
}

Test(send_mix, the_order_does_not_depend_on_how_much_the_engine_takes)
{
    struct send_rig rig;

    open_rig(&rig, 4);
    rig.tx->at_once = 1;
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < 4; i++)
            send_rig_submit(&rig);
        for (unsigned i = 0; i < 100; i++)
            spead_send_stream_poll(rig.stream);
        expect_mix(rig.tx, round * 4 * SEND_RIG_PACKETS, round * 4 + 1, 4);
        cr_expect_eq(rig.log.count, 4 * (round + 1));
    }
    send_rig_close(&rig);
}

/* 15 heaps of 65 packets and one of 64 have 1023 full packets. So the last packet of the first heap is the last one of the
 * first batch, and another heap gets the place of that heap in the queue before the mix has left. */
Test(send_mix, a_heap_that_follows_a_mix_may_get_the_place_of_its_first_heap)
{
    enum { HEAPS = 16, BYTES = 1029 };
    struct send_rig rig;
    struct spead_send_heap *heap = send_rig_heap(BYTES), *shorter = send_rig_heap(BYTES - 16);
    uint64_t offset[HEAPS + 2] = {0};

    open_rig(&rig, HEAPS);
    spead_send_stream_destroy(rig.stream);
    rig.config.packet_bytes_max = 56;
    rig.stream = scripted_tx_stream_to(rig.tx, &rig.config, 3, 0);
    for (unsigned i = 0; i < HEAPS; i++)
        spead_send_stream_submit(rig.stream, i == 5 ? shorter : heap, &rig.options);
    spead_send_stream_poll(rig.stream);
    cr_assert_eq(rig.log.count, 1);
    cr_assert_eq(spead_send_stream_submit(rig.stream, shorter, &rig.options), 0);
    for (unsigned i = 0; i < 10; i++)
        spead_send_stream_poll(rig.stream);
    cr_assert_eq(rig.log.count, HEAPS + 1);
    for (size_t n = 0; n < rig.tx->packet_count; n++) {
        const uint64_t counter = scripted_tx_value(rig.tx, n, 0);

        cr_assert(counter >= 1 && counter <= HEAPS + 1);
        cr_assert_eq(scripted_tx_value(rig.tx, n, 2), offset[counter], "packet %zu", n);
        offset[counter] += scripted_tx_value(rig.tx, n, 3);
    }
    for (unsigned i = 1; i <= HEAPS + 1; i++) {
        const unsigned bytes = i == 6 || i == HEAPS + 1 ? BYTES - 16 : BYTES;

        cr_expect_eq(offset[i], bytes, "heap %u", i);
        cr_expect_eq(rig.log.result[i - 1].bytes, bytes + 8 + 40u * (bytes == BYTES ? 65u : 64u),
                     "heap %u", i);
    }
    send_rig_close(&rig);
    spead_send_heap_destroy(heap);
    spead_send_heap_destroy(shorter);
}

Test(send_mix, a_refused_packet_and_an_abandon_concern_their_heaps_only)
{
    struct send_rig rig;

    open_rig(&rig, 4);
    rig.tx->refuse[0].packet = FULL; /* the first packet of the second heap */
    rig.tx->refuse[0].error = -EMSGSIZE;
    rig.tx->room = 4 * FULL + 2;
    for (unsigned i = 0; i < 4; i++)
        send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    cr_assert_eq(rig.log.count, 2, "the last packets of two heaps were sent");
    cr_expect_eq(rig.log.result[0].error, 0);
    cr_expect_eq(rig.log.result[1].error, -EMSGSIZE);
    spead_send_stream_stop(rig.stream);
    spead_send_stream_stop(rig.stream);
    spead_send_stream_poll(rig.stream);
    cr_assert_eq(rig.log.count, 4);
    cr_expect_eq(rig.log.result[2].error, -ECANCELED);
    cr_expect_eq(rig.log.result[3].error, -ECANCELED);
    cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_ABANDONED), 2);
    send_rig_close(&rig);
}

/* ---- Engines -------------------------------------------------------------------------------- */

Test(send_mix, an_engine_without_trains_refuses_it)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *stream = NULL;
    struct spead_mem_link *link = NULL;
    struct spead_err err = {0};

    cr_assert_eq(spead_mem_link_create(&link, 16, 1472, NULL), 0);
    config.links = &link;
    config.link_count = 1;
    config.mix_heaps = 2;
    cr_expect_eq(spead_send_stream_create(&stream, &config, &err), -ENOTSUP);
    cr_expect_not_null(strstr(err.text, "mix_heaps: engine mem builds no trains"), "%s", err.text);
    config.mix_heaps = 65;
    cr_expect_eq(spead_send_stream_create(&stream, &config, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "mix_heaps"), "%s", err.text);
    config.mix_heaps = 1;
    cr_expect_eq(spead_send_stream_create(&stream, &config, &err), 0);
    spead_send_stream_destroy(stream);
    spead_mem_link_unref(link);
}

static int open_sink(char endpoint[40])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(endpoint, 40, "127.0.0.1:%u", ntohs(address.sin_port));
    return fd;
}

/* Returns how many kernel messages 8 heaps of 16 KiB take. */
static uint64_t messages_of(const char *engine, uint32_t mix_heaps)
{
    static const uint8_t data[16384];
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;
    struct spead_send_stream *stream = NULL;
    struct spead_send_heap *heap = NULL;
    struct spead_err err = {0};
    char text[40];
    const char *endpoint = text;
    int sink = open_sink(text);

    config.engine = engine;
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.heaps_max = 8;
    config.mix_heaps = mix_heaps;
    config.socket_buffer_bytes = 4 << 20;
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_send_stream_start(stream, &err), 0, "%s", err.text);
    cr_assert_eq(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40), 0);
    cr_assert_geq(spead_send_heap_add_item(heap, 0x1000, data, sizeof data, false), 0);
    for (unsigned i = 0; i < 8; i++)
        cr_assert_eq(spead_send_stream_submit(stream, heap, NULL), 0);
    spead_send_stream_stop(stream);
    while (spead_send_stream_poll(stream) >= 0)
        spead_send_stream_wait(stream, SPEAD_DEADLINE_NOW);
    spead_send_stream_stats(stream, &stats);
    cr_expect_eq(stats.counters.heaps_sent, 8);
    spead_send_stream_destroy(stream);
    spead_send_heap_destroy(heap);
    close(sink);
    return stats.counters.messages;
}

TEST_FOR_EACH_ENGINE(send_mix, heaps_of_16_kib_take_fewer_kernel_messages, TEST_SENDS)
{
    const char *reason;
    uint64_t alone, mixed;

    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
    alone = messages_of(*engine, 0);
    mixed = messages_of(*engine, 8);
    if (alone == 8 * 12)
        cr_skip_test("this kernel builds no trains");
    cr_expect_eq(alone, 8);
    cr_expect_eq(mixed, 3, "two trains of full packets, and one of last packets: %zu",
                 (size_t)mixed);
}
