/* SPDX-License-Identifier: Apache-2.0 */
/* See pending_lines.h. */
#include "pending_lines.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_MIN  64u
#define TEXT_KEPT (8u << 20) /* more memory than this goes back to the system */

static bool has_room(struct speadi_pending_lines *lines)
{
    size_t room = lines->room > 0 ? lines->room * 2 : ROOM_MIN;
    struct speadi_pending_heap *heap;

    if (lines->count < lines->room)
        return true;
    heap = realloc(lines->heap, room * sizeof *heap);
    if (!heap)
        return false;
    lines->heap = heap;
    lines->room = room;
    return true;
}

int speadi_pending_lines_note(struct speadi_pending_lines *lines, struct speadi_pending_heap heap,
                              uint64_t now_ns)
{
    if (lines->text.failed || !has_room(lines)) {
        lines->text.failed = false;
        lines->text.bytes = lines->count > 0 ? lines->heap[lines->count - 1].line_end : 0;
        return -ENOMEM;
    }
    if (lines->count == 0)
        lines->oldest_ns = now_ns;
    heap.line_end = lines->text.bytes;
    lines->heap[lines->count++] = heap;
    return 0;
}

int speadi_pending_lines_append(const struct speadi_pending_lines *lines,
                                struct speadi_capture_file *index, size_t *whole)
{
    struct iovec iov = {lines->text.text, lines->text.bytes};
    uint64_t written = 0;
    int ret = 0;

    if (lines->count > 0)
        ret = speadi_capture_file_write(index, index->bytes, &iov, 1, &written);
    *whole = 0;
    while (*whole < lines->count && lines->heap[*whole].line_end <= written)
        (*whole)++;
    index->bytes += *whole > 0 ? lines->heap[*whole - 1].line_end : 0;
    return ret;
}

void speadi_pending_lines_clear(struct speadi_pending_lines *lines)
{
    if (lines->text.room > TEXT_KEPT)
        speadi_pending_lines_release(lines);
    lines->count = 0;
    lines->text.bytes = 0;
}

void speadi_pending_lines_release(struct speadi_pending_lines *lines)
{
    speadi_line_text_release(&lines->text);
    free(lines->heap);
    *lines = (struct speadi_pending_lines){0};
}
