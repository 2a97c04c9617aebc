/* SPDX-License-Identifier: Apache-2.0 */
/* The items of tests/vectors/descriptors.hex. */
#include "described_items.h"

#include <stdlib.h>

#include "must.h"

#define CONFIG(...)                                                            \
    {                                                                          \
        .struct_size = sizeof(struct spead_descriptor_config), .name = "name", \
        .description = "text", __VA_ARGS__                                     \
    }
#define SHAPE(...) \
    .shape = (const int64_t[]){__VA_ARGS__}, .dimension_count = sizeof((int64_t[]){__VA_ARGS__}) / 8
#define VALUES(ctype, c, n, ...)                                       \
    {                                                                  \
        ctype, (const c[]){__VA_ARGS__}, n, sizeof((c[]){__VA_ARGS__}) \
    }
#define ANY SPEAD_DIMENSION_VARIABLE

const struct test_described_item test_described_items[] = {
    {.what = "u16",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000, .format = "u16", SHAPE(2, ANY)),
     .variable = 1,
     .field_count = 1,
     .fields = {VALUES(SPEAD_CTYPE_U16, uint16_t, 2, 1, 2)}},
    {.what = "u16 in 64-40",
     .heap_address_bits = 40,
     .config = CONFIG(.id = 0x1000, .format = "u16", SHAPE(2, ANY)),
     .variable = 1,
     .field_count = 1,
     .fields = {VALUES(SPEAD_CTYPE_I32, int32_t, 2, 1, 2)}},
    {.what = "u16 for PySPEAD",
     .heap_address_bits = 40,
     .bug_compat = SPEAD_BUG_COMPAT_PYSPEAD_0_5_2,
     .config = CONFIG(.id = 0x1000, .format = "u16", SHAPE(2, ANY)),
     .variable = 1,
     .field_count = 1,
     .fields = {VALUES(SPEAD_CTYPE_U8, uint8_t, 2, 1, 2)}},
    {.what = "b1 i7 c8 f32",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000, .format = "b1 i7 c8 f32"),
     .field_count = 4,
     .fields = {VALUES(SPEAD_CTYPE_B8, uint8_t, 1, 1), VALUES(SPEAD_CTYPE_I8, int8_t, 1, -3),
                VALUES(SPEAD_CTYPE_AS_IS, uint8_t, 1, 'y'),
                VALUES(SPEAD_CTYPE_F32, float, 1, 1.5f)}},
    {.what = "u12",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000, .format = "u12", SHAPE(3)),
     .field_count = 1,
     .fields = {VALUES(SPEAD_CTYPE_U16, uint16_t, 3, 1, 2, 0xabc)}},
    {.what = "i12",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000, .format = "i12"),
     .field_count = 1,
     .fields = {VALUES(SPEAD_CTYPE_I16, int16_t, 1, -2)}},
    {.what = "c8",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000, .format = "c8", SHAPE(ANY)),
     .variable = 5,
     .field_count = 1,
     .fields = {VALUES(SPEAD_CTYPE_AS_IS, uint8_t, 5, 'h', 'e', 'l', 'l', 'o')}},
    {.what = "u8 i24 in 64-56",
     .heap_address_bits = 56,
     .config = CONFIG(.id = 0x20, .format = "u8 i24", SHAPE(2, ANY)),
     .variable = 1,
     .field_count = 2,
     .fields = {VALUES(SPEAD_CTYPE_U8, uint8_t, 2, 1, 3),
                VALUES(SPEAD_CTYPE_I64, int64_t, 2, 2, -4)}},
    {.what = "<u2",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000, .dtype = "<u2", SHAPE(2)),
     .field_count = 1,
     .fields = {VALUES(SPEAD_CTYPE_U16, uint16_t, 2, 0x1234, 0x5678)}},
    {.what = "<u2 for PySPEAD",
     .heap_address_bits = 48,
     .bug_compat = SPEAD_BUG_COMPAT_PYSPEAD_0_5_2,
     .config = CONFIG(.id = 0x1000, .dtype = "<u2", SHAPE(2)),
     .field_count = 1,
     .fields = {VALUES(SPEAD_CTYPE_U16, uint16_t, 2, 0x1234, 0x5678)}},
    {.what = "Fortran order",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000, .dtype = "<u2", SHAPE(2, 3), .fortran_order = true),
     .field_count = 1,
     .fields = {VALUES(SPEAD_CTYPE_U16, uint16_t, 6, 0, 1, 2, 3, 4, 5)}},
    {.what = "a record in a record",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000,
                      .dtype = "[('a', '<i2'), ('b', '>f4', (2,)), "
                               "('c', [('x', '|u1'), ('y', '<u2')])]",
                      SHAPE(2)),
     .field_count = 4,
     .fields = {VALUES(SPEAD_CTYPE_I16, int16_t, 2, 1, 6),
                VALUES(SPEAD_CTYPE_F32, float, 4, 2, 3, 7, 8),
                VALUES(SPEAD_CTYPE_U8, uint8_t, 2, 4, 9),
                VALUES(SPEAD_CTYPE_U16, uint16_t, 2, 5, 10)}},
    {.what = "padding",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000, .dtype = "[('a', '|u1'), ('', '|V3'), ('b', '<i4')]"),
     .field_count = 2,
     .fields = {VALUES(SPEAD_CTYPE_U8, uint8_t, 1, 7), VALUES(SPEAD_CTYPE_I32, int32_t, 1, -8)}},
    {.what = ">c8",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000, .dtype = ">c8", SHAPE(1)),
     .field_count = 1,
     .fields = {VALUES(SPEAD_CTYPE_CF32, float, 1, 1, -2)}},
    {.what = "no bytes",
     .heap_address_bits = 48,
     .config = CONFIG(.id = 0x1000, .format = "u64", SHAPE(0)),
     .field_count = 1,
     .fields = {{SPEAD_CTYPE_U64, "", 0, 0}}},
};

const size_t test_described_item_count = sizeof test_described_items / sizeof *test_described_items;

struct spead_descriptor *test_described_descriptor(const struct test_described_item *row)
{
    struct spead_descriptor *descriptor;
    struct spead_err err;

    MUST(spead_descriptor_create(&descriptor, &row->config, &err) == 0, "%s: %s", row->what,
         err.text);
    return descriptor;
}

uint8_t *test_described_bytes(const struct test_described_item *row,
                              const struct spead_descriptor *descriptor, size_t *bytes)
{
    struct spead_err err;
    uint8_t *to;

    MUST(spead_value_bytes(descriptor, row->variable, bytes, &err) == 0, "%s: %s", row->what,
         err.text);
    to = calloc(1, *bytes > 0 ? *bytes : 1);
    MUST(to, "no memory");
    for (unsigned i = 0; i < row->field_count; i++)
        MUST(spead_value_write(descriptor, i, row->fields[i].type, row->fields[i].values,
                               row->fields[i].count, to, *bytes, &err) == 0,
             "%s: %s", row->what, err.text);
    return to;
}
