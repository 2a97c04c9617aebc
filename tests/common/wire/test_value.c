/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a program reads items as numbers, texts and arrays of C, and writes them. What does not fit is an error that
 * says what was expected and what is there.
 * Method: each item is bytes in an allocation of its size, so that AddressSanitizer sees each read beyond it. Bytes of
 * all widths and strides are compared with a reader that takes one bit after the other. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/value.h>

#include "value_bits.h"

#define SHAPE(...) \
    .shape = (int64_t[]){__VA_ARGS__}, .dimension_count = sizeof((int64_t[]){__VA_ARGS__}) / 8

static struct spead_descriptor *make(const struct spead_descriptor_config *config)
{
    struct spead_descriptor *descriptor = NULL;
    struct spead_err err;

    cr_assert_eq(spead_descriptor_create(&descriptor, config, &err), 0, "%s", err.text);
    return descriptor;
}

#define MAKE(...)                                                                                 \
    make(&(struct spead_descriptor_config){.struct_size = sizeof(struct spead_descriptor_config), \
                                           .id = 0x1000,                                          \
                                           .name = "adc",                                         \
                                           __VA_ARGS__})

/* Makes an addressed item of a copy of the bytes. The caller frees item.data. */
static struct spead_item addressed(const void *bytes, size_t count)
{
    uint8_t *data = malloc(count > 0 ? count : 1);

    cr_assert_not_null(data);
    memcpy(data, bytes, count);
    return (struct spead_item){.id = 0x1000, .value = 64, .data = data, .bytes = count};
}

#define ADDRESSED(text) addressed(text, sizeof(text) - 1)

static struct spead_item immediate(uint64_t value)
{
    return (struct spead_item){.id = 0x1000, .is_immediate = true, .value = value};
}

static void done(struct spead_item *item, struct spead_descriptor *descriptor)
{
    free((void *)(uintptr_t)item->data);
    spead_descriptor_unref(descriptor);
}

static void expect_text(const struct spead_err *err, const char *text)
{
    cr_expect_not_null(strstr(err->text, text), "\"%s\" lacks \"%s\"", err->text, text);
}

/* ---- One number ------------------------------------------------------------------------------------ */

Test(value,
     numbers_are_read_from_payloads_and_pointers) /* test_scalar_int, test_scalar_int_immediate */
{
    static const struct {
        const char *format, *dtype;
        const char *bytes; /* as they lie in the payload */
        size_t count;
        uint64_t pointer; /* the value of the item pointer */
        int64_t wanted;
    } rows[] = {
        {"u8", NULL, "\xfe", 1, 0xfe, 254},
        {"i8", NULL, "\xfe", 1, 0xfe, -2},
        {"u16", NULL, "\x12\x34", 2, 0x1234, 0x1234},
        {"i16", NULL, "\xff\x34", 2, 0xff34, -204},
        {"i32", NULL, "\xff\xff\xff\xfd", 4, 0xfffffffd, -3},
        {"u24", NULL, "\xab\xcd\xef", 3, 0xabcdef, 0xabcdef},
        {"i24", NULL, "\xff\xff\xfc", 3, 0xfffffc, -4},
        {"u40", NULL, "\1\2\3\4\5", 5, 0x0102030405, 0x0102030405},
        {"u48", NULL, "\1\2\3\4\5\6", 6, 0x010203040506,
         0x010203040506}, /* the fast path of spead2 */
        {"i48", NULL, "\xff\xff\xff\xff\xff\xfb", 6, 0xfffffffffffb, -5},
        {"u12", NULL, "\xab\xc0", 2, 0xabc0,
         0xabc}, /* test_fallback_scalar; pointers as in spead2 */
        {"i12", NULL, "\xff\xe0", 2, 0xffe0, -2},
        {"i1", NULL, "\x80", 1, 0x80, -1},
        {"b1", NULL, "\x80", 1, 0x80, 1},
        {"b8", NULL, "\x04", 1, 0x04, 1},
        {NULL, "<u2", "\x12\x34", 2, 0x1234, 0x3412},
        {NULL, "<i4", "\xfe\xff\xff\xff", 4, 0xfeffffff, -2},
        {NULL, ">i2", "\xff\xfe", 2, 0xfffe, -2},
        {NULL, "|b1", "\2", 1, 2, 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_descriptor *d = MAKE(.format = rows[i].format, .dtype = rows[i].dtype);
        struct spead_item item = addressed(rows[i].bytes, rows[i].count);
        struct spead_item pointer = immediate(rows[i].pointer);
        int64_t value = 0, from_pointer = 0;
        double real = 0;
        struct spead_err err;

        cr_expect_eq(spead_item_get_i64(&item, d, &value, &err), 0, "row %zu: %s", i, err.text);
        cr_expect_eq(value, rows[i].wanted, "row %zu: %ld", i, value);
        cr_expect_eq(spead_item_get_i64(&pointer, d, &from_pointer, &err), 0, "row %zu: %s", i,
                     err.text);
        cr_expect_eq(from_pointer, rows[i].wanted, "row %zu: %ld", i, from_pointer);
        cr_expect_eq(spead_item_get_f64(&item, d, &real, &err), 0);
        cr_expect_eq(real, (double)rows[i].wanted, "row %zu", i);
        done(&item, d);
    }
}

Test(value, large_and_negative_numbers_are_told_apart)
{
    struct spead_descriptor *u = MAKE(.format = "u64"), *s = MAKE(.format = "i64");
    struct spead_item item = ADDRESSED("\xff\xff\xff\xff\xff\xff\xff\xfe");
    uint64_t number = 5;
    int64_t value = 5;
    struct spead_err err;

    cr_expect_eq(spead_item_get_u64(&item, u, &number, &err), 0);
    cr_expect_eq(number, UINT64_MAX - 1);
    cr_expect_eq(spead_item_get_i64(&item, s, &value, &err), 0);
    cr_expect_eq(value, -2);
    cr_expect_eq(spead_item_get_i64(&item, u, &value, &err), -ERANGE);
    expect_text(
        &err, "item 0x1000 (\"adc\"): value 0 is 18446744073709551614, which does not fit int64_t");
    cr_expect_eq(spead_item_get_u64(&item, s, &number, &err), -ERANGE);
    expect_text(&err, "value 0 is -2, which does not fit uint64_t");
    spead_descriptor_unref(u);
    done(&item, s);
}

Test(value, floating_point_numbers_are_read)
{
    static const struct {
        const char *format, *dtype, *bytes;
        size_t count;
        double wanted;
    } rows[] = {
        {"f32", NULL, "\x3f\xc0\0\0", 4, 1.5},      {"f64", NULL, "\xbf\xf8\0\0\0\0\0\0", 8, -1.5},
        {NULL, "<f4", "\0\0\xc0\x3f", 4, 1.5},      {NULL, ">f2", "\x3c\0", 2, 1},
        {NULL, "<f2", "\xff\x7b", 2, 65504},        {NULL, "<f2", "\1\x80", 2, -0x1p-24},
        {NULL, "<f2", "\xff\3", 2, 1023 * 0x1p-24}, {NULL, ">f2", "\x7c\0", 2, INFINITY},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_descriptor *d = MAKE(.format = rows[i].format, .dtype = rows[i].dtype);
        struct spead_item item = addressed(rows[i].bytes, rows[i].count);
        double value = 0;
        int64_t integer;
        struct spead_err err;

        cr_expect_eq(spead_item_get_f64(&item, d, &value, &err), 0, "row %zu: %s", i, err.text);
        cr_expect_eq(value, rows[i].wanted, "row %zu: %g", i, value);
        cr_expect_eq(spead_item_get_i64(&item, d, &integer, &err), -EINVAL);
        expect_text(&err, "bits (floating-point numbers) do not become int64_t");
        done(&item, d);
    }
}

/* All 65536 numbers of 16 bits are read and written again. */
Test(value, numbers_of_16_bits_are_read_and_rounded_to_the_nearest)
{
    for (uint32_t half = 0; half < 0x10000; half++) {
        double value = speadi_half_to_double((uint16_t)half);

        if (!isnan(value))
            cr_assert_eq(speadi_half_of_double(value), half, "0x%04x", half);
        else
            cr_assert(isnan(speadi_half_to_double(speadi_half_of_double(value))));
    }
    cr_expect_eq(speadi_half_of_double(65519.99), 0x7bff);
    cr_expect_eq(speadi_half_of_double(65520), 0x7c00);
    cr_expect_eq(speadi_half_of_double(1 + 0x1p-11), 0x3c00, "to the even one of two");
    cr_expect_eq(speadi_half_of_double(1 + 3 * 0x1p-11), 0x3c02, "to the even one of two");
    cr_expect_eq(speadi_half_of_double(2 - 0x1p-12), 0x4000, "a carry");
    cr_expect_eq(speadi_half_of_double(0x1p-14 - 0x1p-26), 0x0400, "a carry");
    cr_expect_eq(speadi_half_of_double(0x1p-26), 0);
    cr_expect_eq(speadi_half_of_double(1e300), 0x7c00);
    cr_expect_eq(speadi_half_of_double(-0.0), 0x8000);
}

Test(value, arrays_records_and_texts_are_no_numbers)
{
    struct spead_item item = ADDRESSED("\1\2\3\4\5\6\7\10");
    static const struct {
        const char *format;
        int64_t dimension;
        const char *text;
    } rows[] = {{"u8", 1, "expected one number, but the item is an array (u8)"},
                {"u8 u8", 0, "expected one number, but the item is a record (u8 u8)"},
                {"c8", 0, "values of 8 bits (ASCII characters) do not become int64_t"},
                {"u64 u6", 0, "record"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_descriptor *d = MAKE(.format = rows[i].format, .shape = &rows[i].dimension,
                                          .dimension_count = rows[i].dimension != 0);
        int64_t value = 5;
        struct spead_err err;

        cr_expect_eq(spead_item_get_i64(&item, d, &value, &err), -EINVAL);
        expect_text(&err, rows[i].text);
        cr_expect_eq(value, 5);
        spead_descriptor_unref(d);
    }
    done(&item, NULL);
}

Test(value, integers_of_more_than_64_bits_are_no_numbers_of_c)
{
    struct spead_descriptor *d = MAKE(.format = "u72"), *odd = MAKE(.format = "u70");
    struct spead_item item = ADDRESSED("123456789");
    char bytes[9];
    int64_t value;
    struct spead_err err;

    cr_expect_eq(spead_item_get_i64(&item, d, &value, &err), -EINVAL);
    cr_expect_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_AS_IS, bytes, 1, NULL, &err), 0);
    cr_expect_arr_eq(bytes, "123456789", 9);
    cr_expect_eq(spead_item_read(&item, odd, 0, SPEAD_CTYPE_AS_IS, bytes, 1, NULL, &err), -EINVAL);
    expect_text(&err, "do not have whole bytes");
    spead_descriptor_unref(odd);
    done(&item, d);
}

/* ---- Lengths ---------------------------------------------------------------------------------------- */

Test(value, an_item_that_is_too_short_is_an_error) /* test_size_mismatch */
{
    struct spead_descriptor *d = MAKE(.format = "u16", SHAPE(3));
    struct spead_item item = ADDRESSED("\1\2\3\4\5"), pointer = immediate(7);
    uint16_t values[3];
    struct spead_view view;
    struct spead_err err;

    cr_expect_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_U16, values, 3, NULL, &err), -EBADMSG);
    expect_text(
        &err,
        "item 0x1000 (\"adc\"): expected 6 bytes for a value \"u16\" of shape [3], but there are 5");
    cr_expect_eq(spead_item_view(&view, &item, d, 0, &err), -EBADMSG);
    cr_expect_eq(spead_item_view(&view, &pointer, d, 0, &err), 0);
    spead_descriptor_unref(d);
    d = MAKE(.format = "u64");
    cr_expect_eq(spead_item_view(&view, &pointer, d, 0, &err), -EBADMSG);
    expect_text(&err, "expected 8 bytes for a value \"u64\", but there are 7");
    done(&item, d);
}

Test(value, surplus_bytes_are_ignored)
{
    struct spead_descriptor *d = MAKE(.format = "u12", SHAPE(3));
    struct spead_item item = ADDRESSED("\x00\x10\x02\xab\xcd\xef");
    uint16_t values[3];
    size_t count;

    cr_expect_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_U16, values, 3, &count, NULL), 0);
    cr_expect_eq(count, 3);
    cr_expect(values[0] == 1 && values[1] == 2 && values[2] == 0xabc);
    done(&item, d);
}

Test(value, variable_dimension_is_as_long_as_the_item_allows)
{
    static const struct {
        const char *format;
        int64_t shape[2];
        size_t bytes;
        uint64_t wanted[2];
    } rows[] = {{"u16", {2, -1}, 11, {2, 2}}, {"u12", {-1, 1}, 8, {5, 1}},
                {"u12", {2, -1}, 8, {2, 2}},  {"u16", {-1, 3}, 5, {0, 3}},
                {"u16", {-1, 0}, 8, {0, 0}},  {"u1", {-1, 1}, 1, {8, 1}}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_descriptor *d =
            MAKE(.format = rows[i].format, .shape = rows[i].shape, .dimension_count = 2);
        struct spead_item item = addressed("0123456789abcdef", rows[i].bytes);
        struct spead_view view;

        cr_assert_eq(spead_item_view(&view, &item, d, 0, NULL), 0);
        cr_expect_eq(view.shape[0], rows[i].wanted[0], "row %zu: %lu", i, view.shape[0]);
        cr_expect_eq(view.shape[1], rows[i].wanted[1], "row %zu: %lu", i, view.shape[1]);
        cr_expect_eq(view.count, view.shape[0] * view.shape[1]);
        done(&item, d);
    }
}

Test(value, immediate_item_of_variable_length_needs_a_descriptor_that_was_received)
{
    struct spead_descriptor *made = MAKE(.format = "u16", SHAPE(-1)), *received;
    struct spead_item item = immediate(0x1234);
    uint8_t bytes[256];
    uint16_t values[3];
    size_t count;
    struct spead_err err;
    int length =
        spead_descriptor_encode(made, (struct spead_flavour){48}, 0, bytes, sizeof bytes, NULL);

    cr_assert_eq(spead_descriptor_decode(&received, bytes, (size_t)length, 0, NULL), 0);
    cr_expect_eq(spead_item_read(&item, made, 0, SPEAD_CTYPE_U16, values, 3, NULL, &err), -EINVAL);
    expect_text(&err, "the item is immediate, so it has no length");
    cr_expect_eq(spead_item_read(&item, received, 0, SPEAD_CTYPE_U16, values, 3, &count, &err), 0);
    cr_expect_eq(count, 3, "48 bits are three values");
    cr_expect(values[0] == 0 && values[1] == 0 && values[2] == 0x1234);
    spead_descriptor_unref(made);
    spead_descriptor_unref(received);
}

Test(value, arrays_of_no_elements_are_read)
{
    struct spead_descriptor *d = MAKE(.dtype = "<i4", SHAPE(3, 0, 5));
    struct spead_item item = immediate(0);
    struct spead_view view;
    int32_t none;
    size_t count = 9;

    cr_expect_eq(spead_item_view(&view, &item, d, 0, NULL), 0);
    cr_expect_eq(view.count, 0);
    cr_expect(view.is_contiguous);
    cr_expect_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_I32, &none, 0, &count, NULL), 0);
    cr_expect_eq(count, 0);
    spead_descriptor_unref(d);
}

/* ---- Texts --------------------------------------------------------------------------------------------- */

Test(value, texts_are_read) /* test_string */
{
    static const struct {
        const char *format, *dtype;
        int64_t dimension;
        const char *bytes;
        size_t count;
        const char *wanted;
        size_t length;
    } rows[] = {
        {"c8", NULL, -1, "hello", 5, "hello", 5},
        {"c8", NULL, 4, "hello", 5, "hell", 4},
        {"c8", NULL, 0, "hello", 5, "h", 1},
        {"c8", NULL, -1, "", 0, "", 0},
        {"c8", NULL, -1, "a\0b", 3, "a\0b", 3},
        {NULL, "|S5", 0, "abc\0\0", 5, "abc", 3},
        {NULL, "|S5", 0, "a\0c\0\0", 5, "a\0c", 3},
        {NULL, "|S3", 0, "\xc3\xa9\0", 3, "\xc3\xa9", 2},
        {NULL, "<U3", 0, "a\0\0\0\xe9\0\0\0\0\0\0\0", 12, "a\xc3\xa9", 3},
        {NULL, ">U2", 0, "\0\0\x20\xac\0\1\xf4\xe1", 8, "\xe2\x82\xac\xf0\x9f\x93\xa1", 7},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_descriptor *d =
            MAKE(.format = rows[i].format, .dtype = rows[i].dtype, .shape = &rows[i].dimension,
                 .dimension_count = rows[i].dimension != 0);
        struct spead_item item = addressed(rows[i].bytes, rows[i].count);
        char *text = malloc(rows[i].length + 1);
        size_t length = 99;
        struct spead_err err;

        cr_expect_eq(spead_item_get_text(&item, d, text, rows[i].length + 1, &length, &err), 0,
                     "row %zu: %s", i, err.text);
        cr_expect_eq(length, rows[i].length, "row %zu", i);
        cr_expect_arr_eq(text, rows[i].wanted, rows[i].length + 1, "row %zu", i);
        cr_expect_eq(spead_item_get_text(&item, d, text, rows[i].length, NULL, &err), -ENOSPC);
        free(text);
        done(&item, d);
    }
}

Test(value, text_that_is_no_text_is_refused) /* test_nonascii_value */
{
    struct spead_descriptor *d = MAKE(.format = "c8", SHAPE(-1)), *u = MAKE(.dtype = ">U1"),
                            *number = MAKE(.format = "u8", SHAPE(-1));
    struct spead_item item = ADDRESSED("a\xc3\xa9z");
    char text[8];
    struct spead_err err;

    cr_expect_eq(spead_item_get_text(&item, d, text, sizeof text, NULL, &err), -EBADMSG);
    expect_text(&err, "expected ASCII text, but byte 1 is 0xc3");
    cr_expect_eq(spead_item_get_text(&item, u, text, sizeof text, NULL, &err), -EBADMSG);
    expect_text(&err, "expected Unicode, but character 0 is 0x61c3a97a");
    cr_expect_eq(spead_item_get_text(&item, number, text, sizeof text, NULL, &err), -EINVAL);
    expect_text(&err, "expected a text, but the item is of the type \"u8\"");
    spead_descriptor_unref(u);
    spead_descriptor_unref(number);
    done(&item, d);
}

Test(value, text_in_a_pointer_begins_behind_the_zero_bytes)
{
    struct spead_descriptor *made = MAKE(.format = "c8", SHAPE(-1)), *received;
    struct spead_item item = immediate(0x41424344);
    uint8_t bytes[256];
    char text[8];
    int length =
        spead_descriptor_encode(made, (struct spead_flavour){48}, 0, bytes, sizeof bytes, NULL);

    cr_assert_eq(spead_descriptor_decode(&received, bytes, (size_t)length, 0, NULL), 0);
    cr_expect_eq(spead_item_get_text(&item, received, text, sizeof text, NULL, NULL), 0);
    cr_expect_str_eq(text, "ABCD");
    spead_descriptor_unref(made);
    spead_descriptor_unref(received);
}

/* ---- Views ---------------------------------------------------------------------------------------------- */

Test(value, view_copies_nothing)
{
    struct spead_descriptor *d = MAKE(.dtype = ">i2", SHAPE(2, 3));
    struct spead_item item = ADDRESSED("\0\1\0\2\0\3\0\4\0\5\xff\xfa");
    struct spead_view view;
    int sum = 0;

    cr_assert_eq(spead_item_view(&view, &item, d, 0, NULL), 0);
    cr_expect_eq(view.data, item.data);
    cr_expect_eq(view.offset, 64);
    cr_expect_eq(view.kind, SPEAD_KIND_SIGNED);
    cr_expect(view.bits == 16 && view.count == 6 && view.dimension_count == 2);
    cr_expect(view.is_contiguous && !view.is_packed && !view.is_little_endian);
    cr_expect(view.stride_bits[0] == 48 && view.stride_bits[1] == 16);
    for (uint64_t i = 0; i < view.count; i++)
        sum += (int16_t)spead_load_be16(view.data + 2 * i);
    cr_expect_eq(sum, 1 + 2 + 3 + 4 + 5 - 6);
    done(&item, d);
}

Test(value, view_of_memory_that_the_cpu_cannot_touch_says_where_the_values_are)
{
    struct spead_descriptor *d = MAKE(.dtype = "[('a', '<i2'), ('b', '>f4', (2,))]", SHAPE(3));
    struct spead_item item = {.id = 0x1000, .value = 128, .bytes = 30};
    struct spead_view view;
    float values[6];
    struct spead_err err;

    cr_assert_eq(spead_item_view(&view, &item, d, 1, NULL), 0);
    cr_expect_null(view.data);
    cr_expect_eq(view.offset, 130);
    cr_expect(view.dimension_count == 2 && view.shape[0] == 3 && view.shape[1] == 2);
    cr_expect(view.stride_bits[0] == 80 && view.stride_bits[1] == 32);
    cr_expect_not(view.is_contiguous);
    cr_expect_eq(spead_view_read(&view, 0, 6, SPEAD_CTYPE_F32, values, &err), -ENOTSUP);
    expect_text(&err, "the CPU cannot touch");
    spead_descriptor_unref(d);
}

Test(value, fortran_order_becomes_strides) /* test_array_numpy_fortran */
{
    struct spead_descriptor *d = MAKE(.dtype = "<u2", SHAPE(2, 3), .fortran_order = true);
    struct spead_item item = ADDRESSED("\0\0\3\0\1\0\4\0\2\0\5\0");
    struct spead_view view;
    uint16_t values[6];

    cr_assert_eq(spead_item_view(&view, &item, d, 0, NULL), 0);
    cr_expect(view.stride_bits[0] == 16 && view.stride_bits[1] == 32);
    cr_expect_not(view.is_contiguous);
    cr_expect_eq(spead_view_read(&view, 0, 6, SPEAD_CTYPE_U16, values, NULL), 0);
    for (uint16_t i = 0; i < 6; i++)
        cr_expect_eq(values[i], i);
    done(&item, d);
}

Test(value, fields_that_do_not_exist_are_refused)
{
    struct spead_descriptor *d = MAKE(.format = "u8 u8");
    struct spead_item item = ADDRESSED("\1\2");
    struct spead_view view;
    uint8_t byte;
    struct spead_err err;

    cr_expect_eq(spead_item_view(&view, &item, d, 2, &err), -ERANGE);
    expect_text(&err, "field 2 does not exist: there are 2");
    cr_assert_eq(spead_item_view(&view, &item, d, 1, &err), 0);
    cr_expect_eq(spead_view_read(&view, 0, 2, SPEAD_CTYPE_U8, &byte, &err), -ERANGE);
    expect_text(&err, "asked for 2 values from value 0 on, but there are 1");
    cr_expect_eq(spead_view_read(&view, 2, 0, SPEAD_CTYPE_U8, &byte, &err), -ERANGE);
    cr_expect_eq(spead_view_read(&view, 1, 0, SPEAD_CTYPE_U8, &byte, &err), 0);
    cr_expect_eq(spead_view_read(&view, 0, 1, (enum spead_ctype)99, &byte, &err), -EINVAL);
    expect_text(&err, "type 99 is no C type");
    done(&item, d);
}

Test(value, room_that_is_too_small_is_named)
{
    struct spead_descriptor *d = MAKE(.format = "u8", SHAPE(3));
    struct spead_item item = ADDRESSED("\1\2\3");
    uint8_t bytes[3];
    struct spead_err err;

    cr_expect_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_U8, bytes, 2, NULL, &err), -ENOSPC);
    expect_text(&err, "the item has 3 values, but there is room for 2");
    done(&item, d);
}

Test(value, single_numbers_are_read_at_any_address)
{
    static const uint8_t bytes[] = {0xee, 1, 2, 3, 4, 5, 6, 7, 0x88};

    cr_expect_eq(spead_load_be16(bytes + 1), 0x0102);
    cr_expect_eq(spead_load_be32(bytes + 1), 0x01020304);
    cr_expect_eq(spead_load_be64(bytes + 1), 0x0102030405060788);
    cr_expect_eq(spead_load_le16(bytes + 1), 0x0201);
    cr_expect_eq(spead_load_le32(bytes + 5), 0x88070605);
    cr_expect_eq(spead_load_le64(bytes + 1), 0x8807060504030201);
}
