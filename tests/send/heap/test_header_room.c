/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a heap with header room is the same packet as without it, and is one piece of memory if its payload follows the
 * room. The header in the room is written again whenever the heap has changed.
 * Method: the packetiser cuts the heap twice, with and without the room. */
#include <criterion/criterion.h>

#include <string.h>

#include <single_packet.h>

enum { PACKET_BYTES_MAX = 512, IOVECS = 2 * SPEADI_PACKET_IOVECS_MAX, ROOM = 128 };

static const struct spead_flavour flavours[] = {SPEAD_FLAVOUR_64_40, SPEAD_FLAVOUR_64_48};
static const struct speadi_packet_size size = {PACKET_BYTES_MAX, 0};

static uint8_t memory[ROOM + 256]; /* the room, and the payload behind it */
static uint8_t *const payload = memory + ROOM;
static struct spead_send_heap *heap;

static struct {
    uint8_t header[2 * PACKET_BYTES_MAX];
    struct iovec iov[IOVECS];
    struct speadi_tx_packet packet;
    bool in_room;
} output;

static void set_up(void)
{
    for (unsigned i = 0; i < sizeof memory; i++)
        memory[i] = (uint8_t)(i * 7 + 1);
    cr_assert_eq(spead_send_heap_create(&heap, flavours[0]), 0);
}

static void tear_down(void)
{
    spead_send_heap_destroy(heap);
}

TestSuite(header_room, .init = set_up, .fini = tear_down);

/* Cuts the heap for an engine that takes packets of one piece, or for another one. Returns the number of pieces. */
static unsigned cut(uint64_t counter, bool uses_room)
{
    struct speadi_packetiser packetiser;
    struct speadi_heap_shape shape;
    struct speadi_packet_space space = {
        .header = output.header,
        .header_end = output.header + sizeof output.header,
        .iov = output.iov,
        .iov_end = output.iov + IOVECS,
        .packet = &output.packet,
        .packet_end = &output.packet + 1,
        .budget = 1000,
    };

    cr_assert_eq(speadi_heap_shape(&shape, heap, &size), 0);
    cr_assert_eq(shape.packets, 1);
    speadi_packetiser_init(&packetiser, &size);
    packetiser.uses_room = uses_room;
    /* the flavour of a stream is usually known from earlier heaps */
    speadi_packetiser_use_flavour(&packetiser, heap->flavour);
    output.in_room = false;
    cr_assert(speadi_single_packet_cut(
        &packetiser, &(struct speadi_single_packet){heap, shape.bytes, shape.length, counter, 0},
        &space, &output.in_room));
    return output.packet.iov_count;
}

static size_t join(uint8_t *to)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < output.packet.iov_count; i++) {
        memcpy(to + bytes, output.iov[i].iov_base, output.iov[i].iov_len);
        bytes += output.iov[i].iov_len;
    }
    return bytes;
}

/* The packet of the heap is done. */
static void end(void)
{
    if (output.in_room)
        speadi_header_room_end(heap->room);
}

/* Checks that the heap is the same packet with its room and without it. Returns the number of pieces with the room. */
static unsigned compare(uint64_t counter)
{
    uint8_t with[PACKET_BYTES_MAX], without[PACKET_BYTES_MAX];
    unsigned pieces = cut(counter, true);
    size_t bytes = join(with);

    end();
    cut(counter, false);
    cr_assert_not(output.in_room);
    cr_assert_eq(join(without), bytes);
    cr_assert_arr_eq(with, without, bytes);
    return pieces;
}

static void add(uint64_t id, unsigned from, unsigned bytes)
{
    cr_assert_geq(spead_send_heap_add_item(heap, id, payload + from, bytes, false), 0);
}

Test(header_room, a_heap_with_room_is_one_piece_that_begins_in_the_room)
{
    add(0x1000, 0, 200);
    spead_send_heap_set_header_room(heap, memory, ROOM);
    cr_expect_eq(compare(1), 1);
    cr_expect_eq(cut(2, true), 1);
    cr_expect_eq(output.iov[0].iov_base, payload - SPEAD_SEND_HEADER_BYTES(1));
    cr_expect_eq(output.iov[0].iov_len, SPEAD_SEND_HEADER_BYTES(1) + 200);
    for (unsigned i = 0; i < ROOM - SPEAD_SEND_HEADER_BYTES(1); i++)
        cr_assert_eq(memory[i], (uint8_t)(i * 7 + 1), "byte %u of the room is not needed", i);
}

Test(header_room, items_that_follow_each_other_are_one_piece_too)
{
    cr_assert_geq(spead_send_heap_add_immediate(heap, 0x1000, 5), 0);
    add(0x1001, 0, 0);
    add(0x1002, 0, 50);
    add(0x1003, 50, 50);
    spead_send_heap_set_header_room(heap, memory, ROOM);
    cr_expect_eq(compare(1), 1);
    add(0x1004, 101, 10);
    cr_expect_eq(compare(2), 2, "there is a byte between the last two items");
}

Test(header_room, every_change_of_the_heap_reaches_the_next_packet)
{
    uint8_t value[4] = {1, 2, 3, 4};
    int immediate = spead_send_heap_add_immediate(heap, 0x1000, 5);
    int item = spead_send_heap_add_item(heap, 0x1001, payload, 100, false);

    spead_send_heap_set_header_room(heap, memory, ROOM);
    for (uint64_t counter = 1; counter <= 3; counter++)
        cr_expect_eq(compare(counter), 1, "nothing has changed but the counter");
    cr_assert_eq(spead_send_heap_set_immediate(heap, immediate, 6), 0);
    compare(4);
    cr_assert_eq(spead_send_heap_set_item(heap, item, payload, 60), 0);
    compare(5);
    add(0x1002, 60, 8);
    compare(6);
    spead_send_heap_repeat_pointers(heap, true);
    compare(7);
    cr_assert_geq(spead_send_heap_add_item(heap, 0x1003, value, sizeof value, true), 0);
    compare(8);
    value[0] = 9; /* the value of an item in its pointer changes without a call */
    compare(9);
    cr_assert_eq(spead_send_heap_reset(heap, flavours[1]), 0);
    add(0x1001, 0, 100);
    cr_expect_eq(compare(10), 2, "reset has taken the room back");
    spead_send_heap_set_header_room(heap, memory, ROOM);
    cr_expect_eq(compare(11), 1);
    payload[0] ^= 0xff;
    compare(12);
}

Test(header_room, room_that_cannot_be_used_changes_nothing)
{
    uint8_t before[ROOM];

    memcpy(before, memory, ROOM);
    spead_send_heap_set_header_room(heap, memory, ROOM);
    cr_expect_eq(compare(1), 2, "a heap without payload is a header and padding");
    add(0x1000, 8, 100);
    cr_expect_eq(compare(2), 2, "the payload begins elsewhere");
    spead_send_heap_reset(heap, flavours[0]);
    add(0x1000, 0, 100);
    spead_send_heap_set_header_room(heap, payload - 40, 40);
    cr_expect_eq(compare(3), 2, "the room is too small");
    spead_send_heap_set_header_room(heap, NULL, 0);
    cr_expect_eq(compare(4), 2);
    cr_expect_arr_eq(memory, before, ROOM, "nothing has written into the room");
}

Test(header_room, a_heap_in_flight_twice_has_two_headers)
{
    uint8_t first[PACKET_BYTES_MAX], again[PACKET_BYTES_MAX];
    const uint8_t *at;

    add(0x1000, 0, 100);
    spead_send_heap_set_header_room(heap, memory, ROOM);
    cut(1, true);
    at = output.iov[0].iov_base;
    join(first);
    cr_expect_eq(cut(2, true), 2, "the room has the header of the first packet");
    cr_expect_not(output.in_room);
    memcpy(again, at, SPEAD_SEND_HEADER_BYTES(1));
    cr_expect_arr_eq(again, first, SPEAD_SEND_HEADER_BYTES(1));
    speadi_header_room_end(heap->room);
    cr_expect_eq(compare(3), 1, "the first packet is done");
}

Test(header_room, it_is_the_same_packet_for_all_mixtures_of_few_items)
{
    for (unsigned kinds = 0; kinds < 4 * 4 * 4; kinds++)
        for (unsigned items = 1; items <= 3; items++) {
            unsigned at = 0;

            spead_send_heap_reset(heap, flavours[kinds % 2]);
            spead_send_heap_set_header_room(heap, memory, ROOM);
            for (unsigned i = 0; i < items; i++) {
                const unsigned kind = kinds >> (2 * i) & 3, bytes = kind == 3 ? 0 : 9 + i;

                if (kind == 0)
                    cr_assert_geq(spead_send_heap_add_immediate(heap, 0x1000 + i, i), 0);
                else if (kind == 1)
                    cr_assert_geq(
                        spead_send_heap_add_item(heap, 0x1000 + i, payload + 200, 3, true), 0);
                else
                    add(0x1000 + i, at, bytes);
                at += kind == 2 ? bytes : 0;
            }
            compare(1);
            compare(2);
        }
}
