/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the values of items into blocks of numbers. */
#include <string.h>

#include "value_bits.h"
#include "value_parts.h"
#include "value_vector.h"

/* Reads the values of a run that have whole bytes and begin at whole bytes. The first loop is for values without gaps,
 * so that the compiler makes vector instructions of it. */
#define LOAD(member, type, load)                                        \
    do {                                                                \
        if (step == sizeof(type))                                       \
            for (size_t k = 0; k < run->count; k++)                     \
                block->member[k] = (type)load(from + k * sizeof(type)); \
        else                                                            \
            for (size_t k = 0; k < run->count; k++)                     \
                block->member[k] = (type)load(from + k * step);         \
        return true;                                                    \
    } while (0)

#define LOAD_BOTH(member, type, width)                 \
    do {                                               \
        if (form->is_little_endian)                    \
            LOAD(member, type, speadi_load_le##width); \
        LOAD(member, type, speadi_load_be##width);     \
    } while (0)

static bool load_signed(union speadi_block_values *block, const struct speadi_form *form,
                        const struct speadi_run *run, const uint8_t *from, size_t step)
{
    switch (form->bits) {
    case 8:
        LOAD(i, int8_t, *);
    case 16:
        LOAD_BOTH(i, int16_t, 16);
    case 32:
        LOAD_BOTH(i, int32_t, 32);
    case 64:
        LOAD_BOTH(i, int64_t, 64);
    default:
        return false;
    }
}

static bool load_unsigned(union speadi_block_values *block, const struct speadi_form *form,
                          const struct speadi_run *run, const uint8_t *from, size_t step)
{
    switch (form->bits) {
    case 8:
        LOAD(u, uint8_t, *);
    case 16:
        LOAD_BOTH(u, uint16_t, 16);
    case 32:
        LOAD_BOTH(u, uint32_t, 32);
    case 64:
        LOAD_BOTH(u, uint64_t, 64);
    default:
        return false;
    }
}

/* Reads the bits of floating-point numbers, and then the numbers. */
static void load_real(union speadi_block_values *block, const struct speadi_form *form,
                      const struct speadi_run *run)
{
    struct speadi_form bits = *form;

    bits.kind = SPEAD_KIND_UNSIGNED;
    speadi_load(block, &bits, run);
    for (size_t k = 0; k < run->count; k++)
        block->d[k] = form->bits == 16   ? speadi_half_to_double((uint16_t)block->u[k])
                      : form->bits == 32 ? speadi_float_of_bits((uint32_t)block->u[k])
                                         : speadi_double_of_bits(block->u[k]);
}

/* Reads values of any number of bits up to 64. Those of whole bytes may be little-endian. */
static void load_bits(union speadi_block_values *block, const struct speadi_form *form,
                      const struct speadi_run *run)
{
    unsigned bits = (unsigned)form->bits, shift = 64 - bits;
    uint64_t at = run->bit;

    for (size_t k = 0; k < run->count; k++, at += run->stride)
        block->u[k] = speadi_bits_get(run->data, run->bytes, at, bits);
    if (form->is_little_endian)
        for (size_t k = 0; k < run->count; k++)
            block->u[k] = __builtin_bswap64(block->u[k]) >> shift;
    if (speadi_form_class(form) == SPEADI_CLASS_SIGNED)
        for (size_t k = 0; k < run->count; k++)
            block->i[k] = (int64_t)(block->u[k] << shift) >> shift;
    if (form->kind == SPEAD_KIND_BOOL)
        for (size_t k = 0; k < run->count; k++)
            block->u[k] = block->u[k] != 0;
}

void speadi_load(union speadi_block_values *block, const struct speadi_form *form,
                 const struct speadi_run *run)
{
    enum speadi_class class = speadi_form_class(form);
    bool whole = (run->bit | run->stride) % 8 == 0;
    const uint8_t *from = run->data + run->bit / 8;
    size_t step = (size_t)(run->stride / 8);

    if (class == SPEADI_CLASS_REAL)
        load_real(block, form, run);
    else if (!whole || form->kind == SPEAD_KIND_BOOL ||
             !(class == SPEADI_CLASS_SIGNED ? load_signed(block, form, run, from, step)
                                            : load_unsigned(block, form, run, from, step)))
        load_bits(block, form, run);
}

void speadi_load_bytes(uint8_t *to, uint64_t bits, const struct speadi_run *run)
{
    size_t bytes = (size_t)(bits / 8);

    for (size_t k = 0; k < run->count; k++, to += bytes) {
        uint64_t at = run->bit + k * run->stride;

        if (at % 8 == 0)
            memcpy(to, run->data + at / 8, bytes);
        else
            for (size_t b = 0; b < bytes; b++)
                to[b] = (uint8_t)speadi_bits_get(run->data, run->bytes, at + 8 * b, 8);
    }
}

void speadi_copy_swapped(void *to, const void *from, size_t value_bytes, size_t count)
{
    const struct speadi_value_variant *variant = speadi_value_variant_of_cpu();

    switch (value_bytes) {
    case 2:
        variant->swap_16(to, from, count);
        break;
    case 4:
        variant->swap_32(to, from, count);
        break;
    case 8:
        variant->swap_64(to, from, count);
        break;
    default:
        memcpy(to, from, value_bytes * count);
    }
}
