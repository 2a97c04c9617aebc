/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the headers of frames are those that a kernel would write. This is necessary because a device sends the frames
 * without a change.
 * Method: the tests compare the heads of frames with known right bytes. They check every checksum with the rule of RFC
 * 1071, word by word over the whole frame. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/checksum.h>
#include <speadi/frame_template.h>

static struct speadi_address address(const char *text)
{
    struct speadi_address parsed;

    cr_assert_eq(speadi_address_parse(&parsed, text, SPEADI_ADDRESS_SEND, NULL), 0, "%s", text);
    return parsed;
}

static struct speadi_frame_path path(const char *source, const char *destination, uint16_t vlan)
{
    return (struct speadi_frame_path){
        .source = address(source),
        .destination = address(destination),
        .source_mac = {2, 0, 0, 0, 0, 1},
        .destination_mac = {2, 0, 0, 0, 0, 2},
        .vlan = vlan,
        .ttl = 7,
    };
}

/* Sums big-endian words exactly as RFC 1071 says. If the checksum among the words is right, the result is 0xffff. */
static uint32_t sum_words(uint32_t sum, const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static bool udp_checksum_holds(const uint8_t *addresses, size_t address_bytes, const uint8_t *udp,
                               size_t udp_bytes)
{
    uint32_t sum = sum_words(IPPROTO_UDP + (uint32_t)udp_bytes, addresses, address_bytes);

    return (udp[6] || udp[7]) && sum_words(sum, udp, udp_bytes) == 0xffff;
}

Test(frame_template, an_ipv4_head_is_what_the_standards_say)
{
    static const uint8_t expected[] = {
        2,    0,    0,    0,    0,    2,    2,    0, 0, 0,  0, 1, 0x08, 0x00, /* Ethernet */
        0x45, 0,    0x04, 0x1c, 0,    0,    0x40, 0, 7, 17, 0, 0, 10,   1,
        2,    3,    10,   4,    5,    6,             /* IPv4 */
        0x12, 0x34, 0x1b, 0xec, 0x04, 0x08, 0,    0, /* UDP */
    };
    const struct speadi_frame_path from = path("10.1.2.3:4660", "10.4.5.6:7148", 0);
    struct speadi_frame_template frame;
    uint8_t head[SPEADI_FRAME_TEMPLATE_BYTES_MAX];

    speadi_frame_template_init(&frame, &from);
    cr_assert_eq(speadi_frame_template_write(&frame, head, 1024), sizeof expected);
    cr_assert_arr_eq(head, expected, sizeof expected);
    speadi_frame_template_write_ip_checksum(&frame, head, 1024);
    cr_assert_eq(sum_words(0, head + 14, 20), 0xffff);
}

Test(frame_template, an_ipv6_head_has_the_addresses_and_lengths_at_their_places)
{
    const struct speadi_frame_path from = path("[fd00::1]:4660", "[fd00::2]:7148", 0);
    struct speadi_frame_template frame;
    uint8_t head[SPEADI_FRAME_TEMPLATE_BYTES_MAX], unchanged[SPEADI_FRAME_TEMPLATE_BYTES_MAX];

    speadi_frame_template_init(&frame, &from);
    cr_assert_eq(speadi_frame_template_write(&frame, head, 1024), 14 + 40 + 8);
    cr_assert_arr_eq(head + 12, ((uint8_t[]){0x86, 0xdd, 0x60, 0, 0, 0, 0x04, 0x08, 17, 7}), 10);
    cr_assert_arr_eq(head + 22, &from.source.v6.sin6_addr, 16);
    cr_assert_arr_eq(head + 38, &from.destination.v6.sin6_addr, 16);
    cr_assert_arr_eq(head + 54, ((uint8_t[]){0x12, 0x34, 0x1b, 0xec, 0x04, 0x08, 0, 0}), 8);
    memcpy(unchanged, head, sizeof head);
    speadi_frame_template_write_ip_checksum(&frame, head, 1024);
    cr_assert_arr_eq(head, unchanged, sizeof head, "IPv6 has no header checksum");
}

Test(frame_template, a_tag_stands_between_the_addresses_and_the_type)
{
    const struct speadi_frame_path from = path("10.1.2.3:4660", "10.4.5.6:7148", 42);
    struct speadi_frame_template frame;
    uint8_t head[SPEADI_FRAME_TEMPLATE_BYTES_MAX];

    speadi_frame_template_init(&frame, &from);
    cr_assert_eq(speadi_frame_template_write(&frame, head, 1024), 18 + 20 + 8);
    cr_assert_arr_eq(head + 12, ((uint8_t[]){0x81, 0, 0, 42, 0x08, 0, 0x45}), 7);
    speadi_frame_template_write_ip_checksum(&frame, head, 1024);
    cr_assert_eq(sum_words(0, head + 18, 20), 0xffff);
}

Test(frame_template, another_next_hop_changes_only_the_destination_mac)
{
    const struct speadi_frame_path from = path("10.1.2.3:4660", "10.4.5.6:7148", 0);
    struct speadi_frame_template frame;
    uint8_t before[SPEADI_FRAME_TEMPLATE_BYTES_MAX], after[SPEADI_FRAME_TEMPLATE_BYTES_MAX];

    speadi_frame_template_init(&frame, &from);
    speadi_frame_template_write(&frame, before, 64);
    speadi_frame_template_aim(&frame, (const uint8_t[]){6, 5, 4, 3, 2, 1});
    speadi_frame_template_write(&frame, after, 64);
    cr_assert_arr_eq(after, ((uint8_t[]){6, 5, 4, 3, 2, 1}), 6);
    cr_assert_arr_eq(after + 6, before + 6, sizeof after - 6);
}

/* The payload consists of random bytes in pieces of random length. So some lengths are even and some are odd. */
static void check_udp_checksums(const char *source, const char *destination, size_t addresses_at,
                                size_t addresses_bytes)
{
    const struct speadi_frame_path from = path(source, destination, 0);
    struct speadi_frame_template frame;
    uint8_t packet[SPEADI_FRAME_TEMPLATE_BYTES_MAX + 512];

    speadi_frame_template_init(&frame, &from);
    srand(1);
    for (unsigned round = 0; round < 2000; round++) {
        const uint32_t bytes = (uint32_t)rand() % 512, first = bytes ? (uint32_t)rand() % bytes : 0;
        const uint32_t head = speadi_frame_template_write(&frame, packet, bytes);
        uint8_t *payload = packet + head;
        uint64_t sum;

        for (uint32_t i = 0; i < bytes; i++)
            payload[i] = (uint8_t)(round % 3 ? rand() : 0xff);
        sum = speadi_checksum_add(0, 0, payload, first);
        sum = speadi_checksum_add(sum, first, payload + first, bytes - first);
        speadi_frame_template_write_udp_checksum(&frame, packet, bytes, sum);
        cr_assert(udp_checksum_holds(packet + addresses_at, addresses_bytes, packet + head - 8,
                                     bytes + 8),
                  "%s, round %u, %u bytes cut at %u", destination, round, bytes, first);
    }
}

Test(frame_template, udp_checksums_hold_however_the_payload_is_cut)
{
    check_udp_checksums("10.1.2.3:4660", "239.1.2.3:7148", 26, 8);
    check_udp_checksums("[fd00::1]:4660", "[ff15::77]:7148", 22, 32);
}

Test(frame_template, a_checksum_of_zero_is_sent_as_ones)
{
    const struct speadi_frame_path from = path("10.1.2.3:4660", "239.1.2.3:7148", 0);
    struct speadi_frame_template frame;
    uint8_t head[SPEADI_FRAME_TEMPLATE_BYTES_MAX];
    uint16_t seen;
    uint8_t *udp;

    speadi_frame_template_init(&frame, &from);
    speadi_frame_template_write(&frame, head, 2);
    udp = head + 34;
    speadi_frame_template_write_udp_checksum(&frame, head, 2, 0);
    /* With this payload the sum is all ones, so the checksum is 0. */
    memcpy(&seen, udp + 6, 2);
    speadi_frame_template_write_udp_checksum(&frame, head, 2, seen);
    cr_assert_arr_eq(udp + 6, ((uint8_t[]){0xff, 0xff}), 2);
}

Test(frame_template, groups_have_the_macs_of_their_rfcs)
{
    const struct speadi_address v4 = address("239.129.2.3:1"), v6 = address("[ff15::1234:5678]:1");
    uint8_t mac[6];

    speadi_frame_group_mac(mac, &v4);
    cr_assert_arr_eq(mac, ((uint8_t[]){0x01, 0x00, 0x5e, 0x01, 0x02, 0x03}), 6);
    speadi_frame_group_mac(mac, &v6);
    cr_assert_arr_eq(mac, ((uint8_t[]){0x33, 0x33, 0x12, 0x34, 0x56, 0x78}), 6);
}
