/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: no heap holds bytes of two senders, and the user decides what makes a sender. Method: a scripted engine lends
 * packets from several addresses and ports; the tests look at the heaps and at the ledger. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "recv_rig.h"

#define SECOND 1000000000u

static struct recv_rig rig;
static char last_warning[512], last_info[512];

static void keep_line(void *arg, enum spead_log_level level, const char *text)
{
    (void)arg;
    if (level == SPEAD_LOG_WARNING)
        snprintf(last_warning, sizeof last_warning, "%s", text);
    else
        snprintf(last_info, sizeof last_info, "%s", text);
}

static void make_rig(void)
{
    last_warning[0] = last_info[0] = '\0';
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
    rig.config.log = (struct spead_log){.fn = keep_line};
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_senders, .init = make_rig, .fini = close_rig);

#define EXPECT_BUCKETS(text) cr_expect_str_eq(recv_rig_buckets(&rig), text)

/* Makes a packet come from 192.0.2.`host` and this port. */
static struct script_packet *from(struct script_packet *packet, uint8_t host, uint16_t port)
{
    packet->from = speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, host}, port);
    return packet;
}

/* Queues one of the four packets of a heap of 64 bytes. Every byte of the payload is `fill`. */
static struct script_packet *piece(uint64_t counter, unsigned number, uint8_t fill)
{
    uint8_t payload[16];

    memset(payload, fill, sizeof payload);
    test_packet_data(&rig.packet, 40, counter, 64, number * 16u, payload, sizeof payload);
    return recv_rig_push(&rig);
}

/* Queues a whole heap of one sender. */
static void heap_from(uint64_t counter, uint8_t host, uint16_t port, uint8_t fill)
{
    for (unsigned number = 0; number < 4; number++)
        from(piece(counter, number, fill), host, port);
}

/* Takes the next heap. Returns the value of its bytes, or -1 if they differ. Returns -2 if there is no heap. */
static int take_fill(void)
{
    struct spead_heap *heap = recv_rig_take(&rig);
    int fill;

    if (!heap)
        return -2;
    fill = spead_heap_payload(heap)[0];
    for (uint64_t i = 0; i < spead_heap_length(heap); i++)
        if (spead_heap_payload(heap)[i] != fill)
            fill = -1;
    spead_heap_unref(heap);
    return fill;
}

/* ---- What makes a sender ------------------------------------------------------------------- */

static void equal_counters_from(uint8_t host, uint16_t port)
{
    recv_rig_open(&rig);
    for (unsigned number = 0; number < 4; number++) {
        from(piece(1, number, 0xaa), 1, 7000);
        from(piece(1, number, 0xbb), host, port);
    }
    recv_rig_run(&rig);
}

Test(recv_senders, equal_counters_of_two_ports_are_two_heaps)
{
    equal_counters_from(1, 7001);
    cr_expect_eq(take_fill(), 0xaa);
    cr_expect_eq(take_fill(), 0xbb);
    EXPECT_BUCKETS("delivered 8");
    cr_expect_eq(rig.stats.counters.senders, 2u);
}

Test(recv_senders, by_address_equal_counters_of_two_hosts_are_two_heaps)
{
    rig.config.sender_key = SPEAD_SENDER_KEY_ADDRESS;
    equal_counters_from(2, 7000);
    cr_expect_eq(take_fill(), 0xaa);
    cr_expect_eq(take_fill(), 0xbb);
    EXPECT_BUCKETS("delivered 8");
}

Test(recv_senders, joined_by_the_user_two_senders_are_one)
{
    rig.config.sender_key = SPEAD_SENDER_KEY_NONE;
    equal_counters_from(2, 7001);
    cr_expect_eq(take_fill(), 0xaa);
    EXPECT_BUCKETS("delivered 4, duplicate 4");
    cr_expect_eq(rig.stats.counters.senders, 1u);
}

Test(recv_senders, the_heap_says_who_sent_it)
{
    struct spead_sender_address sender;
    char text[SPEAD_SENDER_ADDRESS_TEXT_MAX];
    struct spead_heap *heap;

    recv_rig_open(&rig);
    heap_from(1, 7, 7148, 1);
    recv_rig_run(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect(spead_heap_sender(heap, &sender));
    cr_expect_str_eq(spead_sender_address_format(&sender, text), "192.0.2.7:7148");
    spead_heap_unref(heap);
}

Test(recv_senders, a_source_without_addresses_has_one_sender)
{
    struct spead_sender_address sender;
    struct spead_heap *heap;

    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_run(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_not(spead_heap_sender(heap, &sender));
    spead_heap_unref(heap);
}

/* ---- One heap that comes from several ports or addresses ------------------------------------- */

static void stripe_over_ports(enum spead_sender_key key)
{
    rig.config.sender_key = key;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 4; counter++)
        for (unsigned number = 0; number < 4; number++)
            from(piece(counter, number, (uint8_t)counter), 1, (uint16_t)(7000 + number));
    recv_rig_run(&rig);
}

Test(recv_senders, a_heap_striped_over_ports_is_never_clean_and_the_log_names_the_option)
{
    stripe_over_ports(SPEAD_SENDER_KEY_PORT);
    cr_expect_gt(rig.stats.counters.heaps_striped, 0u);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DELIVERED), 0u);
    cr_expect_not_null(strstr(last_warning, "--sender-key address"), "%s", last_warning);
}

Test(recv_senders, in_order_a_heap_striped_over_ports_is_never_clean_and_the_log_names_the_option)
{
    rig.config.allow_out_of_order = false;
    stripe_over_ports(SPEAD_SENDER_KEY_PORT);
    cr_expect_gt(rig.stats.counters.heaps_striped, 0u);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DELIVERED), 0u);
    cr_expect_not_null(strstr(last_warning, "--sender-key address"), "%s", last_warning);
}

Test(recv_senders, by_address_a_heap_striped_over_ports_is_whole)
{
    stripe_over_ports(SPEAD_SENDER_KEY_ADDRESS);
    EXPECT_BUCKETS("delivered 16");
    for (int counter = 1; counter <= 4; counter++)
        cr_expect_eq(take_fill(), counter);
    cr_expect_str_empty(last_warning);
}

Test(recv_senders, a_heap_striped_over_hosts_needs_another_option)
{
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 4; counter++)
        for (unsigned number = 0; number < 4; number++)
            from(piece(counter, number, 1), (uint8_t)(1 + number), 7000);
    recv_rig_run(&rig);
    cr_expect_gt(rig.stats.counters.heaps_striped, 0u);
    cr_expect_not_null(strstr(last_warning, "--sender-key none"), "%s", last_warning);
}

static void new_port_for_each_packet(enum spead_sender_key key)
{
    uint16_t port = 1024;

    rig.config.hand_over_heaps = 10;
    rig.config.sender_key = key;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 10; counter++)
        for (unsigned number = 0; number < 4; number++)
            from(piece(counter, number, 1), 1, port++);
    recv_rig_run(&rig);
}

Test(recv_senders, a_new_port_for_each_packet_is_never_clean)
{
    new_port_for_each_packet(SPEAD_SENDER_KEY_PORT);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DELIVERED), 0u);
    cr_expect_gt(rig.stats.counters.heaps_striped, 0u);
}

Test(recv_senders, by_address_or_joined_a_new_port_for_each_packet_loses_nothing)
{
    new_port_for_each_packet(SPEAD_SENDER_KEY_ADDRESS);
    EXPECT_BUCKETS("delivered 40");
    recv_rig_close(&rig);
    make_rig();
    new_port_for_each_packet(SPEAD_SENDER_KEY_NONE);
    EXPECT_BUCKETS("delivered 40");
}

/* The packets of one sender come over two networks. Each network loses one packet, and not the same packet. */
static void double_over_two_networks(enum spead_sender_key key)
{
    rig.config.sender_key = key;
    recv_rig_open(&rig);
    for (unsigned number = 0; number < 4; number++) {
        if (number != 1)
            from(piece(1, number, 1), 1, 7000);
        if (number != 2)
            from(piece(1, number, 1), 2, 7000);
    }
    recv_rig_run(&rig);
}

Test(recv_senders, joined_one_of_two_networks_fills_the_gaps_of_the_other)
{
    double_over_two_networks(SPEAD_SENDER_KEY_NONE);
    EXPECT_BUCKETS("delivered 4, duplicate 2");
}

Test(recv_senders, not_joined_two_networks_give_two_heaps_with_gaps)
{
    double_over_two_networks(SPEAD_SENDER_KEY_PORT);
    EXPECT_BUCKETS("live 6");
}

/* ---- Endpoints ----------------------------------------------------------------------------- */

/* Opens a heap at endpoint 0, then four heaps at endpoint 1. After that the last packet of the first heap comes. */
static void crowd_another_endpoint(bool joint)
{
    rig.sources = 2;
    rig.config.joint = joint;
    recv_rig_open(&rig);
    for (unsigned number = 0; number < 3; number++)
        piece(1, number, 5);
    for (uint64_t counter = 2; counter <= 5; counter++)
        piece(counter, 0, 6)->source = 1;
    piece(1, 3, 5);
    recv_rig_run(&rig);
}

Test(recv_senders, heaps_of_one_endpoint_do_not_evict_heaps_of_another)
{
    crowd_another_endpoint(false);
    cr_expect_eq(take_fill(), 5);
    EXPECT_BUCKETS("delivered 4, live 4");
}

Test(recv_senders, in_a_joint_stream_all_endpoints_share_one_window)
{
    crowd_another_endpoint(true);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_EVICTED), 3u);
}

Test(recv_senders, equal_counters_at_two_endpoints_are_two_heaps_unless_joint)
{
    rig.sources = 2;
    recv_rig_open(&rig);
    for (unsigned number = 0; number < 4; number++) {
        piece(1, number, 1)->source = 0;
        piece(1, number, 2)->source = 1;
    }
    recv_rig_run(&rig);
    cr_expect_eq(take_fill(), 1);
    cr_expect_eq(take_fill(), 2);
}

/* ---- Many senders -------------------------------------------------------------------------- */

/* Delivers packets of 250,000 senders. Each of them sends one packet of heap 3. */
static void flood(unsigned number)
{
    for (unsigned host = 0; host < 250; host++) {
        script_engine_clear(rig.engine);
        for (unsigned i = 0; i < 1000; i++)
            from(piece(3, number, 9), (uint8_t)(2 + host), (uint16_t)(1000 * number + i));
        recv_rig_run(&rig);
    }
}

/* A sender works: it sends two heaps. Packets of a million forged senders come between the packets of its third heap.
 * The clock stands, so the sender is never silent for longer than restart_quiet_ns. */
Test(recv_senders, a_flood_of_forged_senders_loses_no_heap_of_a_sender_that_works)
{
    uint64_t table_bytes;
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    rig.ops = &script_clock_ops;
    recv_rig_open(&rig);
    rig.engine->clock_ns = SECOND;
    spead_recv_stream_plan(rig.stream, &plan);
    table_bytes = plan.table_bytes;
    heap_from(1, 1, 7000, 1);
    heap_from(2, 1, 7000, 2);
    recv_rig_run(&rig);
    for (unsigned number = 0; number < 4; number++) {
        script_engine_clear(rig.engine);
        from(piece(3, number, 3), 1, 7000);
        recv_rig_run(&rig);
        flood(number);
    }
    cr_expect_eq(take_fill(), 1);
    cr_expect_eq(take_fill(), 2);
    cr_expect_eq(take_fill(), 3);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DELIVERED), 12u);
    cr_expect_leq(rig.stats.counters.senders, 1024u);
    spead_recv_stream_plan(rig.stream, &plan);
    cr_expect_eq(plan.table_bytes, table_bytes);
}

Test(recv_senders, a_sender_for_whom_there_is_no_place_is_counted)
{
    rig.config.senders_max = 2;
    recv_rig_open(&rig);
    from(piece(1, 0, 1), 1, 1);
    from(piece(1, 0, 1), 2, 1);
    from(piece(1, 0, 1), 3, 1);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("live 2, over-cap-senders 1");
}

Test(recv_senders, a_further_sender_replaces_the_one_that_is_silent_longest)
{
    rig.config.senders_max = 2;
    recv_rig_open(&rig);
    for (uint8_t host = 1; host <= 9; host++) {
        heap_from(1, host, 1, host);
        recv_rig_run(&rig);
        cr_expect_eq(take_fill(), host);
    }
    cr_expect_eq(rig.stats.counters.senders, 2u);
    cr_expect_eq(rig.stats.counters.senders_replaced, 7u);
}

/* ---- Runs ---------------------------------------------------------------------------------- */

/* A sender dies in the middle of heap 3. After `silence_ns` it starts anew, with other content, at packet `first` of
 * heap 3. */
static void restart_after(uint64_t silence_ns, unsigned first)
{
    rig.ops = &script_clock_ops;
    recv_rig_open(&rig);
    rig.engine->clock_ns = SECOND;
    from(piece(3, 0, 0xaa), 1, 7000);
    from(piece(3, 1, 0xaa), 1, 7000);
    recv_rig_run(&rig);
    rig.engine->clock_ns += silence_ns;
    for (unsigned number = first; number < 4; number++)
        from(piece(3, number, 0xbb), 1, 7000);
    recv_rig_run(&rig);
}

Test(recv_senders, after_a_silence_no_heap_holds_bytes_of_both_runs)
{
    restart_after(5ull * SECOND, 0);
    cr_expect_eq(take_fill(), 0xbb);
    cr_expect_eq(take_fill(), -2);
    EXPECT_BUCKETS("delivered 4, evicted 2");
    cr_expect_eq(rig.stats.counters.sender_restarts, 1u);
}

Test(recv_senders, that_holds_also_when_the_first_packets_of_the_new_run_are_lost)
{
    restart_after(5ull * SECOND, 2);
    cr_expect_eq(take_fill(), -2);
    EXPECT_BUCKETS("live 2, evicted 2");
}

/* Each of three senders begins a heap, is silent for five seconds, and begins it anew. */
static void start_three_anew(uint64_t counter)
{
    for (unsigned turn = 0; turn < 2; turn++) {
        for (uint8_t host = 1; host <= 3; host++)
            from(piece(counter, 0, 0xaa), host, 7000);
        recv_rig_run(&rig);
        rig.engine->clock_ns += 5ull * SECOND;
    }
}

Test(recv_senders, senders_that_start_anew_together_write_one_line)
{
    rig.ops = &script_clock_ops;
    rig.config.heap_timeout_ns = 0;
    rig.config.live_heaps_max = 8;
    recv_rig_open(&rig);
    rig.engine->clock_ns = SECOND;
    start_three_anew(1);
    cr_expect_eq(rig.stats.counters.sender_restarts, 3u);
    cr_expect_not_null(strstr(last_info, "sender 192.0.2.1:7000 was silent for 5 s"), "%s",
                       last_info);
    cr_expect_null(strstr(last_info, "left out"), "%s", last_info);
    start_three_anew(2);
    cr_expect_not_null(strstr(last_info, "end incomplete (2 more like this were left out)"), "%s",
                       last_info);
}

Test(recv_senders, a_short_silence_begins_no_run)
{
    restart_after(1ull * SECOND, 2);
    EXPECT_BUCKETS("delivered 4");
}

Test(recv_senders, the_user_decides_which_silence_begins_a_run)
{
    rig.config.restart_quiet_ns = SECOND / 2;
    restart_after(1ull * SECOND, 2);
    EXPECT_BUCKETS("live 2, evicted 2");
    recv_rig_close(&rig);
    make_rig();
    rig.config.restart_quiet_ns = 0;
    restart_after(100ull * SECOND, 2);
    EXPECT_BUCKETS("delivered 4");
}

/* Queues a packet that carries a start item and the first half of heap `counter`, which has 32 bytes. */
static void half_with_start(uint64_t counter, uint8_t fill)
{
    uint8_t payload[16];

    memset(payload, fill, sizeof payload);
    test_packet_specials(&rig.packet, 40, counter, 32, 0, 16);
    test_packet_immediate(&rig.packet, SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_START);
    test_packet_immediate(&rig.packet, 0x1600, 5);
    test_packet_payload(&rig.packet, payload, sizeof payload);
    from(recv_rig_push(&rig), 1, 7000);
}

/* Without the start heap, heap 3 would be complete, with bytes of both runs. */
Test(recv_senders, no_heap_is_complete_with_bytes_of_both_sides_of_a_start_item)
{
    recv_rig_open(&rig);
    from(piece(3, 0, 0xaa), 1, 7000);
    from(piece(3, 1, 0xaa), 1, 7000);
    from(piece(3, 0, 0xcc), 2, 7000);
    from(recv_rig_control(&rig, 1, SPEAD_CONTROL_START), 1, 7000);
    from(piece(3, 2, 0xbb), 1, 7000);
    from(piece(3, 3, 0xbb), 1, 7000);
    recv_rig_run(&rig);
    cr_expect_eq(take_fill(), -2);
    EXPECT_BUCKETS("live 3, control 1, evicted 2");
    cr_expect_eq(rig.stats.counters.sender_restarts, 1u);
}

Test(recv_senders, the_heap_that_carries_the_start_item_goes_on)
{
    recv_rig_open(&rig);
    from(piece(3, 0, 0xaa), 1, 7000);
    half_with_start(4, 0xbb);
    from(recv_rig_data(&rig, 4, 32, 16, 16), 1, 7000);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 2, evicted 1");
}

/* If a network doubles packets, the copy of a start heap can come when heaps of the new run are live or complete. */
Test(recv_senders, a_copy_of_a_start_heap_begins_no_run)
{
    rig.ops = &script_clock_ops;
    recv_rig_open(&rig);
    rig.engine->clock_ns = SECOND;
    from(recv_rig_control(&rig, 1, SPEAD_CONTROL_START), 1, 7000);
    heap_from(2, 1, 7000, 1);
    from(piece(3, 0, 2), 1, 7000);
    recv_rig_run(&rig);
    rig.engine->clock_ns += 10000000;
    from(recv_rig_control(&rig, 1, SPEAD_CONTROL_START), 1, 7000);
    for (unsigned number = 1; number < 4; number++)
        from(piece(3, number, 2), 1, 7000);
    heap_from(2, 1, 7000, 1);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 8, control 2, duplicate 4");
    cr_expect_eq(rig.stats.counters.sender_restarts, 1u);
}

Test(recv_senders, a_start_heap_that_comes_again_later_begins_a_run)
{
    rig.ops = &script_clock_ops;
    recv_rig_open(&rig);
    rig.engine->clock_ns = SECOND;
    from(recv_rig_control(&rig, 1, SPEAD_CONTROL_START), 1, 7000);
    from(piece(3, 0, 2), 1, 7000);
    recv_rig_run(&rig);
    rig.engine->clock_ns += 10000001;
    recv_rig_poll(&rig); /* finds the source empty */
    from(recv_rig_control(&rig, 1, SPEAD_CONTROL_START), 1, 7000);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("control 2, evicted 1");
    cr_expect_eq(rig.stats.counters.sender_restarts, 2u);
}

/* ---- Counters that come again ---------------------------------------------------------------- */

static void come_again_after(uint64_t ns)
{
    rig.ops = &script_clock_ops;
    recv_rig_open(&rig);
    rig.engine->clock_ns = SECOND;
    heap_from(1, 1, 7000, 1);
    recv_rig_run(&rig);
    rig.engine->clock_ns += ns;
    recv_rig_poll(&rig); /* finds the source empty */
    heap_from(1, 1, 7000, 2);
    recv_rig_run(&rig);
}

Test(recv_senders, a_copy_that_comes_at_once_is_a_duplicate)
{
    come_again_after(1000000);
    EXPECT_BUCKETS("delivered 4, duplicate 4");
}

Test(recv_senders, a_packet_that_comes_much_later_than_its_heap_is_named)
{
    come_again_after(50000000);
    EXPECT_BUCKETS("delivered 4, repeated-counter 4");
}

Test(recv_senders, a_heap_of_another_length_under_the_same_counter_is_named)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 64);
    recv_rig_data(&rig, 1, 32, 0, 32);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 1, repeated-counter 1");
}

/* A packet of heap 1 with 16 bytes of payload and an immediate item. */
struct item_piece {
    unsigned number, bits;
    uint64_t length, value;
};

static void push_piece(const struct item_piece *piece)
{
    test_packet_specials(&rig.packet, piece->bits, 1, piece->length, piece->number * 16u, 16);
    test_packet_immediate(&rig.packet, 0x1600, piece->value);
    test_packet_payload(&rig.packet, "0123456789abcdef", 16);
    recv_rig_push(&rig);
}

static void piece_with_item(unsigned number, uint64_t value)
{
    push_piece(&(struct item_piece){number, 40, 32, value});
}

Test(recv_senders, a_heap_whose_items_contradict_its_first_packet_is_never_complete)
{
    recv_rig_open(&rig);
    piece_with_item(0, 5);
    piece_with_item(1, 6);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("evicted 1, repeated-counter 1");
    cr_expect_eq(rig.stats.counters.heaps_contradicted, 1u);
}

/* Sends this packet between the two packets of a heap of 32 bytes whose item has the value 5. */
static const char *amid_a_heap(bool out_of_order, const struct item_piece *piece)
{
    recv_rig_close(&rig);
    make_rig();
    rig.config.allow_out_of_order = out_of_order;
    recv_rig_open(&rig);
    piece_with_item(0, 5);
    push_piece(piece);
    piece_with_item(1, 5);
    recv_rig_run(&rig);
    return recv_rig_buckets(&rig);
}

/* The range of the copy is there already, so the copy adds nothing. But it shows that two heaps have this counter. */
Test(recv_senders, a_copy_that_contradicts_its_heap_ends_it_too)
{
    static const struct item_piece copy = {0, 40, 32, 5}, longer = {0, 40, 48, 5},
                                   other_flavour = {0, 48, 32, 5}, other_item = {0, 40, 32, 6};

    for (int out_of_order = 0; out_of_order <= 1; out_of_order++) {
        cr_expect_str_eq(amid_a_heap(out_of_order, &copy), "delivered 2, duplicate 1");
        cr_expect_str_eq(amid_a_heap(out_of_order, &longer),
                         "late 1, evicted 1, malformed-heap-length 1");
        cr_expect_str_eq(amid_a_heap(out_of_order, &other_flavour),
                         "late 1, evicted 1, foreign-flavour 1");
        cr_expect_str_eq(amid_a_heap(out_of_order, &other_item),
                         "late 1, evicted 1, repeated-counter 1");
    }
}

/* Without allow_out_of_order, the stream refuses a packet that comes too early. It still looks whether the packet
 * contradicts its heap. */
Test(recv_senders, in_order_a_packet_that_is_refused_and_contradicts_its_heap_ends_it)
{
    rig.config.allow_out_of_order = false;
    recv_rig_open(&rig);
    push_piece(&(struct item_piece){0, 40, 64, 5});
    push_piece(&(struct item_piece){2, 40, 64, 6});
    push_piece(&(struct item_piece){1, 40, 64, 5});
    recv_rig_run(&rig);
    EXPECT_BUCKETS("late 1, evicted 1, repeated-counter 1");
}

Test(recv_senders, packets_that_repeat_an_item_with_its_value_belong_together)
{
    recv_rig_open(&rig);
    piece_with_item(0, 5);
    piece_with_item(1, 5);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 2");
}

/* The thread was late, so it reads the copy much later than the copy came. */
Test(recv_senders, a_copy_that_waited_in_the_source_is_a_duplicate)
{
    rig.ops = &script_clock_ops;
    rig.engine->poll_max = 4;
    recv_rig_open(&rig);
    rig.engine->clock_ns = SECOND;
    heap_from(1, 1, 7000, 1);
    heap_from(1, 1, 7000, 1);
    recv_rig_poll(&rig);
    rig.engine->clock_ns += 50000000;
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 4, duplicate 4");
}

Test(recv_senders, a_joint_stream_says_which_window_it_needs)
{
    rig.sources = 3;
    rig.config.joint = true;
    recv_rig_open(&rig);
    cr_expect_not_null(strstr(last_info, "at least 3 x"), "%s", last_info);
}

/* ---- Missing heaps ------------------------------------------------------------------------- */

Test(recv_senders, skipped_counters_are_counted_for_each_sender_apart)
{
    rig.config.hand_over_heaps = 100;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 20; counter++) {
        if (counter != 7)
            heap_from(counter, 1, 7000, 1);
        if (counter != 11 && counter != 12)
            heap_from(1000000000 + 4096 * counter, 2, 7000, 2);
    }
    recv_rig_run(&rig);
    cr_expect_eq(rig.stats.counters.missing_heaps, 3u);
    cr_expect_eq(rig.stats.counters.heaps_not_understood, 0u);
    cr_expect_eq(rig.stats.counters.missing_heaps_provisional, 0u);
}

Test(recv_senders, the_counter_of_a_stop_heap_is_no_gap)
{
    recv_rig_open(&rig);
    for (uint64_t counter = 501; counter <= 504; counter++)
        heap_from(counter, 1, 7000, 1);
    from(recv_rig_control(&rig, 1, SPEAD_CONTROL_STOP), 1, 7000);
    recv_rig_run(&rig);
    cr_expect_eq(rig.stats.counters.missing_heaps, 0u);
}
