/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the sink sends received heaps as they were. If a message cannot be sent, the sink fails with the right error.
 *
 * Method: the graph has a probe source and the sink. The sink sends over memory links, and each link has a receive
 * stream at its end. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "recv_rig.h"
#include "relay_rig.h"

enum { RELAYED = RELAY_HEAPS_MAX };

/* Sends the heap with the index i. The heap has immediate and addressed items; the sizes and the flavour depend on
 * i. */
static void send_original(struct relay_hop *hop, uint64_t i)
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

static struct spead_message message_of(struct spead_heap *heap, uint64_t sequence)
{
    return (struct spead_message){
        .reference = (uintptr_t)heap, .sequence = sequence, .type = SPEAD_TYPE_HEAP};
}

Test(send_sink_heaps, received_heaps_arrive_again_as_they_were)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_message messages[RELAYED];
    struct spead_heap *kept[RELAYED];
    struct spead_err err = {0};
    struct relay_hop first, second;

    relay_hop_open(&first);
    relay_hop_open(&second);
    for (uint64_t i = 0; i < RELAYED; i++) {
        send_original(&first, i);
        kept[i] = relay_hop_take(&first);
        messages[i] = message_of(spead_heap_ref(kept[i]), i);
    }
    config.stream = second.send;
    cr_assert_eq(relay_messages(&config, messages, RELAYED, SPEAD_ON_ERROR_FAIL, &stats, &err), 0,
                 "%s", err.text);
    cr_expect_eq(stats.sent, RELAYED);
    for (uint64_t i = 0; i < RELAYED; i++) {
        struct spead_heap *again = relay_hop_take(&second);

        expect_same_heap(kept[i], again);
        spead_heap_unref(again);
        spead_heap_unref(kept[i]);
    }
    relay_hop_close(&first);
    relay_hop_close(&second);
}

/* Receives three heaps and makes messages of them. The heap with the index 1 is incomplete. */
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

Test(send_sink_heaps, incomplete_heaps_fail_the_node_unless_they_are_to_be_skipped)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_message messages[3];
    struct spead_err err = {0};
    struct recv_rig rig;
    struct relay_hop hop;

    relay_hop_open(&hop);
    config.stream = hop.send;
    make_holed(&rig, messages);
    cr_expect_eq(relay_messages(&config, messages, 3, SPEAD_ON_ERROR_FAIL, &stats, &err), -EBADMSG);
    cr_expect_not_null(strstr(err.text, "incomplete"), "%s", err.text);
    cr_expect_eq(stats.failed, 1);
    cr_expect_eq(stats.in, stats.sent + stats.failed + stats.abandoned);
    recv_rig_close(&rig);
    relay_hop_close(&hop);

    relay_hop_open(&hop);
    config.stream = hop.send;
    config.incomplete = SPEAD_SEND_INCOMPLETE_SKIP;
    make_holed(&rig, messages);
    cr_expect_eq(relay_messages(&config, messages, 3, SPEAD_ON_ERROR_FAIL, &stats, &err), 0);
    cr_expect_eq(stats.skipped, 1);
    cr_expect_eq(stats.sent, 2);
    recv_rig_close(&rig);
    relay_hop_close(&hop);
}

/* A sending end without a declared type can send messages of every type. */
Test(send_sink_heaps, what_is_no_heap_is_not_taken_for_one)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    const struct spead_message messages[] = {{.reference = 12345, .type = SPEAD_TYPE_PLAIN},
                                             {.reference = 0, .type = SPEAD_TYPE_HEAP}};
    struct spead_err err = {0};
    struct relay_hop hop;

    relay_hop_open(&hop);
    config.stream = hop.send;
    cr_expect_eq(relay_messages(&config, messages, 2, SPEAD_ON_ERROR_SKIP, &stats, &err), 0, "%s",
                 err.text);
    cr_expect_eq(stats.failed, 2);
    relay_hop_close(&hop);

    relay_hop_open(&hop);
    config.stream = hop.send;
    cr_expect_eq(relay_messages(&config, messages, 1, SPEAD_ON_ERROR_FAIL, &stats, &err),
                 -EPROTOTYPE);
    cr_expect_not_null(strstr(err.text, "another type"), "%s", err.text);
    relay_hop_close(&hop);
}
