/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the value of an item becomes small JSON that says the value, whatever the descriptor and the bytes are, and
 * nothing that a terminal would obey. Method: items of each kind are made of bytes; their JSON is compared as text. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "item_value.h"

/* Makes the value of `bytes` bytes with this descriptor, and expects its JSON. */
static void expect(const struct spead_descriptor_config *config, const void *data, size_t bytes,
                   const char *shape_text, const char *value_text)
{
    const struct spead_item item = {.id = 0x1000, .data = data, .bytes = bytes};
    struct spead_descriptor *descriptor;
    json_t *shape = NULL, *value;
    struct spead_err err = {0};
    char *text;

    cr_assert_eq(spead_descriptor_create(&descriptor, config, &err), 0, "%s", err.text);
    value = item_value_json(&item, descriptor, &shape, &err);
    cr_assert_not_null(value, "%s", err.text);
    text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    cr_expect_str_eq(text, value_text);
    free(text);
    text = json_dumps(shape, JSON_COMPACT);
    cr_expect_str_eq(text, shape_text);
    free(text);
    json_decref(shape);
    json_decref(value);
    spead_descriptor_unref(descriptor);
}

#define EXPECT(data, shape, value, ...)                                                          \
    expect(                                                                                      \
        &(struct spead_descriptor_config){.struct_size = sizeof(struct spead_descriptor_config), \
                                          .id = 0x1000,                                          \
                                          .name = "name",                                        \
                                          .description = "",                                     \
                                          __VA_ARGS__},                                          \
        data, sizeof data - 1, shape, value)
#define SHAPE(...) \
    .shape = (int64_t[]){__VA_ARGS__}, .dimension_count = sizeof((int64_t[]){__VA_ARGS__}) / 8

Test(item_value, scalars_are_numbers_truth_values_and_texts)
{
    EXPECT("\xff\xfe", "[]", "-2", .dtype = ">i2");
    EXPECT("\x00\x00\xc0\x3f", "[]", "1.5", .dtype = "<f4");
    EXPECT("\x01", "[]", "true", .dtype = "|b1");
    EXPECT("\x00\x00\x80\x3f\x00\x00\x00\xc0", "[]", "[1.0,-2.0]", .dtype = "<c8");
    EXPECT("ab\0\0", "[]", "\"ab\"", .dtype = "|S4");
    EXPECT("\xab\xcd", "[]", "\"abcd\"", .dtype = "|V2");
    EXPECT("\x12\x30", "[]", "291", .format = "u12");
}

Test(item_value, numbers_that_json_numbers_cannot_hold_are_strings)
{
    EXPECT("\xff\xff\xff\xff\xff\xff\xff\xff", "[]", "\"18446744073709551615\"", .dtype = "<u8");
    EXPECT("\x01\x00\x00\x00\x00\x00\x00\x00", "[]", "\"1\"", .dtype = "<i8");
    EXPECT("\x00\x00\xc0\x7f\x00\x00\x80\xff", "[2]", "[\"nan\",\"-inf\"]", .dtype = "<f4",
           SHAPE(2));
    EXPECT("\x00\x00\x00\x00\x00\x00\x00\x80", "[]", "\"NaT\"", .dtype = "<M8[ns]");
    EXPECT("\x05\x00\x00\x00\x00\x00\x00\x00", "[]", "\"5 s\"", .dtype = "<m8[s]");
}

Test(item_value, long_arrays_show_their_beginning_and_their_end)
{
    EXPECT("\0\1\2\3\4\5\6\7\10\11\12\13", "[12]", "[0,1,2,3,4,5,\"...\",9,10,11]", .dtype = "|u1",
           SHAPE(12));
    EXPECT("\0\1\2\3\4\5\6\7\10", "[3,3]", "[0,1,2,3,4,5,6,7,8]", .dtype = "|u1", SHAPE(3, 3));
    EXPECT("\0\1\2\3\4\5", "[2,3]", "[0,2,4,1,3,5]", .dtype = "|u1", SHAPE(2, 3),
           .fortran_order = true);
    EXPECT("\1\2\3\4\5\6", "[3]", "[258,772,1286]", .format = "u16", SHAPE(-1));
}

Test(item_value, records_are_objects)
{
    EXPECT("\1\2\3", "[]", "{\"a\":1,\"b\":[2,3]}", .dtype = "[('a', '|u1'), ('b', '|u1', (2,))]");
    EXPECT("\1\2\3\4\5\6", "[6]", "[{\"a\":1},{\"a\":2},{\"a\":3},\"...\",{\"a\":6}]",
           .dtype = "[('a', '|u1')]", SHAPE(6));
    EXPECT("\x81z", "[]", "{\"0\":true,\"1\":1,\"2\":\"z\"}", .format = "b1 u7 c8");
}

Test(item_value, texts_have_no_control_characters)
{
    EXPECT("a\x1b[2J\x7f\xff\\", "[8]", "\"a\\\\x1b[2J\\\\x7f\\\\xff\\\\x5c\"", .format = "c8",
           SHAPE(-1));
    EXPECT("\x2e\x20\x00\x00x\x00\x00\x00", "[]", "\"\\\\u202ex\"", .dtype = "<U2");
}

Test(item_value, a_large_text_is_cut)
{
    char large[100000], expected[300];

    memset(large, 'x', sizeof large);
    memset(expected, 'x', sizeof expected);
    expected[0] = '"';
    strcpy(expected + 201, "...\"");
    EXPECT(large, "[99999]", expected, .format = "c8", SHAPE(-1));
}

Test(item_value, an_item_that_does_not_fit_has_a_sentence)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    const struct spead_item item = {.id = 0x1000, .data = (const uint8_t *)"", .bytes = 1};
    struct spead_descriptor *descriptor;
    struct spead_err err = {0};
    json_t *shape = NULL;

    config.id = 0x1000;
    config.dtype = "<i4";
    cr_assert_eq(spead_descriptor_create(&descriptor, &config, NULL), 0);
    cr_expect_null(item_value_json(&item, descriptor, &shape, &err));
    cr_expect(err.text[0] != '\0');
    spead_descriptor_unref(descriptor);
}
