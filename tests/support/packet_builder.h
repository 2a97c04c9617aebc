/* Builds any SPEAD packet, also broken ones: what is not checked here cannot get in a test's way.
 *
 *     struct test_packet packet;
 *     test_packet_begin(&packet, 40);
 *     test_packet_immediate(&packet, SPEAD_ID_HEAP_COUNTER, 1);
 *     ...
 *     test_packet_payload(&packet, data, sizeof data);
 *     packet.bytes[1] = 5; // break it
 *
 * Order matters: pointers come before payload. Running out of room aborts. */
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

/* A header for SPEAD-64-heap_address_bits and nothing more. */
void test_packet_begin(struct test_packet *packet, unsigned heap_address_bits);

/* Appends one item pointer and counts it in the header. */
void test_packet_pointer(struct test_packet *packet, uint64_t pointer);
void test_packet_immediate(struct test_packet *packet, uint64_t id, uint64_t value);
void test_packet_addressed(struct test_packet *packet, uint64_t id, uint64_t offset);

/* Appends bytes; the packet's pointers are left as they are. */
void test_packet_payload(struct test_packet *packet, const void *data, size_t bytes);

/* Overwrites pointer number index, or the pointer count in the header. */
void test_packet_set_pointer(struct test_packet *packet, unsigned index, uint64_t pointer);
void test_packet_set_count(struct test_packet *packet, unsigned count);

/* Header and the four special pointers in the order in which senders write them. */
void test_packet_specials(struct test_packet *packet, unsigned heap_address_bits, uint64_t counter,
                          uint64_t heap_length, uint64_t offset, uint64_t bytes);

/* The usual data packet: bytes bytes of a heap of heap_length bytes, from offset. payload is what goes
 * there (not the heap's start); NULL writes test_packet_byte() of each place. No items. */
void test_packet_data(struct test_packet *packet, unsigned heap_address_bits, uint64_t counter,
                      uint64_t heap_length, uint64_t offset, const void *payload, size_t bytes);

/* A byte that tells heaps and places apart. */
uint8_t test_packet_byte(uint64_t counter, uint64_t offset);

#endif
