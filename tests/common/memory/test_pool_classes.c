/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a pool with several size classes keeps its limits, and its small blocks share pages.
 * Method: the tests use small pools, and ask the pool what is charged. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <speadi/pool.h>

#define KIB ((size_t)1 << 10)

static struct speadi_pool *pool;

static void make(uint64_t memory_max, uint32_t out_max)
{
    static const struct speadi_pool_class classes[] = {
        {.block_count = 40, .block_bytes = 2 * KIB, .meta_bytes = 16}};
    struct speadi_pool_config config = {.block_count = 2,
                                        .block_bytes = 256 * KIB,
                                        .meta_bytes = 100,
                                        .classes = classes,
                                        .class_count = 1,
                                        .out_max = out_max,
                                        .memory_bytes_max = memory_max};
    struct spead_err err = {0};

    cr_assert_eq(speadi_pool_create(&pool, &config, &err), 0, "%s", err.text);
}

static void end_pool(void)
{
    speadi_pool_unref(pool);
}

TestSuite(pool_classes, .fini = end_pool);

static uint64_t charged(void)
{
    uint64_t high_water;

    return speadi_pool_memory_bytes(pool, &high_water);
}

Test(pool_classes, each_class_has_its_own_blocks)
{
    struct speadi_block *small[40], *large;

    make(0, 0);
    for (unsigned i = 0; i < 40; i++) {
        small[i] = speadi_pool_take_class(pool, 1);
        cr_assert_not_null(small[i]);
        cr_expect_eq(small[i]->bytes, 2 * KIB);
        cr_expect_eq(speadi_block_charge(small[i], 2 * KIB), 0);
        memset(small[i]->data, (int)i + 1, 2 * KIB);
    }
    cr_expect_null(speadi_pool_take_class(pool, 1));
    large = speadi_pool_take(pool);
    cr_assert_not_null(large);
    cr_expect_eq(large->bytes, 256 * KIB);
    cr_expect_eq(speadi_pool_out_blocks(pool), 41u);
    for (unsigned i = 0; i < 40; i++) {
        cr_expect_eq(small[i]->data[0], i + 1);
        cr_expect_eq(small[i]->data[2 * KIB - 1], i + 1);
        speadi_block_release(small[i]);
    }
    speadi_block_release(large);
    cr_expect_eq(speadi_pool_out_blocks(pool), 0u);
    cr_expect_eq(speadi_pool_free_blocks(pool, 1), 40u);
}

Test(pool_classes, small_blocks_share_pages)
{
    struct speadi_block *block[3];

    make(0, 0);
    for (unsigned i = 0; i < 3; i++) {
        block[i] = speadi_pool_take_class(pool, 1);
        cr_expect_eq(speadi_block_charge(block[i], 1), 0);
    }
    cr_expect_eq(charged(), SPEADI_POOL_SLAB_BYTES);
    for (unsigned i = 0; i < 3; i++)
        speadi_block_release(block[i]);
}

Test(pool_classes, free_slabs_give_their_memory_to_large_blocks)
{
    struct speadi_block *small, *large;

    make(256 * KIB, 0);
    small = speadi_pool_take_class(pool, 1);
    large = speadi_pool_take(pool);
    cr_expect_eq(speadi_block_charge(small, 1), 0);
    small->data[0] = 1;
    cr_expect_eq(speadi_block_charge(large, 256 * KIB), -ENOMEM, "the slab is in use");
    speadi_block_release(small);
    cr_expect_eq(speadi_block_charge(large, 256 * KIB), 0);
    cr_expect_eq(charged(), 256 * KIB);
    cr_expect_null(speadi_pool_take_class(pool, 1));
    speadi_block_release(large);
    small = speadi_pool_take_class(pool, 1);
    cr_assert_not_null(small);
    cr_expect_eq(speadi_block_charge(small, 1), 0);
    cr_expect_eq(small->data[0], 0, "a trimmed slab reads as zero");
    speadi_block_release(small);
}

Test(pool_classes, no_more_blocks_are_out_than_allowed)
{
    struct speadi_block *a, *b;

    make(0, 2);
    a = speadi_pool_take_class(pool, 1);
    b = speadi_pool_take(pool);
    cr_assert(a && b);
    cr_expect_null(speadi_pool_take_class(pool, 1));
    speadi_block_release(a);
    a = speadi_pool_take(pool);
    cr_expect_not_null(a);
    speadi_block_release(a);
    speadi_block_release(b);
}

Test(pool_classes, an_annex_comes_back_with_its_block)
{
    struct speadi_block *block;

    make(0, 0);
    block = speadi_pool_take_class(pool, 1);
    block->annex = speadi_pool_take(pool);
    cr_expect_eq(speadi_pool_out_blocks(pool), 2u);
    speadi_block_release(block);
    cr_expect_eq(speadi_pool_out_blocks(pool), 0u);
    block = speadi_pool_take_class(pool, 1);
    cr_expect_null(block->annex);
    speadi_block_release(block);
}
