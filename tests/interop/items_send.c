/* SPDX-License-Identifier: Apache-2.0 */
/* Sends one heap of items with descriptors, or many heaps whose shapes change, and then a stop heap:
 *
 *     interop-items-send ENDPOINT ADDRESS_BITS ITEM...
 *     interop-items-send ENDPOINT ADDRESS_BITS --heaps N
 *
 * An ITEM is ID:NAME:STYLE:TYPE:SHAPE:FIELD... The fields are separated by colons, so TYPE must not have one. STYLE is
 * "dtype", "fortran" (a dtype) or "format". SHAPE is "" or lengths separated by commas; "?" is the variable one. A FIELD
 * is a letter and its values, separated by commas: "i-1,2" signed, "u1" unsigned, "f1.5" real, "z1,2" complex (twice as
 * many numbers), "b1,0" truth values, "x6162" bytes as hexadecimal digits.
 *
 * With --heaps, heap number k (1 first) has "grows" (0x1000, u16, shape [1 + k % 17], values k, k + 1 ...), "varies"
 * (0x1001, format i12, variable, k % 5 + 1 values -k, -k - 1 ...) and in each tenth heap "count" (0x1002, u32, k). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/send_items.h>

enum { VALUES_MAX = 4096, DIMENSIONS_MAX = 8 };

static struct spead_err err;

static int must(int ret)
{
    if (ret >= 0)
        return ret;
    fprintf(stderr, "interop-items-send: %s\n", err.text[0] ? err.text : strerror(-ret));
    exit(1);
}

/* ---- Items of the command line -------------------------------------------------------------- */

union numbers {
    int64_t i64[VALUES_MAX];
    uint64_t u64[VALUES_MAX];
    double f64[2 * VALUES_MAX];
    uint8_t byte[VALUES_MAX];
};

static enum spead_ctype ctype_of(char letter)
{
    switch (letter) {
    case 'i':
        return SPEAD_CTYPE_I64;
    case 'u':
        return SPEAD_CTYPE_U64;
    case 'f':
        return SPEAD_CTYPE_F64;
    case 'z':
        return SPEAD_CTYPE_CF64;
    case 'b':
        return SPEAD_CTYPE_B8;
    default:
        return SPEAD_CTYPE_AS_IS;
    }
}

static void read_number(union numbers *numbers, size_t at, char letter, const char *text)
{
    if (letter == 'i')
        numbers->i64[at] = strtoll(text, NULL, 10);
    else if (letter == 'u')
        numbers->u64[at] = strtoull(text, NULL, 10);
    else if (letter == 'b')
        numbers->byte[at] = text[0] == '1';
    else
        numbers->f64[at] = strtod(text, NULL);
}

/* Reads a FIELD. Returns how many values it has; for bytes, how many bytes. */
static size_t read_field(union numbers *numbers, char *field)
{
    char *rest = NULL;
    size_t count = 0;

    if (field[0] == 'x') {
        for (const char *hex = field + 1; hex[0] && hex[1]; hex += 2)
            numbers->byte[count++] = (uint8_t)strtoul((char[]){hex[0], hex[1], '\0'}, NULL, 16);
        return count;
    }
    for (char *text = strtok_r(field + 1, ",", &rest); text; text = strtok_r(NULL, ",", &rest))
        read_number(numbers, count++, field[0], text);
    return field[0] == 'z' ? count / 2 : count;
}

static struct spead_descriptor *read_descriptor(char **rest)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;
    int64_t shape[DIMENSIONS_MAX];
    char *style, *type, *lengths, *inner = NULL;

    config.id = strtoull(strsep(rest, ":"), NULL, 0);
    config.name = strsep(rest, ":");
    style = strsep(rest, ":");
    type = strsep(rest, ":");
    lengths = strsep(rest, ":");
    if (strcmp(style, "format") == 0)
        config.format = type;
    else
        config.dtype = type;
    config.fortran_order = strcmp(style, "fortran") == 0;
    config.shape = shape;
    for (char *length = strtok_r(lengths, ",", &inner); length;
         length = strtok_r(NULL, ",", &inner))
        shape[config.dimension_count++] = length[0] == '?' ? -1 : strtoll(length, NULL, 10);
    must(spead_descriptor_create(&descriptor, &config, &err));
    return descriptor;
}

/* The number of values of a field, of which `count` were read. */
static size_t values_of(const struct spead_descriptor *descriptor, uint32_t index, char letter,
                        size_t count)
{
    struct spead_field field = SPEAD_FIELD_INIT;

    spead_descriptor_field(descriptor, index, &field);
    return letter == 'x' ? count / (field.bits / 8) : count;
}

/* How long the variable dimension is if the item has so many elements. */
static uint64_t variable_of(const struct spead_descriptor *descriptor, size_t elements)
{
    const int64_t *shape;
    const uint32_t dimensions = spead_descriptor_shape(descriptor, &shape);

    for (uint32_t i = 0; i < dimensions; i++)
        elements /= shape[i] > 0 ? (size_t)shape[i] : 1;
    return elements;
}

static void add_item(struct spead_send_items *items, char *text)
{
    static union numbers numbers;
    static uint8_t bytes[65536];
    struct spead_descriptor *descriptor = read_descriptor(&text);
    const int handle = must(spead_send_items_add(items, descriptor, &err));
    size_t size = 0;
    char *field;

    memset(bytes, 0, sizeof bytes);
    for (uint32_t i = 0; (field = strsep(&text, ":")) != NULL; i++) {
        const char letter = field[0];
        const size_t count = values_of(descriptor, i, letter, read_field(&numbers, field));

        if (i == 0)
            must(spead_value_bytes(descriptor, variable_of(descriptor, count), &size, &err));
        must(
            spead_value_write(descriptor, i, ctype_of(letter), &numbers, count, bytes, size, &err));
    }
    must(spead_send_items_set(items, handle, bytes, size, &err));
    spead_descriptor_unref(descriptor);
}

/* ---- Heaps whose shapes change --------------------------------------------------------------- */

static int describe(struct spead_send_items *items, uint64_t id, const char *name,
                    const char *dtype, const char *format, int64_t length)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;
    int handle;

    config.id = id;
    config.name = name;
    config.dtype = dtype;
    config.format = format;
    config.shape = &length;
    config.dimension_count = length != 0;
    must(spead_descriptor_create(&descriptor, &config, &err));
    handle = must(spead_send_items_add(items, descriptor, &err));
    spead_descriptor_unref(descriptor);
    return handle;
}

static void change_items(struct spead_send_items *items, int64_t k)
{
    const int grows = describe(items, 0x1000, "grows", "<u2", NULL, 1 + k % 17);
    const int varies = describe(items, 0x1001, "varies", NULL, "i12", -1);
    const int count = describe(items, 0x1002, "count", ">u4", NULL, 0);
    int64_t rising[17], falling[5];

    for (int64_t i = 0; i < 17; i++)
        rising[i] = k + i;
    for (int64_t i = 0; i < 5; i++)
        falling[i] = -k - i;
    must(spead_send_items_write(items, grows, SPEAD_CTYPE_I64, rising, (size_t)(1 + k % 17), &err));
    must(
        spead_send_items_write(items, varies, SPEAD_CTYPE_I64, falling, (size_t)(k % 5 + 1), &err));
    if (k % 10 == 0)
        must(spead_send_items_write(items, count, SPEAD_CTYPE_I64, &k, 1, &err));
}

/* ---- Sending ---------------------------------------------------------------------------------- */

static void send_heap(struct spead_send_stream *stream, struct spead_send_items *items,
                      struct spead_send_heap *heap)
{
    must(spead_send_items_fill(items, heap, SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE, &err));
    must(spead_send_stream_submit_wait(stream, heap, NULL, SPEAD_DEADLINE_NEVER));
    must(spead_send_stream_flush(stream, SPEAD_DEADLINE_NEVER));
}

static struct spead_send_stream *make_stream(const char *endpoint)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *stream;

    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.rate_bytes_per_s = 2e6; /* receivers are slow under the sanitizers */
    config.burst_bytes = 2000;
    must(spead_send_stream_create(&stream, &config, &err));
    return stream;
}

int main(int argc, char **argv)
{
    struct spead_send_items_config config = SPEAD_SEND_ITEMS_CONFIG_INIT;
    struct spead_send_stream *stream;
    struct spead_send_runner *runner;
    struct spead_send_items *items;
    struct spead_send_heap *heap;
    int64_t heaps;

    if (argc < 4) {
        fprintf(stderr, "usage: interop-items-send ENDPOINT ADDRESS_BITS ITEM... | --heaps N\n");
        return 2;
    }
    config.flavour.heap_address_bits = (uint8_t)atoi(argv[2]);
    heaps = strcmp(argv[3], "--heaps") == 0 && argc > 4 ? atoll(argv[4]) : 0;
    must(spead_send_items_create(&items, &config, &err));
    must(spead_send_heap_create(&heap, config.flavour));
    stream = make_stream(argv[1]);
    must(spead_send_runner_start(&runner, stream, -1, &err));
    for (int i = 3; heaps == 0 && i < argc; i++)
        add_item(items, argv[i]);
    if (heaps == 0)
        send_heap(stream, items, heap);
    for (int64_t k = 1; k <= heaps; k++) {
        change_items(items, k);
        send_heap(stream, items, heap);
    }
    must(spead_send_heap_reset(heap, config.flavour));
    must(spead_send_heap_add_control(heap, SPEAD_CONTROL_STOP));
    must(spead_send_stream_submit_wait(stream, heap, NULL, SPEAD_DEADLINE_NEVER));
    spead_send_stream_stop(stream);
    must(spead_send_runner_join(runner, NULL));
    spead_send_stream_destroy(stream);
    spead_send_items_destroy(items);
    spead_send_heap_destroy(heap);
    return 0;
}
