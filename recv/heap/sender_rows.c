/* SPDX-License-Identifier: Apache-2.0 */
/* See sender_rows.h. As in publish.c, there are no fences, because ThreadSanitizer does not understand them. */
#include "sender_rows.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KNOWN          1u
#define PORT_SHIFT     16
#define ENDPOINT_SHIFT 32

#define READ_YIELDS   16u   /* how often a reader yields before it sleeps */
#define READ_PAUSE_NS 50000 /* how long it sleeps */

/* ---- Making -------------------------------------------------------------------------------- */

int speadi_sender_rows_init(struct speadi_sender_rows *rows, uint32_t senders_max)
{
    rows->senders_max = senders_max;
    rows->copy = NULL;
    rows->copy_count = 0;
    atomic_init(&rows->count, 0);
    atomic_init(&rows->sequence, 0);
    atomic_init(&rows->asked, 0);
    atomic_init(&rows->answered, 0);
    pthread_mutex_init(&rows->readers, NULL);
    rows->row = calloc(senders_max + 1ull, sizeof *rows->row);
    return rows->row ? 0 : -ENOMEM;
}

void speadi_sender_rows_release(struct speadi_sender_rows *rows)
{
    free(rows->row);
    free(rows->copy);
    rows->row = NULL;
    rows->copy = NULL;
}

/* ---- The owner thread ---------------------------------------------------------------------- */

static void set(struct speadi_sender_row *row, enum speadi_sender_word word, uint64_t value)
{
    speadi_sender_row_set(row, word, value);
}

/* Adds the sums of this row to the row of the forgotten senders. */
static void forget(struct speadi_sender_rows *rows, const struct speadi_sender_row *row)
{
    for (unsigned i = SPEADI_SENDER_PACKETS; i < SPEADI_SENDER_WORDS; i++)
        speadi_sender_row_add(speadi_sender_rows_forgotten(rows), i, speadi_sender_row_get(row, i));
}

void speadi_sender_rows_admit(struct speadi_sender_rows *rows, uint32_t index, uint16_t endpoint,
                              const struct spead_sender_address *address, uint64_t now_ns)
{
    struct speadi_sender_row *row = &rows->row[index];
    /* Relaxed: only the owner thread writes the count. */
    const uint64_t count = atomic_load_explicit(&rows->count, memory_order_relaxed);
    uint64_t half[2];

    memcpy(half, address->address, sizeof half);
    forget(rows, row);
    set(row, SPEADI_SENDER_NAME,
        (uint64_t)endpoint << ENDPOINT_SHIFT | (uint64_t)address->port << PORT_SHIFT |
            (address->known ? KNOWN : 0));
    set(row, SPEADI_SENDER_ADDRESS, half[0]);
    set(row, SPEADI_SENDER_ADDRESS_END, half[1]);
    set(row, SPEADI_SENDER_FIRST_NS, now_ns);
    set(row, SPEADI_SENDER_SEEN_NS, now_ns);
    for (unsigned i = SPEADI_SENDER_STOPPED; i < SPEADI_SENDER_SENDERS; i++)
        set(row, i, 0);
    set(row, SPEADI_SENDER_SENDERS, 1);
    /* ROWS1 release: a reader that sees this count also sees that the sequence is odd. */
    if (index >= count)
        atomic_store_explicit(&rows->count, index + 1ull, memory_order_release);
}

static void copy_row(struct speadi_sender_words *to, const struct speadi_sender_row *row)
{
    for (unsigned i = 0; i < SPEADI_SENDER_WORDS; i++)
        to->word[i] = speadi_sender_row_get(row, i);
}

void speadi_sender_rows_answer(struct speadi_sender_rows *rows, uint64_t asked)
{
    /* Relaxed: only the owner thread writes the count. */
    rows->copy_count = atomic_load_explicit(&rows->count, memory_order_relaxed);
    for (uint64_t i = 0; i < rows->copy_count; i++)
        copy_row(&rows->copy[i], &rows->row[i]);
    copy_row(&rows->copy[rows->senders_max], speadi_sender_rows_forgotten(rows));
    /* ROWS4 release: a reader that sees the answer also sees the copy. */
    atomic_store_explicit(&rows->answered, asked, memory_order_release);
}

/* ---- Readers -------------------------------------------------------------------------------- */

static void read_row(struct speadi_sender_words *to, const struct speadi_sender_row *row)
{
    /* ROWS1 acquire: if one of these words is of a later poll, the sequence that is read below differs. */
    for (unsigned i = 0; i < SPEADI_SENDER_WORDS; i++)
        to->word[i] = atomic_load_explicit(&row->word[i], memory_order_acquire);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Copies the rows. Returns false if the owner thread polled at the same time. */
static bool try_read(const struct speadi_sender_rows *rows, struct speadi_sender_words *to,
                     uint32_t rows_max, struct speadi_sender_words *forgotten, uint64_t *count)
{
    /* ROWS2 acquire: the words that are read below are at least as new as this sequence. */
    const uint64_t before = atomic_load_explicit(&rows->sequence, memory_order_acquire);

    if (before & 1)
        return false;
    /* ROWS1 acquire: as in read_row(). */
    *count = atomic_load_explicit(&rows->count, memory_order_acquire);
    for (uint64_t i = 0; i < least(*count, rows_max); i++)
        read_row(&to[i], &rows->row[i]);
    read_row(forgotten, speadi_sender_rows_forgotten(rows));
    /* Relaxed: the acquire loads above keep this load after the words. */
    return atomic_load_explicit(&rows->sequence, memory_order_relaxed) == before;
}

/* Asks the owner thread for a copy. Returns the number of the request, or 0 when out of memory. */
static uint64_t ask(struct speadi_sender_rows *rows)
{
    /* Relaxed: readers take turns, and only they write it. */
    const uint64_t number = atomic_load_explicit(&rows->asked, memory_order_relaxed) + 1;

    if (!rows->copy)
        rows->copy = calloc(rows->senders_max + 1ull, sizeof *rows->copy);
    if (!rows->copy)
        return 0;
    /* ROWS3 release: the owner thread sees the memory for the copy. */
    atomic_store_explicit(&rows->asked, number, memory_order_release);
    return number;
}

/* Takes the copy if the owner thread has made it. */
static bool try_take(const struct speadi_sender_rows *rows, uint64_t number,
                     struct speadi_sender_words *to, uint32_t rows_max,
                     struct speadi_sender_words *forgotten, uint64_t *count)
{
    /* ROWS4 acquire: this thread sees the copy. */
    if (atomic_load_explicit(&rows->answered, memory_order_acquire) != number)
        return false;
    *count = rows->copy_count;
    for (uint64_t i = 0; i < least(*count, rows_max); i++)
        to[i] = rows->copy[i];
    *forgotten = rows->copy[rows->senders_max];
    return true;
}

/* Lets the owner thread run, which may have been preempted in a poll. See publish.c. */
static void pause_reader(unsigned tries)
{
    const struct timespec pause = {.tv_nsec = READ_PAUSE_NS};

    if (tries < READ_YIELDS)
        sched_yield();
    else
        nanosleep(&pause, NULL);
}

static int read_in_turn(struct speadi_sender_rows *rows, struct speadi_sender_words *to,
                        uint32_t rows_max, struct speadi_sender_words *forgotten)
{
    uint64_t count, number;

    if (try_read(rows, to, rows_max, forgotten, &count))
        return (int)count;
    number = ask(rows);
    if (number == 0)
        return -ENOMEM;
    /* If the owner thread goes to sleep before it sees the request, the rows do not change, and this thread copies
     * them. Then the request is answered at the end of a later poll, and nobody takes that copy. */
    for (unsigned tries = 0;; tries++) {
        if (try_take(rows, number, to, rows_max, forgotten, &count) ||
            try_read(rows, to, rows_max, forgotten, &count))
            return (int)count;
        pause_reader(tries);
    }
}

int speadi_sender_rows_read(struct speadi_sender_rows *rows, struct speadi_sender_words *to,
                            uint32_t rows_max, struct speadi_sender_words *forgotten)
{
    int ret;

    pthread_mutex_lock(&rows->readers);
    ret = read_in_turn(rows, to, rows_max, forgotten);
    pthread_mutex_unlock(&rows->readers);
    return ret;
}

struct spead_sender_address speadi_sender_words_address(const struct speadi_sender_words *words,
                                                        uint32_t *endpoint)
{
    const uint64_t name = words->word[SPEADI_SENDER_NAME];
    struct spead_sender_address address = {.port = (uint16_t)(name >> PORT_SHIFT),
                                           .known = (name & KNOWN) != 0};

    memcpy(address.address, &words->word[SPEADI_SENDER_ADDRESS], 8);
    memcpy(address.address + 8, &words->word[SPEADI_SENDER_ADDRESS_END], 8);
    *endpoint = (uint32_t)(name >> ENDPOINT_SHIFT);
    return address;
}
