/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: one thread takes blocks, several threads return them, and the owner ends the pool at a time when blocks are
 * out. The pool never gives out a block that has not come back.
 * Method: the taker writes the first word of each block. The thread that returns the block checks this word and
 * overwrites it. So a block that was given out wrongly has a wrong word. ThreadSanitizer finds other races. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <speadi/pool.h>

enum { RETURNERS = 3, BLOCKS = 16, ROUNDS = 30, TAKES = 3000 };

/* One mailbox for each thread that returns blocks. The taker puts a block into the mailbox. NULL means that the mailbox
 * is empty. */
static _Atomic(struct speadi_block *) mailbox[RETURNERS];
static atomic_bool done;
static atomic_int wrong;

static void check_and_release(struct speadi_block *block, unsigned who)
{
    uint64_t *word = (uint64_t *)(void *)block->data;

    if (word[0] != word[1] || word[0] != (uint64_t)block->index)
        atomic_fetch_add(&wrong, 1);
    word[0] = word[1] = 1000 + who;
    *(unsigned *)block->meta = who;
    speadi_block_release(block);
}

static void *returner(void *arg)
{
    unsigned who = (unsigned)(uintptr_t)arg;

    for (;;) {
        bool last = atomic_load(&done);
        struct speadi_block *block = atomic_exchange(&mailbox[who], NULL);

        if (block)
            check_and_release(block, who);
        else if (last)
            return NULL;
    }
}

static int one_round(void)
{
    struct speadi_pool_config config = {
        .block_count = BLOCKS, .block_bytes = 8192, .meta_bytes = 8, .memory_bytes_max = 8 * 8192};
    struct speadi_pool *pool;
    pthread_t thread[RETURNERS];

    if (speadi_pool_create(&pool, &config, NULL) < 0)
        return -1;
    atomic_store(&done, false);
    for (uintptr_t i = 0; i < RETURNERS; i++)
        pthread_create(&thread[i], NULL, returner, (void *)i);
    for (unsigned taken = 0; taken < TAKES; taken++) {
        struct speadi_block *block = speadi_pool_take(pool), *none = NULL;
        unsigned to = taken % RETURNERS;

        if (!block)
            continue;
        /* The limit of the pool allows only half of its blocks to be charged. */
        if (speadi_block_charge(block, 16) < 0) {
            speadi_block_release(block);
            continue;
        }
        memcpy(block->data, (uint64_t[]){block->index, block->index}, 16);
        if (!atomic_compare_exchange_strong(&mailbox[to], &none, block))
            check_and_release(block, to);
    }
    /* If other threads still have blocks, the pool is freed when the last block comes back. */
    speadi_pool_unref(pool);
    atomic_store(&done, true);
    for (unsigned i = 0; i < RETURNERS; i++)
        pthread_join(thread[i], NULL);
    return 0;
}

int main(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        if (one_round() < 0) {
            fprintf(stderr, "race_pool: cannot make a pool\n");
            return 1;
        }
    }
    if (atomic_load(&wrong)) {
        fprintf(stderr, "race_pool: %d blocks were not what their holder left\n",
                atomic_load(&wrong));
        return 1;
    }
    return 0;
}
