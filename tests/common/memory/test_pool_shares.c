/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever a user of a pool does, it cannot take the memory that is kept for another user. The limit of the pool
 * holds all the time.
 * Method: the tests use pools of a few blocks. The random test computes itself how much each user has charged. */
#include <criterion/criterion.h>

#include <speadi/pool.h>

#define KIB ((size_t)1 << 10)

enum { USERS = 4 };

static struct speadi_pool *pool;

/* Makes a pool with blocks of 256 KiB and a limit of 1 MiB. Each user has a share of 128 KiB. */
static void make_pool(void)
{
    struct speadi_pool_config config = {.block_count = 16,
                                        .block_bytes = 256 * KIB,
                                        .memory_bytes_max = 1024 * KIB,
                                        .user_count = USERS,
                                        .share_bytes = 128 * KIB};

    cr_assert_eq(speadi_pool_create(&pool, &config, NULL), 0);
}

static void end_pool(void)
{
    speadi_pool_unref(pool);
}

static struct speadi_block *take(uint32_t user)
{
    struct speadi_block *block = speadi_pool_take(pool);

    cr_assert_not_null(block);
    speadi_block_set_user(block, user);
    return block;
}

static uint64_t charged(void)
{
    uint64_t high;

    return speadi_pool_memory_bytes(pool, &high);
}

/* Charges as much of the block as the pool allows. Returns the number of charged bytes. */
static size_t charge_all(struct speadi_block *block)
{
    for (size_t bytes = block->bytes; bytes > 0; bytes -= 4 * KIB)
        if (speadi_block_charge(block, bytes) == 0)
            break;
    return block->charged_bytes;
}

TestSuite(pool_shares, .init = make_pool, .fini = end_pool);

Test(pool_shares, a_user_that_takes_all_it_can_leaves_the_shares_of_the_others)
{
    struct speadi_block *flood[8], *own[USERS];
    size_t sum = 0;

    for (int i = 0; i < 8; i++)
        sum += charge_all(flood[i] = take(0));
    cr_expect_eq(sum, 1024 * KIB - 3 * 128 * KIB);
    for (uint32_t user = 1; user < USERS; user++) {
        own[user] = take(user);
        cr_expect_eq(speadi_block_charge(own[user], 128 * KIB), 0, "user %u", user);
        cr_expect_neq(speadi_block_charge(own[user], 132 * KIB), 0);
        speadi_block_release(own[user]);
    }
    cr_expect_leq(charged(), 1024 * KIB);
    for (int i = 0; i < 8; i++)
        speadi_block_release(flood[i]);
}

Test(pool_shares, blocks_that_are_still_charged_from_their_last_use_do_not_break_the_shares)
{
    struct speadi_block *block[8], *other;

    for (int i = 0; i < 3; i++)
        (void)charge_all(block[i] = take((uint32_t)i));
    for (int i = 0; i < 3; i++)
        speadi_block_release(block[i]);
    for (int i = 0; i < 8; i++)
        (void)charge_all(block[i] = take(0));
    other = take(1);
    cr_expect_eq(speadi_block_charge(other, 128 * KIB), 0);
    speadi_block_release(other);
    for (int i = 0; i < 8; i++)
        speadi_block_release(block[i]);
}

Test(pool_shares, what_comes_back_can_be_charged_by_all)
{
    struct speadi_block *block[3];

    for (int turn = 0; turn < 20; turn++) {
        for (int i = 0; i < 3; i++)
            (void)charge_all(block[i] = take((uint32_t)turn % USERS));
        cr_expect_eq(block[0]->charged_bytes + block[1]->charged_bytes + block[2]->charged_bytes,
                     1024 * KIB - 3 * 128 * KIB);
        for (int i = 0; i < 3; i++)
            speadi_block_release(block[i]);
    }
}

Test(pool_shares, in_random_use_each_user_always_gets_its_share)
{
    struct speadi_block *held[USERS][3] = {{NULL}};
    unsigned random = 1;

    for (int turn = 0; turn < 20000; turn++) {
        unsigned draw = (random = random * 1103515245 + 12345) >> 8;
        uint32_t user = draw % USERS;
        struct speadi_block **at = &held[user][draw / USERS % 3];
        size_t bytes = (draw >> 5) % (256 * KIB) + 1, own = 0;

        if (*at)
            speadi_block_release(*at);
        *at = NULL;
        for (int i = 0; i < 3; i++)
            own += held[user][i] ? held[user][i]->charged_bytes : 0;
        if (draw >> 4 & 1)
            continue;
        *at = take(user);
        own += (*at)->charged_bytes;
        if (speadi_block_charge(*at, bytes) < 0)
            cr_assert_gt(own - (*at)->charged_bytes + bytes, 128 * KIB - 4 * KIB,
                         "a user was refused within its share");
        cr_assert_leq(charged(), 1024 * KIB);
    }
    for (uint32_t user = 0; user < USERS; user++)
        for (int i = 0; i < 3; i++)
            if (held[user][i])
                speadi_block_release(held[user][i]);
}

/* Makes a pool with 1 MiB of small blocks, and a limit of 512 KiB. Each of two users has a share of 128 KiB. */
static void make_small(void)
{
    struct speadi_pool_class small = {.block_count = 512, .block_bytes = 2 * KIB};
    struct speadi_pool_config config = {.block_count = 8,
                                        .block_bytes = 256 * KIB,
                                        .classes = &small,
                                        .class_count = 1,
                                        .memory_bytes_max = 512 * KIB,
                                        .user_count = 2,
                                        .share_bytes = 128 * KIB};

    cr_assert_eq(speadi_pool_create(&pool, &config, NULL), 0);
}

/* Takes small blocks for user 0 until the pool refuses. Returns how many. */
static int take_small(struct speadi_block *block[512])
{
    int count = 0;

    while (count < 512 && (block[count] = speadi_pool_take_class(pool, 1)) != NULL) {
        speadi_block_set_user(block[count], 0);
        cr_assert_eq(speadi_block_charge(block[count++], 1), 0);
    }
    return count;
}

Test(pool_shares, slabs_do_not_take_the_shares_either, .init = make_small)
{
    struct speadi_block *block[512], *other;
    int count = take_small(block);

    cr_assert_eq(count, 128, "half of the limit is for slabs");
    other = take(1);
    cr_expect_eq(speadi_block_charge(other, 128 * KIB), 0);
    speadi_block_release(other);
    for (int i = 0; i < count; i++)
        speadi_block_release(block[i]);
}

Test(pool_shares, slabs_whose_blocks_are_all_free_do_not_count, .init = make_small)
{
    struct speadi_block *block[512], *other;
    int count = take_small(block);

    for (int i = 0; i < count; i++)
        speadi_block_release(block[i]);
    other = take(1);
    cr_expect_eq(speadi_block_charge(other, 256 * KIB), 0, "only the share of user 0 is kept");
    speadi_block_release(other);
    cr_expect_eq(take_small(block), count, "the slabs can be charged again");
    for (int i = 0; i < count; i++)
        speadi_block_release(block[i]);
}
