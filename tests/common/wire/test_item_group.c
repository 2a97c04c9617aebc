/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a group has, after each heap, the items and the values that spead2's ItemGroup would have, says what has
 * changed, and holds neither more heaps nor more memory than its header says.
 * Method: each test makes heaps of descriptors and values. The rules of replacement are those of spead2 4.5.1; the
 * comment before a test names the test of spead2 that has the rule. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadline/item_group.h>

#include "item_heap.h"

static struct spead_item_group *group;
static struct item_heap made, older;

static void set_up(void)
{
    cr_assert_eq(spead_item_group_create(&group, NULL, NULL), 0);
}

static void tear_down(void)
{
    spead_item_group_destroy(group);
    group = NULL;
}

TestSuite(item_group, .init = set_up, .fini = tear_down);

static void configure(uint32_t items_max, uint64_t memory_bytes_max, bool copy_values)
{
    struct spead_item_group_config config = SPEAD_ITEM_GROUP_CONFIG_INIT;

    config.items_max = items_max;
    config.memory_bytes_max = memory_bytes_max;
    config.copy_values = copy_values;
    spead_item_group_destroy(group);
    cr_assert_eq(spead_item_group_create(&group, &config, NULL), 0);
}

/* A descriptor of `count` bytes; a negative count is a variable dimension. */
static struct spead_descriptor *bytes_item(uint64_t id, const char *name, int64_t count)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;

    config.id = id;
    config.name = name;
    config.format = "u8";
    config.shape = &count;
    config.dimension_count = 1;
    cr_assert_eq(spead_descriptor_create(&descriptor, &config, NULL), 0);
    return descriptor;
}

/* A descriptor of a number with 32 bits. */
static struct spead_descriptor *number_item(uint64_t id, const char *name)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;

    config.id = id;
    config.name = name;
    config.format = "u32";
    cr_assert_eq(spead_descriptor_create(&descriptor, &config, NULL), 0);
    return descriptor;
}

static void describe(struct item_heap *heap, struct spead_descriptor *descriptor)
{
    item_heap_descriptor(heap, descriptor);
    spead_descriptor_unref(descriptor);
}

/* What the last update changed, as "described 0x1000, updated 0x1000". */
static const char *changes(void)
{
    static const char *const words[] = {"described",     "redescribed",   "removed",
                                        "updated",       "not-described", "descriptor-refused",
                                        "value-refused", "value-dropped", "not-arrived"};
    static char text[1024];
    const struct spead_item_change *list;
    size_t count = spead_item_group_changes(group, &list), used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s 0x%lx", i ? ", " : "",
                                 words[list[i].kind], list[i].id);
    return text;
}

/* The bytes of the value, as text. "-": no value; "none": no item. */
static const char *value_of(const char *name)
{
    const struct spead_group_item *item = spead_item_group_find(group, name);
    static char text[64];

    if (!item || !item->has_value)
        return item ? "-" : "none";
    if (item->value.is_immediate)
        snprintf(text, sizeof text, "%lu", item->value.value);
    else
        snprintf(text, sizeof text, "%.*s", (int)item->value.bytes, (const char *)item->value.data);
    return text;
}

static struct spead_item_group_stats stats(void)
{
    struct spead_item_group_stats now = SPEAD_ITEM_GROUP_STATS_INIT;

    spead_item_group_stats(group, &now);
    return now;
}

/* Gives the group a heap that describes one item of 2 bytes and has a value for it. */
static void give(struct item_heap *heap, uint64_t counter, uint64_t id, const char *name,
                 const char *value)
{
    item_heap_begin(heap, 48);
    describe(heap, bytes_item(id, name, 2));
    if (value)
        item_heap_bytes(heap, id, value, strlen(value));
    spead_item_group_update(group, item_heap_end(heap, counter, true));
}

/* ---- Descriptors and values ------------------------------------------------------------------- */

Test(item_group, a_value_is_read_by_name_in_one_call)
{
    struct spead_err err = {0};
    uint32_t number[4] = {0};

    cr_expect_eq(spead_item_group_read(group, "b", SPEAD_CTYPE_U32, number, 4, &err), -ENOENT);
    cr_expect_str_eq(err.text, "the group has no item \"b\"");
    item_heap_begin(&made, 48);
    describe(&made, number_item(0x1001, "b"));
    spead_item_group_update(group, item_heap_end(&made, 1, true));
    cr_expect_eq(spead_item_group_read(group, "b", SPEAD_CTYPE_U32, number, 4, &err), -ENOENT);
    cr_expect_str_eq(err.text, "item \"b\" has no value yet");
    item_heap_begin(&made, 48);
    item_heap_immediate(&made, 0x1001, 77);
    spead_item_group_update(group, item_heap_end(&made, 2, true));
    cr_expect_eq(spead_item_group_read(group, "b", SPEAD_CTYPE_U32, number, 4, &err), 1);
    cr_expect_eq(number[0], 77);
    cr_expect_eq(spead_item_group_read(group, "b", SPEAD_CTYPE_U32, number, 0, &err), -ENOSPC);
}

Test(item_group, a_heap_describes_items_and_gives_them_values_in_its_order)
{
    item_heap_begin(&made, 48);
    describe(&made, bytes_item(0x1005, "e", 2));
    describe(&made, number_item(0x1001, "b"));
    item_heap_bytes(&made, 0x1005, "EE", 2);
    item_heap_immediate(&made, 0x1001, 77);
    cr_expect_eq(spead_item_group_update(group, item_heap_end(&made, 9, true)), 2);
    cr_expect_str_eq(changes(),
                     "described 0x1005, described 0x1001, updated 0x1001, updated 0x1005");
    cr_expect_str_eq(value_of("e"), "EE");
    cr_expect_str_eq(value_of("b"), "77");
    cr_expect_eq(spead_item_group_find_id(group, 0x1001), spead_item_group_find(group, "b"));
    cr_expect_eq(spead_item_group_find(group, "b")->heap_counter, 9);
    cr_expect_eq(spead_item_group_count(group), 2);
    cr_expect_eq(spead_item_group_at(group, 0), spead_item_group_find(group, "e"));
    cr_expect_null(spead_item_group_at(group, 2));
    item_heap_free(&made);
}

Test(item_group, a_value_stays_until_a_newer_one_comes_and_the_version_counts)
{
    give(&older, 1, 0x1000, "a", "11");
    cr_expect_eq(spead_item_group_find(group, "a")->version, 2);
    item_heap_begin(&made, 48);
    cr_expect_eq(spead_item_group_update(group, item_heap_end(&made, 2, true)), 0);
    cr_expect_str_eq(changes(), "");
    cr_expect_str_eq(value_of("a"), "11");
    cr_expect_eq(spead_item_group_find(group, "a")->version, 2);
    item_heap_free(&made);
    give(&made, 3, 0x1000, "a", "33");
    cr_expect_str_eq(changes(), "updated 0x1000");
    cr_expect_str_eq(value_of("a"), "33");
    cr_expect_eq(spead_item_group_find(group, "a")->version, 3);
    item_heap_free(&made);
    item_heap_free(&older);
}

Test(item_group, an_item_that_comes_twice_in_a_heap_has_the_last_value_and_is_listed_once)
{
    item_heap_begin(&made, 48);
    describe(&made, bytes_item(0x1000, "a", 2));
    item_heap_bytes(&made, 0x1000, "11", 2);
    item_heap_bytes(&made, 0x1000, "22", 2);
    cr_expect_eq(spead_item_group_update(group, item_heap_end(&made, 1, true)), 1);
    cr_expect_str_eq(changes(), "described 0x1000, updated 0x1000");
    cr_expect_str_eq(value_of("a"), "22");
    item_heap_free(&made);
}

Test(item_group, identifiers_of_the_protocol_are_no_items)
{
    struct spead_descriptor *reserved = number_item(6, "control");
    struct spead_err err;

    item_heap_begin(&made, 48);
    item_heap_immediate(&made, SPEAD_ID_STREAM_CONTROL, 0);
    cr_expect_eq(spead_item_group_update(group, item_heap_end(&made, 1, true)), 0);
    cr_expect_str_eq(changes(), "");
    cr_expect_eq(spead_item_group_add(group, reserved, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "reserves"), "%s", err.text);
    spead_descriptor_unref(reserved);
    item_heap_free(&made);
}

Test(item_group, a_program_describes_items_that_its_sender_does_not_describe)
{
    struct spead_descriptor *descriptor = bytes_item(0x1000, "a", 2);

    item_heap_begin(&made, 48);
    item_heap_bytes(&made, 0x1000, "11", 2);
    item_heap_end(&made, 1, true);
    cr_expect_eq(spead_item_group_update(group, &made.heap), 0);
    cr_expect_str_eq(changes(), "not-described 0x1000");
    cr_expect_eq(spead_item_group_add(group, descriptor, NULL), 0);
    spead_descriptor_unref(descriptor);
    cr_expect_eq(spead_item_group_update(group, &made.heap), 1);
    cr_expect_str_eq(value_of("a"), "11");
    item_heap_free(&made);
}

/* ---- Replacement (spead2: TestItemGroup) -------------------------------------------------------- */

/* test_replace_reset_value */
Test(item_group, the_same_descriptor_again_changes_nothing)
{
    give(&older, 1, 0x1000, "a", "11");
    give(&made, 2, 0x1000, "a", NULL);
    cr_expect_str_eq(changes(), "");
    cr_expect_str_eq(value_of("a"), "11");
    cr_expect_eq(spead_item_group_find(group, "a")->version, 2);
    item_heap_free(&made);
    item_heap_free(&older);
}

/* test_replace_rename */
Test(item_group, an_identifier_with_a_new_name_loses_its_old_name_and_its_value)
{
    give(&older, 1, 0x1000, "a", "11");
    give(&made, 2, 0x1000, "b", NULL);
    cr_expect_str_eq(changes(), "redescribed 0x1000");
    cr_expect_str_eq(value_of("a"), "none");
    cr_expect_str_eq(value_of("b"), "-");
    cr_expect_eq(spead_item_group_find(group, "b")->version, 3);
    item_heap_free(&made);
    item_heap_free(&older);
}

/* test_replace_clobber_name */
Test(item_group, a_name_with_a_new_identifier_takes_the_place_of_the_old_item)
{
    give(&older, 1, 0x1000, "a", "11");
    give(&made, 2, 0x1001, "a", NULL);
    cr_expect_str_eq(changes(), "removed 0x1000, described 0x1001");
    cr_expect_str_eq(value_of("a"), "-");
    cr_expect_eq(spead_item_group_find(group, "a")->version, 3);
    cr_expect_null(spead_item_group_find_id(group, 0x1000));
    cr_expect_eq(spead_item_group_count(group), 1);
    item_heap_free(&made);
    item_heap_free(&older);
}

/* test_replace_clobber_both */
Test(item_group, a_descriptor_that_hits_two_items_takes_the_place_of_both)
{
    item_heap_begin(&older, 48);
    describe(&older, bytes_item(0x1000, "a", 2));
    describe(&older, bytes_item(0x1001, "b", 2));
    describe(&older, bytes_item(0x1002, "c", 2));
    item_heap_bytes(&older, 0x1001, "11", 2);
    item_heap_bytes(&older, 0x1002, "22", 2);
    spead_item_group_update(group, item_heap_end(&older, 1, true));
    give(&made, 2, 0x1001, "a", NULL);
    cr_expect_str_eq(changes(), "removed 0x1000, redescribed 0x1001");
    cr_expect_str_eq(value_of("a"), "-");
    cr_expect_str_eq(value_of("b"), "none");
    cr_expect_str_eq(value_of("c"), "22");
    cr_expect_eq(spead_item_group_count(group), 2);
    cr_expect_eq(spead_item_group_find(group, "a")->version, 3);
    cr_expect_eq(spead_item_group_find_id(group, 0x1002), spead_item_group_find(group, "c"));
    item_heap_free(&made);
    item_heap_free(&older);
}

/* test_replace_change_shape */
Test(item_group, another_shape_takes_the_value_away)
{
    give(&older, 1, 0x1000, "a", "11");
    item_heap_begin(&made, 48);
    describe(&made, bytes_item(0x1000, "a", 3));
    item_heap_bytes(&made, 0x1000, "22", 2);
    spead_item_group_update(group, item_heap_end(&made, 2, true));
    cr_expect_str_eq(changes(), "redescribed 0x1000, value-refused 0x1000");
    cr_expect_str_eq(value_of("a"), "-");
    item_heap_free(&made);
    item_heap_free(&older);
}

/* ---- What cannot be used ------------------------------------------------------------------------ */

Test(item_group, what_is_malformed_stops_no_other_item_and_is_named)
{
    const struct spead_item_change *list;

    item_heap_begin(&made, 48);
    item_heap_bytes(&made, SPEAD_ID_DESCRIPTOR, "no descriptor", 13);
    describe(&made, bytes_item(0x1000, "short", 8));
    describe(&made, bytes_item(0x1001, "good", 2));
    item_heap_bytes(&made, 0x1000, "short", 5);
    item_heap_bytes(&made, 0x1001, "11", 2);
    cr_expect_eq(spead_item_group_update(group, item_heap_end(&made, 1, true)), 1);
    cr_expect_str_eq(changes(), "descriptor-refused 0x0, described 0x1000, described 0x1001, "
                                "value-refused 0x1000, updated 0x1001");
    cr_assert_eq(spead_item_group_changes(group, &list), 5);
    cr_expect_eq(list[0].error, -EBADMSG);
    cr_expect(spead_item_group_sentence(group, 0)[0] != '\0');
    cr_expect_eq(list[3].error, -EBADMSG);
    cr_expect(spead_item_group_sentence(group, 3)[0] != '\0');
    cr_expect_str_eq(spead_item_group_sentence(group, 4), "");
    cr_expect_str_eq(value_of("good"), "11");
    cr_expect_eq(stats().descriptors_refused, 1);
    cr_expect_eq(stats().values_refused, 1);
    item_heap_free(&made);
}

Test(item_group, an_immediate_value_must_be_wide_enough_for_its_descriptor)
{
    item_heap_begin(&made, 48);
    describe(&made, bytes_item(0x1000, "a", 7));
    item_heap_immediate(&made, 0x1000, 1);
    cr_expect_eq(spead_item_group_update(group, item_heap_end(&made, 1, true)), 0);
    cr_expect_eq(stats().values_refused, 1);
    item_heap_free(&made);
}

Test(item_group, an_incomplete_heap_gives_its_immediate_items_and_names_the_rest)
{
    item_heap_begin(&older, 48);
    describe(&older, bytes_item(0x1000, "samples", 2));
    describe(&older, number_item(0x1001, "time"));
    item_heap_bytes(&older, 0x1000, "11", 2);
    item_heap_immediate(&older, 0x1001, 5);
    spead_item_group_update(group, item_heap_end(&older, 1, true));
    item_heap_begin(&made, 48);
    item_heap_bytes(&made, 0x1000, "22", 2);
    item_heap_immediate(&made, 0x1001, 6);
    cr_expect_eq(spead_item_group_update(group, item_heap_end(&made, 2, false)), 1);
    cr_expect_str_eq(changes(), "updated 0x1001, not-arrived 0x1000");
    cr_expect_str_eq(value_of("samples"), "11");
    cr_expect_str_eq(value_of("time"), "6");
    cr_expect_eq(stats().incomplete_heaps, 1);
    item_heap_free(&made);
    item_heap_free(&older);
}

Test(item_group, a_full_group_refuses_the_next_item_and_goes_on)
{
    configure(2, 1 << 20, false);
    item_heap_begin(&made, 48);
    for (unsigned i = 0; i < 3; i++)
        describe(&made, bytes_item(0x1000 + i, (const char *[]){"a", "b", "c"}[i], 2));
    item_heap_bytes(&made, 0x1001, "11", 2);
    item_heap_bytes(&made, 0x1002, "22", 2);
    spead_item_group_update(group, item_heap_end(&made, 1, true));
    cr_expect_str_eq(changes(), "described 0x1000, described 0x1001, descriptor-refused 0x1002, "
                                "updated 0x1001, not-described 0x1002");
    give(&older, 2, 0x1002, "b", "33"); /* the name makes room */
    cr_expect_str_eq(changes(), "removed 0x1001, described 0x1002, updated 0x1002");
    item_heap_free(&made);
    item_heap_free(&older);
}

Test(item_group, the_list_of_changes_has_a_bound_and_what_it_leaves_out_is_counted)
{
    configure(1, 1 << 20, false);
    item_heap_begin(&made, 48);
    for (unsigned i = 0; i < 100; i++)
        item_heap_immediate(&made, 0x2000 + i, i);
    spead_item_group_update(group, item_heap_end(&made, 1, true));
    cr_expect_eq(spead_item_group_changes(group, NULL), 19);
    cr_expect_eq(stats().changes_omitted, 81);
    cr_expect_eq(stats().not_described, 100);
    item_heap_free(&made);
}

static void describe_again(uint64_t id, const char *name, const char *format)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;

    config.id = id;
    config.name = name;
    config.format = format;
    cr_assert_eq(spead_descriptor_create(&descriptor, &config, NULL), 0);
    cr_assert_eq(spead_item_group_add(group, descriptor, NULL), 0);
    spead_descriptor_unref(descriptor);
}

/* The timeout is no measurement: with work that grows with the square of the number, this takes minutes. */
Test(item_group, a_group_of_the_largest_size_is_filled_and_each_item_is_found, .timeout = 30)
{
    char name[32];

    configure(65536, 1 << 30, false);
    for (unsigned i = 0; i < 65536; i++) {
        struct spead_descriptor *descriptor;

        snprintf(name, sizeof name, "item%u", i);
        descriptor = number_item(0x1000 + i, name);
        cr_assert_eq(spead_item_group_add(group, descriptor, NULL), 0);
        spead_descriptor_unref(descriptor);
    }
    describe_again(0x1005, "item5", "u64"); /* the tables stay as they are */
    describe_again(0x1006, "another", "u32");
    for (unsigned i = 0; i < 65536; i++) {
        const struct spead_group_item *item = spead_item_group_find_id(group, 0x1000 + i);

        snprintf(name, sizeof name, "item%u", i);
        cr_assert_eq(item, spead_item_group_find(group, i == 6 ? "another" : name), "%s", name);
        cr_assert_not_null(item);
    }
    cr_expect_null(spead_item_group_find(group, "item6"));
}

/* ---- Where values lie --------------------------------------------------------------------------- */

Test(item_group, a_value_lies_in_its_heap_and_the_group_holds_one_heap)
{
    give(&older, 1, 0x1000, "a", "11");
    cr_expect_eq(item_heap_references(&older), 2);
    cr_expect(spead_item_group_find(group, "a")->value.data + 2 == older.block.data + older.bytes);
    give(&made, 2, 0x1000, "a", "22");
    cr_expect_eq(item_heap_references(&older), 1, "the older heap is free");
    cr_expect_eq(item_heap_references(&made), 2);
    cr_expect_eq(stats().values_copied, 0);
    spead_item_group_drop_values(group);
    cr_expect_eq(item_heap_references(&made), 1);
    cr_expect_str_eq(value_of("a"), "-");
    item_heap_free(&made);
    item_heap_free(&older);
}

Test(item_group, a_value_that_the_next_heap_does_not_renew_is_copied_once)
{
    give(&older, 1, 0x1000, "label", "LL");
    give(&made, 2, 0x1001, "samples", "22");
    cr_expect_eq(item_heap_references(&older), 1);
    item_heap_free(&older);
    give(&older, 3, 0x1001, "samples", "33");
    cr_expect_str_eq(value_of("label"), "LL");
    cr_expect_eq(stats().values_copied, 1);
    cr_expect_eq(item_heap_references(&made), 1);
    item_heap_free(&made);
    spead_item_group_drop_values(group);
    item_heap_free(&older);
}

Test(item_group, a_heap_with_an_item_twice_is_free_when_a_newer_value_has_come)
{
    item_heap_begin(&older, 48);
    describe(&older, number_item(0x1000, "a"));
    item_heap_bytes(&older, 0x1000, "1111", 4);
    item_heap_bytes(&older, 0x1000, "2222", 4);
    item_heap_bytes(&older, 0x1000, "3333", 4);
    spead_item_group_update(group, item_heap_end(&older, 1, true));
    cr_expect_eq(item_heap_references(&older), 2);
    item_heap_begin(&made, 48);
    item_heap_immediate(&made, 0x1000, 7);
    spead_item_group_update(group, item_heap_end(&made, 2, true));
    cr_expect_eq(item_heap_references(&older), 1, "no value lies in it");
    item_heap_free(&older);
    item_heap_free(&made);
}

Test(item_group, immediate_values_hold_no_heap)
{
    item_heap_begin(&made, 48);
    describe(&made, number_item(0x1001, "time"));
    item_heap_immediate(&made, 0x1001, 5);
    spead_item_group_update(group, item_heap_end(&made, 1, true));
    cr_expect_eq(item_heap_references(&made), 1);
    item_heap_free(&made);
}

Test(item_group, with_copy_values_the_group_holds_no_heap)
{
    configure(8, 1 << 20, true);
    give(&made, 1, 0x1000, "a", "11");
    cr_expect_eq(item_heap_references(&made), 1);
    item_heap_free(&made);
    cr_expect_str_eq(value_of("a"), "11");
    cr_expect_eq(stats().bytes_copied, 2);
}

Test(item_group, a_value_for_which_there_is_no_room_is_dropped_by_name)
{
    const struct spead_item_change *list;
    struct spead_descriptor *descriptor = bytes_item(0x1000, "a", -1);
    const size_t described = spead_descriptor_memory_bytes(descriptor);

    spead_descriptor_unref(descriptor);
    configure(8, 2 * described + 64, true);
    item_heap_begin(&made, 48);
    describe(&made, bytes_item(0x1000, "a", -1));
    describe(&made, bytes_item(0x1001, "b", -1));
    item_heap_bytes(&made, 0x1000, (uint8_t[60]){0}, 60);
    item_heap_bytes(&made, 0x1001, (uint8_t[5]){0}, 5);
    spead_item_group_update(group, item_heap_end(&made, 1, true));
    cr_expect_str_eq(changes(), "described 0x1000, described 0x1001, updated 0x1000, "
                                "updated 0x1001, value-dropped 0x1001");
    cr_assert_eq(spead_item_group_changes(group, &list), 5);
    cr_expect_eq(list[4].error, -ENOSPC);
    cr_expect_not_null(strstr(spead_item_group_sentence(group, 4), "memory_bytes_max"));
    cr_expect_str_eq(value_of("b"), "-");
    cr_expect_leq(stats().memory_bytes, 2 * described + 64);
    item_heap_free(&made);
}

Test(item_group, a_group_of_wrong_size_is_refused_by_the_field)
{
    struct spead_item_group_config config = SPEAD_ITEM_GROUP_CONFIG_INIT;
    struct spead_item_group *none = NULL;
    struct spead_err err;

    config.items_max = 0;
    cr_expect_eq(spead_item_group_create(&none, &config, &err), -EINVAL);
    cr_expect_str_eq(err.field, "items_max");
    config = (struct spead_item_group_config)SPEAD_ITEM_GROUP_CONFIG_INIT;
    config.bug_compat = 8;
    cr_expect_eq(spead_item_group_create(&none, &config, &err), -EINVAL);
    cr_expect_str_eq(err.field, "bug_compat");
    cr_expect_null(none);
}
