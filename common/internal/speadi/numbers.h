/* The smaller of two numbers, rounding, powers of two: the arithmetic that every module needs. */
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

/* The value, brought within low..high. */
static inline uint32_t speadi_clamp_u32(uint32_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Rounded up to a multiple of unit, which is not 0. Less than value when the sum of both does not fit. */
static inline size_t speadi_round_up(size_t value, size_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* How many units hold the value; the same conditions. */
static inline uint64_t speadi_divide_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit;
}

/* True for 0 too: no bit stands beside the highest one. */
static inline bool speadi_is_power_of_two(uint64_t value)
{
    return (value & (value - 1)) == 0;
}

/* The smallest power of two that is not below value; value is at most the highest power that a size_t holds. */
static inline size_t speadi_power_of_two_from(size_t value)
{
    size_t power = 1;

    while (power < value)
        power *= 2;
    return power;
}

/* The largest power of two that is not above value, which is not 0. */
static inline uint32_t speadi_power_of_two_up_to(uint32_t value)
{
    uint32_t power = 1;

    while (power <= value / 2)
        power *= 2;
    return power;
}

#endif
