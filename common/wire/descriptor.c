/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: how they are made from a configuration, their references, and what they say. */
#include <speadline/descriptor.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "descriptor_parts.h"

SPEADI_STRUCT_INIT(spead_field, SPEAD_FIELD_INIT)
SPEADI_STRUCT_INIT(spead_descriptor_config, SPEAD_DESCRIPTOR_CONFIG_INIT)

/* ---- From a configuration --------------------------------------------------------------------- */

static int take_text(struct speadi_draft *draft, const char *field, const char *text,
                     size_t bytes_max, uint32_t *at, struct spead_err *err)
{
    struct spead_err refused;

    if (!text)
        return 0;
    if (speadi_draft_text(draft, "it", text, strlen(text), bytes_max, at, &refused) == 0)
        return 0;
    return speadi_err_field(err, -EINVAL, field, ": %s", refused.text);
}

static int take_shape(struct speadi_draft *draft, const struct spead_descriptor_config *config,
                      struct spead_err *err)
{
    int ret = speadi_err_array(err, "shape", config->shape, config->dimension_count);

    if (ret < 0)
        return ret;
    if (config->dimension_count > SPEAD_DIMENSIONS_MAX)
        return speadi_err_range(err, "dimension_count", config->dimension_count, 0,
                                SPEAD_DIMENSIONS_MAX);
    draft->dimension_count = config->dimension_count;
    if (config->dimension_count > 0)
        memcpy(draft->shape, config->shape, config->dimension_count * sizeof *config->shape);
    return 0;
}

static int take_type(struct speadi_draft *draft, const struct spead_descriptor_config *config,
                     struct spead_err *err)
{
    struct spead_err refused;
    const char *field = config->format ? "format" : "dtype";
    int ret;

    if (config->format && config->dtype)
        return speadi_err_field(err, -EINVAL, "dtype",
                                ": format is set too; a descriptor has one of the two");
    if (!config->format && !config->dtype)
        return speadi_err_field(err, -EINVAL, "format",
                                " is NULL, and dtype too: a descriptor needs one of the two");
    if (config->fortran_order && !config->dtype)
        return speadi_err_field(err, -EINVAL, "fortran_order",
                                ": it needs a dtype, because a format knows no order");
    draft->is_fortran = config->fortran_order;
    ret = config->format ? speadi_draft_format_words(draft, config->format, &refused)
                         : speadi_draft_dtype_words(draft, config->dtype, false, &refused);
    if (ret == 0)
        ret = speadi_draft_check_fields(draft, &refused);
    if (ret < 0)
        return speadi_err_field(err, -EINVAL, field, ": %s", refused.text);
    if (speadi_draft_check_shape(draft, &refused) < 0)
        return speadi_err_field(err, -EINVAL, "shape", ": %s", refused.text);
    return 0;
}

static int take_config(struct speadi_draft *draft, const struct spead_descriptor_config *config,
                       struct spead_err *err)
{
    int ret;

    if (config->id == 0)
        return speadi_err_field(err, -EINVAL, "id", " 0: an item must have an identifier");
    draft->id = config->id;
    ret = take_text(draft, "name", config->name, SPEAD_DESCRIPTOR_NAME_BYTES_MAX, &draft->name_at,
                    err);
    if (ret == 0)
        ret = take_text(draft, "description", config->description,
                        SPEAD_DESCRIPTOR_DESCRIPTION_BYTES_MAX, &draft->description_at, err);
    if (ret == 0)
        ret = take_shape(draft, config, err);
    return ret == 0 ? take_type(draft, config, err) : ret;
}

int spead_descriptor_create(struct spead_descriptor **out,
                            const struct spead_descriptor_config *config, struct spead_err *err)
{
    static const struct spead_descriptor_config defaults = SPEAD_DESCRIPTOR_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "descriptor",
        .init = "SPEAD_DESCRIPTOR_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_descriptor_config, dtype),
    };
    struct spead_descriptor_config own;
    struct spead_descriptor *descriptor = NULL;
    struct speadi_draft *draft;
    int ret = speadi_struct_read(&own, config, &kind, err);

    if (ret < 0)
        return ret;
    draft = speadi_draft_new();
    if (draft)
        ret = take_config(draft, &own, err);
    if (draft && ret == 0)
        descriptor = speadi_draft_finish(draft);
    free(draft);
    if (ret < 0)
        return ret;
    if (!descriptor)
        return speadi_err_set(err, -ENOMEM, "no memory for a descriptor");
    *out = descriptor;
    return 0;
}

/* ---- References ---------------------------------------------------------------------------------- */

struct spead_descriptor *spead_descriptor_ref(struct spead_descriptor *descriptor)
{
    /* Relaxed: the caller holds a reference, so no other thread frees the descriptor. Nothing is passed to another
     * thread here. */
    atomic_fetch_add_explicit(&descriptor->references, 1, memory_order_relaxed);
    return descriptor;
}

void spead_descriptor_unref(struct spead_descriptor *descriptor)
{
    if (!descriptor)
        return;
    /* DESCRIPTOR1 release: this thread reads the descriptor before another thread frees it. DESCRIPTOR1 acquire, for
     * the thread that drops the last reference: all other threads, too, read the descriptor before that. */
    if (atomic_fetch_sub_explicit(&descriptor->references, 1, memory_order_acq_rel) == 1)
        free(descriptor);
}

/* ---- What a descriptor says ------------------------------------------------------------------------ */

uint64_t spead_descriptor_id(const struct spead_descriptor *descriptor)
{
    return descriptor->id;
}

const char *spead_descriptor_name(const struct spead_descriptor *descriptor)
{
    return descriptor->name;
}

const char *spead_descriptor_description(const struct spead_descriptor *descriptor)
{
    return descriptor->description;
}

uint32_t spead_descriptor_shape(const struct spead_descriptor *descriptor, const int64_t **shape)
{
    if (shape)
        *shape = descriptor->shape;
    return descriptor->dimension_count;
}

bool spead_descriptor_is_variable(const struct spead_descriptor *descriptor)
{
    return descriptor->variable >= 0;
}

bool spead_descriptor_allows_immediate(const struct spead_descriptor *descriptor)
{
    return descriptor->variable < 0 && descriptor->element_bits % 8 == 0;
}

bool spead_descriptor_is_fortran(const struct spead_descriptor *descriptor)
{
    return descriptor->is_fortran;
}

bool spead_descriptor_is_text(const struct spead_descriptor *descriptor)
{
    const struct spead_field *field = descriptor->fields;

    if (descriptor->field_count != 1 || field->dimension_count != 0)
        return false;
    if (field->kind == SPEAD_KIND_CHAR)
        return descriptor->dimension_count <= 1;
    return descriptor->dimension_count == 0 &&
           (field->kind == SPEAD_KIND_BYTES || field->kind == SPEAD_KIND_UNICODE);
}

uint64_t spead_descriptor_element_bits(const struct spead_descriptor *descriptor)
{
    return descriptor->element_bits;
}

uint32_t spead_descriptor_field_count(const struct spead_descriptor *descriptor)
{
    return descriptor->field_count;
}

int spead_descriptor_field(const struct spead_descriptor *descriptor, uint32_t index,
                           struct spead_field *field)
{
    if (index >= descriptor->field_count)
        return -ERANGE;
    return speadi_struct_write(field, &descriptor->fields[index], sizeof *field);
}

int spead_descriptor_find_field(const struct spead_descriptor *descriptor, const char *name)
{
    for (uint32_t i = 0; i < descriptor->field_count; i++)
        if (strcmp(descriptor->fields[i].name, name) == 0)
            return (int)i;
    return -ENOENT;
}

const char *spead_descriptor_format(const struct spead_descriptor *descriptor)
{
    return descriptor->is_dtype ? NULL : descriptor->type;
}

const char *spead_descriptor_dtype(const struct spead_descriptor *descriptor)
{
    return descriptor->is_dtype ? descriptor->type : NULL;
}

size_t spead_descriptor_memory_bytes(const struct spead_descriptor *descriptor)
{
    return descriptor->memory_bytes;
}

/* ---- Comparing ---------------------------------------------------------------------------------------- */

static bool fields_are_equal(const struct spead_field *a, const struct spead_field *b)
{
    size_t bytes = a->dimension_count * sizeof *a->shape;

    return a->kind == b->kind && a->bits == b->bits && a->bit_offset == b->bit_offset &&
           a->is_little_endian == b->is_little_endian && a->dimension_count == b->dimension_count &&
           memcmp(a->shape, b->shape, bytes) == 0 &&
           memcmp(a->stride_bits, b->stride_bits, bytes) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->unit, b->unit) == 0;
}

bool spead_descriptor_equal(const struct spead_descriptor *a, const struct spead_descriptor *b)
{
    if (a->id != b->id || a->is_dtype != b->is_dtype || a->is_fortran != b->is_fortran ||
        a->element_bits != b->element_bits || a->dimension_count != b->dimension_count ||
        a->field_count != b->field_count || strcmp(a->name, b->name) != 0 ||
        strcmp(a->description, b->description) != 0 ||
        memcmp(a->shape, b->shape, a->dimension_count * sizeof *a->shape) != 0)
        return false;
    for (uint32_t i = 0; i < a->field_count; i++)
        if (!fields_are_equal(&a->fields[i], &b->fields[i]))
            return false;
    return true;
}
