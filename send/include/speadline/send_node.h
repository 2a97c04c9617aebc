/* The send sink: a node that receives messages from a channel and submits a heap for each to a send stream.
 *
 *     messages -> describe -> [heaps in flight] -> sent: the sink releases the message
 *                     |              `-- refused by the network: the node fails on this message
 *                     `-- cannot be described: the node fails on this message
 *
 * The sink holds a message, and with it the object of the message, until the heap of the message has completed. Then
 * the owner thread of the stream releases the message. Messages are released in order. When the stream has heaps_max
 * heaps in flight, the node waits. It goes on when half of these heaps have completed. The sink copies no payload. It
 * allocates memory only while it describes a heap with more items than any heap before.
 *
 * Ports:    input "heaps"; output "error", which only the failure policy DIVERT uses.
 * End:      when the input has ended and all heaps in flight are sent, the node is done. After a cancel, or when the
 *           stream fails, the heaps in flight are abandoned.
 * Failures: when describe() refuses a message, or the network refuses a heap (-EMSGSIZE), the node fails on that one
 *           message, and the failure policy of the node (SKIP, LOG, DIVERT or RETRY) decides what happens next. Under
 *           every policy the node first stops receiving messages and waits until all heaps in flight have completed.
 *           Then the node fails. The stream itself may fail, or a thread other than that of the node may stop it. Then
 *           the node fails under every policy (after its retries, if it has any).
 * Threads:  the thread that owns the sink calls create and destroy. Any thread may call stats. The graph calls the
 *           rest as for every node.
 * Lifetime: create -> add to a graph, which runs and is destroyed -> destroy. The stream must outlive the graph. */
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

/* What the sink does with a received heap that is incomplete. The sink cannot send such a heap as it was, because
 * nobody knows where its items end (speadline/heap.h). */
enum spead_send_incomplete {
    SPEAD_SEND_INCOMPLETE_FAIL = 0, /* the node fails on the heap with -EBADMSG */
    SPEAD_SEND_INCOMPLETE_SKIP = 1, /* the sink releases the heap and counts it as skipped */
};

/* Describes the heap that the sink sends for a message. It adds items to *heap, which is empty and has the flavour of
 * the configuration. It may set destination, explicit_counter and counter in *options; the sink sets done and done_arg
 * itself. The data of the items must stay valid until the message is released. The node calls it in its step, so it
 * must not block. Returns 0 when the heap is described. Returns -EAGAIN when the message is not ready; then the node
 * soon calls the function again. Returns another -errno when the heap cannot be described; then the node fails on this
 * message. */
typedef int spead_send_describe_fn(void *arg, const struct spead_message *message,
                                   struct spead_send_heap *heap,
                                   struct spead_send_options *options);

struct spead_send_sink_config {
    uint32_t struct_size; /* set by _INIT */

    /* Borrowed. Only one sink at a time can feed a stream; other producers may submit to the same stream. The sink
     * holds at most as many messages as heaps_max of this stream says. If the messages are received heaps, the receive
     * stream needs as many held_heaps for them. */
    struct spead_send_stream *stream;
    int type; /* message type of the input; default SPEAD_TYPE_HEAP */

    /* NULL: the sink describes messages of two types itself. It sends a received heap (SPEAD_TYPE_HEAP) again with the
     * same items, flavour and heap counter. For a region (SPEAD_TYPE_REGION) the sink sends a heap whose items are
     * given by data_id, sequence_id and time_id below. For other types the caller must set describe. */
    spead_send_describe_fn *describe;
    void *describe_arg;

    /* The owner thread of the stream calls this function when a heap has completed, with or without an error. The sink
     * still holds the message during the call. The function must not block. A program can use it to return the ticket
     * of a throttle, or to keep accounts. May be NULL. */
    void (*done)(void *arg, const struct spead_message *message,
                 const struct spead_send_result *result);
    void *done_arg;

    uint32_t destination; /* index of the endpoint or link of the stream; default 0 */
    /* flavour of heaps other than received ones; default SPEAD-64-40 */
    struct spead_flavour flavour;
    enum spead_send_incomplete incomplete;

    /* The following fields are for messages of type region. The node fails with -ENOTSUP on a region that the CPU
     * cannot read. A message with a device event is sent only when the device has reported that event. */
    uint64_t data_id;     /* id of the item that holds the bytes of the region; default 0x1000 */
    uint64_t sequence_id; /* id of the immediate item with the sequence number mod 2^N; 0: none */
    uint64_t time_id;     /* id of the item with the time, 8 bytes big-endian; 0: none */

    /* True (default): the sink runs the stream on a thread of its own while the graph runs. At the end it stops the
     * stream, and the stream cannot be started again. False: the caller runs the stream, on a thread that does not
     * wait for the graph; after a cancel the caller completes or abandons the heaps that are still in flight. */
    bool own_thread;
    int cpu; /* CPU that own_thread is bound to; -1: any */
};
/* clang-format off */
#define SPEAD_SEND_SINK_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_send_sink_config), .type = SPEAD_TYPE_HEAP, \
    .flavour = SPEAD_FLAVOUR_64_40, .data_id = 0x1000, .own_thread = true, .cpu = -1 }
/* clang-format on */

/* Creates a sink with as many heaps as the stream may have in flight. Returns 0 and gives *out to the caller, -EINVAL
 * (err names the field) or -ENOMEM. err may be NULL. */
int spead_send_sink_create(struct spead_send_sink **out,
                           const struct spead_send_sink_config *config, struct spead_err *err);

/* The caller destroys the graph first, then the sink. At that time heaps may still be in flight (own_thread = false,
 * after a cancel), or a graph may still run. Then the sink keeps its memory, and calls `done`, until the last heap has
 * completed and the graph has ended. NULL is ignored. */
void spead_send_sink_destroy(struct spead_send_sink *sink);

/* Fills *config with the node; the caller has set its struct_size. After this call the caller may set the policies, and
 * then calls spead_graph_add(). The caller still owns the sink. The start of the node fails with -EBUSY when another
 * sink feeds the stream, or when own_thread is true and another thread already runs the stream. It fails with
 * -ESHUTDOWN when the stream was stopped before. */
void spead_send_sink_fill_node(struct spead_send_sink *sink, const char *name,
                               struct spead_node_config *config);

/* Returns the configuration that spead_send_sink_fill_node() fills. */
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
    uint64_t in;        /* messages received from the input */
    uint64_t sent;      /* messages whose heap was completed without an error */
    uint64_t failed;    /* not described, or refused by the network, and not retried any more */
    uint64_t abandoned; /* not sent completely: the graph was cancelled or the stream stopped */
    uint64_t skipped;   /* incomplete heaps, when `incomplete` is SPEAD_SEND_INCOMPLETE_SKIP */
    uint64_t pending;   /* messages that the sink holds now */
    uint64_t waits;     /* how often the node found no free place in the stream */
};
/* clang-format off */
#define SPEAD_SEND_SINK_STATS_INIT { .struct_size = sizeof(struct spead_send_sink_stats) }
/* clang-format on */
void spead_send_sink_stats(const struct spead_send_sink *sink, struct spead_send_sink_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
