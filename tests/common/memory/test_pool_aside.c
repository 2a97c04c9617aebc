/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: blocks that are set aside are there when they are needed, and a block can exchange its memory with one of them.
 * Method: a small pool of two size classes; the test looks at the memory and at what is charged. */
#include <criterion/criterion.h>

#include <string.h>

#include <speadi/pool.h>

#define PAGE 4096u

static struct speadi_pool *pool;

static void make(uint64_t memory_max)
{
    static const struct speadi_pool_class classes[] = {
        {.block_count = 3, .block_bytes = 16 * PAGE, .meta_bytes = 64, .aside_count = 1}};
    const struct speadi_pool_config config = {.block_count = 5,
                                              .aside_count = 2,
                                              .block_bytes = 64 * PAGE,
                                              .meta_bytes = 64,
                                              .classes = classes,
                                              .class_count = 1,
                                              .memory_bytes_max = memory_max};
    struct spead_err err = {0};

    cr_assert_eq(speadi_pool_create(&pool, &config, &err), 0, "%s", err.text);
}

static void end_pool(void)
{
    speadi_pool_unref(pool);
}

TestSuite(pool_aside, .fini = end_pool);

static uint64_t charged(void)
{
    uint64_t high_water;

    return speadi_pool_memory_bytes(pool, &high_water);
}

Test(pool_aside, take_never_gives_them_out)
{
    struct speadi_block *block[3], *aside[2], *small;

    make(0);
    for (unsigned i = 0; i < 3; i++) {
        block[i] = speadi_pool_take(pool);
        cr_assert_not_null(block[i]);
    }
    cr_expect_null(speadi_pool_take(pool));
    small = speadi_pool_take_class(pool, 1);
    for (unsigned i = 0; i < 2; i++) {
        aside[i] = speadi_pool_take_aside(block[0], PAGE);
        cr_assert_not_null(aside[i]);
        cr_expect_eq(aside[i]->bytes, 64 * PAGE);
    }
    cr_expect_null(speadi_pool_take_aside(block[0], PAGE));
    cr_expect_not_null(speadi_pool_take_aside(small, PAGE));
    cr_expect_null(speadi_pool_take_aside(small, PAGE));
    cr_expect_eq(speadi_pool_out_blocks(pool), 4u, "those that are set aside do not count");
    speadi_pool_put_aside(aside[0]);
    cr_expect_eq(speadi_pool_take_aside(block[0], 0), aside[0]);
    for (unsigned i = 0; i < 3; i++)
        speadi_block_release(block[i]);
    speadi_block_release(small);
}

Test(pool_aside, an_exchange_moves_memory_and_charge_and_nothing_else)
{
    struct speadi_block *block, *aside;
    uint8_t *old;
    uint64_t old_offset;

    make(0);
    block = speadi_pool_take(pool);
    cr_assert_eq(speadi_block_populate(block, 3 * PAGE), 0);
    memset(block->data, 1, 3 * PAGE);
    memset(block->meta, 7, 64);
    old = block->data;
    old_offset = block->offset;
    aside = speadi_pool_take_aside(block, PAGE);
    memset(aside->data, 2, PAGE);
    speadi_block_swap_memory(block, aside);
    cr_expect_eq(aside->data, old);
    cr_expect_eq(aside->offset, old_offset);
    cr_expect_eq(aside->charged_bytes, 3 * PAGE);
    cr_expect_eq(block->data[0], 2);
    cr_expect_eq(block->charged_bytes, PAGE);
    cr_expect_eq(((const uint8_t *)block->meta)[63], 7);
    cr_expect_eq(charged(), 4 * PAGE);
    cr_assert_eq(speadi_block_populate(block, 2 * PAGE), 0);
    cr_expect_eq(block->data[PAGE], 0, "no page behind the charge was touched");
    speadi_pool_put_aside(aside);
    speadi_block_release(block);
}

Test(pool_aside, beyond_the_limit_none_is_given_and_an_unused_one_is_trimmed)
{
    struct speadi_block *block, *aside;

    make(4 * PAGE);
    block = speadi_pool_take(pool);
    cr_assert_eq(speadi_block_charge(block, 3 * PAGE), 0);
    cr_expect_null(speadi_pool_take_aside(block, 2 * PAGE));
    aside = speadi_pool_take_aside(block, PAGE);
    cr_assert_not_null(aside);
    cr_expect_eq(charged(), 4 * PAGE);
    cr_expect_lt(speadi_block_charge(block, 4 * PAGE), 0);
    speadi_pool_put_aside(aside);
    cr_expect_eq(charged(), 4 * PAGE, "a block that comes back keeps its pages");
    cr_expect_eq(speadi_block_charge(block, 4 * PAGE), 0);
    cr_expect_eq(charged(), 4 * PAGE);
    speadi_block_release(block);
}
