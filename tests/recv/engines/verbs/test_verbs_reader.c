/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a frame that the reader takes without parsing it becomes the same packet as if it had been parsed, whatever its
 * bytes are.
 * Method: the reader learns one frame. Then the test changes bytes and lengths of this frame. In one test, a changed
 * length could make up for a changed port. The test compares each packet with what speadi_frame_parse() says. No
 * network is needed. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <speadi/frame_parse.h>

#include "verbs_reader.h"
#include "verbs_rx_rig.h"

enum { BYTES = 200, HEADERS = 42, CHANGES = 200000 };

static struct speadi_verbs_reader reader;
static struct speadi_rx_burst burst;
static uint8_t learned[BYTES + HEADERS];
static size_t frame_bytes;
static unsigned taken; /* frames that were taken without being parsed */

static struct speadi_verbs_frame describe(const uint8_t *head, bool checked)
{
    return (struct speadi_verbs_frame){.head = head,
                                       .head_bytes = (uint32_t)frame_bytes,
                                       .frame_bytes = (uint32_t)frame_bytes,
                                       .checked = checked,
                                       .time_ns = 1,
                                       .place = SPEADI_RX_UNPLACED};
}

static void learn(const char *endpoint)
{
    static const uint8_t payload[BYTES];
    static struct speadi_address address;
    struct speadi_rx_config config = {.addresses = &address, .count = 1};
    struct speadi_verbs_frame frame;

    cr_assert_eq(speadi_address_parse(&address, endpoint, SPEADI_ADDRESS_RECEIVE, NULL), 0);
    speadi_verbs_reader_init(&reader, &config, 0);
    speadi_rx_burst_begin(&burst);
    speadi_verbs_reader_begin(&reader);
    frame_bytes = verbs_rx_rig_frame(learned, 0, 0, payload, BYTES);
    frame = describe(learned, true);
    cr_assert_not(speadi_verbs_read_usual(&reader, &frame, &burst), "nothing is learned yet");
    speadi_verbs_read_any(&reader, &frame, &burst);
    cr_assert_eq(burst.packet[0].flags, 0);
    taken = 0;
}

/* Compares the packet that was added last with the headers of the frame. */
static void expect_as_parsed(const uint8_t *head)
{
    const struct speadi_rx_packet *packet = &burst.packet[burst.count - 1];
    const struct speadi_rx_from *from = &burst.from[packet->from];
    struct speadi_frame parsed;

    cr_assert_eq(speadi_frame_parse(&parsed, head, (uint32_t)frame_bytes, (uint32_t)frame_bytes),
                 0);
    cr_assert(speadi_frame_is_for(&parsed, &reader.address[0]));
    cr_assert_eq(packet->head, head + parsed.payload_at);
    cr_assert_eq(packet->datagram_bytes, parsed.payload_bytes);
    cr_assert_lt(packet->from, burst.from_count);
    cr_assert_eq(from->sender.port, parsed.from_port);
    cr_assert_arr_eq(from->sender.address + 12, parsed.from, 4);
}

static void read_frame(const uint8_t *head)
{
    const struct speadi_verbs_frame frame = describe(head, true);

    if (burst.count == SPEADI_RX_BURST_MAX) {
        speadi_rx_burst_begin(&burst);
        speadi_verbs_reader_begin(&reader);
    }
    if (speadi_verbs_read_usual(&reader, &frame, &burst))
        taken++;
    else
        speadi_verbs_read_any(&reader, &frame, &burst);
    if (burst.packet[burst.count - 1].flags == 0)
        expect_as_parsed(head);
    else
        cr_assert_eq(burst.packet[burst.count - 1].flags, SPEADI_RX_REFUSED);
}

Test(verbs_reader, the_frames_of_a_sender_are_parsed_once_in_a_burst)
{
    const struct speadi_verbs_frame frame = describe(learned, true);

    learn("239.1.2.3:7148");
    for (unsigned i = 0; i < 100; i++)
        read_frame(learned);
    cr_expect_eq(taken, 100u);
    cr_expect_eq(burst.from_count, 1u);
    speadi_rx_burst_begin(&burst);
    speadi_verbs_reader_begin(&reader);
    cr_expect_not(speadi_verbs_read_usual(&reader, &frame, &burst), "the burst has no entry yet");
}

/* Some of the changed fields differ between frames of one stream, and others must stay the same. */
Test(verbs_reader, changed_headers_are_read_as_they_are)
{
    static uint8_t frame[sizeof learned];

    learn("239.1.2.3:7148");
    srand(7);
    for (unsigned i = 0; i < CHANGES; i++) {
        memcpy(frame, learned, frame_bytes);
        for (int changes = rand() % 3; changes >= 0; changes--)
            frame[12 + rand() % (HEADERS - 12)] = (uint8_t)rand();
        read_frame(frame);
        read_frame(learned);
    }
    cr_expect_gt(taken, CHANGES / 10);
}

/* The reader compares the destination port and the length of the datagram as one number of 32 bits. */
Test(verbs_reader, no_length_makes_up_for_another_port)
{
    static uint8_t frame[sizeof learned];

    learn("239.1.2.3:7148");
    for (unsigned ip = 0; ip <= 0xffff; ip += ip < 64 ? 1 : 251)
        for (int udp = -64; udp <= 64; udp++)
            for (unsigned port = 7146; port <= 7150; port++) {
                memcpy(frame, learned, frame_bytes);
                speadi_store_be16(frame + 16, ip);
                speadi_store_be16(frame + 36, port);
                speadi_store_be16(frame + 38, ip - 20 + (unsigned)udp);
                read_frame(frame);
                if (port != 7148)
                    cr_assert_eq(burst.packet[burst.count - 1].flags, SPEADI_RX_REFUSED);
            }
}

/* ---- Checksums ----------------------------------------------------------------------------------- */

enum { CHECKSUM_AT = 40, PAYLOAD_AT = 42 };

static const struct speadi_rx_packet *read_unchecked(const uint8_t *head)
{
    const struct speadi_verbs_frame frame = describe(head, false);

    if (speadi_verbs_read_usual(&reader, &frame, &burst))
        taken++;
    else
        speadi_verbs_read_any(&reader, &frame, &burst);
    return &burst.packet[burst.count - 1];
}

Test(verbs_reader, a_frame_without_udp_checksum_is_not_parsed_although_no_device_has_checked_it)
{
    static uint8_t frame[sizeof learned];

    learn("239.1.2.3:7148");
    memcpy(frame, learned, frame_bytes);
    speadi_store_be16(frame + CHECKSUM_AT, 0);
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(read_unchecked(frame)->flags, 0);
    cr_expect_eq(taken, 100u);
    cr_expect_eq(reader.unverified, 0u);
}

Test(verbs_reader, a_trusted_frame_is_not_parsed_and_is_counted)
{
    static uint8_t frame[sizeof learned];

    learn("239.1.2.3:7148");
    reader.trusts_v4 = true;
    memcpy(frame, learned, frame_bytes);
    frame[PAYLOAD_AT] ^= 1;
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(read_unchecked(frame)->flags, 0);
    cr_expect_eq(taken, 100u);
    cr_expect_eq(reader.unverified, 100u);
    speadi_rx_burst_begin(&burst);
    speadi_verbs_reader_begin(&reader);
    cr_expect_eq(read_unchecked(frame)->flags, 0, "the first one of a burst");
    cr_expect_eq(reader.unverified, 101u);
}

Test(verbs_reader, the_cpu_checks_a_frame_that_is_neither_checked_nor_trusted)
{
    static uint8_t frame[sizeof learned];

    learn("239.1.2.3:7148");
    memcpy(frame, learned, frame_bytes);
    cr_expect_eq(read_unchecked(frame)->flags, 0);
    frame[PAYLOAD_AT] ^= 1;
    cr_expect_eq(read_unchecked(frame)->flags, SPEADI_RX_REFUSED);
    cr_expect_eq(burst.packet[burst.count - 1].bucket, SPEAD_RECV_MALFORMED_CHECKSUM);
    cr_expect_eq(reader.unverified, 0u);
}
