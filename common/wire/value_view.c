/* SPDX-License-Identifier: Apache-2.0 */
/* Views: where the values of an item lie. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>

#include "descriptor_parts.h"
#include "value_parts.h"

/* An item pointer has at most this many bytes of value: 56 bits. */
#define IMMEDIATE_BYTES_MAX 7u

int speadi_item_err(struct spead_err *err, int code, const struct spead_descriptor *descriptor,
                    const char *format, ...)
{
    char text[SPEAD_ERR_TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return speadi_err_set(err, code, "item 0x%" PRIx64 " (\"%.40s\"): %s", descriptor->id,
                          descriptor->name, text);
}

/* ---- Layout --------------------------------------------------------------------------------------------- */

/* Sets the dimensions of the item itself. */
static void lay_out_item(struct spead_view *view, const struct spead_descriptor *descriptor,
                         uint64_t variable)
{
    uint32_t count = descriptor->dimension_count;
    uint64_t stride = descriptor->element_bits;

    for (uint32_t i = 0; i < count; i++) {
        bool is_variable = descriptor->shape[i] == SPEAD_DIMENSION_VARIABLE;

        view->shape[i] = is_variable ? variable : (uint64_t)descriptor->shape[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t dimension = descriptor->is_fortran ? i : count - 1 - i;

        view->stride_bits[dimension] = (int64_t)stride;
        stride *= view->shape[dimension];
    }
    view->dimension_count = count;
}

/* Adds the dimensions of the field. */
static void lay_out_field(struct spead_view *view, const struct spead_field *field)
{
    for (uint32_t i = 0; i < field->dimension_count; i++) {
        view->shape[view->dimension_count] = field->shape[i];
        view->stride_bits[view->dimension_count] = (int64_t)field->stride_bits[i];
        view->dimension_count++;
    }
}

static bool has_no_gaps(const struct spead_view *view)
{
    uint64_t stride = view->bits;

    if (view->count <= 1)
        return true;
    for (uint32_t i = view->dimension_count; i-- > 0;) {
        if (view->shape[i] != 1 && (uint64_t)view->stride_bits[i] != stride)
            return false;
        stride *= view->shape[i];
    }
    return true;
}

uint64_t speadi_view_lay_out(struct spead_view *view, const struct spead_descriptor *descriptor,
                             uint32_t field_index, uint64_t variable)
{
    const struct spead_field *field = &descriptor->fields[field_index];

    view->kind = field->kind;
    view->bits = field->bits;
    view->is_little_endian = field->is_little_endian;
    view->reserved = 0;
    view->data_bit = field->bit_offset % 8;
    view->is_packed = (field->bits | field->bit_offset | descriptor->element_bits) % 8 != 0;
    lay_out_item(view, descriptor, variable);
    lay_out_field(view, field);
    view->count = 1;
    for (uint32_t i = 0; i < view->dimension_count; i++)
        view->count *= view->shape[i];
    view->is_contiguous = has_no_gaps(view);
    return field->bit_offset / 8;
}

/* ---- The bytes of an item --------------------------------------------------------------------------- */

/* Writes the shape of the descriptor in words: "[2, ?]", or nothing for a scalar. */
static const char *shape_words(char *words, size_t size, const struct spead_descriptor *descriptor)
{
    size_t used = 0;

    words[0] = 0;
    for (uint32_t i = 0; i < descriptor->dimension_count && used < size; i++) {
        const char *before = i == 0 ? " of shape [" : ", ";

        if (descriptor->shape[i] == SPEAD_DIMENSION_VARIABLE)
            used += (size_t)snprintf(words + used, size - used, "%s?", before);
        else
            used += (size_t)snprintf(words + used, size - used, "%s%" PRId64, before,
                                     descriptor->shape[i]);
    }
    if (used > 0 && used < size)
        snprintf(words + used, size - used, "]");
    return words;
}

static int refuse_short(const struct spead_descriptor *descriptor, uint64_t bytes,
                        struct spead_err *err)
{
    char shape[64];

    return speadi_item_err(err, -EBADMSG, descriptor,
                           "expected %" PRIu64 " bytes for a value \"%.60s\"%s, but there are "
                           "%" PRIu64,
                           (descriptor->known_elements * descriptor->element_bits + 7) / 8,
                           descriptor->type, shape_words(shape, sizeof shape, descriptor), bytes);
}

/* Copies the bytes of an immediate item into the view. *bytes becomes their number. */
static int take_immediate(struct spead_view *view, const struct spead_item *item,
                          const struct spead_descriptor *descriptor, uint64_t *bytes,
                          struct spead_err *err)
{
    uint64_t max = descriptor->heap_address_bits / 8u;

    if (descriptor->variable >= 0) {
        if (max == 0)
            return speadi_item_err(err, -EINVAL, descriptor,
                                   "the item is immediate, so it has no length, but its "
                                   "descriptor, which was not received, has a variable dimension");
        *bytes = max;
    } else {
        *bytes = (descriptor->known_elements * descriptor->element_bits + 7) / 8;
        if (max == 0)
            max = IMMEDIATE_BYTES_MAX;
        if (*bytes > max)
            return refuse_short(descriptor, max, err);
    }
    for (uint64_t i = 0; i < *bytes; i++)
        view->immediate[i] = (uint8_t)(item->value >> 8 * (*bytes - 1 - i));
    view->data = view->immediate;
    view->offset = 0;
    return 0;
}

/* Computes the length of the variable dimension from the bytes of the item, and checks that they suffice. */
static int count_variable(const struct spead_descriptor *descriptor, uint64_t bytes,
                          uint64_t *variable, struct spead_err *err)
{
    uint64_t elements = bytes > UINT64_MAX / 8 ? UINT64_MAX / descriptor->element_bits
                                               : 8 * bytes / descriptor->element_bits;

    *variable = 0;
    if (descriptor->variable < 0)
        return elements < descriptor->known_elements ? refuse_short(descriptor, bytes, err) : 0;
    if (descriptor->known_elements > 0)
        *variable = elements / descriptor->known_elements;
    return 0;
}

int spead_item_view(struct spead_view *view, const struct spead_item *item,
                    const struct spead_descriptor *descriptor, uint32_t field,
                    struct spead_err *err)
{
    uint64_t bytes = item->bytes, variable, begin;
    int ret = 0;

    if (field >= descriptor->field_count)
        return speadi_item_err(err, -ERANGE, descriptor,
                               "field %" PRIu32 " does not exist: there are %" PRIu32, field,
                               descriptor->field_count);
    view->data = item->data;
    view->offset = item->value;
    if (item->is_immediate)
        ret = take_immediate(view, item, descriptor, &bytes, err);
    if (ret == 0)
        ret = count_variable(descriptor, bytes, &variable, err);
    if (ret < 0)
        return ret;
    begin = speadi_view_lay_out(view, descriptor, field, variable);
    if (view->data)
        view->data += begin;
    if (!item->is_immediate)
        view->offset += begin;
    return 0;
}

/* ---- Walking ---------------------------------------------------------------------------------------------- */

static void add_dimension(struct speadi_walk *walk, uint64_t shape, uint64_t stride)
{
    uint32_t last = walk->dimension_count - 1;

    if (walk->dimension_count > 0 && walk->stride[last] == stride * shape) {
        walk->shape[last] *= shape;
        walk->stride[last] = stride;
        return;
    }
    walk->shape[walk->dimension_count] = shape;
    walk->stride[walk->dimension_count++] = stride;
}

void speadi_walk_begin(struct speadi_walk *walk, const struct spead_view *view, uint64_t first)
{
    uint64_t end = view->data_bit + view->bits;

    walk->data = view->data;
    walk->bit = view->data_bit;
    walk->dimension_count = 0;
    for (uint32_t i = 0; i < view->dimension_count; i++) {
        end += (view->shape[i] - 1) * (uint64_t)view->stride_bits[i];
        if (view->shape[i] != 1)
            add_dimension(walk, view->shape[i], (uint64_t)view->stride_bits[i]);
    }
    if (view->kind == SPEAD_KIND_COMPLEX)
        add_dimension(walk, 2, view->bits / 2);
    if (walk->dimension_count == 0)
        add_dimension(walk, 1, view->bits);
    walk->bytes = (end + 7) / 8;
    for (uint32_t i = walk->dimension_count; i-- > 0;) {
        walk->index[i] = first % walk->shape[i];
        first /= walk->shape[i];
        walk->bit += walk->index[i] * walk->stride[i];
    }
}

struct speadi_run speadi_walk_next(struct speadi_walk *walk, uint64_t max)
{
    uint32_t i = walk->dimension_count - 1;
    uint64_t left = walk->shape[i] - walk->index[i], count = left < max ? left : max;
    struct speadi_run run = {
        .data = walk->data,
        .bytes = walk->bytes,
        .bit = walk->bit,
        .stride = walk->stride[i],
        .count = (size_t)count,
    };

    walk->index[i] += count;
    walk->bit += count * walk->stride[i];
    for (; walk->index[i] == walk->shape[i] && i > 0; i--) {
        walk->bit -= walk->shape[i] * walk->stride[i];
        walk->index[i] = 0;
        walk->index[i - 1]++;
        walk->bit += walk->stride[i - 1];
    }
    return run;
}
