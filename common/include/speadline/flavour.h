/* Flavours, SPEAD-64-N: how the 64 bits of an item pointer are divided.
 *
 * N is the number of heap-address bits (8, 16, ..., 56). The other 64-N bits hold one mode bit and the item identifier.
 * Source: SPEAD protocol, SSA4700-0000-001 rev 1, "packet header" and "item pointers". Only protocol version 4 with
 * 64-bit pointers is in use anywhere, so the library knows only that one. */
#ifndef SPEADLINE_FLAVOUR_H
#define SPEADLINE_FLAVOUR_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_flavour {
    uint8_t heap_address_bits; /* N; the default of every configuration is 40 */
};

/* clang-format off */
#define SPEAD_FLAVOUR_64_40 { 40 }
#define SPEAD_FLAVOUR_64_48 { 48 }
/* clang-format on */

/* Returns true when N is a multiple of 8 and lies in 8..56. */
bool spead_flavour_is_valid(struct spead_flavour flavour);

/* Returns the largest immediate value, heap counter, heap length or address: 2^N - 1. */
uint64_t spead_flavour_value_max(struct spead_flavour flavour);

/* Returns the largest item identifier: 2^(63-N) - 1. */
uint64_t spead_flavour_id_max(struct spead_flavour flavour);

#ifdef __cplusplus
}
#endif
#endif
