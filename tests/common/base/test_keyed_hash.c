/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the keys of the hash are random, and the hash spreads whatever comes. Method: the test hashes regular sets of
 * numbers with many keys, and counts how many numbers fall into one place. */
#include <criterion/criterion.h>

#include <string.h>

#include <speadi/keyed_hash.h>

#define PLACES 1024u

Test(keyed_hash, keys_differ)
{
    struct speadi_hash_key one, other;

    speadi_hash_key_init(&one);
    speadi_hash_key_init(&other);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_neq(one.word[i], other.word[i]);
    cr_expect_neq(speadi_keyed_hash(&one, 1, 2), speadi_keyed_hash(&other, 1, 2));
}

/* If 1024 random numbers fall into 1024 places, each place gets 16 or more of them with a probability of 2 * 10^-14. */
static void expect_spread(const uint16_t count[PLACES], const char *what, unsigned shift)
{
    for (unsigned i = 0; i < PLACES; i++)
        cr_expect_lt(count[i], 16, "%s, shift %u: %u numbers in one place", what, shift, count[i]);
}

Test(keyed_hash, the_bits_that_tables_use_spread_item_pointers_and_pairs)
{
    for (unsigned round = 0; round < 50; round++)
        for (unsigned shift = 0; shift < 54; shift++) {
            uint16_t high[PLACES] = {0}, low[PLACES] = {0}, pair[PLACES] = {0}, last[PLACES] = {0};
            struct speadi_hash_key key;

            speadi_hash_key_init(&key);
            for (uint64_t i = 0; i < PLACES; i++) {
                uint64_t hash = speadi_keyed_hash(&key, i << shift, 0);

                high[hash >> 54]++;
                low[hash >> 32 & (PLACES - 1)]++;
                last[speadi_keyed_hash3(&key, 1, 2, i << shift) >> 54]++;
                pair[speadi_keyed_hash(&key, i << shift, i) >> 54]++;
            }
            expect_spread(high, "high bits", shift);
            expect_spread(low, "bits from 32 on", shift);
            expect_spread(pair, "pairs", shift);
            expect_spread(last, "the last number", shift);
        }
}
