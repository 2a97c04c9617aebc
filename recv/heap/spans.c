/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the received ranges of a heap in order. */
#include "spans.h"

#include <string.h>

static uint32_t first_after(const struct speadi_span *spans, uint32_t count, uint64_t start)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (spans[middle].start > start)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

enum speadi_spans_match speadi_spans_check(const struct speadi_span *spans, uint32_t count,
                                           uint64_t start, uint64_t end, uint32_t *at)
{
    if (count == 0 || start >= spans[count - 1].end) { /* the usual case: packets come in order */
        *at = count;
        return SPEADI_SPANS_FREE;
    }
    *at = first_after(spans, count, start);
    if (*at > 0 && spans[*at - 1].end > start)
        return spans[*at - 1].end >= end ? SPEADI_SPANS_DUPLICATE : SPEADI_SPANS_OVERLAP;
    if (*at < count && spans[*at].start < end)
        return SPEADI_SPANS_OVERLAP;
    return SPEADI_SPANS_FREE;
}

bool speadi_spans_grows(const struct speadi_span *spans, uint32_t count, uint32_t at,
                        uint64_t start, uint64_t end)
{
    bool joins_left = at > 0 && spans[at - 1].end == start;
    bool joins_right = at < count && spans[at].start == end;

    return !joins_left && !joins_right;
}

uint32_t speadi_spans_insert_before(struct speadi_span *spans, uint32_t count, uint32_t at,
                                    uint64_t start, uint64_t end)
{
    bool joins_left = at > 0 && spans[at - 1].end == start;
    bool joins_right = spans[at].start == end;

    if (joins_left && joins_right) {
        spans[at - 1].end = spans[at].end;
        memmove(&spans[at], &spans[at + 1], (count - at - 1) * sizeof *spans);
        return count - 1;
    }
    if (joins_left) {
        spans[at - 1].end = end;
        return count;
    }
    if (joins_right) {
        spans[at].start = start;
        return count;
    }
    memmove(&spans[at + 1], &spans[at], (count - at) * sizeof *spans);
    spans[at] = (struct speadi_span){.start = start, .end = end};
    return count + 1;
}

bool speadi_spans_unite(struct speadi_span *spans, uint32_t *count, uint32_t max, uint64_t start,
                        uint64_t end)
{
    /* spans[low .. high) overlap or touch the range */
    uint32_t high = first_after(spans, *count, end), low = high;

    while (low > 0 && spans[low - 1].end >= start)
        low--;
    if (low == high) {
        if (*count == max)
            return false;
        memmove(&spans[low + 1], &spans[low], (*count - low) * sizeof *spans);
        spans[low] = (struct speadi_span){.start = start, .end = end};
        ++*count;
        return true;
    }
    if (spans[low].start < start)
        start = spans[low].start;
    if (spans[high - 1].end > end)
        end = spans[high - 1].end;
    spans[low] = (struct speadi_span){.start = start, .end = end};
    memmove(&spans[low + 1], &spans[high], (*count - high) * sizeof *spans);
    *count -= high - low - 1;
    return true;
}
