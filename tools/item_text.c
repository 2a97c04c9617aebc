/* SPDX-License-Identifier: Apache-2.0 */
/* See item_text.h. */
#include "item_text.h"

#include <stdbool.h>
#include <string.h>

static const char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* ---- Values ------------------------------------------------------------------------------------ */

static void print_value(FILE *to, const json_t *value, bool is_quoted);

static void print_array(FILE *to, const json_t *array)
{
    const char *before = "";
    const json_t *value;
    size_t i;

    fputc('[', to);
    json_array_foreach(array, i, value)
    {
        fputs(before, to);
        print_value(to, value, true);
        before = " ";
    }
    fputc(']', to);
}

static void print_record(FILE *to, const json_t *record)
{
    const char *key, *before = "";
    json_t *value;

    fputc('{', to);
    json_object_foreach((json_t *)record, key, value)
    {
        fprintf(to, "%s%s: ", before, key);
        print_value(to, value, true);
        before = ", ";
    }
    fputc('}', to);
}

/* Numbers that JSON writes as strings, and "...", are printed without quotes. */
static bool is_word(const char *text)
{
    return (text[0] && text[strspn(text, "-0123456789")] == '\0') || strcmp(text, "...") == 0 ||
           strcmp(text, "nan") == 0 || strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0;
}

static void print_value(FILE *to, const json_t *value, bool is_quoted)
{
    if (json_is_array(value))
        print_array(to, value);
    else if (json_is_object(value))
        print_record(to, value);
    else if (json_is_integer(value))
        fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        fprintf(to, "%.9g", json_real_value(value));
    else if (json_is_string(value))
        fprintf(to, is_quoted && !is_word(json_string_value(value)) ? "\"%s\"" : "%s",
                json_string_value(value));
    else
        fputs(json_is_true(value) ? "true" : "false", to);
}

/* ---- Items ------------------------------------------------------------------------------------- */

static void print_shape(FILE *to, const json_t *shape)
{
    const json_t *length;
    size_t i;

    json_array_foreach(shape, i, length)
    {
        fprintf(to, i == 0 ? " [" : " x ");
        if (json_is_null(length))
            fputc('?', to);
        else
            print_value(to, length, false);
    }
    if (json_array_size(shape) > 0)
        fputc(']', to);
}

/* "0x1600 timestamp u48", and the shape. */
static void print_head(FILE *to, const json_t *item)
{
    fprintf(to, "%s", string_of(item, "id"));
    if (json_object_get(item, "name"))
        fprintf(to, " %s %s%s", string_of(item, "name"), string_of(item, "format"),
                string_of(item, "dtype"));
    print_shape(to, json_object_get(item, "shape"));
}

static void print_raw(FILE *to, const json_t *item)
{
    const json_t *bytes = json_object_get(item, "bytes");

    if (json_object_get(item, "refused"))
        fprintf(to, ": %s", string_of(item, "refused"));
    else
        fputs(" without descriptor", to);
    if (bytes)
        fprintf(to, ": %" JSON_INTEGER_FORMAT " bytes, %s", json_integer_value(bytes),
                string_of(item, "begins"));
    else
        fprintf(to, ": immediate %s", string_of(item, "immediate"));
}

static void print_item(FILE *to, const json_t *item)
{
    const json_t *value = json_object_get(item, "value");

    fputs("    ", to);
    print_head(to, item);
    if (value) {
        fputs(" = ", to);
        print_value(to, value, true);
    } else {
        print_raw(to, item);
    }
    fputc('\n', to);
}

static void print_descriptor(FILE *to, const json_t *descriptor)
{
    fputs("    descriptor ", to);
    print_head(to, descriptor);
    if (json_object_get(descriptor, "order"))
        fputs(" in Fortran order", to);
    if (string_of(descriptor, "description")[0])
        fprintf(to, ": %s", string_of(descriptor, "description"));
    fputc('\n', to);
}

/* How many of a list are not printed. */
static void print_left_out(FILE *to, const json_t *heap, const char *key, const char *what)
{
    const json_int_t left_out = json_integer_value(json_object_get(heap, key));

    if (left_out > 0)
        fprintf(to, "    and %" JSON_INTEGER_FORMAT " more %s\n", left_out, what);
}

void item_text_heap(FILE *to, const json_t *heap)
{
    const json_int_t bytes = json_integer_value(json_object_get(heap, "bytes"));
    const json_t *part;
    size_t i;

    fprintf(to, "heap %s at %s: %" JSON_INTEGER_FORMAT " bytes", string_of(heap, "counter"),
            string_of(heap, "endpoint"), bytes);
    if (!json_is_true(json_object_get(heap, "complete")))
        fprintf(to,
                ", incomplete: %" JSON_INTEGER_FORMAT
                " bytes arrived, and only immediate items are known",
                json_integer_value(json_object_get(heap, "received")));
    fputc('\n', to);
    json_array_foreach(json_object_get(heap, "descriptors"), i, part) print_descriptor(to, part);
    json_array_foreach(json_object_get(heap, "refused_descriptors"), i, part)
        fprintf(to, "    descriptor refused: %s\n", json_string_value(part));
    print_left_out(to, heap, "descriptors_left_out", "descriptors");
    json_array_foreach(json_object_get(heap, "items"), i, part) print_item(to, part);
    print_left_out(to, heap, "items_left_out", "items");
}
