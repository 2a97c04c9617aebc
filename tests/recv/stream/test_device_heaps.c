/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: heaps can lie in memory that the CPU must not touch, or in memory that must be registered with a NIC. The
 * stream refuses configurations that cannot work, and writes the right lines to the log. When an operation on the
 * memory fails, every packet is still counted in its bucket.
 * Method: a scripted engine acts as a NIC. The memory is mapped PROT_NONE, so that any access by the core ends the
 * test. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apart_memory.h"
#include "recv_config.h"
#include "recv_rig.h"
#include "small_host.h"

#define PACKETS    40u /* number of packets of one heap */
#define BYTES      64u /* payload bytes of one packet */
#define HEAP_BYTES (PACKETS * BYTES)

static struct recv_rig rig;
static struct apart_memory apart;
static char logged[4][256];
static enum spead_log_level logged_level[4];
static unsigned log_count;

static void keep_line(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg;
    if (log_count < 4) {
        snprintf(logged[log_count], sizeof logged[0], "%s", line);
        logged_level[log_count] = level;
    }
    log_count++;
}

static void init(void)
{
    recv_rig_init(&rig);
    apart_memory_open(&apart, 1u << 20);
    rig.ops = &script_nic_ops;
    rig.engine->view = apart.view;
    rig.engine->spills = true;
    rig.engine->posts_ahead = true;
    rig.engine->poll_max = 16;
    rig.config.heap_arena = &apart.arena;
    rig.config.heap_bytes_max = HEAP_BYTES;
    rig.config.packet_bytes_max = 1024;
    rig.config.allow_out_of_order = true;
    rig.config.hand_over_heaps = 16;
    rig.config.receive_path = SPEAD_PATH_PLACED;
    rig.config.log.fn = keep_line;
}

static void fini(void)
{
    apart_memory_close(&apart);
}

TestSuite(device_heaps, .init = init, .fini = fini);

/* Tries to create a stream; this must fail with the error `expected`. Returns the text that create() wrote to err. */
static const char *refusal(int expected)
{
    static struct spead_err err;
    const char *endpoint = "scripted";
    struct spead_recv_stream_config full;
    struct spead_recv_stream *stream = NULL;
    int ret;

    rig.config.endpoints = &endpoint;
    rig.config.endpoint_count = 1;
    cr_assert_eq(speadi_recv_config_read(&full, &rig.config, &err), 0, "%s", err.text);
    ret = speadi_recv_stream_create_on(&stream, &full, rig.ops, rig.engine, "a test",
                                       &(struct speadi_rx_facts){0}, &err);
    cr_assert_eq(ret, expected, "%d: %s", ret, err.text);
    cr_expect_eq(apart.ended, 0, "a stream that was not made does not end its arena");
    return err.text;
}

static const char *reason(void)
{
    static struct spead_recv_plan plan;

    plan = (struct spead_recv_plan)SPEAD_RECV_PLAN_INIT;
    spead_recv_stream_plan(rig.stream, &plan);
    return plan.engine_reason;
}

static void push(uint64_t counter, unsigned packet, unsigned pad)
{
    uint8_t payload[BYTES];

    for (unsigned i = 0; i < BYTES; i++)
        payload[i] = test_packet_byte(counter, packet * BYTES + i);
    test_packet_specials(&rig.packet, 40, counter, HEAP_BYTES, packet * BYTES, BYTES);
    for (unsigned i = 0; i < pad; i++)
        test_packet_immediate(&rig.packet, SPEAD_ID_NULL, 0);
    test_packet_payload(&rig.packet, payload, BYTES);
    recv_rig_push(&rig);
}

static void push_heap(uint64_t counter)
{
    for (unsigned i = 0; i < PACKETS; i++)
        push(counter, i, 0);
}

/* Polls until the engine has lent all packets, and checks each heap that comes. Returns how many heaps came. */
static unsigned read_all(void)
{
    struct spead_heap *heap;
    unsigned heaps = 0;

    while (rig.engine->next < rig.engine->count) {
        recv_rig_poll(&rig);
        while ((heap = recv_rig_take(&rig)) != NULL) {
            cr_assert(recv_rig_payload_is_right(heap, apart_memory_payload(&apart, heap)));
            spead_heap_unref(heap);
            heaps++;
        }
    }
    return heaps;
}

/* ---- What heaps look like ------------------------------------------------------------------ */

Test(device_heaps, a_heap_says_where_it_lies_and_has_no_bytes_to_read)
{
    struct spead_region_info info = SPEAD_REGION_INFO_INIT;
    struct spead_heap *heap;
    struct spead_item item;

    recv_rig_open(&rig);
    test_packet_specials(&rig.packet, 40, 7, 24, 0, 24);
    test_packet_addressed(&rig.packet, 0x1000, 0);
    test_packet_addressed(&rig.packet, 0x1001, 16);
    test_packet_payload(&rig.packet, "0123456789abcdefghijklmn", 24);
    recv_rig_push(&rig);
    recv_rig_run(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_null(spead_heap_payload(heap));
    cr_expect_eq(spead_heap_length(heap), 24u);
    spead_heap_region_info(heap, &info);
    cr_expect_eq(info.kind, SPEAD_REGION_DMA_BUF);
    cr_expect_eq(info.fd, apart.arena.fd);
    cr_expect_eq(info.device_address, apart.arena.device_address + info.fd_offset);
    cr_expect_eq(info.bytes, 24u);
    cr_expect_arr_eq(apart.view + info.fd_offset, "0123456789abcdefghijklmn", 24);
    cr_assert_eq(spead_heap_find_item(heap, 0x1001, &item), 0);
    cr_expect_null(item.data);
    cr_expect_eq(item.value, 16u);
    cr_expect_eq(item.bytes, 8u);
    recv_rig_close(&rig);
    cr_expect_eq(apart.ended, 0, "the consumer has a heap in it");
    spead_heap_unref(heap);
    cr_expect_eq(apart.ended, 1);
}

Test(device_heaps, the_plan_charges_all_of_it_from_the_start)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    recv_rig_open(&rig);
    spead_recv_stream_plan(rig.stream, &plan);
    cr_expect_eq(plan.memory_bytes, plan.region_count * plan.region_bytes);
    recv_rig_run(&rig);
    cr_expect_eq(rig.stats.counters.memory_bytes, plan.memory_bytes);
    recv_rig_close(&rig);
}

Test(device_heaps, the_host_s_memory_is_shown_whole_to_a_nic_and_pinned)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    rig.config.heap_arena = NULL;
    rig.engine->view = NULL;
    recv_rig_open(&rig);
    spead_recv_stream_plan(rig.stream, &plan);
    cr_expect_not_null(rig.engine->memory.data);
    cr_expect_eq(rig.engine->memory.bytes, plan.memory_bytes);
    cr_expect_gt(plan.memory_bytes, plan.region_count * plan.region_bytes,
                 "the regions of small heaps are pinned too");
    recv_rig_close(&rig);
}

/* ---- What is refused, and which path receive_path "auto" chooses --------------------------- */

Test(device_heaps, an_engine_that_cannot_reach_it_is_refused_or_bounces)
{
    rig.ops = &script_engine_ops;
    cr_expect_not_null(strstr(refusal(-ENOTSUP), "the CPU cannot touch"));

    recv_rig_init(&rig);
    rig.config.heap_arena = &apart.arena;
    rig.config.heap_bytes_max = HEAP_BYTES;
    rig.config.packet_bytes_max = 8192;
    recv_rig_open(&rig);
    cr_expect_not_null(strstr(reason(), "bounced, not placed: engine \"script\""), "%s", reason());
    for (uint64_t counter = 1; counter <= 4; counter++)
        push_heap(counter);
    cr_expect_eq(read_all(), 4u);
    cr_expect_eq(rig.stats.counters.bounced, 4 * PACKETS);
    recv_rig_close(&rig);
}

Test(device_heaps, memory_that_cannot_be_registered_is_an_error_or_a_reason)
{
    rig.engine->attach_error = -ENOMEM;
    cr_expect_str_eq(refusal(-ENOMEM), "the script does not attach");

    recv_rig_init(&rig);
    rig.ops = &script_nic_ops;
    rig.engine->attach_error = -ENOMEM;
    recv_rig_open(&rig);
    cr_expect_str_eq(reason(),
                     "a test; payload is bounced, not placed: the script does not attach");
    for (uint64_t i = 0; i < 20; i++)
        recv_rig_data(&rig, 1, 20 * 8192, i * 8192, 8192);
    recv_rig_run(&rig);
    cr_expect_eq(rig.stats.counters.bounced, 20u);
    cr_expect_eq(rig.stats.counters.memory_bytes, 20u * 8192,
                 "and lazily charged, as without a NIC");
    recv_rig_close(&rig);
}

Test(device_heaps, a_memory_bound_below_what_is_pinned_is_an_error_or_a_reason)
{
    rig.config.heap_arena = NULL;
    rig.config.memory_bytes_max = 65536;
    cr_expect_not_null(strstr(refusal(-ENOMEM), "memory_bytes_max 65536: "));

    recv_rig_init(&rig);
    rig.ops = &script_nic_ops;
    rig.config.memory_bytes_max = 65536;
    recv_rig_open(&rig);
    cr_expect_not_null(strstr(reason(), "memory_bytes_max 65536: "), "%s", reason());
    recv_rig_close(&rig);
}

Test(device_heaps, an_arena_without_room_for_spares_is_named)
{
    const size_t heaps = (4 + 16 + 2 + 2) * 4096;

    apart.arena.bytes = heaps + 128 * 1024 - 1;
    cr_expect_not_null(strstr(refusal(-EINVAL), "128 spare buffers"));
}

Test(device_heaps, an_arena_without_operations_is_refused)
{
    struct spead_recv_stream_config full;
    struct spead_err err;

    rig.config.endpoints = &(const char *){"scripted"};
    rig.config.endpoint_count = 1;
    apart.ops.copy_within = NULL;
    cr_expect_eq(speadi_recv_config_read(&full, &rig.config, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "heap_arena"), "%s", err.text);
    script_engine_ops.close(rig.engine);
    free(rig.engine);
}

/* ---- Operations that fail ------------------------------------------------------------------ */

static void push_lossy_wire(void)
{
    push_heap(1);
    for (unsigned i = 0; i < PACKETS; i++)
        if (i != 12)
            push(2, i, 0);
    push(3, 0, 2);
    for (unsigned i = 1; i < PACKETS; i++)
        push(3, i, 0);
    push_heap(4);
}

Test(device_heaps, whichever_operation_fails_no_wrong_heap_is_handed_over)
{
    unsigned total, heaps;

    rig.config.deliver_incomplete = true;
    recv_rig_open(&rig);
    push_lossy_wire();
    heaps = read_all();
    recv_rig_stop(&rig);
    total = apart.copies_in + apart.copies_within + apart.copies_out + apart.flushes;
    cr_expect_eq(heaps, 3u);
    cr_expect_gt(rig.stats.counters.placed, 0u);
    cr_expect_gt(apart.copies_out, 0u, "the longer header was read back");
    cr_expect_gt(apart.copies_within, 0u);
    recv_rig_close(&rig);
    for (unsigned n = 1; n <= total; n++) {
        fini();
        init();
        rig.config.deliver_incomplete = true;
        apart.fail_at = n;
        log_count = 0;
        recv_rig_open(&rig);
        push_lossy_wire();
        cr_expect_lt(read_all(), 4u);
        recv_rig_stop(&rig);
        cr_expect_gt(recv_rig_packets(&rig, SPEAD_RECV_REGION_ERROR), 0u, "operation %u", n);
        cr_expect_geq(rig.stats.counters.heaps_region_error, 1u, "operation %u", n);
        cr_assert_eq(log_count, 1u, "said once");
        cr_expect_not_null(strstr(logged[0], "heap memory \"apart\""), "%s", logged[0]);
        recv_rig_close(&rig);
    }
}

Test(device_heaps, memory_that_cannot_be_read_back_loses_packets_whose_header_is_there)
{
    apart.ops.copy_out = NULL;
    recv_rig_open(&rig);
    push_heap(1);
    push_heap(2);
    for (unsigned i = 0; i < PACKETS; i++)
        push(3, i, i == 20 ? 3 : 0);
    cr_expect_eq(read_all(), 2u);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_REGION_ERROR), 1u);
    cr_expect_not_null(strstr(logged[0], "copy_out"), "%s", logged[0]);
    recv_rig_close(&rig);
}

/* ---- The window, and loss that switches placement off -------------------------------------- */

static void open_with(unsigned window, double loss_max)
{
    rig.config.placed_window = window;
    rig.config.placed_loss_max = loss_max;
    rig.config.deliver_incomplete = true;
    log_count = 0;
    recv_rig_open(&rig);
}

/* Sends heaps and reads them. One of every `every` packets is lost; 0 means that no packet is lost. */
static void read_lossy(uint64_t heaps, unsigned every)
{
    static uint64_t counter;
    unsigned n = 0;

    for (uint64_t heap = 0; heap < heaps; heap++) {
        counter++;
        for (unsigned i = 0; i < PACKETS; i++)
            if (every == 0 || ++n % every != 0)
                push(counter, i, 0);
        if (rig.engine->count > SCRIPT_PACKETS_MAX - PACKETS || heap + 1 == heaps) {
            read_all();
            script_engine_clear(rig.engine);
        }
    }
}

Test(device_heaps, no_more_places_than_the_window_are_given_away)
{
    open_with(5, 0);
    read_lossy(100, 0);
    cr_expect_eq(rig.engine->most_outstanding, 5u);
    cr_expect_eq(rig.stats.counters.repaired, 0u);
    recv_rig_close(&rig);
}

Test(device_heaps, one_loss_in_a_thousand_is_repaired)
{
    open_with(64, 0);
    read_lossy(1000, 1000);
    recv_rig_stop(&rig);
    cr_expect_eq(rig.stats.counters.missing_packets, 40u);
    cr_expect_eq(rig.stats.counters.placement_stops, 0u);
    cr_expect_gt(rig.stats.counters.repaired, 0u);
    cr_expect_lt(rig.stats.counters.repaired * 15, rig.stats.counters.placed,
                 "1 - 0.999^64 is 6.2 %%: %llu of %llu",
                 (unsigned long long)rig.stats.counters.repaired,
                 (unsigned long long)rig.stats.counters.placed);
    recv_rig_close(&rig);
}

Test(device_heaps, one_loss_in_a_hundred_is_repaired_and_just_below_the_bound)
{
    open_with(64, 0);
    read_lossy(1000, 100);
    recv_rig_stop(&rig);
    cr_expect_eq(rig.stats.counters.missing_packets, 400u);
    cr_expect_eq(rig.stats.counters.placement_stops, 0u);
    /* Every hundredth packet is lost, and 64 packets behind each of them land in a wrong place. */
    cr_expect_lt(rig.stats.counters.repaired * 100,
                 65 * (rig.stats.counters.placed + rig.stats.counters.repaired));
    recv_rig_close(&rig);
}

Test(device_heaps, above_the_bound_placement_goes_off_says_so_and_comes_back)
{
    open_with(64, 0);
    read_lossy(500, 31);
    cr_assert_eq(log_count, 1u);
    cr_expect_not_null(strstr(logged[0], "placement is off: 3."), "%s", logged[0]);
    cr_expect_eq(rig.stats.counters.placement_stops, 1u);
    cr_expect_gt(rig.stats.counters.placement_off_packets, 5000u);
    read_lossy(500, 0);
    cr_expect_eq(log_count, 2u);
    cr_expect_not_null(strstr(logged[1], "on again: 0.00 %"), "%s", logged[1]);
    recv_rig_stop(&rig);
    cr_expect_geq(rig.stats.counters.bounced, rig.stats.counters.placement_off_packets);
    recv_rig_close(&rig);
}

Test(device_heaps, placement_that_goes_on_and_off_is_said_once_in_a_while_with_what_was_left_out)
{
    open_with(64, 0);
    rig.stream->placement_said[0].quiet_ns = UINT64_MAX;
    rig.stream->placement_said[1].quiet_ns = UINT64_MAX;
    for (unsigned i = 0; i < 2; i++) {
        read_lossy(500, 31);
        read_lossy(500, 0);
    }
    cr_assert_eq(log_count, 0u, "%s", logged[0]);
    rig.stream->placement_said[0].quiet_ns = 0;
    read_lossy(500, 31);
    cr_assert_eq(log_count, 1u);
    cr_expect_not_null(strstr(logged[0], "placement is off"), "%s", logged[0]);
    cr_expect_not_null(strstr(logged[0], "(2 more like this were left out)"), "%s", logged[0]);
    recv_rig_stop(&rig);
    cr_expect_eq(rig.stats.counters.placement_stops, 3u);
    recv_rig_close(&rig);
}

Test(device_heaps, the_bound_can_be_set)
{
    open_with(64, 0.005);
    read_lossy(500, 100);
    cr_expect_eq(rig.stats.counters.placement_stops, 1u);
    recv_rig_close(&rig);
}

/* When a device gets the heap memory, the kernel pins all of it at once. If the host had too little memory, the kernel
 * would kill the program. */
Test(device_heaps, more_heap_memory_than_the_host_has_free_is_not_pinned)
{
    const char *text;

    test_host_make();
    test_host_set_free(100);
    recv_rig_init(&rig);
    rig.ops = &script_nic_ops;
    rig.config.receive_path = SPEAD_PATH_PLACED;
    rig.engine->attach_error = -EIO; /* the error that comes if the stream tries to pin */
    text = refusal(-ENOMEM);
    cr_expect_not_null(strstr(text, "hand_over_heaps: "), "%s", text);
    cr_expect_not_null(strstr(text, "the host has 100 KiB free"), "%s", text);

    recv_rig_init(&rig);
    rig.ops = &script_nic_ops;
    recv_rig_open(&rig);
    cr_expect_not_null(strstr(reason(), "payload is bounced, not placed: "), "%s", reason());
    recv_rig_close(&rig);
    test_host_remove();
}

static void open_placed_on_nic(uint64_t memory_bytes_max)
{
    recv_rig_init(&rig);
    rig.ops = &script_nic_ops;
    rig.config.receive_path = SPEAD_PATH_PLACED;
    rig.config.memory_bytes_max = memory_bytes_max;
    rig.config.log.fn = keep_line;
    log_count = 0;
    recv_rig_open(&rig);
}

static bool was_warned(void)
{
    for (unsigned i = 0; i < log_count && i < 4; i++)
        if (logged_level[i] == SPEAD_LOG_WARNING && strstr(logged[i], "placing payload pins "))
            return true;
    return false;
}

Test(device_heaps, heap_memory_of_more_than_half_of_what_is_free_is_warned_of_before_it_is_pinned)
{
    unsigned long long pinned;

    test_host_make();
    test_host_set_free(1ull << 30);
    open_placed_on_nic(0);
    pinned = rig.stream->memory.all.bytes;
    cr_expect_not(was_warned());
    recv_rig_close(&rig);

    test_host_set_free(pinned / 1024 / 4 * 6);
    open_placed_on_nic(2 * pinned);
    cr_expect_eq(rig.stream->memory.all.bytes, pinned);
    cr_expect(was_warned());
    recv_rig_close(&rig);
    test_host_remove();
}

Test(device_heaps, a_stream_that_is_only_a_plan_cannot_be_started)
{
    struct spead_err err = {0};

    recv_rig_init(&rig);
    rig.config.plan_only = true;
    recv_rig_open(&rig);
    cr_expect_eq(spead_recv_stream_start(rig.stream, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "plan_only"), "%s", err.text);
    recv_rig_close(&rig);
}

/* ---- The size of the packets --------------------------------------------------------------- */

static void receive_heap(uint64_t counter, size_t bytes)
{
    for (uint64_t offset = 0; offset < HEAP_BYTES; offset += bytes)
        recv_rig_data(&rig, counter, HEAP_BYTES, offset,
                      offset + bytes > HEAP_BYTES ? HEAP_BYTES - offset : bytes);
    recv_rig_run(&rig);
    spead_heap_unref(recv_rig_take(&rig));
}

Test(device_heaps, packets_that_fill_cache_lines_in_part_are_said_once)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;

    recv_rig_open(&rig);
    log_count = 0;
    receive_heap(1, 200);
    receive_heap(2, 200);
    cr_assert_eq(log_count, 1u);
    cr_expect_eq(logged_level[0], SPEAD_LOG_INFO);
    cr_expect_not_null(strstr(logged[0], "200 bytes of payload, which is no multiple of 64"), "%s",
                       logged[0]);
    cr_expect_not_null(strstr(logged[0], "192 bytes"), "%s", logged[0]);
    spead_recv_stream_stats(rig.stream, &stats);
    cr_expect_gt(stats.counters.unaligned_packets, 0u);
    cr_expect_leq(stats.counters.unaligned_packets, stats.counters.placed,
                  "those that were bounced do not count");
    cr_expect_eq(stats.counters.unaligned_payload_bytes, 200u);
    recv_rig_close(&rig);
}

Test(device_heaps, packets_that_fill_cache_lines_are_not)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;

    recv_rig_open(&rig);
    log_count = 0;
    receive_heap(1, 128);
    cr_expect_eq(log_count, 0u);
    spead_recv_stream_stats(rig.stream, &stats);
    cr_expect_eq(stats.counters.unaligned_packets, 0u);
    recv_rig_close(&rig);
}
