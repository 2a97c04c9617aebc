/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the variant of the conversions. See value_vector.h. */
#include "value_vector.h"

const struct speadi_value_variant *speadi_value_variant(unsigned index)
{
    static const struct speadi_value_variant *const variants[] = {
#if defined(__x86_64__)
        &speadi_value_avx2,
#elif defined(__aarch64__)
        &speadi_value_neon,
#endif
        &speadi_value_plain,
    };

    return index < sizeof variants / sizeof *variants ? variants[index] : NULL;
}

const struct speadi_value_variant *speadi_value_variant_of_cpu(void)
{
    unsigned index = 0;

    while (!speadi_value_variant(index)->is_here())
        index++;
    return speadi_value_variant(index);
}
