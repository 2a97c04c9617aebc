/* SPDX-License-Identifier: Apache-2.0 */
/* Functions with which the tests of the decoder decode a packet and check the result. The packet lies in an allocation
 * of exactly its size, so that AddressSanitizer sees a read beyond the packet. */
#ifndef TEST_PACKET_EXPECT_H
#define TEST_PACKET_EXPECT_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/packet.h>

#include "packet_builder.h"

/* Decodes a copy of the first head_bytes bytes at `bytes`. AddressSanitizer reports a read behind the copy. The
 * function frees the copy, so the caller must not use the pointers in *packet. */
static inline int decode_head(struct speadi_packet *packet, const void *bytes, size_t head_bytes,
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

static inline void expect(const struct test_packet *built, enum spead_recv_bucket wanted)
{
    struct speadi_packet packet;
    int refusal = decode_head(&packet, built->bytes, built->length, built->length);

    cr_assert_eq(refusal, (int)wanted, "refused as %s, not as %s",
                 spead_recv_bucket_name((unsigned)refusal), spead_recv_bucket_name(wanted));
}

static inline void expect_accepted(const struct test_packet *built, struct speadi_packet *packet)
{
    int refusal = decode_head(packet, built->bytes, built->length, built->length);

    cr_assert_eq(refusal, 0, "refused as %s", spead_recv_bucket_name((unsigned)refusal));
}

/* Builds a correct packet. It carries 16 bytes of payload at offset 32, and its heap has 64 bytes. */
static inline void build_usual(struct test_packet *packet)
{
    test_packet_data(packet, 40, 7, 64, 32, NULL, 16);
}

/* Builds the packet of build_usual(), but without the special item pointer with the identifier `missing`. */
static inline void build_without(struct test_packet *packet, uint64_t missing)
{
    static const uint64_t value[] = {0, 7, 64, 32, 16};

    test_packet_begin(packet, 40);
    for (uint64_t id = 1; id <= 4; id++)
        if (id != missing)
            test_packet_immediate(packet, id, value[id]);
    test_packet_payload(packet, "0123456789abcdef", 16);
}

#endif
