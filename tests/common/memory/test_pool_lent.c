/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: free blocks of memory that a device knows are lent, so few that whatever comes instead finds blocks too, and they
 * come back whole.
 * Method: a pinned pool of two size classes; the test counts the blocks. */
#include <criterion/criterion.h>

#include <speadi/pool.h>

#define PAGE 4096u

enum { BLOCKS = 8, ASIDE = 1, SMALL = 6 };

static struct speadi_pool *pool;

static void make(bool pinned, uint32_t out_max)
{
    static const struct speadi_pool_class classes[] = {
        {.block_count = SMALL, .block_bytes = 2 * PAGE, .meta_bytes = 64},
        {.block_count = SMALL, .block_bytes = PAGE / 4, .meta_bytes = 64}};
    const struct speadi_pool_config config = {.block_count = BLOCKS + ASIDE,
                                              .aside_count = ASIDE,
                                              .block_bytes = 32 * PAGE,
                                              .meta_bytes = 64,
                                              .classes = classes,
                                              .class_count = 2,
                                              .out_max = out_max,
                                              .pinned = pinned};
    struct spead_err err = {0};

    cr_assert_eq(speadi_pool_create(&pool, &config, &err), 0, "%s", err.text);
}

static void end_pool(void)
{
    speadi_pool_unref(pool);
}

TestSuite(pool_lent, .fini = end_pool);

/* Lends as many blocks of class 0 as it gets. Returns their number. */
static unsigned lend_all(struct speadi_block *lent[BLOCKS])
{
    unsigned count = 0;

    while (count < BLOCKS && (lent[count] = speadi_pool_lend(pool, 0)) != NULL)
        count++;
    return count;
}

Test(pool_lent, as_many_blocks_stay_free_as_are_lent)
{
    struct speadi_block *lent[BLOCKS], *taken[BLOCKS];

    make(true, 0);
    cr_assert_eq(lend_all(lent), BLOCKS / 2u);
    cr_expect_eq(speadi_pool_lent_blocks(pool, 0), BLOCKS / 2u);
    for (unsigned i = 0; i < BLOCKS / 2; i++)
        cr_assert_not_null(taken[i] = speadi_pool_take(pool));
    cr_expect_null(speadi_pool_take(pool));
    cr_expect_eq(speadi_pool_out_blocks(pool), BLOCKS / 2u, "those that are lent are not out");
    for (unsigned i = 0; i < BLOCKS / 2; i++)
        speadi_pool_put_aside(lent[i]);
    cr_expect_eq(speadi_pool_lent_blocks(pool, 0), 0u);
    for (unsigned i = BLOCKS / 2; i < BLOCKS; i++)
        cr_assert_not_null(taken[i] = speadi_pool_take(pool));
    cr_expect_null(speadi_pool_lend(pool, 0), "no block is free");
    for (unsigned i = 0; i < BLOCKS; i++)
        speadi_block_release(taken[i]);
    cr_expect_not_null(lent[0] = speadi_pool_lend(pool, 0), "a released block is found");
    speadi_pool_put_aside(lent[0]);
    cr_expect_eq(speadi_pool_out_blocks(pool), 0u);
}

/* The limit of blocks that are out counts those of the consumer, and no block that is lent. */
Test(pool_lent, blocks_that_are_lent_take_nothing_from_the_limit_of_blocks_that_are_out)
{
    struct speadi_block *lent[BLOCKS], *taken[3];

    make(true, 3);
    cr_assert_eq(lend_all(lent), BLOCKS / 2u);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_not_null(taken[i] = speadi_pool_take(pool));
    cr_expect_null(speadi_pool_take(pool));
    for (unsigned i = 0; i < BLOCKS / 2; i++)
        speadi_pool_put_aside(lent[i]);
    for (unsigned i = 0; i < 3; i++)
        speadi_block_release(taken[i]);
    cr_expect_eq(speadi_pool_out_blocks(pool), 0u);
}

Test(pool_lent, an_exchange_finds_a_block_also_when_none_that_was_set_aside_is_left)
{
    struct speadi_block *block, *aside, *lent;
    const uint8_t *data;

    make(true, 0);
    block = speadi_pool_take(pool);
    aside = speadi_pool_take_aside(block, PAGE);
    lent = speadi_pool_take_aside(block, PAGE);
    cr_assert_not_null(lent);
    cr_expect_eq(speadi_pool_lent_blocks(pool, 0), 1u);
    data = block->data;
    speadi_block_swap_memory(block, lent);
    cr_expect_eq(lent->data, data);
    speadi_pool_put_aside(lent);
    speadi_pool_put_aside(aside);
    speadi_block_release(block);
    cr_expect_eq(speadi_pool_lent_blocks(pool, 0), 0u);
}

Test(pool_lent, no_block_that_shares_its_pages_is_lent)
{
    make(true, 0);
    cr_expect_null(speadi_pool_lend(pool, 1));
    cr_expect_null(speadi_pool_lend(pool, 2));
}

/* Memory that no device knows is charged when it is touched, so nobody posts receives into it beforehand. */
Test(pool_lent, no_block_of_memory_that_is_charged_by_use_is_lent)
{
    make(false, 0);
    cr_expect_null(speadi_pool_lend(pool, 0));
}
