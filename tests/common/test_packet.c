/* Goal: a packet that the protocol allows is read right, every other one is refused under its own name,
 * and no byte outside the datagram is touched.
 * Method: packets from the builder and from tests/vectors, each placed at the very end of an allocation of
 * its size, so that AddressSanitizer sees a read too far. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/packet.h>

#include "packet_builder.h"
#include "vectors.h"

/* Decodes a copy of the first head_bytes of bytes that has nothing readable behind it. The pointers of
 * *packet must not be used. */
static int decode_head(struct speadi_packet *packet, const void *bytes, size_t head_bytes,
                       size_t datagram_bytes)
{
    uint8_t *copy = malloc(head_bytes > 0 ? head_bytes : 1);
    int refusal;

    cr_assert_not_null(copy);
    memcpy(copy, bytes, head_bytes);
    refusal = speadi_packet_decode(packet, copy, (uint32_t)head_bytes, (uint32_t)datagram_bytes);
    free(copy);
    return refusal;
}

static void expect(const struct test_packet *built, enum spead_recv_bucket wanted)
{
    struct speadi_packet packet;
    int refusal = decode_head(&packet, built->bytes, built->length, built->length);

    cr_assert_eq(refusal, (int)wanted, "refused as %s, not as %s",
                 spead_recv_bucket_name((unsigned)refusal), spead_recv_bucket_name(wanted));
}

static void expect_accepted(const struct test_packet *built, struct speadi_packet *packet)
{
    int refusal = decode_head(packet, built->bytes, built->length, built->length);

    cr_assert_eq(refusal, 0, "refused as %s", spead_recv_bucket_name((unsigned)refusal));
}

/* A sound packet: 16 bytes at offset 32 of a heap of 64. */
static void build_usual(struct test_packet *packet)
{
    test_packet_data(packet, 40, 7, 64, 32, NULL, 16);
}

/* The same, without one of its specials. */
static void build_without(struct test_packet *packet, uint64_t missing)
{
    static const uint64_t value[] = {0, 7, 64, 32, 16};

    test_packet_begin(packet, 40);
    for (uint64_t id = 1; id <= 4; id++)
        if (id != missing)
            test_packet_immediate(packet, id, value[id]);
    test_packet_payload(packet, "0123456789abcdef", 16);
}

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

Test(packet, empty_datagram_is_refused)
{
    struct speadi_packet packet;

    cr_expect_eq(decode_head(&packet, "", 0, 0), SPEAD_RECV_MALFORMED_EMPTY);
    cr_expect_eq(speadi_packet_decode(&packet, NULL, 0, 0), SPEAD_RECV_MALFORMED_EMPTY);
}

Test(packet, datagram_shorter_than_a_header_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    for (built.length = 1; built.length < 8; built.length++)
        expect(&built, SPEAD_RECV_MALFORMED_SHORT);
}

Test(packet, wrong_magic_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    built.bytes[0] = 0x54;
    expect(&built, SPEAD_RECV_MALFORMED_MAGIC);
}

Test(packet, wrong_version_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    built.bytes[1] = 5;
    expect(&built, SPEAD_RECV_MALFORMED_VERSION);
}

Test(packet, zero_width_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    built.bytes[2] = 8;
    built.bytes[3] = 0;
    expect(&built, SPEAD_RECV_MALFORMED_WIDTHS);
    built.bytes[2] = 0;
    built.bytes[3] = 8;
    expect(&built, SPEAD_RECV_MALFORMED_WIDTHS);
}

/* Of all 65536 pairs of widths exactly seven are flavours. */
Test(packet, widths_that_do_not_add_to_eight_are_refused)
{
    struct test_packet built;
    struct speadi_packet packet;
    unsigned accepted = 0;

    test_packet_begin(&built, 40);
    for (unsigned widths = 0; widths < 0x10000; widths++) {
        int refusal;

        built.bytes[2] = (uint8_t)(widths >> 8);
        built.bytes[3] = (uint8_t)widths;
        refusal = speadi_packet_decode(&packet, built.bytes, 8, 8);
        accepted += refusal != SPEAD_RECV_MALFORMED_WIDTHS;
    }
    cr_expect_eq(accepted, 7);
}

Test(packet, pointers_beyond_the_packet_are_refused)
{
    struct test_packet built;

    build_usual(&built);
    built.length = 39;
    expect(&built, SPEAD_RECV_MALFORMED_POINTERS);
    test_packet_set_count(&built, 65535);
    built.length = 56;
    expect(&built, SPEAD_RECV_MALFORMED_POINTERS);
}

/* The engine gave fewer bytes than it should: nothing beyond them may be read. */
Test(packet, pointers_beyond_the_head_are_refused)
{
    struct test_packet built;
    struct speadi_packet packet;

    build_usual(&built);
    for (size_t head = 0; head < 40; head++)
        cr_expect_eq(decode_head(&packet, built.bytes, head, built.length),
                     SPEAD_RECV_MALFORMED_POINTERS, "head of %zu bytes", head);
}

Test(packet, missing_heap_counter_is_refused)
{
    struct test_packet built;

    build_without(&built, SPEAD_ID_HEAP_COUNTER);
    expect(&built, SPEAD_RECV_MALFORMED_NO_COUNTER);
}

Test(packet, missing_payload_offset_is_refused)
{
    struct test_packet built;

    build_without(&built, SPEAD_ID_PAYLOAD_OFFSET);
    expect(&built, SPEAD_RECV_MALFORMED_NO_OFFSET);
}

Test(packet, missing_payload_length_is_refused)
{
    struct test_packet built;

    build_without(&built, SPEAD_ID_PAYLOAD_LENGTH);
    expect(&built, SPEAD_RECV_MALFORMED_NO_LENGTH);
}

Test(packet, packet_without_pointers_has_no_counter)
{
    struct test_packet built;

    test_packet_begin(&built, 40);
    expect(&built, SPEAD_RECV_MALFORMED_NO_COUNTER);
}

Test(packet, specials_count_in_immediate_mode_only)
{
    static const enum spead_recv_bucket wanted[] = {
        [SPEAD_ID_HEAP_COUNTER] = SPEAD_RECV_MALFORMED_NO_COUNTER,
        [SPEAD_ID_PAYLOAD_OFFSET] = SPEAD_RECV_MALFORMED_NO_OFFSET,
        [SPEAD_ID_PAYLOAD_LENGTH] = SPEAD_RECV_MALFORMED_NO_LENGTH,
    };
    struct test_packet built;
    struct speadi_packet packet;

    for (unsigned id = 1; id <= 4; id++) {
        build_usual(&built);
        test_packet_set_pointer(&built, id - 1, speadi_pointer_addressed(40, id, 16));
        if (id != SPEAD_ID_HEAP_LENGTH) {
            expect(&built, wanted[id]);
            continue;
        }
        expect_accepted(&built, &packet);
        cr_expect_not(packet.has_heap_length);
    }
}

Test(packet, payload_beyond_the_packet_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    built.length--;
    expect(&built, SPEAD_RECV_MALFORMED_PAYLOAD);
    test_packet_specials(&built, 56, 1, (1ull << 56) - 1, 0, (1ull << 56) - 1);
    expect(&built, SPEAD_RECV_MALFORMED_PAYLOAD);
}

Test(packet, payload_beyond_the_heap_is_refused)
{
    struct test_packet built;

    test_packet_data(&built, 40, 7, 47, 32, NULL, 16);
    expect(&built, SPEAD_RECV_MALFORMED_BEYOND_HEAP);
    test_packet_data(&built, 40, 7, 48, 32, NULL, 16);
    expect(&built, 0);
}

Test(packet, offset_and_length_cannot_wrap_around)
{
    for (unsigned bits = 8; bits <= 56; bits += 8) {
        struct test_packet built;

        test_packet_data(&built, bits, 7, 15, (1ull << bits) - 1, NULL, 16);
        expect(&built, SPEAD_RECV_MALFORMED_BEYOND_HEAP);
    }
}

Test(packet, datagram_longer_than_its_packet_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    test_packet_payload(&built, "x", 1);
    expect(&built, SPEAD_RECV_MALFORMED_SIZE_MISMATCH);
}

/* One packet with every defect is refused for the first, then, that one mended, for the next. */
Test(packet, defects_are_judged_in_the_order_of_the_protocol)
{
    struct test_packet built;

    test_packet_begin(&built, 40);
    built.bytes[0] = 0;
    built.bytes[1] = 0;
    built.bytes[2] = 0;
    test_packet_set_count(&built, 4);
    expect(&built, SPEAD_RECV_MALFORMED_MAGIC);
    built.bytes[0] = SPEADI_MAGIC;
    expect(&built, SPEAD_RECV_MALFORMED_VERSION);
    built.bytes[1] = SPEADI_VERSION;
    expect(&built, SPEAD_RECV_MALFORMED_WIDTHS);
    built.bytes[2] = 3;
    expect(&built, SPEAD_RECV_MALFORMED_POINTERS);

    for (unsigned i = 0; i < 4; i++)
        test_packet_addressed(&built, SPEAD_ID_NULL, 0);
    expect(&built, SPEAD_RECV_MALFORMED_NO_COUNTER);
    test_packet_set_pointer(&built, 0, speadi_pointer_immediate(40, SPEAD_ID_HEAP_COUNTER, 1));
    expect(&built, SPEAD_RECV_MALFORMED_NO_OFFSET);
    test_packet_set_pointer(&built, 1, speadi_pointer_immediate(40, SPEAD_ID_PAYLOAD_OFFSET, 9));
    expect(&built, SPEAD_RECV_MALFORMED_NO_LENGTH);
    test_packet_set_pointer(&built, 2, speadi_pointer_immediate(40, SPEAD_ID_PAYLOAD_LENGTH, 1));
    test_packet_set_pointer(&built, 3, speadi_pointer_immediate(40, SPEAD_ID_HEAP_LENGTH, 9));
    expect(&built, SPEAD_RECV_MALFORMED_PAYLOAD);
    test_packet_payload(&built, "xy", 2);
    expect(&built, SPEAD_RECV_MALFORMED_BEYOND_HEAP);
    test_packet_set_pointer(&built, 3, speadi_pointer_immediate(40, SPEAD_ID_HEAP_LENGTH, 10));
    expect(&built, SPEAD_RECV_MALFORMED_SIZE_MISMATCH);
    built.length--;
    expect(&built, 0);
}

Test(packet, no_datagram_cut_short_is_accepted)
{
    struct test_packet built;
    struct speadi_packet packet;
    size_t whole;

    build_usual(&built);
    whole = built.length;
    for (built.length = 0; built.length < whole; built.length++)
        cr_expect_neq(decode_head(&packet, built.bytes, built.length, built.length), 0, "%zu bytes",
                      built.length);
}

Test(packet, written_down_packets_are_read)
{
    for (const char *const *name = test_vector_names; *name != NULL; name++) {
        struct test_vectors vectors;
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
            heap_length = packet.heap_length;
        }
        /* The flavours' file holds seven heaps, all others one. */
        cr_expect_eq(received, heap_length * (strcmp(*name, "flavours") == 0 ? 7 : 1), "%s", *name);
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
