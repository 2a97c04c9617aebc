/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: with the verbs engine, heaps of a send stream arrive whole, and each heap completes once. The buckets of the
 * ledger add up after every failure of the device.
 * Method: streams use the verbs double. A kernel socket on another host receives the packets. The test decodes them and
 * puts the heaps together again. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/send.h>

#include <speadi/clock.h>
#include <speadi/packet.h>

#include "control.h"
#include "verbs_double.h"
#include "verbs_tx_rig.h"

enum { HEAP_BYTES = 300000, HEAPS = 12 };

static struct verbs_tx_rig rig;
static uint8_t data[HEAPS][HEAP_BYTES];
static struct spead_send_heap *heap[HEAPS];
static struct spead_send_stream *stream;
static unsigned completions, errors;

static const struct spead_send_memory all_data = {.data = data, .bytes = sizeof data};

static void note(void *arg, const struct spead_send_result *result)
{
    (void)arg;
    cr_assert_eq(result->counter, completions + 1, "heaps complete in order");
    completions++;
    errors += result->error != 0;
}

static void open_stream(struct spead_send_stream_config config)
{
    const char *endpoint = "239.1.2.3:7148", *reason;
    struct spead_err err = {0};

    test_use_verbs_double();
    if (!verbs_tx_network(&rig, (const char *const[]){"239.1.2.3", NULL}, &reason))
        cr_skip_test("%s", reason);
    verbs_tx_open_sinks(&rig);
    config.engine = "verbs";
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.heaps_max = HEAPS;
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_send_stream_start(stream, &err), 0, "%s", err.text);
    for (unsigned i = 0; i < HEAPS; i++) {
        for (unsigned k = 0; k < HEAP_BYTES; k++)
            data[i][k] = (uint8_t)(k * 31 + k / 256 + i);
        spead_send_heap_create(&heap[i], (struct spead_flavour)SPEAD_FLAVOUR_64_40);
        spead_send_heap_add_item(heap[i], 0x1000, data[i], HEAP_BYTES, false);
    }
}

static struct spead_send_stats close_stream(void)
{
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;
    struct vdouble_counters counters;
    struct spead_count sum = {0};

    spead_send_stream_stats(stream, &stats);
    for (unsigned i = 0; i < stats.bucket_count; i++) {
        sum.packets += stats.bucket[i].packets;
        sum.bytes += stats.bucket[i].bytes;
    }
    cr_assert_eq(stats.submitted.packets, sum.packets);
    cr_assert_eq(stats.submitted.bytes, sum.bytes);
    cr_assert_eq(stats.bucket[SPEAD_SEND_PENDING].packets, 0);
    cr_assert_eq(completions, stats.counters.heaps_submitted);
    spead_send_stream_destroy(stream);
    for (unsigned i = 0; i < HEAPS; i++)
        spead_send_heap_destroy(heap[i]);
    verbs_tx_close(&rig);
    vdouble_counters(&counters);
    cr_assert_eq(counters.contexts + counters.mrs + counters.qps + counters.cqs, 0);
    return stats;
}

static void submit_all(void)
{
    const struct spead_send_options options = {.done = note};

    for (unsigned i = 0; i < HEAPS; i++)
        cr_assert_eq(spead_send_stream_submit(stream, heap[i], &options), 0);
}

/* Polls and waits until the stream ends, for at most 20 s. Returns the last result of poll(). */
static int run(void)
{
    const uint64_t deadline_ns = speadi_clock_mono_ns() + 20000000000u;
    int ret;

    do {
        cr_assert_lt(speadi_clock_mono_ns(), deadline_ns, "the stream hangs");
        ret = spead_send_stream_poll(stream);
        if (ret == 0)
            spead_send_stream_wait(stream, speadi_clock_mono_ns() + 100000000u);
    } while (ret >= 0);
    return ret;
}

/* Puts the heaps together from the packets. Asserts that every byte has arrived exactly once. */
static void expect_all_heaps(void)
{
    static uint8_t got[HEAPS][HEAP_BYTES], packet[9000];
    uint64_t bytes_got = 0;
    int bytes;

    while ((bytes = tx_harness_receive(&rig.h, 0, packet, sizeof packet)) > 0) {
        struct speadi_packet decoded;

        cr_assert_eq(speadi_packet_decode(&decoded, packet, (uint32_t)bytes, (uint32_t)bytes), 0);
        cr_assert(decoded.heap_counter >= 1 && decoded.heap_counter <= HEAPS);
        memcpy(&got[decoded.heap_counter - 1][decoded.payload_offset],
               packet + decoded.header_bytes, decoded.payload_bytes);
        bytes_got += decoded.payload_bytes;
    }
    cr_assert_eq(bytes_got, sizeof data);
    cr_assert_arr_eq(got, data, sizeof data);
}

static void send_whole(struct spead_send_stream_config config, uint64_t copied_bytes)
{
    struct spead_send_stats stats;

    open_stream(config);
    submit_all();
    spead_send_stream_stop(stream);
    cr_assert_eq(run(), -ESHUTDOWN);
    expect_all_heaps();
    stats = close_stream();
    cr_assert_eq(stats.counters.heaps_sent, HEAPS);
    cr_assert_eq(stats.counters.copied_bytes, copied_bytes);
}

Test(verbs_stream, heaps_arrive_whole_without_being_copied)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;

    config.memory = &all_data;
    config.memory_count = 1;
    config.packet_bytes_max = 8968;
    send_whole(config, 0);
}

Test(verbs_stream, heaps_from_other_memory_arrive_whole_and_are_counted_as_copied)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;

    send_whole(config, sizeof data);
}

/* The length of a heap, 300000 bytes, is not a multiple of the payload of a packet. So each heap ends with a shorter
 * packet. */
Test(verbs_stream, heaps_that_the_device_cuts_into_packets_arrive_whole)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;

    config.hardware_tso = true;
    config.memory = &all_data;
    config.memory_count = 1;
    send_whole(config, 0);
}

Test(verbs_stream, heaps_that_are_copied_and_cut_by_the_device_arrive_whole)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;

    config.hardware_tso = true;
    config.packet_bytes_max = 8968;
    send_whole(config, sizeof data);
}

Test(verbs_stream, a_device_that_fails_at_cutting_loses_packets_but_no_count)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stats stats;

    config.hardware_tso = true;
    config.socket_buffer_bytes = 64 << 10;
    open_stream(config);
    cr_assert_eq(vdouble_script("tx.status@%31=LOC_QP_OP_ERR cq.overrun@%37 poll_cq@%401 "
                                "post_send@%29=ENOMEM delay_us=50"),
                 0);
    submit_all();
    spead_send_stream_stop(stream);
    cr_assert_eq(run(), -ESHUTDOWN);
    stats = close_stream();
    cr_assert_eq(stats.counters.heaps_sent + stats.counters.heaps_failed, HEAPS);
    cr_assert_eq(errors, stats.counters.heaps_failed);
    cr_assert_gt(stats.counters.engine_rebuilds, 1);
    cr_assert_gt(stats.bucket[SPEAD_SEND_FAILED].packets, 0);
    cr_assert_gt(stats.bucket[SPEAD_SEND_SENT].packets, 0);
}

Test(verbs_stream, a_limited_rate_is_kept_by_the_software)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;

    const uint64_t start_ns = speadi_clock_mono_ns();

    config.rate_bytes_per_s = 50e6;
    config.memory = &all_data;
    config.memory_count = 1;
    send_whole(config, 0);
    cr_assert_gt(speadi_clock_mono_ns() - start_ns, (uint64_t)(sizeof data / 50e6 * 0.9 * 1e9));
}

Test(verbs_stream, with_hardware_rate_the_software_does_not_pace)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    const uint64_t start_ns = speadi_clock_mono_ns();

    /* The double accepts this rate, but it does not send slower because of it. If the library kept the rate itself, the
     * test would take minutes. */
    config.rate_bytes_per_s = 20000;
    config.hardware_rate = true;
    send_whole(config, sizeof data);
    cr_assert_lt(speadi_clock_mono_ns() - start_ns, 60000000000u);
}

/* Several kinds of failure happen again and again, and completions come late. */
Test(verbs_stream, a_device_that_keeps_failing_loses_packets_but_no_count)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stats stats;

    config.socket_buffer_bytes = 64 << 10;
    config.memory = &all_data;
    config.memory_count = 1;
    open_stream(config);
    cr_assert_eq(vdouble_script("tx.status@%311=LOC_QP_OP_ERR cq.overrun@%37 poll_cq@%401 "
                                "post_send@%29=ENOMEM delay_us=50"),
                 0);
    submit_all();
    spead_send_stream_stop(stream);
    cr_assert_eq(run(), -ESHUTDOWN);
    stats = close_stream();
    cr_assert_eq(stats.counters.heaps_sent + stats.counters.heaps_failed, HEAPS);
    cr_assert_eq(errors, stats.counters.heaps_failed);
    cr_assert_gt(stats.counters.engine_rebuilds, 2);
    cr_assert_gt(stats.bucket[SPEAD_SEND_FAILED].packets, 0);
    cr_assert_gt(stats.bucket[SPEAD_SEND_SENT].packets, 0);
}

Test(verbs_stream, a_device_that_goes_away_fails_what_is_left)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stats stats;

    open_stream(config);
    submit_all();
    cr_assert_gt(spead_send_stream_poll(stream), 0);
    cr_assert_eq(vdouble_script("device_fatal=1"), 0);
    cr_assert_eq(run(), -ENODEV);
    vdouble_reset();
    stats = close_stream();
    cr_assert_eq(stats.counters.heaps_sent + stats.counters.heaps_failed, HEAPS);
    cr_assert_eq(errors, stats.counters.heaps_failed);
    cr_assert_gt(errors, 0);
}

/* The double delays completions by a minute. The second stop must not wait for them. */
Test(verbs_stream, a_second_stop_sweeps_out_what_is_under_way)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stats stats;

    open_stream(config);
    cr_assert_eq(vdouble_script("delay_us=60000000"), 0);
    submit_all();
    cr_assert_gt(spead_send_stream_poll(stream), 0);
    spead_send_stream_stop(stream);
    spead_send_stream_stop(stream);
    cr_assert_eq(run(), -ESHUTDOWN);
    stats = close_stream();
    cr_assert_eq(stats.counters.heaps_abandoned, HEAPS);
    cr_assert_gt(stats.bucket[SPEAD_SEND_ABANDONED].packets, 0);
}
