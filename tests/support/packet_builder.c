/* SPDX-License-Identifier: Apache-2.0 */
/* Builds any SPEAD packet, also a malformed one. */
#include "packet_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/packet.h>

static void append(struct test_packet *packet, const void *data, size_t bytes)
{
    if (bytes > sizeof packet->bytes - packet->length) {
        fprintf(stderr, "test_packet: no room for %zu bytes after %zu\n", bytes, packet->length);
        abort();
    }
    if (bytes > 0)
        memcpy(packet->bytes + packet->length, data, bytes);
    packet->length += bytes;
}

void test_packet_begin(struct test_packet *packet, unsigned heap_address_bits)
{
    packet->heap_address_bits = heap_address_bits;
    packet->pointer_count = 0;
    packet->length = SPEADI_HEADER_BYTES;
    speadi_store_be64(packet->bytes, speadi_header_word(heap_address_bits, 0));
}

void test_packet_set_count(struct test_packet *packet, unsigned count)
{
    packet->bytes[6] = (uint8_t)(count >> 8);
    packet->bytes[7] = (uint8_t)count;
}

void test_packet_pointer(struct test_packet *packet, uint64_t pointer)
{
    uint8_t word[SPEADI_POINTER_BYTES];

    speadi_store_be64(word, pointer);
    append(packet, word, sizeof word);
    test_packet_set_count(packet, ++packet->pointer_count);
}

void test_packet_immediate(struct test_packet *packet, uint64_t id, uint64_t value)
{
    test_packet_pointer(packet, speadi_pointer_immediate(packet->heap_address_bits, id, value));
}

void test_packet_addressed(struct test_packet *packet, uint64_t id, uint64_t offset)
{
    test_packet_pointer(packet, speadi_pointer_addressed(packet->heap_address_bits, id, offset));
}

void test_packet_payload(struct test_packet *packet, const void *data, size_t bytes)
{
    append(packet, data, bytes);
}

void test_packet_set_pointer(struct test_packet *packet, unsigned index, uint64_t pointer)
{
    speadi_store_be64(packet->bytes + SPEADI_HEADER_BYTES + (size_t)index * SPEADI_POINTER_BYTES,
                      pointer);
}

void test_packet_specials(struct test_packet *packet, unsigned heap_address_bits, uint64_t counter,
                          uint64_t heap_length, uint64_t offset, uint64_t bytes)
{
    test_packet_begin(packet, heap_address_bits);
    test_packet_immediate(packet, SPEAD_ID_HEAP_COUNTER, counter);
    test_packet_immediate(packet, SPEAD_ID_HEAP_LENGTH, heap_length);
    test_packet_immediate(packet, SPEAD_ID_PAYLOAD_OFFSET, offset);
    test_packet_immediate(packet, SPEAD_ID_PAYLOAD_LENGTH, bytes);
}

void test_packet_data(struct test_packet *packet, unsigned heap_address_bits, uint64_t counter,
                      uint64_t heap_length, uint64_t offset, const void *payload, size_t bytes)
{
    test_packet_specials(packet, heap_address_bits, counter, heap_length, offset, bytes);
    if (payload != NULL) {
        append(packet, payload, bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = test_packet_byte(counter, offset + i);

        append(packet, &byte, 1);
    }
}

uint8_t test_packet_byte(uint64_t counter, uint64_t offset)
{
    return (uint8_t)((counter * 0x9e3779b97f4a7c15ull + offset * 0xbf58476d1ce4e5b9ull) >> 56);
}
