/* The verify pattern: payload whose every byte a receiver can check, by one rule for both tools.
 *
 * Every 8 payload bytes at a heap offset o that is a multiple of 8 hold a 64-bit big-endian word
 *
 *     x = counter * 0x9e3779b97f4a7c15 + (o / 8) * 0xd6e8feb86659fd93      (modulo 2^64)
 *     word = x ^ (x >> 32)
 *
 * where counter is the heap counter as it is on the wire. A payload that is no multiple of 8 ends with
 * the first bytes of the next word. Items do not matter: the offset is that in the heap's payload.
 * Bytes of a hole are zero. One multiplication a heap, then additions: the rule costs less than a
 * copy, so that checking does not decide what is measured. */
#ifndef SPEADLINE_TOOLS_VERIFY_PATTERN_H
#define SPEADLINE_TOOLS_VERIFY_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/heap.h>

/* Fills a heap's payload of bytes bytes. data may be NULL when bytes is 0. */
void verify_pattern_fill(uint8_t *data, size_t bytes, uint64_t counter);

/* How many of the bytes bytes at data, which is the payload from heap offset `offset` on, are not what
 * the rule says. */
uint64_t verify_pattern_bad_bytes(const uint8_t *data, uint64_t offset, size_t bytes,
                                  uint64_t counter);

/* How many of the bytes are not zero. */
uint64_t verify_pattern_nonzero_bytes(const uint8_t *data, size_t bytes);

/* The same for a received heap: what arrived is checked by the rule, holes for zero. gaps is room for
 * gaps_max of them; a heap with more counts wholly bad from the last one on, as its map is unknown. */
uint64_t verify_pattern_heap(const struct spead_heap *heap, struct spead_gap *gaps,
                             size_t gaps_max);

#endif
