/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions of arrays by NEON. Every 64-bit ARM CPU has it. The rest behind the last whole vector is converted by the
 * plain variant. */
#include "value_vector.h"

#if defined(__aarch64__)
#    include <arm_neon.h>
#    include <stdint.h>

#    define VECTOR_BYTES sizeof(uint8x16_t)

#    define SWAP(name, bytes, reverse)                                               \
        static void name(void *to, const void *from, size_t count)                   \
        {                                                                            \
            const uint8_t *source = from;                                            \
            uint8_t *target = to;                                                    \
            size_t all = (bytes)*count, at = 0;                                      \
                                                                                     \
            for (; all - at >= VECTOR_BYTES; at += VECTOR_BYTES)                     \
                vst1q_u8(target + at, reverse(vld1q_u8(source + at)));               \
            speadi_value_plain.name(target + at, source + at, count - at / (bytes)); \
        }

SWAP(swap_16, 2, vrev16q_u8)
SWAP(swap_32, 4, vrev32q_u8)
SWAP(swap_64, 8, vrev64q_u8)

/* ---- int16_t to a wider type: two vectors of the result come from one vector ------------------------------- */

#    define VALUES (VECTOR_BYTES / sizeof(int16_t))

static inline int16x8_t load_i16(const uint8_t *from, bool swap)
{
    uint8x16_t bytes = vld1q_u8(from);

    return vreinterpretq_s16_u8(swap ? vrev16q_u8(bytes) : bytes);
}

static void i16_to_i32(void *to, const void *from, size_t count, bool swap)
{
    const uint8_t *source = from;
    uint8_t *target = to;
    size_t k = 0;

    for (; count - k >= VALUES; k += VALUES) {
        int16x8_t values = load_i16(source + 2 * k, swap);
        int32x4_t low = vmovl_s16(vget_low_s16(values)), high = vmovl_high_s16(values);

        vst1q_u8(target + 4 * k, vreinterpretq_u8_s32(low));
        vst1q_u8(target + 4 * k + VECTOR_BYTES, vreinterpretq_u8_s32(high));
    }
    speadi_value_plain.i16_to_i32(target + 4 * k, source + 2 * k, count - k, swap);
}

static void i16_to_f32(void *to, const void *from, size_t count, bool swap)
{
    const uint8_t *source = from;
    uint8_t *target = to;
    size_t k = 0;

    for (; count - k >= VALUES; k += VALUES) {
        int16x8_t values = load_i16(source + 2 * k, swap);
        float32x4_t low = vcvtq_f32_s32(vmovl_s16(vget_low_s16(values)));
        float32x4_t high = vcvtq_f32_s32(vmovl_high_s16(values));

        vst1q_u8(target + 4 * k, vreinterpretq_u8_f32(low));
        vst1q_u8(target + 4 * k + VECTOR_BYTES, vreinterpretq_u8_f32(high));
    }
    speadi_value_plain.i16_to_f32(target + 4 * k, source + 2 * k, count - k, swap);
}

static bool is_here(void)
{
    return true;
}

const struct speadi_value_variant speadi_value_neon = {
    "neon", is_here, swap_16, swap_32, swap_64, i16_to_i32, i16_to_f32,
};
#endif
