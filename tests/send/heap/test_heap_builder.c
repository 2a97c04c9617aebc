/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the heap builder refuses items that could not be sent, and a refusal changes nothing.
 *
 * Method: the tests cause each kind of refusal, and then check the payload size of the heap. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>

#include <speadline/send.h>

#include <heap_builder.h>

static struct spead_send_heap *make_heap(uint8_t heap_address_bits)
{
    struct spead_send_heap *heap = NULL;

    cr_assert_eq(spead_send_heap_create(&heap, (struct spead_flavour){heap_address_bits}), 0);
    return heap;
}

Test(heap_builder, flavour_must_be_valid)
{
    struct spead_send_heap *heap = NULL;

    cr_expect_eq(spead_send_heap_create(&heap, (struct spead_flavour){0}), -EINVAL);
    cr_expect_eq(spead_send_heap_create(&heap, (struct spead_flavour){41}), -EINVAL);
    cr_expect_eq(spead_send_heap_create(&heap, (struct spead_flavour){64}), -EINVAL);
    cr_expect_null(heap);
}

Test(heap_builder, reserved_and_too_large_ids_are_refused)
{
    struct spead_send_heap *heap = make_heap(48);

    for (uint64_t id = 0; id <= 4; id++)
        cr_expect_eq(spead_send_heap_add_immediate(heap, id, 1), -EINVAL, "id %d", (int)id);
    cr_expect_eq(spead_send_heap_add_item(heap, 4, "x", 1, false), -EINVAL);
    cr_expect_eq(spead_send_heap_add_immediate(heap, 0x7fff, 1), 0, "the largest id of 15 bits");
    cr_expect_eq(spead_send_heap_add_immediate(heap, 0x8000, 1), -EINVAL);
    cr_expect_eq(spead_send_heap_add_item(heap, 0x8000, "x", 1, false), -EINVAL);
    spead_send_heap_destroy(heap);
}

Test(heap_builder, values_must_fit_the_pointer)
{
    struct spead_send_heap *heap = make_heap(40);
    int handle = spead_send_heap_add_immediate(heap, 0x1000, (1ull << 40) - 1);

    cr_expect_geq(handle, 0);
    cr_expect_eq(spead_send_heap_add_immediate(heap, 0x1000, 1ull << 40), -ERANGE);
    cr_expect_eq(spead_send_heap_set_immediate(heap, handle, 1ull << 40), -ERANGE);
    spead_send_heap_destroy(heap);
}

Test(heap_builder, heap_longer_than_its_flavour_can_say_is_refused)
{
    static const uint8_t data[300];
    struct spead_send_heap *heap = make_heap(8);
    int handle = spead_send_heap_add_item(heap, 0x1000, data, 200, false);

    cr_expect_geq(handle, 0);
    cr_expect_eq(spead_send_heap_add_item(heap, 0x1001, data, 56, false), -ERANGE);
    cr_expect_eq(spead_send_heap_set_item(heap, handle, data, 256), -ERANGE);
    cr_expect_eq(spead_send_heap_payload_bytes(heap), 200, "refusals change nothing");
    cr_expect_geq(spead_send_heap_add_item(heap, 0x1001, data, 55, false), 0);
    cr_expect_eq(spead_send_heap_set_item(heap, handle, data, 201), -ERANGE);
    cr_expect_eq(spead_send_heap_add_item(heap, 0x1002, data, SIZE_MAX, false), -ERANGE);
    spead_send_heap_destroy(heap);
}

Test(heap_builder, data_is_required_unless_there_is_none)
{
    struct spead_send_heap *heap = make_heap(40);

    cr_expect_eq(spead_send_heap_add_item(heap, 0x1000, NULL, 1, true), -EINVAL);
    cr_expect_geq(spead_send_heap_add_item(heap, 0x1000, NULL, 0, false), 0);
    spead_send_heap_destroy(heap);
}

Test(heap_builder, small_items_leave_the_payload_only_when_allowed)
{
    static const uint8_t data[6];
    struct spead_send_heap *heap = make_heap(40);
    int handle = spead_send_heap_add_item(heap, 0x1000, data, 5, true);

    cr_expect_eq(spead_send_heap_payload_bytes(heap), 0, "five bytes fit forty bits");
    cr_expect_geq(spead_send_heap_add_item(heap, 0x1001, data, 5, false), 0);
    cr_expect_eq(spead_send_heap_payload_bytes(heap), 5);
    cr_expect_eq(spead_send_heap_set_item(heap, handle, data, 6), 0);
    cr_expect_eq(spead_send_heap_payload_bytes(heap), 11);
    cr_expect_eq(spead_send_heap_set_item(heap, handle, data, 2), 0);
    cr_expect_eq(spead_send_heap_payload_bytes(heap), 5);
    spead_send_heap_destroy(heap);
}

Test(heap_builder, handles_are_checked)
{
    struct spead_send_heap *heap = make_heap(40);
    int immediate = spead_send_heap_add_immediate(heap, 0x1000, 1);
    int item = spead_send_heap_add_item(heap, 0x1001, "abc", 3, true);

    cr_expect_eq(spead_send_heap_set_immediate(heap, item, 1), -EINVAL);
    cr_expect_eq(spead_send_heap_set_item(heap, immediate, "abc", 3), -EINVAL);
    cr_expect_eq(spead_send_heap_set_immediate(heap, 2, 1), -EINVAL);
    cr_expect_eq(spead_send_heap_set_item(heap, -1, "abc", 3), -EINVAL);
    spead_send_heap_destroy(heap);
}

Test(heap_builder, hundreds_of_items_keep_their_handles)
{
    struct spead_send_heap *heap = make_heap(40);

    for (int i = 0; i < 500; i++)
        cr_assert_eq(spead_send_heap_add_immediate(heap, 0x1000 + (uint64_t)i, 1), i);
    spead_send_heap_destroy(heap);
}

Test(heap_builder, a_heap_that_is_reset_is_empty_and_allocates_nothing_for_the_same_shape)
{
    struct spead_send_heap *heap = make_heap(40);
    const struct speadi_send_item *items;

    for (uint64_t id = 0x1000; id < 0x1010; id++)
        cr_expect_geq(spead_send_heap_add_item(heap, id, "data", 4, false), 0);
    spead_send_heap_repeat_pointers(heap, true);
    items = heap->item;
    cr_expect_eq(spead_send_heap_reset(heap, (struct spead_flavour){48}), 0);
    cr_expect_eq(spead_send_heap_payload_bytes(heap), 0);
    cr_expect_eq(spead_send_heap_set_immediate(heap, 0, 1), -EINVAL, "handles have ended");
    cr_expect_not(heap->repeat_pointers);
    for (uint64_t id = 0x1000; id < 0x1010; id++)
        cr_expect_eq(spead_send_heap_add_item(heap, id, "data", 4, false), (int)(id - 0x1000));
    cr_expect_eq(spead_send_heap_payload_bytes(heap), 64);
    cr_expect_eq(heap->item, items);
    cr_expect_eq(spead_send_heap_reset(heap, (struct spead_flavour){41}), -EINVAL);
    cr_expect_eq(spead_send_heap_payload_bytes(heap), 64, "nothing changed");
    spead_send_heap_destroy(heap);
}
