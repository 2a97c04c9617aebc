/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: pools of fixed memory (pinned host memory and arenas) never exceed their limit. Unlike other pools, such a pool
 * charges all its memory from the start and never trims it.
 * Method: the tests compare which bytes are charged and which bytes stay resident. An arena that the CPU must not touch
 * is mapped with PROT_NONE. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <speadi/pool.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct speadi_pool *pool;
static struct speadi_block *block[8];

static int make(struct speadi_pool_config config, struct spead_err *err)
{
    config.meta_bytes = 16;
    return speadi_pool_create(&pool, &config, err);
}

static void take_all(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        block[i] = speadi_pool_take(pool);
        cr_assert_not_null(block[i]);
    }
    cr_assert_null(speadi_pool_take(pool));
}

static void end(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        speadi_block_release(block[i]);
    speadi_pool_unref(pool);
}

static struct speadi_pool_stats stats(void)
{
    struct speadi_pool_stats now;

    speadi_pool_stats(pool, &now);
    return now;
}

Test(pool_fixed, pinned_regions_are_charged_whole_from_the_start)
{
    cr_assert_eq(make((struct speadi_pool_config){.block_count = 3,
                                                  .block_bytes = 3 * MIB - 1,
                                                  .pinned = true},
                      NULL),
                 0);
    cr_expect_eq(stats().memory_bytes, 9 * MIB);
    cr_expect_eq(stats().memory_bytes_max, 9 * MIB);
    take_all(3);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(block[i]->charged_bytes, 3 * MIB);
    end(3);
}

Test(pool_fixed, all_regions_lie_side_by_side_in_the_memory_that_is_shown)
{
    struct spead_region_info memory;

    cr_assert_eq(
        make((struct speadi_pool_config){.block_count = 4, .block_bytes = 3 * MIB, .pinned = true},
             NULL),
        0);
    cr_expect_eq(speadi_pool_memory(pool, &memory), 12 * MIB);
    cr_expect_eq(memory.bytes, 12 * MIB);
    cr_expect_eq(memory.kind, SPEAD_REGION_HOST);
    cr_expect_eq(memory.fd, -1);
    take_all(4);
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(block[i]->offset, block[i]->index * 3 * MIB);
        cr_expect_eq(block[i]->data, (uint8_t *)memory.data + block[i]->offset);
    }
    end(4);
}

Test(pool_fixed, pinned_memory_stays_when_it_is_zeroed_and_freed)
{
    unsigned char resident;

    cr_assert_eq(
        make((struct speadi_pool_config){.block_count = 1, .block_bytes = 8 * MIB, .pinned = true},
             NULL),
        0);
    take_all(1);
    memset(block[0]->data, 7, 8 * MIB);
    speadi_block_zero(block[0], 1, 8 * MIB);
    cr_expect_eq(block[0]->data[0], 7);
    for (size_t i = 1; i < 8 * MIB; i += 4095)
        cr_assert_eq(block[0]->data[i], 0);
    cr_assert_eq(mincore(block[0]->data + 4 * MIB, 4096, &resident), 0);
    cr_expect(resident & 1, "given back to the system, though a device writes there");
    end(1);
}

Test(pool_fixed, a_bound_below_the_whole_is_refused_in_words)
{
    struct spead_err err = {0};
    struct speadi_pool_config config = {
        .block_count = 4, .block_bytes = MIB, .memory_bytes_max = 3 * MIB, .pinned = true};

    cr_assert_eq(make(config, &err), -ENOMEM);
    cr_expect_not_null(strstr(err.text, "4194304"), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "3145728"), "%s", err.text);
    config.pinned = false;
    cr_expect_eq(make(config, &err), 0, "lazy memory fits");
    speadi_pool_unref(pool);
}

static void count_end(void *arg)
{
    ++*(int *)arg;
}

Test(pool_fixed, an_arena_is_divided_and_never_touched)
{
    void *memory = mmap(NULL, MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct spead_region_arena arena = {.kind = SPEAD_REGION_DMA_BUF,
                                       .device_address = (uint64_t)(uintptr_t)memory,
                                       .bytes = MIB,
                                       .fd = 7};
    struct spead_region_info all;
    int ends = 0;

    cr_assert_neq(memory, MAP_FAILED);
    cr_assert_eq(make((struct speadi_pool_config){.block_count = 3,
                                                  .block_bytes = 100 * KIB,
                                                  .arena = &arena},
                      NULL),
                 0);
    speadi_pool_at_end(pool, count_end, &ends);
    cr_expect_eq(speadi_pool_memory(pool, &all), 300 * KIB);
    cr_expect_eq(all.bytes, MIB);
    cr_expect_eq(all.fd, 7);
    cr_expect_eq(all.device_address, arena.device_address);
    take_all(3);
    for (int i = 0; i < 3; i++) {
        cr_expect_null(block[i]->data);
        cr_expect_eq(block[i]->offset, block[i]->index * 100 * KIB);
        cr_expect_eq(speadi_block_charge(block[i], 100 * KIB), 0);
        cr_expect_eq(speadi_block_populate(block[i], 100 * KIB), 0);
    }
    speadi_pool_unref(pool);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(ends, 0, "block %d is still out", i);
        speadi_block_release(block[i]);
    }
    cr_expect_eq(ends, 1);
    munmap(memory, MIB);
}

Test(pool_fixed, an_arena_too_small_is_refused_in_words)
{
    struct spead_err err = {0};
    struct spead_region_arena arena = {.device_address = 4096, .bytes = 11 * KIB, .fd = -1};

    cr_assert_eq(
        make((struct speadi_pool_config){.block_count = 3, .block_bytes = 4 * KIB, .arena = &arena},
             &err),
        -EINVAL);
    cr_expect_not_null(strstr(err.text, "12288"), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "11264"), "%s", err.text);
}
