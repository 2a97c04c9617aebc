/* Packets written down byte by byte in tests/vectors/NAME.hex.
 *
 * A file holds hex bytes with spaces between them; '#' starts a comment that runs to the end of the
 * line; an empty line (no comment either) ends a packet. A file that cannot be read aborts the test. */
#ifndef TEST_VECTORS_H
#define TEST_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#define TEST_VECTOR_BYTES_MAX   256
#define TEST_VECTOR_PACKETS_MAX 16

struct test_vector_packet {
    size_t length;
    uint8_t bytes[TEST_VECTOR_BYTES_MAX];
};

struct test_vectors {
    size_t count;
    struct test_vector_packet packet[TEST_VECTOR_PACKETS_MAX];
};

/* Every file there is, ending in NULL. */
extern const char *const test_vector_names[];

/* Reads tests/vectors/NAME.hex. */
void test_vectors_read(struct test_vectors *vectors, const char *name);

#endif
