/* SPDX-License-Identifier: Apache-2.0 */
/* See data_extents.h. */
#include "data_extents.h"

#include <errno.h>

/* Pieces of memory that go next to each other into the file, in one call. */
struct run {
    const struct speadi_capture_file *file;
    struct iovec iov[SPEADI_DATA_BATCH];
    unsigned count;
    uint64_t at, end; /* where they begin and end in the file */
    /* Every byte that has arrived and belongs before this offset is in the file, also after an error. */
    uint64_t reached;
};

bool speadi_arrived_next(const struct spead_heap *heap, const struct speadi_gap_list *gaps,
                         size_t *next, struct speadi_arrived *range)
{
    const uint8_t *payload = spead_heap_payload(heap);

    while (*next <= gaps->count) {
        const struct spead_gap *before = *next > 0 ? &gaps->gap[*next - 1] : NULL;
        const struct spead_gap *behind = *next < gaps->count ? &gaps->gap[*next] : NULL;

        range->start = before ? before->offset + before->bytes : 0;
        range->end = behind ? behind->offset : spead_heap_length(heap);
        range->bytes = payload + range->start;
        (*next)++;
        if (range->start < range->end)
            return true;
    }
    return false;
}

static int flush(struct run *run)
{
    uint64_t written;
    int ret = 0;

    if (run->count > 0) {
        ret = speadi_capture_file_write(run->file, run->at, run->iov, run->count, &written);
        run->reached = run->at + written;
    }
    run->count = 0;
    return ret;
}

static int add(struct run *run, const struct speadi_arrived *range, uint64_t offset)
{
    uint64_t at = offset + range->start;
    int ret = 0;

    if (run->count == SPEADI_DATA_BATCH || run->end != at)
        ret = flush(run);
    if (run->count == 0)
        run->at = at;
    run->iov[run->count++] =
        (struct iovec){(void *)(uintptr_t)range->bytes, range->end - range->start};
    run->end = offset + range->end;
    return ret;
}

/* Adds the ranges of the heap. *last becomes the offset in the file behind the last byte of the heap that has
 * arrived. */
static int add_heap(struct run *run, struct speadi_gap_list *gaps, const struct spead_heap *heap,
                    uint64_t offset, uint64_t *last)
{
    struct speadi_arrived range;
    size_t next = 0;
    int ret = speadi_gap_list_read(gaps, heap);

    /* a heap whose gaps could not be read is never whole */
    *last = ret < 0 ? UINT64_MAX : offset;
    while (ret == 0 && speadi_arrived_next(heap, gaps, &next, &range)) {
        ret = add(run, &range, offset);
        *last = offset + range.end;
    }
    return ret;
}

int speadi_data_write(const struct speadi_capture_file *file, struct speadi_gap_list *gaps,
                      struct spead_heap *const *heaps, unsigned count, uint64_t *end,
                      unsigned *whole)
{
    struct run run = {.file = file, .at = file->bytes, .end = file->bytes, .reached = file->bytes};
    uint64_t offset = file->bytes, last[SPEADI_DATA_BATCH];
    unsigned added = 0;
    int ret = 0;

    for (; added < count && ret == 0; added++) {
        end[added] = offset + spead_heap_length(heaps[added]);
        ret = add_heap(&run, gaps, heaps[added], offset, &last[added]);
        offset = end[added];
    }
    if (ret == 0)
        ret = flush(&run);
    if (ret == 0 && added > 0 && last[added - 1] < offset) {
        ret = speadi_capture_file_reach(file, offset); /* the last heap ends in a hole */
        added -= ret < 0;
    }
    *whole = ret == 0 ? added : 0;
    while (ret < 0 && *whole < added && last[*whole] <= run.reached)
        (*whole)++;
    return ret;
}
