/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: descriptors travel as spead2 sends them, byte for byte, and what arrives is what was sent.
 * Method: tests/vectors/descriptors.hex holds heaps that spead2 has sent. Their descriptors and values are made from
 * configurations and compared with the bytes, and the bytes are decoded and compared with the configurations. The items
 * of spead2's own tests of encoding (TestEncode) and decoding (TestDecode) are among them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/descriptor.h>
#include <speadline/value.h>

#include <speadi/heap_view.h>
#include <speadi/packet.h>

#include "described_items.h"
#include "vectors.h"

/* A heap that arrived in one packet. */
struct arrived {
    struct spead_heap heap;
    struct speadi_block region;
    uint64_t pointers[16];
};

static void arrive(struct arrived *arrived, struct test_vector_packet *from)
{
    struct speadi_packet packet;

    cr_assert_eq(
        speadi_packet_decode(&packet, from->bytes, (uint32_t)from->length, (uint32_t)from->length),
        0);
    cr_assert_leq(packet.pointer_count, 16);
    arrived->region = (struct speadi_block){.data = from->bytes + packet.header_bytes};
    arrived->heap = (struct spead_heap){
        .complete = true,
        .heap_address_bits = packet.heap_address_bits,
        .region = &arrived->region,
        .counter = packet.heap_counter,
        .length = packet.payload_bytes,
        .pointers = arrived->pointers,
        .pointer_count = packet.pointer_count,
    };
    for (uint32_t i = 0; i < packet.pointer_count; i++)
        arrived->pointers[i] = speadi_packet_pointer(&packet, i);
    speadi_heap_sort_items(&arrived->heap);
}

#define EACH_ROW                   \
    size_t i = 0;                  \
    i < test_described_item_count; \
    i++

static void expect_same_bytes(const uint8_t *got, size_t got_bytes, const uint8_t *want,
                              size_t want_bytes, const char *what)
{
    cr_assert_eq(got_bytes, want_bytes, "%s: %zu bytes, not %zu", what, got_bytes, want_bytes);
    for (size_t k = 0; k < want_bytes; k++)
        cr_assert_eq(got[k], want[k], "%s: byte %zu is %02x, not %02x", what, k, got[k], want[k]);
}

Test(descriptor_packet, is_encoded_as_spead2_encodes_it)
{
    struct test_vectors vectors;

    test_vectors_read(&vectors, "descriptors");
    cr_assert_eq(vectors.count, test_described_item_count);
    for (EACH_ROW) {
        const struct test_described_item *row = &test_described_items[i];
        struct spead_descriptor *descriptor = test_described_descriptor(row);
        struct spead_flavour flavour = {(uint8_t)row->heap_address_bits};
        struct spead_item wanted;
        struct arrived arrived;
        struct spead_err err;
        uint8_t *own;
        int bytes;

        arrive(&arrived, &vectors.packet[i]);
        cr_assert_eq(spead_heap_find_item(&arrived.heap, SPEAD_ID_DESCRIPTOR, &wanted), 0);
        bytes = spead_descriptor_encode(descriptor, flavour, row->bug_compat, NULL, 0, &err);
        cr_assert_gt(bytes, 0, "%s", err.text);
        own = malloc((size_t)bytes);
        cr_assert_eq(
            spead_descriptor_encode(descriptor, flavour, row->bug_compat, own, (size_t)bytes, &err),
            bytes);
        expect_same_bytes(own, (size_t)bytes, wanted.data, wanted.bytes, row->what);
        free(own);
        spead_descriptor_unref(descriptor);
    }
}

Test(descriptor_packet, of_spead2_is_decoded)
{
    struct test_vectors vectors;

    test_vectors_read(&vectors, "descriptors");
    for (EACH_ROW) {
        const struct test_described_item *row = &test_described_items[i];
        struct spead_descriptor *wanted = test_described_descriptor(row), *got = NULL, *none = NULL;
        struct arrived arrived;
        struct spead_err err;
        size_t at = 0;

        arrive(&arrived, &vectors.packet[i]);
        cr_assert_eq(spead_heap_next_descriptor(&arrived.heap, &at, row->bug_compat, &got, &err), 0,
                     "%s: %s", row->what, err.text);
        cr_expect(spead_descriptor_equal(got, wanted), "%s", row->what);
        cr_expect_eq(spead_heap_next_descriptor(&arrived.heap, &at, row->bug_compat, &none, &err),
                     -ENOENT);
        cr_expect_null(none);
        spead_descriptor_unref(got);
        spead_descriptor_unref(wanted);
    }
}

Test(descriptor_packet, values_are_written_as_spead2_writes_them)
{
    struct test_vectors vectors;

    test_vectors_read(&vectors, "descriptors");
    for (EACH_ROW) {
        const struct test_described_item *row = &test_described_items[i];
        struct spead_descriptor *descriptor = test_described_descriptor(row);
        struct spead_item item;
        struct arrived arrived;
        size_t bytes;
        uint8_t *own = test_described_bytes(row, descriptor, &bytes);

        arrive(&arrived, &vectors.packet[i]);
        cr_assert_eq(spead_heap_find_item(&arrived.heap, row->config.id, &item), 0, "%s",
                     row->what);
        cr_expect_eq(item.is_immediate,
                     spead_descriptor_allows_immediate(descriptor) &&
                         bytes <= row->heap_address_bits / 8,
                     "%s", row->what);
        if (item.is_immediate) {
            uint64_t value = 0;

            for (size_t k = 0; k < bytes; k++)
                value = value << 8 | own[k];
            cr_expect_eq(value, item.value, "%s: %lx, not %lx", row->what, value, item.value);
        } else {
            expect_same_bytes(own, bytes, item.data, item.bytes, row->what);
        }
        free(own);
        spead_descriptor_unref(descriptor);
    }
}

Test(descriptor_packet, values_of_spead2_are_read)
{
    struct test_vectors vectors;

    test_vectors_read(&vectors, "descriptors");
    for (EACH_ROW) {
        const struct test_described_item *row = &test_described_items[i];
        struct spead_descriptor *descriptor = test_described_descriptor(row);
        struct spead_item item;
        struct arrived arrived;
        struct spead_err err;

        arrive(&arrived, &vectors.packet[i]);
        cr_assert_eq(spead_heap_find_item(&arrived.heap, row->config.id, &item), 0);
        for (unsigned f = 0; f < row->field_count; f++) {
            const struct test_described_values *wanted = &row->fields[f];
            uint8_t *got = malloc(wanted->bytes > 0 ? wanted->bytes : 1);
            size_t count;

            cr_assert_eq(spead_item_read(&item, descriptor, f, wanted->type, got, wanted->count,
                                         &count, &err),
                         0, "%s: %s", row->what, err.text);
            cr_expect_eq(count, wanted->count, "%s", row->what);
            expect_same_bytes(got, wanted->bytes, wanted->values, wanted->bytes, row->what);
            free(got);
        }
        spead_descriptor_unref(descriptor);
    }
}
