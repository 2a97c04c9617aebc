/* A node that appends the payloads of heaps to a file. For each heap it appends a line to an index beside the file
 * (FILE.jsonl, see heap_index.h).
 *
 * The node writes a payload directly from the memory of the heap, without a copy. It writes the payload of a heap
 * before the index line of the heap. If it could write only a part of a payload or of a line, it cuts this part off
 * again. So every line of the index describes a heap that is whole in the file, and the file ends with the last of
 * these heaps, also after an error.
 *
 * The node has a thread of its own, because a write to a disk may take long or never return. The node opens the files
 * when the graph starts, and closes them when its input ends. When the file system fails, the node fails. */
#ifndef SPEADLINE_TOOLS_HEAP_WRITER_H
#define SPEADLINE_TOOLS_HEAP_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/node.h>

struct heap_writer; /* defined in heap_writer.c */

struct heap_writer_totals {
    uint64_t heaps, bytes; /* heaps that are whole in both files, and the bytes of their payload */
};

#define HEAP_WRITER_BATCH_MAX 64u

struct heap_writer_config {
    const char *path;
    /* The largest number of heaps that the node takes at a time, up to HEAP_WRITER_BATCH_MAX. */
    unsigned batch;
    /* The endpoints of the stream, as text: a heap came at endpoints[spead_heap_source(heap)]. */
    const char *const *endpoints;
    uint32_t endpoint_count;
    bool follow_links; /* write also where a link leads, and to a file with several names */
};

/* Makes a writer, and opens no file yet. The caller must keep the path and the endpoints valid until
 * heap_writer_destroy(). Returns 0 or -ENOMEM. */
int heap_writer_create(struct heap_writer **out, const struct heap_writer_config *config,
                       struct spead_err *err);

/* Returns the configuration for spead_graph_add(). The node has an input "heaps". When the graph starts, the node opens
 * the files. This fails with -EINVAL (a file is not a regular file, or the index does not end with a newline), -ELOOP (a
 * file is a link), -EPERM (a file belongs to another user), -EBUSY (another program writes to one of the files), -ENOMEM,
 * or the -errno of the file system. */
struct spead_node_config heap_writer_node(struct heap_writer *writer, const char *name);

/* Returns the totals. Any thread may call it, also while the node writes. */
struct heap_writer_totals heap_writer_totals(const struct heap_writer *writer);

/* Says whether the writing has failed. Returns 0, or the -errno that ended the writing. The sentence in err then names
 * the file. Call it after the graph has ended. err may be NULL. */
int heap_writer_error(const struct heap_writer *writer, struct spead_err *err);

/* Frees the writer. Call it after the graph has been destroyed. NULL is ignored. */
void heap_writer_destroy(struct heap_writer *writer);

#endif
