/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a descriptor from outside is decoded as spead2 4.5.1 decodes it, or refused with a sentence that says which one
 * and why. Method: inner packets are built part by part, so that any part can be wrong. AddressSanitizer sees each read
 * beyond a packet, because the packet lies in an allocation of its size. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/descriptor.h>

#include <speadi/heap_view.h>
#include <speadi/packet.h>

#include "packet_builder.h"

#define BITS 48

/* The parts of a descriptor. NULL: the part is left out. */
struct parts {
    const char *name, *description;
    const char *format, *shape; /* with their lengths, because they have zero bytes */
    size_t format_bytes, shape_bytes;
    const char *numpy;
    bool without_id, id_is_addressed, without_length;
    size_t surplus; /* bytes behind the packet */
};

#define BYTES(name, text) .name = text, .name##_bytes = sizeof(text) - 1

static struct test_packet packet;

static void add(uint64_t id, const char *data, size_t bytes, uint8_t *payload, size_t *used)
{
    if (!data)
        return;
    test_packet_addressed(&packet, id, *used);
    memcpy(payload + *used, data, bytes);
    *used += bytes;
}

static void build(const struct parts *parts)
{
    static uint8_t payload[65536];
    size_t used = 0, length;

    length = (parts->name ? strlen(parts->name) : 0) +
             (parts->description ? strlen(parts->description) : 0) + parts->format_bytes +
             parts->shape_bytes + (parts->numpy ? strlen(parts->numpy) : 0);
    test_packet_begin(&packet, BITS);
    test_packet_immediate(&packet, 1, 1);
    if (!parts->without_length)
        test_packet_immediate(&packet, 2, length);
    test_packet_immediate(&packet, 3, 0);
    test_packet_immediate(&packet, 4, length);
    if (parts->id_is_addressed)
        test_packet_addressed(&packet, 0x14, 0);
    else if (!parts->without_id)
        test_packet_immediate(&packet, 0x14, 0x1000);
    add(0x10, parts->name, parts->name ? strlen(parts->name) : 0, payload, &used);
    add(0x11, parts->description, parts->description ? strlen(parts->description) : 0, payload,
        &used);
    add(0x13, parts->format, parts->format_bytes, payload, &used);
    add(0x12, parts->shape, parts->shape_bytes, payload, &used);
    add(0x15, parts->numpy, parts->numpy ? strlen(parts->numpy) : 0, payload, &used);
    test_packet_payload(&packet, payload, used);
    memset(payload, 0xee, parts->surplus);
    test_packet_payload(&packet, payload, parts->surplus);
}

/* Decodes a copy of the first `bytes` bytes of the packet. */
static int decode(struct spead_descriptor **out, size_t bytes, uint32_t bug_compat,
                  struct spead_err *err)
{
    uint8_t *copy = malloc(bytes > 0 ? bytes : 1);
    int ret;

    cr_assert_not_null(copy);
    memcpy(copy, packet.bytes, bytes);
    ret = spead_descriptor_decode(out, copy, bytes, bug_compat, err);
    free(copy);
    return ret;
}

static struct spead_descriptor *accept(void)
{
    struct spead_descriptor *descriptor = NULL;
    struct spead_err err;

    cr_assert_eq(decode(&descriptor, packet.length, 0, &err), 0, "%s", err.text);
    return descriptor;
}

static void refuse_bytes(size_t bytes, const char *text)
{
    struct spead_descriptor *descriptor = NULL;
    struct spead_err err;
    int ret = decode(&descriptor, bytes, 0, &err);

    cr_assert_eq(ret, -EBADMSG, "%d, not refused: %s", ret, text);
    cr_expect_null(descriptor);
    cr_expect_not_null(strstr(err.text, text), "\"%s\" lacks \"%s\"", err.text, text);
}

#define ACCEPT(...)       (build(&(struct parts){__VA_ARGS__}), accept())
#define REFUSE(text, ...) (build(&(struct parts){__VA_ARGS__}), refuse_bytes(packet.length, text))

#define U8           BYTES(format, "u\0\10")
#define NUMPY(descr) "{'descr': " descr ", 'fortran_order': False, 'shape': ()}"

/* ---- What is accepted ---------------------------------------------------------------------------- */

Test(descriptor_refused, parts_that_are_missing_are_empty)
{
    struct spead_descriptor *d = ACCEPT(U8);

    cr_expect_str_eq(spead_descriptor_name(d), "");
    cr_expect_str_eq(spead_descriptor_description(d), "");
    cr_expect_eq(spead_descriptor_shape(d, NULL), 0);
    spead_descriptor_unref(d);
}

Test(descriptor_refused, packet_without_length_and_with_bytes_behind_it_is_accepted)
{
    spead_descriptor_unref(ACCEPT(U8, .without_length = true));
    spead_descriptor_unref(ACCEPT(U8, .surplus = 5));
}

Test(descriptor_refused, bytes_that_fill_no_field_are_ignored)
{
    struct spead_descriptor *d =
        ACCEPT(BYTES(format, "u\0\10u\0"), BYTES(shape, "\0\0\0\0\0\0\2\0\0"));
    const int64_t *shape;

    cr_expect_str_eq(spead_descriptor_format(d), "u8");
    cr_expect_eq(spead_descriptor_shape(d, &shape), 1);
    cr_expect_eq(shape[0], 2);
    spead_descriptor_unref(d);
}

Test(descriptor_refused, length_of_a_variable_dimension_is_ignored)
{
    struct spead_descriptor *d = ACCEPT(U8, BYTES(shape, "\1\0\0\0\0\0\7"));

    cr_expect(spead_descriptor_is_variable(d));
    spead_descriptor_unref(d);
}

Test(descriptor_refused, numpy_header_replaces_format_and_shape)
{
    struct spead_descriptor *d =
        ACCEPT(U8, BYTES(shape, "\1\0\0\0\0\0\7"), .numpy = NUMPY("'<i2'"));

    cr_expect_str_eq(spead_descriptor_dtype(d), "<i2");
    cr_expect_eq(spead_descriptor_shape(d, NULL), 0);
    spead_descriptor_unref(d);
}

Test(descriptor_refused, numpy_header_may_be_written_in_other_ways)
{
    static const char *const headers[] = {
        "  {'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }\n",
        "{\"shape\":(2,3),\"fortran_order\":True,\"descr\":\"<i2\"}",
        "{'descr': u'<i2', b'fortran_order': True, 'shape': (2L, 3L,)}",
        "{'descr': '\\x3ci2', 'fortran_order': True, 'shape': (2,\t3)}",
    };

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct spead_descriptor *d = ACCEPT(.numpy = headers[i]);
        const int64_t *shape;

        cr_expect_str_eq(spead_descriptor_dtype(d), "<i2");
        cr_expect(spead_descriptor_is_fortran(d));
        cr_assert_eq(spead_descriptor_shape(d, &shape), 2);
        cr_expect(shape[0] == 2 && shape[1] == 3);
        spead_descriptor_unref(d);
    }
}

Test(descriptor_refused, unknown_items_are_ignored_and_the_last_of_two_counts)
{
    struct spead_descriptor *d;

    test_packet_specials(&packet, BITS, 1, 5, 0, 5);
    test_packet_immediate(&packet, 0x1234, 7);
    test_packet_addressed(&packet, 0x4321, 0);
    test_packet_immediate(&packet, 0x14, 0x1000);
    test_packet_addressed(&packet, 0x10, 0);
    test_packet_addressed(&packet, 0x13, 1);
    test_packet_addressed(&packet, 0x10, 4);
    test_packet_payload(&packet, "au\0\10b", 5);
    d = accept();
    cr_expect_str_eq(spead_descriptor_name(d), "b");
    spead_descriptor_unref(d);
}

Test(descriptor_refused, parts_may_be_immediate)
{
    struct spead_descriptor *d;

    test_packet_specials(&packet, BITS, 1, 0, 0, 0);
    test_packet_immediate(&packet, 0x14, 0x1000);
    test_packet_immediate(&packet, 0x10, 0x616263);
    test_packet_immediate(&packet, 0x13, 0x750010690008); /* u16 i8 */
    d = accept();
    cr_expect_str_eq(spead_descriptor_name(d), "abc");
    cr_expect_str_eq(spead_descriptor_format(d), "u16 i8");
    spead_descriptor_unref(d);
}

/* ---- What is refused ------------------------------------------------------------------------------- */

Test(descriptor_refused, every_packet_that_was_cut)
{
    build(&(struct parts){.name = "name", U8, BYTES(shape, "\0\0\0\0\0\0\2")});
    for (size_t bytes = 0; bytes < packet.length; bytes++)
        refuse_bytes(bytes, "its packet is refused (malformed");
}

Test(descriptor_refused, descriptor_without_identifier)
{
    REFUSE("it has no identifier", U8, .without_id = true);
    REFUSE("it has no identifier", U8, .id_is_addressed = true);
}

Test(descriptor_refused, packet_that_is_only_a_part_of_a_heap)
{
    test_packet_specials(&packet, BITS, 1, 7, 0, 3);
    test_packet_immediate(&packet, 0x14, 0x1000);
    test_packet_payload(&packet, "abc", 3);
    refuse_bytes(packet.length, "bytes 0 to 3 of a heap of 7");
    test_packet_specials(&packet, BITS, 1, 7, 4, 3);
    test_packet_payload(&packet, "abc", 3);
    refuse_bytes(packet.length, "bytes 4 to 7 of a heap of 7");
}

Test(descriptor_refused, part_that_begins_behind_the_payload)
{
    test_packet_specials(&packet, BITS, 1, 3, 0, 3);
    test_packet_immediate(&packet, 0x14, 0x1000);
    test_packet_addressed(&packet, 0x10, 4);
    test_packet_payload(&packet, "abc", 3);
    refuse_bytes(packet.length, "its item 0x10 begins at byte 4 of a payload of 3 bytes");
}

Test(descriptor_refused, packet_of_very_many_item_pointers)
{
    test_packet_specials(&packet, BITS, 1, 0, 0, 0);
    for (int i = 4; i < 257; i++)
        test_packet_immediate(&packet, 0x14, 0x1000);
    refuse_bytes(packet.length, "257 item pointers, more than 256");
}

Test(descriptor_refused, text_that_is_not_ascii) /* test_nonascii_name, test_nonascii_description */
{
    REFUSE("item 0x1000 (\"\"): the name has the byte 0xc3 at byte 1", .name = "n\xc3\xa9", U8);
    REFUSE("item 0x1000 (\"n\"): the description has the byte 0xb5", .name = "n",
           .description = "in \xb5V", U8);
}

Test(descriptor_refused, texts_that_are_too_long)
{
    static char text[20000];

    memset(text, 'a', sizeof text - 1);
    REFUSE("the name has 19999 bytes, more than 1024", .name = text, U8);
    REFUSE("the description has 19999 bytes, more than 16384", .description = text, U8);
    REFUSE("numpy header has 19999 bytes, more than 16384", .numpy = text);
}

Test(descriptor_refused, format_that_makes_no_sense)
{
    REFUSE("item 0x1000 (\"adc\"): the format is empty", .name = "adc");
    REFUSE("has no bits", BYTES(format, "u\0\0"));
    REFUSE("32 or 64 bits", BYTES(format, "f\0\20"));
    REFUSE("must have 8 bits", BYTES(format, "c\0\20"));
    REFUSE("refers to another item", BYTES(format, "0\0\20"));
    REFUSE("the letter 0x01 (?):", BYTES(format, "\1\0\20"));
    REFUSE("the letter 0x78 (x)", BYTES(format, "x\0\20"));
}

Test(descriptor_refused, shape_that_makes_no_sense)
{
    REFUSE("second variable", U8, BYTES(shape, "\1\0\0\0\0\0\0\1\0\0\0\0\0\0"));
    REFUSE("2^62 bits", U8, BYTES(shape, "\0\377\377\377\377\377\377\0\377\377\377\377\377\377"));
    REFUSE("more than 32 dimensions", U8, .shape = (char[33 * 7]){0}, .shape_bytes = 33 * 7);
}

/* The ten headers of test_numpy_malformed, and more. */
Test(descriptor_refused, numpy_header_that_is_malformed)
{
    static const struct {
        const char *header, *text;
    } rows[] = {
        {"import os", "expected \"{\" at byte 0, but there is `import os`"},
        {"{", "expected a key at its end"},
        {"{1: 2}", "expected a key"},
        {"{'descr': '<i2', 'fortran_order': False}", "the key 'shape' is missing"},
        {"{'fortran_order': False, 'shape': ()}", "the key 'descr' is missing"},
        {"{'descr': '<i2', 'shape': ()}", "the key 'fortran_order' is missing"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (), 'x': 1}", "the key 'x' is unknown"},
        {"{'descr': '<i2', 'descr': '<i2'}", "the key 'descr' comes twice"},
        {"{'descr': '<i2', 'fortran_order': 0, 'shape': ()}", "expected True or False"},
        {"{'descr': '<i2', 'fortran_order': None, 'shape': ()}", "expected True or False"},
        {"{'descr': 3, 'fortran_order': False, 'shape': ()}", "expected the type in a dtype"},
        {"{'descr': ('<i2', (2,)), 'fortran_order': False, 'shape': ()}",
         "expected a type or a list of fields"},
        {"{'descr': {'names': ['a'], 'formats': ['<i2']}, 'fortran_order': False, 'shape': ()}",
         "expected the type in a dtype"},
        {"{'descr': '<i3', 'fortran_order': False, 'shape': ()}", "the unknown type \"<i3\""},
        {"{'descr': '|O', 'fortran_order': False, 'shape': ()}", "an object cannot travel"},
        {"{'descr': '|S0', 'fortran_order': False, 'shape': ()}", "zero bytes"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': 2}", "expected a shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': [2]}", "expected a shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2)}", "needs a comma"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (-1,)}", "a whole number"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (None,)}", "a whole number"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (True,)}", "a whole number"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (1 + 1,)}", "expected \",\" or \")\""},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (99999999999999999999,)}",
         "larger than 2^62"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (4611686018427387904,)}", "2^62 bits"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': ()} x", "expected nothing more"},
        {"{'descr': '<i2' 'fortran_order': False, 'shape': ()}", "expected \",\" or \"}\""},
        {"{'descr': '<i\xb2', 'fortran_order': False, 'shape': ()}", "no printable ASCII"},
        {"{'descr': '<i2", "expected \"'\" at its end"},
        {"{'descr': '<i2\\", "escapes"},
        {"{'descr': '<i2\\x3", "escapes"},
        {"{'descr': '<i2\\xzz'", "escapes"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        REFUSE(rows[i].text, .numpy = rows[i].header);
}

Test(descriptor_refused, deviations_that_do_not_exist)
{
    struct spead_descriptor *descriptor = NULL;
    struct spead_err err;

    build(&(struct parts){U8});
    cr_expect_eq(decode(&descriptor, packet.length, 8, &err), -EINVAL);
    cr_expect_eq(decode(&descriptor, packet.length, UINT32_MAX, NULL), -EINVAL);
    cr_expect_null(descriptor);
}

/* ---- Heaps -------------------------------------------------------------------------------------------- */

Test(descriptor_refused, malformed_one_does_not_hide_those_behind_it)
{
    static uint8_t payload[1024];
    struct speadi_block region = {.data = payload};
    uint64_t pointers[4];
    struct spead_heap heap = {.complete = true,
                              .heap_address_bits = BITS,
                              .region = &region,
                              .counter = 12,
                              .pointers = pointers};
    struct spead_descriptor *descriptor = NULL;
    struct spead_err err;
    size_t at = 0;

    for (int i = 0; i < 3; i++) {
        build(&(struct parts){.name = i == 0 ? "first" : "last", U8, .without_id = i == 1});
        pointers[heap.pointer_count++] =
            speadi_pointer_addressed(BITS, SPEAD_ID_DESCRIPTOR, heap.length);
        memcpy(payload + heap.length, packet.bytes, packet.length);
        heap.length += packet.length;
    }
    pointers[heap.pointer_count++] = speadi_pointer_immediate(BITS, SPEAD_ID_DESCRIPTOR, 5);
    speadi_heap_sort_items(&heap);

    cr_assert_eq(spead_heap_next_descriptor(&heap, &at, 0, &descriptor, &err), 0, "%s", err.text);
    cr_expect_str_eq(spead_descriptor_name(descriptor), "first");
    spead_descriptor_unref(descriptor);
    cr_assert_eq(spead_heap_next_descriptor(&heap, &at, 0, &descriptor, &err), -EBADMSG);
    cr_expect_not_null(strstr(err.text, "heap 12, payload byte 72: a descriptor: it has no"), "%s",
                       err.text);
    cr_assert_eq(spead_heap_next_descriptor(&heap, &at, 0, &descriptor, &err), 0, "%s", err.text);
    cr_expect_str_eq(spead_descriptor_name(descriptor), "last");
    spead_descriptor_unref(descriptor);
    cr_expect_eq(spead_heap_next_descriptor(&heap, &at, 0, &descriptor, &err), -ENOENT);
    at = 0;
    region.data = NULL;
    cr_expect_eq(spead_heap_next_descriptor(&heap, &at, 0, &descriptor, &err), -ENOTSUP);
}

/* ---- Flavours ----------------------------------------------------------------------------------------- */

Test(descriptor_refused, what_does_not_fit_a_flavour_is_not_encoded)
{
    static const struct {
        uint64_t id;
        const char *format;
        int64_t dimension;
        uint8_t bits;
        uint32_t bug_compat;
        const char *text; /* NULL: it fits */
    } rows[] = {
        {0x7fff, "u65535", (1ll << 46), 48, 0, NULL},
        {0x8000, "u16", 1, 48, 0, "larger than 0x7fff, the largest of the flavour 64-48"},
        {0x1000, "u65536", 1, 48, 0, "field 0 of the format has 65536 bits, but only 2 bytes"},
        {0x1000, "u65536", 1, 40, 0, NULL},
        {0x1000, "u65536", 1, 48, 1, NULL},
        {0x1000, "u16777216", 1, 16, 1, "but only 3 bytes"},
        {0x1000, "u1", (1ll << 48), 48, 0, "dimension 0 of the shape is 281474976710656"},
        {0x1000, "u1", (1ll << 48), 48, 1, NULL},
        {0xff, "u8", 1, 8, 0, NULL},
        {0x100, "u8", 1, 8, 0,
         "larger than 0xff, the largest that a descriptor of the flavour 64-8"},
        {0x10000, "u8", 1, 16, 0, "larger than 0xffff, the largest that a descriptor"},
        {0x7f, "u256", 1, 56, 0, "but only 1 bytes"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
        struct spead_flavour flavour = {rows[i].bits};
        struct spead_descriptor *descriptor;
        struct spead_err err = {.text = ""};
        int ret;

        config.id = rows[i].id;
        config.format = rows[i].format;
        config.shape = &rows[i].dimension;
        config.dimension_count = rows[i].dimension > 1;
        cr_assert_eq(spead_descriptor_create(&descriptor, &config, &err), 0, "%s", err.text);
        ret = spead_descriptor_encode(descriptor, flavour, rows[i].bug_compat, NULL, 0, &err);
        cr_expect(rows[i].text ? ret == -ERANGE && strstr(err.text, rows[i].text) : ret > 0,
                  "row %zu: %d %s", i, ret, err.text);
        spead_descriptor_unref(descriptor);
    }
}

Test(descriptor_refused, texts_that_a_small_flavour_cannot_address)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;
    char text[251] = "";
    struct spead_err err;

    memset(text, 't', sizeof text - 1);
    config.id = 0x20;
    config.format = "u8";
    config.description = text;
    cr_assert_eq(spead_descriptor_create(&descriptor, &config, NULL), 0);
    cr_expect_eq(spead_descriptor_encode(descriptor, (struct spead_flavour){8}, 0, NULL, 0, &err),
                 -ERANGE);
    cr_expect_not_null(strstr(err.text, "258 bytes together"), "%s", err.text);
    cr_expect_eq(spead_descriptor_encode(descriptor, (struct spead_flavour){9}, 0, NULL, 0, &err),
                 -EINVAL);
    spead_descriptor_unref(descriptor);
}
