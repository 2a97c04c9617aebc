/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the line of a heap for the index. The index is a file beside the data file, which holds the payloads. Each
 * line of the index is a JSON object and a newline.
 *
 * {"counter": 7, "offset": 29360128, "bytes": 4194304, "endpoint": "239.1.2.3:7148", "sender": "192.0.2.1:7000",
 *  "flavour": "SPEAD-64-48", "first_ns": 1790000000000000001, "last_ns": 1790000000000000009,
 *  "clock": "utc", "clock_error_ns": 1200, "exact": {"counter": "7", "first_ns": "...", "last_ns": "..."}, "complete": true,
 *  "sample_crc32": 305419896, "gaps": [],
 *  "items": [{"id": "0x1600", "value": 4096}, {"id": "0x4300", "offset": 0, "bytes": 4194304}]}
 *
 * Heap counters, values of items and times can be above 2^53, and programs that read JSON numbers as doubles round them.
 * So "exact" has counter, first_ns and last_ns once more as text, and an item whose value is above 2^53 has "value_hex".
 * A reader accepts strings in the place of these numbers, too.
 *
 * "clock_error_ns" is null if nobody knows the bound.
 *
 * A gap is {"offset": 1408, "bytes": 1408, "cause": "unseen"}.
 * "offset" says where the payload starts in the data file. The "offset" of a gap or of an item counts from the start of
 * the heap.
 * The bytes of a gap are zero in the data file. An incomplete heap has no sample: "sample_crc32" is null. */
#ifndef SPEADI_INDEX_LINE_H
#define SPEADI_INDEX_LINE_H

#include <stdint.h>

#include <speadline/heap.h>

#include "line_text.h"

/* A line of an index has at most this many bytes. This is enough for a heap with a million items and 8193 gaps, the
 * most that a stream can have. */
#define SPEADI_INDEX_LINE_MAX (1u << 28)

/* Words of the index, in the order of enum spead_gap_cause; NULL ends the list. */
extern const char *const speadi_index_causes[];

/* The gaps of a heap, in memory that the next heap uses again. */
struct speadi_gap_list {
    struct spead_gap *gap; /* owned */
    size_t count, room;
};

/* Reads the gaps of the heap into *list. Returns 0 or -ENOMEM. */
int speadi_gap_list_read(struct speadi_gap_list *list, const struct spead_heap *heap);
void speadi_gap_list_release(struct speadi_gap_list *list);

/* What a line says that is not in the heap. */
struct speadi_index_place {
    const char *endpoint; /* NULL: not known */
    uint64_t offset;      /* where the payload of the heap starts in the data file */
    bool framed;          /* true: the line has the key "follows", with the number `follows` */
    uint64_t follows;
};

/* Adds the line of the heap, with its newline. If memory runs out, line->failed is true afterwards. */
void speadi_index_line_add(struct speadi_line_text *line, const struct spead_heap *heap,
                           const struct speadi_gap_list *gaps,
                           const struct speadi_index_place *place);

#endif
