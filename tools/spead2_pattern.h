/* SPDX-License-Identifier: Apache-2.0 */
/* The pattern that spead2_send --verify writes and that spead2_recv --verify checks. It was found by looking at heaps
 * that spead2 4.5.1 sent, not in its source.
 *
 * The first heap begins with the descriptors. The items of a heap, without descriptors, are one array of n big-endian 32-bit numbers: the elements. With the heap
 * counter c and the index i of an element, from 0, the element is
 *
 *     48271 ^ ((c - 1) * n + i + 1)   modulo 2^31 - 1
 *
 * So the numbers run on from heap to heap if all heaps have the same length and the counters begin at 1. */
#ifndef SPEADLINE_TOOLS_SPEAD2_PATTERN_H
#define SPEADLINE_TOOLS_SPEAD2_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define SPEAD2_PATTERN_WORD 4u /* the bytes of an element */

/* Writes the pattern into `data`, which holds all items of a heap with this counter. `bytes` must be a multiple of
 * SPEAD2_PATTERN_WORD. */
void spead2_pattern_fill(uint8_t *data, size_t bytes, uint64_t counter);

/* Returns how many of the `bytes` bytes at `data` differ from the pattern. `offset` is the place of the first of these
 * bytes among the items, which have `all_bytes` bytes together. */
uint64_t spead2_pattern_bad_bytes(const uint8_t *data, uint64_t offset, size_t bytes,
                                  uint64_t all_bytes, uint64_t counter);

#endif
