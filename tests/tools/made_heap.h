/* SPDX-License-Identifier: Apache-2.0 */
/* Makes heaps without a stream, for tests of the code that takes heaps. */
#ifndef TESTS_TOOLS_MADE_HEAP_H
#define TESTS_TOOLS_MADE_HEAP_H

#include <speadline/heap.h>

#include <speadi/heap_view.h>

/* Makes a pool for `count` heaps of at most `bytes` payload bytes. */
struct speadi_pool *made_heap_pool(uint32_t count, size_t bytes);

/* Makes a heap of `bytes` payload bytes. Only the bytes of the spans have arrived; if span_count is 0, the whole heap
 * has arrived. Bytes that have arrived follow the verify pattern. All other bytes are zero. */
struct spead_heap *made_heap(struct speadi_pool *pool, uint64_t counter, size_t bytes,
                             const struct speadi_span *spans, uint32_t span_count);

#endif
