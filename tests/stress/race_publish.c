/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a reader never sees words of two different copies together, and never an older copy after a newer copy.
 * Method: the owner writes copies in which all words are equal, until every reader has seen enough newer copies. The
 * readers check that all words are equal and never become smaller. The owner yields between copies, as a stream pauses
 * between bursts. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include <speadi/publish.h>

#define WORDS   67
#define CHANGES 500
#define READERS 3

static struct speadi_publish publish;
static atomic_uint readers_done;

struct reader {
    pthread_t thread;
    uint64_t reads;
    unsigned changes; /* number of reads that found a newer copy than the read before */
    bool torn, stepped_back;
};

static void *read_rounds(void *arg)
{
    struct reader *reader = arg;
    uint64_t words[WORDS], last = 0;

    for (; reader->changes < CHANGES; reader->reads++) {
        speadi_publish_read(&publish, words);
        for (unsigned i = 1; i < WORDS; i++)
            reader->torn |= words[i] != words[0];
        reader->stepped_back |= words[0] < last;
        reader->changes += words[0] > last;
        last = words[0];
    }
    atomic_fetch_add(&readers_done, 1);
    return NULL;
}

static void write_rounds(void)
{
    uint64_t words[WORDS];

    for (uint64_t round = 1; atomic_load(&readers_done) < READERS; round++) {
        for (unsigned i = 0; i < WORDS; i++)
            words[i] = round;
        speadi_publish_write(&publish, words);
        sched_yield();
    }
}

int main(void)
{
    struct reader reader[READERS] = {0};
    int failed = 0;

    if (speadi_publish_init(&publish, WORDS) != 0)
        return 1;
    for (unsigned i = 0; i < READERS; i++)
        if (pthread_create(&reader[i].thread, NULL, read_rounds, &reader[i]) != 0)
            return 1;
    write_rounds();
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(reader[i].thread, NULL);
        printf("reader %u: %llu reads, %u newer copies%s%s\n", i,
               (unsigned long long)reader[i].reads, reader[i].changes,
               reader[i].torn ? ", TORN" : "", reader[i].stepped_back ? ", STEPPED BACK" : "");
        failed |= reader[i].torn || reader[i].stepped_back;
    }
    speadi_publish_release(&publish);
    return failed;
}
