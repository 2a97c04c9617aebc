/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions of arrays for every CPU. */
#include <stdint.h>
#include <string.h>

#include "value_vector.h"

#define SWAP(name, type, swapped)                                    \
    static void name(void *to, const void *from, size_t count)       \
    {                                                                \
        const uint8_t *restrict source = from;                       \
        uint8_t *restrict target = to;                               \
                                                                     \
        for (size_t k = 0; k < count; k++) {                         \
            type value;                                              \
                                                                     \
            memcpy(&value, source + k * sizeof value, sizeof value); \
            value = swapped(value);                                  \
            memcpy(target + k * sizeof value, &value, sizeof value); \
        }                                                            \
    }

SWAP(swap_16, uint16_t, __builtin_bswap16)
SWAP(swap_32, uint32_t, __builtin_bswap32)
SWAP(swap_64, uint64_t, __builtin_bswap64)

static int16_t load_i16(const uint8_t *from, bool swap)
{
    uint16_t value;

    memcpy(&value, from, sizeof value);
    return (int16_t)(swap ? __builtin_bswap16(value) : value);
}

static void i16_to_i32(void *to, const void *from, size_t count, bool swap)
{
    const uint8_t *restrict source = from;
    uint8_t *restrict target = to;

    for (size_t k = 0; k < count; k++) {
        int32_t value = load_i16(source + k * sizeof(int16_t), swap);

        memcpy(target + k * sizeof value, &value, sizeof value);
    }
}

static void i16_to_f32(void *to, const void *from, size_t count, bool swap)
{
    const uint8_t *restrict source = from;
    uint8_t *restrict target = to;

    for (size_t k = 0; k < count; k++) {
        float value = load_i16(source + k * sizeof(int16_t), swap);

        memcpy(target + k * sizeof value, &value, sizeof value);
    }
}

static bool is_here(void)
{
    return true;
}

const struct speadi_value_variant speadi_value_plain = {
    "plain", is_here, swap_16, swap_32, swap_64, i16_to_i32, i16_to_f32,
};
