/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming copies by AVX2. */
#include <speadi/streaming_copy.h>

#if defined(__x86_64__)
#    include <immintrin.h>
#    include <stdint.h>
#    include <string.h>

#    define AVX2         __attribute__((target("avx2,prfchw")))
#    define VECTOR_BYTES sizeof(__m256i)
#    define LINE_BYTES   (2 * VECTOR_BYTES)
#    define LEAST        (4 * LINE_BYTES) /* a shorter piece is copied by memcpy() */

static AVX2 inline __m256i load(const uint8_t *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

static AVX2 inline void stream(uint8_t *to, __m256i vector)
{
    _mm256_stream_si256((__m256i *)(void *)to, vector);
}

static AVX2 void *copy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    size_t before = -(uintptr_t)to % LINE_BYTES;

    if (bytes < LEAST)
        return memcpy(to, from, bytes);
    /* A line that is written in part must come from memory first, and stores wait for it. Where pieces of one size follow
     * each other, this asks early for the line between the next two pieces. */
    if ((uintptr_t)(target + bytes) % LINE_BYTES != 0)
        __builtin_prefetch(target + 2 * bytes, 1);
    memcpy(target, source, before);
    target += before, source += before, bytes -= before;
    for (; bytes >= LINE_BYTES; bytes -= LINE_BYTES) {
        __m256i first = load(source), second = load(source + VECTOR_BYTES);

        stream(target, first);
        stream(target + VECTOR_BYTES, second);
        target += LINE_BYTES, source += LINE_BYTES;
    }
    memcpy(target, source, bytes);
    return to;
}

static bool is_here(void)
{
    return __builtin_cpu_supports("avx2");
}

const struct speadi_copy_variant speadi_copy_avx2 = {"avx2", is_here, copy};
#endif
