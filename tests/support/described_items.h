/* SPDX-License-Identifier: Apache-2.0 */
/* The items of tests/vectors/descriptors.hex: their descriptors as configurations, and their values as arrays of C. The
 * row with the index i belongs to the packet with this index in the file. */
#ifndef TEST_DESCRIBED_ITEMS_H
#define TEST_DESCRIBED_ITEMS_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/descriptor.h>
#include <speadline/value.h>

#define TEST_DESCRIBED_FIELDS_MAX 4

/* The values of one field, in C order. */
struct test_described_values {
    enum spead_ctype type;
    const void *values;
    size_t count;
    size_t bytes; /* of all values */
};

struct test_described_item {
    const char *what;
    unsigned heap_address_bits;
    uint32_t bug_compat;
    struct spead_descriptor_config config;
    uint64_t variable; /* length of the variable dimension */
    unsigned field_count;
    struct test_described_values fields[TEST_DESCRIBED_FIELDS_MAX];
};

extern const struct test_described_item test_described_items[];
extern const size_t test_described_item_count;

/* Makes the descriptor of a row. The program ends with abort() if that fails. */
struct spead_descriptor *test_described_descriptor(const struct test_described_item *row);

/* Writes the bytes of the item into an allocation of exactly their number. *bytes becomes their number. The
 * caller frees the bytes. */
uint8_t *test_described_bytes(const struct test_described_item *row,
                              const struct spead_descriptor *descriptor, size_t *bytes);

#endif
