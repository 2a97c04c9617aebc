/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a program makes descriptors of both styles, and reads from them what it said. What makes no sense is refused by
 * the name of the field, with a sentence that says why.
 * Method: each descriptor is made from a configuration. The rules are those that spead2 4.5.1 follows; where one of its
 * tests has the rule, a comment names it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/descriptor.h>

#define SHAPE(...) \
    .shape = (int64_t[]){__VA_ARGS__}, .dimension_count = sizeof((int64_t[]){__VA_ARGS__}) / 8

/* Makes a descriptor that must be accepted. */
static struct spead_descriptor *make(const struct spead_descriptor_config *config)
{
    struct spead_descriptor *descriptor = NULL;
    struct spead_err err;
    int ret = spead_descriptor_create(&descriptor, config, &err);

    cr_assert_eq(ret, 0, "%s", err.text);
    return descriptor;
}

#define MAKE(...)                                                                                 \
    make(&(struct spead_descriptor_config){.struct_size = sizeof(struct spead_descriptor_config), \
                                           .id = 0x1000,                                          \
                                           .name = "name",                                        \
                                           .description = "description",                          \
                                           __VA_ARGS__})

/* Expects that a configuration is refused: by this field, with this text in the sentence. */
static void refuse(const struct spead_descriptor_config *config, const char *field,
                   const char *text)
{
    struct spead_descriptor *descriptor = NULL;
    struct spead_err err;
    int ret = spead_descriptor_create(&descriptor, config, &err);

    cr_assert_eq(ret, -EINVAL, "not refused: %s", text);
    cr_assert_null(descriptor);
    cr_expect_str_eq(err.field, field, "%s", err.text);
    cr_expect_not_null(strstr(err.text, text), "\"%s\" lacks \"%s\"", err.text, text);
}

#define REFUSE(field_, text_, ...)                                                               \
    refuse(                                                                                      \
        &(struct spead_descriptor_config){.struct_size = sizeof(struct spead_descriptor_config), \
                                          .id = 0x1000,                                          \
                                          .name = "name",                                        \
                                          .description = "description",                          \
                                          __VA_ARGS__},                                          \
        field_, text_)

static struct spead_field field_of(const struct spead_descriptor *descriptor, uint32_t index)
{
    struct spead_field field = SPEAD_FIELD_INIT;

    cr_assert_eq(spead_descriptor_field(descriptor, index, &field), 0, "field %u", index);
    return field;
}

Test(descriptor, says_what_its_configuration_said)
{
    struct spead_descriptor *d = MAKE(.format = "u12", SHAPE(2, SPEAD_DIMENSION_VARIABLE, 3));
    const int64_t *shape;

    cr_expect_eq(spead_descriptor_id(d), 0x1000);
    cr_expect_str_eq(spead_descriptor_name(d), "name");
    cr_expect_str_eq(spead_descriptor_description(d), "description");
    cr_assert_eq(spead_descriptor_shape(d, &shape), 3);
    cr_expect(shape[0] == 2 && shape[1] == SPEAD_DIMENSION_VARIABLE && shape[2] == 3);
    cr_expect(spead_descriptor_is_variable(d));
    cr_expect_not(spead_descriptor_is_fortran(d));
    cr_expect_eq(spead_descriptor_element_bits(d), 12);
    cr_expect_eq(spead_descriptor_field_count(d), 1);
    cr_expect_str_eq(spead_descriptor_format(d), "u12");
    cr_expect_null(spead_descriptor_dtype(d));
    spead_descriptor_unref(d);
}

Test(descriptor, fields_of_a_format_follow_each_other_without_padding)
{
    struct spead_descriptor *d = MAKE(.format = " b1 i7  c8 f32");
    static const struct {
        enum spead_kind kind;
        uint64_t at, bits;
    } wanted[] = {{SPEAD_KIND_BOOL, 0, 1},
                  {SPEAD_KIND_SIGNED, 1, 7},
                  {SPEAD_KIND_CHAR, 8, 8},
                  {SPEAD_KIND_FLOAT, 16, 32}};

    cr_assert_eq(spead_descriptor_field_count(d), 4);
    cr_expect_eq(spead_descriptor_element_bits(d), 48);
    cr_expect_str_eq(spead_descriptor_format(d), "b1 i7 c8 f32");
    for (uint32_t i = 0; i < 4; i++) {
        struct spead_field field = field_of(d, i);

        cr_expect_eq(field.kind, wanted[i].kind, "field %u", i);
        cr_expect_eq(field.bit_offset, wanted[i].at, "field %u", i);
        cr_expect_eq(field.bits, wanted[i].bits, "field %u", i);
        cr_expect_not(field.is_little_endian);
        cr_expect_str_eq(field.name, "");
    }
    spead_descriptor_unref(d);
}

Test(descriptor,
     one_of_format_and_dtype_is_needed) /* test_format_and_dtype, test_no_format_or_dtype */
{
    REFUSE("dtype", "format is set too", .format = "u8", .dtype = "<u2");
    REFUSE("format", "needs one of the two", .fortran_order = false);
}

Test(descriptor, a_format_must_have_fields) /* test_empty_format */
{
    REFUSE("format", "it has no field", .format = "");
    REFUSE("format", "it has no field", .format = "  ");
}

Test(descriptor, a_format_has_the_letters_and_widths_of_the_protocol)
{
    static const char *const good[] = {"u1", "u7", "u64", "u70", "i1", "i13",
                                       "b1", "b8", "f32", "f64", "c8"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        spead_descriptor_unref(MAKE(.format = good[i]));
    REFUSE("format", "has no bits", .format = "u0");
    REFUSE("format", "32 or 64 bits", .format = "f16");
    REFUSE("format", "must have 8 bits", .format = "c16");
    REFUSE("format", "refers to another item", .format = "012");
    REFUSE("format", "one of u, i, f, c and b", .format = "x8");
    REFUSE("format", "a letter and a number of bits", .format = "u");
    REFUSE("format", "a space must be between", .format = "u8,u8");
    REFUSE("format", "2^62 bits", .format = "u4611686018427387904 u8");
    REFUSE("format", "2^62 bits", .format = "u99999999999999999999999");
}

Test(descriptor,
     one_dimension_of_a_format_may_be_variable) /* test_multiple_unknown, test_numpy_unknown */
{
    REFUSE("shape", "dimension 2 of the shape is the second variable one", .format = "u8",
           SHAPE(-1, 3, -1));
    REFUSE("shape", "a dtype allows no variable dimension", .dtype = "<u2", SHAPE(-1));
    REFUSE("shape", "dimension 1 of the shape is -2", .format = "u8", SHAPE(3, -2));
}

Test(descriptor, fortran_order_needs_a_dtype) /* test_fortran_fallback */
{
    struct spead_descriptor *d = MAKE(.dtype = "<u2", SHAPE(2, 3), .fortran_order = true);

    cr_expect(spead_descriptor_is_fortran(d));
    spead_descriptor_unref(d);
    REFUSE("fortran_order", "needs a dtype", .format = "u16", SHAPE(2, 3), .fortran_order = true);
}

static void refuse_text(const char *name, const char *description, const char *field)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;

    config.id = 0x1000;
    config.format = "u8";
    config.name = name;
    config.description = description;
    refuse(&config, field, "not ASCII text");
}

Test(descriptor,
     names_and_descriptions_are_ascii) /* test_nonascii_name, test_nonascii_description */
{
    refuse_text("\xc3\xa9", NULL, "name");
    refuse_text(NULL, "in \xc2\xb5V", "description");
}

Test(descriptor, an_item_needs_an_identifier)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;

    config.format = "u8";
    refuse(&config, "id", "must have an identifier");
}

Test(descriptor, limits_are_named)
{
    char name[SPEAD_DESCRIPTOR_NAME_BYTES_MAX + 2],
        fields[3 * SPEAD_DESCRIPTOR_FIELDS_MAX + 4] = "";
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    int64_t ones[SPEAD_DIMENSIONS_MAX + 1];

    config.id = 0x1000;
    config.format = "u8";
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    config.name = name;
    refuse(&config, "name", "1025 bytes, more than 1024");
    config.name = name + 1;
    spead_descriptor_unref(make(&config));

    for (unsigned i = 0; i < SPEAD_DESCRIPTOR_FIELDS_MAX; i++)
        strcat(fields, "u1 ");
    config.format = fields;
    spead_descriptor_unref(make(&config));
    strcat(fields, "u1");
    refuse(&config, "format", "more than 256 fields");

    for (unsigned i = 0; i <= SPEAD_DIMENSIONS_MAX; i++)
        ones[i] = 1;
    config.format = "u8";
    config.shape = ones;
    config.dimension_count = SPEAD_DIMENSIONS_MAX;
    spead_descriptor_unref(make(&config));
    config.dimension_count = SPEAD_DIMENSIONS_MAX + 1;
    refuse(&config, "dimension_count", "must be 0 to 32");
    config.shape = NULL;
    refuse(&config, "shape", "NULL");
}

Test(descriptor, an_array_that_no_heap_holds_is_refused)
{
    REFUSE("shape", "2^62 bits", .format = "u8", SHAPE(1ll << 40, 1ll << 40));
    REFUSE("shape", "2^62 bits", .format = "u8", SHAPE(INT64_MAX));
    REFUSE("shape", "2^62 bits", .dtype = "<u2", SHAPE(1ll << 40, 0, 1ll << 40));
    spead_descriptor_unref(MAKE(.format = "u1", SHAPE(1ll << 31, 1ll << 31)));
}

/* The largest texts, fields and dimensions at once. */
Test(descriptor, memory_is_bounded)
{
    static char name[SPEAD_DESCRIPTOR_NAME_BYTES_MAX + 1];
    static char description[SPEAD_DESCRIPTOR_DESCRIPTION_BYTES_MAX + 1];
    static char dtype[SPEAD_DESCRIPTOR_DTYPE_BYTES_MAX];
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *d;
    size_t used = 1;

    memset(name, 'n', sizeof name - 1);
    memset(description, 'd', sizeof description - 1);
    config.id = 0x1000;
    config.name = name;
    config.description = description;
    config.dtype = strcpy(dtype, "[");
    for (unsigned i = 0; i < SPEAD_DESCRIPTOR_FIELDS_MAX; i++)
        used += (size_t)sprintf(dtype + used, "('%030u', '<u2', (1, 1)), ", i);
    strcpy(dtype + used, "]");
    d = make(&config);
    cr_expect_eq(spead_descriptor_field_count(d), SPEAD_DESCRIPTOR_FIELDS_MAX);
    cr_expect_gt(spead_descriptor_memory_bytes(d), 60000);
    cr_expect_lt(spead_descriptor_memory_bytes(d), SPEAD_DESCRIPTOR_MEMORY_MAX);
    spead_descriptor_unref(d);
}

/* ---- dtypes ------------------------------------------------------------------------------------ */

/* All types of numpy that spead2 sends, and the times, which it receives. */
Test(descriptor, each_type_of_numpy_has_a_kind_and_a_size)
{
    static const struct {
        const char *dtype, *canonical;
        enum spead_kind kind;
        unsigned bits;
        bool little;
        const char *unit;
    } rows[] = {
        {"?", "|b1", SPEAD_KIND_BOOL, 8, false, ""},
        {"|b1", "|b1", SPEAD_KIND_BOOL, 8, false, ""},
        {"i1", "|i1", SPEAD_KIND_SIGNED, 8, false, ""},
        {"<i2", "<i2", SPEAD_KIND_SIGNED, 16, true, ""},
        {">i2", ">i2", SPEAD_KIND_SIGNED, 16, false, ""},
        {"<i4", "<i4", SPEAD_KIND_SIGNED, 32, true, ""},
        {">i8", ">i8", SPEAD_KIND_SIGNED, 64, false, ""},
        {">u1", "|u1", SPEAD_KIND_UNSIGNED, 8, false, ""},
        {"<u2", "<u2", SPEAD_KIND_UNSIGNED, 16, true, ""},
        {">u4", ">u4", SPEAD_KIND_UNSIGNED, 32, false, ""},
        {"<u8", "<u8", SPEAD_KIND_UNSIGNED, 64, true, ""},
        {"<f2", "<f2", SPEAD_KIND_FLOAT, 16, true, ""},
        {">f4", ">f4", SPEAD_KIND_FLOAT, 32, false, ""},
        {"<f8", "<f8", SPEAD_KIND_FLOAT, 64, true, ""},
        {"<f16", "<f16", SPEAD_KIND_FLOAT, 128, true, ""},
        {"<c8", "<c8", SPEAD_KIND_COMPLEX, 64, true, ""},
        {">c16", ">c16", SPEAD_KIND_COMPLEX, 128, false, ""},
        {"<c32", "<c32", SPEAD_KIND_COMPLEX, 256, true, ""},
        {"S3", "|S3", SPEAD_KIND_BYTES, 24, false, ""},
        {"<a3", "|S3", SPEAD_KIND_BYTES, 24, false, ""},
        {"<U3", "<U3", SPEAD_KIND_UNICODE, 96, true, ""},
        {">U1", ">U1", SPEAD_KIND_UNICODE, 32, false, ""},
        {"|V4", "|V4", SPEAD_KIND_OPAQUE, 32, false, ""},
        {"<M8[ns]", "<M8[ns]", SPEAD_KIND_DATETIME, 64, true, "ns"},
        {">M8", ">M8", SPEAD_KIND_DATETIME, 64, false, ""},
        {"<m8[25s]", "<m8[25s]", SPEAD_KIND_TIMEDELTA, 64, true, "25s"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_descriptor *d = MAKE(.dtype = rows[i].dtype);
        struct spead_field field = field_of(d, 0);

        cr_expect_eq(spead_descriptor_field_count(d), 1);
        cr_expect_eq(field.kind, rows[i].kind, "%s", rows[i].dtype);
        cr_expect_eq(field.bits, rows[i].bits, "%s", rows[i].dtype);
        cr_expect_eq(field.is_little_endian, rows[i].little, "%s", rows[i].dtype);
        cr_expect_str_eq(field.unit, rows[i].unit, "%s", rows[i].dtype);
        cr_expect_eq(spead_descriptor_element_bits(d), rows[i].bits, "%s", rows[i].dtype);
        cr_expect_str_eq(spead_descriptor_dtype(d), rows[i].canonical);
        cr_expect_null(spead_descriptor_format(d));
        spead_descriptor_unref(d);
    }
}

Test(descriptor, the_order_of_this_machine_is_written_out)
{
    struct spead_descriptor *a = MAKE(.dtype = "=i4"), *b = MAKE(.dtype = "i4"),
                            *c = MAKE(.dtype = "|i4");
    bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

    cr_expect_str_eq(spead_descriptor_dtype(a), little ? "<i4" : ">i4");
    cr_expect(spead_descriptor_equal(a, b) && spead_descriptor_equal(a, c));
    spead_descriptor_unref(a);
    spead_descriptor_unref(b);
    spead_descriptor_unref(c);
}

Test(descriptor, objects_cannot_travel) /* test_numpy_object */
{
    static const char *const objects[] = {"O", "|O", "<O8", "T", "[('a', 'O')]"};

    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        REFUSE("dtype", "an object cannot travel", .dtype = objects[i]);
}

Test(descriptor, types_of_no_bytes_are_refused) /* test_numpy_zero_size, numpy_zero_length */
{
    REFUSE("dtype", "zero bytes", .dtype = "S");
    REFUSE("dtype", "zero bytes", .dtype = "|V0");
    REFUSE("dtype", "zero bytes", .dtype = "[]");
    REFUSE("dtype", "zero bytes", .dtype = "[('a', '<i2', (0,))]");
}

Test(descriptor, unknown_types_are_refused)
{
    static const char *const unknown[] = {"",         "<",
                                          "<i3",      "i",
                                          "<x4",      "int16",
                                          "<i2,<i4",  "(2,)i2",
                                          "<f12",     "<b2",
                                          "?1",       "<M4",
                                          "<M8[",     "<M8[]",
                                          "<M8[n s]", "S99999999999",
                                          "<i2 ",     "[('a', '<i3')]"};

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        REFUSE("dtype", "type", .dtype = unknown[i]);
}

Test(descriptor, fields_of_a_record_have_names_and_places)
{
    struct spead_descriptor *d = MAKE(
            .dtype =
                "[('a', '<i2'), ('b', '>f4', (2, 3)), ('c', [('x', '|u1'), ('y', '<u2', 2)], (4,))]");
    struct spead_field b = field_of(d, 1), y = field_of(d, 3);

    cr_assert_eq(spead_descriptor_field_count(d), 4);
    cr_expect_eq(spead_descriptor_element_bits(d), 16 + 6 * 32 + 4 * 40);
    cr_expect_str_eq(field_of(d, 0).name, "a");
    cr_expect_str_eq(b.name, "b");
    cr_expect_eq(b.bit_offset, 16);
    cr_expect(b.dimension_count == 2 && b.shape[0] == 2 && b.shape[1] == 3);
    cr_expect(b.stride_bits[0] == 96 && b.stride_bits[1] == 32);
    cr_expect_str_eq(field_of(d, 2).name, "c.x");
    cr_expect_str_eq(y.name, "c.y");
    cr_expect_eq(y.bit_offset, 16 + 6 * 32 + 8);
    cr_expect(y.dimension_count == 2 && y.shape[0] == 4 && y.shape[1] == 2);
    cr_expect(y.stride_bits[0] == 40 && y.stride_bits[1] == 16);
    cr_expect_eq(spead_descriptor_find_field(d, "c.y"), 3);
    cr_expect_eq(spead_descriptor_find_field(d, "c"), -ENOENT);
    cr_expect_eq(spead_descriptor_field(d, 4, &y), -ERANGE);
    spead_descriptor_unref(d);
}

Test(descriptor, padding_is_no_field_and_names_may_be_missing_or_quoted)
{
    struct spead_descriptor *d = MAKE(
            .dtype =
                "[(\"it's\", 'u1'), ('', '|V3'), ((\"title\", '\\x62\\\\'), u'<i4',), ('', b'|i1')]");

    cr_assert_eq(spead_descriptor_field_count(d), 3);
    cr_expect_str_eq(field_of(d, 0).name, "it's");
    cr_expect_str_eq(field_of(d, 1).name, "b\\");
    cr_expect_eq(field_of(d, 1).bit_offset, 32);
    cr_expect_str_eq(field_of(d, 2).name, "f3");
    cr_expect_str_eq(spead_descriptor_dtype(d),
                     "[(\"it's\", '|u1'), ('', '|V3'), (('title', 'b\\\\'), '<i4'), ('', '|i1')]");
    spead_descriptor_unref(d);
}

Test(descriptor, records_that_make_no_sense_are_refused)
{
    static const struct {
        const char *dtype, *text;
    } rows[] = {
        {"[('a', '<i2'), ('a', '<i2')]", "two fields have the name \"a\""},
        {"[('a.b', '<i2'), ('a', [('b', '<i2')])]", "two fields have the name \"a.b\""},
        {"[('', '|V3')]", "only padding"},
        {"[('a', '<i2')", "at its end"},
        {"[('a' '<i2')]", "expected \",\""},
        {"[('a', '<i2') ('b', '<i2')]", "expected \",\" or \"]\""},
        {"[['a', '<i2']]", "expected \"(\""},
        {"[('a', '<i2', -1)]", "the shape of a field"},
        {"[('a', '<i2', (1, -1))]", "a whole number"},
        {"[('a', '<i2', (1))]", "needs a comma"},
        {"[('a', '<i2', (2,), 3)]", "expected \")\""},
        {"[('a\\q', '<i2')]", "escapes"},
        {"[('a\n', '<i2')]", "no printable ASCII"},
        {"[('a', '<i2')] + 1", "expected nothing more"},
        {"[(__import__('os'), '<i2')]", "the name of a field"},
        {"[('a', '<V2147483648', (4294967296,))]", "2^62 bits"},
        {"[('a', '<i2', (0, 99999999999999999999))]", "larger than 2^62"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        REFUSE("dtype", rows[i].text, .dtype = rows[i].dtype);
}

Test(descriptor, records_inside_each_other_are_bounded)
{
    char dtype[1024] = "";

    for (int i = 0; i < 8; i++)
        strcat(dtype, "[('a', ");
    strcat(dtype, "'<i2'");
    for (int i = 0; i < 8; i++)
        strcat(dtype, ")]");
    spead_descriptor_unref(MAKE(.dtype = dtype));
    snprintf(dtype, sizeof dtype,
             "[('a', [('a', [('a', [('a', [('a', [('a', [('a', [('a', [('a', '<i2'");
    REFUSE("dtype", "more than 8 records", .dtype = dtype);
    memset(dtype, '(', sizeof dtype - 1);
    memcpy(dtype, "[('a', ", 7);
    dtype[sizeof dtype - 1] = 0;
    REFUSE("dtype", "more than 8 types", .dtype = dtype);
}

/* ---- What follows from it ------------------------------------------------------------------------- */

Test(descriptor,
     item_of_whole_bytes_and_fixed_shape_may_be_immediate) /* small_fixed, small_variable */
{
    static const struct {
        const char *format;
        int64_t dimension; /* 0: a scalar */
        bool wanted;
    } rows[] = {{"u16", 0, true},  {"u12", 0, false}, {"u12", 4, false}, {"b1 i7 c8 f32", 0, true},
                {"c8", -1, false}, {"c8", 5, true},   {"u4", 2, false}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_descriptor *d = MAKE(.format = rows[i].format, .shape = &rows[i].dimension,
                                          .dimension_count = rows[i].dimension != 0);

        cr_expect_eq(spead_descriptor_allows_immediate(d), rows[i].wanted, "%s", rows[i].format);
        spead_descriptor_unref(d);
    }
}

Test(descriptor, texts_are_told_from_arrays_of_characters)
{
    struct spead_descriptor *line = MAKE(.format = "c8", SHAPE(-1)), *letter = MAKE(.format = "c8"),
                            *page = MAKE(.format = "c8", SHAPE(2, 2)),
                            *bytes = MAKE(.dtype = "|S5"), *list = MAKE(.dtype = "|S5", SHAPE(2)),
                            *number = MAKE(.format = "u8");

    cr_expect(spead_descriptor_is_text(line) && spead_descriptor_is_text(letter));
    cr_expect(spead_descriptor_is_text(bytes));
    cr_expect_not(spead_descriptor_is_text(page));
    cr_expect_not(spead_descriptor_is_text(list));
    cr_expect_not(spead_descriptor_is_text(number));
    spead_descriptor_unref(line);
    spead_descriptor_unref(letter);
    spead_descriptor_unref(page);
    spead_descriptor_unref(bytes);
    spead_descriptor_unref(list);
    spead_descriptor_unref(number);
}

Test(descriptor, equal_means_that_everything_is_said_alike)
{
    struct spead_descriptor *all[] = {
        MAKE(.format = "u16", SHAPE(2)),
        MAKE(.format = "u16", SHAPE(3)),
        MAKE(.format = "u16", SHAPE(-1)),
        MAKE(.format = "u16"),
        MAKE(.format = "i16", SHAPE(2)),
        MAKE(.format = "u16 u16", SHAPE(2)),
        MAKE(.dtype = ">u2", SHAPE(2)),
        MAKE(.dtype = "<u2", SHAPE(2)),
        MAKE(.dtype = "<u2", SHAPE(2), .fortran_order = true),
        MAKE(.dtype = "[('a', '<u2')]", SHAPE(2)),
        MAKE(.dtype = "[('b', '<u2')]", SHAPE(2)),
        MAKE(.dtype = "<M8[s]", SHAPE(2)),
        MAKE(.dtype = "<M8[ns]", SHAPE(2)),
    };
    const size_t count = sizeof all / sizeof *all;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            cr_expect_eq(spead_descriptor_equal(all[i], all[j]), i == j, "%zu and %zu", i, j);
    for (size_t i = 0; i < count; i++)
        spead_descriptor_unref(all[i]);
}

Test(descriptor, a_reference_keeps_it)
{
    struct spead_descriptor *d = MAKE(.format = "u16");

    cr_expect_eq(spead_descriptor_ref(d), d);
    spead_descriptor_unref(d);
    cr_expect_str_eq(spead_descriptor_name(d), "name");
    spead_descriptor_unref(d);
    spead_descriptor_unref(NULL);
}
