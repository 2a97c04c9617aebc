/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that are written byte by byte in tests/vectors/NAME.hex.
 *
 * In a file each byte is two hex digits, with spaces between the bytes. '#' starts a comment, which ends at the end of
 * the line. A packet ends at an empty line. A line with only a comment does not end a packet. If a file cannot be read,
 * the program ends with abort(). */
#ifndef TEST_VECTORS_H
#define TEST_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#define TEST_VECTOR_BYTES_MAX   512
#define TEST_VECTOR_PACKETS_MAX 16

struct test_vector_packet {
    size_t length;
    uint8_t bytes[TEST_VECTOR_BYTES_MAX];
};

struct test_vectors {
    size_t count;
    struct test_vector_packet packet[TEST_VECTOR_PACKETS_MAX];
};

/* The names of all files, without ".hex". NULL ends the list. */
extern const char *const test_vector_names[];

/* Reads all packets of tests/vectors/NAME.hex. */
void test_vectors_read(struct test_vectors *vectors, const char *name);

#endif
