/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers which sender has brought which complete heaps, to notice when a second sender brings the same heap.
 *
 * A *print* is a hash of a heap: of its counter, its length, its items and samples of its payload. The table has a fixed
 * number of places. A heap takes the place that its print selects, whatever was there. So the table forgets heaps, and
 * may miss an equal heap. It can also take two heaps for equal that differ only between the samples. Only the owner thread calls these functions. */
#ifndef SPEADI_HEAP_PRINTS_H
#define SPEADI_HEAP_PRINTS_H

#include <stdint.h>

#include <speadi/heap_view.h>

#define SPEADI_HEAP_PRINTS 1024u

struct speadi_heap_print {
    uint64_t print;   /* 0: the place is free */
    uint64_t time_ns; /* when the heap ended, by the clock by which heaps age */
    uint32_t sender;  /* id of the sender */
};

struct speadi_heap_prints {
    struct speadi_heap_print place[SPEADI_HEAP_PRINTS];
};

/* Returns the print of a complete heap whose payload the CPU can read. Returns 0 if equal heaps of two senders would
 * mean nothing: the payload is empty or has one value only, or the heap has descriptors. */
uint64_t speadi_heap_print(const struct spead_heap *heap);

/* Puts a heap of this sender that ended at now_ns into the table. Returns what was in the place before. */
struct speadi_heap_print speadi_heap_prints_add(struct speadi_heap_prints *prints, uint64_t print,
                                                uint32_t sender, uint64_t now_ns);

#endif
