/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every byte of a packet is as the page about the protocol says. The packets are the same whether the packetiser
 * gets much or little space in each call.
 *
 * Method: the tests compare packets with the vectors of tests/vectors/. For many different heaps, a decoder in this
 * file also puts the packets together again. The packetiser gets its space in one call, or in small parts in many
 * calls.
 *
 * A comment such as "TestEncode.empty" names the test of spead2 that has the same case. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/bytes.h>
#include <speadi/packet.h>

#include <packetiser.h>

#include "described_items.h"
#include "vectors.h"

enum { PACKETS_MAX = 4096 };

/* The memory into which the packetiser writes packets. cut() gives this memory to the packetiser in parts. */
struct output {
    uint8_t header[1 << 19];
    struct iovec iov[4 * PACKETS_MAX];
    struct speadi_tx_packet packet[PACKETS_MAX];
    size_t count;
    uint64_t bytes;
};

static struct output *output_create(void)
{
    struct output *output = calloc(1, sizeof *output);

    cr_assert_not_null(output);
    return output;
}

/* Cuts the heap into packets of this size. Each call of the packetiser gets space for `at_once` packets. */
static void cut_to_size(struct output *output, const struct spead_send_heap *heap,
                        struct speadi_packet_size size, uint64_t counter, unsigned at_once)
{
    struct speadi_packetiser packetiser;
    struct speadi_heap_shape shape;
    struct speadi_packet_space space = {.header = output->header,
                                        .header_end = output->header + sizeof output->header,
                                        .iov = output->iov,
                                        .iov_end = output->iov + 4 * PACKETS_MAX,
                                        .packet = output->packet};
    bool done = false;

    cr_assert_eq(speadi_heap_shape(&shape, heap, &size), 0);
    speadi_packetiser_init(&packetiser, &size);
    speadi_packetiser_begin(&packetiser, heap, &shape, counter, 0);
    while (!done) {
        const struct speadi_tx_packet *before = space.packet;

        space.packet_end = space.packet + at_once;
        if (space.packet_end > output->packet + PACKETS_MAX)
            space.packet_end = output->packet + PACKETS_MAX;
        space.budget = UINT64_MAX;
        done = speadi_packetiser_fill(&packetiser, &space);
        cr_assert(done || space.packet > before, "no packet fits although there is room");
    }
    output->count = (size_t)(space.packet - output->packet);
    for (size_t i = 0; i < output->count; i++)
        output->bytes += output->packet[i].bytes;
    cr_expect_eq(output->count, shape.packets, "%zu packets, %zu foretold", output->count,
                 (size_t)shape.packets);
    cr_expect_eq(output->bytes, shape.bytes, "%zu bytes, %zu foretold", (size_t)output->bytes,
                 (size_t)shape.bytes);
}

static void cut(struct output *output, const struct spead_send_heap *heap, uint32_t packet_bytes,
                uint64_t counter, unsigned at_once)
{
    cut_to_size(output, heap, (struct speadi_packet_size){packet_bytes, 0}, counter, at_once);
}

/* Returns the bytes of packet n in one piece. The caller must free them. */
static uint8_t *flatten(const struct output *output, size_t n)
{
    const struct speadi_tx_packet *packet = &output->packet[n];
    uint8_t *bytes = malloc(packet->bytes);
    size_t used = 0;

    for (unsigned i = 0; i < packet->iov_count; i++) {
        cr_assert_leq(used + packet->iov[i].iov_len, packet->bytes);
        memcpy(bytes + used, packet->iov[i].iov_base, packet->iov[i].iov_len);
        used += packet->iov[i].iov_len;
    }
    cr_assert_eq(used, packet->bytes, "iovecs do not add up");
    return bytes;
}

static struct spead_send_heap *make_heap(unsigned heap_address_bits)
{
    struct spead_send_heap *heap = NULL;

    cr_assert_eq(spead_send_heap_create(&heap, (struct spead_flavour){(uint8_t)heap_address_bits}),
                 0);
    return heap;
}

/* ---- Vectors ------------------------------------------------------------------------------- */

/* Compares the packets of the heap with packets of the vector file. `first` is the index of the first of these packets
 * in the file. */
static void expect_vector(const struct spead_send_heap *heap, uint32_t packet_bytes,
                          const char *name, size_t first)
{
    struct output *output = output_create();
    static struct test_vectors vectors;

    test_vectors_read(&vectors, name);
    cut(output, heap, packet_bytes, 1, PACKETS_MAX);
    cr_assert_leq(first + output->count, vectors.count, "%s: too many packets", name);
    for (size_t i = 0; i < output->count; i++) {
        const struct test_vector_packet *want = &vectors.packet[first + i];
        uint8_t *got = flatten(output, i);

        cr_assert_eq(output->packet[i].bytes, want->length, "%s: packet %zu has %u bytes, not %zu",
                     name, i, output->packet[i].bytes, want->length);
        for (size_t k = 0; k < want->length; k++)
            cr_assert_eq(got[k], want->bytes[k], "%s: packet %zu byte %zu is %02x, not %02x", name,
                         i, k, got[k], want->bytes[k]);
        free(got);
    }
    free(output);
}

/* The same case as TestEncode.empty in spead2. The test unittest_send_completion of spead2 also expects 49 bytes. */
Test(packetiser, empty_heap_is_49_bytes)
{
    struct spead_send_heap *heap = make_heap(48);

    expect_vector(heap, 1472, "empty_heap", 0);
    spead_send_heap_destroy(heap);
}

/* The same case as TestEncode.small_fixed in spead2. */
Test(packetiser, small_item_is_an_immediate_with_null_and_a_zero_byte)
{
    static const uint8_t value[2] = {0x12, 0x34};
    struct spead_send_heap *heap = make_heap(48);

    cr_assert_geq(spead_send_heap_add_item(heap, 0x1000, value, sizeof value, true), 0);
    expect_vector(heap, 1472, "immediate_item", 0);
    spead_send_heap_destroy(heap);
}

/* The same cases as TestEncode.numpy_simple, numpy_fortran_order, fallback_types, small_variable and others. */
Test(packetiser, heaps_with_descriptors_are_those_of_spead2)
{
    for (size_t i = 0; i < test_described_item_count; i++) {
        const struct test_described_item *row = &test_described_items[i];
        struct spead_send_heap *heap = make_heap(row->heap_address_bits);
        struct spead_descriptor *descriptor = test_described_descriptor(row);
        size_t bytes;
        uint8_t *data = test_described_bytes(row, descriptor, &bytes);

        cr_assert_eq(spead_send_heap_add_descriptor(heap, descriptor, row->bug_compat, NULL), 0,
                     "%s", row->what);
        cr_assert_eq(spead_send_heap_add_item(heap, row->config.id, data, bytes,
                                              spead_descriptor_allows_immediate(descriptor)),
                     1, "%s", row->what);
        expect_vector(heap, 9000, "descriptors", i);
        spead_send_heap_destroy(heap);
        spead_descriptor_unref(descriptor);
        free(data);
    }
}

Test(packetiser, large_item_spans_packets)
{
    static uint8_t data[20];
    struct spead_send_heap *heap = make_heap(48);

    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    cr_assert_geq(spead_send_heap_add_item(heap, 0x1000, data, sizeof data, true), 0);
    expect_vector(heap, 64, "array_in_two_packets", 0);
    spead_send_heap_destroy(heap);
}

/* The same case as TestEncode.replicate_pointers in spead2. */
Test(packetiser, replicate_pointers)
{
    static uint8_t data[32];
    struct spead_send_heap *heap = make_heap(48);

    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    cr_assert_geq(spead_send_heap_add_item(heap, 0x1000, data, sizeof data, false), 0);
    cr_assert_geq(spead_send_heap_add_immediate(heap, 0x1001, 0x12345678), 0);
    spead_send_heap_repeat_pointers(heap, true);
    expect_vector(heap, 72, "repeat_pointers", 0);
    spead_send_heap_destroy(heap);
}

/* The same case as TestEncode.start and TestEncode.end in spead2. */
Test(packetiser, start_and_stop_heaps_are_57_bytes)
{
    struct spead_send_heap *start = make_heap(48), *stop = make_heap(48);

    cr_assert_geq(spead_send_heap_add_control(start, SPEAD_CONTROL_START), 0);
    cr_assert_geq(spead_send_heap_add_control(stop, SPEAD_CONTROL_STOP), 0);
    expect_vector(start, 1472, "start_heap", 0);
    expect_vector(stop, 1472, "stop_heap", 0);
    spead_send_heap_destroy(start);
    spead_send_heap_destroy(stop);
}

Test(packetiser, pointers_spill_into_following_packets)
{
    static uint8_t data[6][4];
    struct spead_send_heap *heap = make_heap(48);

    for (unsigned i = 0; i < 6; i++) {
        memset(data[i], (int)i, 4);
        cr_assert_geq(spead_send_heap_add_item(heap, 0x1000 + i, data[i], 4, false), 0);
    }
    expect_vector(heap, 72, "pointers_spill", 0);
    spead_send_heap_destroy(heap);
}

Test(packetiser, spilled_pointers_without_payload_get_padding)
{
    struct spead_send_heap *heap = make_heap(48);

    for (unsigned i = 0; i < 12; i++)
        cr_assert_geq(spead_send_heap_add_immediate(heap, 0x1000 + i, 0x100 + i), 0);
    expect_vector(heap, 88, "pointers_spill_padded", 0);
    spead_send_heap_destroy(heap);
}

Test(packetiser, padding_starts_where_too_little_payload_ends)
{
    static const uint8_t data[5] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4};
    struct spead_send_heap *heap = make_heap(48);

    for (unsigned i = 0; i < 4; i++)
        cr_assert_geq(spead_send_heap_add_immediate(heap, 0x1000 + i, 0x100 + i), 0);
    cr_assert_geq(spead_send_heap_add_item(heap, 0x1004, data, sizeof data, false), 0);
    expect_vector(heap, 64, "pointers_spill_short_payload", 0);
    spead_send_heap_destroy(heap);
}

Test(packetiser, every_flavour)
{
    static const uint8_t data[4] = {1, 2, 3, 4};

    for (unsigned bits = 8; bits <= 56; bits += 8) {
        struct spead_send_heap *heap = make_heap(bits);
        uint64_t id = bits == 56 ? 0x20 : 0x1000;

        cr_assert_geq(spead_send_heap_add_item(heap, id, data, sizeof data, false), 0);
        cr_assert_geq(spead_send_heap_add_immediate(heap, id + 1, 0x7f), 0);
        expect_vector(heap, 1472, "flavours", bits / 8 - 1);
        spead_send_heap_destroy(heap);
    }
}

/* The same cases as TestEncode.zero_copy and TestEncode.lifetime in spead2. The packetiser reads the bytes of an item
 * when the heap is sent, not when the item is added. */
Test(packetiser, data_is_read_when_sent_not_when_added)
{
    static uint8_t data[32], small[2];
    struct spead_send_heap *heap = make_heap(48);
    struct output *output = output_create();
    uint8_t *packet;

    cr_assert_geq(spead_send_heap_add_item(heap, 0x1000, data, sizeof data, true), 0);
    cr_assert_geq(spead_send_heap_add_item(heap, 0x1001, small, sizeof small, true), 0);
    memset(data, 0x5a, sizeof data);
    small[0] = 0xbe;
    small[1] = 0xef;
    cut(output, heap, 1472, 1, PACKETS_MAX);
    packet = flatten(output, 0);
    cr_expect_eq(speadi_load_be64(packet + 8 + 5 * 8), 0x900100000000beefull);
    cr_expect_eq(packet[8 + 6 * 8], 0x5a);
    cr_expect_eq(output->packet[0].iov[1].iov_base, data, "the payload was copied");
    free(packet);
    free(output);
    spead_send_heap_destroy(heap);
}

/* The same case as unittest_send_heap.get_item in spead2. After a send, the program changes the heap through a handle
 * and sends it again. */
Test(packetiser, handles_change_values_between_sends)
{
    static const uint8_t one[16] = {1}, two[24] = {2};
    struct spead_send_heap *heap = make_heap(40);
    struct output *output = output_create();
    int item = spead_send_heap_add_item(heap, 0x1000, one, sizeof one, true);
    int immediate = spead_send_heap_add_immediate(heap, 0x1001, 7);
    uint8_t *packet;

    cr_assert_eq(spead_send_heap_set_item(heap, item, two, sizeof two), 0);
    cr_assert_eq(spead_send_heap_set_immediate(heap, immediate, 8), 0);
    cut(output, heap, 1472, 1, PACKETS_MAX);
    packet = flatten(output, 0);
    cr_expect_eq(speadi_load_be64(packet + 16), 0x8000020000000000 | sizeof two, "heap length");
    cr_expect_eq(speadi_load_be64(packet + 8 + 5 * 8), 0x8010010000000008);
    cr_expect_eq(packet[8 + 6 * 8], 2);
    free(packet);
    free(output);
    spead_send_heap_destroy(heap);
}

/* ---- Any heap comes out whole -------------------------------------------------------------- */

/* Puts the payload of the packets together and returns it. Also checks in every packet the rules that all packets must
 * obey. */
static uint8_t *assemble(const struct output *output, uint32_t packet_bytes, uint64_t counter,
                         uint64_t *length, size_t *items)
{
    uint8_t *heap = NULL;
    uint64_t at = 0;

    *items = 0;
    for (size_t n = 0; n < output->count; n++) {
        uint8_t *bytes = flatten(output, n);
        struct speadi_packet packet;

        cr_assert_leq(output->packet[n].bytes, packet_bytes);
        cr_assert_leq(output->packet[n].iov_count, SPEADI_PACKET_IOVECS_MAX);
        cr_assert_eq(
            speadi_packet_decode(&packet, bytes, output->packet[n].bytes, output->packet[n].bytes),
            0, "packet %zu is malformed", n);
        cr_assert_eq(packet.heap_counter, counter);
        cr_assert_eq(packet.payload_offset, at, "packet %zu starts elsewhere", n);
        cr_assert(n + 1 == output->count || packet.payload_bytes % 8 == 0,
                  "packet %zu leaves the payload unaligned", n);
        cr_assert_gt(packet.payload_bytes, 0);
        if (heap == NULL)
            heap = calloc(1, packet.heap_length);
        *length = packet.heap_length;
        memcpy(heap + at, bytes + packet.header_bytes, packet.payload_bytes);
        at += packet.payload_bytes;
        *items += packet.pointer_count - packet.special_count;
        free(bytes);
    }
    cr_assert_eq(at, *length, "payload ends at %zu of %zu", (size_t)at, (size_t)*length);
    return heap;
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 131 + i / 251 + 1);
}

/* Makes a heap with `count` items of `bytes` bytes each and `count` immediate items, and checks its packets. */
static void expect_whole(unsigned count, size_t bytes, uint32_t packet_bytes, unsigned at_once)
{
    struct spead_send_heap *heap = make_heap(40);
    struct output *output = output_create();
    uint8_t *data = malloc(count * bytes + 1), *got;
    uint64_t length = 0;
    size_t items;

    for (size_t i = 0; i < count * bytes; i++)
        data[i] = pattern(i);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_geq(spead_send_heap_add_item(heap, 0x1000 + i, data + i * bytes, bytes, false),
                      0);
        cr_assert_geq(spead_send_heap_add_immediate(heap, 0x100000 + i, i), 0);
    }
    cut(output, heap, packet_bytes, 77, at_once);
    got = assemble(output, packet_bytes, 77, &length, &items);
    cr_expect(memcmp(got, data, count * bytes) == 0, "%u items of %zu at %u: payload differs",
              count, bytes, packet_bytes);
    for (size_t i = count * bytes; i < length; i++)
        cr_expect_eq(got[i], 0, "padding is not zero");
    cr_expect_eq(items, 2u * count + (length > count * bytes), "%zu pointers", items);
    free(got);
    free(data);
    free(output);
    spead_send_heap_destroy(heap);
}

Test(packetiser, heaps_of_any_shape_come_out_whole)
{
    static const unsigned counts[] = {1, 2, 3, 7, 50};
    static const size_t sizes[] = {0, 1, 5, 8, 61, 1000, 16 * 1024 + 3};
    static const uint32_t packets[] = {56, 64, 72, 200, 1472, 8968, 65504};

    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++)
        for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (unsigned p = 0; p < sizeof packets / sizeof *packets; p++)
                if (counts[i] * sizes[k] / (packets[p] - 48) < PACKETS_MAX / 2)
                    expect_whole(counts[i], sizes[k], packets[p], PACKETS_MAX);
}

Test(packetiser, work_is_resumed_wherever_space_ran_out)
{
    for (unsigned at_once = 1; at_once <= 5; at_once++) {
        expect_whole(1, 100000, 1472, at_once);
        expect_whole(3, 5000, 1472, at_once);
        expect_whole(20, 3, 72, at_once);
    }
}

/* sendmsg() refuses more than 1024 iovecs. So the packetiser must copy tiny items together. */
Test(packetiser, packet_of_many_tiny_items_is_gathered)
{
    struct spead_send_heap *heap = make_heap(40);
    struct output *output = output_create();
    static uint8_t data[3000];
    uint64_t length;
    size_t items;
    uint8_t *got;

    for (unsigned i = 0; i < sizeof data; i++) {
        data[i] = pattern(i);
        cr_assert_geq(spead_send_heap_add_item(heap, 0x1000 + i, data + i, 1, false), 0);
    }
    cut(output, heap, 65504, 5, PACKETS_MAX);
    cr_expect_eq(output->count, 1);
    cr_expect_eq(output->packet[0].iov_count, 1);
    got = assemble(output, 65504, 5, &length, &items);
    cr_expect(memcmp(got, data, sizeof data) == 0);
    free(got);
    free(output);
    spead_send_heap_destroy(heap);
}

Test(packetiser, budget_is_never_exceeded)
{
    static uint8_t data[20000];
    struct spead_send_heap *heap = make_heap(40);
    struct output *output = output_create();
    struct speadi_packetiser packetiser;
    struct speadi_heap_shape shape;
    struct speadi_packet_space space = {.header = output->header,
                                        .header_end = output->header + sizeof output->header,
                                        .iov = output->iov,
                                        .iov_end = output->iov + 4 * PACKETS_MAX,
                                        .packet = output->packet,
                                        .packet_end = output->packet + PACKETS_MAX,
                                        .packet_overhead = 66};
    uint64_t total = 0;
    bool done = false;

    cr_assert_geq(spead_send_heap_add_item(heap, 0x1000, data, sizeof data, false), 0);
    cr_assert_eq(speadi_heap_shape(&shape, heap, &(struct speadi_packet_size){1472, 0}), 0);
    speadi_packetiser_init(&packetiser, &(struct speadi_packet_size){1472, 0});
    speadi_packetiser_begin(&packetiser, heap, &shape, 1, 0);
    while (!done) {
        const struct speadi_tx_packet *from = space.packet;
        uint64_t spent = 0;

        /* The budget is enough for three packets of 1472 bytes, each with an overhead of 66 bytes. */
        space.budget = 5000;
        done = speadi_packetiser_fill(&packetiser, &space);
        for (; from < space.packet; from++)
            spent += from->bytes + 66;
        cr_expect_leq(spent, 5000);
        cr_expect(done || spent > 5000 - 1472 - 66, "stopped at %zu of 5000", (size_t)spent);
        cr_expect_eq(space.budget, 5000 - spent);
        total += spent;
    }
    cr_expect_eq(total, shape.bytes + 66 * shape.packets);
    free(output);
    spead_send_heap_destroy(heap);
}

/* ---- What cannot be sent ------------------------------------------------------------------- */

Test(packetiser, repeated_pointers_that_do_not_fit_are_refused)
{
    struct spead_send_heap *heap = make_heap(40);
    struct speadi_heap_shape shape;

    spead_send_heap_repeat_pointers(heap, true);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_geq(spead_send_heap_add_immediate(heap, 0x1000 + i, 1), 0);
    cr_expect_eq(speadi_heap_shape(&shape, heap, &(struct speadi_packet_size){72, 0}), 0,
                 "two of the three that fit");
    cr_assert_geq(spead_send_heap_add_immediate(heap, 0x1002, 1), 0);
    cr_expect_eq(speadi_heap_shape(&shape, heap, &(struct speadi_packet_size){72, 0}), -EINVAL,
                 "no room for the NULL pointer");
    cr_expect_eq(speadi_heap_shape(&shape, heap, &(struct speadi_packet_size){80, 0}), 0);
    spead_send_heap_destroy(heap);
}

Test(packetiser, padding_that_the_flavour_cannot_count_is_refused)
{
    /* With 8 bits of heap address, the heap length is at most 255. */
    struct spead_send_heap *heap = make_heap(8);
    struct speadi_heap_shape shape;

    for (unsigned i = 0; i < 31; i++)
        cr_assert_geq(spead_send_heap_add_immediate(heap, 0x1000 + i, 1), 0);
    cr_expect_eq(speadi_heap_shape(&shape, heap, &(struct speadi_packet_size){56, 0}), 0,
                 "31 full packets of pointers: 249 bytes");
    cr_assert_geq(spead_send_heap_add_immediate(heap, 0x2000, 1), 0);
    cr_expect_eq(speadi_heap_shape(&shape, heap, &(struct speadi_packet_size){56, 0}), -EINVAL,
                 "257 bytes");
    spead_send_heap_destroy(heap);
}

/* ---- A fixed payload ------------------------------------------------------------------------ */

/* Returns how many bytes of payload packet n says that it has. */
static uint64_t payload_of(const struct output *output, size_t n)
{
    uint8_t *bytes = flatten(output, n);
    uint64_t payload = speadi_load_be64(bytes + 32) & 0xffffffffffu;

    free(bytes);
    return payload;
}

Test(packetiser, every_packet_but_the_last_has_the_fixed_payload)
{
    static const uint8_t data[10000];
    static const struct {
        unsigned items;
        uint32_t payload;
        bool repeat;
    } cases[] = {{1, 1024, false}, {1, 1024, true}, {30, 1024, false}, {30, 1024, true},
                 {1, 8, false},    {3, 1400, true}, {49, 1024, false}};

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (unsigned at_once = 1; at_once < 40; at_once += 7) {
            struct output *output = output_create();
            struct spead_send_heap *heap = make_heap(40);

            for (unsigned k = 0; k + 1 < cases[i].items; k++)
                spead_send_heap_add_immediate(heap, 0x2000 + k, k);
            spead_send_heap_add_item(heap, 0x1000, data, sizeof data, false);
            spead_send_heap_repeat_pointers(heap, cases[i].repeat);
            cut_to_size(output, heap, (struct speadi_packet_size){1472, cases[i].payload}, 1,
                        at_once);
            for (size_t n = 0; n + 1 < output->count; n++)
                cr_assert_eq(payload_of(output, n), cases[i].payload, "case %u, packet %zu", i, n);
            cr_expect_eq(payload_of(output, output->count - 1),
                         sizeof data - (output->count - 1) * cases[i].payload);
            spead_send_heap_destroy(heap);
            free(output);
        }
    }
}

Test(packetiser, a_fixed_payload_that_does_not_fit_beside_the_pointers_is_refused)
{
    static const uint8_t data[5000];
    const struct speadi_packet_size size = {1472, 1024}; /* 51 item pointers fit */
    struct speadi_heap_shape shape;
    struct spead_send_heap *heap = make_heap(40);
    int item = spead_send_heap_add_item(heap, 0x1000, data, sizeof data, false);

    for (unsigned k = 1; k < 51; k++)
        spead_send_heap_add_immediate(heap, 0x2000 + k, k);
    cr_expect_eq(speadi_heap_shape(&shape, heap, &size), 0);
    spead_send_heap_add_immediate(heap, 0x3000, 0);
    cr_expect_eq(speadi_heap_shape(&shape, heap, &size), -EINVAL);
    spead_send_heap_set_item(heap, item, data, 1016);
    cr_expect_eq(speadi_heap_shape(&shape, heap, &size), 0, "the heap has less than that");
    cr_expect_eq(shape.packets, 1);
    for (unsigned k = 0; k < 200; k++)
        spead_send_heap_add_immediate(heap, 0x4000 + k, 0);
    cr_expect_eq(speadi_heap_shape(&shape, heap, &size), -EINVAL, "the pointers fill a packet");
    spead_send_heap_destroy(heap);
}
