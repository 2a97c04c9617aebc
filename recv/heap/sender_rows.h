/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream tells about its senders: a row of numbers for each entry of the table of senders, and one row for all
 * senders that have lost their entry.
 *
 * The owner thread writes the rows while it polls: a few words for each heap that ends, and one word for each sender of
 * a burst. Any thread copies the rows as they were at one moment, between two polls. There are two ways to copy. If the
 * owner thread does not poll during that time, the reader copies the rows itself; the sequence number tells whether a
 * poll has begun. Otherwise the reader asks, and the owner thread copies the rows at the end of its poll. So neither
 * thread waits for the other while packets come, and the owner thread takes no lock. */
#ifndef SPEADI_SENDER_ROWS_H
#define SPEADI_SENDER_ROWS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/sender_address.h>

/* The words of a row. The words from SPEADI_SENDER_PACKETS on are sums. */
enum speadi_sender_word {
    SPEADI_SENDER_NAME, /* endpoint, port, and whether the address is known */
    SPEADI_SENDER_ADDRESS,
    SPEADI_SENDER_ADDRESS_END,
    SPEADI_SENDER_FIRST_NS, /* CLOCK_MONOTONIC */
    SPEADI_SENDER_SEEN_NS,  /* CLOCK_MONOTONIC */
    SPEADI_SENDER_STOPPED,
    SPEADI_SENDER_PACKETS,
    SPEADI_SENDER_PAYLOAD_BYTES,
    SPEADI_SENDER_COMPLETE,
    SPEADI_SENDER_INCOMPLETE,
    SPEADI_SENDER_MISSING_PACKETS,
    SPEADI_SENDER_MISSING_HEAPS,
    SPEADI_SENDER_RESTARTS,
    SPEADI_SENDER_SENDERS, /* how many senders the row is of */
    SPEADI_SENDER_WORDS,
};

struct speadi_sender_row {
    _Atomic uint64_t word[SPEADI_SENDER_WORDS];
};

/* A row as a reader gets it. */
struct speadi_sender_words {
    uint64_t word[SPEADI_SENDER_WORDS];
};

struct speadi_sender_rows {
    struct speadi_sender_row *row; /* [senders_max + 1]: the last row is of the forgotten senders */
    uint32_t senders_max;
    _Atomic uint64_t count;    /* rows in use, without the last one */
    _Atomic uint64_t sequence; /* odd while the owner thread may write */
    /* Which copy a reader wants, and which copy the owner thread has made last. */
    _Atomic uint64_t asked, answered;
    /* Readers take turns. The lock also protects the memory for the copy. */
    pthread_mutex_t readers;
    struct speadi_sender_words *copy; /* [senders_max + 1]; NULL until a reader asks for a copy */
    uint64_t copy_count;              /* rows in the copy, without the last one */
};

/* Makes empty rows. Returns 0 or -ENOMEM. */
int speadi_sender_rows_init(struct speadi_sender_rows *rows, uint32_t senders_max);
void speadi_sender_rows_release(struct speadi_sender_rows *rows);

/* Returns the bytes that the rows take, without those of the copy. */
static inline uint64_t speadi_sender_rows_bytes(uint32_t senders_max)
{
    return (senders_max + 1ull) * sizeof(struct speadi_sender_row);
}

/* ---- The owner thread ---------------------------------------------------------------------- */

static inline uint64_t speadi_sender_row_get(const struct speadi_sender_row *row,
                                             enum speadi_sender_word word)
{
    /* Relaxed: only the owner thread writes the words, and it calls this function. */
    return atomic_load_explicit(&row->word[word], memory_order_relaxed);
}

static inline void speadi_sender_row_set(struct speadi_sender_row *row,
                                         enum speadi_sender_word word, uint64_t value)
{
    /* ROWS1 release: a reader that sees this word also sees that the sequence is odd. */
    atomic_store_explicit(&row->word[word], value, memory_order_release);
}

static inline void speadi_sender_row_add(struct speadi_sender_row *row,
                                         enum speadi_sender_word word, uint64_t more)
{
    speadi_sender_row_set(row, word, speadi_sender_row_get(row, word) + more);
}

/* Returns the row of the senders that have lost their entry. */
static inline struct speadi_sender_row *speadi_sender_rows_forgotten(
    const struct speadi_sender_rows *rows)
{
    return &rows->row[rows->senders_max];
}

/* Gives row `index` to a sender that is heard at now_ns (CLOCK_MONOTONIC). If another sender had the row, its sums go to
 * the row of the forgotten senders. */
void speadi_sender_rows_admit(struct speadi_sender_rows *rows, uint32_t index, uint16_t endpoint,
                              const struct spead_sender_address *address, uint64_t now_ns);

/* Copies the rows for a reader that has asked. */
void speadi_sender_rows_answer(struct speadi_sender_rows *rows, uint64_t asked);

/* The owner thread calls begin() before it changes rows, and end() when all rows are as one poll leaves them. */
static inline void speadi_sender_rows_begin(struct speadi_sender_rows *rows)
{
    /* Relaxed: only the owner thread writes the sequence. The release store of each word makes the odd sequence
     * visible. */
    uint64_t sequence = atomic_load_explicit(&rows->sequence, memory_order_relaxed);

    atomic_store_explicit(&rows->sequence, sequence + 1, memory_order_relaxed);
}

static inline void speadi_sender_rows_end(struct speadi_sender_rows *rows)
{
    /* Relaxed: only the owner thread writes these two. */
    uint64_t sequence = atomic_load_explicit(&rows->sequence, memory_order_relaxed);
    uint64_t answered = atomic_load_explicit(&rows->answered, memory_order_relaxed), asked;

    /* ROWS2 release: a reader that sees the even sequence also sees all words. */
    atomic_store_explicit(&rows->sequence, sequence + 1, memory_order_release);
    /* ROWS3 acquire: the owner thread sees the memory for the copy. */
    asked = atomic_load_explicit(&rows->asked, memory_order_acquire);
    if (__builtin_expect(asked != answered, 0))
        speadi_sender_rows_answer(rows, asked);
}

/* ---- Any thread ---------------------------------------------------------------------------- */

/* Copies the first rows as they were between two polls, at most rows_max, and the row of the forgotten senders. Returns
 * how many rows are in use, which may be more than rows_max, or -ENOMEM. May wait until the owner thread ends a poll. */
int speadi_sender_rows_read(struct speadi_sender_rows *rows, struct speadi_sender_words *to,
                            uint32_t rows_max, struct speadi_sender_words *forgotten);

/* Returns the address in a row, and writes the endpoint. */
struct spead_sender_address speadi_sender_words_address(const struct speadi_sender_words *words,
                                                        uint32_t *endpoint);

#endif
