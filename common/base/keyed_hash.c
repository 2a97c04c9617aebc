/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the keys of keyed_hash.h. */
#include <speadi/keyed_hash.h>

#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#include <speadi/clock.h>

void speadi_hash_key_init(struct speadi_hash_key *key)
{
    if (getrandom(key->word, sizeof key->word, GRND_NONBLOCK) != (ssize_t)sizeof key->word) {
        /* A system that has just been started has no random numbers yet. The kernel gives each process 16 bytes. */
        memcpy(key->word, (const void *)getauxval(AT_RANDOM), 16);
        key->word[2] = speadi_clock_mono_ns() * 0x9e3779b97f4a7c15ull ^ (uintptr_t)key;
    }
    key->word[2] |= 1;
}
