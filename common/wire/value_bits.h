/* SPDX-License-Identifier: Apache-2.0 */
/* Single values in bytes: bits at any place, floating-point numbers of 16 bits. */
#ifndef SPEADI_VALUE_BITS_H
#define SPEADI_VALUE_BITS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <speadi/bytes.h>

/* Returns `bits` bits (1 to 64) from the bit `at` on. Bit 0 is the most significant bit of data[0]. All of the bits lie
 * in the `bytes` bytes at `data`; no other byte is read. */
static inline uint64_t speadi_bits_get(const uint8_t *data, uint64_t bytes, uint64_t at,
                                       unsigned bits)
{
    uint64_t first = at / 8, value = 0;
    unsigned skip = at % 8, used = skip + bits;

    if (used <= 64 && bytes - first >= 8)
        return speadi_load_be64(data + first) << skip >> (64 - bits);
    for (unsigned i = 0; i < 8 && 8 * i < used; i++)
        value |= (uint64_t)data[first + i] << (56 - 8 * i);
    value <<= skip;
    if (used > 64)
        value |= (uint64_t)data[first + 8] >> (8 - skip);
    return value >> (64 - bits);
}

/* Sets `bits` bits (1 to 64) from the bit `at` on. Changes no other bit. */
static inline void speadi_bits_set(uint8_t *data, uint64_t at, unsigned bits, uint64_t value)
{
    while (bits > 0) {
        unsigned skip = at % 8, room = 8 - skip, now = bits < room ? bits : room;
        unsigned shift = room - now;
        uint8_t mask = (uint8_t)(((1u << now) - 1) << shift);
        uint8_t part = (uint8_t)(value >> (bits - now) << shift);

        data[at / 8] = (uint8_t)((data[at / 8] & ~mask) | (part & mask));
        at += now;
        bits -= now;
    }
}

static inline float speadi_float_of_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double speadi_double_of_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Returns 2^n, for n from -1022 to 1023. */
static inline double speadi_power_of_2(int n)
{
    return speadi_double_of_bits((uint64_t)(n + 1023) << 52);
}

/* Sign, 5 bits of exponent, 10 bits of fraction. */
static inline double speadi_half_to_double(uint16_t half)
{
    unsigned exponent = half >> 10 & 31, fraction = half & 1023;
    double size;

    if (exponent == 31)
        size = fraction == 0 ? (double)INFINITY : (double)NAN;
    else if (exponent == 0)
        size = fraction * 0x1p-24;
    else
        size = (1024 + fraction) * speadi_power_of_2((int)exponent - 25);
    return half >> 15 ? -size : size;
}

/* Returns the whole number nearest to a value from 0 to 2^51, and the even one of two. */
static inline unsigned speadi_nearest(double value)
{
    volatile double sum =
        value + 0x1p52; /* volatile: the compiler must not simplify the two steps */

    return (unsigned)(sum - 0x1p52);
}

/* Rounds to the nearest number, and to the even one of two. */
static inline uint16_t speadi_half_of_double(double value)
{
    uint64_t bits;
    unsigned sign, size;
    int exponent;

    memcpy(&bits, &value, sizeof bits);
    sign = bits >> 63 ? 0x8000 : 0;
    bits &= UINT64_MAX >> 1;
    exponent = (int)(bits >> 52) - 1023; /* 2^exponent <= |value| < 2^(exponent+1) */
    value = speadi_double_of_bits(bits);
    if (isnan(value))
        size = 0x7e00;
    else if (value >= 65520) /* rounds to the first number above the largest */
        size = 0x7c00;
    else if (exponent < -14) /* a carry makes the smallest number with an exponent */
        size = speadi_nearest(value * 0x1p24);
    else /* a carry of the fraction adds to the exponent, as it should */
        size = ((unsigned)(exponent + 15) << 10) +
               speadi_nearest(value * speadi_power_of_2(10 - exponent)) - 1024;
    return (uint16_t)(sign | size);
}

#endif
