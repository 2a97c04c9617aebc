/* SPDX-License-Identifier: Apache-2.0 */
/* Receives heaps until the stop item, follows them with an item group, and prints the items that each heap has changed,
 * with all their values:   interop-items-dump ENDPOINT
 *
 * It prints a line of JSON for each heap: {"counter", "items": [{"id", "name", "immediate", "shape", "fields": [[value,
 * ...], ...]}], "refused": [sentence, ...]}. Numbers are read with the widest C type of their kind; other values are
 * strings of the hexadecimal digits of their bytes. A complex number is two numbers. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadline/item_group.h>
#include <speadline/recv.h>
#include <speadline/value.h>

static enum spead_ctype ctype_of(const struct spead_view *view)
{
    if (view->kind == SPEAD_KIND_UNSIGNED && view->bits <= 64)
        return SPEAD_CTYPE_U64;
    if (view->kind == SPEAD_KIND_SIGNED)
        return SPEAD_CTYPE_I64;
    if (view->kind == SPEAD_KIND_FLOAT && view->bits <= 64)
        return SPEAD_CTYPE_F64;
    if (view->kind == SPEAD_KIND_COMPLEX && view->bits <= 128)
        return SPEAD_CTYPE_CF64;
    return view->kind == SPEAD_KIND_BOOL ? SPEAD_CTYPE_B8 : SPEAD_CTYPE_AS_IS;
}

/* Prints a number as Python's JSON reads it. */
static void print_real(double value)
{
    if (isfinite(value))
        printf("%.17g", value);
    else
        printf("%s", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

static void print_value(enum spead_ctype type, const void *value, size_t bytes)
{
    const uint8_t *byte = value;
    const double *real = value;

    switch (type) {
    case SPEAD_CTYPE_U64:
        printf("%" PRIu64, *(const uint64_t *)value);
        break;
    case SPEAD_CTYPE_I64:
        printf("%" PRId64, *(const int64_t *)value);
        break;
    case SPEAD_CTYPE_F64:
        print_real(real[0]);
        break;
    case SPEAD_CTYPE_CF64:
        putchar('[');
        print_real(real[0]);
        printf(", ");
        print_real(real[1]);
        putchar(']');
        break;
    case SPEAD_CTYPE_B8:
        printf("%s", *byte ? "true" : "false");
        break;
    default:
        putchar('"');
        for (size_t i = 0; i < bytes; i++)
            printf("%02x", byte[i]);
        putchar('"');
    }
}

static void print_field(const struct spead_view *view)
{
    const enum spead_ctype type = ctype_of(view);
    const size_t bytes =
        type == SPEAD_CTYPE_AS_IS ? (size_t)view->bits / 8 : spead_ctype_bytes(type);
    uint8_t *values = malloc(view->count * bytes + 1);
    struct spead_err err;

    if (spead_view_read(view, 0, view->count, type, values, &err) < 0)
        printf("[\"%s\"", err.text);
    else
        putchar('[');
    for (uint64_t i = 0; i < view->count; i++) {
        printf("%s", i ? ", " : "");
        print_value(type, values + i * bytes, bytes);
    }
    putchar(']');
    free(values);
}

static void print_item(const struct spead_group_item *item, bool first)
{
    const uint32_t fields = spead_descriptor_field_count(item->descriptor);
    const uint32_t dimensions = spead_descriptor_shape(item->descriptor, NULL);
    struct spead_view view;
    struct spead_err err;

    printf("%s{\"id\": %" PRIu64 ", \"name\": \"%s\", \"immediate\": %s, \"shape\": [",
           first ? "" : ", ", spead_descriptor_id(item->descriptor),
           spead_descriptor_name(item->descriptor), item->value.is_immediate ? "true" : "false");
    for (uint32_t i = 0; i < fields; i++) {
        if (spead_item_view(&view, &item->value, item->descriptor, i, &err) < 0) {
            fprintf(stderr, "interop-items-dump: %s\n", err.text);
            exit(1);
        }
        for (uint32_t k = 0; i == 0 && k < dimensions; k++)
            printf("%s%" PRIu64, k ? ", " : "", view.shape[k]);
        printf(i == 0 ? "], \"fields\": [" : ", ");
        print_field(&view);
    }
    printf("]}");
}

static void print_heap(const struct spead_item_group *group, uint64_t counter)
{
    const struct spead_item_change *change;
    const size_t count = spead_item_group_changes(group, &change);
    bool first = true;

    printf("{\"counter\": %" PRIu64 ", \"items\": [", counter);
    for (size_t i = 0; i < count; i++) {
        if (change[i].kind != SPEAD_ITEM_UPDATED)
            continue;
        print_item(spead_item_group_find_id(group, change[i].id), first);
        first = false;
    }
    printf("], \"refused\": [");
    first = true;
    for (size_t i = 0; i < count; i++) {
        if (change[i].error == 0)
            continue;
        printf("%s\"%s\"", first ? "" : ", ", spead_item_group_sentence(group, i));
        first = false;
    }
    printf("]}\n");
}

int main(int argc, char **argv)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_stream *stream = NULL;
    struct spead_recv_runner *runner = NULL;
    struct spead_item_group *group = NULL;
    struct spead_heap *heap;
    struct spead_err err;

    if (argc != 2) {
        fprintf(stderr, "usage: interop-items-dump ENDPOINT\n");
        return 2;
    }
    config.endpoints = (const char *const[]){argv[1]};
    config.endpoint_count = 1;
    if (spead_item_group_create(&group, NULL, &err) < 0 ||
        spead_recv_stream_create(&stream, &config, &err) < 0 ||
        spead_recv_runner_start(&runner, stream, -1, &err) < 0) {
        fprintf(stderr, "interop-items-dump: %s\n", err.text);
        return 1;
    }
    while (spead_recv_stream_take(stream, &heap, SPEAD_DEADLINE_NEVER) == 0) {
        spead_item_group_update(group, heap);
        print_heap(group, spead_heap_counter(heap));
        spead_heap_unref(heap);
    }
    spead_recv_runner_join(runner, NULL);
    spead_item_group_destroy(group);
    spead_recv_stream_destroy(stream);
    return 0;
}
