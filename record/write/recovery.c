/* SPDX-License-Identifier: Apache-2.0 */
/* See recovery.h. */
#include "recovery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <speadi/err.h>

#include "heap_sample.h"
#include "index_entry.h"
#include "index_line.h"
#include "index_tail.h"

static int no_match(const struct speadi_capture_file *data, const struct speadi_capture_file *index,
                    struct spead_err *err)
{
    return speadi_err_set(err, -EINVAL,
                          "%s holds other heaps than %s says: move one of them away, or both",
                          data->path, index->path);
}

/* Reads the line of the index that lies from `start` to `end`. */
static int read_line(const struct speadi_capture_file *index, uint64_t start, uint64_t end,
                     struct speadi_index_entry *entry, struct spead_err *err)
{
    size_t bytes = (size_t)(end - start);
    char *line = bytes <= SPEADI_INDEX_LINE_MAX ? malloc(bytes) : NULL;
    int ret = -EBADMSG; /* of a line that is longer than all lines of an index */

    if (line)
        ret = speadi_capture_file_read(index->fd, start, line, bytes);
    else if (bytes <= SPEADI_INDEX_LINE_MAX)
        ret = -ENOMEM;
    if (ret == 0)
        ret = speadi_index_entry_read(entry, line, bytes - 1);
    free(line);
    if (ret == -EBADMSG)
        return speadi_err_set(err, -EINVAL,
                              "one of the last two lines of %s describes no heap: move it and its "
                              "data away",
                              index->path);
    errno = -ret;
    return ret < 0 ? speadi_err_errno(err, "cannot read the last lines of %s", index->path) : 0;
}

/* Reads the last whole line of the index. The heap of this line must begin where the heap of the line before it ends:
 * if it began earlier, the data file would be cut inside heaps that other lines describe. */
static int read_last(const struct speadi_capture_file *index, const struct speadi_index_tail *tail,
                     struct speadi_index_entry *last, struct spead_err *err)
{
    uint64_t begin = 0;
    int ret = 0;

    if (tail->before_start < tail->line_start) {
        ret = read_line(index, tail->before_start, tail->line_start, last, err);
        begin = last->heap.offset + last->heap.bytes;
    }
    if (ret == 0)
        ret = read_line(index, tail->line_start, tail->line_end, last, err);
    if (ret == 0 && last->heap.offset != begin)
        return speadi_err_set(err, -EINVAL,
                              "the last line of %s describes a heap at %" PRIu64
                              ", and the heaps before it end at %" PRIu64
                              ": move it and its data away, or put back what was there",
                              index->path, last->heap.offset, begin);
    return ret;
}

/* Checks that the data file holds the last heap of the index, as far as its sample shows it. */
static int check_sample(const struct speadi_capture_file *data,
                        const struct speadi_capture_file *index,
                        const struct spead_recording_heap *last, struct spead_err *err)
{
    uint8_t bytes[2 * SPEADI_SAMPLE_HALF];
    size_t tail, head = speadi_heap_sample_head(last->bytes, &tail);
    int ret;

    if (!last->has_sample)
        return 0;
    ret = speadi_capture_file_read(data->fd, last->offset, bytes, head);
    if (ret == 0)
        ret = speadi_capture_file_read(data->fd, last->offset + last->bytes - tail, bytes + head,
                                       tail);
    errno = -ret;
    if (ret < 0)
        return speadi_err_errno(err, "cannot read %s", data->path);
    return speadi_crc32(0, bytes, head + tail) == last->sample_crc32 ? 0
                                                                     : no_match(data, index, err);
}

/* Checks that the data file reaches to the end of the last heap of the index. */
static int check_length(const struct speadi_capture_file *data,
                        const struct speadi_capture_file *index, uint64_t end,
                        struct spead_err *err)
{
    if (data->bytes >= end)
        return 0;
    if (data->created)
        return speadi_err_set(err, -EINVAL,
                              "%s is not there, and %s describes it: move it back, or move the "
                              "index away too",
                              data->path, index->path);
    return speadi_err_set(err, -EINVAL,
                          "%s has %" PRIu64 " bytes, and %s describes %" PRIu64
                          ": move both away, or put back what was there",
                          data->path, data->bytes, index->path, end);
}

/* Checks that the files belong together. *end becomes the offset behind the last heap of the index. */
static int check(const struct speadi_capture_file *data, const struct speadi_capture_file *index,
                 const struct speadi_index_tail *tail, uint64_t *end, struct spead_err *err)
{
    struct speadi_index_entry last = {0};
    int ret = 0;

    *end = 0;
    if (index->created && data->bytes > 0)
        return speadi_err_set(err, -EINVAL,
                              "%s has %" PRIu64 " bytes, and %s is not there: move it back, or "
                              "move the data away too",
                              data->path, data->bytes, index->path);
    if (tail->line_end > 0)
        ret = read_last(index, tail, &last, err);
    if (ret == 0 && tail->line_end > 0) {
        *end = last.heap.offset + last.heap.bytes;
        ret = check_length(data, index, *end, err);
    }
    if (ret == 0 && tail->line_end > 0)
        ret = check_sample(data, index, &last.heap, err);
    speadi_index_entry_release(&last);
    return ret;
}

/* Cuts the file behind `end`. Returns how many bytes were cut off. */
static uint64_t cut(struct speadi_capture_file *file, uint64_t end)
{
    uint64_t bytes = file->bytes - end;

    file->bytes = end;
    if (bytes > 0)
        speadi_capture_file_cut(file);
    return bytes;
}

int speadi_recording_recover(struct speadi_capture_file *data, struct speadi_capture_file *index,
                             const struct spead_log *log, struct speadi_recovered *recovered,
                             struct spead_err *err)
{
    struct speadi_index_tail tail;
    uint64_t end;
    int ret = speadi_index_tail_find(index->fd, index->bytes, &tail);

    errno = -ret;
    if (ret < 0)
        return speadi_err_errno(err, "cannot read %s", index->path);
    ret = check(data, index, &tail, &end, err);
    if (ret < 0)
        return ret;
    recovered->index_bytes = cut(index, tail.line_end);
    recovered->data_bytes = cut(data, end);
    if (recovered->index_bytes > 0)
        speadi_log_line(log, SPEAD_LOG_WARNING,
                        "%s ended with a torn line of %" PRIu64 " bytes, which was cut off",
                        index->path, recovered->index_bytes);
    if (recovered->data_bytes > 0)
        speadi_log_line(log, SPEAD_LOG_WARNING,
                        "%s had %" PRIu64 " bytes behind the last heap of its index, which were "
                        "cut off: they were not acknowledged",
                        data->path, recovered->data_bytes);
    return 0;
}
