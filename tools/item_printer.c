/* SPDX-License-Identifier: Apache-2.0 */
/* See item_printer.h. Each heap becomes a JSON object first; the text is made of it. */
#include "item_printer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadline/item_group.h>

#include "item_text.h"
#include "item_value.h"
#include "tool_report.h"

#define GROUP_ITEMS_MAX 4096u
#define FIRST_BYTES     16u /* of an item without a descriptor */
#define TYPE_BYTES      200u

struct item_printer {
    struct item_printer_config config;
    struct spead_item_group **groups; /* one for each endpoint; NULL until its first heap comes */
};

/* ---- The parts of a heap as JSON ------------------------------------------------------------------ */

static json_t *id_json(uint64_t id)
{
    char text[24];

    snprintf(text, sizeof text, "0x%" PRIx64, id);
    return json_string(text);
}

static json_t *ascii_json(const char *text)
{
    return item_value_text(text, strnlen(text, TYPE_BYTES + 1));
}

/* Begins an object about an item: identifier, name and type. */
static json_t *item_object(uint64_t id, const struct spead_descriptor *descriptor)
{
    const char *format = descriptor ? spead_descriptor_format(descriptor) : NULL;
    const char *dtype = descriptor ? spead_descriptor_dtype(descriptor) : NULL;
    json_t *object = json_pack("{s:o}", "id", id_json(id));

    if (descriptor)
        json_object_set_new(object, "name", ascii_json(spead_descriptor_name(descriptor)));
    if (format)
        json_object_set_new(object, "format", ascii_json(format));
    if (dtype)
        json_object_set_new(object, "dtype", ascii_json(dtype));
    return object;
}

/* The shape as the descriptor says it: null is the variable dimension. */
static json_t *described_shape(const struct spead_descriptor *descriptor)
{
    const int64_t *shape;
    const uint32_t dimensions = spead_descriptor_shape(descriptor, &shape);
    json_t *array = json_array();

    for (uint32_t i = 0; i < dimensions; i++)
        json_array_append_new(array, shape[i] < 0 ? json_null() : json_integer(shape[i]));
    return array;
}

static json_t *descriptor_json(const struct spead_descriptor *descriptor)
{
    json_t *object = item_object(spead_descriptor_id(descriptor), descriptor);

    json_object_set_new(object, "shape", described_shape(descriptor));
    if (spead_descriptor_is_fortran(descriptor))
        json_object_set_new(object, "order", json_string("F"));
    json_object_set_new(object, "description",
                        ascii_json(spead_descriptor_description(descriptor)));
    return object;
}

/* An item without a descriptor, or one that does not fit its descriptor. */
static void add_raw(json_t *object, const struct spead_item *item)
{
    if (item->is_immediate) {
        char text[24];

        snprintf(text, sizeof text, "0x%" PRIx64, item->value);
        json_object_set_new(object, "immediate", json_string(text));
        return;
    }
    tool_report_set(object, "bytes", item->bytes);
    if (item->data)
        json_object_set_new(object, "begins", item_value_hex(item->data, item->bytes, FIRST_BYTES));
}

static json_t *item_json(const struct spead_item *item, const struct spead_group_item *described)
{
    const struct spead_descriptor *descriptor = described ? described->descriptor : NULL;
    json_t *object = item_object(item->id, descriptor);
    json_t *shape = NULL, *value = NULL;
    struct spead_err err;

    if (descriptor)
        value = item_value_json(item, descriptor, &shape, &err);
    if (value) {
        json_object_set_new(object, "shape", shape);
        json_object_set_new(object, "value", value);
        return object;
    }
    json_decref(shape);
    if (descriptor)
        json_object_set_new(object, "refused", ascii_json(err.text));
    add_raw(object, item);
    return object;
}

static bool is_about_descriptor(const struct spead_item_group *group,
                                const struct spead_item_change *change)
{
    if (change->kind == SPEAD_ITEM_DESCRIPTOR_REFUSED)
        return true;
    /* an item that another descriptor of the same heap has removed is not there any more */
    return change->kind <= SPEAD_ITEM_REDESCRIBED &&
           spead_item_group_find_id(group, change->id) != NULL;
}

/* What the update says of descriptors: new ones, and refused ones. Of the refused ones only the first few have a
 * sentence. */
static void add_descriptors(json_t *line, const struct spead_item_group *group)
{
    json_t *described = json_array(), *refused = json_array();
    const struct spead_item_change *change;
    const size_t count = spead_item_group_changes(group, &change);
    uint64_t left_out = 0;

    for (size_t i = 0; i < count; i++) {
        const bool is_refused = change[i].kind == SPEAD_ITEM_DESCRIPTOR_REFUSED;
        const char *sentence = spead_item_group_sentence(group, i);

        if (!is_about_descriptor(group, &change[i]))
            continue;
        if (json_array_size(described) + json_array_size(refused) >= ITEM_PRINTER_ITEMS ||
            (is_refused && !sentence[0]))
            left_out++;
        else if (is_refused)
            json_array_append_new(refused, ascii_json(sentence));
        else
            json_array_append_new(
                described,
                descriptor_json(spead_item_group_find_id(group, change[i].id)->descriptor));
    }
    json_object_set_new(line, "descriptors", described);
    json_object_set_new(line, "refused_descriptors", refused);
    tool_report_set(line, "descriptors_left_out", left_out);
}

static void add_items(json_t *line, const struct spead_item_group *group,
                      const struct spead_heap *heap)
{
    const size_t count = spead_heap_item_count(heap);
    json_t *items = json_array();
    uint64_t left_out = 0;

    for (size_t i = 0; i < count; i++) {
        struct spead_item item;

        if (spead_heap_item(heap, i, &item) < 0 || item.id <= SPEAD_ID_STREAM_CONTROL)
            continue;
        if (json_array_size(items) < ITEM_PRINTER_ITEMS)
            json_array_append_new(items,
                                  item_json(&item, spead_item_group_find_id(group, item.id)));
        else
            left_out++;
    }
    json_object_set_new(line, "items", items);
    tool_report_set(line, "items_left_out", left_out);
}

static json_t *heap_json(const struct item_printer *printer, const struct spead_item_group *group,
                         const struct spead_heap *heap)
{
    json_t *line = json_object();

    tool_report_set_digits(line, "counter", spead_heap_counter(heap));
    json_object_set_new(line, "endpoint",
                        json_string(printer->config.endpoints[spead_heap_source(heap)]));
    json_object_set_new(line, "complete", json_boolean(spead_heap_is_complete(heap)));
    tool_report_set(line, "bytes", spead_heap_length(heap));
    tool_report_set(line, "received", spead_heap_received(heap));
    add_descriptors(line, group);
    add_items(line, group, heap);
    return line;
}

/* ---- Printing -------------------------------------------------------------------------------------- */

static int group_of(struct item_printer *printer, const struct spead_heap *heap,
                    struct spead_item_group **group)
{
    const uint32_t index = printer->config.joint ? 0 : spead_heap_source(heap);
    struct spead_item_group_config config = SPEAD_ITEM_GROUP_CONFIG_INIT;
    int ret = 0;

    config.items_max = GROUP_ITEMS_MAX;
    if (!printer->groups[index])
        ret = spead_item_group_create(&printer->groups[index], &config, NULL);
    *group = printer->groups[index];
    return ret;
}

/* Waits until a descriptor that never blocks has room. */
static void await_room(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    (void)poll(&out, 1, -1);
}

/* Writes the text. It does not go through `stdout`: while this thread waits for the reader, it would hold the lock of
 * that stream, and the main thread could not end the program. */
static int put(const char *text, size_t bytes)
{
    while (bytes > 0) {
        const ssize_t ret = write(STDOUT_FILENO, text, bytes);

        if (ret >= 0) {
            text += ret;
            bytes -= (size_t)ret;
        } else if (errno == EAGAIN) {
            await_room();
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

static int print_text(const json_t *line)
{
    size_t bytes = 0;
    char *text = NULL;
    FILE *to = open_memstream(&text, &bytes);
    int ret = -ENOMEM;

    if (!to)
        return ret;
    item_text_heap(to, line);
    if (fclose(to) == 0)
        ret = put(text, bytes);
    free(text);
    return ret;
}

static int print_json(const json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
    size_t length;
    int ret;

    if (!text)
        return -ENOMEM;
    length = strlen(text);
    text[length] = '\n'; /* in the place of the zero byte: both forms end in a newline */
    ret = put(text, length + 1);
    free(text);
    return ret;
}

int item_printer_heap(struct item_printer *printer, struct spead_heap *heap)
{
    struct spead_item_group *group;
    json_t *line;
    int ret = group_of(printer, heap, &group);

    if (ret < 0)
        return ret;
    spead_item_group_update(group, heap);
    line = heap_json(printer, group, heap);
    spead_item_group_drop_values(group);
    ret = printer->config.json ? print_json(line) : print_text(line);
    json_decref(line);
    return ret;
}

/* ---- Making and destroying ------------------------------------------------------------------------- */

int item_printer_create(struct item_printer **out, const struct item_printer_config *config,
                        struct spead_err *err)
{
    struct item_printer *printer = calloc(1, sizeof *printer);

    if (printer)
        printer->groups = calloc(config->endpoint_count, sizeof(struct spead_item_group *));
    if (!printer || !printer->groups) {
        free(printer);
        return speadi_err_set(err, -ENOMEM, "out of memory");
    }
    printer->config = *config;
    *out = printer;
    return 0;
}

void item_printer_destroy(struct item_printer *printer)
{
    if (!printer)
        return;
    for (uint32_t i = 0; i < printer->config.endpoint_count; i++)
        spead_item_group_destroy(printer->groups[i]);
    free(printer->groups);
    free(printer);
}
