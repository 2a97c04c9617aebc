/* SPDX-License-Identifier: Apache-2.0 */
/* See index_entry.h. */
#include "index_entry.h"

#include <errno.h>
#include <stdlib.h>

#include "index_line.h"
#include "line_scan.h"

/* A line has at most as many items or gaps. A heap has less than half of that. */
#define ELEMENTS_MAX (1u << 22)

/* What a line must have. */
enum { HAS_COUNTER = 1, HAS_OFFSET = 2, HAS_BYTES = 4, HAS_ALL = 7 };

/* A line that is being read. */
struct reading {
    struct speadi_index_entry *entry;
    struct speadi_line_scan scan;
    unsigned has;
    bool no_memory;
};

/* Makes room for one more element in an array. Returns the array, or NULL when out of memory. */
static void *room_for_one(struct reading *reading, void *array, size_t count, size_t *room,
                          size_t each)
{
    size_t wanted = *room > 0 ? *room * 2 : 16;
    void *larger;

    if (count < *room)
        return array;
    larger = realloc(array, wanted * each);
    if (larger)
        *room = wanted;
    else
        reading->no_memory = true;
    return larger;
}

static void read_gap(struct reading *reading, void *element)
{
    struct spead_gap *gap = element;
    struct speadi_line_scan *scan = &reading->scan;
    bool first = true;
    int cause;

    *gap = (struct spead_gap){0};
    speadi_scan_open(scan, '{');
    for (; speadi_scan_next(scan, '}', first); first = false) {
        struct speadi_scan_string key = speadi_scan_key(scan);

        if (speadi_scan_is(key, "offset")) {
            gap->offset = speadi_scan_number(scan);
        } else if (speadi_scan_is(key, "bytes")) {
            gap->bytes = speadi_scan_number(scan);
        } else if (speadi_scan_is(key, "cause")) {
            cause = speadi_scan_word(speadi_scan_string_or_null(scan), speadi_index_causes);
            gap->cause = cause < 0 ? SPEAD_GAP_UNSEEN : (enum spead_gap_cause)cause;
        } else {
            speadi_scan_skip(scan);
        }
    }
}

static void read_item(struct reading *reading, void *element)
{
    struct spead_item *item = element;
    struct speadi_line_scan *scan = &reading->scan;
    bool first = true;

    *item = (struct spead_item){0};
    speadi_scan_open(scan, '{');
    for (; speadi_scan_next(scan, '}', first); first = false) {
        struct speadi_scan_string key = speadi_scan_key(scan);

        if (speadi_scan_is(key, "id")) {
            item->id = speadi_scan_hex(scan, speadi_scan_string_or_null(scan));
        } else if (speadi_scan_is(key, "value")) {
            item->is_immediate = true;
            item->value = speadi_scan_digits(scan);
        } else if (speadi_scan_is(key, "offset")) {
            item->value = speadi_scan_number(scan);
        } else if (speadi_scan_is(key, "bytes")) {
            item->bytes = (size_t)speadi_scan_number(scan);
        } else {
            speadi_scan_skip(scan);
        }
    }
}

/* Reads an array of objects. read_one() reads one object into an element of `each` bytes. *array has room for *room
 * elements and can move. Returns the number of elements. */
static size_t read_array(struct reading *reading, void **array, size_t *room, size_t each,
                         void (*read_one)(struct reading *reading, void *element))
{
    struct speadi_line_scan *scan = &reading->scan;
    size_t count = 0;
    void *larger;

    speadi_scan_open(scan, '[');
    for (; speadi_scan_next(scan, ']', count == 0); count++) {
        larger = count < ELEMENTS_MAX ? room_for_one(reading, *array, count, room, each) : NULL;
        if (!larger) {
            speadi_scan_fail(scan);
            return count;
        }
        *array = larger;
        read_one(reading, (char *)larger + count * each);
    }
    return count;
}

static void read_gaps(struct reading *reading)
{
    struct speadi_index_entry *entry = reading->entry;
    void *gaps = entry->gaps;

    entry->heap.gap_count =
        read_array(reading, &gaps, &entry->gap_room, sizeof *entry->gaps, read_gap);
    entry->gaps = gaps;
}

static void read_items(struct reading *reading)
{
    struct speadi_index_entry *entry = reading->entry;
    void *items = entry->items;

    entry->heap.item_count =
        read_array(reading, &items, &entry->item_room, sizeof *entry->items, read_item);
    entry->items = items;
}

static void read_text(struct reading *reading, char **to)
{
    struct speadi_scan_string string = speadi_scan_string_or_null(&reading->scan);

    free(*to);
    *to = string.text ? malloc(string.bytes + 1) : NULL;
    if (*to)
        speadi_scan_unescape(string, *to);
    else if (string.text)
        reading->no_memory = true;
}

static void read_flavour(struct reading *reading)
{
    struct speadi_scan_string string = speadi_scan_string_or_null(&reading->scan);
    const char *dash = string.text;

    for (size_t i = 0; i < string.bytes; i++)
        if (string.text[i] == '-')
            dash = string.text + i + 1;
    for (; dash && dash < string.text + string.bytes && *dash >= '0' && *dash <= '9'; dash++)
        reading->entry->heap.heap_address_bits =
            (reading->entry->heap.heap_address_bits * 10 + (uint32_t)(*dash - '0')) % 100;
}

static void read_clock(struct reading *reading)
{
    struct speadi_scan_string word = speadi_scan_string_or_null(&reading->scan);

    for (unsigned i = 0; spead_clock_name((enum spead_clock)i); i++)
        if (speadi_scan_is(word, spead_clock_name((enum spead_clock)i)))
            reading->entry->heap.clock = (enum spead_clock)i;
}

static void read_clock_error(struct reading *reading)
{
    if (!speadi_scan_null(&reading->scan))
        reading->entry->heap.clock_error_ns = speadi_scan_number(&reading->scan);
}

static void read_sample(struct reading *reading)
{
    struct spead_recording_heap *heap = &reading->entry->heap;

    heap->has_sample = !speadi_scan_null(&reading->scan);
    if (heap->has_sample)
        heap->sample_crc32 = (uint32_t)speadi_scan_number(&reading->scan);
}

/* Reads a number that a line must have. */
static void read_needed(struct reading *reading, uint64_t *to, unsigned has)
{
    *to = speadi_scan_digits(&reading->scan);
    reading->has |= has;
}

static void read_value(struct reading *reading, struct speadi_scan_string key)
{
    struct spead_recording_heap *heap = &reading->entry->heap;
    struct speadi_line_scan *scan = &reading->scan;

    if (speadi_scan_is(key, "counter"))
        read_needed(reading, &heap->counter, HAS_COUNTER);
    else if (speadi_scan_is(key, "offset"))
        read_needed(reading, &heap->offset, HAS_OFFSET);
    else if (speadi_scan_is(key, "bytes"))
        read_needed(reading, &heap->bytes, HAS_BYTES);
    else if (speadi_scan_is(key, "endpoint"))
        read_text(reading, &reading->entry->endpoint);
    else if (speadi_scan_is(key, "sender"))
        read_text(reading, &reading->entry->sender);
    else if (speadi_scan_is(key, "flavour"))
        read_flavour(reading);
    else if (speadi_scan_is(key, "first_ns"))
        heap->first_ns = speadi_scan_digits(scan);
    else if (speadi_scan_is(key, "last_ns"))
        heap->last_ns = speadi_scan_digits(scan);
    else if (speadi_scan_is(key, "clock"))
        read_clock(reading);
    else if (speadi_scan_is(key, "clock_error_ns"))
        read_clock_error(reading);
    else if (speadi_scan_is(key, "complete"))
        heap->complete = speadi_scan_bool(scan);
    else if (speadi_scan_is(key, "sample_crc32"))
        read_sample(reading);
    else if (speadi_scan_is(key, "gaps"))
        read_gaps(reading);
    else if (speadi_scan_is(key, "items"))
        read_items(reading);
    else
        speadi_scan_skip(scan);
}

/* Returns true if the heap can lie in a file, and if its gaps lie inside it, one behind the other. */
static bool is_possible(const struct spead_recording_heap *heap, const struct spead_gap *gaps)
{
    uint64_t end = 0;

    if (heap->offset > INT64_MAX || heap->bytes > INT64_MAX - heap->offset)
        return false;
    for (size_t i = 0; i < heap->gap_count; i++) {
        if (gaps[i].offset < end || gaps[i].offset > heap->bytes ||
            gaps[i].bytes > heap->bytes - gaps[i].offset)
            return false;
        end = gaps[i].offset + gaps[i].bytes;
    }
    return true;
}

/* Forgets the line before. A line without "complete" describes a complete heap. */
static void forget(struct speadi_index_entry *entry)
{
    free(entry->endpoint);
    free(entry->sender);
    entry->endpoint = entry->sender = NULL;
    entry->heap = (struct spead_recording_heap)SPEAD_RECORDING_HEAP_INIT;
    entry->heap.complete = true;
    entry->heap.clock_error_ns = SPEAD_CLOCK_ERROR_UNKNOWN;
}

int speadi_index_entry_read(struct speadi_index_entry *entry, const char *line, size_t bytes)
{
    struct reading reading = {.entry = entry, .scan = {.at = line, .end = line + bytes}};
    bool first = true;

    forget(entry);
    speadi_scan_open(&reading.scan, '{');
    for (; !reading.no_memory && speadi_scan_next(&reading.scan, '}', first); first = false)
        read_value(&reading, speadi_scan_key(&reading.scan));
    if (reading.no_memory)
        return -ENOMEM;
    if (!speadi_scan_done(&reading.scan) || reading.has != HAS_ALL ||
        !is_possible(&entry->heap, entry->gaps))
        return -EBADMSG;
    entry->heap.endpoint = entry->endpoint;
    entry->heap.sender = entry->sender;
    entry->heap.gaps = entry->gaps;
    entry->heap.items = entry->items;
    return 0;
}

void speadi_index_entry_release(struct speadi_index_entry *entry)
{
    forget(entry);
    free(entry->gaps);
    free(entry->items);
    *entry = (struct speadi_index_entry){0};
}
