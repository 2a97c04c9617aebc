/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a reader never sees the rows of the senders in the middle of a poll, never an older state after a newer one, and
 * never waits for an owner that sleeps. Method: in each poll the owner counts a packet in one row and a heap in another,
 * and now and then gives a row to a new sender; so the sums of packets and of heaps over all rows and the forgotten
 * senders are equal between two polls. For a part of the time it polls without a pause, so that readers must ask. The
 * readers compare the sums. At the end the owner does not poll any more, and the readers still read. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "sender_rows.h"

#define SENDERS 9
#define CHANGES 300
#define READERS 3

static struct speadi_sender_rows rows;
static atomic_uint readers_done;
static atomic_bool has_slept;

struct reader {
    pthread_t thread;
    uint64_t reads;
    unsigned changes; /* number of reads that found a newer state than the read before */
    bool torn, stepped_back, failed;
};

static void read_once(struct reader *reader, uint64_t *last)
{
    struct speadi_sender_words words[SENDERS + 1];
    uint64_t packets = 0, heaps = 0;
    int count = speadi_sender_rows_read(&rows, words, SENDERS, &words[SENDERS]);

    reader->failed |= count < 0;
    reader->reads++;
    for (int i = 0; i <= SENDERS; i++) {
        if (i >= count && i != SENDERS)
            continue;
        packets += words[i].word[SPEADI_SENDER_PACKETS];
        heaps += words[i].word[SPEADI_SENDER_COMPLETE];
    }
    reader->torn |= packets != heaps;
    reader->stepped_back |= packets < *last;
    reader->changes += packets > *last;
    *last = packets;
}

static void *read_rounds(void *arg)
{
    struct reader *reader = arg;
    uint64_t last = 0;

    while (reader->changes < CHANGES)
        read_once(reader, &last);
    atomic_fetch_add(&readers_done, 1);
    while (!atomic_load(&has_slept))
        sched_yield();
    for (unsigned i = 0; i < 100; i++)
        read_once(reader, &last);
    return NULL;
}

static void poll_once(uint64_t round)
{
    static const struct spead_sender_address address = {.port = 7000, .known = true};

    speadi_sender_rows_begin(&rows);
    speadi_sender_row_add(&rows.row[round % SENDERS], SPEADI_SENDER_PACKETS, 1);
    if (round % 5 == 0)
        speadi_sender_rows_admit(&rows, (uint32_t)(round % SENDERS), 0, &address, round);
    speadi_sender_row_add(&rows.row[round / 7 % SENDERS], SPEADI_SENDER_COMPLETE, 1);
    speadi_sender_rows_end(&rows);
}

static void poll_rounds(void)
{
    static const struct spead_sender_address address = {.port = 7000, .known = true};

    speadi_sender_rows_begin(&rows);
    for (uint32_t i = 0; i < SENDERS; i++)
        speadi_sender_rows_admit(&rows, i, 0, &address, 0);
    speadi_sender_rows_end(&rows);
    for (uint64_t round = 1; atomic_load(&readers_done) < READERS; round++) {
        poll_once(round);
        if (round % 2000 < 200)
            sched_yield();
    }
    atomic_store(&has_slept, true);
}

int main(void)
{
    struct reader reader[READERS] = {0};
    int failed = 0;

    if (speadi_sender_rows_init(&rows, SENDERS) != 0)
        return 1;
    for (unsigned i = 0; i < READERS; i++)
        if (pthread_create(&reader[i].thread, NULL, read_rounds, &reader[i]) != 0)
            return 1;
    poll_rounds();
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(reader[i].thread, NULL);
        printf("reader %u: %llu reads, %u newer states%s%s%s\n", i,
               (unsigned long long)reader[i].reads, reader[i].changes,
               reader[i].torn ? ", TORN" : "", reader[i].stepped_back ? ", STEPPED BACK" : "",
               reader[i].failed ? ", FAILED" : "");
        failed |= reader[i].torn || reader[i].stepped_back || reader[i].failed;
    }
    speadi_sender_rows_release(&rows);
    return failed;
}
