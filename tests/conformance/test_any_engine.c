/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every receive engine keeps the contract of recv/engine/rx_engine.h, whatever the engine reads. This includes
 * engines outside the library, and engines that make their packets themselves (docs/examples/counter).
 * Method: the test opens each engine of the library's list, and sends it a few packets if that is possible. It compares
 * what the engine lends with the contract only. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <each_engine.h>
#include <loop_run.h>
#include <rx_rig.h>
#include <speadi/clock.h>
#include <speadi/packet.h>

#define PACKETS 50u
#define BYTES   300u
/* More polls than any engine needs to read all that has come. */
#define POLLS 100000u

static struct rx_rig rig;

static struct criterion_test_params every_engine(void)
{
    return test_each_engine(TEST_RECEIVES, TEST_MEM | TEST_KERNEL | TEST_TEXT);
}

/* EVERY_ENGINE(name) { ... } defines a test that runs once for each engine. *engine is the name of the engine. */
#define EVERY_ENGINE(name)                        \
    ParameterizedTestParameters(any_engine, name) \
    {                                             \
        return every_engine();                    \
    }                                             \
    ParameterizedTest(char(*engine)[TEST_ENGINE_LENGTH], any_engine, name, .timeout = 60)

static void open_rig(const char *engine, const char *fault)
{
    const struct rx_rig_options options = {
        .engine = engine, .path = SPEAD_PATH_BOUNCE, .fault = fault};
    static uint8_t data[BYTES];

    if (!rx_rig_open(&rig, &options))
        cr_skip_test("%s", rig.reason);
    for (unsigned i = 0; i < PACKETS; i++)
        cr_assert(rx_rig_send(&rig, 0, data, sizeof data));
}

EVERY_ENGINE(its_table_is_whole)
{
    const struct speadi_rx_engine_ops *ops = speadi_rx_engine_find(*engine);

    cr_assert_not_null(ops);
    for (const char *c = ops->about.name; *c != '\0'; c++)
        cr_expect(islower(*c) || isdigit(*c), "\"%s\" is a word to type", ops->about.name);
    cr_expect_gt(ops->about.rank, 0u);
    cr_expect_gt(ops->state_size, 0u);
    cr_expect(ops->open && ops->close && ops->poll && ops->give_back && ops->wait && ops->wake &&
              ops->quiesce && ops->counters);
    if (ops->caps & SPEADI_RX_CAP_PLACED)
        cr_expect_not_null(ops->reserve);
    cr_expect_not(ops->about.gives_way && ops->usable == NULL, "it is always usable");
}

EVERY_ENGINE(what_it_lends_is_described)
{
    int count;

    open_rig(*engine, NULL);
    count = rx_rig_poll(&rig);
    cr_assert_gt(count, 0);
    cr_assert_eq(rig.burst.count, (unsigned)count);
    cr_assert_leq(rig.burst.count, SPEADI_RX_BURST_MAX);
    for (unsigned i = 0; i < rig.burst.count; i++) {
        const struct speadi_rx_packet *p = &rig.burst.packet[i];

        cr_assert_not_null(p->head);
        cr_expect_eq(p->flags, 0);
        cr_expect_eq(p->source, 0);
        cr_expect_eq(p->segments, 1u);
        cr_expect_eq(p->place, SPEADI_RX_UNPLACED, "nothing was reserved");
        cr_expect_gt(p->time_ns, 0u);
        cr_expect_eq(p->head_bytes + p->body_bytes + p->tail_bytes, p->datagram_bytes);
        cr_expect((p->body == NULL) == (p->body_bytes == 0));
    }
    rx_rig_give_back(&rig);
    rx_rig_close(&rig);
}

static uint64_t sum_of_burst(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < rig.burst.count; i++)
        for (uint32_t k = 0; k < rig.burst.packet[i].head_bytes; k++)
            sum = sum * 31 + rig.burst.packet[i].head[k];
    return sum;
}

EVERY_ENGINE(a_loan_is_not_touched_until_it_is_given_back)
{
    static uint8_t more[BYTES];
    struct speadi_rx_counters counters;
    uint64_t sum;

    open_rig(*engine, NULL);
    cr_assert_gt(rx_rig_poll(&rig), 0);
    sum = sum_of_burst();
    memset(more, 0xff, sizeof more);
    for (unsigned i = 0; i < PACKETS; i++)
        rx_rig_send(&rig, 0, more, sizeof more);
    rig.ops->wake(rig.engine);
    rig.ops->counters(rig.engine, &counters);
    cr_expect_eq(sum_of_burst(), sum);
    rx_rig_give_back(&rig);
    rx_rig_close(&rig);
}

static void *wake_it(void *arg)
{
    rig.ops->wake(rig.engine);
    return arg;
}

/* If a wake is lost, the wait does not return, and the time limit ends the test. */
EVERY_ENGINE(a_wake_ends_a_wait_also_after_quiesce)
{
    pthread_t thread;

    open_rig(*engine, NULL);
    rig.ops->wake(rig.engine);
    rig.ops->wait(rig.engine, UINT64_MAX);
    rig.ops->quiesce(rig.engine);
    for (unsigned i = 0; i < POLLS && rig.ops->poll(rig.engine, &rig.burst) > 0; i++)
        rx_rig_give_back(&rig);
    cr_assert_eq(pthread_create(&thread, NULL, wake_it, NULL), 0);
    rig.ops->wait(rig.engine, UINT64_MAX);
    pthread_join(thread, NULL);
    rx_rig_close(&rig);
}

EVERY_ENGINE(a_wait_ends_at_its_deadline)
{
    uint64_t deadline;

    open_rig(*engine, NULL);
    deadline = speadi_clock_mono_ns() + 20000000u;
    while (speadi_clock_mono_ns() < deadline)
        rig.ops->wait(rig.engine, deadline);
    /* The deadline has passed, so wait() returns immediately. */
    rig.ops->wait(rig.engine, deadline);
    rx_rig_close(&rig);
}

EVERY_ENGINE(after_quiesce_the_source_comes_to_its_end)
{
    int count = 1;

    open_rig(*engine, NULL);
    rig.ops->quiesce(rig.engine);
    for (unsigned i = 0; i < POLLS && count > 0; i++) {
        count = rig.ops->poll(rig.engine, &rig.burst);
        if (count > 0)
            rx_rig_give_back(&rig);
    }
    cr_expect(count == 0 || count == -ESHUTDOWN, "poll() says %d", count);
    rx_rig_close(&rig);
}

EVERY_ENGINE(its_counters_grow_with_what_it_lends)
{
    struct speadi_rx_counters before, after;

    open_rig(*engine, NULL);
    rig.ops->counters(rig.engine, &before);
    cr_assert_gt(rx_rig_poll(&rig), 0);
    rx_rig_give_back(&rig);
    rig.ops->counters(rig.engine, &after);
    cr_expect_gt(after.messages, before.messages);
    cr_expect_eq(after.memory_bytes, before.memory_bytes, "it is fixed by open()");
    cr_expect_eq(after.rebuilds, 0u);
    rx_rig_close(&rig);
}

EVERY_ENGINE(it_may_be_closed_at_any_time_and_opened_again)
{
    const struct rx_rig_options again = {
        .engine = *engine, .path = SPEAD_PATH_BOUNCE, .same_network = true};

    open_rig(*engine, NULL);
    rx_rig_close(&rig); /* Packets still wait in the engine when it is closed. */
    cr_assert(rx_rig_open(&rig, &again), "%s", rig.reason);
    rig.ops->quiesce(rig.engine);
    rx_rig_close(&rig);
}

EVERY_ENGINE(the_fault_decorator_fits_it)
{
    open_rig(*engine, "loss=1");
    cr_assert_gt(rx_rig_poll(&rig), 0);
    for (unsigned i = 0; i < rig.burst.count; i++)
        cr_expect_eq(rig.burst.packet[i].flags, SPEADI_RX_INJECTED_DROP);
    rx_rig_give_back(&rig);
    rx_rig_close(&rig);
}

EVERY_ENGINE(endpoints_of_another_kind_are_refused)
{
    struct spead_mem_link *link;
    const struct speadi_address address = {.length = sizeof address.v4};
    const struct speadi_interface none = {0};
    struct speadi_rx_config config = {.count = 1, .packet_bytes_max = 1472, .interface = &none};
    const struct speadi_rx_engine_ops *ops;
    struct speadi_rx_facts facts;
    struct spead_err err = {0};
    char reason[SPEADI_ENGINE_REASON_MAX];
    void *state;

    cr_assert_eq(spead_mem_link_create(&link, 4, 1472, NULL), 0);
    if (test_engine_kind(*engine) == TEST_MEM)
        config.addresses = &address;
    else
        config.links = &link;
    cr_expect_eq(speadi_rx_engine_open(&ops, &state, *engine, &config, reason, &facts, &err),
                 -EINVAL);
    cr_expect_not_null(strstr(err.text, *engine), "%s", err.text);
    spead_mem_link_unref(link);
}

/* ---- A stream over an engine that makes its packets -------------------------------------- */

static void expect_heaps_in_order(struct spead_recv_stream *stream, uint64_t first)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct spead_heap *heap;
    uint64_t counter = first;
    int ret;

    do {
        ret = spead_recv_stream_poll(stream);
        while (spead_recv_stream_try_take(stream, &heap) == 0) {
            cr_assert_eq(spead_heap_counter(heap), counter++);
            cr_assert(spead_heap_is_complete(heap));
            spead_heap_unref(heap);
        }
    } while (ret >= 0);
    cr_expect_eq(ret, -ESHUTDOWN);
    spead_recv_stream_stats(stream, &stats);
    cr_expect(loop_ledger_adds_up(&stats));
    cr_expect_gt(stats.counters.heaps_complete, 0u);
    cr_expect_eq(stats.counters.heaps_complete, counter - first, "each was taken");
    cr_expect_eq(stats.total.seen.packets, stats.total.bucket[SPEAD_RECV_DELIVERED].packets);
}

/* The source "1" must end by itself, as it does in docs/examples/counter. */
Test(any_engine, a_stream_over_texts_delivers_every_heap_whole_and_in_order, .timeout = 60)
{
    char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned count = test_engines(TEST_RECEIVES, TEST_TEXT, names);

    for (unsigned i = 0; i < count; i++) {
        struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
        struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;
        struct spead_recv_stream *stream;
        const char *endpoint = "1", *name;
        struct spead_err err = {0};

        config.endpoints = &endpoint;
        config.endpoint_count = 1;
        config.engine = names[i];
        config.on_full = SPEAD_ON_FULL_BLOCK;
        cr_assert_eq(spead_recv_stream_create(&stream, &config, &err), 0, "%s", err.text);
        spead_recv_stream_plan(stream, &plan);
        cr_expect_str_eq(plan.engine, names[i]);
        cr_assert_eq(spead_recv_stream_source_stats(stream, 0, NULL, &name), 0);
        cr_expect_str_eq(name, "1");
        cr_assert_eq(spead_recv_stream_start(stream, &err), 0);
        expect_heaps_in_order(stream, 1);
        spead_recv_stream_destroy(stream);
        config.sender = "192.0.2.1";
        cr_expect_eq(spead_recv_stream_create(&stream, &config, &err), -EINVAL);
        cr_expect_not_null(strstr(err.text, "sender"), "%s", err.text);
    }
}
