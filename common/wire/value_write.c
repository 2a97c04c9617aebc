/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the bytes of items from values of a program. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <speadi/err.h>

#include "descriptor_parts.h"
#include "value_parts.h"

int spead_value_bytes(const struct spead_descriptor *descriptor, uint64_t variable, size_t *bytes,
                      struct spead_err *err)
{
    uint64_t bits = descriptor->known_elements * descriptor->element_bits;

    if (descriptor->variable >= 0 &&
        (__builtin_mul_overflow(bits, variable, &bits) || bits > SPEADI_DESCRIPTOR_BITS_MAX))
        return speadi_item_err(err, -ERANGE, descriptor,
                               "with %" PRIu64
                               " elements in its variable dimension the array would have more "
                               "than 2^62 bits",
                               variable);
    *bytes = (size_t)((bits + 7) / 8);
    return 0;
}

/* Computes the length of the variable dimension from the number of values, and checks that the number fits. */
static int count_variable(const struct spead_descriptor *descriptor, uint32_t field, size_t count,
                          uint64_t *variable, struct spead_err *err)
{
    uint64_t values = descriptor->known_elements;

    /* The fields of a record lie in its elements, so this is no more than the bits of all elements; only a field of
     * no bits could have more. */
    for (uint32_t i = 0; i < descriptor->fields[field].dimension_count; i++)
        if (__builtin_mul_overflow(values, descriptor->fields[field].shape[i], &values))
            return speadi_item_err(err, -EINVAL, descriptor, "the field has too many values");
    *variable = 0;
    if (descriptor->variable < 0 && count == values)
        return 0;
    if (descriptor->variable >= 0 && (values == 0 ? count == 0 : count % values == 0)) {
        *variable = values == 0 ? 0 : count / values;
        return 0;
    }
    return speadi_item_err(err, -EINVAL, descriptor,
                           "%zu values do not fit the shape, which needs %s%" PRIu64, count,
                           descriptor->variable < 0 ? "" : "a multiple of ", values);
}

/* ---- Runs -------------------------------------------------------------------------------------------------- */

static int check_ascii(const uint8_t *from, size_t count, struct spead_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (from[i] > 0x7f)
            return speadi_err_set(err, -EBADMSG, "expected ASCII text, but character %zu is 0x%02x",
                                  i, from[i]);
    return 0;
}

static int write_as_is(struct speadi_walk *walk, const struct speadi_form *form, uint64_t count,
                       const uint8_t *from, struct spead_err *err)
{
    if (form->kind == SPEAD_KIND_CHAR && check_ascii(from, (size_t)count, err) < 0)
        return -EBADMSG;
    while (count > 0) {
        struct speadi_run run = speadi_walk_next(walk, count);

        speadi_store_bytes(from, form->bits, &run);
        from += run.count * (size_t)(form->bits / 8);
        count -= run.count;
    }
    return 0;
}

/* Copies values without gaps that differ from the C type in their byte order only. */
static void copy_values(struct speadi_walk *walk, const struct speadi_form *form, uint64_t count,
                        const uint8_t *from)
{
    size_t bytes = (size_t)(form->bits / 8);

    while (count > 0) {
        struct speadi_run run = speadi_walk_next(walk, count);
        uint8_t *to = (uint8_t *)(uintptr_t)run.data + run.bit / 8;

        if (form->is_little_endian == SPEADI_HOST_IS_LITTLE_ENDIAN)
            memcpy(to, from, run.count * bytes);
        else
            speadi_copy_swapped(to, from, bytes, run.count);
        from += run.count * bytes;
        count -= run.count;
    }
}

/* Makes integers of the block floating-point numbers, if the item has such numbers. */
static void make_real(union speadi_block_values *block, enum speadi_class class, size_t count)
{
    if (class == SPEADI_CLASS_SIGNED)
        for (size_t k = 0; k < count; k++)
            block->d[k] = (double)block->i[k];
    else if (class == SPEADI_CLASS_UNSIGNED)
        for (size_t k = 0; k < count; k++)
            block->d[k] = (double)block->u[k];
}

static void make_bool(union speadi_block_values *block, size_t count)
{
    for (size_t k = 0; k < count; k++)
        block->u[k] = block->u[k] != 0;
}

static int convert_values(struct speadi_walk *walk, const struct spead_view *view, uint64_t count,
                          enum spead_ctype type, const uint8_t *from, struct spead_err *err)
{
    struct speadi_form form = speadi_form_of(view);
    enum speadi_class class = speadi_ctype_class(type);
    size_t bytes = speadi_ctype_part_bytes(type);
    union speadi_block_values block;
    char number[SPEADI_WORDS_MAX], words[SPEADI_WORDS_MAX];

    for (uint64_t done = 0; done < count;) {
        uint64_t max = count - done < SPEADI_BLOCK_VALUES ? count - done : SPEADI_BLOCK_VALUES;
        struct speadi_run run = speadi_walk_next(walk, max);
        size_t good;

        speadi_take(&block, type, from + done * bytes, run.count);
        if (form.kind == SPEAD_KIND_BOOL)
            make_bool(&block, run.count);
        good = speadi_store_check(&block, class, &form, run.count);
        if (good < run.count)
            return speadi_err_set(err, -ERANGE, "value %" PRIu64 " is %s, which does not fit %s",
                                  done + good, speadi_number_words(number, &block, class, good),
                                  speadi_view_words(words, view));
        if (speadi_form_class(&form) == SPEADI_CLASS_REAL)
            make_real(&block, class, run.count);
        speadi_store(&block, &form, &run);
        done += run.count;
    }
    return 0;
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */

static int write_view(const struct spead_view *view, enum spead_ctype type, const void *from,
                      struct spead_err *err)
{
    struct speadi_form form = speadi_form_of(view);
    uint64_t count = view->kind == SPEAD_KIND_COMPLEX ? 2 * view->count : view->count;
    struct speadi_walk walk;

    if (speadi_check_types(view, type, true, err) < 0)
        return -EINVAL;
    if (count == 0)
        return 0;
    speadi_walk_begin(&walk, view, 0);
    if (type == SPEAD_CTYPE_AS_IS)
        return write_as_is(&walk, &form, count, from, err);
    if (view->is_packed || walk.stride[walk.dimension_count - 1] != form.bits ||
        form.kind == SPEAD_KIND_BOOL || !speadi_ctype_has_form(type, &form))
        return convert_values(&walk, view, count, type, from, err);
    copy_values(&walk, &form, count, from);
    return 0;
}

int spead_value_write(const struct spead_descriptor *descriptor, uint32_t field,
                      enum spead_ctype type, const void *from, size_t count, void *to, size_t size,
                      struct spead_err *err)
{
    struct spead_err refused;
    struct spead_view view;
    uint64_t variable;
    size_t bytes;
    int ret;

    if (field >= descriptor->field_count)
        return speadi_item_err(err, -ERANGE, descriptor,
                               "field %" PRIu32 " does not exist: there are %" PRIu32, field,
                               descriptor->field_count);
    ret = count_variable(descriptor, field, count, &variable, err);
    if (ret == 0)
        ret = spead_value_bytes(descriptor, variable, &bytes, err);
    if (ret < 0)
        return ret;
    if (bytes > size)
        return speadi_item_err(err, -ENOSPC, descriptor,
                               "the value needs %zu bytes, but there is room for %zu", bytes, size);
    view.data = (const uint8_t *)to + speadi_view_lay_out(&view, descriptor, field, variable);
    ret = write_view(&view, type, from, &refused);
    if (ret < 0)
        return speadi_item_err(err, ret, descriptor, "%s", refused.text);
    return 0;
}
