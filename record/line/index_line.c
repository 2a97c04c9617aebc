/* SPDX-License-Identifier: Apache-2.0 */
/* See index_line.h. */
#include "index_line.h"

#include <errno.h>
#include <stdlib.h>

#include "heap_sample.h"

const char *const speadi_index_causes[] = {"unseen",   "local-drops",    "refused",
                                           "checksum", "partly-refused", NULL};

int speadi_gap_list_read(struct speadi_gap_list *list, const struct spead_heap *heap)
{
    list->count = spead_heap_gaps(heap, list->gap, list->room);
    if (list->count > list->room) {
        struct spead_gap *gap = realloc(list->gap, list->count * sizeof *gap);

        if (!gap)
            return -ENOMEM;
        list->gap = gap;
        list->room = list->count;
        spead_heap_gaps(heap, list->gap, list->room);
    }
    return 0;
}

void speadi_gap_list_release(struct speadi_gap_list *list)
{
    free(list->gap);
    *list = (struct speadi_gap_list){0};
}

/* Adds `,"key":`. */
static void add_key(struct speadi_line_text *line, const char *key)
{
    speadi_line_add(line, ",\"", 2);
    speadi_line_add_text(line, key);
    speadi_line_add(line, "\":", 2);
}

static void add_number(struct speadi_line_text *line, const char *key, uint64_t value)
{
    add_key(line, key);
    speadi_line_add_number(line, value);
}

/* The largest number up to which a double holds each integer. */
#define EXACT_MAX (UINT64_C(1) << 53)

/* Adds a number that can be above 2^53, as a string of decimal digits: see index_line.h. */
static void add_digits(struct speadi_line_text *line, const char *key, uint64_t value)
{
    add_key(line, key);
    speadi_line_add(line, "\"", 1);
    speadi_line_add_number(line, value);
    speadi_line_add(line, "\"", 1);
}

static void add_string(struct speadi_line_text *line, const char *key, const char *value)
{
    add_key(line, key);
    if (value)
        speadi_line_add_quoted(line, value);
    else
        speadi_line_add_text(line, "null");
}

static void add_word(struct speadi_line_text *line, const char *key, const char *const *words,
                     unsigned index)
{
    for (unsigned i = 0; words[i]; i++) {
        if (i == index) {
            add_string(line, key, words[i]);
            return;
        }
    }
    add_string(line, key, "unknown");
}

static void add_origin(struct speadi_line_text *line, const struct spead_heap *heap,
                       const char *endpoint)
{
    char text[SPEAD_SENDER_ADDRESS_TEXT_MAX];
    struct spead_sender_address sender;

    add_string(line, "endpoint", endpoint);
    add_string(line, "sender",
               spead_heap_sender(heap, &sender) ? spead_sender_address_format(&sender, text)
                                                : NULL);
    add_key(line, "flavour");
    speadi_line_add_text(line, "\"SPEAD-64-");
    speadi_line_add_number(line, spead_heap_flavour(heap).heap_address_bits);
    speadi_line_add(line, "\"", 1);
    add_number(line, "first_ns", spead_heap_first_ns(heap));
    add_number(line, "last_ns", spead_heap_last_ns(heap));
    add_string(line, "clock", spead_clock_name(spead_heap_clock(heap)));
    if (spead_heap_clock_error_ns(heap) == SPEAD_CLOCK_ERROR_UNKNOWN)
        add_string(line, "clock_error_ns", NULL);
    else
        add_number(line, "clock_error_ns", spead_heap_clock_error_ns(heap));
}

/* The numbers that can be above 2^53, once more as text. */
static void add_exact(struct speadi_line_text *line, const struct spead_heap *heap)
{
    add_key(line, "exact");
    speadi_line_add_text(line, "{\"counter\":\"");
    speadi_line_add_number(line, spead_heap_counter(heap));
    speadi_line_add(line, "\"", 1);
    add_digits(line, "first_ns", spead_heap_first_ns(heap));
    add_digits(line, "last_ns", spead_heap_last_ns(heap));
    speadi_line_add(line, "}", 1);
}

static void add_gaps(struct speadi_line_text *line, const struct spead_heap *heap,
                     const struct speadi_gap_list *gaps)
{
    bool complete = spead_heap_is_complete(heap);

    add_key(line, "complete");
    speadi_line_add_text(line, complete ? "true" : "false");
    if (complete)
        add_number(line, "sample_crc32",
                   speadi_heap_sample(spead_heap_payload(heap), spead_heap_length(heap)));
    else
        add_string(line, "sample_crc32", NULL);
    add_key(line, "gaps");
    speadi_line_add(line, "[", 1);
    for (size_t i = 0; i < gaps->count; i++) {
        speadi_line_add_text(line, i > 0 ? ",{\"offset\":" : "{\"offset\":");
        speadi_line_add_number(line, gaps->gap[i].offset);
        add_number(line, "bytes", gaps->gap[i].bytes);
        add_word(line, "cause", speadi_index_causes, gaps->gap[i].cause);
        speadi_line_add(line, "}", 1);
    }
    speadi_line_add(line, "]", 1);
}

static void add_item(struct speadi_line_text *line, const struct spead_item *item)
{
    speadi_line_add_text(line, "{\"id\":\"");
    speadi_line_add_hex(line, item->id);
    speadi_line_add(line, "\"", 1);
    if (!item->is_immediate) {
        add_number(line, "offset", item->value);
        add_number(line, "bytes", item->bytes);
    } else {
        add_number(line, "value", item->value);
    }
    if (item->is_immediate && item->value > EXACT_MAX) {
        add_key(line, "value_hex");
        speadi_line_add(line, "\"", 1);
        speadi_line_add_hex(line, item->value);
        speadi_line_add(line, "\"", 1);
    }
    speadi_line_add(line, "}", 1);
}

static void add_items(struct speadi_line_text *line, const struct spead_heap *heap)
{
    size_t count = spead_heap_item_count(heap);
    struct spead_item item;

    add_key(line, "items");
    speadi_line_add(line, "[", 1);
    for (size_t i = 0; i < count && !line->failed; i++) {
        if (i > 0)
            speadi_line_add(line, ",", 1);
        spead_heap_item(heap, i, &item);
        add_item(line, &item);
    }
    speadi_line_add(line, "]", 1);
}

void speadi_index_line_add(struct speadi_line_text *line, const struct spead_heap *heap,
                           const struct speadi_gap_list *gaps,
                           const struct speadi_index_place *place)
{
    speadi_line_add_text(line, "{\"counter\":");
    speadi_line_add_number(line, spead_heap_counter(heap));
    add_number(line, "offset", place->offset);
    add_number(line, "bytes", spead_heap_length(heap));
    if (place->framed)
        add_number(line, "follows", place->follows);
    add_origin(line, heap, place->endpoint);
    add_exact(line, heap);
    add_gaps(line, heap, gaps);
    add_items(line, heap);
    speadi_line_add(line, "}\n", 2);
}
