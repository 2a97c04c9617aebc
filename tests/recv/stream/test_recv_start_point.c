/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream with a start point discards whole heaps before that point, counts them apart, counts nothing of them as
 * missing, and says since which heap each sender is in sync.
 *
 * Method: a stream on a scripted engine (support/recv_rig.h). The test gives each packet its sender and its time. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "recv_rig.h"

#define ITEM   0x1600u
#define NOON   1764590400000000000ull /* 2025-12-01 12:00:00 UTC */
#define SECOND 1000000000ull

static struct recv_rig rig;
static char said[4096]; /* all lines of the log */
static struct spead_recv_start_point point;

static void note(void *arg, enum spead_log_level level, const char *text)
{
    (void)arg;
    (void)level;
    strncat(said, text, sizeof said - strlen(said) - 2);
    strcat(said, "\n");
}

static void init(void)
{
    recv_rig_init(&rig);
    said[0] = '\0';
    rig.config.log.fn = note;
    point = (struct spead_recv_start_point)SPEAD_RECV_START_POINT_INIT;
    rig.config.start_point = &point;
}

static void release(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_start_point, .init = init, .fini = release, .timeout = 20);

static void open_at(enum spead_start_point_kind kind, uint64_t least, uint64_t step)
{
    point.kind = kind;
    point.item = ITEM;
    point.least = least;
    point.step = step;
    recv_rig_open(&rig);
}

static struct script_packet *from(struct script_packet *packet, uint8_t sender)
{
    packet->from = speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, sender}, 7000);
    return packet;
}

/* Queues packet number `nth` of a heap of two packets, from this sender. */
static struct script_packet *send_packet(uint8_t sender, uint64_t counter, unsigned nth)
{
    return from(recv_rig_data(&rig, counter, 128, 64 * nth, 64), sender);
}

static void send_heap(uint8_t sender, uint64_t counter)
{
    send_packet(sender, counter, 0);
    send_packet(sender, counter, 1);
}

static void send_heaps(uint8_t sender, uint64_t first, uint64_t last)
{
    for (uint64_t counter = first; counter <= last; counter++)
        send_heap(sender, counter);
}

/* Queues a heap of one packet with an item. */
static void send_item(uint8_t sender, uint64_t counter, uint64_t id, uint64_t value)
{
    uint8_t payload[64] = {0};

    test_packet_specials(&rig.packet, 40, counter, 64, 0, 64);
    test_packet_immediate(&rig.packet, id, value);
    test_packet_payload(&rig.packet, payload, sizeof payload);
    from(recv_rig_push(&rig), sender);
}

/* Receives what is queued. Returns the counters of the heaps that came, as in "3 4". */
static const char *receive(void)
{
    static char text[256];
    struct spead_heap *heap;
    size_t length = 0;

    recv_rig_run(&rig);
    text[0] = '\0';
    while ((heap = recv_rig_take(&rig)) != NULL) {
        length +=
            (size_t)snprintf(text + length, sizeof text - length, "%s%llu", length > 0 ? " " : "",
                             (unsigned long long)spead_heap_counter(heap));
        spead_heap_unref(heap);
    }
    return text;
}

#define EXPECT_SAID(words)     cr_expect_not_null(strstr(said, words), "the log says: %s", said)
#define EXPECT_NOT_SAID(words) cr_expect_null(strstr(said, words), "the log says: %s", said)

Test(recv_start_point, heaps_below_the_counter_are_discarded_whole_and_counted_apart)
{
    open_at(SPEAD_START_POINT_HEAP, 5, 0);
    send_heaps(1, 1, 7);
    cr_expect_str_eq(receive(), "5 6 7");
    cr_expect_str_eq(recv_rig_buckets(&rig), "delivered 6, before-start 8");
    cr_expect_eq(rig.stats.total.bucket[SPEAD_RECV_BEFORE_START].bytes, 8u * (64 + 40));
    cr_expect_eq(rig.stats.counters.heaps_before_start, 4u);
    cr_expect_eq(rig.stats.counters.awaits_start, 0u);
    cr_expect_eq(rig.stats.counters.senders_in_sync, 1u);
    cr_expect_eq(rig.stats.counters.sync_heap, 5u);
    EXPECT_SAID("sender 192.0.2.1:7000 is in sync since heap 5, time 1970-01-01T00:00:00.00000");
    EXPECT_SAID("4 heaps before the start point were discarded");
}

Test(recv_start_point, nothing_before_the_start_point_is_missing)
{
    rig.config.heap_counter_step = 1;
    open_at(SPEAD_START_POINT_HEAP, 50, 0);
    send_heaps(1, 1, 3);   /* 4 to 29 are lost, and nobody misses them */
    send_packet(1, 30, 0); /* of this heap a packet is lost */
    send_heaps(1, 31, 40);
    send_heaps(1, 50, 52); /* 53 and 54 are lost */
    send_heaps(1, 55, 60);
    receive();
    cr_expect_eq(rig.stats.counters.missing_packets, 0u);
    cr_expect_eq(rig.stats.counters.missing_heaps, 2u);
    cr_expect_eq(rig.stats.counters.heaps_evicted, 0u);
}

Test(recv_start_point, a_start_point_that_is_past_takes_the_first_heap)
{
    open_at(SPEAD_START_POINT_HEAP, 5, 0);
    send_heaps(1, 100, 101);
    cr_expect_str_eq(receive(), "100 101");
    EXPECT_SAID("in sync since heap 100");
    EXPECT_SAID(": 0 heaps before the start point were discarded");
}

Test(recv_start_point, a_heap_is_judged_as_a_whole_by_its_first_packet)
{
    open_at(SPEAD_START_POINT_TIME, NOON, 0);
    send_packet(1, 1, 0)->time_ns = NOON - 1;
    send_packet(1, 2, 0)->time_ns = NOON;
    send_packet(1, 1, 1)->time_ns = NOON + 1; /* comes after noon, but its heap began before */
    send_packet(1, 2, 1)->time_ns = NOON + 2;
    cr_expect_str_eq(receive(), "2");
    cr_expect_str_eq(recv_rig_buckets(&rig), "delivered 2, before-start 2");
    cr_expect_eq(rig.stats.counters.heaps_before_start, 1u);
    cr_expect_eq(rig.stats.counters.sync_ns, NOON);
    EXPECT_SAID("in sync since heap 2, time 2025-12-01T12:00:00.000000000Z");
}

Test(recv_start_point, a_heap_from_before_that_comes_a_moment_late_is_discarded)
{
    open_at(SPEAD_START_POINT_HEAP, 5, 0);
    send_packet(1, 4, 0);
    send_heap(1, 5);
    send_heap(1, 3); /* the network has delayed the whole heap */
    send_packet(1, 4, 1);
    send_heap(1, 6);
    cr_expect_str_eq(receive(), "5 6");
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_BEFORE_START), 4u);
}

Test(recv_start_point, a_sender_that_counts_anew_later_stays_in_sync)
{
    rig.ops = &script_clock_ops;
    open_at(SPEAD_START_POINT_HEAP, 5, 0);
    send_packet(1, 5, 0);
    send_packet(1, 5, 1)->clock_ns = 3 * SECOND / 2;
    cr_expect_str_eq(receive(), "5");
    send_packet(1, 1, 0)->clock_ns = 3 * SECOND;
    send_packet(1, 1, 1);
    cr_expect_str_eq(receive(), "1");
}

Test(recv_start_point, a_counter_that_wraps_is_not_before_the_start_point)
{
    open_at(SPEAD_START_POINT_HEAP, 60000, 0);
    for (int i = 0; i < 2; i++) {
        test_packet_data(&rig.packet, 16, i == 0 ? 65535 : 0, 64, 0, NULL, 64);
        from(recv_rig_push(&rig), 1);
    }
    cr_expect_str_eq(receive(), "65535 0");
}

Test(recv_start_point, each_sender_gets_in_sync_by_itself)
{
    open_at(SPEAD_START_POINT_HEAP, 5, 0);
    send_heaps(1, 4, 5);
    send_heap(2, 3);
    cr_expect_str_eq(receive(), "5");
    cr_expect_eq(rig.stats.counters.senders_in_sync, 1u);
    send_heap(2, 9);
    send_heap(3, 2); /* a sender that is heard later is judged too */
    cr_expect_str_eq(receive(), "9");
    cr_expect_eq(rig.stats.counters.senders_in_sync, 2u);
    cr_expect_eq(rig.stats.counters.sync_heap, 5u, "the first heap of all senders");
    cr_expect_eq(rig.stats.counters.heaps_before_start, 3u);
}

Test(recv_start_point, a_joint_stream_is_one_sequence_over_its_endpoints)
{
    rig.sources = 2;
    rig.config.joint = true;
    rig.config.sender_key = SPEAD_SENDER_KEY_NONE;
    open_at(SPEAD_START_POINT_HEAP, 5, 0);
    for (uint64_t counter = 3; counter <= 7; counter++)
        for (unsigned nth = 0; nth < 2; nth++)
            send_packet(1, counter, nth)->source = (uint16_t)nth;
    cr_expect_str_eq(receive(), "5 6 7");
    cr_expect_eq(rig.stats.counters.senders_in_sync, 1u);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_BEFORE_START), 4u);
}

Test(recv_start_point, all_senders_start_at_the_same_value_of_an_item)
{
    open_at(SPEAD_START_POINT_ITEM, 1000, 0);
    send_item(1, 1, ITEM, 998);
    send_item(2, 71, ITEM, 999);
    send_item(1, 2, ITEM, 1000);
    send_item(2, 72, ITEM, 1001);
    cr_expect_str_eq(receive(), "2 72");
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_BEFORE_START), 2u);
    cr_expect_eq(rig.stats.counters.sync_heap, 2u);
}

Test(recv_start_point, a_sender_can_start_at_a_multiple)
{
    open_at(SPEAD_START_POINT_ITEM, 10, 8);
    send_item(1, 1, ITEM, 8);
    send_item(1, 2, ITEM, 12);
    send_item(1, 3, ITEM, 16);
    send_item(1, 4, ITEM, 12); /* late: it lies before 16 */
    send_item(1, 5, ITEM, 17);
    cr_expect_str_eq(receive(), "3 5");
}

Test(recv_start_point, a_heap_without_the_item_stays_discarded_and_the_log_says_so_once)
{
    open_at(SPEAD_START_POINT_ITEM, 10, 0);
    send_item(1, 1, ITEM + 1, 10);
    send_item(1, 2, ITEM + 1, 10);
    cr_expect_str_eq(receive(), "");
    cr_expect_eq(rig.stats.counters.heaps_before_start, 2u);
    EXPECT_SAID("heap 1 of sender 192.0.2.1:7000 has no immediate item 0x1600");
    EXPECT_NOT_SAID("heap 2 of sender");
    send_item(1, 3, ITEM, 10);
    send_item(1, 4, ITEM + 1, 0); /* a heap of another kind, such as descriptors */
    cr_expect_str_eq(receive(), "3 4");
}

Test(recv_start_point, a_stop_item_before_the_start_point_ends_the_stream)
{
    open_at(SPEAD_START_POINT_HEAP, 50, 0);
    send_heaps(1, 1, 2);
    from(recv_rig_control(&rig, 3, SPEAD_CONTROL_STOP), 1);
    cr_expect_str_eq(receive(), "");
    cr_expect_eq(recv_rig_poll(&rig), -ESHUTDOWN);
    cr_expect_str_eq(recv_rig_buckets(&rig), "control 1, before-start 4");
    cr_expect_eq(rig.stats.counters.awaits_start, 1u);
    EXPECT_SAID("never got in sync: heap 50 did not come; 2 heaps before it were discarded");
}

Test(recv_start_point, a_stop_item_in_a_discarded_heap_ends_the_stream)
{
    open_at(SPEAD_START_POINT_HEAP, 50, 0);
    test_packet_specials(&rig.packet, 40, 2, 64, 0, 64);
    test_packet_immediate(&rig.packet, SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_STOP);
    test_packet_immediate(&rig.packet, ITEM, 1);
    test_packet_payload(&rig.packet, (uint8_t[64]){0}, 64);
    from(recv_rig_push(&rig), 1);
    cr_expect_str_eq(receive(), "");
    cr_expect_eq(recv_rig_poll(&rig), -ESHUTDOWN);
    cr_expect_str_eq(recv_rig_buckets(&rig), "before-start 1");
}

Test(recv_start_point, a_new_start_point_while_the_stream_runs_discards_again)
{
    struct spead_recv_start_point next = SPEAD_RECV_START_POINT_INIT;

    open_at(SPEAD_START_POINT_NONE, 0, 0);
    send_heaps(1, 1, 2);
    send_packet(1, 3, 0);
    cr_expect_str_eq(receive(), "1 2");
    next.kind = SPEAD_START_POINT_HEAP;
    next.least = 6;
    cr_assert_eq(spead_recv_stream_start_at(rig.stream, &next, NULL), 0);
    send_packet(1, 3, 1); /* the heap has begun, so it goes on */
    send_heaps(1, 4, 7);
    cr_expect_str_eq(receive(), "3 6 7");
    cr_expect_eq(rig.stats.counters.missing_heaps, 0u);
    cr_expect_eq(rig.stats.counters.sync_heap, 6u);
    EXPECT_SAID("waiting for heap 6: heaps before it are discarded from now on");
    next.kind = SPEAD_START_POINT_NONE;
    cr_assert_eq(spead_recv_stream_start_at(rig.stream, &next, NULL), 0);
    send_heap(2, 1);
    cr_expect_str_eq(receive(), "1");
    cr_expect_eq(rig.stats.counters.awaits_start, 0u);
    cr_expect_eq(rig.stats.counters.senders_in_sync, 0u);
}

Test(recv_start_point, a_heap_that_was_discarded_stays_so_when_the_start_point_is_taken_away)
{
    struct spead_recv_start_point none = SPEAD_RECV_START_POINT_INIT;

    open_at(SPEAD_START_POINT_HEAP, 5, 0);
    send_packet(1, 1, 0);
    receive();
    cr_assert_eq(spead_recv_stream_start_at(rig.stream, &none, NULL), 0);
    send_packet(1, 1, 1);
    send_heap(1, 2);
    cr_expect_str_eq(receive(), "2");
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_BEFORE_START), 2u);
}

Test(recv_start_point, explicit_start_comes_before_the_start_point)
{
    rig.config.explicit_start = true;
    open_at(SPEAD_START_POINT_HEAP, 5, 0);
    send_heap(1, 5);
    receive();
    spead_recv_stream_arm(rig.stream);
    send_heaps(1, 4, 6);
    cr_expect_str_eq(receive(), "5 6");
    cr_expect_str_eq(recv_rig_buckets(&rig), "delivered 4, start-up 2, before-start 2");
}

static void expect_refused(const char *words)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    const char *endpoint = "127.0.0.1:7148";
    struct spead_recv_stream *stream;
    struct spead_err err = {0};

    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.start_point = &point;
    cr_expect_eq(spead_recv_stream_create(&stream, &config, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, words), "%s", err.text);
    cr_expect_eq(spead_recv_stream_start_at(rig.stream, &point, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, words), "%s", err.text);
}

Test(recv_start_point, a_start_point_that_cannot_be_is_refused_by_name)
{
    recv_rig_open(&rig);
    point.kind = SPEAD_START_POINT_ITEM;
    point.item = SPEAD_ID_HEAP_COUNTER;
    expect_refused("start_point.item 1: must be 7 or more");
    point.kind = SPEAD_START_POINT_TIME;
    point.step = 5;
    expect_refused("start_point.step: a time has no step");
    point.kind = (enum spead_start_point_kind)4;
    expect_refused("start_point.kind 4: must be 0 to 3");
}
