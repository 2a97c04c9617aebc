/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: heaps of many senders fill chunks in place, each byte of a chunk is right or is said to be missing, and no answer
 * of a place function does harm. Method: a scripted engine lends the packets of heaps; the tests look at the chunks and
 * at the ledger. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "chunk_rig.h"

static struct chunk_rig rig;

static void make_rig(void)
{
    chunk_rig_init(&rig);
}

static void close_rig(void)
{
    chunk_rig_close(&rig);
}

TestSuite(chunk_stream, .init = make_rig, .fini = close_rig);

#define EXPECT_BUCKETS(text)        cr_expect_str_eq(recv_rig_buckets(&rig.recv), text)
#define EXPECT_COUNTER(name, value) cr_expect_eq(rig.recv.stats.counters.name, (uint64_t)(value))

/* Takes the next chunk, which must have this id. */
static struct spead_chunk *take(int64_t id)
{
    struct spead_chunk *chunk = chunk_rig_take(&rig);

    cr_assert_not_null(chunk);
    cr_expect_eq(spead_chunk_id(chunk), id, "id %lld", (long long)spead_chunk_id(chunk));
    cr_expect(chunk_rig_is_right(chunk, spead_chunk_data(chunk), rig.chunks.fill_byte));
    return chunk;
}

static void expect_chunk(int64_t id, const char *present)
{
    struct spead_chunk *chunk = take(id);

    cr_expect_str_eq(chunk_rig_present(chunk), present, "chunk %lld: %s", (long long)id,
                     chunk_rig_present(chunk));
    spead_chunk_unref(chunk);
}

Test(chunk_stream, heaps_fill_chunks_and_the_last_chunk_is_partial)
{
    chunk_rig_open(&rig);
    for (uint64_t i = 0; i < 103; i++)
        chunk_rig_heap(&rig, i + 1, i);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    for (int64_t id = 0; id < 10; id++)
        expect_chunk(id, "1111111111");
    expect_chunk(10, "1110000000");
    cr_expect_eq(chunk_rig_next(&rig), -1);
    EXPECT_BUCKETS("delivered 103");
    EXPECT_COUNTER(chunks_complete, 10);
    EXPECT_COUNTER(chunks_incomplete, 1);
    EXPECT_COUNTER(heaps_complete, 103);
}

Test(chunk_stream, a_full_chunk_is_handed_over_at_once)
{
    chunk_rig_open(&rig);
    for (uint64_t i = 0; i < 10; i++)
        chunk_rig_heap(&rig, i + 1, i);
    recv_rig_run(&rig.recv);
    expect_chunk(0, "1111111111");
}

Test(chunk_stream, the_place_function_gets_the_first_packet_and_its_items)
{
    chunk_rig_open(&rig);
    chunk_rig_packet(&rig, 7, 12, 16, 16);
    chunk_rig_packet(&rig, 7, 12, 0, 16);
    chunk_rig_packet(&rig, 7, 12, 32, 32);
    recv_rig_run(&rig.recv);
    cr_expect_eq(rig.places, 1);
    cr_expect_eq(rig.last_item, 12);
    cr_expect_eq(rig.last.heap_counter, 7);
    cr_expect_eq(rig.last.heap_length, CHUNK_RIG_HEAP);
    cr_expect_eq(rig.last.payload_offset, 16);
    cr_expect_eq(rig.last.payload_bytes, 16);
    cr_expect_eq(rig.last.time_ns, 1001);
    cr_expect_eq(rig.last.header_bytes, 8 + 5 * 8);
    recv_rig_stop(&rig.recv);
    expect_chunk(0, "0000000000");
    expect_chunk(1, "0010000000");
}

Test(chunk_stream, heaps_out_of_order_fill_the_window)
{
    static const uint64_t numbers[] = {30, 12, 1, 25, 39, 8, 10, 31, 0, 2};

    rig.chunks.window = 4;
    chunk_rig_open(&rig);
    for (unsigned i = 0; i < 10; i++)
        chunk_rig_heap(&rig, i + 1, numbers[i]);
    recv_rig_run(&rig.recv);
    cr_expect_eq(chunk_rig_next(&rig), -1);
    recv_rig_stop(&rig.recv);
    expect_chunk(0, "1110000010");
    expect_chunk(1, "1010000000");
    expect_chunk(2, "0000010000");
    expect_chunk(3, "1100000001");
    EXPECT_BUCKETS("delivered 10");
}

Test(chunk_stream, a_jump_flushes_the_window_and_opens_the_chunks_before_it)
{
    rig.chunks.window = 4;
    chunk_rig_open(&rig);
    chunk_rig_heap(&rig, 1, 100);
    chunk_rig_heap(&rig, 2, 200);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    for (int64_t id = 7; id < 10; id++)
        expect_chunk(id, "0000000000");
    expect_chunk(10, "1000000000");
    for (int64_t id = 17; id < 20; id++)
        expect_chunk(id, "0000000000");
    expect_chunk(20, "1000000000");
    cr_expect_eq(chunk_rig_next(&rig), -1);
    EXPECT_COUNTER(chunk_ids_skipped, 6);
}

Test(chunk_stream, a_heap_below_the_window_is_too_old)
{
    chunk_rig_open(&rig);
    chunk_rig_heap(&rig, 1, 20);
    chunk_rig_heap(&rig, 2, 5); /* the window is 1, 2 */
    recv_rig_run(&rig.recv);
    test_packet_specials(&rig.recv.packet, 40, 3, 8, 0, 8); /* a heap of descriptors */
    test_packet_payload(&rig.recv.packet, "12345678", 8);
    recv_rig_push(&rig.recv);
    recv_rig_control(&rig.recv, 4, SPEAD_CONTROL_STOP);
    recv_rig_run(&rig.recv);
    expect_chunk(1, "0000000000");
    expect_chunk(2, "1000000000");
    EXPECT_BUCKETS("delivered 1, control 1, rejected 1, too-old 1");
    EXPECT_COUNTER(heaps_too_old, 1);
    EXPECT_COUNTER(heaps_rejected, 1);
}

Test(chunk_stream, a_heap_whose_chunk_left_is_not_written_and_counts_as_too_old)
{
    chunk_rig_open(&rig);
    chunk_rig_packet(&rig, 1, 0, 0, 32);
    for (uint64_t i = 1; i < 4; i++)
        chunk_rig_heap(&rig, i + 1, i * 10);
    chunk_rig_packet(&rig, 1, 0, 32, 32);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    expect_chunk(0, "0000000000");
    EXPECT_BUCKETS("delivered 4, too-old 1");
    EXPECT_COUNTER(heaps_too_old, 1);
    EXPECT_COUNTER(heaps_incomplete, 1);
}

Test(chunk_stream, packets_of_a_refused_heap_are_all_in_its_bucket)
{
    chunk_rig_open(&rig);
    chunk_rig_heap(&rig, 1, 20);
    chunk_rig_packet(&rig, 2, 5, 0, 16);
    chunk_rig_packet(&rig, 2, 5, 16, 16);
    chunk_rig_packet(&rig, 2, 5, 32, 32);
    recv_rig_run(&rig.recv);
    EXPECT_BUCKETS("live 1, too-old 3");
    EXPECT_COUNTER(heaps_too_old, 1);
    cr_expect_eq(rig.places, 2);
}

static void say_extra(struct chunk_rig *r, const struct spead_chunk_packet *packet,
                      struct spead_chunk_place *place)
{
    (void)r;
    place->chunk_id = 0;
    place->heap_index = (uint64_t)packet->items[0];
    place->heap_offset = place->heap_index * CHUNK_RIG_HEAP;
    memcpy(place->extra, &packet->heap_counter, sizeof packet->heap_counter);
}

Test(chunk_stream, extra_is_there_for_incomplete_heaps)
{
    struct spead_chunk *chunk;
    uint64_t extra;

    rig.chunks.extra_bytes = sizeof extra;
    rig.place = say_extra;
    chunk_rig_open(&rig);
    chunk_rig_heap(&rig, 77, 3);
    chunk_rig_packet(&rig, 78, 5, 0, 16);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    chunk = take(0);
    memcpy(&extra, spead_chunk_extra(chunk, 3), sizeof extra);
    cr_expect_eq(extra, 77);
    memcpy(&extra, spead_chunk_extra(chunk, 5), sizeof extra);
    cr_expect_eq(extra, 78);
    memcpy(&extra, spead_chunk_extra(chunk, 4), sizeof extra);
    cr_expect_eq(extra, 0);
    cr_expect_null(spead_chunk_extra(chunk, 10));
    spead_chunk_unref(chunk);
}

/* Entries stand for packets of 16 bytes, four for each heap. */
static void place_packets(struct chunk_rig *r, const struct spead_chunk_packet *packet,
                          struct spead_chunk_place *place)
{
    (void)r;
    place->chunk_id = packet->items[0] / 2;
    place->heap_index = (uint64_t)packet->items[0] % 2 * 4;
    place->heap_offset = place->heap_index * 16;
    packet->counters[0]++;
}

Test(chunk_stream, packets_are_marked_present_one_by_one)
{
    static const char *const names[] = {"heaps placed"};
    uint64_t counter;

    rig.chunks.packet_presence_bytes = 16;
    rig.chunks.present_count = 8;
    rig.chunks.chunk_bytes = 128;
    rig.chunks.counter_names = names;
    rig.chunks.counter_count = 1;
    rig.place = place_packets;
    chunk_rig_open(&rig);
    chunk_rig_packet(&rig, 1, 0, 16, 16); /* the first packet is missing */
    chunk_rig_packet(&rig, 1, 0, 48, 16);
    chunk_rig_packet(&rig, 2, 1, 0, 64);
    chunk_rig_packet(&rig, 3, 3, 0, 16);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    expect_chunk(0, "01011111");
    expect_chunk(1, "00001000");
    cr_expect_eq(spead_recv_stream_place_counters(rig.recv.stream, &counter, 1), 1);
    cr_expect_eq(counter, 3);
    cr_expect_str_eq(spead_recv_stream_place_counter_name(rig.recv.stream, 0), "heaps placed");
}

Test(chunk_stream, a_chunk_says_what_is_missing_and_why)
{
    struct spead_chunk_gap gaps[4];
    struct spead_chunk_heap heap = SPEAD_CHUNK_HEAP_INIT;
    struct spead_chunk *chunk;

    rig.recv.config.allow_out_of_order = false;
    chunk_rig_open(&rig);
    chunk_rig_heap(&rig, 1, 0);
    chunk_rig_packet(&rig, 2, 4, 0, 16);
    chunk_rig_packet(&rig, 2, 4, 32, 16); /* refused: the packet before it is missing */
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    chunk = take(0);
    cr_expect_eq(spead_chunk_present_count(chunk), 1);
    cr_expect_eq(spead_chunk_missing_count(chunk), 9);
    cr_expect_eq(spead_chunk_received(chunk), CHUNK_RIG_HEAP + 16);
    cr_expect_eq(spead_chunk_first_ns(chunk), 1001);
    cr_expect_eq(spead_chunk_last_ns(chunk), 1002);
    cr_assert_eq(spead_chunk_gaps(chunk, gaps, 4), 3);
    cr_expect(gaps[0].offset == 4 * CHUNK_RIG_HEAP + 16 && gaps[0].bytes == 16 &&
              gaps[0].cause == SPEAD_GAP_UNSEEN && gaps[0].heap_index == 4 && !gaps[0].merged);
    cr_expect(gaps[1].offset == 4 * CHUNK_RIG_HEAP + 32 && gaps[1].bytes == 16 &&
              gaps[1].cause == SPEAD_GAP_REFUSED);
    cr_expect(gaps[2].offset == 4 * CHUNK_RIG_HEAP + 48 && gaps[2].bytes == 16 &&
              gaps[2].cause == SPEAD_GAP_UNSEEN);
    cr_expect_eq(spead_chunk_heap(chunk, 4, &heap), 0);
    cr_expect(heap.state == SPEAD_CHUNK_HEAP_INCOMPLETE && heap.heap_counter == 2 &&
              heap.offset == 4 * CHUNK_RIG_HEAP && heap.bytes == CHUNK_RIG_HEAP &&
              heap.received == 16);
    cr_expect_eq(spead_chunk_heap(chunk, 10, &heap), -ERANGE);
    spead_chunk_unref(chunk);
}

Test(chunk_stream, gaps_without_room_become_one)
{
    struct spead_chunk_gap gaps[16];
    struct spead_chunk *chunk;

    rig.chunks.gaps_max = 10;
    chunk_rig_open(&rig);
    for (uint64_t heap = 0; heap < 10; heap++)
        for (uint64_t offset = 8; offset < 64; offset += 16)
            chunk_rig_packet(&rig, heap + 1, heap, offset, 8);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    chunk = chunk_rig_take(&rig);
    cr_assert_not_null(chunk);
    cr_assert_eq(spead_chunk_gaps(chunk, gaps, 16), 10);
    for (unsigned i = 0; i < 10; i++)
        cr_expect(gaps[i].merged && gaps[i].offset == i * 64 && gaps[i].bytes == 56 &&
                  gaps[i].heap_index == i);
    spead_chunk_unref(chunk);
}

Test(chunk_stream, missing_bytes_have_the_fill_value)
{
    rig.chunks.fill_byte = 0xa5;
    rig.chunks.chunk_count = 3;
    chunk_rig_open(&rig);
    /* so many chunks that each memory is used again */
    for (uint64_t round = 0; round < 12; round++) {
        chunk_rig_heap(&rig, 2 * round + 1, round * 10 + round % 10);
        chunk_rig_packet(&rig, 2 * round + 2, round * 10 + 9 - round % 5, 16, 16);
        recv_rig_run(&rig.recv);
        while (chunk_rig_next(&rig) >= 0)
            ;
    }
    recv_rig_stop(&rig.recv);
    cr_expect_eq(chunk_rig_next(&rig), 10);
    cr_expect_eq(chunk_rig_next(&rig), 11);
    EXPECT_COUNTER(chunks_incomplete, 12);
}

Test(chunk_stream, missing_bytes_may_keep_what_was_there)
{
    struct spead_chunk *chunk;

    rig.chunks.keep_unwritten = true;
    rig.chunks.window = 1;
    rig.chunks.chunk_count = 2;
    chunk_rig_open(&rig);
    for (uint64_t i = 0; i < 10; i++)
        chunk_rig_heap(&rig, i + 1, i);
    recv_rig_run(&rig.recv);
    cr_expect_eq(chunk_rig_next(&rig), 0);
    chunk_rig_heap(&rig, 11, 10); /* in the memory of chunk 0, which came back last */
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    chunk = chunk_rig_take(&rig);
    cr_assert_not_null(chunk);
    cr_expect_eq(spead_chunk_data(chunk)[64], test_packet_byte(2, 0));
    spead_chunk_unref(chunk);
}

static void place_by_sender(struct chunk_rig *r, const struct spead_chunk_packet *packet,
                            struct spead_chunk_place *place)
{
    (void)r;
    place->chunk_id = 0;
    place->heap_index = packet->sender ? packet->sender->address[15] % 10 : 9;
    place->heap_offset = place->heap_index * CHUNK_RIG_HEAP;
}

Test(chunk_stream, equal_counters_of_two_senders_are_two_heaps)
{
    rig.place = place_by_sender;
    chunk_rig_open(&rig);
    for (unsigned part = 0; part < 4; part++)
        for (uint8_t host = 1; host < 4; host++)
            chunk_rig_packet(&rig, 5, 0, part * 16, 16)->from =
                speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, host}, 7000);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    expect_chunk(0, "0111000000");
    cr_expect_eq(rig.places, 3);
}

Test(chunk_stream, a_thousand_heaps_that_nobody_reads_leave_nothing)
{
    chunk_rig_open(&rig);
    for (uint64_t i = 0; i < 1000; i++)
        chunk_rig_heap(&rig, i + 1, i);
    recv_rig_run(&rig.recv);
}

Test(chunk_stream, a_thousand_heaps_that_nobody_reads_leave_nothing_after_a_stop)
{
    chunk_rig_open(&rig);
    for (uint64_t i = 0; i < 1000; i++)
        chunk_rig_heap(&rig, i + 1, i);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
}

Test(chunk_stream, heaps_without_a_length_are_refused)
{
    chunk_rig_open(&rig);
    test_packet_begin(&rig.recv.packet, 40);
    test_packet_immediate(&rig.recv.packet, SPEAD_ID_HEAP_COUNTER, 1);
    test_packet_immediate(&rig.recv.packet, SPEAD_ID_PAYLOAD_OFFSET, 0);
    test_packet_immediate(&rig.recv.packet, SPEAD_ID_PAYLOAD_LENGTH, 4);
    test_packet_immediate(&rig.recv.packet, CHUNK_RIG_NUMBER, 0);
    test_packet_payload(&rig.recv.packet, "1234", 4);
    recv_rig_push(&rig.recv);
    recv_rig_run(&rig.recv);
    EXPECT_BUCKETS("malformed-unsized 1");
    cr_expect_eq(rig.places, 0);
}

static int64_t next_id;

static void place_at_id(struct chunk_rig *r, const struct spead_chunk_packet *packet,
                        struct spead_chunk_place *place)
{
    (void)r;
    place->chunk_id = next_id - (int64_t)packet->items[0];
    place->heap_offset = 0;
}

Test(chunk_stream, ids_near_the_largest_number_are_taken_as_they_are)
{
    next_id = INT64_MAX;
    rig.place = place_at_id;
    rig.chunks.window = 3;
    chunk_rig_open(&rig);
    chunk_rig_heap(&rig, 1, 5);
    chunk_rig_heap(&rig, 2, 0); /* INT64_MAX */
    chunk_rig_heap(&rig, 3, 1);
    chunk_rig_heap(&rig, 4, 3); /* too old */
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    for (int64_t back = 7; back > 4; back--)
        expect_chunk(INT64_MAX - back, back == 5 ? "1000000000" : "0000000000");
    expect_chunk(INT64_MAX - 2, "0000000000");
    expect_chunk(INT64_MAX - 1, "1000000000");
    expect_chunk(INT64_MAX, "1000000000");
    EXPECT_BUCKETS("delivered 3, too-old 1");
}

static struct spead_chunk_place bad;

static void place_badly(struct chunk_rig *r, const struct spead_chunk_packet *packet,
                        struct spead_chunk_place *place)
{
    (void)r;
    (void)packet;
    place->chunk_id = bad.chunk_id;
    place->heap_index = bad.heap_index;
    place->heap_offset = bad.heap_offset;
}

Test(chunk_stream, a_bad_place_is_counted_and_writes_nothing)
{
    static const struct spead_chunk_place places[] = {
        {.heap_index = 10},
        {.heap_index = UINT64_MAX},
        {.heap_offset = CHUNK_RIG_CHUNK - CHUNK_RIG_HEAP + 1},
        {.heap_offset = UINT64_MAX},
        {.heap_offset = UINT64_MAX - CHUNK_RIG_HEAP + 1},
        {.chunk_id = INT64_MAX, .heap_index = 10},
    };

    rig.place = place_badly;
    chunk_rig_open(&rig);
    for (unsigned i = 0; i < 6; i++) {
        bad = places[i];
        chunk_rig_heap(&rig, i + 1, 0);
        recv_rig_run(&rig.recv);
    }
    bad = (struct spead_chunk_place){.heap_offset = CHUNK_RIG_CHUNK - CHUNK_RIG_HEAP};
    chunk_rig_heap(&rig, 7, 0);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    expect_chunk(0, "1000000000");
    EXPECT_BUCKETS("delivered 1, bad-place 6");
    EXPECT_COUNTER(heaps_bad_place, 6);
}

static void place_at_item(struct chunk_rig *r, const struct spead_chunk_packet *packet,
                          struct spead_chunk_place *place)
{
    (void)r;
    place->chunk_id = 0;
    place->heap_index = (uint64_t)packet->items[0] >> 16;
    place->heap_offset = (uint64_t)packet->items[0] & 0xffff;
}

#define AT(index, offset) ((uint64_t)(index) << 16 | (offset))

Test(chunk_stream, two_heaps_at_one_place_are_told_apart)
{
    rig.place = place_at_item;
    chunk_rig_open(&rig);
    chunk_rig_heap(&rig, 1, AT(0, 100)); /* not at its index times the stride */
    chunk_rig_heap(&rig, 2, AT(0, 300)); /* the index is taken */
    chunk_rig_heap(&rig, 3, AT(1, 64));  /* its end is taken */
    chunk_rig_heap(&rig, 4, AT(2, 163)); /* its first byte is taken */
    chunk_rig_heap(&rig, 5, AT(3, 192)); /* free, and regular */
    chunk_rig_heap(&rig, 6, AT(4, 250)); /* the regular one has it */
    chunk_rig_heap(&rig, 7, AT(5, 256)); /* free */
    chunk_rig_heap(&rig, 8, AT(9, 576)); /* free, and regular */
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    expect_chunk(0, "1001010001");
    EXPECT_BUCKETS("delivered 4, place-taken 4");
    EXPECT_COUNTER(heaps_place_taken, 4);
}

Test(chunk_stream, chunks_leave_when_they_are_too_old)
{
    rig.recv.ops = &script_clock_ops;
    rig.chunks.chunk_timeout_ns = 1000;
    chunk_rig_open(&rig);
    chunk_rig_heap(&rig, 1, 0)->clock_ns = 100;
    recv_rig_run(&rig.recv);
    cr_expect_eq(chunk_rig_next(&rig), -1);
    rig.recv.engine->clock_ns = 1099;
    recv_rig_run(&rig.recv);
    cr_expect_eq(chunk_rig_next(&rig), -1);
    rig.recv.engine->clock_ns = 1101;
    recv_rig_run(&rig.recv);
    expect_chunk(0, "1000000000");
}

static uint64_t seed;

static uint64_t random_bits(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int64_t base_id;

/* Mostly an answer that is in the bounds or a little outside, sometimes any. */
static void place_at_random(struct chunk_rig *r, const struct spead_chunk_packet *packet,
                            struct spead_chunk_place *place)
{
    (void)r;
    (void)packet;
    place->chunk_id = random_bits() % 8 == 0 ? -1 : base_id + (int64_t)(random_bits() % 4);
    place->heap_index = random_bits() % 11;
    place->heap_offset = random_bits() % 2 == 0 ? place->heap_index * CHUNK_RIG_HEAP
                                                : random_bits() % (CHUNK_RIG_CHUNK + 10);
    if (random_bits() % 16 == 0)
        place->heap_index = random_bits() >> (random_bits() % 64);
    if (random_bits() % 16 == 0)
        place->heap_offset = random_bits() >> (random_bits() % 64);
}

/* Takes all chunks, which must be right and have rising ids. Returns how many. */
static unsigned take_all(void)
{
    static int64_t last = -1;
    unsigned count = 0;

    for (int64_t id; (id = chunk_rig_next(&rig)) != -1; count++) {
        cr_assert_neq(id, -2);
        cr_assert_gt(id, last);
        last = id;
    }
    return count;
}

Test(chunk_stream, a_place_function_that_answers_at_random)
{
    unsigned chunks = 0;

    rig.place = place_at_random;
    rig.recv.config.live_heaps_max = 8;
    rig.chunks.fill_byte = 0x77;
    seed = 88172645463325252ull;
    chunk_rig_open(&rig);
    for (unsigned round = 0; round < 400; round++) {
        base_id = round / 4;
        for (unsigned i = 0; i < 60; i++)
            chunk_rig_packet(&rig, random_bits() % 10 + round * 10, 0, random_bits() % 4 * 16, 16);
        recv_rig_run(&rig.recv);
        script_engine_clear(rig.recv.engine);
        chunks += take_all();
    }
    recv_rig_stop(&rig.recv);
    chunks += take_all();
    cr_expect_geq(chunks, 100u);
    cr_expect_gt(rig.recv.stats.counters.heaps_bad_place, 100u);
    cr_expect_gt(rig.recv.stats.counters.heaps_place_taken, 100u);
    cr_expect_gt(rig.recv.stats.counters.heaps_complete, 20u);
    cr_expect_gt(rig.recv.stats.counters.heaps_incomplete, 100u);
}

Test(chunk_stream, take_of_heaps_is_refused)
{
    struct spead_heap *heap;
    struct spead_chunk *chunk;

    chunk_rig_open(&rig);
    cr_expect_eq(spead_recv_stream_take(rig.recv.stream, &heap, 1), -EINVAL);
    cr_expect_eq(spead_recv_stream_try_take(rig.recv.stream, &heap), -EINVAL);
    cr_expect_eq(spead_recv_stream_take_many(rig.recv.stream, &heap, 1, 1), -EINVAL);
    cr_expect_eq(spead_recv_stream_try_take_chunk(rig.recv.stream, &chunk), -EAGAIN);
}
