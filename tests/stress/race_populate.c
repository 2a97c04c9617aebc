/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the populator works on blocks while the taker takes, fills, zeroes and trims them, and while other threads read
 * and release them. No byte gets lost, and the pool never exceeds its limit.
 * Method: one thread fills each block with its number. Another thread checks the block and releases it. The limit is so
 * low that free blocks are trimmed all the time. A second part does the same for speadi_pages_touch(), which old
 * kernels need: one thread touches pages while another fills them. ThreadSanitizer finds other races. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <speadi/pool.h>

#include "pages.h"

enum { BLOCKS = 6, BLOCK_BYTES = 4 << 20, FILL = 64 << 10, ROUNDS = 3, TAKES = 600 };

static _Atomic(struct speadi_block *) mailbox;
static atomic_bool done;
static atomic_int wrong;

static void check_and_release(struct speadi_block *block)
{
    for (int i = 0; i < FILL; i++)
        if (block->data[i] != (uint8_t)(block->index + 1)) {
            atomic_fetch_add(&wrong, 1);
            break;
        }
    speadi_block_release(block);
}

static void *reader(void *arg)
{
    (void)arg;
    for (;;) {
        bool last = atomic_load(&done);
        struct speadi_block *block = atomic_exchange(&mailbox, NULL);

        if (block)
            check_and_release(block);
        else if (last)
            return NULL;
    }
}

/* Takes one block, lets the populator work on it, and fills its beginning meanwhile. */
static void use_block(struct speadi_pool *pool, unsigned turn)
{
    struct speadi_block *block = speadi_pool_take(pool), *none = NULL;
    uint64_t high;

    if (!block)
        return;
    (void)speadi_block_populate_ahead(block, BLOCK_BYTES);
    if (speadi_block_charge(block, FILL) < 0) {
        speadi_block_release(block);
        return;
    }
    if (turn % 5 == 0)
        speadi_block_zero(block, 0, block->charged_bytes);
    memset(block->data, (int)block->index + 1, FILL);
    (void)speadi_pool_populate_ahead(pool, 2, BLOCK_BYTES / 2);
    if (speadi_pool_memory_bytes(pool, &high) > 3 * BLOCK_BYTES || high > 3 * BLOCK_BYTES)
        atomic_fetch_add(&wrong, 1);
    if (!atomic_compare_exchange_strong(&mailbox, &none, block))
        check_and_release(block);
}

static int one_round(void)
{
    struct speadi_pool_config config = {
        .block_count = BLOCKS, .block_bytes = BLOCK_BYTES, .memory_bytes_max = 3 * BLOCK_BYTES};
    struct speadi_pool *pool;
    pthread_t thread;

    if (speadi_pool_create(&pool, &config, NULL) < 0 || speadi_pool_start_populator(pool, NULL) < 0)
        return -1;
    atomic_store(&done, false);
    pthread_create(&thread, NULL, reader, NULL);
    for (unsigned turn = 0; turn < TAKES; turn++)
        use_block(pool, turn);
    speadi_pool_unref(pool); /* the populator may still work */
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    return 0;
}

static void *toucher(void *arg)
{
    while (!atomic_load(&done))
        speadi_pages_touch(arg, FILL);
    return NULL;
}

static int touch_round(void)
{
    struct speadi_pages pages = {0};
    pthread_t thread;

    if (speadi_pages_reserve(&pages, FILL, 4096) < 0)
        return -1;
    atomic_store(&done, false);
    pthread_create(&thread, NULL, toucher, pages.data);
    for (int turn = 1; turn < 3000; turn++) {
        for (int at = 0; at < FILL; at += 4096)
            *(volatile uint8_t *)(pages.data + at) = (uint8_t)turn;
        for (int at = 0; at < FILL; at += 4096)
            if (*(volatile uint8_t *)(pages.data + at) != (uint8_t)turn)
                atomic_fetch_add(&wrong, 1);
    }
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    speadi_pages_release(&pages);
    return 0;
}

int main(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        if (one_round() < 0 || touch_round() < 0) {
            fprintf(stderr, "race_populate: cannot make a pool\n");
            return 1;
        }
    }
    if (atomic_load(&wrong)) {
        fprintf(stderr, "race_populate: %d times a byte or the account was wrong\n",
                atomic_load(&wrong));
        return 1;
    }
    return 0;
}
