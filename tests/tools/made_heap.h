/* Heaps without a stream, for tests of what is done with them. */
#ifndef TESTS_TOOLS_MADE_HEAP_H
#define TESTS_TOOLS_MADE_HEAP_H

#include <speadline/heap.h>

#include <speadi/heap_view.h>

/* A pool for count heaps of at most bytes payload bytes. */
struct speadi_pool *made_heap_pool(uint32_t count, size_t bytes);

/* A heap of bytes bytes that hold the verify pattern where they are received and zero elsewhere:
 * received are the spans, all of it when span_count is 0. */
struct spead_heap *made_heap(struct speadi_pool *pool, uint64_t counter, size_t bytes,
                             const struct speadi_span *spans, uint32_t span_count);

#endif
