/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a line of the index: the opposite of index_line.h. */
#ifndef SPEADI_INDEX_ENTRY_H
#define SPEADI_INDEX_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include <speadline/record.h>

/* The memory to which the pointers of a struct spead_recording_heap refer. One line after the other uses it. */
struct speadi_index_entry {
    struct spead_recording_heap heap;
    struct spead_gap *gaps;
    struct spead_item *items;
    size_t gap_room, item_room;
    char *endpoint, *sender; /* owned; NULL if the line has null */
};

/* Reads a line, without its newline, into entry->heap. Keys that are not known are skipped. Returns 0, -EBADMSG if the
 * line is no JSON object with the counter, the offset and the bytes of a heap, or if a known key has a wrong value, or
 * -ENOMEM. */
int speadi_index_entry_read(struct speadi_index_entry *entry, const char *line, size_t bytes);

void speadi_index_entry_release(struct speadi_index_entry *entry);

#endif
