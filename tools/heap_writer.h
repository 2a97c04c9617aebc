/* SPDX-License-Identifier: Apache-2.0 */
/* A node that records heaps (<speadline/record.h>).
 *
 * The node has a thread of its own, because a write to a disk may take long or never return. The node opens the files
 * when the graph starts, and syncs and closes them when its input ends. When the file system fails, the node fails. */
#ifndef SPEADLINE_TOOLS_HEAP_WRITER_H
#define SPEADLINE_TOOLS_HEAP_WRITER_H

#include <speadline/error.h>
#include <speadline/node.h>
#include <speadline/record.h>

struct heap_writer; /* defined in heap_writer.c */

#define HEAP_WRITER_BATCH_MAX 64u

struct heap_writer_config {
    /* The largest number of heaps that the node takes at a time, up to HEAP_WRITER_BATCH_MAX. */
    unsigned batch;
    /* What is written where. The path and the endpoints are borrowed until heap_writer_destroy(). */
    struct spead_recording_writer_config recording;
};

/* Makes a writer, and opens no file yet. Returns 0 or -ENOMEM. */
int heap_writer_create(struct heap_writer **out, const struct heap_writer_config *config,
                       struct spead_err *err);

/* Returns the configuration for spead_graph_add(). The node has an input "heaps". When the graph starts, the node opens
 * the files. This fails as spead_recording_writer_create() does. */
struct spead_node_config heap_writer_node(struct heap_writer *writer, const char *name);

/* Returns what was written. Any thread may call it, also while the node writes. Before the graph has started, all
 * counts are 0. */
struct spead_recording_writer_stats heap_writer_stats(const struct heap_writer *writer);

/* Says whether the writing has failed so far. Returns 0 or -errno. Any thread may call it while the graph runs. */
int heap_writer_has_failed(const struct heap_writer *writer);

/* Says how the writing has ended. Returns 0, or the -errno that ended it. The sentence in err then names the file, and
 * after a failed sync the heaps that are lost. Call it after the graph has ended. err may be NULL. */
int heap_writer_error(const struct heap_writer *writer, struct spead_err *err);

/* Frees the writer. Call it after the graph has been destroyed. NULL is ignored. */
void heap_writer_destroy(struct heap_writer *writer);

#endif
