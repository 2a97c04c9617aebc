/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions of arrays in one pass, by the vector instructions of the CPU.
 *
 * A variant is the same set of functions, written for one kind of CPU. Arrays have no gaps and no alignment, and the two
 * arrays of a call do not overlap. Any thread may call these functions at any time. They do not fail. */
#ifndef SPEADI_VALUE_VECTOR_H
#define SPEADI_VALUE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>

struct speadi_value_variant {
    const char *name;
    /* Returns true if the CPU of this machine has the instructions of the variant. */
    bool (*is_here)(void);
    /* Copy `count` values of 2, 4 and 8 bytes, each with its bytes in the opposite order. */
    void (*swap_16)(void *to, const void *from, size_t count);
    void (*swap_32)(void *to, const void *from, size_t count);
    void (*swap_64)(void *to, const void *from, size_t count);
    /* Convert `count` values of int16_t to int32_t and to float. If `swap` is true, the bytes of each int16_t are in the
     * opposite order. */
    void (*i16_to_i32)(void *to, const void *from, size_t count, bool swap);
    void (*i16_to_f32)(void *to, const void *from, size_t count, bool swap);
};

/* Returns the variant of this index, or NULL behind the last one. The last one runs on every CPU. */
const struct speadi_value_variant *speadi_value_variant(unsigned index);

/* Returns the first variant whose instructions the CPU of this machine has. */
const struct speadi_value_variant *speadi_value_variant_of_cpu(void);

extern const struct speadi_value_variant speadi_value_plain;
#if defined(__x86_64__)
extern const struct speadi_value_variant speadi_value_avx2;
#elif defined(__aarch64__)
extern const struct speadi_value_variant speadi_value_neon;
#endif

#endif
