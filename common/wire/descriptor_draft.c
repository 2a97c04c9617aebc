/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts of descriptors: what is checked before a descriptor is made, and how it is made. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

#include "descriptor_parts.h"

struct speadi_draft *speadi_draft_new(void)
{
    struct speadi_draft *draft = malloc(sizeof *draft);

    if (!draft)
        return NULL;
    /* Most of the arrays stay unused, so they are not set. */
    memset(draft, 0, offsetof(struct speadi_draft, fields));
    draft->name_at = draft->description_at = draft->type_at = 0;
    draft->text[0] = 0;
    draft->text_bytes = 1;
    return draft;
}

int speadi_draft_text(struct speadi_draft *draft, const char *what, const void *text, size_t bytes,
                      size_t bytes_max, uint32_t *at, struct spead_err *err)
{
    const uint8_t *from = text;
    uint32_t room = SPEADI_DRAFT_TEXT_MAX - draft->text_bytes;

    if (bytes > bytes_max)
        return speadi_err_set(err, -EBADMSG, "%s has %zu bytes, more than %zu", what, bytes,
                              bytes_max);
    if (bytes >= room)
        return speadi_err_set(err, -EBADMSG, "the texts of the descriptor have more than %u bytes",
                              SPEADI_DRAFT_TEXT_MAX);
    for (size_t i = 0; i < bytes; i++)
        if (from[i] == 0 || from[i] > 0x7f)
            return speadi_err_set(err, -EBADMSG,
                                  "%s has the byte 0x%02x at byte %zu, which is not ASCII text",
                                  what, from[i], i);
    *at = draft->text_bytes;
    memcpy(draft->text + *at, text, bytes);
    draft->text[*at + bytes] = 0;
    draft->text_bytes += (uint32_t)bytes + 1;
    return 0;
}

int speadi_draft_field(struct speadi_draft *draft, enum spead_kind kind, uint64_t bits,
                       struct spead_err *err)
{
    struct speadi_draft_field *field = &draft->fields[draft->field_count];

    if (draft->field_count == SPEAD_DESCRIPTOR_FIELDS_MAX)
        return speadi_err_set(err, -EBADMSG, "an element has more than %u fields",
                              SPEAD_DESCRIPTOR_FIELDS_MAX);
    memset(field, 0, offsetof(struct speadi_draft_field, shape));
    field->kind = kind;
    field->bits = bits;
    draft->field_count++;
    return 0;
}

/* Computes the product of all dimensions except the variable one. The array must not have more bits than a heap can
 * have, also if a dimension is 0. */
static int count_elements(const struct speadi_draft *draft, uint64_t *elements,
                          struct spead_err *err)
{
    uint64_t bits = draft->element_bits;

    *elements = 1;
    for (uint32_t i = 0; i < draft->dimension_count; i++) {
        if (draft->shape[i] == SPEAD_DIMENSION_VARIABLE)
            continue;
        *elements *= (uint64_t)draft->shape[i];
        if (draft->shape[i] != 0 && (__builtin_mul_overflow(bits, draft->shape[i], &bits) ||
                                     bits > SPEADI_DESCRIPTOR_BITS_MAX))
            return speadi_err_set(err, -EBADMSG,
                                  "the shape has more elements than fit a heap: the array would "
                                  "have more than 2^62 bits");
    }
    return 0;
}

int speadi_draft_check_shape(const struct speadi_draft *draft, struct spead_err *err)
{
    bool variable = false;
    uint64_t elements;

    for (uint32_t i = 0; i < draft->dimension_count; i++) {
        if (draft->shape[i] < SPEAD_DIMENSION_VARIABLE)
            return speadi_err_set(err, -EBADMSG, "dimension %u of the shape is %" PRId64, i,
                                  draft->shape[i]);
        if (draft->shape[i] != SPEAD_DIMENSION_VARIABLE)
            continue;
        if (draft->is_dtype)
            return speadi_err_set(err, -EBADMSG,
                                  "dimension %u of the shape is variable: a dtype allows no "
                                  "variable dimension, a format does",
                                  i);
        if (variable)
            return speadi_err_set(err, -EBADMSG,
                                  "dimension %u of the shape is the second variable one: at most "
                                  "one may be variable",
                                  i);
        variable = true;
    }
    return count_elements(draft, &elements, err);
}

int speadi_draft_check_fields(const struct speadi_draft *draft, struct spead_err *err)
{
    uint32_t dimensions = 0;

    for (uint32_t i = 0; i < draft->field_count; i++) {
        const struct speadi_draft_field *field = &draft->fields[i];

        dimensions += field->dimension_count;
        if (dimensions > SPEADI_DRAFT_DIMENSIONS_MAX)
            return speadi_err_set(err, -EBADMSG, "the fields have more than %u dimensions together",
                                  SPEADI_DRAFT_DIMENSIONS_MAX);
        if (draft->dimension_count + field->dimension_count > SPEAD_DIMENSIONS_MAX)
            return speadi_err_set(err, -EBADMSG,
                                  "the item and its field %u have more than %u dimensions together",
                                  i, SPEAD_DIMENSIONS_MAX);
        for (uint32_t j = 0; field->name_at != 0 && j < i; j++)
            if (strcmp(draft->text + field->name_at, draft->text + draft->fields[j].name_at) == 0)
                return speadi_err_set(err, -EBADMSG, "two fields have the name \"%.60s\"",
                                      draft->text + field->name_at);
    }
    return 0;
}

/* ---- Making the descriptor ------------------------------------------------------------------------ */

static uint32_t dimensions_of_fields(const struct speadi_draft *draft)
{
    uint32_t dimensions = 0;

    for (uint32_t i = 0; i < draft->field_count; i++)
        dimensions += draft->fields[i].dimension_count;
    return dimensions;
}

static void copy_fields(struct spead_descriptor *descriptor, const struct speadi_draft *draft,
                        uint64_t *numbers, const char *text)
{
    for (uint32_t i = 0; i < draft->field_count; i++) {
        const struct speadi_draft_field *from = &draft->fields[i];
        size_t bytes = from->dimension_count * sizeof *numbers;
        uint64_t *shape = numbers, *strides = shape + from->dimension_count;

        memcpy(shape, from->shape, bytes);
        memcpy(strides, from->stride_bits, bytes);
        numbers = strides + from->dimension_count;
        descriptor->fields[i] = (struct spead_field){
            .struct_size = sizeof(struct spead_field),
            .kind = from->kind,
            .name = text + from->name_at,
            .unit = text + from->unit_at,
            .bits = from->bits,
            .bit_offset = from->bit_offset,
            .is_little_endian = from->is_little_endian,
            .dimension_count = from->dimension_count,
            .shape = shape,
            .stride_bits = strides,
        };
    }
}

struct spead_descriptor *speadi_draft_finish(const struct speadi_draft *draft)
{
    uint32_t numbers = 2 * dimensions_of_fields(draft);
    size_t fields_at = sizeof(struct spead_descriptor),
           shape_at = fields_at + draft->field_count * sizeof(struct spead_field),
           numbers_at = shape_at + draft->dimension_count * sizeof(int64_t),
           text_at = numbers_at + numbers * sizeof(uint64_t), bytes = text_at + draft->text_bytes;
    struct spead_descriptor *descriptor = malloc(bytes);
    char *memory = (char *)descriptor, *text;

    if (!descriptor)
        return NULL;
    text = memory + text_at;
    memcpy(text, draft->text, draft->text_bytes);
    *descriptor = (struct spead_descriptor){
        .references = 1,
        .heap_address_bits = draft->heap_address_bits,
        .is_dtype = draft->is_dtype,
        .is_fortran = draft->is_fortran,
        .variable = -1,
        .dimension_count = draft->dimension_count,
        .field_count = draft->field_count,
        .id = draft->id,
        .element_bits = draft->element_bits,
        .memory_bytes = bytes,
        .name = text + draft->name_at,
        .description = text + draft->description_at,
        .type = text + draft->type_at,
        .shape = (int64_t *)(memory + shape_at),
        .fields = (struct spead_field *)(memory + fields_at),
    };
    memcpy(descriptor->shape, draft->shape, draft->dimension_count * sizeof(int64_t));
    copy_fields(descriptor, draft, (uint64_t *)(memory + numbers_at), text);
    (void)count_elements(draft, &descriptor->known_elements, NULL);
    for (uint32_t i = 0; i < draft->dimension_count; i++)
        if (draft->shape[i] == SPEAD_DIMENSION_VARIABLE)
            descriptor->variable = (int32_t)i;
    return descriptor;
}
