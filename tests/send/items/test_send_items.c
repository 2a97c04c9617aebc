/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: heaps get what is stale, all or nothing, as those of spead2's HeapGenerator do; a heap that was filled never
 * changes with later values; and an item group at the other end has the values that were set.
 * Method: filled heaps are submitted over a memory link, and an item group takes what a receive stream delivers. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadline/item_group.h>
#include <speadline/recv.h>
#include <speadline/send_items.h>

#include "must.h"

static struct spead_mem_link *link_of_streams;
static struct spead_recv_stream *receiver;
static struct spead_send_stream *sender;
static struct spead_item_group *group;
static struct spead_send_items *items;
static struct spead_send_heap *heap;

static void set_up(void)
{
    struct spead_recv_stream_config recv_config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_send_stream_config send_config = SPEAD_SEND_STREAM_CONFIG_INIT;

    MUST(spead_mem_link_create(&link_of_streams, 256, 2000, NULL) == 0, "no link");
    recv_config.links = send_config.links = &link_of_streams;
    recv_config.link_count = send_config.link_count = 1;
    recv_config.heap_bytes_max = 65536;
    recv_config.held_heaps = 1; /* of the group */
    MUST(spead_recv_stream_create(&receiver, &recv_config, NULL) == 0, "no receiver");
    MUST(spead_send_stream_create(&sender, &send_config, NULL) == 0, "no sender");
    MUST(spead_recv_stream_start(receiver, NULL) == 0, "not started");
    MUST(spead_send_stream_start(sender, NULL) == 0, "not started");
    MUST(spead_item_group_create(&group, NULL, NULL) == 0, "no group");
    MUST(spead_send_items_create(&items, NULL, NULL) == 0, "no items");
    MUST(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) == 0, "no heap");
}

static void tear_down(void)
{
    spead_send_heap_destroy(heap);
    spead_send_items_destroy(items);
    spead_item_group_destroy(group);
    spead_send_stream_destroy(sender);
    spead_recv_stream_destroy(receiver);
    spead_mem_link_unref(link_of_streams);
}

TestSuite(send_items, .init = set_up, .fini = tear_down);

static struct spead_descriptor *descriptor_of(uint64_t id, const char *name, const char *format,
                                              const char *dtype, int64_t count)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;
    struct spead_err err = {0};

    config.id = id;
    config.name = name;
    config.format = format;
    config.dtype = dtype;
    config.shape = &count;
    config.dimension_count = count == 0 ? 0 : 1;
    cr_assert_eq(spead_descriptor_create(&descriptor, &config, &err), 0, "%s", err.text);
    return descriptor;
}

/* Adds an item. A count of 0 is a scalar, and a negative count is a variable dimension. */
static int add(uint64_t id, const char *name, const char *format, const char *dtype, int64_t count)
{
    struct spead_descriptor *descriptor = descriptor_of(id, name, format, dtype, count);
    int handle = spead_send_items_add(items, descriptor, NULL);

    spead_descriptor_unref(descriptor);
    return handle;
}

static void submit(void)
{
    cr_assert_eq(spead_send_stream_submit(sender, heap, NULL), 0);
}

/* Takes the next heap. The caller gives it back. */
static struct spead_heap *take(void)
{
    struct spead_heap *taken;

    while (spead_send_stream_poll(sender) > 0)
        ;
    while (spead_recv_stream_poll(receiver) > 0)
        ;
    cr_assert_eq(spead_recv_stream_try_take(receiver, &taken), 0);
    return taken;
}

/* Passes the filled heap to the group. */
static void pass(void)
{
    struct spead_heap *taken;

    submit();
    taken = take();
    spead_item_group_update(group, taken);
    spead_heap_unref(taken);
}

static int fill(enum spead_send_items_which descriptors, enum spead_send_items_which values)
{
    return spead_send_items_fill(items, heap, descriptors, values, NULL);
}

/* What the next heap has: the number of its descriptors, and the identifiers of its other items: "3 x y". */
static const char *contents(enum spead_send_items_which descriptors,
                            enum spead_send_items_which values)
{
    static char text[64];
    unsigned described = 0;
    struct spead_heap *taken;
    struct spead_item item;
    char rest[48] = "";

    fill(descriptors, values);
    submit();
    taken = take();
    for (size_t i = 0; spead_heap_item(taken, i, &item) == 0; i++) {
        described += item.id == SPEAD_ID_DESCRIPTOR;
        if (item.id >= 0x1000)
            snprintf(rest + strlen(rest), sizeof rest - strlen(rest), " %c",
                     (char)('x' + (int)(item.id - 0x1000)));
    }
    spead_heap_unref(taken);
    snprintf(text, sizeof text, "%u%s", described, rest);
    return text;
}

/* ---- Stale, all and none ------------------------------------------------------------------------ */

/* What spead2 4.5.1 sends: HeapGenerator(descriptor_frequency=3) with the items x and y, which have values, and z, which
 * has none. x gets a new value before the third heap; before the sixth its version is increased. */
static const struct {
    enum spead_send_items_which descriptors, values;
    const char *heap[8];
} spead2_sends[] = {
    {SPEAD_SEND_ITEMS_STALE,
     SPEAD_SEND_ITEMS_STALE,
     {"3 x y", "0", "0 x", "3", "0", "0 x", "3", "0"}},
    {SPEAD_SEND_ITEMS_STALE,
     SPEAD_SEND_ITEMS_ALL,
     {"3 x y", "0 x y", "0 x y", "3 x y", "0 x y", "0 x y", "3 x y", "0 x y"}},
    {SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_NONE, {"3", "0", "0", "3", "0", "0", "3", "0"}},
    {SPEAD_SEND_ITEMS_ALL,
     SPEAD_SEND_ITEMS_STALE,
     {"3 x y", "3", "3 x", "3", "3", "3 x", "3", "3"}},
    {SPEAD_SEND_ITEMS_ALL, SPEAD_SEND_ITEMS_NONE, {"3", "3", "3", "3", "3", "3", "3", "3"}},
    {SPEAD_SEND_ITEMS_NONE,
     SPEAD_SEND_ITEMS_STALE,
     {"0 x y", "0", "0 x", "0", "0", "0 x", "0", "0"}},
    {SPEAD_SEND_ITEMS_NONE,
     SPEAD_SEND_ITEMS_ALL,
     {"0 x y", "0 x y", "0 x y", "0 x y", "0 x y", "0 x y", "0 x y", "0 x y"}},
    {SPEAD_SEND_ITEMS_NONE, SPEAD_SEND_ITEMS_NONE, {"0", "0", "0", "0", "0", "0", "0", "0"}},
};

Test(send_items, heaps_get_what_those_of_spead2_get)
{
    for (size_t row = 0; row < sizeof spead2_sends / sizeof *spead2_sends; row++) {
        struct spead_send_items_config config = SPEAD_SEND_ITEMS_CONFIG_INIT;
        const int64_t four = 4;
        int x, y;

        spead_send_items_destroy(items);
        config.descriptors_every = 3;
        cr_assert_eq(spead_send_items_create(&items, &config, NULL), 0);
        x = add(0x1000, "x", NULL, "<i4", 2);
        y = add(0x1001, "y", NULL, "<i4", 0);
        add(0x1002, "z", NULL, "<i4", 0);
        spead_send_items_write(items, x, SPEAD_CTYPE_I32, (int32_t[2]){0}, 2, NULL);
        spead_send_items_write(items, y, SPEAD_CTYPE_I64, &four, 1, NULL);
        for (unsigned i = 0; i < 8; i++) {
            if (i == 2)
                spead_send_items_write(items, x, SPEAD_CTYPE_I32, (int32_t[]){1, 1}, 2, NULL);
            if (i == 5)
                spead_send_items_touch(items, x);
            /* the receiver lists immediate items first, so y can stand before x */
            const char *has = contents(spead2_sends[row].descriptors, spead2_sends[row].values);
            const char *expected = spead2_sends[row].heap[i];

            cr_expect(strcmp(has, expected) == 0 ||
                          (strcmp(expected + 1, " x y") == 0 && has[0] == expected[0] &&
                           strcmp(has + 1, " y x") == 0),
                      "row %zu, heap %u: \"%s\", expected \"%s\"", row, i, has, expected);
        }
    }
}

Test(send_items, everything_is_stale_again_for_a_new_receiver)
{
    add(0x1000, "x", "u8", NULL, 0);
    spead_send_items_set(items, 0, "a", 1, NULL);
    cr_expect_str_eq(contents(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE), "1 x");
    cr_expect_str_eq(contents(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE), "0");
    spead_send_items_make_stale(items);
    cr_expect_str_eq(contents(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE), "1 x");
}

/* test_allocate_id of spead2 */
Test(send_items, a_free_identifier_is_the_lowest_that_no_item_has)
{
    cr_expect_eq(spead_send_items_free_id(items), 0x1000);
    add(0x1000, "x", "u8", NULL, 0);
    add(0x1002, "y", "u8", NULL, 0);
    cr_expect_eq(spead_send_items_free_id(items), 0x1001);
    add(0x1001, "z", "u8", NULL, 0);
    cr_expect_eq(spead_send_items_free_id(items), 0x1003);
}

Test(send_items, the_identifier_of_an_item_that_went_is_free_again)
{
    add(0x1000, "x", "u8", NULL, 0);
    add(0x1001, "y", "u8", NULL, 0);
    add(0x1002, "x", "u8", NULL, 0); /* takes the place of 0x1000 */
    cr_expect_eq(spead_send_items_free_id(items), 0x1000);
    add(0x1000, "z", "u8", NULL, 0);
    cr_expect_eq(spead_send_items_free_id(items), 0x1003);
    add(0x20, "y", "u8", NULL, 0); /* takes the place of 0x1001 */
    add(0x30, "y", "u8", NULL, 0); /* takes the place of 0x20, which is below all that are chosen */
    cr_expect_eq(spead_send_items_free_id(items), 0x1001);
}

/* The timeout is no measurement: with work that grows with the third power of the number, this takes many minutes. */
Test(send_items, thousands_of_items_get_free_identifiers, .timeout = 60)
{
    struct spead_send_items_config config = SPEAD_SEND_ITEMS_CONFIG_INIT;
    char name[32];

    config.items_max = 10000;
    spead_send_items_destroy(items);
    cr_assert_eq(spead_send_items_create(&items, &config, NULL), 0);
    for (unsigned i = 0; i < config.items_max; i++) {
        const uint64_t id = spead_send_items_free_id(items);

        snprintf(name, sizeof name, "item%u", i);
        cr_assert_eq(id, 0x1000 + i);
        cr_assert_geq(add(id, name, "u8", NULL, 0), 0);
    }
}

/* ---- Values ------------------------------------------------------------------------------------ */

Test(send_items, a_group_has_the_values_that_were_written)
{
    const int16_t samples[] = {-1, 2, -32768, 32767};
    int16_t came[4];
    int64_t time;
    char text[16];
    size_t count;

    add(0x1600, "timestamp", "u48", NULL, 0);
    add(0x3300, "samples", NULL, ">i2", 4);
    add(0x3301, "label", "c8", NULL, -1);
    cr_assert_eq(spead_send_items_write(items, 0, SPEAD_CTYPE_U64, (uint64_t[]){1234}, 1, NULL), 0);
    cr_assert_eq(spead_send_items_write(items, 1, SPEAD_CTYPE_I16, samples, 4, NULL), 0);
    cr_assert_eq(spead_send_items_write(items, 2, SPEAD_CTYPE_AS_IS, "hello", 5, NULL), 0);
    cr_expect_eq(fill(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE), 3);
    pass();
    const struct spead_group_item *item = spead_item_group_find(group, "timestamp");

    cr_assert(item && item->has_value);
    cr_expect(!item->value.is_immediate, "40 bits do not hold 48");
    cr_expect_eq(spead_item_get_i64(&item->value, item->descriptor, &time, NULL), 0);
    cr_expect_eq(time, 1234);
    item = spead_item_group_find(group, "samples");
    cr_expect_eq(
        spead_item_read(&item->value, item->descriptor, 0, SPEAD_CTYPE_I16, came, 4, &count, NULL),
        0);
    cr_expect_arr_eq(came, samples, sizeof samples);
    item = spead_item_group_find(group, "label");
    cr_expect_not(item->value.is_immediate, "a variable dimension is never immediate");
    cr_expect_eq(spead_item_get_text(&item->value, item->descriptor, text, sizeof text, NULL, NULL),
                 0);
    cr_expect_str_eq(text, "hello");
}

Test(send_items, a_short_value_of_a_fixed_shape_is_immediate)
{
    const struct spead_group_item *item;

    add(0x1000, "x", "u32", NULL, 0);
    spead_send_items_write(items, 0, SPEAD_CTYPE_U32, (uint32_t[]){7}, 1, NULL);
    fill(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE);
    pass();
    item = spead_item_group_find(group, "x");
    cr_assert(item && item->has_value);
    cr_expect(item->value.is_immediate);
    cr_expect_eq(item->value.value, 7);
}

Test(send_items, a_filled_heap_does_not_see_later_values)
{
    const struct spead_group_item *item;

    add(0x1000, "x", "u8", NULL, 8);
    spead_send_items_set(items, 0, "11111111", 8, NULL);
    fill(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE);
    submit(); /* in flight */
    spead_send_items_set(items, 0, "22222222", 8, NULL);
    struct spead_heap *taken = take();

    spead_item_group_update(group, taken);
    spead_heap_unref(taken);
    item = spead_item_group_find(group, "x");
    cr_assert(item && item->has_value);
    cr_expect_arr_eq(item->value.data, "11111111", 8);
}

Test(send_items, a_borrowed_value_is_what_its_memory_holds)
{
    char memory[] = "11111111";
    const struct spead_group_item *item;

    add(0x1000, "x", "u8", NULL, 8);
    spead_send_items_borrow(items, 0, memory, 8, NULL);
    fill(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE);
    memcpy(memory, "22222222", 8);
    pass();
    item = spead_item_group_find(group, "x");
    cr_assert(item && item->has_value);
    cr_expect_arr_eq(item->value.data, "22222222", 8);
    cr_expect_eq(fill(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE), 0);
    cr_expect_eq(spead_send_items_touch(items, 0), 0);
    cr_expect_eq(fill(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE), 1);
}

Test(send_items, a_shape_that_changes_reaches_the_group)
{
    for (unsigned i = 1; i < 20; i++) {
        uint8_t values[20] = {0};
        const struct spead_group_item *item;
        int handle = add(0x1000, "x", "u8", NULL, i);

        cr_expect_eq(handle, 0);
        values[i - 1] = (uint8_t)i;
        cr_assert_eq(spead_send_items_set(items, handle, values, i, NULL), 0);
        fill(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE);
        pass();
        item = spead_item_group_find(group, "x");
        cr_assert(item && item->has_value, "%u", i);
        cr_expect_eq(item->heap_counter, i);
    }
    cr_expect_eq(spead_item_group_count(group), 1);
}

/* docs/items.md says so. A receive stream of spead2 leaves such an item out, too. */
Test(send_items, an_array_that_becomes_empty_does_not_arrive)
{
    add(0x1000, "x", "u8", NULL, -1);
    cr_expect_eq(spead_send_items_set(items, 0, "abc", 3, NULL), 0);
    cr_expect_eq(fill(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE), 1);
    pass();
    cr_expect_eq(spead_send_items_set(items, 0, NULL, 0, NULL), 0);
    cr_expect_eq(fill(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE), 1);
    pass();
    cr_expect_eq(spead_item_group_find(group, "x")->value.bytes, 3);
}

/* ---- Refusals ----------------------------------------------------------------------------------- */

Test(send_items, a_value_of_the_wrong_size_is_refused_and_the_old_one_stays)
{
    struct spead_err err;

    add(0x1000, "x", "u8", NULL, 2);
    cr_expect_eq(spead_send_items_set(items, 0, "ab", 2, NULL), 0);
    cr_expect_eq(spead_send_items_set(items, 0, "abc", 3, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "2 bytes, and the value has 3"), "%s", err.text);
    cr_expect_eq(spead_send_items_set(items, 1, "ab", 2, &err), -EINVAL);
    cr_expect_eq(spead_send_items_touch(items, -1), -EINVAL);
    cr_expect_eq(fill(SPEAD_SEND_ITEMS_NONE, SPEAD_SEND_ITEMS_STALE), 1);
}

Test(send_items, a_wrong_number_of_values_is_refused_before_memory_is_taken)
{
    uint8_t byte = 1;
    struct spead_err err = {0};
    int huge = add(0x1000, "huge", "u64", NULL, INT64_C(1) << 38); /* 2 TiB */
    int pair = add(0x1001, "pair", "u8", NULL, 2);

    cr_expect_eq(spead_send_items_write(items, huge, SPEAD_CTYPE_U8, &byte, 1, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "1 values do not fit the shape"), "%s", err.text);
    cr_expect_eq(spead_send_items_set(items, pair, "ab", 2, NULL), 0);
    cr_expect_eq(spead_send_items_write(items, pair, SPEAD_CTYPE_U8, &byte, 1, &err), -EINVAL);
    cr_expect_eq(fill(SPEAD_SEND_ITEMS_NONE, SPEAD_SEND_ITEMS_STALE), 1, "the old value stays");
}

Test(send_items, an_item_that_takes_a_name_ends_the_handle_of_the_other)
{
    int x = add(0x1000, "x", "u8", NULL, 0), y = add(0x1001, "y", "u8", NULL, 0);

    cr_expect_eq(add(0x1000, "x", "u8", NULL, 0), x, "the same descriptor again");
    cr_expect_eq(add(0x1001, "x", "u8", NULL, 0), y);
    cr_expect_eq(spead_send_items_set(items, x, "a", 1, NULL), -EINVAL);
    cr_expect_eq(spead_send_items_set(items, y, "a", 1, NULL), 0);
    cr_expect_str_eq(contents(SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE), "1 y");
}

Test(send_items, what_does_not_fit_is_refused)
{
    struct spead_send_items_config config = SPEAD_SEND_ITEMS_CONFIG_INIT;
    struct spead_send_items *none = NULL;
    struct spead_descriptor *descriptor = descriptor_of(0x1000000, "far", "u8", NULL, 0);
    struct spead_err err;

    cr_expect_eq(spead_send_items_add(items, descriptor, &err), -ERANGE);
    spead_descriptor_unref(descriptor);
    cr_expect_eq(add(6, "control", "u8", NULL, 0), -EINVAL);
    config.items_max = 0;
    cr_expect_eq(spead_send_items_create(&none, &config, &err), -EINVAL);
    cr_expect_str_eq(err.field, "items_max");
    config.items_max = 1;
    config.flavour.heap_address_bits = 41;
    cr_expect_eq(spead_send_items_create(&none, &config, &err), -EINVAL);
    cr_expect_str_eq(err.field, "flavour");
    config.flavour.heap_address_bits = 8;
    spead_send_items_destroy(items);
    cr_assert_eq(spead_send_items_create(&items, &config, &err), 0);
    cr_expect_eq(add(0x1000, "far", "u8", NULL, 0), -ERANGE, "a descriptor of 64-8 has 8 bits");
    cr_expect_eq(add(0x20, "large", "u8", NULL, -1), 0);
    cr_expect_eq(add(0x21, "more", "u8", NULL, 0), -ENOSPC);
    cr_expect_eq(spead_send_items_set(items, 0, (uint8_t[300]){0}, 300, NULL), 0);
    cr_expect_eq(fill(SPEAD_SEND_ITEMS_NONE, SPEAD_SEND_ITEMS_STALE), -ERANGE);
    cr_expect_eq(spead_send_heap_payload_bytes(heap), 0);
    cr_expect_eq(spead_send_items_set(items, 0, "a", 1, NULL), 0);
    cr_expect_eq(fill(SPEAD_SEND_ITEMS_NONE, SPEAD_SEND_ITEMS_STALE), 1);
}
