/* SPDX-License-Identifier: Apache-2.0 */
/* Writes blocks of numbers to the values of items. */
#include <string.h>

#include "value_bits.h"
#include "value_parts.h"

size_t speadi_store_check(const union speadi_block_values *block, enum speadi_class class,
                          const struct speadi_form *form, size_t count)
{
    unsigned bits = (unsigned)form->bits;
    uint64_t max = UINT64_MAX >> (64 - bits);

    switch (speadi_form_class(form)) {
    case SPEADI_CLASS_SIGNED:
        max >>= 1;
        if (class == SPEADI_CLASS_UNSIGNED) {
            for (size_t k = 0; k < count; k++)
                if (block->u[k] > max)
                    return k;
            return count;
        }
        for (size_t k = 0; k < count; k++)
            if (block->i[k] > (int64_t)max || block->i[k] < -(int64_t)max - 1)
                return k;
        return count;
    case SPEADI_CLASS_UNSIGNED:
        /* a negative number is a very large unsigned one, but 64 bits would hold it */
        for (size_t k = 0; k < count; k++)
            if (block->u[k] > max || (class == SPEADI_CLASS_SIGNED && block->i[k] < 0))
                return k;
        return count;
    default:
        return count;
    }
}

/* Makes the bits of a floating-point number from a number of any class. */
static uint64_t bits_of_real(double value, uint64_t bits)
{
    float single = (float)value;
    uint32_t single_bits;
    uint64_t double_bits;

    memcpy(&single_bits, &single, sizeof single_bits);
    memcpy(&double_bits, &value, sizeof double_bits);
    return bits == 16 ? speadi_half_of_double(value) : bits == 32 ? single_bits : double_bits;
}

void speadi_store(const union speadi_block_values *block, const struct speadi_form *form,
                  const struct speadi_run *run)
{
    uint8_t *data = (uint8_t *)(uintptr_t)run->data;
    unsigned bits = (unsigned)form->bits;
    bool real = speadi_form_class(form) == SPEADI_CLASS_REAL;
    uint64_t at = run->bit;

    for (size_t k = 0; k < run->count; k++, at += run->stride) {
        uint64_t value = real ? bits_of_real(block->d[k], form->bits) : block->u[k];

        if (form->is_little_endian)
            value = __builtin_bswap64(value) >> (64 - bits);
        if (bits % 8 == 0 && at % 8 == 0)
            for (unsigned b = 0; b < bits / 8; b++)
                data[at / 8 + b] = (uint8_t)(value >> (bits - 8 - 8 * b));
        else
            speadi_bits_set(data, at, bits, value);
    }
}

void speadi_store_bytes(const uint8_t *from, uint64_t bits, const struct speadi_run *run)
{
    uint8_t *data = (uint8_t *)(uintptr_t)run->data;
    size_t bytes = (size_t)(bits / 8);

    for (size_t k = 0; k < run->count; k++, from += bytes) {
        uint64_t at = run->bit + k * run->stride;

        if (at % 8 == 0)
            memcpy(data + at / 8, from, bytes);
        else
            for (size_t b = 0; b < bytes; b++)
                speadi_bits_set(data, at + 8 * b, 8, from[b]);
    }
}
