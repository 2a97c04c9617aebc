/* SPDX-License-Identifier: Apache-2.0 */
/* A set of counters. One thread writes them, and any thread can read all of them as they were at one moment.
 *
 * The set is protected by a sequence lock without fences, because ThreadSanitizer does not understand fences. The code
 * stores every word with release and loads every word with acquire. On x86 both are ordinary move instructions. */
#include <speadi/cache_line.h>
#include <speadi/publish.h>

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READ_YIELDS 16u /* how often a reader yields before it sleeps */
#define READ_PAUSE_NS \
    50000 /* how long it sleeps: about the time of a slow publication with its page faults */

int speadi_publish_init(struct speadi_publish *publish, size_t words)
{
    _Atomic uint64_t *word;

    if (words > (SIZE_MAX - SPEADI_CACHE_LINE) / sizeof *word)
        return -ENOMEM;
    /* The words lie in cache lines that contain nothing else. So reading threads do not slow down the owner thread when
     * it uses other data. */
    word = speadi_alloc_lines(words * sizeof *word);
    if (!word)
        return -ENOMEM;
    for (size_t i = 0; i < words; i++)
        atomic_init(&word[i], 0);
    atomic_init(&publish->sequence, 0);
    publish->words = words;
    publish->word = word;
    return 0;
}

void speadi_publish_release(struct speadi_publish *publish)
{
    free(publish->word);
    publish->word = NULL;
    publish->words = 0;
}

static inline void put(_Atomic uint64_t *word, uint64_t value)
{
    /* PUBLISH1 release: a reader that sees this word also sees that the sequence is odd. */
    atomic_store_explicit(word, value, memory_order_release);
}

void speadi_publish_words(struct speadi_publish *publish, size_t first, size_t count,
                          const uint64_t *from)
{
    _Atomic uint64_t *word = publish->word + first, *end = word + count;

    /* Each pass stores four words. Every poll runs this loop, and compilers do not unroll loops with atomics. */
    for (; end - word >= 4; word += 4, from += 4) {
        put(&word[0], from[0]);
        put(&word[1], from[1]);
        put(&word[2], from[2]);
        put(&word[3], from[3]);
    }
    while (word < end)
        put(word++, *from++);
}

bool speadi_publish_differs(const struct speadi_publish *publish, size_t first, size_t count,
                            const uint64_t *from)
{
    /* Only this thread writes the words, so it may read them as plain memory. */
    return memcmp((const void *)(publish->word + first), from, count * sizeof *from) != 0;
}

static bool try_read(const struct speadi_publish *publish, uint64_t *to)
{
    /* PUBLISH2 acquire: the words that are read below are at least as new as this sequence. */
    uint64_t before = atomic_load_explicit(&publish->sequence, memory_order_acquire);

    if (before & 1)
        return false;
    /* PUBLISH1 acquire: if one of these words is from a later publication, the sequence that is read below differs from
     * `before`. */
    for (size_t i = 0; i < publish->words; i++)
        to[i] = atomic_load_explicit(&publish->word[i], memory_order_acquire);
    /* Relaxed: the acquire loads above keep this load after the words. */
    return atomic_load_explicit(&publish->sequence, memory_order_relaxed) == before;
}

/* Perhaps the owner thread was preempted in the middle of a publication. So after a failure this thread lets other
 * threads run on its CPU. If this thread has a real-time priority, sched_yield() does not let an ordinary thread run,
 * so after some tries this thread sleeps for a fixed time. The owner thread does not wake it, because the owner thread
 * would then have to look for readers after each publication, once a poll. */
static void let_the_owner_run(unsigned tries)
{
    const struct timespec pause = {.tv_nsec = READ_PAUSE_NS};

    if (tries < READ_YIELDS)
        sched_yield();
    else
        nanosleep(&pause, NULL);
}

void speadi_publish_read(const struct speadi_publish *publish, uint64_t *to)
{
    for (unsigned tries = 0; !try_read(publish, to); tries++)
        let_the_owner_run(tries);
}
