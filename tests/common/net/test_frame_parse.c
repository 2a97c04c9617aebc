/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the parser finds the UDP payload where the headers say, and never beyond the frame. A frame that is not an
 * ordinary datagram is refused with the right bucket.
 * Method: the tests build frames byte by byte, each with one error. They also cut frames into parts at every place, and
 * check that the checksums are still right. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/frame_parse.h>
#include <speadline/stats.h>

enum { PORT = 7148, PAYLOAD = 33, ROOM = 256 };

struct built {
    uint8_t bytes[ROOM];
    uint32_t size, ip_at, udp_at;
};

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Computes the sum for a checksum in the simplest way. The tests compare the real code with it. */
static uint32_t sum16(uint32_t sum, const uint8_t *data, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static void seal(struct built *frame, int version)
{
    uint8_t *ip = frame->bytes + frame->ip_at, *udp = frame->bytes + frame->udp_at;
    uint32_t sum, bytes = 8 + PAYLOAD;

    if (version == 4) {
        put16(ip + 10, 0);
        put16(ip + 10, ~sum16(0, ip, 20) & 0xffff);
        sum = sum16(17 + bytes, ip + 12, 8);
    } else {
        sum = sum16(17 + bytes, ip + 8, 32);
    }
    put16(udp + 6, 0);
    put16(udp + 6, ~sum16(sum, udp, bytes) & 0xffff);
}

static void build(struct built *frame, int version, unsigned tags)
{
    uint8_t *at = frame->bytes + 12;

    memset(frame, 0, sizeof *frame);
    for (unsigned i = 0; i < tags; i++, at += 4)
        put16(at, i == 0 && tags == 2 ? 0x88a8 : 0x8100);
    put16(at, version == 4 ? 0x0800 : 0x86dd);
    at += 2;
    frame->ip_at = (uint32_t)(at - frame->bytes);
    if (version == 4) {
        at[0] = 0x45;
        put16(at + 2, 28 + PAYLOAD);
        at[8] = 4;
        at[9] = 17;
        inet_pton(AF_INET, "10.77.0.1", at + 12);
        inet_pton(AF_INET, "239.1.2.3", at + 16);
        at += 20;
    } else {
        at[0] = 0x60;
        put16(at + 4, 8 + PAYLOAD);
        at[6] = 17;
        inet_pton(AF_INET6, "fd77::1", at + 8);
        inet_pton(AF_INET6, "ff15::2", at + 24);
        at += 40;
    }
    frame->udp_at = (uint32_t)(at - frame->bytes);
    put16(at, 1234);
    put16(at + 2, PORT);
    put16(at + 4, 8 + PAYLOAD);
    for (unsigned i = 0; i < PAYLOAD; i++)
        at[8 + i] = (uint8_t)(i * 37 + 1);
    frame->size = frame->udp_at + 8 + PAYLOAD;
    seal(frame, version);
}

static int parse_as(const struct built *frame, uint32_t size, struct speadi_frame *out)
{
    /* The memory has exactly this size, so AddressSanitizer sees a read beyond it. */
    uint8_t *exact = malloc(size ? size : 1);
    int ret;

    memcpy(exact, frame->bytes, size);
    ret = speadi_frame_parse(out, exact, size, size);
    free(exact);
    return ret;
}

static int refusal(const struct built *frame)
{
    struct speadi_frame out;

    return parse_as(frame, frame->size, &out);
}

static struct speadi_address address(const char *text)
{
    struct speadi_address to;

    cr_assert_eq(speadi_address_parse(&to, text, SPEADI_ADDRESS_RECEIVE, NULL), 0);
    return to;
}

Test(frame_parse, the_payload_is_found_behind_up_to_two_vlan_tags)
{
    for (int version = 4; version <= 6; version += 2)
        for (unsigned tags = 0; tags <= 2; tags++) {
            struct built frame;
            struct speadi_frame out;

            build(&frame, version, tags);
            cr_assert_eq(speadi_frame_parse(&out, frame.bytes, SPEADI_FRAME_HEAD_MAX, frame.size),
                         0);
            cr_expect_eq(out.payload_at, frame.udp_at + 8);
            cr_expect_eq(out.payload_bytes, PAYLOAD);
            cr_expect_eq(out.ip_version, version);
            cr_expect_eq(out.vlan_tags, tags);
            cr_expect_eq(out.to_port, htons(PORT));
            cr_expect_eq(out.from_port, 1234);
            cr_expect_eq(out.from, frame.bytes + frame.ip_at + (version == 4 ? 12 : 8));
        }
}

Test(frame_parse, padding_of_a_short_frame_is_not_payload)
{
    struct built frame;
    struct speadi_frame out;

    build(&frame, 4, 0);
    cr_assert_eq(parse_as(&frame, frame.size + 18, &out), 0);
    cr_expect_eq(out.payload_bytes, PAYLOAD);
    /* A UDP length that is less than the IP length allows is valid. */
    put16(frame.bytes + frame.udp_at + 4, 8 + 5);
    cr_assert_eq(parse_as(&frame, frame.size, &out), 0);
    cr_expect_eq(out.payload_bytes, 5);
}

Test(frame_parse, a_frame_cut_anywhere_is_malformed)
{
    for (int version = 4; version <= 6; version += 2) {
        struct built frame;
        struct speadi_frame out;

        build(&frame, version, 1);
        for (uint32_t size = 0; size < frame.size; size++)
            cr_expect_eq(parse_as(&frame, size, &out), SPEAD_RECV_MALFORMED_FRAME, "%u", size);
    }
}

Test(frame_parse, a_head_that_ends_within_the_headers_is_malformed)
{
    struct built frame;
    struct speadi_frame out;

    build(&frame, 6, 2);
    cr_expect_eq(speadi_frame_parse(&out, frame.bytes, SPEADI_FRAME_HEAD_MAX - 1, frame.size),
                 SPEAD_RECV_MALFORMED_FRAME);
}

Test(frame_parse, lengths_that_contradict_each_other_are_malformed)
{
    static const struct {
        int version;
        unsigned at; /* offset from the IP header, in bytes */
        uint32_t value;
    } wrong[] = {{4, 2, 28 + PAYLOAD + 1},
                 {4, 2, 19},
                 {4, 2, 27},
                 {6, 4, 8 + PAYLOAD + 1},
                 {6, 4, 7},
                 {4, 24, 7},
                 {4, 24, 0},
                 {4, 24, 8 + PAYLOAD + 1},
                 {6, 44, 65535}};

    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct built frame;

        build(&frame, wrong[i].version, 0);
        put16(frame.bytes + frame.ip_at + wrong[i].at, wrong[i].value);
        cr_expect_eq(refusal(&frame), SPEAD_RECV_MALFORMED_FRAME, "%u", i);
    }
}

Test(frame_parse, what_is_no_plain_datagram_is_refused_by_name)
{
    static const struct {
        int version;
        unsigned at; /* offset from the start of the frame, in bytes */
        uint8_t value;
        int bucket;
    } wrong[] = {
        {4, 14, 0x55, SPEAD_RECV_MALFORMED_FRAME},    {4, 14, 0x44, SPEAD_RECV_MALFORMED_FRAME},
        {4, 14, 0x46, SPEAD_RECV_MALFORMED_OPTIONS},  {4, 20, 0x20, SPEAD_RECV_MALFORMED_FRAGMENT},
        {4, 21, 0x01, SPEAD_RECV_MALFORMED_FRAGMENT}, {4, 23, 6, SPEAD_RECV_FOREIGN_FRAME},
        {4, 13, 0x06, SPEAD_RECV_FOREIGN_FRAME},      {6, 14, 0x45, SPEAD_RECV_MALFORMED_FRAME},
        {6, 20, 44, SPEAD_RECV_MALFORMED_FRAGMENT},   {6, 20, 0, SPEAD_RECV_MALFORMED_OPTIONS},
        {6, 20, 60, SPEAD_RECV_MALFORMED_OPTIONS},    {6, 20, 58, SPEAD_RECV_FOREIGN_FRAME},
    };
    struct built frame;

    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        build(&frame, wrong[i].version, 0);
        frame.bytes[wrong[i].at] = wrong[i].value;
        cr_expect_eq(refusal(&frame), wrong[i].bucket, "%u", i);
    }
    build(&frame, 4, 2);
    put16(frame.bytes + 20, 0x8100); /* the frame now has a third VLAN tag */
    cr_expect_eq(refusal(&frame), SPEAD_RECV_FOREIGN_FRAME);
    build(&frame, 4, 0);
    /* The flag "don't fragment" does not make the frame a fragment. */
    frame.bytes[20] = 0x40;
    cr_expect_eq(refusal(&frame), 0);
}

Test(frame_parse, a_frame_is_for_its_address_and_port_only)
{
    struct built v4, v6;
    struct speadi_frame to4, to6;

    build(&v4, 4, 0);
    build(&v6, 6, 0);
    cr_assert_eq(speadi_frame_parse(&to4, v4.bytes, v4.size, v4.size), 0);
    cr_assert_eq(speadi_frame_parse(&to6, v6.bytes, v6.size, v6.size), 0);
    cr_expect(speadi_frame_is_for(&to4, &(struct speadi_address[]){address("239.1.2.3:7148")}[0]));
    cr_expect(speadi_frame_is_for(&to4, &(struct speadi_address[]){address(":7148")}[0]));
    cr_expect(speadi_frame_is_for(&to6, &(struct speadi_address[]){address("[ff15::2]:7148")}[0]));
    cr_expect(speadi_frame_is_for(&to4, &(struct speadi_address[]){address("[::]:7148")}[0]));
    cr_expect_not(
        speadi_frame_is_for(&to4, &(struct speadi_address[]){address("239.1.2.4:7148")}[0]));
    cr_expect_not(
        speadi_frame_is_for(&to4, &(struct speadi_address[]){address("239.1.2.3:7149")}[0]));
    cr_expect_not(speadi_frame_is_for(&to6, &(struct speadi_address[]){address(":7148")}[0]));
    cr_expect_not(
        speadi_frame_is_for(&to4, &(struct speadi_address[]){address("[ff15::2]:7148")}[0]));
}

static bool holds(const struct built *frame, uint32_t cut1, uint32_t cut2)
{
    const uint8_t *ip = frame->bytes + frame->ip_at;
    uint32_t bytes = frame->size - frame->ip_at;
    struct speadi_frame_part parts[] = {
        {ip, cut1}, {ip + cut1, cut2 - cut1}, {ip + cut2, bytes - cut2}};
    struct speadi_frame out;

    cr_assert_eq(speadi_frame_parse(&out, frame->bytes, frame->size, frame->size), 0);
    return speadi_frame_checksums_hold(&out, parts, 3);
}

Test(frame_parse, checksums_hold_wherever_the_frame_is_cut)
{
    for (int version = 4; version <= 6; version += 2) {
        struct built frame;

        build(&frame, version, 0);
        for (uint32_t cut1 = frame.udp_at + 8 - frame.ip_at; cut1 < frame.size - frame.ip_at;
             cut1++)
            for (uint32_t cut2 = cut1; cut2 < frame.size - frame.ip_at; cut2++)
                cr_assert(holds(&frame, cut1, cut2), "IPv%d, cut at %u and %u", version, cut1,
                          cut2);
    }
}

Test(frame_parse, any_flipped_bit_breaks_a_checksum)
{
    struct built frame;

    build(&frame, 4, 0);
    for (uint32_t byte = frame.ip_at + 12; byte < frame.size; byte++) {
        if (byte >= frame.udp_at + 4 && byte < frame.udp_at + 6)
            /* With another value in a length field the frame can be valid, so the test leaves these bytes out. */
            continue;
        frame.bytes[byte] ^= 0x10;
        cr_expect_not(holds(&frame, 40, 47), "byte %u", byte);
        frame.bytes[byte] ^= 0x10;
    }
}

Test(frame_parse, the_udp_checksum_may_be_left_out_over_v4_only)
{
    struct built frame;

    build(&frame, 4, 0);
    put16(frame.bytes + frame.udp_at + 6, 0);
    cr_expect(holds(&frame, 40, 47));
    frame.bytes[frame.ip_at + 10] ^= 1;
    cr_expect_not(holds(&frame, 40, 47));
    build(&frame, 6, 0);
    put16(frame.bytes + frame.udp_at + 6, 0);
    cr_expect_not(holds(&frame, 60, 67));
}
