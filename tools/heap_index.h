/* Prints the line of a heap for the index. The index is a file beside the capture file, and the capture file holds the
 * payloads. Each line of the index is a JSON object and a newline.
 *
 * {"counter": 7, "offset": 29360128, "bytes": 4194304, "first_ns": ..., "last_ns": ..., "clock": "utc",
 *  "complete": false, "gaps": [{"offset": 1408, "bytes": 1408, "cause": "unseen"}]}
 * "offset" says where the payload starts in the capture file. The "offset" of a gap counts from the start of the heap.
 * The bytes of a gap are zero in the capture file. */
#ifndef SPEADLINE_TOOLS_HEAP_INDEX_H
#define SPEADLINE_TOOLS_HEAP_INDEX_H

#include <stdint.h>
#include <stdio.h>

#include <speadline/heap.h>

/* Prints the line of the heap to `to`. `offset` says where the payload of the heap starts in the capture file. Returns
 * 0 or -ENOMEM. */
int heap_index_print(FILE *to, const struct spead_heap *heap, uint64_t offset);

#endif
