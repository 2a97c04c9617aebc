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
