/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the values of items. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <speadi/err.h>

#include "descriptor_parts.h"
#include "value_parts.h"
#include "value_vector.h"

/* ---- Arrays ---------------------------------------------------------------------------------------------- */

static void read_as_is(struct speadi_walk *walk, uint64_t bits, uint64_t count, uint8_t *to)
{
    while (count > 0) {
        struct speadi_run run = speadi_walk_next(walk, count);

        speadi_load_bytes(to, bits, &run);
        to += run.count * (size_t)(bits / 8);
        count -= run.count;
    }
}

/* Copies values without gaps that differ from the C type in their byte order only. */
static void copy_values(struct speadi_walk *walk, const struct speadi_form *form, uint64_t count,
                        uint8_t *to)
{
    size_t bytes = (size_t)(form->bits / 8);

    while (count > 0) {
        struct speadi_run run = speadi_walk_next(walk, count);
        const uint8_t *from = run.data + run.bit / 8;

        if (form->is_little_endian == SPEADI_HOST_IS_LITTLE_ENDIAN)
            memcpy(to, from, run.count * bytes);
        else
            speadi_copy_swapped(to, from, bytes, run.count);
        to += run.count * bytes;
        count -= run.count;
    }
}

/* Converts values of int16_t without gaps to int32_t or float. Each of them fits. */
static void widen_values(struct speadi_walk *walk, const struct speadi_form *form, uint64_t count,
                         enum spead_ctype type, uint8_t *to)
{
    const struct speadi_value_variant *variant = speadi_value_variant_of_cpu();
    bool swap = form->is_little_endian != SPEADI_HOST_IS_LITTLE_ENDIAN;

    while (count > 0) {
        struct speadi_run run = speadi_walk_next(walk, count);
        const uint8_t *from = run.data + run.bit / 8;

        if (type == SPEAD_CTYPE_F32)
            variant->i16_to_f32(to, from, run.count, swap);
        else
            variant->i16_to_i32(to, from, run.count, swap);
        to += run.count * sizeof(int32_t);
        count -= run.count;
    }
}

/* Converts values by way of a block. `first` is the number of the first one, for the sentence. */
static int convert_values(struct speadi_walk *walk, const struct speadi_form *form, uint64_t first,
                          uint64_t count, enum spead_ctype type, uint8_t *to, struct spead_err *err)
{
    enum speadi_class class = speadi_form_class(form);
    size_t bytes = speadi_ctype_part_bytes(type);
    union speadi_block_values block;
    char words[SPEADI_WORDS_MAX];

    while (count > 0) {
        uint64_t max = count < SPEADI_BLOCK_VALUES ? count : SPEADI_BLOCK_VALUES;
        struct speadi_run run = speadi_walk_next(walk, max);
        size_t good;

        speadi_load(&block, form, &run);
        good = speadi_give(to, type, &block, class, run.count);
        if (good < run.count)
            return speadi_err_set(err, -ERANGE, "value %" PRIu64 " is %s, which does not fit %s",
                                  first + good, speadi_number_words(words, &block, class, good),
                                  speadi_ctype_name(type));
        first += run.count;
        to += run.count * bytes;
        count -= run.count;
    }
    return 0;
}

static bool has_no_gaps(const struct spead_view *view, const struct speadi_walk *walk,
                        const struct speadi_form *form)
{
    return !view->is_packed && walk->stride[walk->dimension_count - 1] == form->bits;
}

static bool differs_in_order_only(const struct speadi_form *form, enum spead_ctype type)
{
    return form->kind != SPEAD_KIND_BOOL && speadi_ctype_has_form(type, form);
}

static bool is_widened(const struct speadi_form *form, enum spead_ctype type)
{
    return form->bits == 16 && speadi_form_class(form) == SPEADI_CLASS_SIGNED &&
           (type == SPEAD_CTYPE_I32 || type == SPEAD_CTYPE_F32);
}

int spead_view_read(const struct spead_view *view, uint64_t first, uint64_t count,
                    enum spead_ctype type, void *to, struct spead_err *err)
{
    struct speadi_form form = speadi_form_of(view);
    uint64_t parts = view->kind == SPEAD_KIND_COMPLEX ? 2 : 1;
    struct speadi_walk walk;
    bool dense;

    if (speadi_check_types(view, type, false, err) < 0)
        return -EINVAL;
    if (first > view->count || count > view->count - first)
        return speadi_err_set(err, -ERANGE,
                              "asked for %" PRIu64 " values from value %" PRIu64
                              " on, but there are %" PRIu64,
                              count, first, view->count);
    if (count == 0)
        return 0;
    if (!view->data)
        return speadi_err_set(err, -ENOTSUP, "the CPU cannot touch the memory of the payload");
    speadi_walk_begin(&walk, view, parts * first);
    dense = has_no_gaps(view, &walk, &form);
    if (type == SPEAD_CTYPE_AS_IS)
        read_as_is(&walk, form.bits, parts * count, to);
    else if (dense && differs_in_order_only(&form, type))
        copy_values(&walk, &form, parts * count, to);
    else if (dense && is_widened(&form, type))
        widen_values(&walk, &form, parts * count, type, to);
    else
        return convert_values(&walk, &form, first, parts * count, type, to, err);
    return 0;
}

int spead_item_read(const struct spead_item *item, const struct spead_descriptor *descriptor,
                    uint32_t field, enum spead_ctype type, void *to, size_t max, size_t *count,
                    struct spead_err *err)
{
    struct spead_err refused;
    struct spead_view view;
    int ret = spead_item_view(&view, item, descriptor, field, err);

    if (ret < 0)
        return ret;
    if (view.count > max)
        return speadi_item_err(err, -ENOSPC, descriptor,
                               "the item has %" PRIu64 " values, but there is room for %zu",
                               view.count, max);
    ret = spead_view_read(&view, 0, view.count, type, to, &refused);
    if (ret < 0)
        return speadi_item_err(err, ret, descriptor, "%s", refused.text);
    if (count)
        *count = (size_t)view.count;
    return 0;
}

/* ---- Numbers ------------------------------------------------------------------------------------------------- */

static int read_scalar(const struct spead_item *item, const struct spead_descriptor *descriptor,
                       enum spead_ctype type, void *value, struct spead_err *err)
{
    if (descriptor->dimension_count > 0 || descriptor->fields[0].dimension_count > 0)
        return speadi_item_err(err, -EINVAL, descriptor,
                               "expected one number, but the item is an array (%.60s)",
                               descriptor->type);
    if (descriptor->field_count > 1)
        return speadi_item_err(err, -EINVAL, descriptor,
                               "expected one number, but the item is a record (%.60s)",
                               descriptor->type);
    return spead_item_read(item, descriptor, 0, type, value, 1, NULL, err);
}

int spead_item_get_i64(const struct spead_item *item, const struct spead_descriptor *descriptor,
                       int64_t *value, struct spead_err *err)
{
    return read_scalar(item, descriptor, SPEAD_CTYPE_I64, value, err);
}

int spead_item_get_u64(const struct spead_item *item, const struct spead_descriptor *descriptor,
                       uint64_t *value, struct spead_err *err)
{
    return read_scalar(item, descriptor, SPEAD_CTYPE_U64, value, err);
}

int spead_item_get_f64(const struct spead_item *item, const struct spead_descriptor *descriptor,
                       double *value, struct spead_err *err)
{
    return read_scalar(item, descriptor, SPEAD_CTYPE_F64, value, err);
}
