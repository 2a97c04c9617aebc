/* SPDX-License-Identifier: Apache-2.0 */
/* The verify pattern: a rule that gives the value of every payload byte, so that a receiver can check each byte. Both
 * tools use this rule.
 *
 * Let o be a heap offset that is a multiple of 8. The 8 payload bytes at o hold a 64-bit big-endian word
 *
 *     x = counter * 0x9e3779b97f4a7c15 + (o / 8) * 0xd6e8feb86659fd93      (modulo 2^64)
 *     word = x ^ (x >> 32)
 *
 * where counter is the heap counter as it is on the wire. If the length of the payload is no multiple of 8, the payload
 * ends with the first bytes of one more word. The offset o counts from the start of the payload of the heap, or from the
 * end of the descriptors if the heap begins with descriptors. So it does not matter into which items the payload is
 * divided. The bytes of a hole are zero.
 *
 * The rule needs one multiplication for each heap and then only additions. It costs less time than a copy of the
 * payload, so the check does not limit the rates that are measured. */
#ifndef SPEADLINE_TOOLS_VERIFY_PATTERN_H
#define SPEADLINE_TOOLS_VERIFY_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/heap.h>

/* Writes the pattern into `data`, which is the payload of a heap with this counter. `data` may be NULL if `bytes` is
 * 0. */
void verify_pattern_fill(uint8_t *data, size_t bytes, uint64_t counter);

/* Returns how many of the `bytes` bytes at `data` differ from the rule. `offset` is the heap offset of the first of
 * these bytes. */
uint64_t verify_pattern_bad_bytes(const uint8_t *data, uint64_t offset, size_t bytes,
                                  uint64_t counter);

/* Returns how many of the `bytes` bytes at `data` are not zero. */
uint64_t verify_pattern_nonzero_bytes(const uint8_t *data, size_t bytes);

/* The patterns that a sender can write. */
enum verify_rule {
    VERIFY_SPEADLINE, /* the rule above */
    VERIFY_SPEAD2,    /* the rule of spead2_pattern.h */
};

/* Returns how many bytes of a received heap are wrong. Bytes that arrived must follow one of the two rules, and bytes of
 * holes must be zero. The function tries the rule *rule first. If the heap follows the other rule, it writes that rule
 * to *rule; so the caller keeps *rule from heap to heap. If the heap follows none of them, the smaller number of wrong
 * bytes counts.
 *
 * Descriptors at the start of a heap are not checked. An incomplete heap is checked as if it had none, because nobody
 * knows where its items lie.
 *
 * `gaps` is an array for gaps_max gaps, in which the function works. If the heap has more gaps, all bytes behind the last
 * gap in the array count as wrong, because the array does not say which of them arrived. */
uint64_t verify_pattern_heap(const struct spead_heap *heap, struct spead_gap *gaps, size_t gaps_max,
                             enum verify_rule *rule);

#endif
