/* SPDX-License-Identifier: Apache-2.0 */
/* A set of counters that one thread writes and any thread reads as a whole: a sequence lock over 64-bit words.
 *
 * The owner thread counts in a working copy, and copies this copy into the set once per poll. A reader tries again when
 * the owner thread was copying at the same time. All words are atomic, so that a read during a write is not a data race
 * in C. */
#ifndef SPEADI_PUBLISH_H
#define SPEADI_PUBLISH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct speadi_publish {
    _Atomic uint64_t sequence; /* odd during the time when the owner thread writes */
    size_t words;
    _Atomic uint64_t *word;
};

/* Makes a set of `words` counters, all zero. Returns 0 or -ENOMEM. */
int speadi_publish_init(struct speadi_publish *publish, size_t words);
void speadi_publish_release(struct speadi_publish *publish);

/* Publishes words: the owner thread calls begin(), then words() for each range that has changed, then end(). words()
 * copies `count` words from `from`, to the words first .. first + count - 1; a word that no call names stays as it is.
 * Only the owner thread may call these functions. A reader can succeed only when the pause between two publications
 * takes at least about as long as one copy of the words. So the owner thread should publish when something has changed,
 * and not in each pass of an idle loop. */
void speadi_publish_words(struct speadi_publish *publish, size_t first, size_t count,
                          const uint64_t *from);

/* Tells whether `count` words from `from` differ from the published words first .. first + count - 1. Only the owner
 * thread may call it. */
bool speadi_publish_differs(const struct speadi_publish *publish, size_t first, size_t count,
                            const uint64_t *from);

static inline void speadi_publish_begin(struct speadi_publish *publish)
{
    /* Relaxed: only the owner thread writes the sequence. The release store of each word in words() makes the odd
     * sequence visible. */
    uint64_t sequence = atomic_load_explicit(&publish->sequence, memory_order_relaxed);

    atomic_store_explicit(&publish->sequence, sequence + 1, memory_order_relaxed);
}

static inline void speadi_publish_end(struct speadi_publish *publish)
{
    /* Relaxed: only the owner thread writes the sequence. */
    uint64_t sequence = atomic_load_explicit(&publish->sequence, memory_order_relaxed);

    /* PUBLISH2 release: a reader that sees the even sequence also sees all words. */
    atomic_store_explicit(&publish->sequence, sequence + 1, memory_order_release);
}

/* Publishes all words. */
static inline void speadi_publish_write(struct speadi_publish *publish, const uint64_t *from)
{
    speadi_publish_begin(publish);
    speadi_publish_words(publish, 0, publish->words, from);
    speadi_publish_end(publish);
}

/* Copies the words of one single publication to `to`. Any thread may call this function. It tries again and again until
 * it succeeds. After a failure it yields the CPU, and after some failures it sleeps, so that a reader with a real-time
 * priority does not keep the owner thread from its CPU. */
void speadi_publish_read(const struct speadi_publish *publish, uint64_t *to);

#endif
