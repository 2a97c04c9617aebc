/* Received ranges of a heap: ascending, disjoint, not touching. */
#ifndef SPEADI_SPANS_H
#define SPEADI_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/heap_view.h>

enum speadi_spans_match {
    SPEADI_SPANS_FREE,      /* none of the range is there */
    SPEADI_SPANS_DUPLICATE, /* all of it is */
    SPEADI_SPANS_OVERLAP,   /* a part of it is */
};

/* How much of the range [start, end), which is not empty, is there. *at gets the index of the first span that starts
 * after start: where the range belongs. */
enum speadi_spans_match speadi_spans_check(const struct speadi_span *spans, uint32_t count,
                                           uint64_t start, uint64_t end, uint32_t *at);

/* True when inserting the range (found free, at *at) makes one span more. */
bool speadi_spans_grows(const struct speadi_span *spans, uint32_t count, uint32_t at,
                        uint64_t start, uint64_t end);

/* Inserts a range found free; returns the new count. */
uint32_t speadi_spans_insert(struct speadi_span *spans, uint32_t count, uint32_t at, uint64_t start,
                             uint64_t end);

#endif
