/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what docs/troubleshooting.md says about packets that are refused is true. Method: as in
 * test_trouble_senders.c. The engines of the kernel cannot see whole frames, so the tests of engine verbs check the
 * rows about frames. */
#include <criterion/criterion.h>

#include <speadline/item.h>

#include "symptom.h"

TestSuite(trouble_packets, .init = tool_enter, .timeout = 120);

static int sender;

/* ---- Packets that are no SPEAD, or damaged ---------------------------------------------------- */

/* Builds a good packet of heap 1, which each function below spoils in its own way. */
static void good(void)
{
    test_packet_data(&symptom_packet, 40, 1, 64, 0, NULL, 32);
}

static void no_bytes(void)
{
    symptom_packet.length = 0;
}

static void too_short(void)
{
    symptom_packet.length = 7;
}

static void no_magic(void)
{
    symptom_packet.bytes[0] = 'X';
}

static void version_3(void)
{
    symptom_packet.bytes[1] = 3;
}

static void odd_widths(void)
{
    symptom_packet.bytes[3] = 4;
}

static void too_many_pointers(void)
{
    test_packet_set_count(&symptom_packet, 1000);
}

static void no_counter(void)
{
    test_packet_set_pointer(&symptom_packet, 0, 0);
}

static void no_offset(void)
{
    test_packet_set_pointer(&symptom_packet, 2, 0);
}

static void no_length(void)
{
    test_packet_set_pointer(&symptom_packet, 3, 0);
}

static void payload_cut(void)
{
    symptom_packet.length -= 1;
}

static void beyond_its_heap(void)
{
    test_packet_data(&symptom_packet, 40, 1, 64, 48, NULL, 32);
}

static void padded(void)
{
    test_packet_payload(&symptom_packet, "????", 4);
}

static const struct {
    const char *bucket;
    void (*spoil)(void);
    const char *says; /* a part of the sentence in the summary and on the page */
} kinds[] = {
    {"malformed-empty", no_bytes, "without a byte"},
    {"malformed-short", too_short, "shorter than the 8 bytes of a SPEAD header"},
    {"malformed-magic", no_magic, "that do not begin with the byte 0x53"},
    {"malformed-version", version_3, "of another SPEAD version than 4"},
    {"malformed-widths", odd_widths, "whose item pointers have no 8 bytes"},
    {"malformed-pointers", too_many_pointers, "whose item pointers reach beyond the end"},
    {"malformed-no-counter", no_counter, "without an immediate heap counter"},
    {"malformed-no-offset", no_offset, "without an immediate payload offset"},
    {"malformed-no-length", no_length, "without an immediate payload length"},
    {"malformed-payload", payload_cut, "shorter than their payload length"},
    {"malformed-beyond-heap", beyond_its_heap, "whose payload reaches beyond the heap length"},
    {"malformed-size-mismatch", padded, "longer than their payload length"},
};

Test(trouble_packets, every_kind_of_malformed_packet_is_named)
{
    size_t count = sizeof kinds / sizeof *kinds;

    sender = symptom_from("127.0.0.1", 0);
    symptom_begin("--strict");
    for (size_t i = 0; i < count; i++) {
        good();
        kinds[i].spoil();
        symptom_send(sender);
    }
    symptom_end_after((unsigned)count, 3);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(bucket(symptom_object(), kinds[i].bucket), 1, "%s", kinds[i].bucket);
        symptom_page_has(kinds[i].bucket);
        symptom_shows(kinds[i].says);
    }
}

/* ---- Packets that contradict their heap -------------------------------------------------------- */

static void expect_refused(const char *name, const char *says)
{
    symptom_end_after(2, 3);
    cr_expect_eq(bucket(symptom_object(), name), 1);
    symptom_page_has(name);
    symptom_shows(says);
}

Test(trouble_packets, another_heap_length_inside_a_heap)
{
    sender = symptom_from("127.0.0.1", 0);
    symptom_begin("--strict");
    symptom_piece(sender, 1, 64, 0, 16);
    symptom_piece(sender, 1, 128, 16, 16);
    expect_refused("malformed-heap-length",
                   "with another heap length (item 0x02) than earlier packets");
}

Test(trouble_packets, another_flavour_inside_a_heap)
{
    sender = symptom_from("127.0.0.1", 0);
    symptom_begin("--strict");
    symptom_piece(sender, 1, 64, 0, 16);
    test_packet_data(&symptom_packet, 48, 1, 64, 16, NULL, 16);
    symptom_send(sender);
    expect_refused("foreign-flavour", "of another flavour than their heap");
}

/* ---- Packets over a limit ---------------------------------------------------------------------- */

Test(trouble_packets, jumbo_packets)
{
    sender = symptom_from("127.0.0.1", 0);
    symptom_begin("--strict --packet 1472");
    symptom_piece(sender, 1, 8000, 0, 8000);
    symptom_end_after(1, 3);
    cr_expect_eq(bucket(symptom_object(), "truncated"), 1);
    symptom_shows("longer than --packet");
    symptom_begin("--strict --packet 9000");
    symptom_piece(sender, 1, 8000, 0, 8000);
    symptom_end_after(2, 0);
    cr_expect_eq(number(symptom_object(), "heaps"), 1);
}

Test(trouble_packets, heaps_above_the_largest_size)
{
    sender = symptom_from("127.0.0.1", 0);
    symptom_begin("--strict --max-heap-size 4K");
    symptom_piece(sender, 1, 8000, 0, 8000);
    symptom_end_after(1, 3);
    cr_expect_eq(bucket(symptom_object(), "over-cap-heap-size"), 1);
    symptom_shows("for heaps above --max-heap-size");
    symptom_begin("--strict --max-heap-size 8K");
    symptom_piece(sender, 1, 8000, 0, 8000);
    symptom_end_after(2, 0);
    cr_expect_eq(number(symptom_object(), "heaps"), 1);
}

static void send_items(unsigned count)
{
    test_packet_specials(&symptom_packet, 40, 1, 8, 0, 8);
    for (unsigned i = 0; i < count; i++)
        test_packet_immediate(&symptom_packet, 0x1000 + i, i);
    test_packet_payload(&symptom_packet, "01234567", 8);
    symptom_send(sender);
}

Test(trouble_packets, heaps_with_too_many_items)
{
    sender = symptom_from("127.0.0.1", 0);
    symptom_begin("--strict --pointers 8");
    send_items(9);
    symptom_end_after(1, 3);
    cr_expect_eq(bucket(symptom_object(), "over-cap-pointers"), 1);
    symptom_shows("with more item pointers in a heap than --pointers");
    symptom_begin("--strict --pointers 9");
    send_items(9);
    symptom_end_after(2, 0);
    cr_expect_eq(number(symptom_object(), "heaps"), 1);
}

/* Sends every second packet of a heap, so that each is a piece of its own. */
Test(trouble_packets, heaps_in_too_many_pieces)
{
    const unsigned pieces = 4097;

    sender = symptom_from("127.0.0.1", 0);
    symptom_begin("--strict --out-of-order");
    for (unsigned i = 0; i < pieces; i++) {
        symptom_piece(sender, 1, 16 * pieces, 16 * i, 8);
        if (i % 64 == 0)
            symptom_await(i + 1);
    }
    symptom_end_after(pieces, 3);
    cr_expect_eq(bucket(symptom_object(), "over-cap-ranges"), 1);
    symptom_shows("would have left their heap in too many pieces");
}
