/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: values of every form on the wire become every C type that can hold them, and the other way round, whatever
 * their strides and bits.
 * Method: random bytes are read as arrays, and compared with a reader that takes one bit after the other. What was read
 * is written again, which must give the same bytes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/value.h>

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

static uint64_t random_state = 1;

static uint8_t random_byte(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint8_t)(random_state >> 56);
}

static uint8_t *random_bytes(size_t count)
{
    uint8_t *bytes = malloc(count > 0 ? count : 1);

    cr_assert_not_null(bytes);
    for (size_t i = 0; i < count; i++)
        bytes[i] = random_byte();
    return bytes;
}

static void expect_text(const struct spead_err *err, const char *text)
{
    cr_expect_not_null(strstr(err->text, text), "\"%s\" lacks \"%s\"", err->text, text);
}

/* ---- The slow reader ------------------------------------------------------------------------------- */

/* Returns the bits of value number `n` of a view, in C order. */
static uint64_t slow_bits(const struct spead_view *view, uint64_t n)
{
    uint64_t at = view->data_bit, bits = 0;

    for (uint32_t i = view->dimension_count; i-- > 0; n /= view->shape[i])
        at += n % view->shape[i] * (uint64_t)view->stride_bits[i];
    for (uint64_t b = 0; b < view->bits; b++) {
        uint64_t bit = at + b;

        /* the bytes of a little-endian value come in the opposite order */
        if (view->is_little_endian)
            bit = at + view->bits - 8 - b / 8 * 8 + b % 8;
        bits = bits << 1 | (view->data[bit / 8] >> (7 - bit % 8) & 1);
    }
    return bits;
}

static int64_t slow_signed(const struct spead_view *view, uint64_t n)
{
    uint64_t bits = slow_bits(view, n), sign = 1ull << (view->bits - 1);

    return (int64_t)((bits ^ sign) - sign);
}

/* Reads all values as integers of 64 bits and compares them, also in parts, and writes them again. */
static void expect_integers(const struct spead_descriptor *d, uint32_t field, const char *what)
{
    size_t bytes;
    struct spead_item item = {.id = 0x1000};
    struct spead_view view;
    struct spead_err err;
    uint8_t *data, *again;
    uint64_t *values, *part;
    enum spead_ctype type;

    cr_assert_eq(spead_value_bytes(d, 0, &bytes, NULL), 0);
    data = random_bytes(bytes);
    item.data = data;
    item.bytes = bytes;
    cr_assert_eq(spead_item_view(&view, &item, d, field, &err), 0, "%s", err.text);
    type = view.kind == SPEAD_KIND_SIGNED ? SPEAD_CTYPE_I64 : SPEAD_CTYPE_U64;
    values = malloc(view.count * sizeof *values);
    part = malloc(view.count * sizeof *part);
    cr_assert_eq(spead_view_read(&view, 0, view.count, type, values, &err), 0, "%s", err.text);
    for (uint64_t n = 0; n < view.count; n++) {
        uint64_t wanted =
            type == SPEAD_CTYPE_I64 ? (uint64_t)slow_signed(&view, n) : slow_bits(&view, n);

        cr_assert_eq(values[n], wanted, "%s: value %lu is %lx, not %lx", what, n, values[n],
                     wanted);
    }
    for (uint64_t n = 0; n < view.count; n += view.count / 3 + 1) {
        uint64_t count = view.count - n < view.count / 3 + 1 ? view.count - n : view.count / 3 + 1;

        cr_assert_eq(spead_view_read(&view, n, count, type, part, NULL), 0);
        cr_expect_arr_eq(part, values + n, count * sizeof *part, "%s", what);
    }
    again = malloc(bytes);
    memcpy(again, data, bytes);
    cr_assert_eq(spead_value_write(d, field, type, values, view.count, again, bytes, &err), 0,
                 "%s: %s", what, err.text);
    cr_expect_arr_eq(again, data, bytes, "%s: other bytes were written than read", what);
    free(again);
    free(values);
    free(part);
    free(data);
}

/* test_fallback_uint, test_fallback_int and all other widths */
Test(value_convert, integers_of_any_number_of_bits_are_packed_without_gaps)
{
    for (unsigned bits = 1; bits <= 64; bits++)
        for (unsigned kind = 0; kind < 2; kind++) {
            char format[32];
            struct spead_descriptor *d;

            snprintf(format, sizeof format, "%c%u", "ui"[kind], bits);
            d = MAKE(.format = format, SHAPE(601));
            expect_integers(d, 0, format);
            spead_descriptor_unref(d);
            snprintf(format, sizeof format, "u3 %c%u u6", "ui"[kind], bits);
            d = MAKE(.format = format, SHAPE(7, 13));
            for (uint32_t field = 0; field < 3; field++)
                expect_integers(d, field, format);
            spead_descriptor_unref(d);
        }
}

Test(value_convert, integers_of_numpy_have_any_order_and_stride)
{
    static const char *const types[] = {"|u1", "<u2", ">u2", "<u4", ">u4", "<u8", ">u8",
                                        "|i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char dtype[96];
        struct spead_descriptor *d = MAKE(.dtype = types[i], SHAPE(5, 7, 31));

        expect_integers(d, 0, types[i]);
        spead_descriptor_unref(d);
        d = MAKE(.dtype = types[i], SHAPE(5, 7, 31), .fortran_order = true);
        expect_integers(d, 0, types[i]);
        spead_descriptor_unref(d);
        snprintf(dtype, sizeof dtype, "[('a', '|u1'), ('b', '%s', (2, 3)), ('c', '|V2')]",
                 types[i]);
        d = MAKE(.dtype = dtype, SHAPE(11, 3));
        expect_integers(d, 1, dtype);
        spead_descriptor_unref(d);
    }
}

/* ---- C types ------------------------------------------------------------------------------------------- */

/* What each integer type of C holds. */
static const struct {
    enum spead_ctype type;
    unsigned bits;
    bool is_signed;
} integers[] = {{SPEAD_CTYPE_I8, 8, true},    {SPEAD_CTYPE_I16, 16, true},
                {SPEAD_CTYPE_I32, 32, true},  {SPEAD_CTYPE_I64, 64, true},
                {SPEAD_CTYPE_U8, 8, false},   {SPEAD_CTYPE_U16, 16, false},
                {SPEAD_CTYPE_U32, 32, false}, {SPEAD_CTYPE_U64, 64, false}};

/* Returns a value of a C array. */
static int64_t member(const void *array, size_t type, size_t n)
{
    switch (integers[type].type) {
    case SPEAD_CTYPE_I8:
        return ((const int8_t *)array)[n];
    case SPEAD_CTYPE_I16:
        return ((const int16_t *)array)[n];
    case SPEAD_CTYPE_I32:
        return ((const int32_t *)array)[n];
    case SPEAD_CTYPE_U8:
        return ((const uint8_t *)array)[n];
    case SPEAD_CTYPE_U16:
        return ((const uint16_t *)array)[n];
    case SPEAD_CTYPE_U32:
        return ((const uint32_t *)array)[n];
    default:
        return ((const int64_t *)array)[n];
    }
}

static bool fits(size_t type, int64_t value)
{
    unsigned bits = integers[type].bits;

    if (integers[type].is_signed)
        return bits == 64 || (value >= -(1ll << (bits - 1)) && value < 1ll << (bits - 1));
    return value >= 0 && (bits == 64 || value < 1ll << bits);
}

/* Each value near the limits of each type is read as each type: it is right, or refused by its number. */
Test(value_convert, an_integer_fits_a_type_or_is_refused)
{
    static const int64_t edges[] = {
        0,     1,          -1,         127,         128,         -128,       -129,
        255,   256,        32767,      32768,       -32768,      -32769,     65535,
        65536, 2147483647, 2147483648, -2147483648, -2147483649, 4294967295, 4294967296};
    enum { COUNT = sizeof edges / sizeof *edges };
    struct spead_descriptor *d = MAKE(.format = "i64", SHAPE(COUNT));
    uint8_t bytes[COUNT * 8];
    struct spead_item item = {.id = 0x1000, .data = bytes, .bytes = sizeof bytes};
    struct spead_view view;

    cr_assert_eq(spead_value_write(d, 0, SPEAD_CTYPE_I64, edges, COUNT, bytes, sizeof bytes, NULL),
                 0);
    cr_assert_eq(spead_item_view(&view, &item, d, 0, NULL), 0);
    for (size_t t = 0; t < sizeof integers / sizeof *integers; t++)
        for (size_t n = 0; n < COUNT; n++) {
            uint64_t one = 0;
            char words[64];
            struct spead_err err = {.text = ""};
            int ret = spead_view_read(&view, n, 1, integers[t].type, &one, &err);

            cr_expect_eq(ret, fits(t, edges[n]) ? 0 : -ERANGE, "type %zu: %ld", t, edges[n]);
            if (ret == 0)
                cr_expect_eq(member(&one, t, 0), edges[n], "type %zu: %ld", t, edges[n]);
            else
                expect_text(
                    &err,
                    (snprintf(words, sizeof words, "value %zu is %ld, which", n, edges[n]), words));
        }
    spead_descriptor_unref(d);
}

Test(value_convert, an_integer_fits_a_field_or_is_refused)
{
    static const struct {
        const char *format, *text;
        int64_t value;
        bool fits;
    } rows[] = {
        {"u4", NULL, 15, true},
        {"u4", "value 1 is 16, which does not fit values of 4 bits (unsigned integers)", 16, false},
        {"u4", "is -1", -1, false},
        {"i4", NULL, 7, true},
        {"i4", "is 8", 8, false},
        {"i4", NULL, -8, true},
        {"i4", "is -9", -9, false},
        {"u64", "is -1", -1, false},
        {"i64", NULL, INT64_MIN, true},
        {"u16", "is 65536", 65536, false},
        {"u63", NULL, INT64_MAX, true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_descriptor *d = MAKE(.format = rows[i].format, SHAPE(2));
        int64_t values[2] = {0, rows[i].value}, again[2] = {5, 5};
        uint8_t bytes[16] = {0};
        struct spead_item item = {.data = bytes, .bytes = sizeof bytes};
        struct spead_err err;
        int ret = spead_value_write(d, 0, SPEAD_CTYPE_I64, values, 2, bytes, sizeof bytes, &err);

        cr_expect_eq(ret, rows[i].fits ? 0 : -ERANGE, "%s: %ld", rows[i].format, rows[i].value);
        if (ret == 0) {
            cr_expect_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_I64, again, 2, NULL, NULL), 0);
            cr_expect_eq(again[1], rows[i].value);
        } else {
            expect_text(&err, rows[i].text);
        }
        spead_descriptor_unref(d);
    }
}

Test(value_convert, large_unsigned_numbers_keep_their_bits)
{
    struct spead_descriptor *u = MAKE(.format = "u64"), *s = MAKE(.format = "i64");
    const uint64_t large = UINT64_MAX - 4;
    uint8_t bytes[8];
    uint64_t again;
    struct spead_item item = {.data = bytes, .bytes = sizeof bytes};
    struct spead_err err;

    cr_expect_eq(spead_value_write(u, 0, SPEAD_CTYPE_U64, &large, 1, bytes, 8, NULL), 0);
    cr_expect_eq(spead_item_get_u64(&item, u, &again, NULL), 0);
    cr_expect_eq(again, large);
    cr_expect_eq(spead_value_write(s, 0, SPEAD_CTYPE_U64, &large, 1, bytes, 8, &err), -ERANGE);
    expect_text(&err, "is 18446744073709551611");
    spead_descriptor_unref(u);
    spead_descriptor_unref(s);
}

Test(value_convert, real_numbers_have_all_widths_and_orders)
{
    static const char *const types[] = {"<f2", ">f2", "<f4", ">f4", "<f8", ">f8"};
    double values[] = {0, 1, -1.5, 0.333251953125, 65504, 0x1p-24, -INFINITY, 3};
    const size_t count = sizeof values / sizeof *values;

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (int fortran = 0; fortran < 2; fortran++) {
            struct spead_descriptor *d =
                MAKE(.dtype = types[i], SHAPE(2, 4), .fortran_order = fortran);
            uint8_t bytes[64];
            struct spead_item item = {.data = bytes, .bytes = sizeof bytes};
            float singles[8];
            double doubles[8];

            cr_assert_eq(
                spead_value_write(d, 0, SPEAD_CTYPE_F64, values, count, bytes, sizeof bytes, NULL),
                0);
            cr_assert_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_F64, doubles, 8, NULL, NULL), 0);
            cr_assert_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_F32, singles, 8, NULL, NULL), 0);
            for (size_t n = 0; n < count; n++) {
                cr_expect_eq(doubles[n], values[n], "%s: %g", types[i], values[n]);
                cr_expect_eq(singles[n], (float)values[n], "%s: %g", types[i], values[n]);
            }
            cr_assert_eq(
                spead_value_write(d, 0, SPEAD_CTYPE_F32, singles, count, bytes, sizeof bytes, NULL),
                0);
            cr_assert_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_F64, doubles, 8, NULL, NULL), 0);
            cr_expect_arr_eq(doubles, values, sizeof values);
            spead_descriptor_unref(d);
        }
}

Test(value_convert, integers_become_real_numbers)
{
    struct spead_descriptor *d = MAKE(.dtype = ">f4", SHAPE(3)),
                            *s = MAKE(.format = "i12", SHAPE(3));
    const int32_t values[] = {-5, 0, 7};
    const uint64_t large[] = {UINT64_MAX, 0, 7};
    uint8_t bytes[12] = {0};
    struct spead_item item = {.data = bytes, .bytes = sizeof bytes};
    float reals[3];

    cr_assert_eq(spead_value_write(d, 0, SPEAD_CTYPE_I32, values, 3, bytes, 12, NULL), 0);
    cr_assert_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_F32, reals, 3, NULL, NULL), 0);
    cr_expect(reals[0] == -5 && reals[1] == 0 && reals[2] == 7);
    cr_assert_eq(spead_value_write(d, 0, SPEAD_CTYPE_U64, large, 3, bytes, 12, NULL), 0);
    cr_assert_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_F32, reals, 3, NULL, NULL), 0);
    cr_expect(reals[0] == 0x1p64f && reals[2] == 7);
    cr_assert_eq(spead_value_write(s, 0, SPEAD_CTYPE_I32, values, 3, bytes, 12, NULL), 0);
    cr_assert_eq(spead_item_read(&item, s, 0, SPEAD_CTYPE_F32, reals, 3, NULL, NULL), 0);
    cr_expect(reals[0] == -5 && reals[1] == 0 && reals[2] == 7);
    spead_descriptor_unref(d);
    spead_descriptor_unref(s);
}

Test(value_convert, complex_numbers_have_two_parts)
{
    static const char *const types[] = {"<c8", ">c8", "<c16", ">c16"};
    const float values[] = {1, -2, 3.5f, 0, -0.25f, 6, 7, 8};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (int fortran = 0; fortran < 2; fortran++) {
            struct spead_descriptor *d =
                MAKE(.dtype = types[i], SHAPE(2, 2), .fortran_order = fortran);
            uint8_t bytes[64];
            struct spead_item item = {.data = bytes, .bytes = sizeof bytes};
            struct spead_view view;
            double doubles[8], middle[2];
            float singles[8];

            cr_assert_eq(
                spead_value_write(d, 0, SPEAD_CTYPE_CF32, values, 4, bytes, sizeof bytes, NULL), 0);
            cr_assert_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_CF64, doubles, 4, NULL, NULL), 0);
            cr_assert_eq(spead_item_read(&item, d, 0, SPEAD_CTYPE_CF32, singles, 4, NULL, NULL), 0);
            cr_expect_arr_eq(singles, values, sizeof values, "%s", types[i]);
            for (size_t n = 0; n < 8; n++)
                cr_expect_eq(doubles[n], (double)values[n], "%s", types[i]);
            cr_assert_eq(spead_item_view(&view, &item, d, 0, NULL), 0);
            cr_expect_eq(view.count, 4);
            cr_assert_eq(spead_view_read(&view, 2, 1, SPEAD_CTYPE_CF64, middle, NULL), 0);
            cr_expect(middle[0] == -0.25 && middle[1] == 6);
            spead_descriptor_unref(d);
        }
}

Test(value_convert, only_alike_classes_are_converted)
{
    static const struct {
        const char *format, *dtype;
        enum spead_ctype type;
        bool reads, writes;
    } rows[] = {
        {"f32", NULL, SPEAD_CTYPE_I32, false, true},
        {"u8", NULL, SPEAD_CTYPE_F64, true, false},
        {"f32", NULL, SPEAD_CTYPE_CF32, false, false},
        {NULL, "<c8", SPEAD_CTYPE_F32, false, false},
        {"u8", NULL, SPEAD_CTYPE_CF32, false, false},
        {"u8", NULL, SPEAD_CTYPE_B8, false, false},
        {"b1", NULL, SPEAD_CTYPE_U8, true, false},
        {"b1", NULL, SPEAD_CTYPE_F32, true, false},
        {"c8", NULL, SPEAD_CTYPE_U8, false, false},
        {NULL, "|S4", SPEAD_CTYPE_U32, false, false},
        {NULL, "|V4", SPEAD_CTYPE_U32, false, false},
        {NULL, "<f16", SPEAD_CTYPE_F64, false, false},
        {NULL, "<c32", SPEAD_CTYPE_CF64, false, false},
        {"u12", NULL, SPEAD_CTYPE_AS_IS, false, false},
        {"f64", NULL, SPEAD_CTYPE_B8, false, false},
        {NULL, "<m8[s]", SPEAD_CTYPE_F64, true, false},
    };
    uint8_t bytes[64] = {0}, values[64] = {0};
    struct spead_item item = {.data = bytes, .bytes = sizeof bytes};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_descriptor *d = MAKE(.format = rows[i].format, .dtype = rows[i].dtype);
        struct spead_err err;

        cr_expect_eq(spead_item_read(&item, d, 0, rows[i].type, values, 1, NULL, &err),
                     rows[i].reads ? 0 : -EINVAL, "row %zu", i);
        if (!rows[i].reads)
            expect_text(&err, "item 0x1000 (\"adc\"): values of ");
        cr_expect_eq(spead_value_write(d, 0, rows[i].type, values, 1, bytes, sizeof bytes, &err),
                     rows[i].writes ? 0 : -EINVAL, "row %zu", i);
        spead_descriptor_unref(d);
    }
}

Test(value_convert, truth_values_are_0_or_1)
{
    struct spead_descriptor *packed = MAKE(.format = "b3", SHAPE(3)),
                            *numpy = MAKE(.dtype = "|b1", SHAPE(3));
    const uint8_t values[] = {1, 0, 200};
    uint8_t bytes[3] = {0}, again[3];
    struct spead_item item = {.data = bytes, .bytes = sizeof bytes};
    int16_t integers_of[3];

    cr_assert_eq(spead_value_write(packed, 0, SPEAD_CTYPE_B8, values, 3, bytes, 3, NULL), 0);
    cr_expect(bytes[0] == 0x20 && bytes[1] == 0x80, "%x %x", bytes[0], bytes[1]);
    cr_assert_eq(spead_item_read(&item, packed, 0, SPEAD_CTYPE_B8, again, 3, NULL, NULL), 0);
    cr_expect(again[0] == 1 && again[1] == 0 && again[2] == 1);
    memcpy(bytes, values, 3);
    cr_assert_eq(spead_item_read(&item, numpy, 0, SPEAD_CTYPE_B8, again, 3, NULL, NULL), 0);
    cr_expect(again[0] == 1 && again[1] == 0 && again[2] == 1);
    cr_assert_eq(spead_item_read(&item, numpy, 0, SPEAD_CTYPE_I16, integers_of, 3, NULL, NULL), 0);
    cr_expect(integers_of[0] == 1 && integers_of[1] == 0 && integers_of[2] == 1);
    cr_assert_eq(spead_value_write(numpy, 0, SPEAD_CTYPE_B8, values, 3, bytes, 3, NULL), 0);
    cr_expect_eq(bytes[2], 1);
    spead_descriptor_unref(packed);
    spead_descriptor_unref(numpy);
}

Test(value_convert, times_are_integers_of_64_bits)
{
    struct spead_descriptor *d = MAKE(.dtype = ">M8[ns]");
    const int64_t now = 1796000000000000000;
    uint8_t bytes[8];
    struct spead_item item = {.data = bytes, .bytes = sizeof bytes};
    int64_t again;

    cr_assert_eq(spead_value_write(d, 0, SPEAD_CTYPE_I64, &now, 1, bytes, 8, NULL), 0);
    cr_assert_eq(spead_item_get_i64(&item, d, &again, NULL), 0);
    cr_expect_eq(again, now);
    spead_descriptor_unref(d);
}

Test(value_convert, bytes_are_copied_as_they_are)
{
    struct spead_descriptor *d = MAKE(.dtype = "[('a', '|S3'), ('b', '<f16'), ('c', '|V2')]",
                                      SHAPE(2)),
                            *shifted = MAKE(.format = "u4 c8 u4", SHAPE(2));
    uint8_t *data = random_bytes(42), again[42] = {0}, fields[3][32], characters[2];
    const size_t sizes[] = {6, 32, 4};
    struct spead_item item = {.data = data, .bytes = 42};

    for (uint32_t f = 0; f < 3; f++) {
        cr_assert_eq(spead_item_read(&item, d, f, SPEAD_CTYPE_AS_IS, fields[f], 2, NULL, NULL), 0);
        cr_assert_leq(sizes[f], sizeof fields[f]);
        cr_assert_eq(spead_value_write(d, f, SPEAD_CTYPE_AS_IS, fields[f], 2, again, 42, NULL), 0);
    }
    cr_expect_arr_eq(fields[1], data + 3, 16);
    cr_expect_arr_eq(again, data, 42);
    memcpy(data, "\x14\x15\x24\x25", 4); /* 1 'A' 5, 2 'B' 5 */
    cr_assert_eq(spead_item_read(&item, shifted, 1, SPEAD_CTYPE_AS_IS, characters, 2, NULL, NULL),
                 0);
    cr_expect_arr_eq(characters, "AB", 2);
    memset(again, 0xff, 4);
    cr_assert_eq(spead_value_write(shifted, 1, SPEAD_CTYPE_AS_IS, "AB", 2, again, 4, NULL), 0);
    cr_expect_arr_eq(again, "\xf4\x1f\xf4\x2f", 4);
    free(data);
    spead_descriptor_unref(d);
    spead_descriptor_unref(shifted);
}

/* ---- Building items ------------------------------------------------------------------------------------- */

Test(value_convert, what_does_not_fit_the_shape_is_refused)
{
    struct spead_descriptor *fixed = MAKE(.format = "u16", SHAPE(2, 3)),
                            *open = MAKE(.format = "u16", SHAPE(2, -1)),
                            *text = MAKE(.format = "c8", SHAPE(-1)),
                            *none = MAKE(.format = "u16", SHAPE(0, -1));
    const uint16_t values[8] = {0};
    uint8_t bytes[16] = {0};
    size_t size;
    struct spead_err err;

    cr_expect_eq(spead_value_write(fixed, 0, SPEAD_CTYPE_U16, values, 5, bytes, 16, &err), -EINVAL);
    expect_text(&err, "5 values do not fit the shape, which needs 6");
    cr_expect_eq(spead_value_write(fixed, 0, SPEAD_CTYPE_U16, values, 6, bytes, 11, &err), -ENOSPC);
    expect_text(&err, "the value needs 12 bytes, but there is room for 11");
    cr_expect_eq(spead_value_write(open, 0, SPEAD_CTYPE_U16, values, 5, bytes, 16, &err), -EINVAL);
    expect_text(&err, "needs a multiple of 2");
    cr_expect_eq(spead_value_write(open, 0, SPEAD_CTYPE_U16, values, 8, bytes, 16, &err), 0);
    cr_expect_eq(spead_value_write(open, 0, SPEAD_CTYPE_U16, values, 0, bytes, 0, &err), 0);
    cr_expect_eq(spead_value_write(none, 0, SPEAD_CTYPE_U16, values, 0, bytes, 0, &err), 0);
    cr_expect_eq(spead_value_write(none, 0, SPEAD_CTYPE_U16, values, 1, bytes, 16, &err), -EINVAL);
    cr_expect_eq(spead_value_write(open, 1, SPEAD_CTYPE_U16, values, 8, bytes, 16, &err), -ERANGE);
    expect_text(&err, "field 1 does not exist");
    cr_expect_eq(spead_value_write(text, 0, SPEAD_CTYPE_AS_IS, "n\xc3\xa9", 3, bytes, 16, &err),
                 -EBADMSG);
    expect_text(&err,
                "expected ASCII text, but character 1 is 0xc3"); /* TestItem.test_nonascii_value */
    cr_expect_eq(spead_value_bytes(open, UINT64_MAX / 2, &size, &err), -ERANGE);
    expect_text(&err, "2^62 bits");
    cr_expect_eq(spead_value_bytes(open, 3, &size, &err), 0);
    cr_expect_eq(size, 12);
    spead_descriptor_unref(fixed);
    spead_descriptor_unref(open);
    spead_descriptor_unref(text);
    spead_descriptor_unref(none);
}

Test(value_convert, sizes_of_types_are_those_of_c)
{
    cr_expect_eq(spead_ctype_bytes(SPEAD_CTYPE_I16), sizeof(int16_t));
    cr_expect_eq(spead_ctype_bytes(SPEAD_CTYPE_F64), sizeof(double));
    cr_expect_eq(spead_ctype_bytes(SPEAD_CTYPE_CF32), 2 * sizeof(float));
    cr_expect_eq(spead_ctype_bytes(SPEAD_CTYPE_CF64), 2 * sizeof(double));
    cr_expect_eq(spead_ctype_bytes(SPEAD_CTYPE_B8), 1);
    cr_expect_eq(spead_ctype_bytes(SPEAD_CTYPE_AS_IS), 0);
    cr_expect_eq(spead_ctype_bytes((enum spead_ctype)99), 0);
}
