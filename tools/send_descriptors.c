/* SPDX-License-Identifier: Apache-2.0 */
/* See send_descriptors.h. */
#include "send_descriptors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>

#include "option_table.h"
#include "spead_send_options.h"
#include "tool_exit.h"

/* ---- --descriptors ----------------------------------------------------------------------------- */

static int parse_when(const struct tool_option *row, const char *text, void *to,
                      struct spead_err *err)
{
    uint64_t when = SEND_DESCRIPTORS_NEVER;
    int ret = 0;

    if (strcmp(text, "first") == 0)
        when = SEND_DESCRIPTORS_FIRST;
    else if (strcmp(text, "never") != 0)
        ret = tool_parse_count(&when, text, row->min, row->max, err);
    if (ret < 0)
        return speadi_err_add(err, ret, " heaps; or first, or never");
    *(uint64_t *)to = when;
    return 0;
}

static void print_when(const struct tool_option *row, const void *from, char *text, size_t room)
{
    const uint64_t when = *(const uint64_t *)from;

    if (when == SEND_DESCRIPTORS_NEVER || when == SEND_DESCRIPTORS_FIRST)
        snprintf(text, room, "%s", when == SEND_DESCRIPTORS_NEVER ? "never" : "first");
    else
        tool_u64.print(row, from, text, room);
}

static void range_of_when(const struct tool_option *row, char *text, size_t room)
{
    tool_u64.range(row, text, room);
}

const struct tool_type tool_descriptors = {sizeof(uint64_t), parse_when, print_when, range_of_when};

bool send_descriptors_are_due(const struct spead_send_tool_options *options, uint64_t number)
{
    if (options->descriptors == SEND_DESCRIPTORS_NEVER)
        return false;
    return number == 0 ||
           (options->descriptors != SEND_DESCRIPTORS_FIRST && number % options->descriptors == 0);
}

/* ---- The descriptors --------------------------------------------------------------------------- */

static int make(struct spead_descriptor **out, const struct spead_send_tool_options *options,
                uint64_t index, int64_t elements, struct spead_err *err)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    char name[32];

    snprintf(name, sizeof name, "item%" PRIu64, index);
    config.id = spead_send_item_id(options, index);
    config.name = name;
    config.description = "bytes of spead-send";
    config.dtype = options->dtype ? options->dtype : "|u1";
    config.shape = &elements;
    config.dimension_count = 1;
    return spead_descriptor_create(out, &config, err);
}

/* Returns the bytes of an element. Exits if the dtype is wrong. */
static uint64_t element_bytes(const struct spead_send_tool_options *options)
{
    struct spead_descriptor *descriptor;
    struct spead_err err;
    uint64_t bits;

    if (make(&descriptor, options, 0, 1, &err) < 0)
        tool_usage("--%s", err.text); /* begins with "dtype" */
    bits = spead_descriptor_element_bits(descriptor);
    spead_descriptor_unref(descriptor);
    return bits / 8;
}

/* Returns the bytes of an item. The last one takes the rest. */
static uint64_t item_bytes(const struct spead_send_tool_options *options, uint64_t index)
{
    const uint64_t bytes = options->heap_size / options->items;

    return index + 1 < options->items ? bytes : options->heap_size - index * bytes;
}

void send_descriptors_check(const struct spead_send_tool_options *options)
{
    uint64_t element;

    if (options->descriptors == SEND_DESCRIPTORS_NEVER)
        return;
    element = element_bytes(options);
    if (item_bytes(options, 0) % element != 0 ||
        item_bytes(options, options->items - 1) % element != 0)
        tool_usage("--dtype %s: --heap-size %" PRIu64 " must be a multiple of %" PRIu64
                   ", which is %" PRIu64 " bytes times --items",
                   options->dtype ? options->dtype : "", options->heap_size,
                   element * options->items, element);
}

int send_descriptors_add(struct spead_send_heap *heap,
                         const struct spead_send_tool_options *options, struct spead_err *err)
{
    const uint64_t element = element_bytes(options);
    int ret = 0;

    for (uint64_t i = 0; i < options->items && ret >= 0; i++) {
        struct spead_descriptor *descriptor;

        ret = make(&descriptor, options, i, (int64_t)(item_bytes(options, i) / element), err);
        if (ret < 0)
            return ret;
        ret = spead_send_heap_add_descriptor(heap, descriptor, 0, err);
        spead_descriptor_unref(descriptor);
    }
    return ret < 0 ? ret : 0;
}
