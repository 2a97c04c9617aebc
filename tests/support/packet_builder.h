/* SPDX-License-Identifier: Apache-2.0 */
/* Builds any SPEAD packet, also a malformed one: these functions check no value, so that a test can choose any value.
 *
 *     struct test_packet packet;
 *     test_packet_begin(&packet, 40);
 *     test_packet_immediate(&packet, SPEAD_ID_HEAP_COUNTER, 1);
 *     ...
 *     test_packet_payload(&packet, data, sizeof data);
 *     packet.bytes[1] = 5; // make it malformed
 *
 * All pointers must be appended before the payload. A packet longer than `bytes` ends the program with abort(). */
#ifndef TEST_PACKET_BUILDER_H
#define TEST_PACKET_BUILDER_H

#include <stddef.h>
#include <stdint.h>

struct test_packet {
    unsigned heap_address_bits;
    unsigned pointer_count;
    size_t length;
    uint8_t bytes[65536];
};

/* Begins the packet with a header of flavour SPEAD-64-heap_address_bits and without item pointers. */
void test_packet_begin(struct test_packet *packet, unsigned heap_address_bits);

/* Each of these functions appends one item pointer, and adds 1 to the number of item pointers in the header. */
void test_packet_pointer(struct test_packet *packet, uint64_t pointer);
void test_packet_immediate(struct test_packet *packet, uint64_t id, uint64_t value);
void test_packet_addressed(struct test_packet *packet, uint64_t id, uint64_t offset);

/* Appends bytes of payload, and changes no item pointer. */
void test_packet_payload(struct test_packet *packet, const void *data, size_t bytes);

/* test_packet_set_pointer() overwrites the item pointer at `index`. test_packet_set_count() overwrites the number of
 * item pointers in the header. */
void test_packet_set_pointer(struct test_packet *packet, unsigned index, uint64_t pointer);
void test_packet_set_count(struct test_packet *packet, unsigned count);

/* Begins the packet: writes its header and the four special item pointers, in the order in which senders write them. */
void test_packet_specials(struct test_packet *packet, unsigned heap_address_bits, uint64_t counter,
                          uint64_t heap_length, uint64_t offset, uint64_t bytes);

/* Builds an ordinary data packet without items. It carries the range [offset, offset + bytes) of a heap with
 * heap_length bytes. `payload` is the content of that range. If `payload` is NULL, the byte at each offset is the value
 * of test_packet_byte() for that offset. */
void test_packet_data(struct test_packet *packet, unsigned heap_address_bits, uint64_t counter,
                      uint64_t heap_length, uint64_t offset, const void *payload, size_t bytes);

/* Returns the byte that all test data have at `offset` of the heap with the counter `counter`. Other heaps and other
 * offsets have other bytes. */
uint8_t test_packet_byte(uint64_t counter, uint64_t offset);

#endif
