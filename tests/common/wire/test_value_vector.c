/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the conversions of arrays give the same values by the vector instructions of every CPU.
 * Method: each variant that this CPU has converts random bytes of every length and alignment. The results are compared
 * with values that are put together byte by byte. Bytes around the target must stay as they were. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <speadline/value.h>

#include "value_vector.h"

#define COUNT_MAX  150u
#define GUARD      0x5a
#define GUARDS     32u
#define ALIGNMENTS 33u

static uint8_t source[8 * COUNT_MAX + ALIGNMENTS];
static uint8_t target[8 * COUNT_MAX + ALIGNMENTS + 2 * GUARDS];

static void fill(void)
{
    for (size_t i = 0; i < sizeof source; i++)
        source[i] = (uint8_t)(i * 2654435761u >> 11);
}

static void reverse(uint8_t *to, const uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = from[bytes - 1 - i];
}

static int16_t i16_at(const uint8_t *from, bool swap)
{
    uint8_t bytes[2];
    int16_t value;

    reverse(bytes, from, 2);
    memcpy(&value, swap ? bytes : from, sizeof value);
    return value;
}

static void expect_guards(const uint8_t *to, size_t bytes, const char *what)
{
    for (const uint8_t *at = target; at < target + sizeof target; at++)
        if (at < to || at >= to + bytes)
            cr_assert_eq(*at, GUARD, "%s wrote %td bytes behind the start of %zu bytes", what,
                         at - to, bytes);
}

static void expect_swaps(const struct speadi_value_variant *variant, size_t bytes,
                         void (*swap)(void *, const void *, size_t), size_t count, size_t skew)
{
    uint8_t *to = target + GUARDS + skew, wanted[8];
    const uint8_t *from = source + ALIGNMENTS - 1 - skew;

    memset(target, GUARD, sizeof target);
    swap(to, from, count);
    for (size_t k = 0; k < count; k++) {
        reverse(wanted, from + bytes * k, bytes);
        cr_assert_arr_eq(to + bytes * k, wanted, bytes, "%s: value %zu of %zu with %zu bytes",
                         variant->name, k, count, bytes);
    }
    expect_guards(to, bytes * count, variant->name);
}

static void expect_widened(const struct speadi_value_variant *variant, size_t count, size_t skew,
                           bool swap)
{
    uint8_t *to = target + GUARDS + skew;
    const uint8_t *from = source + skew;

    memset(target, GUARD, sizeof target);
    variant->i16_to_i32(to, from, count, swap);
    for (size_t k = 0; k < count; k++) {
        int32_t got;

        memcpy(&got, to + 4 * k, sizeof got);
        cr_assert_eq(got, i16_at(from + 2 * k, swap), "%s: value %zu of %zu", variant->name, k,
                     count);
    }
    expect_guards(to, 4 * count, variant->name);
    variant->i16_to_f32(to, from, count, swap);
    for (size_t k = 0; k < count; k++) {
        float got;

        memcpy(&got, to + 4 * k, sizeof got);
        cr_assert_eq(got, (float)i16_at(from + 2 * k, swap), "%s: value %zu of %zu", variant->name,
                     k, count);
    }
    expect_guards(to, 4 * count, variant->name);
}

Test(value_vector, converts_arrays_of_every_length_and_alignment_by_each_variant)
{
    const struct speadi_value_variant *variant;
    unsigned tried = 0;

    fill();
    for (unsigned i = 0; (variant = speadi_value_variant(i)); i++) {
        if (!variant->is_here()) {
            fprintf(stderr, "not tried: this CPU lacks %s\n", variant->name);
            continue;
        }
        tried++;
        for (size_t count = 0; count <= COUNT_MAX; count++)
            for (size_t skew = 0; skew < ALIGNMENTS; skew += 1 + skew / 9) {
                expect_swaps(variant, 2, variant->swap_16, count, skew);
                expect_swaps(variant, 4, variant->swap_32, count, skew);
                expect_swaps(variant, 8, variant->swap_64, count, skew);
                expect_widened(variant, count, skew, true);
                expect_widened(variant, count, skew, false);
            }
    }
    cr_expect_gt(tried, 0);
}

Test(value_vector, the_chosen_variant_runs_on_this_cpu)
{
    cr_expect(speadi_value_variant_of_cpu()->is_here());
}

static struct spead_descriptor *make(const char *dtype, const int64_t *shape, bool fortran)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor = NULL;
    struct spead_err err;

    config.id = 0x1000;
    config.dtype = dtype;
    config.shape = shape;
    config.dimension_count = 2;
    config.fortran_order = fortran;
    cr_assert_eq(spead_descriptor_create(&descriptor, &config, &err), 0, "%s", err.text);
    return descriptor;
}

/* An array in Fortran order has gaps between the values that are neighbours in C order. */
static void expect_read(const char *dtype, bool fortran)
{
    const int64_t shape[] = {7, 9};
    struct spead_descriptor *descriptor = make(dtype, shape, fortran);
    const struct spead_item item = {.id = 0x1000, .data = source + 1, .bytes = 2 * 63};
    int32_t integers[63];
    float reals[63];

    cr_assert_eq(spead_item_read(&item, descriptor, 0, SPEAD_CTYPE_I32, integers, 63, NULL, NULL),
                 0);
    cr_assert_eq(spead_item_read(&item, descriptor, 0, SPEAD_CTYPE_F32, reals, 63, NULL, NULL), 0);
    for (size_t k = 0; k < 63; k++) {
        size_t place = fortran ? k % 9 * 7 + k / 9 : k;
        int16_t wanted = i16_at(source + 1 + 2 * place, dtype[0] == '>');

        cr_expect_eq(integers[k], wanted, "%s, value %zu", dtype, k);
        cr_expect_eq(reals[k], wanted, "%s, value %zu", dtype, k);
    }
    spead_descriptor_unref(descriptor);
}

Test(value_vector, int16_becomes_int32_and_float_in_either_byte_order_and_with_gaps)
{
    fill();
    expect_read(">i2", false);
    expect_read("<i2", false);
    expect_read(">i2", true);
    expect_read("<i2", true);
}
