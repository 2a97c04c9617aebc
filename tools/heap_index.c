/* See heap_index.h. */
#include "heap_index.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

/* The largest number that every reader of JSON reads exactly: some programs read numbers as doubles. */
#define EXACT_MAX (1ull << 53)

static const char *cause_name(enum spead_gap_cause cause)
{
    switch (cause) {
    case SPEAD_GAP_UNSEEN:
        return "unseen";
    case SPEAD_GAP_LOCAL_DROPS:
        return "local-drops";
    case SPEAD_GAP_REFUSED:
        return "refused";
    case SPEAD_GAP_CHECKSUM:
        return "checksum";
    case SPEAD_GAP_PARTLY_REFUSED:
        return "partly-refused";
    }
    return "unknown";
}

static const char *clock_name(enum spead_clock clock)
{
    switch (clock) {
    case SPEAD_CLOCK_UTC:
        return "utc";
    case SPEAD_CLOCK_HARDWARE:
        return "hardware";
    case SPEAD_CLOCK_CAPTURE:
        return "capture";
    }
    return "unknown";
}

/* Makes a JSON array of the gaps of a heap. Returns NULL when out of memory. */
static json_t *gap_array(const struct spead_heap *heap)
{
    size_t count = spead_heap_gaps(heap, NULL, 0);
    struct spead_gap *gaps;
    json_t *array = json_array();

    if (count == 0)
        return array;
    gaps = calloc(count, sizeof *gaps);
    if (!gaps)
        goto err_free_array;
    spead_heap_gaps(heap, gaps, count);
    for (size_t i = 0; i < count; i++) {
        json_t *gap = json_pack("{s:I, s:I, s:s}", "offset", (json_int_t)gaps[i].offset, "bytes",
                                (json_int_t)gaps[i].bytes, "cause", cause_name(gaps[i].cause));

        if (json_array_append_new(array, gap) < 0)
            goto err_free_gaps;
    }
    free(gaps);
    return array;

err_free_gaps:
    free(gaps);
err_free_array:
    json_decref(array);
    return NULL;
}

/* Writes the sender of the heap as "192.0.2.1:7000" or "[2001:db8::1]:7000". Returns text, or NULL if the sender is not
 * known. */
static const char *sender_text(const struct spead_heap *heap, char text[SPEAD_SENDER_TEXT_MAX])
{
    struct spead_sender sender;

    return spead_heap_sender(heap, &sender) ? spead_sender_format(&sender, text) : NULL;
}

/* Makes the line without its items. Returns NULL when out of memory. */
static json_t *line_object(const struct spead_heap *heap, const char *endpoint, uint64_t offset)
{
    char flavour[32], sender[SPEAD_SENDER_TEXT_MAX];

    snprintf(flavour, sizeof flavour, "SPEAD-64-%u", spead_heap_flavour(heap).heap_address_bits);
    return json_pack("{s:I, s:I, s:I, s:s?, s:s?, s:s, s:I, s:I, s:s, s:b, s:o}", "counter",
                     (json_int_t)spead_heap_counter(heap), "offset", (json_int_t)offset, "bytes",
                     (json_int_t)spead_heap_length(heap), "endpoint", endpoint, "sender",
                     sender_text(heap, sender), "flavour", flavour, "first_ns",
                     (json_int_t)spead_heap_first_ns(heap), "last_ns",
                     (json_int_t)spead_heap_last_ns(heap), "clock",
                     clock_name(spead_heap_clock(heap)), "complete",
                     (int)spead_heap_is_complete(heap), "gaps", gap_array(heap));
}

static void print_item(FILE *to, const struct spead_item *item)
{
    fprintf(to, "{\"id\":\"0x%" PRIx64 "\",", item->id);
    if (!item->is_immediate)
        fprintf(to, "\"offset\":%" PRIu64 ",\"bytes\":%zu}", item->value, item->bytes);
    else if (item->value <= EXACT_MAX)
        fprintf(to, "\"value\":%" PRIu64 "}", item->value);
    else
        fprintf(to, "\"value\":%" PRIu64 ",\"value_hex\":\"0x%" PRIx64 "\"}", item->value,
                item->value);
}

/* Prints the items of the heap, without an object in memory for each of them: a heap may have a million items. Their
 * text consists of digits and fixed words, so nothing in it needs to be escaped. */
static void print_items(FILE *to, const struct spead_heap *heap)
{
    size_t count = spead_heap_item_count(heap);
    struct spead_item item;

    fputs(",\"items\":[", to);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            fputc(',', to);
        spead_heap_item(heap, i, &item);
        print_item(to, &item);
    }
    fputc(']', to);
}

int heap_index_print(FILE *to, const struct spead_heap *heap, const char *endpoint, uint64_t offset)
{
    json_t *line = line_object(heap, endpoint, offset);
    int ret;

    if (!line)
        return -ENOMEM;
    fputc('{', to);
    ret = json_dumpf(line, to, JSON_COMPACT | JSON_EMBED);
    json_decref(line);
    print_items(to, heap);
    fputs("}\n", to);
    return ret < 0 || ferror(to) ? -ENOMEM : 0;
}
