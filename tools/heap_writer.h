/* Appends heap payloads to a file on a thread of its own, and a line for each to an index beside it
 * (FILE.jsonl, see heap_index.h).
 *
 * Heaps wait in a bounded queue by reference, payload is written from where it lies. Data comes before
 * its index line, and what cannot be written whole is cut off again: whatever happens, every line of
 * the index describes a heap that is whole in the file, and the file ends with the last of them.
 * Threads: push and close belong to one thread. */
#ifndef SPEADLINE_TOOLS_HEAP_WRITER_H
#define SPEADLINE_TOOLS_HEAP_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/heap.h>

struct heap_writer; /* opaque */

struct heap_writer_totals {
    uint64_t heaps, bytes; /* whole in the file and in the index */
};

/* Opens path and its index, which are made or appended to, and starts the thread. depth is how many
 * heaps it may hold. path is borrowed. Returns 0, -EINVAL (not a regular file, or an index that does
 * not end with a line), -EBUSY (another writer has the file), -ENOMEM, or -errno of the file system, with a sentence that names the file. */
int heap_writer_open(struct heap_writer **out, const char *path, unsigned depth,
                     struct spead_err *err);

/* Takes over the caller's reference; waits while the queue is full. Returns 0, or -errno once writing
 * has failed: the reference is then released, and every later push fails too. */
int heap_writer_push(struct heap_writer *writer, struct spead_heap *heap);

/* Writes what waits (abandon: only what is being written), closes the files and frees the writer.
 * Returns 0, or the -errno at which writing ended, with a sentence that names the file. writer may be
 * NULL. */
int heap_writer_close(struct heap_writer *writer, bool abandon, struct heap_writer_totals *totals,
                      struct spead_err *err);

#endif
