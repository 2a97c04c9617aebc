/* SPDX-License-Identifier: Apache-2.0 */
/* Reads tests/vectors/NAME.hex. */
#include "vectors.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const test_vector_names[] = {
    "empty_heap",
    "immediate_item",
    "array_in_two_packets",
    "repeat_pointers",
    "start_heap",
    "stop_heap",
    "pointers_spill",
    "pointers_spill_padded",
    "pointers_spill_short_payload",
    "flavours",
    "descriptors",
    NULL,
};

static _Noreturn void refuse(const char *path, unsigned line, const char *why)
{
    fprintf(stderr, "%s:%u: %s\n", path, line, why);
    abort();
}

/* Appends the bytes of one line to the packet. Returns NULL if the line is right. Otherwise returns a text that says
 * why it is wrong. */
static const char *read_bytes(struct test_vector_packet *packet, const char *text)
{
    for (;;) {
        unsigned byte;
        int used;

        while (isspace((unsigned char)*text))
            text++;
        if (*text == '\0' || *text == '#')
            return NULL;
        if (sscanf(text, "%2x%n", &byte, &used) != 1 || used != 2)
            return "not a byte of two hex digits";
        if (packet->length == sizeof packet->bytes)
            return "packet too long: raise TEST_VECTOR_BYTES_MAX";
        packet->bytes[packet->length++] = (uint8_t)byte;
        text += used;
    }
}

static bool is_empty(const char *line)
{
    return line[strspn(line, " \t\n")] == '\0';
}

void test_vectors_read(struct test_vectors *vectors, const char *name)
{
    char path[512], line[256];
    unsigned line_number = 0;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s.hex", SPEADLINE_VECTORS, name);
    file = fopen(path, "r");
    if (file == NULL)
        refuse(path, 0, strerror(errno));
    *vectors = (struct test_vectors){0};
    while (fgets(line, sizeof line, file) != NULL) {
        struct test_vector_packet *packet = &vectors->packet[vectors->count];
        const char *why;

        line_number++;
        if (is_empty(line)) {
            vectors->count += packet->length > 0;
            continue;
        }
        if (vectors->count == TEST_VECTOR_PACKETS_MAX - 1)
            refuse(path, line_number, "too many packets: raise TEST_VECTOR_PACKETS_MAX");
        why = read_bytes(packet, line);
        if (why != NULL)
            refuse(path, line_number, why);
    }
    fclose(file);
    vectors->count += vectors->packet[vectors->count].length > 0;
    if (vectors->count == 0)
        refuse(path, line_number, "no packet in it");
}
