/* A node that appends the payloads of heaps to a file, and a line for each heap to an index beside the file
 * (FILE.jsonl, see heap_index.h).
 *
 * The node writes payload without copying it first. It writes the payload of a heap before the index line of the heap.
 * When only a part of a payload or of a line could be written, the node cuts this part off again. So every line of the
 * index describes a heap that is whole in the file, and the file ends with the last of these heaps, also after an
 * error. The node has a thread of its own, because a disk may block, or hang. The files are opened when the graph
 * starts and closed when the input of the node ends. When the file system fails, the node fails. */
#ifndef SPEADLINE_TOOLS_HEAP_WRITER_H
#define SPEADLINE_TOOLS_HEAP_WRITER_H

#include <stdint.h>

#include <speadline/error.h>
#include <speadline/node.h>

struct heap_writer; /* opaque */

struct heap_writer_totals {
    uint64_t heaps, bytes; /* what is whole in the file and in the index */
};

#define HEAP_WRITER_BATCH_MAX 64u

/* Makes a writer; no file is opened yet. batch is the largest number of heaps that the node takes at a time, up to
 * HEAP_WRITER_BATCH_MAX. path is borrowed until destroy(). Returns 0 or -ENOMEM. */
int heap_writer_create(struct heap_writer **out, const char *path, unsigned batch,
                       struct spead_err *err);

/* Returns the configuration for spead_graph_add(). The node has an input "heaps". Its start() opens the files and fails
 * with -EINVAL (a file is not a regular file, or the index does not end with a newline), -EBUSY (another program writes
 * one of the files), -ENOMEM, or the -errno of the file system. */
struct spead_node_config heap_writer_node(struct heap_writer *writer, const char *name);

/* Returns the totals. Any thread may call it, also while the node writes. */
struct heap_writer_totals heap_writer_totals(const struct heap_writer *writer);

/* Says whether the writing has failed. Returns 0, or the -errno that ended the writing, with a sentence that names the
 * file. Call it when the graph has ended. err may be NULL. */
int heap_writer_error(const struct heap_writer *writer, struct spead_err *err);

/* Frees the writer. Call it after the graph has been destroyed. NULL is ignored. */
void heap_writer_destroy(struct heap_writer *writer);

#endif
