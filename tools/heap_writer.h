/* A node that appends the payloads of heaps to a file, and a line for each to an index beside it
 * (FILE.jsonl, see heap_index.h).
 *
 * Payload is written from where it lies. Data comes before its index line, and what cannot be written whole is
 * cut off again: whatever happens, every line of the index describes a heap that is whole in the file, and
 * the file ends with the last of them.
 * The node has a thread of its own, because a disk may block, or hang. Files are opened when its graph starts and
 * closed when its input ends; a file system that fails makes the node fail. */
#ifndef SPEADLINE_TOOLS_HEAP_WRITER_H
#define SPEADLINE_TOOLS_HEAP_WRITER_H

#include <stdint.h>

#include <speadline/error.h>
#include <speadline/node.h>

struct heap_writer; /* opaque */

struct heap_writer_totals {
    uint64_t heaps, bytes; /* whole in the file and in the index */
};

/* batch: most heaps it takes at a time, up to HEAP_WRITER_BATCH_MAX. path is borrowed. Opens nothing. Returns
 * 0 or -ENOMEM. */
#define HEAP_WRITER_BATCH_MAX 64u
int heap_writer_create(struct heap_writer **out, const char *path, unsigned batch,
                       struct spead_err *err);

/* For spead_graph_add(): input "heaps". Its start() fails with -EINVAL (not a regular file, or an index that does
 * not end with a line), -EBUSY (another writer has the file), or -errno of the file system. */
struct spead_node_config heap_writer_node(struct heap_writer *writer, const char *name);

/* Any thread, also while it writes. */
struct heap_writer_totals heap_writer_totals(const struct heap_writer *writer);

/* Once the graph has ended: 0, or the -errno at which writing ended, with a sentence that names the file. */
int heap_writer_error(const struct heap_writer *writer, struct spead_err *err);

void heap_writer_destroy(struct heap_writer *writer); /* after the graph; NULL is ignored */

#endif
