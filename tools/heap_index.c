/* See heap_index.h. */
#include "heap_index.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

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

int heap_index_print(FILE *to, const struct spead_heap *heap, uint64_t offset)
{
    json_t *line = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:s, s:b, s:o}", "counter", (json_int_t)spead_heap_counter(heap),
        "offset", (json_int_t)offset, "bytes", (json_int_t)spead_heap_length(heap), "first_ns",
        (json_int_t)spead_heap_first_ns(heap), "last_ns", (json_int_t)spead_heap_last_ns(heap),
        "clock", clock_name(spead_heap_clock(heap)), "complete", (int)spead_heap_is_complete(heap),
        "gaps", gap_array(heap));
    int ret;

    if (!line)
        return -ENOMEM;
    ret = json_dumpf(line, to, JSON_COMPACT);
    json_decref(line);
    return ret < 0 || fputc('\n', to) == EOF ? -ENOMEM : 0;
}
