/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the populator of a pool supplies memory before it is used. It never exceeds the limit of the pool, it changes
 * no byte, and it is gone when the pool is gone.
 * Method: the tests ask the kernel with mincore(2) which bytes are resident. They wait until the populator says that it
 * is idle. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <speadi/pool.h>

#include "pages.h"
#include "resident.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct speadi_pool *pool;

static void make_pool(uint32_t blocks, size_t block_bytes, uint64_t memory_max)
{
    struct speadi_pool_config config = {
        .block_count = blocks, .block_bytes = block_bytes, .memory_bytes_max = memory_max};
    struct spead_err err = {0};

    cr_assert_eq(speadi_pool_create(&pool, &config, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_pool_start_populator(pool, &err), 0, "%s", err.text);
}

static void wait_until_idle(void)
{
    while (!speadi_pool_populator_is_idle(pool))
        sched_yield();
}

static uint64_t charged(void)
{
    uint64_t high;

    return speadi_pool_memory_bytes(pool, &high);
}

static void populate_all_ahead(uint32_t blocks, size_t bytes)
{
    do
        wait_until_idle();
    while (speadi_pool_populate_ahead(pool, blocks, bytes));
}

static void end_pool(void)
{
    speadi_pool_unref(pool);
}

TestSuite(pool_ahead, .fini = end_pool);

Test(pool_ahead, blocks_that_were_never_taken_are_populated_in_the_order_of_their_use)
{
    struct speadi_block *block[3];

    make_pool(4, 4 * MIB, 0);
    populate_all_ahead(2, 4 * MIB);
    cr_expect_eq(charged(), 8 * MIB);
    for (int i = 0; i < 3; i++) {
        block[i] = speadi_pool_take(pool);
        cr_expect_eq(test_resident(block[i]), i < 2 ? 4 * MIB : 0, "block %d", i);
    }
    for (int i = 0; i < 3; i++)
        speadi_block_release(block[i]);
}

Test(pool_ahead, a_block_in_use_keeps_its_bytes)
{
    struct speadi_block *block;

    make_pool(2, 4 * MIB, 0);
    block = speadi_pool_take(pool);
    cr_assert_eq(speadi_block_charge(block, 100), 0);
    memset(block->data, 0x5a, 100);
    cr_assert(speadi_block_populate_ahead(block, 4 * MIB));
    wait_until_idle();
    cr_expect_eq(test_resident(block), 4 * MIB);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(block->data[i], 0x5a);
    cr_expect_eq(block->data[100], 0);
    cr_expect_not(speadi_block_populate_ahead(block, 4 * MIB), "there is nothing left to do");
    speadi_block_release(block);
}

Test(pool_ahead, the_limit_holds_and_one_block_more_has_room)
{
    struct speadi_pool_stats stats;
    struct speadi_block *block;

    make_pool(8, 4 * MIB, 12 * MIB);
    populate_all_ahead(8, 4 * MIB);
    speadi_pool_stats(pool, &stats);
    cr_expect_eq(stats.memory_bytes, 8 * MIB);
    cr_expect_leq(stats.memory_high_water_bytes, 12 * MIB);
    block = speadi_pool_take(pool);
    cr_expect_eq(speadi_block_charge(block, 4 * MIB), 0);
    speadi_block_release(block);
}

Test(pool_ahead, a_block_in_use_is_not_populated_with_the_memory_that_another_one_lacks_then)
{
    struct speadi_block *ahead, *other;

    make_pool(2, 4 * MIB, 6 * MIB);
    ahead = speadi_pool_take(pool);
    other = speadi_pool_take(pool);
    cr_expect_not(speadi_block_populate_ahead(ahead, 4 * MIB));
    cr_expect_eq(speadi_block_charge(other, 4 * MIB), 0);
    speadi_block_release(ahead);
    speadi_block_release(other);
}

Test(pool_ahead, what_was_populated_is_given_up_when_another_block_needs_the_memory)
{
    struct speadi_block *block[3];

    make_pool(3, 4 * MIB, 12 * MIB);
    populate_all_ahead(2, 4 * MIB);
    for (int i = 0; i < 3; i++)
        block[i] = speadi_pool_take(pool);
    speadi_block_release(block[0]);
    speadi_block_release(block[1]);
    cr_expect_eq(speadi_block_charge(block[2], 4 * MIB), 0);
    speadi_block_release(block[2]);
    cr_expect_leq(charged(), 12 * MIB);
}

/* Makes a pool that two users share: each keeps 32 of 128 MiB. */
static void make_shared_pool(void)
{
    struct speadi_pool_config config = {.block_count = 4,
                                        .block_bytes = 64 * MIB,
                                        .memory_bytes_max = 128 * MIB,
                                        .user_count = 2,
                                        .share_bytes = 32 * MIB};
    struct spead_err err = {0};

    cr_assert_eq(speadi_pool_create(&pool, &config, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_pool_start_populator(pool, &err), 0, "%s", err.text);
}

static struct speadi_block *take_for(uint32_t user)
{
    struct speadi_block *block = speadi_pool_take(pool);

    cr_assert_not_null(block);
    speadi_block_set_user(block, user);
    return block;
}

Test(pool_ahead, a_block_that_is_being_populated_does_not_break_the_shares)
{
    struct speadi_block *flood[2], *own;

    make_shared_pool();
    flood[0] = take_for(0);
    cr_assert_eq(speadi_block_charge(flood[0], 64 * MIB), 0);
    cr_assert(speadi_pool_populate_ahead(pool, 1, 32 * MIB));
    flood[1] = speadi_pool_take(pool); /* the populator works on this block */
    cr_expect_eq(speadi_block_charge(flood[1], 48 * MIB), 0);
    speadi_block_set_user(flood[1], 0); /* user 0 gets 96 MiB at most */
    own = take_for(1);
    cr_expect_eq(speadi_block_charge(own, 32 * MIB), 0);
    cr_expect_leq(flood[1]->charged_bytes, 32 * MIB);
    speadi_block_release(own);
    speadi_block_release(flood[0]);
    speadi_block_release(flood[1]);
}

Test(pool_ahead, a_block_that_is_being_populated_is_trimmed_when_another_needs_the_memory)
{
    struct speadi_block *held[3];

    make_pool(3, 64 * MIB, 128 * MIB);
    held[0] = speadi_pool_take(pool);
    held[1] = speadi_pool_take(pool);
    cr_assert(speadi_block_populate_ahead(held[0], 64 * MIB));
    speadi_block_release(held[0]);
    held[0] = speadi_pool_take(pool);
    held[2] = speadi_pool_take(pool);
    speadi_block_release(held[0]);
    cr_expect_eq(speadi_block_charge(held[1], 64 * MIB), 0);
    cr_expect_eq(speadi_block_charge(held[2], 64 * MIB), 0);
    cr_expect_eq(charged(), 128 * MIB);
    cr_expect_eq(test_resident(held[0]), 0);
    speadi_block_release(held[1]);
    speadi_block_release(held[2]);
}

/* Blocks are taken, charged, populated and trimmed in turns, with less memory than they need. */
Test(pool_ahead, a_random_use_never_exceeds_the_limit)
{
    struct speadi_block *held[4] = {NULL};
    unsigned random = 1;

    make_pool(6, 4 * MIB, 10 * MIB);
    for (int turn = 0; turn < 3000; turn++) {
        struct speadi_block **at = &held[(random = random * 1103515245 + 12345) >> 16 & 3];
        size_t bytes = (random >> 18) % (4 * MIB) + 1;

        if (*at) {
            speadi_block_release(*at);
            *at = NULL;
        } else if ((*at = speadi_pool_take(pool)) != NULL) {
            if (turn & 1)
                (void)speadi_block_populate_ahead(*at, bytes);
            else if (speadi_block_charge(*at, bytes) == 0)
                (*at)->data[bytes - 1] = 7;
        }
        (void)speadi_pool_populate_ahead(pool, 2, bytes);
        cr_assert_leq(charged(), 10 * MIB);
    }
    wait_until_idle();
    for (int i = 0; i < 4; i++)
        if (held[i])
            speadi_block_release(held[i]);
}

Test(pool_ahead, memory_that_was_zeroed_and_given_back_is_populated_again)
{
    struct speadi_block *block;

    make_pool(2, 8 * MIB, 0);
    block = speadi_pool_take(pool);
    cr_assert(speadi_block_populate_ahead(block, 8 * MIB));
    speadi_block_zero(block, 1, 8 * MIB); /* the populator may still work */
    wait_until_idle();
    cr_assert(speadi_block_populate_ahead(block, 8 * MIB));
    wait_until_idle();
    cr_expect_eq(test_resident(block), 8 * MIB);
    speadi_block_release(block);
}

Test(pool_ahead, the_pool_may_end_while_the_populator_works)
{
    make_pool(2, 64 * MIB, 0);
    cr_expect(speadi_pool_populate_ahead(pool, 2, 64 * MIB));
}

/* Returns the scheduling class of the thread of the populator. */
static int populator_class(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    int class = -1;

    cr_assert_not_null(tasks);
    while ((task = readdir(tasks)) != NULL) {
        char path[300], name[16] = "";
        FILE *comm;

        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        comm = fopen(path, "r");
        if (comm && fgets(name, sizeof name, comm) && strncmp(name, "spead-populate", 14) == 0)
            class = sched_getscheduler(atoi(task->d_name));
        if (comm)
            fclose(comm);
    }
    closedir(tasks);
    return class;
}

Test(pool_ahead, the_populator_of_a_real_time_thread_is_an_ordinary_thread)
{
    const struct sched_param lowest = {.sched_priority = 1};

    if (sched_setscheduler(0, SCHED_FIFO, &lowest) < 0) {
        make_pool(1, 4 * KIB, 0);
        cr_skip("this process may not use SCHED_FIFO");
    }
    make_pool(1, 4 * KIB, 0);
    cr_expect_eq(populator_class(), SCHED_OTHER);
}

Test(pool_ahead, a_kernel_that_cannot_populate_is_helped_by_touching_each_page)
{
    struct speadi_block *block;

    make_pool(1, 64 * KIB, 0);
    block = speadi_pool_take(pool);
    cr_assert_eq(speadi_block_charge(block, 64 * KIB), 0);
    memset(block->data, 0x5a, 5000);
    speadi_pages_touch(block->data, 64 * KIB);
    cr_expect_eq(test_resident(block), 64 * KIB);
    for (int i = 0; i < 64 * 1024; i++)
        cr_assert_eq(block->data[i], i < 5000 ? 0x5a : 0);
    speadi_block_release(block);
}
