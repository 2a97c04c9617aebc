/* The hash of every table whose keys come from packets: heap counters, senders, item pointers.
 *
 * A sender knows this code but not the key, which is random and made anew for each table. So a set of keys that collide
 * can be hit only by chance, and is as unlikely as with random numbers, whatever is sent. The key must not become known:
 * nothing may print it, or an order that follows from it. */
#ifndef SPEADI_KEYED_HASH_H
#define SPEADI_KEYED_HASH_H

#include <stdint.h>

struct speadi_hash_key {
    uint64_t word[3]; /* random; the last one is odd */
};

/* Makes a random key. Any thread may call it. */
void speadi_hash_key_init(struct speadi_hash_key *key);

/* Returns the product of both numbers, as 128 bits of which the halves are combined. */
static inline uint64_t speadi_hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Returns the hash of two numbers, of which a table uses the high bits, down to bit 32. Each number meets a part of the
 * key before anything else happens to it. One multiplication alone would leave numbers at a constant distance at a
 * constant distance, and for some keys such numbers fall into few places. */
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
