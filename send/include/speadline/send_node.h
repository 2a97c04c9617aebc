/* A send stream as a node: messages of a channel in, heaps out of the stream.
 *
 *     messages -> describe -> [heaps in flight] -> sent: released
 *                     |              `-- refused: the node fails on this message, as its policy says
 *                     `-- cannot be described: likewise
 *
 * A message, and so its object, is held until its heap has left, then released: in order, on the stream's
 * thread. When all the heaps that the stream may have in flight are, the node waits, and is stepped again by
 * completions once half of them have left; nothing is copied, and once the heaps have had their largest
 * shape, nothing allocated.
 *
 * Ports:    input "heaps"; output "error", which only policy DIVERT uses.
 * End:      the input has ended, all in flight is sent: then the node is done. After a cancel, or a failure
 *           of the stream, what is in flight is abandoned.
 * Failures: what describe() refuses, and what the network refuses of one heap (-EMSGSIZE), is that message's
 *           affair: SKIP, LOG, DIVERT and RETRY work. Whatever the policy, what was submitted before leaves
 *           first: the node takes nothing more, and fails when all in flight has ended. When the stream itself fails, or someone else stops it,
 *           the node fails whatever its policy (after its retries, if it has any).
 * Threads:  create, destroy by the owner; stats by any; the rest as a node.
 * Lifetime: create -> add to a graph that runs and is destroyed -> destroy. The stream outlives the graph. */
#ifndef SPEADLINE_SEND_NODE_H
#define SPEADLINE_SEND_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/flavour.h>
#include <speadline/message.h>
#include <speadline/node.h>
#include <speadline/send.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_send_sink; /* opaque */

/* What becomes of a received heap with gaps: where its items end cannot be known (speadline/heap.h), so that
 * it cannot be sent on as it was. */
enum spead_send_incomplete {
    SPEAD_SEND_INCOMPLETE_FAIL = 0, /* the node fails on it: -EBADMSG */
    SPEAD_SEND_INCOMPLETE_SKIP = 1, /* released, counted as skipped */
};

/* Says how a message is sent: adds items to *heap, which is empty and of the config's flavour, and may set
 * destination and counter in *options (done and done_arg are the sink's). Data must stay until the message
 * is released. Returns 0; -EAGAIN: not yet, ask again soon; another -errno: the node fails on this message.
 * In the node's step: does not block. */
typedef int spead_send_describe_fn(void *arg, const struct spead_message *message,
                                   struct spead_send_heap *heap,
                                   struct spead_send_options *options);

struct spead_send_sink_config {
    uint32_t struct_size; /* set by _INIT */

    /* Borrowed; one sink at a time feeds it, and holds up to heaps_max messages (where they are received heaps:
     * held_heaps). Others may submit to it as well. */
    struct spead_send_stream *stream;
    int type; /* of the input; default SPEAD_TYPE_HEAP */

    /* NULL: a message of type heap is sent on: same items, flavour and counter, after start and stop heaps
     * as before them. One of type region becomes a heap with its bytes as an item, see below. Other types
     * need one. */
    spead_send_describe_fn *describe;
    void *describe_arg;

    /* Called when a heap has ended, well or not, while its message is still held; on the stream's thread, must
     * not block. For tickets of a throttle, accounts. NULL: nobody asks. */
    void (*done)(void *arg, const struct spead_message *message,
                 const struct spead_send_result *result);
    void *done_arg;

    uint32_t destination;         /* index of the stream's endpoint or link; default 0 */
    struct spead_flavour flavour; /* of heaps that are not sent on; default SPEAD-64-40 */
    enum spead_send_incomplete incomplete;

    /* For messages of type region. -ENOTSUP: memory that the CPU cannot read. A message with a device event is
     * sent once that is done. */
    uint64_t data_id;     /* item of the region's bytes that the message means; default 0x1000 */
    uint64_t sequence_id; /* immediate item of the sequence number, modulo 2^N; 0: none */
    uint64_t time_id;     /* item of the message's time, 8 bytes big-endian; 0: none */

    /* Default true: the sink runs the stream while the graph runs, and stops it at the end, for good. false: the
     * caller does, on a thread that does not wait for the graph; heaps in flight after a cancel are the caller's
     * to complete, or to abandon. */
    bool own_thread;
    int cpu; /* of that thread; -1: any */
};
/* clang-format off */
#define SPEAD_SEND_SINK_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_send_sink_config), .type = SPEAD_TYPE_HEAP, \
    .flavour = SPEAD_FLAVOUR_64_40, .data_id = 0x1000, .own_thread = true, .cpu = -1 }
/* clang-format on */

/* Makes a heap for each that the stream may have in flight. Returns 0, -EINVAL (err names the field) or
 * -ENOMEM. err may be NULL. */
int spead_send_sink_create(struct spead_send_sink **out,
                           const struct spead_send_sink_config *config, struct spead_err *err);

/* After the graph. Heaps that are still in flight then (own_thread = false, after a cancel), or a graph that
 * still runs, keep what they use until they end: it goes with the last of them, and `done` is called until
 * then. NULL is ignored. */
void spead_send_sink_destroy(struct spead_send_sink *sink);

/* Fills *config (its struct_size is set) with the node: set its policies, then spead_graph_add(). The sink stays the
 * caller's. The node's start answers -EBUSY when another sink feeds the stream, or another thread runs it
 * (own_thread), and -ESHUTDOWN when the stream was stopped before. */
void spead_send_sink_fill_node(struct spead_send_sink *sink, const char *name,
                               struct spead_node_config *config);

/* The same as an expression. */
static inline struct spead_node_config spead_send_sink_node(struct spead_send_sink *sink,
                                                            const char *name)
{
    struct spead_node_config config;

    config.struct_size = sizeof config;
    spead_send_sink_fill_node(sink, name, &config);
    return config;
}

/* in = sent + failed + abandoned + skipped + pending, at any moment. */
struct spead_send_sink_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t reserved;
    uint64_t in;        /* messages taken from the input */
    uint64_t sent;      /* heaps that left, as far as the stream can tell */
    uint64_t failed;    /* given up: not described, or refused by the network */
    uint64_t abandoned; /* not tried, or not to the end: cancelled, or the stream was stopped */
    uint64_t skipped;   /* incomplete heaps, where the config says so */
    uint64_t pending;   /* held now */
    uint64_t waits;     /* steps that found all heaps in flight */
};
/* clang-format off */
#define SPEAD_SEND_SINK_STATS_INIT { .struct_size = sizeof(struct spead_send_sink_stats) }
/* clang-format on */
void spead_send_sink_stats(const struct spead_send_sink *sink, struct spead_send_sink_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
