/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a packet that the protocol does not allow is refused with the bucket of its defect, and no byte outside the
 * datagram is read.
 * Method: the packets come from the packet builder, and each has one defect. */
#include "packet_expect.h"

Test(packet_refused, empty_datagram_is_refused)
{
    struct speadi_packet packet;

    cr_expect_eq(decode_head(&packet, "", 0, 0), SPEAD_RECV_MALFORMED_EMPTY);
    cr_expect_eq(speadi_packet_decode(&packet, NULL, 0, 0), SPEAD_RECV_MALFORMED_EMPTY);
}

Test(packet_refused, datagram_shorter_than_a_header_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    for (built.length = 1; built.length < 8; built.length++)
        expect(&built, SPEAD_RECV_MALFORMED_SHORT);
}

Test(packet_refused, wrong_magic_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    built.bytes[0] = 0x54;
    expect(&built, SPEAD_RECV_MALFORMED_MAGIC);
}

Test(packet_refused, wrong_version_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    built.bytes[1] = 5;
    expect(&built, SPEAD_RECV_MALFORMED_VERSION);
}

Test(packet_refused, zero_width_is_refused)
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

/* There are 65536 pairs of widths. Exactly seven of them are flavours. */
Test(packet_refused, widths_that_do_not_add_to_eight_are_refused)
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

Test(packet_refused, pointers_beyond_the_packet_are_refused)
{
    struct test_packet built;

    build_usual(&built);
    built.length = 39;
    expect(&built, SPEAD_RECV_MALFORMED_POINTERS);
    test_packet_set_count(&built, 65535);
    built.length = 56;
    expect(&built, SPEAD_RECV_MALFORMED_POINTERS);
}

/* The engine has lent a head that is too short. The decoder must not read beyond the end of the head. */
Test(packet_refused, pointers_beyond_the_head_are_refused)
{
    struct test_packet built;
    struct speadi_packet packet;

    build_usual(&built);
    for (size_t head = 0; head < 40; head++)
        cr_expect_eq(decode_head(&packet, built.bytes, head, built.length),
                     SPEAD_RECV_MALFORMED_POINTERS, "head of %zu bytes", head);
}

Test(packet_refused, missing_heap_counter_is_refused)
{
    struct test_packet built;

    build_without(&built, SPEAD_ID_HEAP_COUNTER);
    expect(&built, SPEAD_RECV_MALFORMED_NO_COUNTER);
}

Test(packet_refused, missing_payload_offset_is_refused)
{
    struct test_packet built;

    build_without(&built, SPEAD_ID_PAYLOAD_OFFSET);
    expect(&built, SPEAD_RECV_MALFORMED_NO_OFFSET);
}

Test(packet_refused, missing_payload_length_is_refused)
{
    struct test_packet built;

    build_without(&built, SPEAD_ID_PAYLOAD_LENGTH);
    expect(&built, SPEAD_RECV_MALFORMED_NO_LENGTH);
}

Test(packet_refused, packet_without_pointers_has_no_counter)
{
    struct test_packet built;

    test_packet_begin(&built, 40);
    expect(&built, SPEAD_RECV_MALFORMED_NO_COUNTER);
}

Test(packet_refused, specials_count_in_immediate_mode_only)
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

Test(packet_refused, payload_beyond_the_packet_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    built.length--;
    expect(&built, SPEAD_RECV_MALFORMED_PAYLOAD);
    test_packet_specials(&built, 56, 1, (1ull << 56) - 1, 0, (1ull << 56) - 1);
    expect(&built, SPEAD_RECV_MALFORMED_PAYLOAD);
}

Test(packet_refused, payload_beyond_the_heap_is_refused)
{
    struct test_packet built;

    test_packet_data(&built, 40, 7, 47, 32, NULL, 16);
    expect(&built, SPEAD_RECV_MALFORMED_BEYOND_HEAP);
    test_packet_data(&built, 40, 7, 48, 32, NULL, 16);
    expect(&built, 0);
}

Test(packet_refused, offset_and_length_cannot_wrap_around)
{
    for (unsigned bits = 8; bits <= 56; bits += 8) {
        struct test_packet built;

        test_packet_data(&built, bits, 7, 15, (1ull << bits) - 1, NULL, 16);
        expect(&built, SPEAD_RECV_MALFORMED_BEYOND_HEAP);
    }
}

Test(packet_refused, datagram_longer_than_its_packet_is_refused)
{
    struct test_packet built;

    build_usual(&built);
    test_packet_payload(&built, "x", 1);
    expect(&built, SPEAD_RECV_MALFORMED_SIZE_MISMATCH);
}

/* The packet has every defect, and is refused for the first defect. The test then corrects the first defect, and the
 * packet is refused for the second defect, and so on. */
Test(packet_refused, defects_are_judged_in_the_order_of_the_protocol)
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

Test(packet_refused, no_datagram_cut_short_is_accepted)
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
