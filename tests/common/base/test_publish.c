/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a reader gets all words of the last publication of the owner.
 * Method: one thread writes and reads. tests/stress/race_publish.c uses several threads. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <speadi/publish.h>

#include "thread_state.h"

Test(publish, counters_start_at_zero)
{
    struct speadi_publish publish;
    uint64_t read[3] = {9, 9, 9};

    cr_assert_eq(speadi_publish_init(&publish, 3), 0);
    speadi_publish_read(&publish, read);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(read[i], 0);
    speadi_publish_release(&publish);
}

Test(publish, what_was_written_last_is_read)
{
    struct speadi_publish publish;
    uint64_t read[9];

    cr_assert_eq(speadi_publish_init(&publish, 9), 0);
    for (uint64_t round = 1; round <= 3; round++) {
        uint64_t written[9];

        for (uint64_t i = 0; i < 9; i++)
            written[i] = UINT64_MAX - 100 * round - i;
        speadi_publish_write(&publish, written);
        speadi_publish_read(&publish, read);
        cr_expect_arr_eq(read, written, sizeof read);
    }
    speadi_publish_release(&publish);
}

Test(publish, words_that_are_not_named_stay_as_they_are)
{
    static const uint64_t all[] = {1, 2, 3, 4, 5, 6, 7}, some[] = {30, 40};
    static const uint64_t expected[] = {1, 2, 30, 40, 5, 6, 50};
    struct speadi_publish publish;
    uint64_t read[7];

    cr_assert_eq(speadi_publish_init(&publish, 7), 0);
    speadi_publish_write(&publish, all);
    speadi_publish_begin(&publish);
    speadi_publish_words(&publish, 2, 2, some);
    speadi_publish_words(&publish, 6, 1, (const uint64_t[]){50});
    speadi_publish_end(&publish);
    speadi_publish_read(&publish, read);
    cr_expect_arr_eq(read, expected, sizeof read);
    speadi_publish_release(&publish);
}

Test(publish, impossible_number_of_words_is_refused)
{
    struct speadi_publish publish;

    cr_expect_eq(speadi_publish_init(&publish, SIZE_MAX / 4), -ENOMEM);
}

Test(publish, release_may_be_called_twice)
{
    struct speadi_publish publish;

    cr_assert_eq(speadi_publish_init(&publish, 1), 0);
    speadi_publish_release(&publish);
    speadi_publish_release(&publish);
}

static _Atomic int reader_id;

static void *read_one(void *publish)
{
    uint64_t read;

    atomic_store(&reader_id, thread_id());
    speadi_publish_read(publish, &read);
    return NULL;
}

/* A reader with a real-time priority can preempt the owner in the middle of a publication. If this reader only yielded,
 * the owner would never get its CPU again. */
Test(publish, a_reader_that_meets_a_long_publication_sleeps, .timeout = 60)
{
    struct speadi_publish publish;
    pthread_t reader;

    cr_assert_eq(speadi_publish_init(&publish, 1), 0);
    atomic_store(&publish.sequence, 1); /* the owner has begun a publication */
    cr_assert_eq(pthread_create(&reader, NULL, read_one, &publish), 0);
    while (atomic_load(&reader_id) == 0)
        ;
    thread_wait_until_asleep(atomic_load(&reader_id));
    atomic_store(&publish.sequence, 2);
    pthread_join(reader, NULL);
    speadi_publish_release(&publish);
}
