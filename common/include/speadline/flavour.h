/* SPDX-License-Identifier: Apache-2.0 */
/* Flavours: a flavour SPEAD-64-N says how the 64 bits of an item pointer are divided.
 *
 * N is the number of heap-address bits (8, 16, ..., 56). The other 64-N bits hold one mode bit (immediate or addressed)
 * and the item identifier. Source: SPEAD protocol, SSA4700-0000-001 rev 1, "packet header" and "item pointers". All
 * senders and receivers in use have protocol version 4 with 64-bit pointers, so the library knows only this version.
 * Any thread may call the functions below. */
#ifndef SPEADLINE_FLAVOUR_H
#define SPEADLINE_FLAVOUR_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The flavour of a heap. */
struct spead_flavour {
    uint8_t heap_address_bits; /* N, in bits; the default of every configuration is 40 */
};

/* clang-format off */
#define SPEAD_FLAVOUR_64_40 { 40 }
#define SPEAD_FLAVOUR_64_48 { 48 }
/* clang-format on */

/* Returns true when heap_address_bits (N) is a multiple of 8 from 8 to 56. */
bool spead_flavour_is_valid(struct spead_flavour flavour);

/* Returns the largest number that N bits can hold: 2^N - 1. It is the largest value of an immediate item, and the
 * largest heap counter, heap length or address. */
uint64_t spead_flavour_value_max(struct spead_flavour flavour);

/* Returns the largest item identifier of the flavour: 2^(63-N) - 1. */
uint64_t spead_flavour_id_max(struct spead_flavour flavour);

#ifdef __cplusplus
}
#endif
#endif
