/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the items of a heap are those that its item pointers describe, in whatever order the pointers arrived.
 * Method: the tests themselves fill in the fields of heaps, as the receive core does. They compare the order of items
 * with the result of a simple insertion sort. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/heap_view.h>
#include <speadi/packet.h>

#define BITS 48

static uint8_t payload[256];
static struct speadi_block region = {.data = payload, .bytes = sizeof payload};

static uint64_t immediate(uint64_t id, uint64_t value)
{
    return speadi_pointer_immediate(BITS, id, value);
}

static uint64_t addressed(uint64_t id, uint64_t offset)
{
    return speadi_pointer_addressed(BITS, id, offset);
}

/* Makes a finished heap of `length` bytes. Its item pointers arrived in the order of the array. */
static struct spead_heap finished(uint64_t length, uint64_t *pointers, uint32_t count)
{
    struct spead_heap heap = {
        .complete = true,
        .has_length = true,
        .heap_address_bits = BITS,
        .region = &region,
        .length = length,
        .received = length,
        .pointers = pointers,
        .pointer_count = count,
    };

    speadi_heap_sort_items(&heap);
    return heap;
}

#define FINISHED(length, ...) \
    finished(length, (uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / 8)

static void expect_immediate(const struct spead_heap *heap, size_t index, uint64_t id,
                             uint64_t value)
{
    struct spead_item item;

    cr_assert_eq(spead_heap_item(heap, index, &item), 0, "item %zu", index);
    cr_expect(item.is_immediate, "item %zu", index);
    cr_expect_eq(item.id, id, "item %zu has id 0x%lx", index, item.id);
    cr_expect_eq(item.value, value, "item %zu has value %lu", index, item.value);
    cr_expect_null(item.data, "item %zu", index);
    cr_expect_eq(item.bytes, 0, "item %zu", index);
}

static void expect_bytes(const struct spead_heap *heap, size_t index, uint64_t id, uint64_t start,
                         uint64_t end)
{
    struct spead_item item;

    cr_assert_eq(spead_heap_item(heap, index, &item), 0, "item %zu", index);
    cr_expect_not(item.is_immediate, "item %zu", index);
    cr_expect_eq(item.id, id, "item %zu has id 0x%lx", index, item.id);
    cr_expect_eq(item.value, start, "item %zu starts at %lu", index, item.value);
    cr_expect_eq(item.data, spead_heap_payload(heap) + start, "item %zu", index);
    cr_expect_eq(item.bytes, end - start, "item %zu has %zu bytes", index, item.bytes);
}

Test(heap_items, immediate_items_come_first_in_order_of_arrival)
{
    struct spead_heap heap = FINISHED(16, addressed(0x1000, 0), immediate(0x1003, 30),
                                      immediate(0x1001, 10), immediate(0x1002, 20));

    cr_assert_eq(spead_heap_item_count(&heap), 4);
    expect_immediate(&heap, 0, 0x1003, 30);
    expect_immediate(&heap, 1, 0x1001, 10);
    expect_immediate(&heap, 2, 0x1002, 20);
    expect_bytes(&heap, 3, 0x1000, 0, 16);
}

Test(heap_items, addressed_item_ends_where_the_next_starts_and_the_last_at_the_heaps_end)
{
    struct spead_heap heap =
        FINISHED(100, addressed(0x1002, 60), addressed(0x1000, 0), addressed(0x1001, 25));

    cr_assert_eq(spead_heap_item_count(&heap), 3);
    expect_bytes(&heap, 0, 0x1000, 0, 25);
    expect_bytes(&heap, 1, 0x1001, 25, 60);
    expect_bytes(&heap, 2, 0x1002, 60, 100);
}

Test(heap_items, bytes_before_the_first_item_belong_to_none)
{
    struct spead_heap heap = FINISHED(100, addressed(0x1000, 40));

    cr_assert_eq(spead_heap_item_count(&heap), 1);
    expect_bytes(&heap, 0, 0x1000, 40, 100);
}

Test(heap_items, null_pointer_ends_the_item_before_it_and_is_no_item)
{
    struct spead_heap heap = FINISHED(100, addressed(SPEAD_ID_NULL, 90), addressed(0x1000, 0),
                                      addressed(0x1001, 50), addressed(SPEAD_ID_NULL, 30));

    cr_assert_eq(spead_heap_item_count(&heap), 2);
    expect_bytes(&heap, 0, 0x1000, 0, 30);
    expect_bytes(&heap, 1, 0x1001, 50, 90);
}

Test(heap_items, immediate_null_pointer_means_nothing)
{
    struct spead_heap heap =
        FINISHED(100, addressed(0x1000, 0), immediate(SPEAD_ID_NULL, 30), immediate(0x1001, 1));

    cr_assert_eq(spead_heap_item_count(&heap), 2);
    expect_immediate(&heap, 0, 0x1001, 1);
    expect_bytes(&heap, 1, 0x1000, 0, 100);
}

Test(heap_items, specials_are_no_items_in_either_mode)
{
    struct spead_heap heap = FINISHED(100, immediate(1, 5), immediate(2, 100), immediate(3, 0),
                                      immediate(4, 100), addressed(1, 10), addressed(2, 20),
                                      addressed(3, 30), addressed(4, 40), addressed(0x1000, 0));

    cr_assert_eq(spead_heap_item_count(&heap), 1);
    expect_bytes(&heap, 0, 0x1000, 0, 100);
}

Test(heap_items, addressed_item_of_no_bytes_is_left_out)
{
    struct spead_heap heap = FINISHED(100, addressed(0x1000, 0), addressed(0x1001, 50),
                                      addressed(0x1002, 50), addressed(0x1003, 100));

    cr_assert_eq(spead_heap_item_count(&heap), 2);
    expect_bytes(&heap, 0, 0x1000, 0, 50);
    expect_bytes(&heap, 1, 0x1002, 50, 100);
}

/* If several item pointers have the same address, the pointer that arrived last gets the bytes, even if it is a NULL
 * pointer. */
Test(heap_items, order_of_arrival_decides_between_equal_addresses)
{
    struct spead_heap null_last =
        FINISHED(100, addressed(0x1000, 40), addressed(SPEAD_ID_NULL, 40), addressed(0x1001, 0));
    struct spead_heap null_first =
        FINISHED(100, addressed(SPEAD_ID_NULL, 40), addressed(0x1000, 40), addressed(0x1001, 0));

    cr_assert_eq(spead_heap_item_count(&null_last), 1);
    expect_bytes(&null_last, 0, 0x1001, 0, 40);
    cr_assert_eq(spead_heap_item_count(&null_first), 2);
    expect_bytes(&null_first, 0, 0x1001, 0, 40);
    expect_bytes(&null_first, 1, 0x1000, 40, 100);
}

Test(heap_items, padding_behind_a_null_pointer_is_no_items)
{
    struct spead_heap heap = FINISHED(1, immediate(0x1000, 0x1234), addressed(SPEAD_ID_NULL, 0));

    cr_assert_eq(spead_heap_item_count(&heap), 1);
    expect_immediate(&heap, 0, 0x1000, 0x1234);
}

Test(heap_items, two_pointers_with_one_id_are_two_items)
{
    struct spead_heap heap =
        FINISHED(20, addressed(SPEAD_ID_DESCRIPTOR, 0), addressed(SPEAD_ID_DESCRIPTOR, 10));

    cr_assert_eq(spead_heap_item_count(&heap), 2);
    expect_bytes(&heap, 0, SPEAD_ID_DESCRIPTOR, 0, 10);
    expect_bytes(&heap, 1, SPEAD_ID_DESCRIPTOR, 10, 20);
}

Test(heap_items, heap_without_pointers_has_no_items)
{
    struct spead_heap heap = finished(100, NULL, 0);
    struct spead_item item;

    cr_expect_eq(spead_heap_item_count(&heap), 0);
    cr_expect_eq(spead_heap_item(&heap, 0, &item), -ERANGE);
    cr_expect_eq(spead_heap_find_item(&heap, 0x1000, &item), -ENOENT);
}

Test(heap_items, item_past_the_last_is_refused)
{
    struct spead_heap heap = FINISHED(9, addressed(0x1000, 0), addressed(SPEAD_ID_NULL, 8));
    struct spead_item item;

    cr_expect_eq(spead_heap_item(&heap, 0, &item), 0);
    cr_expect_eq(spead_heap_item(&heap, 1, &item), -ERANGE);
    cr_expect_eq(spead_heap_item(&heap, SIZE_MAX, &item), -ERANGE);
}

/* The core never declares a heap complete when an item pointer points beyond the end of the heap. But even in such a
 * heap, no item is allowed to point outside the payload. */
Test(heap_items, item_beyond_the_heaps_end_is_left_out)
{
    struct spead_heap heap =
        FINISHED(64, addressed(0x1000, 0), addressed(0x1001, 65), addressed(0x1002, 70));

    cr_assert_eq(spead_heap_item_count(&heap), 1);
    expect_bytes(&heap, 0, 0x1000, 0, 64);
}

Test(heap_items, incomplete_heap_shows_immediate_items_only)
{
    uint64_t pointers[] = {addressed(0x1000, 0), immediate(0x1001, 7), addressed(0x1002, 50)};
    struct spead_heap heap = finished(100, pointers, 0);

    heap.complete = false;
    heap.pointer_count = 3;
    speadi_heap_sort_items(&heap);
    cr_assert_eq(spead_heap_item_count(&heap), 1);
    expect_immediate(&heap, 0, 0x1001, 7);
}

Test(heap_items, item_is_found_by_id)
{
    struct spead_heap heap = FINISHED(100, addressed(0x1000, 0), immediate(0x1001, 7),
                                      addressed(0x1002, 50), immediate(0x1001, 8));
    struct spead_item item;

    cr_assert_eq(spead_heap_find_item(&heap, 0x1002, &item), 0);
    cr_expect_eq(item.bytes, 50);
    cr_assert_eq(spead_heap_find_item(&heap, 0x1001, &item), 0);
    cr_expect_eq(item.value, 7, "the first of two");
    cr_expect_eq(spead_heap_find_item(&heap, 0x1003, &item), -ENOENT);
}

Test(heap_items, largest_values_of_every_flavour_are_read)
{
    for (unsigned bits = 8; bits <= 56; bits += 8) {
        struct spead_flavour flavour = {(uint8_t)bits};
        uint64_t id = spead_flavour_id_max(flavour), value = spead_flavour_value_max(flavour);
        uint64_t pointers[] = {speadi_pointer_immediate(bits, id, value)};
        struct spead_heap heap = finished(1, pointers, 0);

        heap.heap_address_bits = (uint8_t)bits;
        heap.pointer_count = 1;
        speadi_heap_sort_items(&heap);
        cr_assert_eq(spead_heap_item_count(&heap), 1, "64-%u", bits);
        expect_immediate(&heap, 0, id, value);
    }
}

Test(heap_items, stream_control_counts_as_immediate_only)
{
    struct spead_heap stop = FINISHED(1, immediate(SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_STOP),
                                      addressed(SPEAD_ID_NULL, 0));
    struct spead_heap data = FINISHED(9, addressed(SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_STOP));

    cr_expect(spead_heap_has_control(&stop, SPEAD_CONTROL_STOP));
    cr_expect_not(spead_heap_has_control(&stop, SPEAD_CONTROL_START));
    cr_expect_not(spead_heap_has_control(&data, SPEAD_CONTROL_STOP));
}

/* ---- Order ---------------------------------------------------------------------------------- */

static uint64_t key(uint64_t pointer)
{
    return speadi_pointer_is_immediate(pointer) ? 0 : 1 + speadi_pointer_value(pointer, BITS);
}

static void insertion_sort(uint64_t *pointers, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t pointer = pointers[i];
        size_t at = i;

        for (; at > 0 && key(pointers[at - 1]) > key(pointer); at--)
            pointers[at] = pointers[at - 1];
        pointers[at] = pointer;
    }
}

/* Some counts are smaller than the scratch memory of the sort, and some are larger. The identifier of each item is its
 * index in the order of arrival. Many items have the same address. So the test notices if the sort changes the order of
 * items with the same address. */
Test(item_order, any_order_of_arrival_is_sorted_stably)
{
    static const size_t counts[] = {0, 1, 2, 3, 63, 512, 513, 1025, 3000, 5555};
    static uint64_t sorted[5555], wanted[5555];
    uint64_t random = 1;

    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (uint64_t addresses = 1; addresses <= 100000; addresses *= 10) {
            for (size_t i = 0; i < counts[c]; i++) {
                random = random * 6364136223846793005ull + 1442695040888963407ull;
                wanted[i] = random >> 63 ? immediate(0x10 + i, random >> 20 & 0xff)
                                         : addressed(0x10 + i, (random >> 33) % addresses);
            }
            memcpy(sorted, wanted, counts[c] * sizeof *sorted);
            insertion_sort(wanted, counts[c]);
            speadi_item_order_sort(sorted, counts[c], BITS);
            cr_assert_arr_eq(sorted, wanted, counts[c] * sizeof *sorted, "%zu pointers", counts[c]);
        }
    }
}

/* The heap has as many item pointers as one packet can carry, in the worst order. Between any two items there is a NULL
 * pointer. */
Test(item_order, items_of_a_hostile_heap_are_all_read, .timeout = 20)
{
    enum { COUNT = 65536 };
    uint64_t *pointers = malloc(COUNT * sizeof *pointers);
    struct spead_heap heap;

    cr_assert_not_null(pointers);
    for (uint64_t i = 0; i < COUNT; i++)
        pointers[i] = addressed(i % 2 ? SPEAD_ID_NULL : 0x1000, COUNT - 1 - i);
    heap = finished(COUNT, pointers, COUNT);
    cr_assert_eq(spead_heap_item_count(&heap), COUNT / 2);
    for (size_t i = 0; i < COUNT / 2; i++) {
        struct spead_item item;

        cr_assert_eq(spead_heap_item(&heap, i, &item), 0);
        cr_assert_eq(item.value, 2 * i + 1);
        cr_assert_eq(item.bytes, 1);
    }
    free(pointers);
}
