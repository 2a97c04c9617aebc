/* Prints the line of a heap for the index. The index is a file beside the capture file, and the capture file holds the
 * payloads. Each line of the index is a JSON object and a newline.
 *
 * {"counter": 7, "offset": 29360128, "bytes": 4194304, "endpoint": "239.1.2.3:7148", "sender": "192.0.2.1:7000",
 *  "flavour": "SPEAD-64-48", "first_ns": ..., "last_ns": ..., "clock": "utc", "complete": true, "gaps": [],
 *  "items": [{"id": "0x1600", "value": 4096}, {"id": "0x4300", "offset": 0, "bytes": 4194304}]}
 *
 * A gap is {"offset": 1408, "bytes": 1408, "cause": "unseen"}.
 * "offset" says where the payload starts in the capture file. The "offset" of a gap or of an item counts from the start
 * of the heap.
 * The bytes of a gap are zero in the capture file. */
#ifndef SPEADLINE_TOOLS_HEAP_INDEX_H
#define SPEADLINE_TOOLS_HEAP_INDEX_H

#include <stdint.h>
#include <stdio.h>

#include <speadline/heap.h>

/* Prints the line of the heap to `to`. `endpoint` is the text of the endpoint at which the heap came; if it is NULL, the
 * line has null. `offset` says where the payload of the heap starts in the capture file. Returns 0 or -ENOMEM. */
int heap_index_print(FILE *to, const struct spead_heap *heap, const char *endpoint,
                     uint64_t offset);

#endif
