/* SPDX-License-Identifier: Apache-2.0 */
/* See item_value.h. */
#include "item_value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>

#define JSON_BITS 53u /* jq reads numbers as doubles, which hold whole numbers of so many bits */

/* ---- Texts ------------------------------------------------------------------------------------- */

/* A text that grows to a bound. What does not fit is left out. */
struct text {
    char bytes[10 * ITEM_VALUE_TEXT + 8];
    size_t used;
};

static void add_character(struct text *text, uint32_t character, const char *format)
{
    const bool is_plain = character >= 0x20 && character < 0x7f && character != '\\';
    int ret = snprintf(text->bytes + text->used, sizeof text->bytes - text->used,
                       is_plain ? "%c" : format, character);

    text->used += (size_t)ret;
}

static json_t *end_text(struct text *text, bool is_cut)
{
    if (is_cut)
        text->used +=
            (size_t)snprintf(text->bytes + text->used, sizeof text->bytes - text->used, "...");
    return json_stringn(text->bytes, text->used);
}

json_t *item_value_text(const void *from, size_t bytes)
{
    const uint8_t *character = from;
    struct text text = {.used = 0};

    for (size_t i = 0; i < bytes && i < ITEM_VALUE_TEXT; i++)
        add_character(&text, character[i], "\\x%02x");
    return end_text(&text, bytes > ITEM_VALUE_TEXT);
}

json_t *item_value_hex(const void *data, size_t bytes, size_t max)
{
    const uint8_t *byte = data;
    struct text text = {.used = 0};

    for (size_t i = 0; i < bytes && i < max && i < ITEM_VALUE_TEXT; i++)
        text.used += (size_t)snprintf(text.bytes + text.used, sizeof text.bytes - text.used, "%02x",
                                      byte[i]);
    return end_text(&text, bytes > max);
}

/* The text without the zero bytes that fill it up. */
static json_t *padded_text(const uint8_t *data, size_t bytes)
{
    while (bytes > 0 && data[bytes - 1] == 0)
        bytes--;
    return item_value_text(data, bytes);
}

static uint32_t character_at(const uint8_t *data, bool is_little_endian)
{
    uint32_t character = spead_load_be32(data);

    return is_little_endian ? __builtin_bswap32(character) : character;
}

static json_t *unicode(const uint8_t *data, size_t bytes, bool is_little_endian)
{
    size_t count = bytes / 4;
    struct text text = {.used = 0};

    while (count > 0 && character_at(data + 4 * (count - 1), is_little_endian) == 0)
        count--;
    for (size_t i = 0; i < count && i < ITEM_VALUE_TEXT; i++) {
        uint32_t character = character_at(data + 4 * i, is_little_endian);

        add_character(&text, character, character > 0xffff ? "\\U%08x" : "\\u%04x");
    }
    return end_text(&text, count > ITEM_VALUE_TEXT);
}

/* ---- Numbers ----------------------------------------------------------------------------------- */

/* A number whose field can hold more than doubles do is always a string of digits: so a key has one type. */
static json_t *unsigned_json(uint64_t value, uint64_t bits)
{
    return bits <= JSON_BITS ? json_integer((json_int_t)value) : json_sprintf("%" PRIu64, value);
}

static json_t *signed_json(int64_t value, uint64_t bits)
{
    return bits <= JSON_BITS ? json_integer(value) : json_sprintf("%" PRId64, value);
}

static json_t *real_json(double value)
{
    if (isfinite(value))
        return json_real(value);
    return json_string(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

static json_t *time_json(int64_t value, const char *unit)
{
    char text[64];

    if (value == INT64_MIN)
        return json_string("NaT");
    snprintf(text, sizeof text, "%" PRId64 " %.32s", value, unit);
    return json_string(text);
}

/* ---- One value of a view ------------------------------------------------------------------------- */

/* Where value number `index` (in C order) begins, for values that have an address. */
static const uint8_t *address_of(const struct spead_view *view, uint64_t index)
{
    int64_t bits = view->data_bit;

    for (uint32_t i = view->dimension_count; i-- > 0 && view->shape[i] > 0;) {
        bits += (int64_t)(index % view->shape[i]) * view->stride_bits[i];
        index /= view->shape[i];
    }
    return view->data + bits / 8;
}

static json_t *bytes_json(const struct spead_view *view, uint64_t index, enum spead_kind kind)
{
    const uint8_t *data = address_of(view, index);
    const size_t bytes = (size_t)(view->bits / 8);

    if (kind == SPEAD_KIND_BYTES)
        return padded_text(data, bytes);
    if (kind == SPEAD_KIND_UNICODE)
        return unicode(data, bytes, view->is_little_endian);
    return item_value_hex(data, bytes, ITEM_VALUE_TEXT / 2);
}

union number {
    uint64_t u64;
    int64_t i64;
    double f64, cf64[2];
    uint8_t byte;
};

static enum spead_ctype ctype_of(enum spead_kind kind)
{
    switch (kind) {
    case SPEAD_KIND_UNSIGNED:
        return SPEAD_CTYPE_U64;
    case SPEAD_KIND_FLOAT:
        return SPEAD_CTYPE_F64;
    case SPEAD_KIND_COMPLEX:
        return SPEAD_CTYPE_CF64;
    case SPEAD_KIND_BOOL:
        return SPEAD_CTYPE_B8;
    case SPEAD_KIND_CHAR:
        return SPEAD_CTYPE_AS_IS;
    default:
        return SPEAD_CTYPE_I64;
    }
}

static json_t *number_json(const union number *value, const struct spead_field *field)
{
    switch (field->kind) {
    case SPEAD_KIND_UNSIGNED:
        return unsigned_json(value->u64, field->bits);
    case SPEAD_KIND_SIGNED:
        return signed_json(value->i64, field->bits);
    case SPEAD_KIND_FLOAT:
        return real_json(value->f64);
    case SPEAD_KIND_COMPLEX:
        return json_pack("[o, o]", real_json(value->cf64[0]), real_json(value->cf64[1]));
    case SPEAD_KIND_BOOL:
        return json_boolean(value->byte);
    case SPEAD_KIND_CHAR:
        return item_value_text(&value->byte, 1);
    default:
        return time_json(value->i64, field->unit);
    }
}

static bool is_bytes(enum spead_kind kind)
{
    return kind == SPEAD_KIND_BYTES || kind == SPEAD_KIND_UNICODE || kind == SPEAD_KIND_OPAQUE;
}

static json_t *value_json(const struct spead_view *view, const struct spead_field *field,
                          uint64_t index)
{
    union number value = {.cf64 = {0, 0}};

    if (is_bytes(field->kind))
        return bytes_json(view, index, field->kind);
    if (spead_view_read(view, index, 1, ctype_of(field->kind), &value, NULL) == 0)
        return number_json(&value, field);
    /* a number that no C type holds */
    return view->is_packed ? json_string("?") : bytes_json(view, index, SPEAD_KIND_OPAQUE);
}

/* ---- Arrays and records ------------------------------------------------------------------------- */

struct reader {
    const struct spead_item *item;
    const struct spead_descriptor *descriptor;
    struct spead_view view;
    struct spead_field field;
};

/* Values [first, first + count) of a view. */
static json_t *values_json(const struct spead_view *view, const struct spead_field *field,
                           uint64_t first, uint64_t count)
{
    json_t *array = json_array();

    for (uint64_t i = 0; i < count; i++) {
        if (count > ITEM_VALUE_FIRST + ITEM_VALUE_LAST && i == ITEM_VALUE_FIRST) {
            json_array_append_new(array, json_string("..."));
            i = count - ITEM_VALUE_LAST;
        }
        json_array_append_new(array, value_json(view, field, first + i));
    }
    return array;
}

/* A text of format "c8": the characters of the view. */
static json_t *characters_json(const struct spead_view *view)
{
    const uint64_t count = view->count < ITEM_VALUE_TEXT ? view->count : ITEM_VALUE_TEXT + 1;
    uint8_t text[ITEM_VALUE_TEXT + 1];

    if (view->is_packed || !view->data)
        return json_string("?");
    for (uint64_t i = 0; i < count; i++)
        text[i] = *address_of(view, i);
    return item_value_text(text, (size_t)count);
}

/* The part of one field that belongs to the element with this index. */
static json_t *field_json(const struct spead_view *view, const struct spead_field *field,
                          uint64_t element)
{
    uint64_t count = 1;

    for (uint32_t i = 0; i < field->dimension_count; i++)
        count *= field->shape[i];
    if (field->dimension_count == 0)
        return value_json(view, field, element);
    return values_json(view, field, element * count, count);
}

static const char *key_of(const struct spead_field *field, uint32_t index, char number[16])
{
    if (field->name[0])
        return field->name;
    snprintf(number, 16, "%" PRIu32, index);
    return number;
}

static json_t *record_json(struct reader *reader, uint64_t element)
{
    const uint32_t fields = spead_descriptor_field_count(reader->descriptor);
    json_t *object = json_object();

    for (uint32_t i = 0; i < fields && i < ITEM_VALUE_FIELDS; i++) {
        char number[16];

        if (spead_item_view(&reader->view, reader->item, reader->descriptor, i, NULL) < 0 ||
            spead_descriptor_field(reader->descriptor, i, &reader->field) < 0)
            break;
        json_object_set_new(object, key_of(&reader->field, i, number),
                            field_json(&reader->view, &reader->field, element));
    }
    if (fields > ITEM_VALUE_FIELDS)
        json_object_set_new(object, "...", json_integer(fields - ITEM_VALUE_FIELDS));
    return object;
}

static json_t *records_json(struct reader *reader, uint64_t count)
{
    json_t *array = json_array();

    for (uint64_t i = 0; i < count; i++) {
        if (count > ITEM_VALUE_ELEMENTS && i == ITEM_VALUE_ELEMENTS - 1) {
            json_array_append_new(array, json_string("..."));
            i = count - 1;
        }
        json_array_append_new(array, record_json(reader, i));
    }
    return array;
}

/* The dimensions of the item, and the number of its elements. */
static json_t *shape_json(const struct reader *reader, uint32_t dimensions, uint64_t *elements)
{
    json_t *shape = json_array();

    *elements = 1;
    for (uint32_t i = 0; i < dimensions; i++) {
        json_array_append_new(shape, json_integer((json_int_t)reader->view.shape[i]));
        *elements *= reader->view.shape[i];
    }
    return shape;
}

json_t *item_value_json(const struct spead_item *item, const struct spead_descriptor *descriptor,
                        json_t **shape, struct spead_err *err)
{
    struct reader reader = {.item = item, .descriptor = descriptor, .field = SPEAD_FIELD_INIT};
    const uint32_t dimensions = spead_descriptor_shape(descriptor, NULL);
    uint64_t elements;

    if (spead_item_view(&reader.view, item, descriptor, 0, err) < 0)
        return NULL;
    if (!reader.view.data) {
        speadi_err_set(err, -ENOTSUP, "the payload lies in memory that the CPU cannot touch");
        return NULL;
    }
    spead_descriptor_field(descriptor, 0, &reader.field);
    *shape = shape_json(&reader, dimensions, &elements);
    if (spead_descriptor_is_text(descriptor) && reader.field.kind == SPEAD_KIND_CHAR)
        return characters_json(&reader.view);
    if (spead_descriptor_field_count(descriptor) > 1 || reader.field.name[0])
        return dimensions > 0 ? records_json(&reader, elements) : record_json(&reader, 0);
    if (reader.view.dimension_count == 0)
        return value_json(&reader.view, &reader.field, 0);
    return values_json(&reader.view, &reader.field, 0, reader.view.count);
}
