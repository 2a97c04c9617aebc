/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the index that wait until the payloads of their heaps are synced. */
#ifndef SPEADI_PENDING_LINES_H
#define SPEADI_PENDING_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "capture_file.h"
#include "line_text.h"

struct speadi_pending_heap {
    uint64_t counter;
    uint64_t bytes;    /* payload bytes that have arrived */
    uint64_t data_end; /* the offset behind its payload in the data file */
    size_t line_end;   /* the offset behind its line in the text */
};

struct speadi_pending_lines {
    struct speadi_line_text text;
    struct speadi_pending_heap *heap; /* owned */
    size_t count, room;
    uint64_t oldest_ns; /* when the first heap was added (CLOCK_MONOTONIC) */
};

/* Notes the heap whose line has just been added to lines->text; heap->line_end need not be set. Returns 0. Returns
 * -ENOMEM, also if the text has failed; then the heap and its line are removed. */
int speadi_pending_lines_note(struct speadi_pending_lines *lines, struct speadi_pending_heap heap,
                              uint64_t now_ns);

/* Appends the text to the index. Returns 0 or -errno; *whole is the number of heaps whose lines are whole in the file.
 * Adds the bytes of these lines to index->bytes. */
int speadi_pending_lines_append(const struct speadi_pending_lines *lines,
                                struct speadi_capture_file *index, size_t *whole);

/* Forgets all heaps, and keeps the memory, unless it is large. */
void speadi_pending_lines_clear(struct speadi_pending_lines *lines);
void speadi_pending_lines_release(struct speadi_pending_lines *lines);

#endif
