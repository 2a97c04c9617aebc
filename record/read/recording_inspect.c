/* SPDX-License-Identifier: Apache-2.0 */
/* Says what a recording holds, and whether it is whole. */
#include <errno.h>
#include <sys/stat.h>

#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "heap_sample.h"
#include "recording_files.h"

/* Returns true if the heap is in the data file, as far as its length and its sample show it. */
static bool is_there(const struct spead_recording_reader *reader,
                     const struct spead_recording_heap *heap, uint64_t data_bytes)
{
    uint8_t bytes[2 * SPEADI_SAMPLE_HALF];
    size_t tail, head = speadi_heap_sample_head(heap->bytes, &tail);
    uint64_t end = heap->offset + heap->bytes;

    if (end > data_bytes)
        return false;
    if (!heap->has_sample)
        return true;
    return speadi_capture_file_read(reader->data, heap->offset, bytes, head) == 0 &&
           speadi_capture_file_read(reader->data, end - tail, bytes + head, tail) == 0 &&
           speadi_crc32(0, bytes, head + tail) == heap->sample_crc32;
}

static void count_heap(struct spead_recording_info *info, const struct spead_recording_heap *heap)
{
    info->heaps++;
    info->incomplete_heaps += !heap->complete;
    info->payload_bytes += heap->bytes;
    for (size_t i = 0; i < heap->gap_count; i++)
        info->missing_bytes += heap->gaps[i].bytes;
    if (info->heaps == 1 || heap->first_ns < info->first_ns)
        info->first_ns = heap->first_ns;
    if (heap->last_ns > info->last_ns)
        info->last_ns = heap->last_ns;
    info->clocks |= UINT64_C(1) << heap->clock;
    if (heap->clock_error_ns > info->clock_error_ns)
        info->clock_error_ns = heap->clock_error_ns;
}

/* Reads all lines. *end becomes the offset behind the last heap in the data file. */
static int read_lines(struct spead_recording_reader *reader, struct spead_recording_info *info,
                      uint64_t *end, struct spead_err *err)
{
    const struct spead_recording_heap *heap = &reader->entry.heap;
    int ret;

    *end = 0;
    while (reader->line_end < info->index_bytes &&
           (ret = speadi_recording_next(reader, err)) != 0) {
        if (ret == -EBADMSG && info->bad_line == 0)
            info->bad_line = reader->line_number;
        if (ret == -EBADMSG)
            continue;
        if (ret < 0)
            return ret;
        count_heap(info, heap);
        if (heap->offset != *end || !is_there(reader, heap, info->data_bytes)) {
            if (info->bad_heaps++ == 0)
                info->first_bad_counter = heap->counter;
        }
        *end = heap->offset + heap->bytes;
    }
    return 0;
}

static int read_sizes(const struct spead_recording_reader *reader,
                      struct spead_recording_info *info, struct spead_err *err)
{
    struct stat data, index;

    /* A writer may be at work. What a line describes is in the data file before the line is in the index. So the index
     * is looked at first, and lines that come later are not read. */
    if (fstat(fileno(reader->index), &index) < 0 || fstat(reader->data, &data) < 0)
        return speadi_err_errno(err, "cannot look at %s", reader->path);
    info->data_bytes = (uint64_t)data.st_size;
    info->disk_bytes = (uint64_t)data.st_blocks * 512;
    info->index_bytes = (uint64_t)index.st_size;
    info->being_written = speadi_capture_file_is_locked(reader->data);
    return 0;
}

static void judge(struct spead_recording_info *info, uint64_t lines_end, uint64_t data_end)
{
    info->torn_bytes = info->index_bytes > lines_end ? info->index_bytes - lines_end : 0;
    info->unindexed_bytes = info->data_bytes > data_end ? info->data_bytes - data_end : 0;
    info->whole = info->bad_heaps == 0 && info->bad_line == 0 &&
                  (info->being_written || (info->torn_bytes == 0 && info->unindexed_bytes == 0));
}

int spead_recording_inspect(const char *path, struct spead_recording_info *info,
                            struct spead_err *err)
{
    struct spead_recording_info own = SPEAD_RECORDING_INFO_INIT;
    struct spead_recording_reader *reader;
    uint64_t end;
    int ret = speadi_struct_check(info, "SPEAD_RECORDING_INFO_INIT", err);

    if (ret == 0)
        ret = spead_recording_reader_open(&reader, path, err);
    if (ret < 0)
        return ret;
    ret = read_sizes(reader, &own, err);
    if (ret == 0)
        ret = read_lines(reader, &own, &end, err);
    if (ret == 0)
        judge(&own, reader->line_end, end);
    spead_recording_reader_close(reader);
    return ret < 0 ? ret : speadi_struct_write(info, &own, sizeof own);
}
