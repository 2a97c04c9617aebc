/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a packet that the protocol allows is decoded correctly, and no byte outside the datagram is read.
 * Method: the packets come from the packet builder and from tests/vectors. */
#include "packet_expect.h"
#include "vectors.h"

Test(packet, usual_packet_is_read)
{
    struct test_packet built;
    struct speadi_packet packet;

    build_usual(&built);
    cr_assert_eq(
        speadi_packet_decode(&packet, built.bytes, (uint32_t)built.length, (uint32_t)built.length),
        0);
    cr_expect_eq(packet.heap_counter, 7);
    cr_expect(packet.has_heap_length);
    cr_expect_eq(packet.heap_length, 64);
    cr_expect_eq(packet.payload_offset, 32);
    cr_expect_eq(packet.payload_bytes, 16);
    cr_expect_eq(packet.pointer_count, 4);
    cr_expect_eq(packet.special_count, 4);
    cr_expect_eq(packet.header_bytes, 40);
    cr_expect_eq(packet.header_bytes, speadi_packet_header_bytes(built.bytes));
    cr_expect_eq(packet.heap_address_bits, 40);
    cr_expect_eq(packet.pointers, built.bytes + 8);
    cr_expect_eq(speadi_packet_pointer(&packet, 0), speadi_pointer_immediate(40, 1, 7));
}

Test(packet, every_flavour_reads_its_largest_values)
{
    for (unsigned bits = 8; bits <= 56; bits += 8) {
        uint64_t most = (1ull << bits) - 1;
        struct test_packet built;
        struct speadi_packet packet;

        test_packet_specials(&built, bits, most, most, most - 1, 1);
        test_packet_payload(&built, "x", 1);
        expect_accepted(&built, &packet);
        cr_expect_eq(packet.heap_address_bits, bits, "64-%u", bits);
        cr_expect_eq(packet.heap_counter, most, "64-%u", bits);
        cr_expect_eq(packet.heap_length, most, "64-%u", bits);
        cr_expect_eq(packet.payload_offset, most - 1, "64-%u", bits);
    }
}

Test(packet, specials_may_stand_anywhere_among_items)
{
    struct test_packet built;
    struct speadi_packet packet;

    test_packet_begin(&built, 48);
    test_packet_addressed(&built, 0x1000, 0);
    test_packet_immediate(&built, SPEAD_ID_PAYLOAD_LENGTH, 3);
    test_packet_immediate(&built, 0x1001, 99);
    test_packet_immediate(&built, SPEAD_ID_PAYLOAD_OFFSET, 0);
    test_packet_immediate(&built, SPEAD_ID_HEAP_LENGTH, 3);
    test_packet_addressed(&built, SPEAD_ID_NULL, 0);
    test_packet_immediate(&built, SPEAD_ID_HEAP_COUNTER, 5);
    test_packet_payload(&built, "abc", 3);
    expect_accepted(&built, &packet);
    cr_expect_eq(packet.heap_counter, 5);
    cr_expect_eq(packet.heap_length, 3);
    cr_expect_eq(packet.payload_bytes, 3);
    cr_expect_eq(packet.pointer_count, 7);
    cr_expect_eq(packet.special_count, 4);
}

Test(packet, last_of_repeated_specials_wins)
{
    struct test_packet built;
    struct speadi_packet packet;

    build_without(&built, 0);
    built.length -= 16;
    test_packet_immediate(&built, SPEAD_ID_HEAP_COUNTER, 8);
    test_packet_payload(&built, "0123456789abcdef", 16);
    expect_accepted(&built, &packet);
    cr_expect_eq(packet.heap_counter, 8);
    cr_expect_eq(packet.special_count, 5);
}

Test(packet, heap_length_may_be_left_out)
{
    struct test_packet built;
    struct speadi_packet packet;

    build_without(&built, SPEAD_ID_HEAP_LENGTH);
    expect_accepted(&built, &packet);
    cr_expect_not(packet.has_heap_length);
    cr_expect_eq(packet.special_count, 3);
}

Test(packet, reserved_bytes_are_ignored)
{
    struct test_packet built;
    struct speadi_packet packet;

    build_usual(&built);
    built.bytes[4] = built.bytes[5] = 0xff;
    expect_accepted(&built, &packet);
}

Test(packet, packet_without_payload_is_accepted)
{
    struct test_packet built;
    struct speadi_packet packet;

    test_packet_specials(&built, 40, 1, 0, 0, 0);
    expect_accepted(&built, &packet);
    cr_expect_eq(packet.payload_bytes, 0);
}

Test(packet, payload_may_lie_apart_from_the_head)
{
    struct test_packet built;
    struct speadi_packet packet;

    build_usual(&built);
    cr_expect_eq(decode_head(&packet, built.bytes, 40, built.length), 0);
    cr_expect_eq(packet.payload_bytes, 16);
}

Test(packet, written_down_packets_are_read)
{
    for (const char *const *name = test_vector_names; *name != NULL; name++) {
        struct test_vectors vectors;
        bool one_packet_each = strcmp(*name, "flavours") == 0 || strcmp(*name, "descriptors") == 0;
        uint64_t received = 0, heap_length = 0;

        test_vectors_read(&vectors, *name);
        for (size_t i = 0; i < vectors.count; i++) {
            struct speadi_packet packet;
            int refusal = decode_head(&packet, vectors.packet[i].bytes, vectors.packet[i].length,
                                      vectors.packet[i].length);

            cr_assert_eq(refusal, 0, "%s: packet %zu refused as %s", *name, i,
                         spead_recv_bucket_name((unsigned)refusal));
            cr_expect_eq(packet.heap_counter, 1, "%s: packet %zu", *name, i);
            cr_expect_eq(packet.special_count, 4, "%s: packet %zu", *name, i);
            received += packet.payload_bytes;
            heap_length = one_packet_each ? heap_length + packet.heap_length : packet.heap_length;
        }
        /* The packets of two files are heaps of their own. In each other file they are one heap. */
        cr_expect_eq(received, heap_length, "%s", *name);
    }
}

Test(packet, written_down_sizes_are_those_of_spead2)
{
    static const struct {
        const char *name;
        size_t bytes;
        unsigned pointers;
    } wanted[] = {{"empty_heap", 49, 5},
                  {"immediate_item", 57, 6},
                  {"repeat_pointers", 72, 6},
                  {"start_heap", 57, 6},
                  {"stop_heap", 57, 6}};

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct test_vectors vectors;

        test_vectors_read(&vectors, wanted[i].name);
        cr_expect_eq(vectors.packet[0].length, wanted[i].bytes, "%s", wanted[i].name);
        cr_expect_eq(vectors.packet[0].bytes[7], wanted[i].pointers, "%s", wanted[i].name);
    }
}
