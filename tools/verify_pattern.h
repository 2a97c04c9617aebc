/* The verify pattern: a rule that gives the value of every payload byte, so that a receiver can check each byte.
 * Both tools use it.
 *
 * Let o be a heap offset that is a multiple of 8. The 8 payload bytes at o hold a 64-bit big-endian word
 *
 *     x = counter * 0x9e3779b97f4a7c15 + (o / 8) * 0xd6e8feb86659fd93      (modulo 2^64)
 *     word = x ^ (x >> 32)
 *
 * where counter is the heap counter as it is on the wire. If the length of the payload is no multiple of 8, the
 * payload ends with the first bytes of the next word. The offset counts from the start of the heap's payload,
 * whatever items the payload is divided into. Bytes of a hole are zero. The rule needs one multiplication for a
 * heap and then additions only. It costs less than a copy, so that the check does not limit the rates that are
 * measured. */
#ifndef SPEADLINE_TOOLS_VERIFY_PATTERN_H
#define SPEADLINE_TOOLS_VERIFY_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/heap.h>

/* Fills data, the payload of a heap with this counter. data may be NULL when bytes is 0. */
void verify_pattern_fill(uint8_t *data, size_t bytes, uint64_t counter);

/* Returns how many of the `bytes` bytes at data differ from the rule. data points to the payload at heap offset
 * `offset`. */
uint64_t verify_pattern_bad_bytes(const uint8_t *data, uint64_t offset, size_t bytes,
                                  uint64_t counter);

/* Returns how many of the bytes are not zero. */
uint64_t verify_pattern_nonzero_bytes(const uint8_t *data, size_t bytes);

/* Returns how many bytes of a received heap are wrong: bytes that arrived must follow the rule, bytes of holes must be
 * zero. gaps is working memory for gaps_max gaps. If the heap has more gaps, all bytes behind the last gap that fits
 * count as wrong, because nothing says which of them arrived. */
uint64_t verify_pattern_heap(const struct spead_heap *heap, struct spead_gap *gaps,
                             size_t gaps_max);

#endif
