/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the payloads of heaps into the data file, without their holes and without a copy. */
#ifndef SPEADI_DATA_EXTENTS_H
#define SPEADI_DATA_EXTENTS_H

#include <stdint.h>

#include <speadline/heap.h>

#include "capture_file.h"
#include "index_line.h"

#define SPEADI_DATA_BATCH 64u

/* The bytes [start, end) of the payload of the heap have arrived. */
struct speadi_arrived {
    const uint8_t *bytes;
    uint64_t start, end;
};

/* Goes through the ranges of a heap that have arrived, in ascending order. `gaps` are the gaps of the heap, and *next
 * is 0 at the first call. Returns false when there is no other range. */
bool speadi_arrived_next(const struct spead_heap *heap, const struct speadi_gap_list *gaps,
                         size_t *next, struct speadi_arrived *range);

/* Writes up to SPEADI_DATA_BATCH heaps behind file->bytes. *whole becomes the number of heaps that are whole in the
 * file, and end[i] the offset behind heap number i. Returns 0 or -errno; file->bytes is unchanged. `gaps` is memory to
 * work with. */
int speadi_data_write(const struct speadi_capture_file *file, struct speadi_gap_list *gaps,
                      struct spead_heap *const *heaps, unsigned count, uint64_t *end,
                      unsigned *whole);

#endif
