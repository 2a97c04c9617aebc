/* A node that counts heaps, checks their bytes if asked, and lets them go or passes them on.
 *
 * It takes heaps until its input ends. Once it has had as many complete ones as were asked for, or once nobody
 * takes what it passes on, it tells the stream to end without reading on, and lets go of what still comes. */
#ifndef SPEADLINE_TOOLS_HEAP_CHECK_H
#define SPEADLINE_TOOLS_HEAP_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/node.h>
#include <speadline/recv.h>

struct heap_check; /* opaque */

struct heap_check_config {
    struct spead_recv_stream *stream; /* where the heaps come from; borrowed */
    unsigned batch;     /* most heaps it holds at a time, up to HEAP_CHECK_BATCH_MAX */
    uint64_t heaps_max; /* complete ones; 0: all that come */
    bool verify;        /* by the rule of verify_pattern.h */
    bool passes_on;     /* output "heaps"; else it has none */
};
#define HEAP_CHECK_BATCH_MAX 32u

struct heap_check_totals {
    uint64_t heaps, incomplete_heaps; /* taken */
    uint64_t payload_bytes;           /* that arrived, of these */
    uint64_t bad_bytes;
    uint64_t past_limit; /* heaps let go because there were heaps_max already */
};

/* Returns 0 or -ENOMEM. */
int heap_check_create(struct heap_check **out, const struct heap_check_config *config,
                      struct spead_err *err);
void heap_check_destroy(struct heap_check *check); /* after the graph; NULL is ignored */

/* For spead_graph_add(): input "heaps". */
struct spead_node_config heap_check_node(struct heap_check *check, const char *name);

/* Any thread, also while it works; the numbers are then of different moments. */
struct heap_check_totals heap_check_totals(const struct heap_check *check);

#endif
