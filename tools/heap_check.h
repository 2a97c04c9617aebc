/* A node that counts heaps and, if asked, checks their bytes. It then releases each heap or sends it to its output.
 *
 * The node takes heaps until its input ends. When it has taken heaps_max complete heaps, or when its output has failed,
 * the node stops the stream immediately (the stream reads no more packets), and releases the heaps that still
 * arrive. */
#ifndef SPEADLINE_TOOLS_HEAP_CHECK_H
#define SPEADLINE_TOOLS_HEAP_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/node.h>
#include <speadline/recv.h>

struct heap_check; /* opaque */

struct heap_check_config {
    struct spead_recv_stream *stream; /* the stream that the heaps come from; borrowed */
    unsigned batch;     /* most heaps that the node holds at a time, up to HEAP_CHECK_BATCH_MAX */
    uint64_t heaps_max; /* complete heaps to take; 0: no limit */
    bool verify;        /* check every byte by the rule of verify_pattern.h */
    bool passes_on;     /* the node has an output "heaps"; else it has none */
};
#define HEAP_CHECK_BATCH_MAX 32u

struct heap_check_totals {
    uint64_t heaps, incomplete_heaps; /* heaps taken: complete ones, incomplete ones */
    uint64_t payload_bytes;           /* bytes of these heaps that arrived */
    uint64_t bad_bytes;               /* bytes of these heaps that break the rule */
    uint64_t past_limit;              /* heaps released and not counted, as heaps_max were taken */
};

/* Makes the state of the node. Returns 0 or -ENOMEM. */
int heap_check_create(struct heap_check **out, const struct heap_check_config *config,
                      struct spead_err *err);
/* Frees the state of the node. Call it after the graph has been destroyed. NULL is ignored. */
void heap_check_destroy(struct heap_check *check);

/* Returns the configuration for spead_graph_add(). The node has an input "heaps". */
struct spead_node_config heap_check_node(struct heap_check *check, const char *name);

/* Returns the totals. Any thread may call it, also while the node runs. Then the numbers may have been read at slightly
 * different moments. */
struct heap_check_totals heap_check_totals(const struct heap_check *check);

#endif
