/* One heap as a line of the index beside a capture file: a JSON object and a newline.
 *
 * {"counter": 7, "offset": 29360128, "bytes": 4194304, "first_ns": ..., "last_ns": ..., "clock": "utc",
 *  "complete": false, "gaps": [{"offset": 1408, "bytes": 1408, "cause": "unseen"}]}
 * offset is where the payload starts in the capture file, a gap's offset is in the heap; gaps are
 * zero in the file. */
#ifndef SPEADLINE_TOOLS_HEAP_INDEX_H
#define SPEADLINE_TOOLS_HEAP_INDEX_H

#include <stdint.h>
#include <stdio.h>

#include <speadline/heap.h>

/* Returns 0 or -ENOMEM. */
int heap_index_print(FILE *to, const struct spead_heap *heap, uint64_t offset);

#endif
