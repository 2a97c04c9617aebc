/* What a program sees of a send stream: acceptance, completion in order, errors, stop, and a ledger that
 * adds up whenever it is looked at.
 *
 * Method: a stream on an engine that does as the test says (support/scripted_tx.h), polled by hand. */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <speadi/clock.h>

#include "scripted_tx.h"

enum { HEAP_BYTES = 10000, PACKETS = 7, HEAP_SPEAD_BYTES = HEAP_BYTES + PACKETS * 40 + 8 };

static uint8_t data[HEAP_BYTES];

struct log {
    unsigned count;
    struct spead_send_result result[128];
};

static void note(void *arg, const struct spead_send_result *result)
{
    struct log *log = arg;

    cr_assert_lt(log->count, 128);
    log->result[log->count++] = *result;
}

static struct spead_send_heap *make_heap(size_t bytes)
{
    struct spead_send_heap *heap = NULL;

    cr_assert_eq(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40), 0);
    if (bytes != 0)
        cr_assert_eq(spead_send_heap_add_item(heap, 0x1000, data, bytes, false), 0);
    return heap;
}

/* One stream with a heap of PACKETS packets, torn down by the case. */
struct bench {
    struct spead_send_stream_config config;
    struct scripted_tx *tx;
    struct spead_send_stream *stream;
    struct spead_send_heap *heap;
    struct log log;
    struct spead_send_options options;
};

static void open_bench(struct bench *bench, uint32_t heaps_max)
{
    *bench = (struct bench){.config = SPEAD_SEND_STREAM_CONFIG_INIT};
    bench->config.heaps_max = heaps_max;
    bench->tx = scripted_tx_create();
    bench->stream = scripted_tx_stream_to(bench->tx, &bench->config, 3, 0);
    bench->heap = make_heap(HEAP_BYTES);
    bench->options.done = note;
    bench->options.done_arg = &bench->log;
}

static void close_bench(struct bench *bench)
{
    spead_send_stream_destroy(bench->stream);
    cr_expect(bench->tx->closed);
    scripted_tx_destroy(bench->tx);
    spead_send_heap_destroy(bench->heap);
}

static int submit(struct bench *bench)
{
    return spead_send_stream_submit(bench->stream, bench->heap, &bench->options);
}

/* A snapshot, checked: every packet is in exactly one bucket. */
static struct spead_send_stats look(const struct spead_send_stream *stream)
{
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;
    struct spead_count sum = {0};

    spead_send_stream_stats(stream, &stats);
    cr_assert_eq(stats.bucket_count, SPEAD_SEND_BUCKET_COUNT);
    for (unsigned i = 0; i < stats.bucket_count; i++) {
        sum.packets += stats.bucket[i].packets;
        sum.bytes += stats.bucket[i].bytes;
    }
    cr_assert_eq(stats.submitted.packets, sum.packets, "%zu packets submitted, %zu in buckets",
                 (size_t)stats.submitted.packets, (size_t)sum.packets);
    cr_assert_eq(stats.submitted.bytes, sum.bytes);
    cr_assert_eq(stats.heaps_submitted, stats.heaps_sent + stats.heaps_failed +
                                            stats.heaps_abandoned + stats.heaps_pending);
    return stats;
}

static uint64_t packets_in(const struct spead_send_stream *stream, enum spead_send_bucket bucket)
{
    return look(stream).bucket[bucket].packets;
}

/* ---- Acceptance ---------------------------------------------------------------------------- */

/* TestStream.overflow */
Test(send_stream, exactly_heaps_max_heaps_are_accepted)
{
    struct bench bench;

    open_bench(&bench, 5); /* not a power of two */
    for (int i = 0; i < 5; i++)
        cr_expect_eq(submit(&bench), 0);
    cr_expect_eq(submit(&bench), -EAGAIN);
    cr_expect_eq(submit(&bench), -EAGAIN);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 5 * PACKETS);
    cr_expect_eq(bench.log.count, 5);
    cr_expect_eq(look(bench.stream).heaps_refused, 2);
    cr_expect_eq(look(bench.stream).heaps_submitted, 5);
    cr_expect_eq(submit(&bench), 0, "slots are free again");
    close_bench(&bench);
}

Test(send_stream, bad_requests_are_refused_and_change_nothing)
{
    struct bench bench;
    struct spead_send_options options;
    struct spead_send_heap *wide;

    open_bench(&bench, 4);
    options = bench.options;
    options.destination = 3;
    cr_expect_eq(spead_send_stream_submit(bench.stream, bench.heap, &options), -EINVAL);
    /* TestStream.invalid_cnt */
    options = bench.options;
    options.explicit_counter = true;
    options.counter = 1ull << 40;
    cr_expect_eq(spead_send_stream_submit(bench.stream, bench.heap, &options), -EINVAL);
    cr_expect_eq(spead_send_stream_submit(bench.stream, NULL, NULL), -EINVAL);
    wide = make_heap(8);
    for (unsigned i = 0; i < 200; i++)
        spead_send_heap_add_immediate(wide, 0x2000, i);
    spead_send_heap_repeat_pointers(wide, true);
    cr_expect_eq(spead_send_stream_submit(bench.stream, wide, NULL), -EINVAL);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 0);
    cr_expect_eq(look(bench.stream).heaps_submitted, 0);
    cr_expect_eq(submit(&bench), 0);
    spead_send_stream_poll(bench.stream);
    cr_expect_eq(bench.log.result[0].counter, 1, "automatic numbering was advanced");
    spead_send_heap_destroy(wide);
    close_bench(&bench);
}

/* TestStream.send_explicit_cnt */
Test(send_stream, explicit_counters_leave_automatic_ones_alone)
{
    static const uint64_t want[] = {(1ull << 40) - 1, 0x1234, 1, 4};
    struct bench bench;
    struct spead_send_options chosen;

    open_bench(&bench, 4);
    spead_send_stream_destroy(bench.stream);
    bench.config.heap_counter_first = (1ull << 40) - 1; /* wraps */
    bench.config.heap_counter_step = 2;
    bench.stream = scripted_tx_stream(bench.tx, &bench.config);
    chosen = bench.options;
    chosen.explicit_counter = true;
    submit(&bench);
    chosen.counter = 0x1234;
    spead_send_stream_submit(bench.stream, bench.heap, &chosen);
    submit(&bench);
    chosen.counter = 4;
    spead_send_stream_submit(bench.stream, bench.heap, &chosen);
    spead_send_stream_poll(bench.stream);
    cr_assert_eq(bench.log.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(bench.log.result[i].counter, want[i]);
        cr_expect_eq(scripted_tx_value(bench.tx, i * PACKETS, 0), want[i]);
    }
    close_bench(&bench);
}

Test(send_stream, heaps_go_to_the_destination_asked_for)
{
    struct bench bench;

    open_bench(&bench, 4);
    for (uint32_t i = 0; i < 3; i++) {
        bench.options.destination = 2 - i;
        cr_expect_eq(submit(&bench), 0);
    }
    spead_send_stream_poll(bench.stream);
    for (unsigned i = 0; i < 3 * PACKETS; i++)
        cr_expect_eq(bench.tx->packet[i].destination, 2 - i / PACKETS);
    close_bench(&bench);
}

/* ---- Completion ---------------------------------------------------------------------------- */

/* unittest_send_completion: heap; empty heap = 49 bytes */
Test(send_stream, completion_reports_bytes_with_headers)
{
    struct bench bench;
    struct spead_send_heap *empty = make_heap(0);

    open_bench(&bench, 4);
    cr_expect_eq(spead_send_stream_submit(bench.stream, empty, &bench.options), 0);
    cr_expect_eq(submit(&bench), 0);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 1 + PACKETS);
    cr_assert_eq(bench.log.count, 2);
    cr_expect_eq(bench.log.result[0].bytes, 49);
    cr_expect_eq(bench.log.result[0].error, 0);
    cr_expect_eq(bench.log.result[1].bytes, HEAP_SPEAD_BYTES);
    cr_expect_eq(look(bench.stream).payload_bytes, HEAP_BYTES);
    cr_expect_eq(look(bench.stream).bucket[SPEAD_SEND_SENT].bytes, HEAP_SPEAD_BYTES + 49);
    cr_expect_neq(look(bench.stream).first_packet_ns, 0);
    spead_send_heap_destroy(empty);
    close_bench(&bench);
}

Test(send_stream, heap_completes_when_its_last_packet_is_done)
{
    struct bench bench;

    open_bench(&bench, 4);
    bench.tx->hold = true;
    for (int i = 0; i < 3; i++)
        submit(&bench);
    spead_send_stream_poll(bench.stream);
    cr_expect_eq(packets_in(bench.stream, SPEAD_SEND_PENDING), 3 * PACKETS);
    bench.tx->let_go = PACKETS - 1;
    spead_send_stream_poll(bench.stream);
    cr_expect_eq(bench.log.count, 0);
    cr_expect_eq(packets_in(bench.stream, SPEAD_SEND_SENT), PACKETS - 1);
    bench.tx->let_go = 2;
    spead_send_stream_poll(bench.stream);
    cr_expect_eq(bench.log.count, 1);
    bench.tx->let_go = 2 * PACKETS - 1;
    spead_send_stream_poll(bench.stream);
    cr_expect_eq(bench.log.count, 3);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(bench.log.result[i].counter, i + 1, "completed out of order");
    cr_expect_eq(look(bench.stream).heaps_pending, 0);
    close_bench(&bench);
}

struct again {
    struct bench *bench;
    unsigned left;
    int refused;
};

static void submit_again(void *arg, const struct spead_send_result *result)
{
    struct again *again = arg;
    struct spead_send_options options = {.done = submit_again, .done_arg = again};

    cr_expect_eq(result->error, 0);
    if (again->left == 0)
        return;
    again->left--;
    if (spead_send_stream_submit(again->bench->stream, again->bench->heap, &options) != 0)
        again->refused++;
}

Test(send_stream, callback_may_submit_into_the_slot_it_frees)
{
    struct bench bench;
    struct again again = {.bench = &bench, .left = 100};
    struct spead_send_options options = {.done = submit_again, .done_arg = &again};
    int moved = 0, n;

    open_bench(&bench, 1);
    spead_send_stream_start(bench.stream, NULL);
    cr_assert_eq(spead_send_stream_submit(bench.stream, bench.heap, &options), 0);
    while ((n = spead_send_stream_poll(bench.stream)) > 0)
        moved += n;
    cr_expect_eq(moved, 101 * PACKETS);
    cr_expect_eq(again.refused, 0);
    close_bench(&bench);
}

/* ---- Room and errors ----------------------------------------------------------------------- */

Test(send_stream, what_found_no_room_goes_later_and_in_order)
{
    struct bench bench;

    open_bench(&bench, 4);
    bench.tx->room = 3;
    for (int i = 0; i < 4; i++)
        submit(&bench);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 3);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 0);
    spead_send_stream_wait(bench.stream, speadi_clock_mono_ns() + 1000000);
    cr_expect(bench.tx->last_for_room);
    for (unsigned moved = 3; moved < 4 * PACKETS; moved++) {
        bench.tx->room = 1;
        cr_assert_eq(spead_send_stream_poll(bench.stream), 1);
        cr_expect_eq(packets_in(bench.stream, SPEAD_SEND_SENT), moved + 1);
    }
    for (unsigned i = 0; i < 4 * PACKETS; i++) {
        cr_expect_eq(scripted_tx_value(bench.tx, i, 0), 1 + i / PACKETS);
        cr_expect_eq(scripted_tx_value(bench.tx, i, 2),
                     i % PACKETS == 0 ? 0 : i % PACKETS * 1432u - 8);
    }
    cr_expect_eq(bench.log.count, 4);
    close_bench(&bench);
}

/* More than all batches hold, over an engine that reports late. */
Test(send_stream, large_heap_comes_out_whole_through_few_batches)
{
    enum { LARGE = 6 << 20 };
    struct bench bench;
    uint8_t *large = malloc(LARGE);
    struct spead_send_heap *heap = make_heap(0);
    uint64_t at = 0;

    for (size_t i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * 7 + i / 255);
    cr_assert_eq(spead_send_heap_add_item(heap, 0x1000, large, LARGE, false), 0);
    open_bench(&bench, 4);
    bench.tx->hold = true;
    cr_expect_eq(spead_send_stream_submit(bench.stream, heap, &bench.options), 0);
    while (spead_send_stream_poll(bench.stream) > 0)
        ;
    cr_expect_lt(bench.tx->taken * 1472, LARGE, "the batches are bounded");
    spead_send_stream_wait(bench.stream, speadi_clock_mono_ns() + 1000000);
    cr_expect(bench.tx->last_for_room, "it waits for the engine");
    while (bench.log.count == 0) {
        bench.tx->let_go = 501;
        spead_send_stream_poll(bench.stream);
        look(bench.stream);
    }
    for (size_t i = 0; i < bench.tx->packet_count; i++) {
        uint64_t bytes = scripted_tx_value(bench.tx, i, 3);

        cr_assert_eq(scripted_tx_value(bench.tx, i, 2), at);
        cr_assert(memcmp(scripted_tx_packet(bench.tx, i) + bench.tx->packet[i].bytes - bytes,
                         large + at, bytes) == 0,
                  "payload differs in packet %zu", i);
        at += bytes;
    }
    cr_expect_eq(at, LARGE);
    spead_send_heap_destroy(heap);
    free(large);
    close_bench(&bench);
}

/* TestStream.send_error: the first error is the heap's, later packets are still tried. */
Test(send_stream, refused_packet_fails_its_heap_and_no_other)
{
    struct bench bench;
    struct spead_send_stats stats;

    open_bench(&bench, 4);
    bench.tx->refuse[0].packet = PACKETS + 2;
    bench.tx->refuse[0].error = -EMSGSIZE;
    bench.tx->refuse[1].packet = PACKETS + 4;
    bench.tx->refuse[1].error = -EPERM;
    for (int i = 0; i < 3; i++)
        submit(&bench);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 3 * PACKETS);
    cr_assert_eq(bench.log.count, 3);
    cr_expect_eq(bench.log.result[0].error, 0);
    cr_expect_eq(bench.log.result[1].error, -EMSGSIZE);
    cr_expect_eq(bench.log.result[1].bytes, HEAP_SPEAD_BYTES - 2 * 1472);
    cr_expect_eq(bench.log.result[2].error, 0);
    stats = look(bench.stream);
    cr_expect_eq(stats.heaps_sent, 2);
    cr_expect_eq(stats.heaps_failed, 1);
    cr_expect_eq(stats.bucket[SPEAD_SEND_FAILED].packets, 2);
    cr_expect_eq(stats.bucket[SPEAD_SEND_FAILED].bytes, 2 * 1472);
    cr_expect_eq(stats.failed_errno[0].error, EMSGSIZE);
    cr_expect_eq(stats.failed_errno[1].error, EPERM);
    cr_expect_eq(stats.failed_errno[1].packets, 1);
    cr_expect_eq(stats.failed_errno[2].error, 0);
    cr_expect_eq(stats.payload_bytes, 2 * HEAP_BYTES);
    close_bench(&bench);
}

Test(send_stream, injected_loss_is_counted_and_is_no_error)
{
    struct bench bench;

    open_bench(&bench, 4);
    bench.tx->refuse[0].packet = 1;
    bench.tx->refuse[0].error = SPEADI_TX_INJECTED;
    submit(&bench);
    spead_send_stream_poll(bench.stream);
    cr_expect_eq(bench.log.result[0].error, 0);
    cr_expect_eq(bench.log.result[0].bytes, HEAP_SPEAD_BYTES - 1472);
    cr_expect_eq(packets_in(bench.stream, SPEAD_SEND_INJECTED), 1);
    cr_expect_eq(packets_in(bench.stream, SPEAD_SEND_FAILED), 0);
    close_bench(&bench);
}

Test(send_stream, broken_transport_ends_the_stream_with_its_error)
{
    struct bench bench;
    struct spead_send_stats stats;

    open_bench(&bench, 4);
    bench.tx->room = 10;
    bench.tx->hold = true;
    for (int i = 0; i < 3; i++)
        submit(&bench);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 10);
    bench.tx->let_go = 8;
    bench.tx->broken = -ENETDOWN;
    cr_expect_eq(spead_send_stream_poll(bench.stream), -ENETDOWN);
    cr_expect_eq(spead_send_stream_poll(bench.stream), -ENETDOWN, "it stays ended");
    cr_assert_eq(bench.log.count, 3);
    cr_expect_eq(bench.log.result[0].error, 0);
    cr_expect_eq(bench.log.result[2].error, -ENETDOWN);
    cr_expect_eq(submit(&bench), -ESHUTDOWN);
    stats = look(bench.stream);
    cr_expect_eq(stats.bucket[SPEAD_SEND_SENT].packets, 8);
    cr_expect_eq(stats.bucket[SPEAD_SEND_PENDING].packets, 0);
    cr_expect_eq(stats.failed_errno[0].error, ENETDOWN);
    close_bench(&bench);
}

/* ---- Stop ---------------------------------------------------------------------------------- */

Test(send_stream, stop_sends_what_was_accepted_then_ends)
{
    struct bench bench;

    open_bench(&bench, 4);
    bench.tx->room = 5;
    submit(&bench);
    submit(&bench);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 5);
    spead_send_stream_stop(bench.stream);
    cr_expect_eq(submit(&bench), -ESHUTDOWN);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 0, "no room: not drained yet");
    bench.tx->room = UINT64_MAX;
    cr_expect_eq(spead_send_stream_poll(bench.stream), 2 * PACKETS - 5);
    cr_expect_eq(spead_send_stream_poll(bench.stream), -ESHUTDOWN);
    cr_expect_eq(bench.log.count, 2);
    cr_expect_eq(packets_in(bench.stream, SPEAD_SEND_SENT), 2 * PACKETS);
    close_bench(&bench);
}

Test(send_stream, second_stop_abandons_what_was_not_sent)
{
    struct bench bench;
    struct spead_send_stats stats;

    open_bench(&bench, 4);
    bench.tx->room = PACKETS + 2;
    for (int i = 0; i < 3; i++)
        submit(&bench);
    spead_send_stream_poll(bench.stream);
    spead_send_stream_stop(bench.stream);
    spead_send_stream_stop(bench.stream);
    cr_expect_eq(spead_send_stream_poll(bench.stream), -ESHUTDOWN);
    cr_assert_eq(bench.log.count, 3);
    cr_expect_eq(bench.log.result[0].error, 0);
    cr_expect_eq(bench.log.result[1].error, -ECANCELED);
    cr_expect_eq(bench.log.result[1].bytes, 1472 * 2);
    cr_expect_eq(bench.log.result[2].error, -ECANCELED);
    cr_expect_eq(bench.log.result[2].bytes, 0);
    stats = look(bench.stream);
    cr_expect_eq(stats.bucket[SPEAD_SEND_SENT].packets, PACKETS + 2);
    cr_expect_eq(stats.bucket[SPEAD_SEND_ABANDONED].packets, 2 * PACKETS - 2);
    cr_expect_eq(stats.heaps_abandoned, 2);
    close_bench(&bench);
}

Test(send_stream, abandoning_cancels_what_the_engine_still_holds)
{
    struct bench bench;

    open_bench(&bench, 4);
    bench.tx->hold = true;
    submit(&bench);
    spead_send_stream_poll(bench.stream);
    bench.tx->let_go = 2;
    spead_send_stream_stop(bench.stream);
    spead_send_stream_stop(bench.stream);
    cr_expect_eq(spead_send_stream_poll(bench.stream), -ESHUTDOWN);
    cr_expect(bench.tx->quiesced);
    cr_expect_eq(bench.log.result[0].error, -ECANCELED);
    cr_expect_eq(packets_in(bench.stream, SPEAD_SEND_SENT), 2);
    cr_expect_eq(packets_in(bench.stream, SPEAD_SEND_ABANDONED), PACKETS - 2);
    close_bench(&bench);
}

Test(send_stream, destroying_completes_what_is_in_flight)
{
    struct bench bench;

    open_bench(&bench, 4);
    bench.tx->room = 1;
    submit(&bench);
    spead_send_stream_poll(bench.stream);
    submit(&bench);
    close_bench(&bench);
    cr_assert_eq(bench.log.count, 2);
    cr_expect_eq(bench.log.result[0].error, -ECANCELED);
    cr_expect_eq(bench.log.result[1].error, -ECANCELED);
}

/* ---- Pacing -------------------------------------------------------------------------------- */

Test(send_stream, limited_stream_sends_a_burst_at_a_time)
{
    struct bench bench;
    uint64_t burst = 5 * 1472;

    open_bench(&bench, 4);
    spead_send_stream_destroy(bench.stream);
    bench.config.rate_bytes_per_s = 1; /* the next burst is hours away */
    bench.config.burst_bytes = (uint32_t)burst;
    bench.stream = scripted_tx_stream(bench.tx, &bench.config);
    submit(&bench);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 5);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 0);
    cr_expect_eq(packets_in(bench.stream, SPEAD_SEND_PENDING), 2);
    spead_send_stream_wait(bench.stream, speadi_clock_mono_ns() + 2000000);
    cr_expect_not(bench.tx->last_for_room, "there is room; it is not time");
    cr_expect_eq(spead_send_stream_poll(bench.stream), 0);
    close_bench(&bench);
}

/* Late by its timer slack at each burst, a thread of the program's own would stay below the rate. */
Test(send_stream, whoever_owns_a_limited_stream_sleeps_exactly)
{
    struct bench bench;

    prctl(PR_SET_TIMERSLACK, 50000ul);
    open_bench(&bench, 4);
    cr_assert_eq(spead_send_stream_start(bench.stream, NULL), 0);
    cr_expect_eq(prctl(PR_GET_TIMERSLACK), 50000, "no rate, no reason");
    spead_send_stream_destroy(bench.stream);
    bench.config.rate_bytes_per_s = 1e9;
    bench.stream = scripted_tx_stream(bench.tx, &bench.config);
    cr_assert_eq(spead_send_stream_start(bench.stream, NULL), 0);
    cr_expect_eq(prctl(PR_GET_TIMERSLACK), 1);
    close_bench(&bench);
}

Test(send_stream, wire_rate_counts_what_the_wire_carries)
{
    struct bench bench;

    open_bench(&bench, 4);
    spead_send_stream_destroy(bench.stream);
    bench.config.rate_bytes_per_s = 1;
    bench.config.burst_bytes = 5 * 1472;
    bench.stream = scripted_tx_stream_to(bench.tx, &bench.config, 1, 66);
    submit(&bench);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 4, "a fifth packet would exceed the burst");
    cr_expect_eq(spead_send_stream_poll(bench.stream), 0);
    close_bench(&bench);
}

/* A burst that waited for room is followed by a pause, not by the next burst at once. */
Test(send_stream, burst_counts_from_when_it_was_taken)
{
    struct bench bench;

    open_bench(&bench, 8);
    spead_send_stream_destroy(bench.stream);
    bench.config.rate_bytes_per_s = 1e6;
    bench.config.burst_bytes = 4 * 1472; /* 6 ms */
    bench.stream = scripted_tx_stream(bench.tx, &bench.config);
    for (int i = 0; i < 4; i++)
        submit(&bench);
    bench.tx->room = 1;
    cr_expect_eq(spead_send_stream_poll(bench.stream), 1);
    spead_send_stream_wait(bench.stream, speadi_clock_mono_ns() + 20000000);
    bench.tx->room = UINT64_MAX;
    cr_expect_eq(spead_send_stream_poll(bench.stream), 3, "what was left of the burst");
    cr_expect_eq(spead_send_stream_poll(bench.stream), 0);
    close_bench(&bench);
}

/* ---- Other threads ------------------------------------------------------------------------- */

static void *run_stream(void *arg)
{
    struct bench *bench = arg;

    return (void *)(intptr_t)spead_send_stream_run(bench->stream, NULL);
}

static uint64_t soon(uint64_t ms)
{
    return speadi_clock_mono_ns() + ms * 1000000;
}

Test(send_stream, flush_returns_when_all_is_done_and_counted, .timeout = 20)
{
    struct bench bench;
    pthread_t thread;
    void *ret;

    open_bench(&bench, 2);
    cr_expect_eq(submit(&bench), 0);
    cr_expect_eq(spead_send_stream_flush(bench.stream, soon(5)), -ETIMEDOUT, "nobody polls");
    pthread_create(&thread, NULL, run_stream, &bench);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(spead_send_stream_submit_wait(bench.stream, bench.heap, &bench.options, 0), 0);
    cr_expect_eq(spead_send_stream_flush(bench.stream, 0), 0);
    cr_expect_eq(look(bench.stream).heaps_sent, 51);
    cr_expect_eq(look(bench.stream).heaps_refused, 0, "waiting is no refusal");
    cr_expect_eq(bench.log.count, 51);
    spead_send_stream_stop(bench.stream);
    pthread_join(thread, &ret);
    cr_expect_eq((intptr_t)ret, 0);
    cr_expect(bench.tx->started);
    cr_expect_eq(spead_send_stream_flush(bench.stream, 0), 0);
    close_bench(&bench);
}

Test(send_stream, waiting_for_a_slot_ends_at_the_deadline_or_at_stop, .timeout = 20)
{
    struct bench bench;

    open_bench(&bench, 1);
    cr_expect_eq(submit(&bench), 0);
    cr_expect_eq(spead_send_stream_submit_wait(bench.stream, bench.heap, NULL, soon(5)),
                 -ETIMEDOUT);
    spead_send_stream_stop(bench.stream);
    cr_expect_eq(spead_send_stream_submit_wait(bench.stream, bench.heap, NULL, 0), -ESHUTDOWN);
    close_bench(&bench);
}

Test(send_stream, owner_is_told_that_it_would_wait_for_itself, .timeout = 20)
{
    struct bench bench;

    open_bench(&bench, 1);
    spead_send_stream_start(bench.stream, NULL);
    cr_expect_eq(spead_send_stream_submit_wait(bench.stream, bench.heap, NULL, 0), 0,
                 "a slot is free");
    cr_expect_eq(spead_send_stream_submit_wait(bench.stream, bench.heap, NULL, 0), -EDEADLK);
    cr_expect_eq(spead_send_stream_flush(bench.stream, 0), -EDEADLK);
    close_bench(&bench);
}

Test(send_stream, stop_wakes_a_sleeping_owner, .timeout = 20)
{
    struct bench bench;
    struct spead_send_runner *runner = NULL;
    uint64_t cpu_ns = 0;

    open_bench(&bench, 4);
    cr_assert_eq(spead_send_runner_start(&runner, bench.stream, -1, NULL), 0);
    cr_expect_eq(submit(&bench), 0);
    cr_expect_eq(spead_send_stream_flush(bench.stream, 0), 0);
    spead_send_stream_stop(bench.stream);
    cr_expect_eq(spead_send_runner_join(runner, &cpu_ns), 0);
    cr_expect_gt(cpu_ns, 0);
    close_bench(&bench);
}

Test(send_stream, runner_reports_a_broken_transport, .timeout = 20)
{
    struct bench bench;
    struct spead_send_runner *runner = NULL;

    open_bench(&bench, 4);
    bench.tx->broken = -ENETDOWN;
    cr_assert_eq(spead_send_runner_start(&runner, bench.stream, -1, NULL), 0);
    cr_expect_eq(submit(&bench), 0);
    cr_expect_eq(spead_send_runner_join(runner, NULL), -ENETDOWN);
    cr_expect_eq(bench.log.count, 1);
    close_bench(&bench);
}

Test(send_stream, caller_with_older_structs_gets_what_fits)
{
    struct bench bench;
    struct spead_send_stats stats = {.struct_size = offsetof(struct spead_send_stats, heaps_sent)};
    struct spead_send_plan plan = SPEAD_SEND_PLAN_INIT;

    open_bench(&bench, 4);
    submit(&bench);
    spead_send_stream_poll(bench.stream);
    stats.heaps_sent = 12345;
    spead_send_stream_stats(bench.stream, &stats);
    cr_expect_eq(stats.heaps_submitted, 1);
    cr_expect_eq(stats.heaps_sent, 12345, "written past the caller's struct");
    cr_expect_eq(stats.struct_size, offsetof(struct spead_send_stats, heaps_sent));
    spead_send_stream_plan(bench.stream, &plan);
    cr_expect_str_eq(plan.engine, "scripted");
    cr_expect_gt(plan.memory_bytes, 100000);
    close_bench(&bench);
}

/* ---- Trains -------------------------------------------------------------------------------- */

/* 61 packets of 1072 bytes fill a datagram; three more would cost a message of their own. */
Test(send_stream, few_small_heaps_behind_a_whole_train_go_with_the_next)
{
    struct bench bench;

    open_bench(&bench, 64);
    spead_send_heap_destroy(bench.heap);
    bench.heap = make_heap(1024);
    for (int i = 0; i < 64; i++)
        cr_assert_eq(submit(&bench), 0);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 61);
    for (int i = 0; i < 61; i++)
        cr_assert_eq(submit(&bench), 0);
    cr_expect_eq(spead_send_stream_poll(bench.stream), 61, "the three and 58 of the new ones");
    cr_expect_eq(spead_send_stream_poll(bench.stream), 3, "nothing came behind them: they go");
    cr_expect_eq(spead_send_stream_poll(bench.stream), 0);
    cr_expect_eq(packets_in(bench.stream, SPEAD_SEND_SENT), 125);
    close_bench(&bench);
}
