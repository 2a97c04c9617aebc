/* A send sink sends every message of its channel, once and in order, and releases each when its heap has
 * left, not before.
 *
 * Method: a test source and the sink in a graph; the stream is on an engine that does as the test says, or on
 * a link in memory with a receiver behind it. Messages count their references. */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <speadi/bytes.h>
#include <speadline/recv.h>
#include <speadline/region.h>

#include "recv_rig.h"
#include "sink_rig.h"
#include "step_nodes.h"

static void expect_all_sent_in_order(const struct sink_rig *rig)
{
    cr_assert_eq(rig->tx->packet_count, rig->count, "%zu packets", rig->tx->packet_count);
    for (size_t i = 0; i < rig->count; i++)
        cr_assert_eq(sink_rig_sent_number(rig, i), i);
}

static void run_with(uint32_t heaps_max, uint32_t edge_capacity)
{
    struct spead_send_sink_stats stats;
    struct sink_rig rig;

    sink_rig_init(&rig, 1000, heaps_max);
    rig.edge_capacity = edge_capacity;
    sink_rig_start(&rig);
    cr_assert_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    stats = sink_rig_stats(&rig);
    cr_expect_eq(stats.in, 1000);
    cr_expect_eq(stats.sent, 1000);
    cr_expect_eq(rig.done, 1000);
    expect_all_sent_in_order(&rig);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink, sends_all_in_order_with_one_heap_in_flight)
{
    run_with(1, 1);
    run_with(1, 32);
}

Test(send_sink, sends_all_in_order_with_any_number_in_flight)
{
    run_with(2, 32);
    run_with(5, 3);
    run_with(64, 1);
    run_with(64, 100);
}

static void wait_for_in(const struct sink_rig *rig, uint64_t in)
{
    while (sink_rig_stats(rig).in < in)
        sched_yield();
}

/* Nothing of what follows runs in another thread but the graph's: the test polls the stream. */
Test(send_sink, holds_messages_until_their_heaps_have_left_and_no_more_than_can_be_in_flight)
{
    struct sink_rig rig;

    sink_rig_init(&rig, 10, 3);
    rig.sink_config.own_thread = false;
    rig.tx->hold = true;
    sink_rig_start(&rig);
    wait_for_in(&rig, 3);
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(sink_rig_stats(&rig).pending, 3);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(rig.objects[i].references, 1, "in flight");
    rig.tx->let_go = 1;
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(rig.objects[0].references, 0, "sent");
    cr_expect_eq(rig.objects[1].references, 1);
    rig.tx->let_go = 1;
    spead_send_stream_poll(rig.stream);
    wait_for_in(&rig, 5); /* half of the places are free: it goes on */
    cr_expect_eq(sink_rig_stats(&rig).pending, 3);
    rig.tx->hold = false;
    while (rig.done < 10)
        spead_send_stream_poll(rig.stream);
    cr_assert_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    cr_expect_eq(sink_rig_stats(&rig).sent, 10);
    expect_all_sent_in_order(&rig);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink, goes_on_when_another_producer_has_had_all_places)
{
    struct spead_send_heap *other;
    struct sink_rig rig;

    sink_rig_init(&rig, 5, 2);
    rig.sink_config.own_thread = false;
    sink_rig_open(&rig);
    cr_assert_eq(spead_send_heap_create(&other, (struct spead_flavour)SPEAD_FLAVOUR_64_40), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(spead_send_stream_submit(rig.stream, other, NULL), 0);
    sink_rig_start(&rig);
    while (sink_rig_stats(&rig).waits == 0)
        sched_yield();
    cr_expect_eq(sink_rig_stats(&rig).sent, 0);
    while (rig.done < 5)
        spead_send_stream_poll(rig.stream);
    cr_assert_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    cr_expect_eq(rig.tx->packet_count, 7);
    cr_expect_eq(sink_rig_close(&rig), 0);
    spead_send_heap_destroy(other);
}

/* The source would go on for ever: its messages are the same ones again. */
Test(send_sink, drains_what_the_source_has_emitted)
{
    struct spead_send_sink_stats stats;
    struct sink_rig rig;
    uint64_t emitted;

    sink_rig_init(&rig, 4000, 4);
    rig.source_config.pause_ns = 1000;
    rig.source_config.batch = 1;
    sink_rig_start(&rig);
    wait_for_in(&rig, 10);
    cr_assert_eq(spead_graph_drain(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    emitted = spead_test_source_sent(rig.source);
    stats = sink_rig_stats(&rig);
    cr_expect_eq(stats.sent, emitted);
    cr_expect_eq(stats.pending, 0);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink, works_in_a_graph_that_is_pulled_and_whose_only_result_is_the_end)
{
    struct spead_message message;
    struct sink_rig rig;

    sink_rig_init(&rig, 300, 2);
    sink_rig_open(&rig);
    sink_rig_build(&rig);
    cr_expect_eq(
        spead_graph_next(rig.graph, (struct spead_graph_end){rig.to, "error"}, &message, &rig.err),
        -ESHUTDOWN, "%s", rig.err.text);
    cr_expect_eq(sink_rig_stats(&rig).sent, 300);
    expect_all_sent_in_order(&rig);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* ---- Received heaps are sent on ------------------------------------------------------------- */

enum { RELAYED = 20 };

/* A link with a stream at each end, polled by the test. */
struct hop {
    struct spead_mem_link *link;
    struct spead_send_stream *send;
    struct spead_recv_stream *recv;
};

static void open_hop(struct hop *hop)
{
    struct spead_send_stream_config send = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_recv_stream_config recv = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_err err = {0};

    cr_assert_eq(spead_mem_link_create(&hop->link, 1024, 2048, NULL), 0);
    send.engine = recv.engine = "mem";
    send.links = recv.links = &hop->link;
    send.link_count = recv.link_count = 1;
    recv.ring_heaps = recv.held_heaps = RELAYED;
    recv.heap_bytes_max = 65536;
    cr_assert_eq(spead_send_stream_create(&hop->send, &send, &err), 0, "%s", err.text);
    cr_assert_eq(spead_recv_stream_create(&hop->recv, &recv, &err), 0, "%s", err.text);
    cr_assert_eq(spead_recv_stream_start(hop->recv, &err), 0, "%s", err.text);
}

static void close_hop(struct hop *hop)
{
    spead_send_stream_destroy(hop->send);
    spead_recv_stream_destroy(hop->recv);
    spead_mem_link_unref(hop->link);
}

static struct spead_heap *take_heap(struct hop *hop)
{
    struct spead_heap *heap = NULL;

    while (spead_recv_stream_try_take(hop->recv, &heap) == -EAGAIN)
        cr_assert_geq(spead_recv_stream_poll(hop->recv), 0);
    return heap;
}

/* Heap number i: immediate and addressed items, of a size and a flavour that differ. */
static void send_original(struct hop *hop, uint64_t i)
{
    static uint8_t data[3000];
    struct spead_send_options options = SPEAD_SEND_OPTIONS_INIT;
    struct spead_send_heap *heap;

    for (size_t k = 0; k < sizeof data; k++)
        data[k] = (uint8_t)(i * 31 + k);
    options.explicit_counter = true;
    options.counter = 1000 + i * 3;
    cr_assert_eq(spead_send_heap_create(&heap, (struct spead_flavour){i % 2 ? 40 : 48}), 0);
    cr_assert_geq(spead_send_heap_add_immediate(heap, 0x1600, i), 0);
    cr_assert_geq(spead_send_heap_add_item(heap, 0x1000, data, 10 * i, false), 0);
    cr_assert_geq(spead_send_heap_add_item(heap, 0x1001, data, sizeof data, false), 0);
    cr_assert_eq(spead_send_stream_submit(hop->send, heap, &options), 0);
    while (spead_send_stream_poll(hop->send) > 0)
        ;
    spead_send_heap_destroy(heap);
}

static void expect_same_item(const struct spead_heap *a, const struct spead_heap *b, size_t i)
{
    struct spead_item one, other;

    cr_assert_eq(spead_heap_item(a, i, &one), 0);
    cr_assert_eq(spead_heap_item(b, i, &other), 0);
    cr_expect_eq(one.id, other.id);
    cr_expect_eq(one.is_immediate, other.is_immediate);
    cr_expect_eq(one.bytes, other.bytes);
    if (one.is_immediate)
        cr_expect_eq(one.value, other.value);
    else
        cr_expect_arr_eq(one.data, other.data, one.bytes);
}

static void expect_same_heap(const struct spead_heap *a, const struct spead_heap *b)
{
    cr_assert_eq(spead_heap_item_count(a), spead_heap_item_count(b));
    cr_expect_eq(spead_heap_counter(a), spead_heap_counter(b));
    cr_expect_eq(spead_heap_flavour(a).heap_address_bits, spead_heap_flavour(b).heap_address_bits);
    cr_expect_eq(spead_heap_length(a), spead_heap_length(b));
    cr_expect(spead_heap_is_complete(b));
    for (size_t i = 0; i < spead_heap_item_count(a); i++)
        expect_same_item(a, b, i);
}

/* Runs messages through a sink with this config to the graph's end. */
static int run_messages(const struct spead_send_sink_config *config,
                        const struct spead_message *messages, uint64_t count,
                        enum spead_on_error on_error, struct spead_send_sink_stats *stats,
                        struct spead_err *err)
{
    struct spead_test_source_config source_config = SPEAD_TEST_SOURCE_CONFIG_INIT;
    struct spead_executor *executor = step_executor(1);
    struct spead_graph *graph = step_graph("relay");
    struct spead_node_config node_config;
    struct spead_test_source *source;
    struct spead_node *from, *to;
    struct spead_send_sink *sink;
    int ret;

    source_config.messages = messages;
    source_config.count = count;
    source_config.type = SPEAD_CHANNEL_ANY_TYPE;
    cr_assert_eq(spead_test_source_create(&source, &source_config, err), 0, "%s", err->text);
    cr_assert_eq(spead_send_sink_create(&sink, config, err), 0, "%s", err->text);
    node_config = spead_test_source_node(source, "source");
    cr_assert_eq(spead_graph_add(graph, &node_config, &from, err), 0, "%s", err->text);
    node_config = spead_send_sink_node(sink, "sink");
    node_config.on_error = on_error;
    cr_assert_eq(spead_graph_add(graph, &node_config, &to, err), 0, "%s", err->text);
    cr_assert_eq(spead_graph_join(graph, (struct spead_graph_end){from, NULL},
                                  (struct spead_graph_end){to, NULL}, NULL, err),
                 0, "%s", err->text);
    cr_assert_eq(spead_graph_start(graph, executor, err), 0, "%s", err->text);
    ret = spead_graph_wait(graph, 0, err);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_send_sink_stats(sink, stats);
    spead_send_sink_destroy(sink);
    for (uint64_t i = spead_test_source_sent(source); i < count; i++)
        spead_message_unref(&messages[i]); /* never sent: still ours */
    spead_test_source_destroy(source);
    return ret;
}

static struct spead_message message_of(struct spead_heap *heap, uint64_t sequence)
{
    return (struct spead_message){
        .reference = (uintptr_t)heap, .sequence = sequence, .type = SPEAD_TYPE_HEAP};
}

Test(send_sink, received_heaps_arrive_again_as_they_were)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_message messages[RELAYED];
    struct spead_heap *kept[RELAYED];
    struct spead_err err = {0};
    struct hop first, second;

    open_hop(&first);
    open_hop(&second);
    for (uint64_t i = 0; i < RELAYED; i++) {
        send_original(&first, i);
        kept[i] = take_heap(&first);
        messages[i] = message_of(spead_heap_ref(kept[i]), i);
    }
    config.stream = second.send;
    cr_assert_eq(run_messages(&config, messages, RELAYED, SPEAD_ON_ERROR_FAIL, &stats, &err), 0,
                 "%s", err.text);
    cr_expect_eq(stats.sent, RELAYED);
    for (uint64_t i = 0; i < RELAYED; i++) {
        struct spead_heap *again = take_heap(&second);

        expect_same_heap(kept[i], again);
        spead_heap_unref(again);
        spead_heap_unref(kept[i]);
    }
    close_hop(&first);
    close_hop(&second);
}

/* Heap 1 of three has a hole. */
static void make_holed(struct recv_rig *rig, struct spead_message *messages)
{
    recv_rig_init(rig);
    rig->config.deliver_incomplete = true;
    rig->config.live_heaps_max = 1;
    recv_rig_open(rig);
    for (uint64_t i = 0; i < 3; i++)
        recv_rig_data(rig, 10 + i, 100, 0, i == 1 ? 60 : 100);
    recv_rig_run(rig);
    for (uint64_t i = 0; i < 3; i++) {
        struct spead_heap *heap = recv_rig_take(rig);

        cr_assert_not_null(heap);
        messages[i] = message_of(heap, i);
    }
}

Test(send_sink, incomplete_heaps_fail_the_node_unless_they_are_to_be_skipped)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_message messages[3];
    struct spead_err err = {0};
    struct recv_rig rig;
    struct hop hop;

    open_hop(&hop);
    config.stream = hop.send;
    make_holed(&rig, messages);
    cr_expect_eq(run_messages(&config, messages, 3, SPEAD_ON_ERROR_FAIL, &stats, &err), -EBADMSG);
    cr_expect_not_null(strstr(err.text, "incomplete"), "%s", err.text);
    cr_expect_eq(stats.failed, 1);
    cr_expect_eq(stats.in, stats.sent + stats.failed + stats.abandoned);
    recv_rig_close(&rig);
    close_hop(&hop);

    open_hop(&hop);
    config.stream = hop.send;
    config.incomplete = SPEAD_SEND_INCOMPLETE_SKIP;
    make_holed(&rig, messages);
    cr_expect_eq(run_messages(&config, messages, 3, SPEAD_ON_ERROR_FAIL, &stats, &err), 0);
    cr_expect_eq(stats.skipped, 1);
    cr_expect_eq(stats.sent, 2);
    recv_rig_close(&rig);
    close_hop(&hop);
}

/* A sender that never said what it sends may send anything. */
Test(send_sink, what_is_no_heap_is_not_taken_for_one)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    const struct spead_message messages[] = {{.reference = 12345, .type = SPEAD_TYPE_PLAIN},
                                             {.reference = 0, .type = SPEAD_TYPE_HEAP}};
    struct spead_err err = {0};
    struct hop hop;

    open_hop(&hop);
    config.stream = hop.send;
    cr_expect_eq(run_messages(&config, messages, 2, SPEAD_ON_ERROR_SKIP, &stats, &err), 0, "%s",
                 err.text);
    cr_expect_eq(stats.failed, 2);
    close_hop(&hop);

    open_hop(&hop);
    config.stream = hop.send;
    cr_expect_eq(run_messages(&config, messages, 1, SPEAD_ON_ERROR_FAIL, &stats, &err),
                 -EPROTOTYPE);
    cr_expect_not_null(strstr(err.text, "another type"), "%s", err.text);
    close_hop(&hop);
}

/* ---- Regions -------------------------------------------------------------------------------- */

static struct spead_region_pool *make_pool(void)
{
    struct spead_region_pool_config config = SPEAD_REGION_POOL_CONFIG_INIT;
    struct spead_region_pool *pool;

    config.region_count = 2;
    config.region_bytes = 4096;
    config.event_ops = &spead_host_event_ops;
    cr_assert_eq(spead_region_pool_create(&pool, &config, NULL), 0);
    return pool;
}

static struct spead_message message_in(struct spead_region_pool *pool, uint64_t event)
{
    struct spead_region *region = spead_region_take(pool, 4096);
    uint8_t *data = spead_region_data(region);

    for (size_t i = 0; i < 4096; i++)
        data[i] = (uint8_t)(i * 7);
    return (struct spead_message){.reference = (uintptr_t)region,
                                  .offset = 100,
                                  .length = 1000,
                                  .sequence = (1ull << 40) + 5,
                                  .time_ns = 1700000000123456789u,
                                  .event = event,
                                  .type = SPEAD_TYPE_REGION};
}

Test(send_sink, regions_become_heaps_with_their_bytes_sequence_and_time)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_region_pool_stats pool_stats = SPEAD_REGION_POOL_STATS_INIT;
    struct spead_region_pool *pool = make_pool();
    struct spead_message message = message_in(pool, 0);
    struct spead_err err = {0};
    struct spead_heap *heap;
    struct spead_item item;
    struct hop hop;

    open_hop(&hop);
    config.stream = hop.send;
    config.type = SPEAD_TYPE_REGION;
    config.sequence_id = 0x1600;
    config.time_id = 0x1601;
    cr_assert_eq(run_messages(&config, &message, 1, SPEAD_ON_ERROR_FAIL, &stats, &err), 0, "%s",
                 err.text);
    heap = take_heap(&hop);
    cr_assert_eq(spead_heap_find_item(heap, 0x1000, &item), 0);
    cr_assert_eq(item.bytes, 1000);
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(item.data[i], (uint8_t)((100 + i) * 7));
    cr_assert_eq(spead_heap_find_item(heap, 0x1600, &item), 0);
    cr_expect_eq(item.value, 5, "modulo 2^40");
    cr_assert_eq(spead_heap_find_item(heap, 0x1601, &item), 0);
    cr_expect_eq(speadi_load_be64(item.data), 1700000000123456789u);
    spead_heap_unref(heap);
    spead_region_pool_stats(pool, &pool_stats);
    cr_expect_eq(pool_stats.out, 0, "released");
    spead_region_pool_unref(pool);
    close_hop(&hop);
}

Test(send_sink, a_region_outside_of_its_bounds_fails_and_is_released)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_region_pool_stats pool_stats = SPEAD_REGION_POOL_STATS_INIT;
    struct spead_region_pool *pool = make_pool();
    struct spead_message message = message_in(pool, 0);
    struct spead_err err = {0};
    struct hop hop;

    open_hop(&hop);
    config.stream = hop.send;
    config.type = SPEAD_TYPE_REGION;
    message.offset = 4000;
    message.length = UINT64_MAX - 10;
    cr_expect_eq(run_messages(&config, &message, 1, SPEAD_ON_ERROR_FAIL, &stats, &err), -ERANGE);
    cr_expect_eq(stats.failed, 1);
    spead_region_pool_stats(pool, &pool_stats);
    cr_expect_eq(pool_stats.out, 0, "released");
    spead_region_pool_unref(pool);
    close_hop(&hop);
}

static int await_region(void *arg, const struct spead_message *message,
                        struct spead_send_heap *heap, struct spead_send_options *options)
{
    (void)options;
    if (spead_region_query((struct spead_region *)(uintptr_t)message->reference, message->event) ==
        0) {
        /* The second time that it is asked, the device is done. */
        spead_host_event_complete(arg, 0);
        return -EAGAIN;
    }
    return spead_send_heap_add_immediate(heap, 0x1600, 77);
}

Test(send_sink, what_is_not_ready_yet_is_asked_for_again)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_region_pool *pool = make_pool();
    struct spead_host_event *event;
    struct spead_message message;
    struct spead_err err = {0};
    struct hop hop;

    open_hop(&hop);
    cr_assert_eq(spead_host_event_create(&event, NULL), 0);
    message = message_in(pool, spead_host_event_share(event));
    config.stream = hop.send;
    config.type = SPEAD_TYPE_REGION;
    config.describe = await_region;
    config.describe_arg = event;
    cr_assert_eq(run_messages(&config, &message, 1, SPEAD_ON_ERROR_FAIL, &stats, &err), 0, "%s",
                 err.text);
    cr_expect_eq(stats.sent, 1);
    spead_heap_unref(take_heap(&hop));
    spead_host_event_unref(event);
    spead_region_pool_unref(pool);
    close_hop(&hop);
}

/* ---- What it asks for ----------------------------------------------------------------------- */

static void expect_refusal(const struct spead_send_sink_config *config, const char *word)
{
    struct spead_send_sink *sink = NULL;
    struct spead_err err = {0};

    cr_expect_eq(spead_send_sink_create(&sink, config, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, word), "\"%s\" does not say %s", err.text, word);
    cr_expect_null(sink);
}

Test(send_sink, bad_configs_are_refused_by_the_name_of_the_field)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct hop hop;

    open_hop(&hop);
    expect_refusal(&config, "stream");
    config.stream = hop.send;
    config.destination = 1;
    expect_refusal(&config, "destination");
    config.destination = 0;
    config.flavour.heap_address_bits = 41;
    expect_refusal(&config, "flavour");
    config.flavour.heap_address_bits = 40;
    config.type = SPEAD_TYPE_PLAIN;
    expect_refusal(&config, "describe");
    config.type = SPEAD_TYPE_REGION;
    config.data_id = 2;
    expect_refusal(&config, "data_id");
    config.data_id = 0x1000;
    config.time_id = 1u << 23;
    expect_refusal(&config, "time_id");
    config.time_id = 0;
    config.sequence_id = 3;
    expect_refusal(&config, "sequence_id");
    config.struct_size = 4;
    expect_refusal(&config, "struct_size");
    close_hop(&hop);
}
