/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming copies by the pair stores of 64-bit ARM that hint that the line need not stay in the cache (STNP). */
#include <speadi/streaming_copy.h>

#if defined(__aarch64__)
#    include <arm_neon.h>
#    include <stdint.h>
#    include <string.h>

#    define VECTOR_BYTES sizeof(uint8x16_t)
#    define LINE_BYTES   (4 * VECTOR_BYTES)
#    define LEAST        (4 * LINE_BYTES) /* a shorter piece is copied by memcpy() */

/* Stores two vectors at a multiple of 32 bytes. */
static inline void stream(uint8_t *to, uint8x16_t first, uint8x16_t second)
{
    __asm__ volatile("stnp %q1, %q2, [%0]" : : "r"(to), "w"(first), "w"(second) : "memory");
}

static void *copy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    size_t before = -(uintptr_t)to % LINE_BYTES;

    if (bytes < LEAST)
        return memcpy(to, from, bytes);
    /* as in streaming_copy_avx2.c */
    if ((uintptr_t)(target + bytes) % LINE_BYTES != 0)
        __builtin_prefetch(target + 2 * bytes, 1);
    memcpy(target, source, before);
    target += before, source += before, bytes -= before;
    for (; bytes >= LINE_BYTES; bytes -= LINE_BYTES) {
        uint8x16_t first = vld1q_u8(source), second = vld1q_u8(source + VECTOR_BYTES),
                   third = vld1q_u8(source + 2 * VECTOR_BYTES),
                   fourth = vld1q_u8(source + 3 * VECTOR_BYTES);

        stream(target, first, second);
        stream(target + 2 * VECTOR_BYTES, third, fourth);
        target += LINE_BYTES, source += LINE_BYTES;
    }
    memcpy(target, source, bytes);
    return to;
}

static bool is_here(void)
{
    return true;
}

const struct speadi_copy_variant speadi_copy_neon = {"neon", is_here, copy};
#endif
