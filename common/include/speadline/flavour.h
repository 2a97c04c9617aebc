/* SPEAD-64-N: how the 64 bits of an item pointer are divided.
 *
 * N is the number of heap-address bits (8, 16, ..., 56); the remaining 64-N bits hold one mode bit
 * and the item id. Source: SPEAD protocol, SSA4700-0000-001 rev 1, "packet header" and "item
 * pointers"; only protocol version 4 with 64-bit pointers is deployed, so only that exists here. */
#ifndef SPEADLINE_FLAVOUR_H
#define SPEADLINE_FLAVOUR_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_flavour {
    uint8_t heap_address_bits; /* N; 40 unless said otherwise */
};

/* clang-format off */
#define SPEAD_FLAVOUR_64_40 { 40 }
#define SPEAD_FLAVOUR_64_48 { 48 }
/* clang-format on */

/* True when N is a multiple of 8 in 8..56. */
bool spead_flavour_is_valid(struct spead_flavour flavour);

/* Largest immediate value, heap counter, heap length or address: 2^N - 1. */
uint64_t spead_flavour_value_max(struct spead_flavour flavour);

/* Largest item id: 2^(63-N) - 1. */
uint64_t spead_flavour_id_max(struct spead_flavour flavour);

#ifdef __cplusplus
}
#endif
#endif
