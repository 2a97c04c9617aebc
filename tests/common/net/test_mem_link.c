/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a memory link loses no packet, adds no packet, does not change the order of the packets, and wakes an end that
 * sleeps.
 * Method: one thread uses both ends, step by step. tests/stress/race_mem_link.c uses two threads. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <speadi/mem_wire.h>
#include <speadi/packet.h>

static struct spead_mem_link *make_link(size_t packets, size_t bytes)
{
    struct spead_mem_link *link = NULL;
    struct spead_err err = {0};

    cr_assert_eq(spead_mem_link_create(&link, packets, bytes, &err), 0, "%s", err.text);
    return link;
}

static void expect(struct spead_mem_link *link, size_t i, const char *text)
{
    uint32_t bytes = 0;
    const uint8_t *packet = speadi_mem_wire_peek(link, i, &bytes);

    cr_assert_not_null(packet, "packet %zu is not there", i);
    cr_assert_eq(bytes, strlen(text));
    cr_assert_eq(memcmp(packet, text, bytes), 0, "packet %zu is not \"%s\"", i, text);
}

Test(mem_link, packets_arrive_whole_and_in_order)
{
    struct spead_mem_link *link = make_link(3, 5);
    uint32_t bytes;

    /* More packets go through the link than it has slots, so each slot is used again. */
    for (int round = 0; round < 5; round++) {
        cr_assert_eq(spead_mem_link_push(link, "one", 3), 0);
        cr_assert_eq(spead_mem_link_push(link, "", 0), 0);
        cr_assert_eq(spead_mem_link_push(link, "three", 5), 0);
        expect(link, 2, "three");
        expect(link, 0, "one");
        speadi_mem_wire_pop(link, 1);
        expect(link, 0, "");
        expect(link, 1, "three");
        speadi_mem_wire_pop(link, 2);
        cr_assert_null(speadi_mem_wire_peek(link, 0, &bytes));
    }
    spead_mem_link_unref(link);
}

Test(mem_link, a_packet_is_gathered_from_its_parts)
{
    struct spead_mem_link *link = make_link(1, 8);
    struct iovec parts[] = {
        {(void *)(uintptr_t) "he", 2}, {NULL, 0}, {(void *)(uintptr_t) "ap", 2}};

    cr_assert_eq(speadi_mem_wire_push(link, parts, 3), 0);
    expect(link, 0, "heap");
    spead_mem_link_unref(link);
}

/* The link must hold exactly packet_count packets. It rounds the number of its slots up to a power of two, but it must
 * not use the extra slots. */
Test(mem_link, a_full_link_says_so_until_a_packet_is_given_back)
{
    struct spead_mem_link *link = make_link(3, 8);

    for (int i = 0; i < 3; i++)
        cr_assert_eq(spead_mem_link_push(link, "x", 1), 0);
    cr_assert_eq(spead_mem_link_push(link, "y", 1), -EAGAIN);
    speadi_mem_wire_pop(link, 1);
    cr_assert_eq(spead_mem_link_push(link, "y", 1), 0);
    cr_assert_eq(spead_mem_link_push(link, "z", 1), -EAGAIN);
    expect(link, 2, "y");
    spead_mem_link_unref(link);
}

Test(mem_link, a_packet_larger_than_the_slot_is_refused)
{
    struct spead_mem_link *link = make_link(2, 4);
    uint8_t large[SPEADI_UDP_BYTES_MAX] = {0};
    struct iovec wraps[] = {{large, 4}, {large, SIZE_MAX}};
    uint32_t bytes;

    cr_assert_eq(spead_mem_link_push(link, large, 5), -EMSGSIZE);
    cr_assert_eq(speadi_mem_wire_push(link, wraps, 2), -EMSGSIZE, "the sum must not wrap");
    cr_assert_null(speadi_mem_wire_peek(link, 0, &bytes));
    spead_mem_link_unref(link);
}

Test(mem_link, a_closed_link_ends_once_it_is_read_out)
{
    struct spead_mem_link *link = make_link(2, 4);

    cr_assert_not(speadi_mem_wire_ended(link));
    spead_mem_link_push(link, "last", 4);
    spead_mem_link_close(link);
    cr_assert_eq(spead_mem_link_push(link, "more", 4), -EPIPE);
    cr_assert_not(speadi_mem_wire_ended(link), "a packet still waits");
    expect(link, 0, "last");
    speadi_mem_wire_pop(link, 1);
    cr_assert(speadi_mem_wire_ended(link));
    spead_mem_link_unref(link);
}

Test(mem_link, a_packet_rings_only_for_a_consumer_that_announced_its_sleep)
{
    struct spead_mem_link *link = make_link(4, 4);
    struct speadi_wake_fd wake_fd;

    cr_assert_eq(speadi_wake_fd_open(&wake_fd), 0);
    speadi_mem_wire_set_consumer_wake_fd(link, &wake_fd);
    spead_mem_link_push(link, "a", 1);
    cr_assert_not(speadi_wake_fd_clear(&wake_fd), "nobody sleeps: no system call is made");
    cr_assert_not(speadi_mem_wire_consumer_may_sleep(link), "a packet waits");
    speadi_mem_wire_pop(link, 1);
    cr_assert(speadi_mem_wire_consumer_may_sleep(link));
    spead_mem_link_push(link, "b", 1);
    cr_assert(speadi_wake_fd_clear(&wake_fd));
    spead_mem_link_push(link, "c", 1);
    cr_assert_not(speadi_wake_fd_clear(&wake_fd), "one announcement, one ring");
    speadi_mem_wire_pop(link, 2);
    cr_assert(speadi_mem_wire_consumer_may_sleep(link));
    speadi_mem_wire_set_consumer_wake_fd(link, NULL);
    spead_mem_link_push(link, "d", 1);
    cr_assert_not(speadi_wake_fd_clear(&wake_fd), "a detached wake_fd is left alone");
    speadi_wake_fd_close(&wake_fd);
    spead_mem_link_unref(link);
}

Test(mem_link, room_rings_only_for_a_producer_that_announced_its_sleep)
{
    struct spead_mem_link *link = make_link(1, 4);
    struct speadi_wake_fd wake_fd;

    cr_assert_eq(speadi_wake_fd_open(&wake_fd), 0);
    speadi_mem_wire_set_producer_wake_fd(link, &wake_fd);
    cr_assert_not(speadi_mem_wire_producer_may_sleep(link), "there is room");
    spead_mem_link_push(link, "a", 1);
    cr_assert(speadi_mem_wire_producer_may_sleep(link));
    speadi_mem_wire_pop(link, 1);
    cr_assert(speadi_wake_fd_clear(&wake_fd));
    speadi_wake_fd_close(&wake_fd);
    spead_mem_link_unref(link);
}

Test(mem_link, closing_wakes_both_ends)
{
    struct spead_mem_link *link = make_link(1, 4);
    struct speadi_wake_fd consumer, producer;

    speadi_wake_fd_open(&consumer);
    speadi_wake_fd_open(&producer);
    speadi_mem_wire_set_consumer_wake_fd(link, &consumer);
    speadi_mem_wire_set_producer_wake_fd(link, &producer);
    spead_mem_link_close(link);
    cr_assert(speadi_wake_fd_clear(&consumer));
    cr_assert(speadi_wake_fd_clear(&producer));
    cr_assert_not(speadi_mem_wire_consumer_may_sleep(link));
    cr_assert_not(speadi_mem_wire_producer_may_sleep(link));
    speadi_wake_fd_close(&consumer);
    speadi_wake_fd_close(&producer);
    spead_mem_link_unref(link);
}

Test(mem_link, lives_until_the_last_reference_is_given_back)
{
    struct spead_mem_link *link = make_link(1, 4);

    cr_assert_eq(spead_mem_link_ref(link), link);
    spead_mem_link_unref(link);
    cr_assert_eq(spead_mem_link_push(link, "x", 1), 0);
    spead_mem_link_unref(link);
    spead_mem_link_unref(NULL);
}

Test(mem_link, impossible_sizes_are_refused_in_words)
{
    struct spead_mem_link *link = NULL;
    struct spead_err err = {0};

    cr_assert_eq(spead_mem_link_create(&link, 0, 8, &err), -EINVAL);
    cr_assert_eq(spead_mem_link_create(&link, 8, 0, &err), -EINVAL);
    cr_assert_eq(spead_mem_link_create(&link, 8, 65508, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, "65507"), "%s", err.text);
    cr_assert_eq(spead_mem_link_create(&link, (size_t)1 << 60, 9000, &err), -ENOMEM);
    cr_assert_eq(spead_mem_link_create(&link, SIZE_MAX, 64, NULL), -ENOMEM);
    cr_assert_null(link);
}
