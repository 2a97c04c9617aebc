/* SPDX-License-Identifier: Apache-2.0 */
/* Reads heaps of one descriptor and one item, and makes the same heaps again from what it has read. Tests compare the two
 * and the values. The input has a line for each heap: the deviations (enum spead_bug_compat), and the packet of the heap
 * in hex digits. For each line it prints a line of JSON: {"descriptor": HEX, "item": HEX, "values": [[...], ...]}, with a
 * list of values for each field. A value that is no number is a string of hex digits. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/value.h>

#include <speadi/heap_view.h>
#include <speadi/packet.h>

#define PACKET_MAX   65536
#define POINTERS_MAX 16

static void require(bool holds, const char *text)
{
    if (holds)
        return;
    fprintf(stderr, "interop-value-relay: %s\n", text);
    exit(1);
}

static size_t read_packet(uint8_t *packet, uint32_t *bug_compat)
{
    static char line[2 * PACKET_MAX + 32];
    size_t bytes = 0;
    char *at;

    if (!fgets(line, sizeof line, stdin))
        return 0;
    *bug_compat = (uint32_t)strtoul(line, &at, 10);
    for (at++; at[0] > ' '; at += 2) {
        char digits[3] = {at[0], at[1], 0};

        packet[bytes++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return bytes;
}

static void print_hex(const char *name, const uint8_t *bytes, size_t count)
{
    printf("\"%s\": \"", name);
    for (size_t i = 0; i < count; i++)
        printf("%02x", bytes[i]);
    printf("\", ");
}

/* Returns the C type that holds all values of the view. */
static enum spead_ctype type_of(const struct spead_view *view)
{
    if (view->kind == SPEAD_KIND_BOOL)
        return SPEAD_CTYPE_B8;
    if (view->kind == SPEAD_KIND_FLOAT && view->bits <= 64)
        return SPEAD_CTYPE_F64;
    if (view->kind == SPEAD_KIND_COMPLEX && view->bits <= 128)
        return SPEAD_CTYPE_CF64;
    if (view->kind == SPEAD_KIND_UNSIGNED && view->bits <= 64)
        return SPEAD_CTYPE_U64;
    if (view->kind == SPEAD_KIND_SIGNED && view->bits <= 64)
        return SPEAD_CTYPE_I64;
    return SPEAD_CTYPE_AS_IS;
}

static void print_value(enum spead_ctype type, const uint8_t *value, size_t bytes)
{
    int64_t integer;
    double real[2];

    memcpy(&integer, value, type == SPEAD_CTYPE_I64 || type == SPEAD_CTYPE_U64 ? 8 : 0);
    memcpy(real, value, type == SPEAD_CTYPE_F64 ? 8 : type == SPEAD_CTYPE_CF64 ? 16 : 0);
    if (type == SPEAD_CTYPE_I64)
        printf("%" PRId64, integer);
    else if (type == SPEAD_CTYPE_U64)
        printf("%" PRIu64, (uint64_t)integer);
    else if (type == SPEAD_CTYPE_F64)
        printf("%.17g", real[0]);
    else if (type == SPEAD_CTYPE_CF64)
        printf("[%.17g, %.17g]", real[0], real[1]);
    else if (type == SPEAD_CTYPE_B8)
        printf("%s", value[0] ? "true" : "false");
    else {
        putchar('"');
        for (size_t i = 0; i < bytes; i++)
            printf("%02x", value[i]);
        putchar('"');
    }
}

/* Reads a field of the item, prints its values and writes them into the item that is made again. */
static void relay_field(const struct spead_item *item, const struct spead_descriptor *from,
                        const struct spead_descriptor *to, uint32_t field, uint8_t *again,
                        size_t again_bytes)
{
    struct spead_view view;
    struct spead_err err;
    enum spead_ctype type;
    size_t bytes;
    uint8_t *values;

    require(spead_item_view(&view, item, from, field, &err) == 0, err.text);
    type = type_of(&view);
    bytes = type == SPEAD_CTYPE_AS_IS ? view.bits / 8 : spead_ctype_bytes(type);
    values = malloc(view.count * bytes + 1);
    require(spead_item_read(item, from, field, type, values, view.count, NULL, &err) == 0,
            err.text);
    printf(field ? ", [" : "[");
    for (uint64_t i = 0; i < view.count; i++) {
        printf(i ? ", " : "");
        print_value(type, values + i * bytes, bytes);
    }
    printf("]");
    require(spead_value_write(to, field, type, values, view.count, again, again_bytes, &err) == 0,
            err.text);
    free(values);
}

/* Makes the descriptor again from what it says. */
static struct spead_descriptor *make_again(const struct spead_descriptor *descriptor)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *again;
    struct spead_err err;

    config.id = spead_descriptor_id(descriptor);
    config.name = spead_descriptor_name(descriptor);
    config.description = spead_descriptor_description(descriptor);
    config.format = spead_descriptor_format(descriptor);
    config.dtype = spead_descriptor_dtype(descriptor);
    config.fortran_order = spead_descriptor_is_fortran(descriptor);
    config.dimension_count = spead_descriptor_shape(descriptor, &config.shape);
    require(spead_descriptor_create(&again, &config, &err) == 0, err.text);
    require(spead_descriptor_equal(descriptor, again), "the descriptors differ");
    return again;
}

static void relay(const struct spead_heap *heap, uint32_t bug_compat)
{
    static uint8_t encoded[PACKET_MAX], bytes[PACKET_MAX];
    struct spead_descriptor *descriptor, *again;
    struct spead_view view;
    struct spead_item item;
    struct spead_err err;
    uint64_t variable = 0;
    const int64_t *shape;
    size_t at = 0, count;
    int length;

    require(spead_heap_next_descriptor(heap, &at, bug_compat, &descriptor, &err) == 0, err.text);
    again = make_again(descriptor);
    length = spead_descriptor_encode(again, spead_heap_flavour(heap), bug_compat, encoded,
                                     sizeof encoded, &err);
    require(length > 0, err.text);
    putchar('{');
    print_hex("descriptor", encoded, (size_t)length);
    require(spead_heap_find_item(heap, spead_descriptor_id(descriptor), &item) == 0, "no item");
    require(spead_item_view(&view, &item, descriptor, 0, &err) == 0, err.text);
    for (uint32_t i = 0; i < spead_descriptor_shape(descriptor, &shape); i++)
        if (shape[i] == SPEAD_DIMENSION_VARIABLE)
            variable = view.shape[i];
    require(spead_value_bytes(again, variable, &count, &err) == 0, err.text);
    memset(bytes, 0, count);
    printf("\"values\": [");
    for (uint32_t field = 0; field < spead_descriptor_field_count(descriptor); field++)
        relay_field(&item, descriptor, again, field, bytes, count);
    printf("], ");
    print_hex("item", bytes, count);
    printf("\"immediate\": %s}\n", spead_descriptor_allows_immediate(again) ? "true" : "false");
    spead_descriptor_unref(descriptor);
    spead_descriptor_unref(again);
}

int main(void)
{
    static uint8_t bytes[PACKET_MAX];
    uint32_t bug_compat;
    size_t count;

    while ((count = read_packet(bytes, &bug_compat)) > 0) {
        struct speadi_packet packet;
        uint64_t pointers[POINTERS_MAX];
        struct speadi_block region = {0};
        struct spead_heap heap = {.complete = true, .region = &region, .pointers = pointers};

        require(speadi_packet_decode(&packet, bytes, (uint32_t)count, (uint32_t)count) == 0 &&
                    packet.pointer_count <= POINTERS_MAX,
                "the packet is malformed");
        region.data = bytes + packet.header_bytes;
        heap.heap_address_bits = packet.heap_address_bits;
        heap.length = packet.payload_bytes;
        heap.pointer_count = packet.pointer_count;
        for (uint32_t i = 0; i < packet.pointer_count; i++)
            pointers[i] = speadi_packet_pointer(&packet, i);
        speadi_heap_sort_items(&heap);
        relay(&heap, bug_compat);
    }
    return 0;
}
