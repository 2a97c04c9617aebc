/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions of arrays by AVX2. The rest behind the last whole vector is converted by the plain variant. */
#include "value_vector.h"

#if defined(__x86_64__)
#    include <immintrin.h>
#    include <stdint.h>

#    define AVX2         __attribute__((target("avx2")))
#    define VECTOR_BYTES sizeof(__m256i)

static AVX2 inline __m256i load(const uint8_t *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

static AVX2 inline void store(uint8_t *to, __m256i vector)
{
    _mm256_storeu_si256((__m256i *)(void *)to, vector);
}

/* Copies the whole vectors of `bytes` bytes. Moves the bytes of each half of a vector as `order` says. Returns how many
 * bytes it has copied. */
static AVX2 inline size_t shuffle(uint8_t *to, const uint8_t *from, size_t bytes, __m128i order)
{
    __m256i both = _mm256_broadcastsi128_si256(order);
    size_t at = 0;

    for (; bytes - at >= 2 * VECTOR_BYTES; at += 2 * VECTOR_BYTES) {
        __m256i one = load(from + at), two = load(from + at + VECTOR_BYTES);

        store(to + at, _mm256_shuffle_epi8(one, both));
        store(to + at + VECTOR_BYTES, _mm256_shuffle_epi8(two, both));
    }
    return at;
}

static AVX2 inline __m128i order_16(void)
{
    return _mm_set_epi8(14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1);
}

static AVX2 void swap_16(void *to, const void *from, size_t count)
{
    size_t done = shuffle(to, from, 2 * count, order_16());

    speadi_value_plain.swap_16((uint8_t *)to + done, (const uint8_t *)from + done,
                               count - done / 2);
}

static AVX2 void swap_32(void *to, const void *from, size_t count)
{
    __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    size_t done = shuffle(to, from, 4 * count, order);

    speadi_value_plain.swap_32((uint8_t *)to + done, (const uint8_t *)from + done,
                               count - done / 4);
}

static AVX2 void swap_64(void *to, const void *from, size_t count)
{
    __m128i order = _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    size_t done = shuffle(to, from, 8 * count, order);

    speadi_value_plain.swap_64((uint8_t *)to + done, (const uint8_t *)from + done,
                               count - done / 8);
}

/* ---- int16_t to a wider type: each vector of the result comes from half a vector --------------------------- */

#    define WIDE_VALUES (VECTOR_BYTES / sizeof(int32_t))

static AVX2 inline __m256i widen(const uint8_t *from, __m128i order)
{
    __m128i values = _mm_loadu_si128((const __m128i *)(const void *)from);

    return _mm256_cvtepi16_epi32(_mm_shuffle_epi8(values, order));
}

static AVX2 inline __m128i order_of(bool swap)
{
    return swap ? order_16() : _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

static AVX2 void i16_to_i32(void *to, const void *from, size_t count, bool swap)
{
    const uint8_t *source = from;
    uint8_t *target = to;
    __m128i order = order_of(swap);
    size_t k = 0;

    for (; count - k >= WIDE_VALUES; k += WIDE_VALUES)
        store(target + 4 * k, widen(source + 2 * k, order));
    speadi_value_plain.i16_to_i32(target + 4 * k, source + 2 * k, count - k, swap);
}

static AVX2 void i16_to_f32(void *to, const void *from, size_t count, bool swap)
{
    const uint8_t *source = from;
    uint8_t *target = to;
    __m128i order = order_of(swap);
    size_t k = 0;

    for (; count - k >= WIDE_VALUES; k += WIDE_VALUES)
        _mm256_storeu_ps((float *)(void *)(target + 4 * k),
                         _mm256_cvtepi32_ps(widen(source + 2 * k, order)));
    speadi_value_plain.i16_to_f32(target + 4 * k, source + 2 * k, count - k, swap);
}

static bool is_here(void)
{
    return __builtin_cpu_supports("avx2");
}

const struct speadi_value_variant speadi_value_avx2 = {
    "avx2", is_here, swap_16, swap_32, swap_64, i16_to_i32, i16_to_f32,
};
#endif
