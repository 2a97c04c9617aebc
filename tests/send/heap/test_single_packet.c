/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a heap of one packet is the same packet whether the packetiser cuts it as any heap or by the shorter way, and its
 * shape is the same whether it is computed in the shorter way or as for any heap.
 * Method: heaps with all mixtures of few items are cut in both ways, for packet sizes around the size of the heap. */
#include <criterion/criterion.h>

#include <string.h>

#include <single_packet.h>

enum { PACKET_BYTES_MAX = 512, IOVECS = 2 * SPEADI_PACKET_IOVECS_MAX };

static const struct spead_flavour flavours[] = {SPEAD_FLAVOUR_64_40, SPEAD_FLAVOUR_64_48};

/* What a space has got. */
struct output {
    uint8_t header[PACKET_BYTES_MAX];
    struct iovec iov[IOVECS];
    struct speadi_tx_packet packet;
    struct speadi_packet_space space;
};

static void open_space(struct output *output)
{
    output->space = (struct speadi_packet_space){
        .header = output->header,
        .header_end = output->header + sizeof output->header,
        .iov = output->iov,
        .iov_end = output->iov + IOVECS,
        .packet = &output->packet,
        .packet_end = &output->packet + 1,
        .budget = 1000,
        .packet_overhead = 28,
    };
}

static size_t join(uint8_t *to, const struct output *output)
{
    uint8_t *const begin = to;

    for (unsigned i = 0; i < output->packet.iov_count; i++) {
        memcpy(to, output->packet.iov[i].iov_base, output->packet.iov[i].iov_len);
        to += output->packet.iov[i].iov_len;
    }
    return (size_t)(to - begin);
}

/* Cuts the heap, which is one packet, by the shorter way. */
static bool cut(struct speadi_packetiser *packetiser, const struct spead_send_heap *heap,
                const struct speadi_heap_shape *shape, struct output *output)
{
    const struct speadi_single_packet packet = {heap, shape->bytes, shape->length, 77, 5};
    bool in_room = false;
    bool is_cut = speadi_single_packet_cut(packetiser, &packet, &output->space, &in_room);

    cr_assert_not(in_room, "the heap has no header room");
    return is_cut;
}

/* Cuts the heap in both ways if it has one packet. Returns true if it has. */
static bool compare(const struct spead_send_heap *heap, struct speadi_packet_size size)
{
    static struct output usual, shorter;
    uint8_t usual_bytes[PACKET_BYTES_MAX], shorter_bytes[PACKET_BYTES_MAX];
    struct speadi_packetiser packetiser;
    struct speadi_heap_shape shape = {0}, any = {0};
    int ret = speadi_heap_shape(&shape, heap, &size);

    cr_assert_eq(ret, speadi_heap_shape_of_any(&any, heap, &size));
    cr_assert_eq(shape.packets, any.packets);
    cr_assert_eq(shape.bytes, any.bytes);
    cr_assert_eq(shape.length, any.length);
    cr_assert_eq(shape.pointers, any.pointers);
    if (ret < 0 || shape.packets != 1 || !speadi_is_single_packet(heap))
        return false;
    speadi_packetiser_init(&packetiser, &size);
    open_space(&usual);
    speadi_packetiser_begin(&packetiser, heap, &shape, 77, 5);
    cr_assert(speadi_packetiser_fill(&packetiser, &usual.space));
    speadi_packetiser_init(&packetiser, &size);
    open_space(&shorter);
    cr_assert(cut(&packetiser, heap, &shape, &shorter));
    cr_assert_eq(join(usual_bytes, &usual), shape.bytes);
    cr_assert_eq(join(shorter_bytes, &shorter), shape.bytes);
    cr_assert_arr_eq(usual_bytes, shorter_bytes, shape.bytes);
    cr_assert_eq(usual.packet.bytes, shorter.packet.bytes);
    cr_assert_eq(usual.packet.iov_count, shorter.packet.iov_count);
    cr_assert_eq(shorter.packet.destination, 5);
    cr_assert_eq(usual.space.budget, shorter.space.budget);
    cr_assert_eq(usual.space.bytes, shorter.space.bytes);
    cr_assert_eq(usual.space.header - usual.header, shorter.space.header - shorter.header);
    cr_assert_eq(usual.space.iov - usual.iov, shorter.space.iov - shorter.iov);
    return true;
}

/* Adds an item of the kind that the lowest two bits of `kind` name. */
static void add(struct spead_send_heap *heap, unsigned kind, unsigned number)
{
    static uint8_t data[64];
    int ret = -1;

    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + 1);
    if (kind % 4 == 0)
        ret = spead_send_heap_add_immediate(heap, 0x1000 + number, number);
    if (kind % 4 == 1)
        ret = spead_send_heap_add_item(heap, 0x1000 + number, data + number, 3, true);
    if (kind % 4 == 2)
        ret = spead_send_heap_add_item(heap, 0x1000 + number, data + number, 9 + number, false);
    if (kind % 4 == 3)
        ret = spead_send_heap_add_item(heap, 0x1000 + number, NULL, 0, false);
    cr_assert_geq(ret, 0);
}

Test(single_packet, it_is_the_same_by_the_shorter_way)
{
    struct spead_send_heap *heap;
    unsigned compared = 0;

    cr_assert_eq(spead_send_heap_create(&heap, flavours[0]), 0);
    for (unsigned kinds = 0; kinds < 4 * 4 * 4 * 4; kinds++)
        for (unsigned items = 0; items <= 4; items++)
            for (uint32_t bytes = SPEADI_PACKET_BYTES_MIN; bytes <= 128; bytes += 8)
                for (unsigned more = 0; more < 4; more++) {
                    spead_send_heap_reset(heap, flavours[more % 2]);
                    spead_send_heap_repeat_pointers(heap, more >= 2);
                    for (unsigned i = 0; i < items; i++)
                        add(heap, kinds >> (2 * i), i);
                    compared += compare(heap, (struct speadi_packet_size){bytes, 0});
                    compared += compare(heap, (struct speadi_packet_size){bytes + 64, 64});
                }
    cr_assert_gt(compared, 10000);
    spead_send_heap_destroy(heap);
}

Test(single_packet, it_has_as_many_items_as_have_iovecs)
{
    struct spead_send_heap *heap;

    cr_assert_eq(spead_send_heap_create(&heap, flavours[0]), 0);
    for (unsigned items = 1; items <= SPEADI_PACKET_PIECES_MAX; items++) {
        add(heap, 2, items);
        cr_expect_eq(compare(heap, (struct speadi_packet_size){PACKET_BYTES_MAX, 0}),
                     items < SPEADI_PACKET_PIECES_MAX);
    }
    spead_send_heap_destroy(heap);
}

Test(single_packet, a_space_that_is_too_small_gets_nothing)
{
    static struct output output;
    const struct speadi_packet_size size = {PACKET_BYTES_MAX, 0};
    struct speadi_packetiser packetiser;
    struct speadi_heap_shape shape;
    struct spead_send_heap *heap;

    cr_assert_eq(spead_send_heap_create(&heap, flavours[0]), 0);
    add(heap, 2, 0);
    cr_assert_eq(speadi_heap_shape(&shape, heap, &size), 0);
    speadi_packetiser_init(&packetiser, &size);
    open_space(&output);
    output.space.budget = shape.bytes + output.space.packet_overhead - 1;
    cr_expect_not(cut(&packetiser, heap, &shape, &output));
    cr_expect_eq(output.space.packet, &output.packet);
    output.space.budget++;
    cr_expect(cut(&packetiser, heap, &shape, &output));
    cr_expect_not(cut(&packetiser, heap, &shape, &output));
    spead_send_heap_destroy(heap);
}
