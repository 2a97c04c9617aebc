/* SPDX-License-Identifier: Apache-2.0 */
/* The hash of every table whose keys come from packets: heap counters, senders, item pointers.
 *
 * A sender knows this code but not the key, which is random and made anew for each table. So whatever a sender sends,
 * collisions are as rare as those of random numbers. The random key must stay secret: nothing may print it, or print
 * entries in an order that depends on it. */
#ifndef SPEADI_KEYED_HASH_H
#define SPEADI_KEYED_HASH_H

#include <stdint.h>

struct speadi_hash_key {
    uint64_t word[3]; /* random; the last one is odd */
};

/* Makes a random key. Any thread may call it. */
void speadi_hash_key_init(struct speadi_hash_key *key);

/* Multiplies both numbers to 128 bits. Returns the XOR of the two halves. */
static inline uint64_t speadi_hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Returns the hash of two numbers. A table uses only bits 32 to 63 of the hash. The function first combines each number
 * with a word of the key. A single multiplication would not be enough: if the numbers have a constant distance, their
 * products have one too, and for some keys such products fall into few places. */
static inline uint64_t speadi_keyed_hash(const struct speadi_hash_key *key, uint64_t a, uint64_t b)
{
    return speadi_hash_fold(a ^ key->word[0], b ^ key->word[1]) * key->word[2];
}

/* Returns the hash of three numbers. */
static inline uint64_t speadi_keyed_hash3(const struct speadi_hash_key *key, uint64_t a, uint64_t b,
                                          uint64_t c)
{
    return speadi_keyed_hash(key, speadi_hash_fold(a ^ key->word[0], b ^ key->word[1]), c);
}

#endif
