/* SPDX-License-Identifier: Apache-2.0 */
/* Small arithmetic that every module needs: minimum, maximum, rounding, powers of two. */
#ifndef SPEADI_NUMBERS_H
#define SPEADI_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint32_t speadi_min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint64_t speadi_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint32_t speadi_max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static inline uint64_t speadi_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Returns the number from `low` to `high` that is nearest to `value`. */
static inline uint32_t speadi_clamp_u32(uint32_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Rounds `value` up to a multiple of `unit`, which must not be 0. When `value` + `unit` is too large for a size_t, the
 * result is wrong: it is less than `value`. */
static inline size_t speadi_round_up(size_t value, size_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* Returns `value` / `unit`, rounded up. `unit` must not be 0. When `value` + `unit` is too large for 64 bits, the
 * result is wrong: it is too small. */
static inline uint64_t speadi_divide_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit;
}

/* Returns whether `value` is a power of two. Returns true for 0 too. */
static inline bool speadi_is_power_of_two(uint64_t value)
{
    return (value & (value - 1)) == 0;
}

/* Returns the smallest power of two that is not less than `value`. `value` must be at most the highest power of two in
 * a size_t. */
static inline size_t speadi_power_of_two_from(size_t value)
{
    size_t power = 1;

    while (power < value)
        power *= 2;
    return power;
}

/* Returns the largest power of two that is not greater than `value`. `value` must be at least 1. */
static inline uint32_t speadi_power_of_two_up_to(uint32_t value)
{
    uint32_t power = 1;

    while (power <= value / 2)
        power *= 2;
    return power;
}

#endif
