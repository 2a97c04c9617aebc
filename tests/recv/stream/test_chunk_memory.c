/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: chunks lie in the memory that the user asks for, the memory is bounded, and a consumer that is too slow is named.
 * Method: a scripted engine lends heaps, and the tests hold chunks. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunk_rig.h"
#include "recv_config.h"

static struct chunk_rig rig;
static char last_warning[512];

static void keep_line(void *arg, enum spead_log_level level, const char *text)
{
    (void)arg;
    if (level == SPEAD_LOG_WARNING)
        snprintf(last_warning, sizeof last_warning, "%s", text);
}

static void make_rig(void)
{
    last_warning[0] = '\0';
    chunk_rig_init(&rig);
    rig.recv.config.log = (struct spead_log){.fn = keep_line};
}

static void close_rig(void)
{
    if (rig.recv.stream)
        chunk_rig_close(&rig);
}

TestSuite(chunk_memory, .init = make_rig, .fini = close_rig);

#define EXPECT_BUCKETS(text)        cr_expect_str_eq(recv_rig_buckets(&rig.recv), text)
#define EXPECT_COUNTER(name, value) cr_expect_eq(rig.recv.stats.counters.name, (uint64_t)(value))

/* Queues the heaps of whole chunks. */
static void push_chunks(uint64_t from, uint64_t end)
{
    for (uint64_t i = from * CHUNK_RIG_HEAPS; i < end * CHUNK_RIG_HEAPS; i++)
        chunk_rig_heap(&rig, i + 1, i);
}

/* Takes `count` chunks and keeps them. */
static void hold(struct spead_chunk **held, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        held[i] = chunk_rig_take(&rig);
        cr_assert_not_null(held[i]);
    }
}

static void release(struct spead_chunk **held, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        spead_chunk_unref(held[i]);
}

Test(chunk_memory, a_slow_consumer_starves_the_stream_and_is_named)
{
    struct spead_chunk *held[4];

    rig.chunks.chunk_count = 4;
    chunk_rig_open(&rig);
    push_chunks(0, 4);
    recv_rig_run(&rig.recv);
    EXPECT_COUNTER(chunks_free, 0);
    hold(held, 4);
    push_chunks(4, 7);
    recv_rig_run(&rig.recv);
    EXPECT_COUNTER(chunks_free_least, 0);
    EXPECT_BUCKETS("delivered 40, no-memory 30");
    EXPECT_COUNTER(heaps_no_memory, 30);
    cr_expect_not_null(strstr(last_warning, "no free chunk for id 4"), "%s", last_warning);
    cr_expect_not_null(strstr(last_warning, "chunk_count (4)"), "%s", last_warning);
    release(held, 4);
    push_chunks(7, 9);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    cr_expect_eq(chunk_rig_next(&rig), 7);
    cr_expect_eq(chunk_rig_next(&rig), 8);
    EXPECT_COUNTER(chunks_starved, 3);
    EXPECT_COUNTER(chunks_free_least, 0);
}

Test(chunk_memory, a_chunk_without_memory_gets_it_when_one_is_free)
{
    struct spead_chunk *held[3];

    rig.chunks.chunk_count = 3;
    chunk_rig_open(&rig);
    push_chunks(0, 3);
    recv_rig_run(&rig.recv);
    hold(held, 3);
    chunk_rig_heap(&rig, 31, 30);
    recv_rig_run(&rig.recv);
    release(held, 3);
    chunk_rig_heap(&rig, 32, 31);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    EXPECT_BUCKETS("delivered 31, no-memory 1");
    cr_expect_eq(chunk_rig_next(&rig), 3);
    EXPECT_COUNTER(chunks_starved, 0);
}

Test(chunk_memory, a_stream_whose_source_has_room_waits_for_a_chunk)
{
    struct spead_chunk *held[3];

    rig.chunks.chunk_count = 3;
    rig.recv.engine->fill = 0.2;
    chunk_rig_open(&rig);
    push_chunks(0, 3);
    recv_rig_run(&rig.recv);
    hold(held, 3);
    push_chunks(3, 4);
    for (unsigned i = 0; i < 4; i++)
        recv_rig_poll(&rig.recv);
    EXPECT_BUCKETS("delivered 30");
    cr_expect_eq(spead_recv_stream_wait(rig.recv.stream, 0), 0);
    release(held, 1);
    recv_rig_run(&rig.recv);
    EXPECT_BUCKETS("delivered 40");
    cr_expect_gt(rig.recv.stats.counters.paused_ns, 0u);
    cr_expect_eq(rig.places, 40); /* once for each heap */
    release(held + 1, 2);
}

Test(chunk_memory, a_stop_while_all_chunks_are_held_ends_the_stream)
{
    struct spead_chunk *held[3];

    rig.chunks.chunk_count = 3;
    rig.recv.engine->fill = 0.2;
    chunk_rig_open(&rig);
    push_chunks(0, 3);
    recv_rig_run(&rig.recv);
    hold(held, 3);
    push_chunks(3, 4);
    recv_rig_poll(&rig.recv);
    recv_rig_stop(&rig.recv);
    cr_expect_eq(chunk_rig_next(&rig), -1);
    cr_expect_eq(rig.recv.stats.counters.chunks_starved, 1);
    chunk_rig_close(&rig);
    cr_expect_eq(spead_chunk_id(held[2]), 2);
    cr_expect(chunk_rig_is_right(held[2], spead_chunk_data(held[2]), 0));
    release(held, 3);
}

Test(chunk_memory, drop_oldest_sheds_the_chunk_that_waited_longest)
{
    rig.chunks.chunk_count = 4;
    rig.recv.config.on_full = SPEAD_ON_FULL_DROP_OLDEST;
    chunk_rig_open(&rig);
    push_chunks(0, 8);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    for (int64_t id = 4; id < 8; id++)
        cr_expect_eq(chunk_rig_next(&rig), id);
    cr_expect_eq(chunk_rig_next(&rig), -1);
    EXPECT_BUCKETS("delivered 40, shed 40");
    EXPECT_COUNTER(chunks_shed, 4);
    EXPECT_COUNTER(heaps_shed, 40);
    EXPECT_COUNTER(chunks_complete, 4);
}

Test(chunk_memory, chunks_that_nobody_takes_are_shed)
{
    struct spead_receiver *receiver;

    chunk_rig_open(&rig);
    cr_assert_eq(spead_receiver_open(&receiver, spead_recv_stream_channel(rig.recv.stream), "test",
                                     (uint16_t)spead_chunk_message_type(), NULL),
                 0);
    push_chunks(0, 2);
    recv_rig_run(&rig.recv);
    EXPECT_BUCKETS("delivered 20");
    spead_receiver_close(receiver);
    push_chunks(2, 3);
    while (recv_rig_poll(&rig.recv) >= 0)
        ;
    cr_expect_eq(recv_rig_packets(&rig.recv, SPEAD_RECV_DELIVERED), 0);
    cr_expect_geq(recv_rig_packets(&rig.recv, SPEAD_RECV_SHED), 20);
    EXPECT_COUNTER(chunks_complete, 0);
    cr_expect_geq(rig.recv.stats.counters.chunks_shed, 2u);
}

Test(chunk_memory, messages_of_chunks_say_what_they_are)
{
    struct spead_receiver *receiver;
    struct spead_message message;

    rig.recv.config.message_stream = 5;
    chunk_rig_open(&rig);
    cr_assert_eq(spead_receiver_open(&receiver, spead_recv_stream_channel(rig.recv.stream), "test",
                                     (uint16_t)spead_chunk_message_type(), NULL),
                 0);
    push_chunks(3, 4);
    chunk_rig_heap(&rig, 99, 45);
    recv_rig_run(&rig.recv);
    recv_rig_stop(&rig.recv);
    for (int64_t id = 2; id < 5; id++) {
        struct spead_chunk *chunk;

        cr_assert_eq(spead_receiver_try_receive(receiver, &message, 1), 1);
        chunk = (struct spead_chunk *)(uintptr_t)message.reference;
        cr_expect_eq(message.key, (uint64_t)id);
        cr_expect_eq(message.sequence, (uint64_t)id - 2);
        cr_expect_eq(message.stream, 5);
        cr_expect_eq(spead_chunk_stream(chunk), 5);
        cr_expect_eq(message.length, CHUNK_RIG_CHUNK);
        cr_expect_eq(message.time_ns, spead_chunk_first_ns(chunk));
        cr_expect_eq(message.flags, id == 3 ? 0 : SPEAD_MESSAGE_INCOMPLETE);
        spead_message_unref(&message);
    }
    spead_receiver_close(receiver);
}

Test(chunk_memory, chunks_lie_in_the_buffers_of_the_user)
{
    void *buffers[3];
    struct spead_chunk *held[2];

    for (unsigned i = 0; i < 3; i++)
        buffers[i] = malloc(CHUNK_RIG_CHUNK);
    rig.chunks.buffers = buffers;
    rig.chunks.chunk_count = 3;
    chunk_rig_open(&rig);
    push_chunks(0, 2);
    recv_rig_run(&rig.recv);
    hold(held, 2);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *data = spead_chunk_data(held[i]);

        cr_expect(data == buffers[0] || data == buffers[1] || data == buffers[2]);
        cr_expect(chunk_rig_is_right(held[i], data, 0));
    }
    release(held, 2);
    chunk_rig_close(&rig);
    rig.recv.stream = NULL;
    for (unsigned i = 0; i < 3; i++)
        free(buffers[i]);
}

static void note_end(void *arg)
{
    ++*(unsigned *)arg;
}

Test(chunk_memory, chunks_lie_in_an_arena_of_the_user_until_the_last_one_is_released)
{
    struct spead_region_arena arena = SPEAD_REGION_ARENA_INIT;
    struct spead_region_info info = SPEAD_REGION_INFO_INIT;
    struct spead_chunk *held[1];
    uint8_t *memory = aligned_alloc(4096, 3 * 4096);
    unsigned ends = 0;

    arena.data = memory;
    arena.bytes = 3 * 4096;
    arena.ended = note_end;
    arena.arg = &ends;
    rig.chunks.arena = &arena;
    rig.chunks.chunk_count = 3;
    chunk_rig_open(&rig);
    push_chunks(0, 1);
    recv_rig_run(&rig.recv);
    hold(held, 1);
    spead_chunk_region_info(held[0], &info);
    cr_expect_eq(info.bytes, CHUNK_RIG_CHUNK);
    cr_expect_eq(info.data, spead_chunk_data(held[0]));
    cr_expect(spead_chunk_data(held[0]) >= memory && spead_chunk_data(held[0]) < memory + 3 * 4096);
    chunk_rig_close(&rig);
    rig.recv.stream = NULL;
    cr_expect_eq(ends, 0);
    cr_expect(chunk_rig_is_right(held[0], spead_chunk_data(held[0]), 0));
    release(held, 1);
    cr_expect_eq(ends, 1);
    free(memory);
}

Test(chunk_memory, the_plan_counts_the_chunks)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    rig.chunks.chunk_count = 7;
    rig.chunks.window = 3;
    rig.chunks.chunk_bytes = 10000;
    chunk_rig_open(&rig);
    spead_recv_stream_plan(rig.recv.stream, &plan);
    cr_expect_eq(plan.region_count, 7);
    cr_expect_eq(plan.region_bytes, 12288);
    cr_expect_eq(plan.live_regions, 3);
    cr_expect_eq(plan.memory_bytes, 7 * 12288);
}

/* ---- Refused configurations ---------------------------------------------------------------- */

/* Returns the sentence of create() for rig.chunks. */
static const char *refusal(int code)
{
    static struct spead_err err;
    struct spead_recv_stream_config config = rig.recv.config;
    struct spead_recv_stream *stream;
    struct spead_mem_link *link;

    cr_assert_eq(spead_mem_link_create(&link, 16, 1472, NULL), 0);
    config.links = &link;
    config.link_count = 1;
    config.chunks = &rig.chunks;
    cr_expect_eq(spead_recv_stream_create(&stream, &config, &err), code, "%s", err.text);
    spead_mem_link_unref(link);
    return err.text;
}

static struct spead_chunk_config whole(void)
{
    struct chunk_rig good;

    chunk_rig_init(&good);
    free(good.recv.engine);
    return good.chunks;
}

Test(chunk_memory, a_configuration_that_cannot_be_is_refused_by_the_name_of_its_field)
{
    static const struct {
        const char *name;
        size_t offset;
        uint32_t value;
    } rows[] = {
        {"chunks.window", offsetof(struct spead_chunk_config, window), 0},
        {"chunks.window", offsetof(struct spead_chunk_config, window), 2000},
        {"chunks.present_count", offsetof(struct spead_chunk_config, present_count), 0},
        {"chunks.chunk_count", offsetof(struct spead_chunk_config, chunk_count), 2},
        {"chunks.item_count", offsetof(struct spead_chunk_config, item_count), 65},
        {"chunks.extra_bytes", offsetof(struct spead_chunk_config, extra_bytes), 4097},
        {"chunks.gaps_max", offsetof(struct spead_chunk_config, gaps_max), 9},
        {"chunks.counter_count", offsetof(struct spead_chunk_config, counter_count), 65},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        rig.chunks = whole();
        memcpy((char *)&rig.chunks + rows[i].offset, &rows[i].value, sizeof rows[i].value);
        cr_expect_not_null(strstr(refusal(-EINVAL), rows[i].name), "%s", rows[i].name);
    }
    rig.chunks = whole();
    rig.chunks.chunk_bytes = 0;
    cr_expect_not_null(strstr(refusal(-EINVAL), "chunks.chunk_bytes"));
    rig.chunks = whole();
    rig.chunks.place = NULL;
    cr_expect_not_null(strstr(refusal(-EINVAL), "chunks.place"));
    rig.chunks = whole();
    rig.chunks.items = NULL;
    cr_expect_not_null(strstr(refusal(-EINVAL), "chunks.items"));
    script_engine_clear(rig.recv.engine);
    free(rig.recv.engine);
}

Test(chunk_memory, chunks_that_need_more_than_the_limit_are_refused)
{
    rig.chunks = whole();
    rig.chunks.chunk_bytes = 1u << 20;
    rig.recv.config.memory_bytes_max = 8u << 20;
    cr_expect_not_null(strstr(refusal(-ENOMEM), "chunks.chunk_count"));
    free(rig.recv.engine);
}

Test(chunk_memory, an_arena_that_is_too_small_is_refused)
{
    static uint8_t memory[8192];
    struct spead_region_arena arena = SPEAD_REGION_ARENA_INIT;

    arena.data = memory;
    arena.bytes = sizeof memory;
    rig.chunks = whole();
    rig.chunks.arena = &arena;
    cr_expect_not_null(strstr(refusal(-EINVAL), "chunks.arena"));
    free(rig.recv.engine);
}
