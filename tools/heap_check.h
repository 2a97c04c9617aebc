/* SPDX-License-Identifier: Apache-2.0 */
/* A node that counts heaps and, if the options `verify` and `printer` are set, checks their bytes and prints their
 * items. After that the node releases the heap, or sends it to its output. A node that prints may block.
 *
 * The node takes heaps until its input ends. It stops the stream early when it has taken heaps_max complete heaps, or
 * when its output has failed. Then the stream reads no more packets, and the node releases the heaps that still
 * arrive. */
#ifndef SPEADLINE_TOOLS_HEAP_CHECK_H
#define SPEADLINE_TOOLS_HEAP_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/node.h>
#include <speadline/recv.h>

#include "item_printer.h"

struct heap_check; /* defined in heap_check.c */

struct heap_check_config {
    struct spead_recv_stream *stream; /* the heaps come from this stream; borrowed */
    unsigned batch;     /* the node holds at most this many heaps, up to HEAP_CHECK_BATCH_MAX */
    uint64_t heaps_max; /* the node takes this many complete heaps; 0 means no limit */
    bool verify;        /* true if the node checks every byte by the rules of verify_pattern.h */
    bool passes_on;     /* true if the node has an output "heaps"; else it has no output */
    struct item_printer *printer; /* prints each heap; borrowed. NULL: nothing is printed */
};
#define HEAP_CHECK_BATCH_MAX 32u

struct heap_check_totals {
    uint64_t heaps, incomplete_heaps; /* complete and incomplete heaps that the node has taken */
    uint64_t payload_bytes;           /* payload bytes of these heaps that arrived */
    /* payload bytes of these heaps that follow no rule of verify_pattern.h */
    uint64_t bad_bytes;
    uint64_t spead2_heaps; /* heaps that follow the rule of spead2 */
    /* heaps that arrived after the node had taken heaps_max heaps; the node released them uncounted */
    uint64_t past_limit;
};

/* Makes the state of the node. Returns 0 or -ENOMEM. */
int heap_check_create(struct heap_check **out, const struct heap_check_config *config,
                      struct spead_err *err);
/* Frees the state of the node. Call it after the graph has been destroyed. NULL is ignored. */
void heap_check_destroy(struct heap_check *check);

/* Returns the configuration for spead_graph_add(). The node has an input "heaps". */
struct spead_node_config heap_check_node(struct heap_check *check, const char *name);

/* Returns the totals. Any thread may call it, also while the node runs. In that case the function may have read the
 * numbers at slightly different moments. */
struct heap_check_totals heap_check_totals(const struct heap_check *check);

#endif
