/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a heap to send carries descriptors. It keeps nothing that the caller must keep alive for it, and a refusal
 * changes nothing.
 * Method: descriptors are given back before the heap is used again, so that the address sanitizer finds any use of
 * them. test_packetiser.c compares the bytes with those of spead2. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <speadline/send.h>

#include <heap_builder.h>

static struct spead_send_heap *make_heap(unsigned heap_address_bits)
{
    struct spead_send_heap *heap = NULL;

    cr_assert_eq(spead_send_heap_create(&heap, (struct spead_flavour){(uint8_t)heap_address_bits}),
                 0);
    return heap;
}

static struct spead_descriptor *make_descriptor(uint64_t id, const char *format)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;

    config.id = id;
    config.format = format;
    cr_assert_eq(spead_descriptor_create(&descriptor, &config, NULL), 0);
    return descriptor;
}

Test(heap_descriptor, descriptor_may_be_given_back_at_once)
{
    struct spead_send_heap *heap = make_heap(48);
    struct spead_descriptor *descriptor = make_descriptor(0x1000, "u16"), *again;
    int first, second;

    first = spead_send_heap_add_descriptor(heap, descriptor, 0, NULL);
    second = spead_send_heap_add_descriptor(heap, descriptor, 0, NULL);
    spead_descriptor_unref(descriptor);
    cr_expect(first == 0 && second == 1);
    cr_assert_eq(spead_descriptor_decode(&again, heap->item[0].data, heap->item[0].bytes, 0, NULL),
                 0);
    cr_expect_eq(spead_descriptor_id(again), 0x1000);
    spead_descriptor_unref(again);
    spead_send_heap_destroy(heap);
}

Test(heap_descriptor, bytes_of_the_heap_cannot_be_replaced)
{
    struct spead_send_heap *heap = make_heap(48);
    struct spead_descriptor *descriptor = make_descriptor(0x1000, "u16");
    int handle = spead_send_heap_add_descriptor(heap, descriptor, 0, NULL);
    uint64_t bytes = spead_send_heap_payload_bytes(heap);

    cr_expect_gt(bytes, 0);
    cr_expect_eq(spead_send_heap_set_item(heap, handle, "other", 5), -EINVAL);
    cr_expect_eq(spead_send_heap_set_immediate(heap, handle, 5), -EINVAL);
    cr_expect_eq(spead_send_heap_payload_bytes(heap), bytes);
    spead_descriptor_unref(descriptor);
    spead_send_heap_destroy(heap);
}

Test(heap_descriptor, a_heap_that_is_reset_forgets_its_descriptors)
{
    struct spead_send_heap *heap = make_heap(48);
    struct spead_descriptor *descriptor = make_descriptor(0x1000, "u16");

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(spead_send_heap_add_descriptor(heap, descriptor, 0, NULL), 0);
        cr_assert_eq(spead_send_heap_reset(heap, (struct spead_flavour){40}), 0);
        cr_expect_eq(spead_send_heap_payload_bytes(heap), 0);
        cr_expect_null(heap->owned);
    }
    spead_descriptor_unref(descriptor);
    spead_send_heap_destroy(heap);
}

Test(heap_descriptor, what_does_not_fit_is_refused_and_changes_nothing)
{
    struct spead_send_heap *heap = make_heap(48);
    struct spead_descriptor *large_id = make_descriptor(0x8000, "u16"),
                            *wide = make_descriptor(0x1000, "u65536"),
                            *good = make_descriptor(0x1000, "u65535");
    struct spead_err err;

    cr_expect_eq(spead_send_heap_add_descriptor(heap, large_id, 0, &err), -ERANGE);
    cr_expect_not_null(strstr(err.text, "item 0x8000"), "%s", err.text);
    cr_expect_eq(spead_send_heap_add_descriptor(heap, wide, 0, &err), -ERANGE);
    cr_expect_not_null(strstr(err.text, "65536 bits"), "%s", err.text);
    cr_expect_eq(spead_send_heap_add_descriptor(heap, good, 8, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "bug_compat 0x8"), "%s", err.text);
    cr_expect_eq(heap->item_count, 0);
    cr_expect_null(heap->owned);
    cr_expect_eq(spead_send_heap_add_descriptor(heap, good, 0, &err), 0, "%s", err.text);
    spead_descriptor_unref(large_id);
    spead_descriptor_unref(wide);
    spead_descriptor_unref(good);
    spead_send_heap_destroy(heap);
}

Test(heap_descriptor, a_heap_that_is_full_refuses_it)
{
    struct spead_send_heap *heap = make_heap(8);
    struct spead_descriptor *descriptor = make_descriptor(0x20, "u16");
    struct spead_err err;
    int first = spead_send_heap_add_descriptor(heap, descriptor, 0, NULL);

    cr_expect_eq(first, 0);
    cr_expect_eq(spead_send_heap_add_descriptor(heap, descriptor, 0, NULL), 1);
    cr_expect_eq(spead_send_heap_add_descriptor(heap, descriptor, 0, &err), -ERANGE,
                 "three descriptors have more than 255 bytes");
    cr_expect_not_null(strstr(err.text, "does not go into the heap"), "%s", err.text);
    cr_expect_eq(heap->item_count, 2);
    spead_descriptor_unref(descriptor);
    spead_send_heap_destroy(heap);
}
