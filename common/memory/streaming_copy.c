/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the variant of the streaming copy. See streaming_copy.h. */
#include <speadi/streaming_copy.h>

#if defined(__x86_64__)
#    include <immintrin.h>
#endif

const struct speadi_copy_variant *speadi_copy_variant(unsigned index)
{
    static const struct speadi_copy_variant *const variants[] = {
#if defined(__x86_64__)
        &speadi_copy_avx2,
#elif defined(__aarch64__)
        &speadi_copy_neon,
#endif
        NULL,
    };

    return index < sizeof variants / sizeof *variants ? variants[index] : NULL;
}

const struct speadi_copy_variant *speadi_copy_variant_of_cpu(void)
{
    const struct speadi_copy_variant *variant;

    for (unsigned index = 0; (variant = speadi_copy_variant(index)); index++)
        if (variant->is_here())
            return variant;
    return NULL;
}

void speadi_streaming_fence(void)
{
#if defined(__x86_64__)
    _mm_sfence();
#elif defined(__aarch64__)
    __asm__ volatile("dmb ishst" ::: "memory");
#endif
}
