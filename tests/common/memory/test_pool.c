/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a pool never exceeds its two limits (number of blocks, charged bytes), and its memory reads as zero where the
 * contract says so.
 * Method: the tests use small pools. To learn which bytes are resident, they ask the kernel with mincore(2), not the
 * pool. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <speadi/pool.h>

#include "resident.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct speadi_pool *make_pool(uint32_t blocks, size_t block_bytes, uint64_t memory_max)
{
    struct speadi_pool_config config = {.block_count = blocks,
                                        .block_bytes = block_bytes,
                                        .meta_bytes = 100,
                                        .memory_bytes_max = memory_max};
    struct speadi_pool *pool = NULL;
    struct spead_err err = {0};

    cr_assert_eq(speadi_pool_create(&pool, &config, &err), 0, "%s", err.text);
    return pool;
}

static uint64_t charged(const struct speadi_pool *pool)
{
    struct speadi_pool_stats stats;

    speadi_pool_stats(pool, &stats);
    return stats.memory_bytes;
}

static bool reads_as_zero(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (data[i])
            return false;
    return true;
}

Test(pool, hands_out_each_region_once_and_then_none)
{
    struct speadi_pool *pool = make_pool(3, 8 * KIB, 0);
    struct speadi_block *block[3];
    struct speadi_pool_stats stats;

    for (int i = 0; i < 3; i++) {
        block[i] = speadi_pool_take(pool);
        cr_assert_not_null(block[i]);
        for (int k = 0; k < i; k++)
            cr_assert_neq(block[i], block[k], "block %d was given twice", k);
    }
    cr_assert_null(speadi_pool_take(pool));
    speadi_pool_stats(pool, &stats);
    cr_assert_eq(stats.blocks_out, 3u);
    for (int i = 0; i < 3; i++)
        speadi_block_release(block[i]);
    speadi_pool_stats(pool, &stats);
    cr_assert_eq(stats.blocks_out, 0u);
    cr_assert_eq(stats.blocks, 3u);
    speadi_pool_unref(pool);
}

Test(pool, regions_do_not_overlap_and_are_all_writable)
{
    struct speadi_pool *pool = make_pool(4, 5000, 0);
    struct speadi_block *block[4];

    for (int i = 0; i < 4; i++) {
        block[i] = speadi_pool_take(pool);
        cr_assert_eq(block[i]->bytes, 2 * 4096u, "rounded up to whole pages");
        cr_assert_eq((uintptr_t)block[i]->data % 4096, 0u);
        cr_assert_eq((uintptr_t)block[i]->meta % 64, 0u);
        cr_assert_eq(speadi_block_charge(block[i], block[i]->bytes), 0);
        memset(block[i]->data, i + 1, block[i]->bytes);
        memset(block[i]->meta, i + 1, 100);
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(block[i]->data[0], i + 1);
        cr_assert_eq(block[i]->data[block[i]->bytes - 1], i + 1);
        cr_assert_eq(((uint8_t *)block[i]->meta)[0], i + 1);
        cr_assert_eq(((uint8_t *)block[i]->meta)[99], i + 1);
        speadi_block_release(block[i]);
    }
    speadi_pool_unref(pool);
}

/* The block that was freed last must be taken first, because its memory is still in the cache. */
Test(pool, hands_out_the_region_freed_last)
{
    struct speadi_pool *pool = make_pool(4, 4096, 0);
    struct speadi_block *a = speadi_pool_take(pool), *b = speadi_pool_take(pool),
                        *c = speadi_pool_take(pool);

    speadi_block_release(b);
    speadi_block_release(c);
    speadi_block_release(a);
    cr_assert_eq(speadi_pool_take(pool), a);
    cr_assert_eq(speadi_pool_take(pool), c);
    speadi_block_release(a);
    cr_assert_eq(speadi_pool_take(pool), a);
    cr_assert_eq(speadi_pool_take(pool), b);
    speadi_block_release(a);
    speadi_block_release(b);
    speadi_block_release(c);
    speadi_pool_unref(pool);
}

Test(pool, meta_starts_as_zero_and_keeps_what_the_owner_left_there)
{
    struct speadi_pool *pool = make_pool(1, 4096, 0);
    struct speadi_block *block = speadi_pool_take(pool);

    cr_assert(reads_as_zero(block->meta, 100));
    memset(block->meta, 7, 100);
    speadi_block_release(block);
    block = speadi_pool_take(pool);
    cr_assert_eq(((uint8_t *)block->meta)[99], 7);
    speadi_block_release(block);
    speadi_pool_unref(pool);
}

Test(pool, a_charge_past_the_bound_fails_and_leaves_all_as_it_was)
{
    struct speadi_pool *pool = make_pool(2, 64 * KIB, 80 * KIB);
    struct speadi_block *a = speadi_pool_take(pool), *b = speadi_pool_take(pool);

    cr_assert_eq(speadi_block_charge(a, 60 * KIB), 0);
    cr_assert_eq(speadi_block_charge(b, 20 * KIB), 0);
    cr_assert_eq(speadi_block_charge(b, 20 * KIB + 1), -ENOMEM);
    cr_assert_eq(b->charged_bytes, 20 * KIB);
    cr_assert_eq(charged(pool), 80 * KIB);
    cr_assert_eq(speadi_block_charge(b, 64 * KIB + 1), -ENOMEM, "larger than the block");
    speadi_block_release(a);
    cr_assert_eq(speadi_block_charge(b, 64 * KIB), 0, "a is free and pays");
    cr_assert_eq(charged(pool), 64 * KIB, "a was trimmed whole");
    speadi_block_release(b);
    speadi_pool_unref(pool);
}

Test(pool, a_charge_that_cannot_be_met_trims_nothing)
{
    struct speadi_pool *pool = make_pool(3, 64 * KIB, 80 * KIB);
    struct speadi_block *out = speadi_pool_take(pool), *idle = speadi_pool_take(pool),
                        *wants = speadi_pool_take(pool);

    cr_assert_eq(speadi_block_charge(out, 40 * KIB), 0);
    cr_assert_eq(speadi_block_charge(idle, 40 * KIB), 0);
    idle->data[0] = 9;
    speadi_block_release(idle);
    cr_assert_eq(speadi_block_charge(wants, 44 * KIB), -ENOMEM);
    cr_assert_eq(idle->data[0], 9);
    cr_assert_eq(charged(pool), 80 * KIB);
    speadi_block_release(out);
    speadi_block_release(wants);
    speadi_pool_unref(pool);
}

Test(pool, trims_the_region_freed_longest_ago_and_it_reads_as_zero)
{
    struct speadi_pool *pool = make_pool(3, 64 * KIB, 128 * KIB);
    struct speadi_block *cold = speadi_pool_take(pool), *warm = speadi_pool_take(pool),
                        *wants = speadi_pool_take(pool);

    speadi_block_charge(cold, 64 * KIB);
    speadi_block_charge(warm, 64 * KIB);
    memset(cold->data, 1, 64 * KIB);
    memset(warm->data, 2, 64 * KIB);
    speadi_block_release(cold);
    speadi_block_release(warm);
    cr_assert_eq(speadi_block_charge(wants, 4 * KIB), 0);
    cr_assert_eq(warm->data[0], 2, "the warm one is kept");
    cr_assert_eq(cold->charged_bytes, 0u);
    cr_assert_eq(test_resident(cold), 0u, "its memory went back to the system");
    cr_assert(reads_as_zero(cold->data, cold->bytes));
    speadi_block_release(wants);
    speadi_pool_unref(pool);
}

/* The sizes of heaps change and the limit is small. The number of resident bytes that the kernel reports must never be
 * larger than the limit. */
Test(pool, resident_memory_never_exceeds_the_charge_nor_the_charge_the_bound)
{
    static const size_t sizes[] = {100 * KIB, 3 * MIB,   2 * MIB, 4 * KIB, 2 * MIB + 1,
                                   7 * MIB,   512 * KIB, 5 * MIB, 1,       6 * MIB};
    const size_t bound = 9 * MIB;
    struct speadi_pool *pool = make_pool(4, 7 * MIB, bound);
    struct speadi_block *all[4];

    for (int i = 0; i < 4; i++)
        all[i] = speadi_pool_take(pool);
    for (int i = 0; i < 4; i++)
        speadi_block_release(all[i]);
    for (int turn = 0; turn < 60; turn++) {
        struct speadi_block *a = speadi_pool_take(pool), *b = speadi_pool_take(pool);
        size_t bytes = sizes[turn % 10], total = 0;

        if (speadi_block_charge(a, bytes) == 0)
            memset(a->data, 1, a->charged_bytes);
        if (speadi_block_populate(b, sizes[(turn * 7) % 10]) == 0)
            memset(b->data, 2, b->charged_bytes);
        for (int i = 0; i < 4; i++) {
            size_t now = test_resident(all[i]);

            cr_assert_leq(now, all[i]->charged_bytes, "turn %d: block %d", turn, i);
            total += all[i]->charged_bytes;
        }
        cr_assert_eq(total, charged(pool), "turn %d", turn);
        cr_assert_leq(total, bound, "turn %d", turn);
        speadi_block_release(turn % 2 ? a : b);
        speadi_block_release(turn % 2 ? b : a);
    }
    speadi_pool_unref(pool);
}

/* Address space that nobody has touched must use no memory, even on a kernel that uses huge pages whenever it can. */
Test(pool, one_touched_page_of_a_large_region_is_one_page_of_memory)
{
    struct speadi_pool *pool = make_pool(2, 64 * MIB, 4 * MIB);
    struct speadi_block *block = speadi_pool_take(pool);

    cr_assert_eq(speadi_block_charge(block, 1), 0);
    cr_assert_eq(charged(pool), 4096u);
    block->data[0] = 1;
    cr_assert_eq(test_resident(block), 4096u);
    speadi_block_release(block);
    speadi_pool_unref(pool);
}

Test(pool, populate_faults_in_what_it_charges)
{
    struct speadi_pool *pool = make_pool(1, 8 * MIB, 0);
    struct speadi_block *block = speadi_pool_take(pool);

    cr_assert_eq(speadi_block_populate(block, 100 * KIB), 0);
    if (test_resident(block) == 0) {
        speadi_block_release(block);
        speadi_pool_unref(pool);
        cr_skip_test("this kernel cannot fault in ahead (MADV_POPULATE_WRITE, Linux 5.14)");
    }
    cr_assert_eq(test_resident(block), 100 * KIB);
    cr_assert_eq(speadi_block_charge(block, 3 * MIB), 0);
    cr_assert_eq(speadi_block_populate(block, 3 * MIB), 0);
    cr_assert_eq(test_resident(block), 4 * MIB, "charged before, faulted in now; whole huge pages");
    cr_assert_eq(block->charged_bytes, 4 * MIB);
    speadi_block_release(block);
    speadi_pool_unref(pool);
}

/* If a limit is not a multiple of 2 MiB, a pool can still use it up to its last page. */
Test(pool, a_large_charge_near_the_bound_is_exact_to_the_page)
{
    struct speadi_pool *pool = make_pool(1, 8 * MIB, 3 * MIB);
    struct speadi_block *block = speadi_pool_take(pool);

    cr_assert_eq(speadi_block_charge(block, 3 * MIB - 100), 0);
    cr_assert_eq(charged(pool), 3 * MIB);
    cr_assert_eq(speadi_block_charge(block, 3 * MIB + 1), -ENOMEM);
    speadi_block_release(block);
    speadi_pool_unref(pool);
}

Test(pool, high_water_stays_when_memory_is_trimmed)
{
    struct speadi_pool *pool = make_pool(2, 64 * KIB, 64 * KIB);
    struct speadi_block *a = speadi_pool_take(pool), *b = speadi_pool_take(pool);
    struct speadi_pool_stats stats;

    speadi_block_charge(a, 64 * KIB);
    speadi_block_release(a);
    speadi_block_charge(b, 4 * KIB);
    speadi_pool_stats(pool, &stats);
    cr_assert_eq(stats.memory_bytes, 4 * KIB);
    cr_assert_eq(stats.memory_high_water_bytes, 64 * KIB);
    cr_assert_eq(stats.memory_bytes_max, 64 * KIB);
    cr_assert_geq(stats.table_bytes, 2 * 128u);
    speadi_block_release(b);
    speadi_pool_unref(pool);
}

Test(pool, a_region_that_is_out_outlives_its_pool)
{
    struct speadi_pool *pool = make_pool(2, 16 * KIB, 0);
    struct speadi_block *block = speadi_pool_take(pool), *other = speadi_pool_take(pool);

    speadi_block_charge(block, 16 * KIB);
    speadi_pool_unref(pool);
    speadi_block_release(other);
    memset(block->data, 3, 16 * KIB);
    cr_assert_eq(block->data[16 * KIB - 1], 3);
    speadi_block_release(block);
    speadi_pool_unref(NULL);
}

Test(pool, impossible_sizes_are_refused_in_words)
{
    struct speadi_pool *pool = NULL;
    struct spead_err err = {0};
    struct speadi_pool_config none = {.block_count = 0, .block_bytes = 1};
    struct speadi_pool_config huge = {.block_count = 1000, .block_bytes = (size_t)1 << 52};
    struct speadi_pool_config wraps = {.block_count = 1 << 20, .block_bytes = SIZE_MAX / 2};
    struct speadi_pool_config many = {.block_count = UINT32_MAX, .block_bytes = 1};

    cr_assert_eq(speadi_pool_create(&pool, &none, &err), -EINVAL);
    cr_assert_eq(speadi_pool_create(&pool, &many, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, "4294967295"), "%s", err.text);
    cr_assert_eq(speadi_pool_create(&pool, &huge, &err), -ENOMEM);
    cr_assert_not_null(strstr(err.text, "lower the largest heap size"), "%s", err.text);
    cr_assert_eq(speadi_pool_create(&pool, &wraps, NULL), -ENOMEM);
    cr_assert_null(pool);
}

/* Address space is no memory, but it can be limited too. */
Test(pool, without_address_space_the_error_says_what_limits_it)
{
    struct speadi_pool_config config = {.block_count = 512, .block_bytes = 64 * MIB};
    struct rlimit limit;
    struct speadi_pool *pool;
    struct spead_err err = {0};
    FILE *statm = fopen("/proc/self/statm", "re");
    unsigned long long pages;

    cr_assert_eq(fscanf(statm, "%llu", &pages), 1);
    fclose(statm);
    limit.rlim_cur = limit.rlim_max = (rlim_t)pages * 4096 + 4096 * MIB;
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_assert_eq(speadi_pool_create(&pool, &config, &err), -ENOMEM);
    cr_expect_not_null(strstr(err.text, "512 heaps of up to 67108864 bytes"), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "number of heaps (`ulimit -v` allows"), "%s", err.text);
}
