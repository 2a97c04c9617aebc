/* SPDX-License-Identifier: Apache-2.0 */
/* The received ranges of a heap, as an array of spans in ascending order. Two spans never overlap or touch. Only the
 * owner thread calls these functions. */
#ifndef SPEADI_SPANS_H
#define SPEADI_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/heap_view.h>

enum speadi_spans_match {
    SPEADI_SPANS_FREE,      /* no byte of the range was received before */
    SPEADI_SPANS_DUPLICATE, /* all bytes of the range were received before */
    SPEADI_SPANS_OVERLAP,   /* some bytes of the range were received before */
};

/* Tells how much of the range [start, end), which is not empty, was received before. *at gets the index of the first
 * span that starts after `start`. The range belongs before that span. */
enum speadi_spans_match speadi_spans_check(const struct speadi_span *spans, uint32_t count,
                                           uint64_t start, uint64_t end, uint32_t *at);

/* Tells whether the array needs one more span when this range is inserted. Before this call, speadi_spans_check() must
 * have found the range free and must have set `at`. */
bool speadi_spans_grows(const struct speadi_span *spans, uint32_t count, uint32_t at,
                        uint64_t start, uint64_t end);

/* The long way of speadi_spans_insert(): `at` is less than `count`. */
uint32_t speadi_spans_insert_before(struct speadi_span *spans, uint32_t count, uint32_t at,
                                    uint64_t start, uint64_t end);

/* Inserts a range that speadi_spans_check() found free. If speadi_spans_grows() returns true for the range, the array
 * must have room for one more span. Returns the new number of spans. */
static inline uint32_t speadi_spans_insert(struct speadi_span *spans, uint32_t count, uint32_t at,
                                           uint64_t start, uint64_t end)
{
    if (at < count)
        return speadi_spans_insert_before(spans, count, at, start, end);
    if (count > 0 && spans[count - 1].end == start) {
        spans[count - 1].end = end;
        return count;
    }
    spans[count] = (struct speadi_span){.start = start, .end = end};
    return count + 1;
}

/* Adds a range that is not empty to the array, also if bytes of it are in the array already. Spans that then overlap or
 * touch become one. Returns false, and changes nothing, if the array would need more than `max` spans. */
bool speadi_spans_unite(struct speadi_span *spans, uint32_t *count, uint32_t max, uint64_t start,
                        uint64_t end);

#endif
