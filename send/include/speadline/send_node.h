/* SPDX-License-Identifier: Apache-2.0 */
/* The send sink: a node that receives messages from a channel and submits one heap to a send stream for each message.
 *
 *     messages -> describe -> [heaps in flight] -> sent: the sink releases the message
 *                     |              `-- refused by the network: the node fails on this message
 *                     `-- cannot be described: the node fails on this message
 *
 * The sink holds each message, and with it the object of the message, until the heap of the message has completed. Then
 * the owner thread of the stream releases the message. Messages are released in order. When the stream has heaps_max
 * heaps in flight, the node waits until half of these heaps have completed. The sink copies no payload. It allocates
 * memory only when it describes a heap with more items than any heap before.
 *
 * Ports:    An input "heaps", and an output "error", which only the failure policy DIVERT uses.
 * End:      When the input has ended and all heaps in flight are sent, the node is done. After a cancel, or when the
 *           stream fails, the stream abandons the heaps in flight.
 * Failures: The node can fail on one message: describe() refuses the message, or the network refuses its heap
 *           (-EMSGSIZE). The failure policy of the node (SKIP, LOG, DIVERT or RETRY) then decides what happens next.
 *           Under every policy the node first stops receiving messages and waits until all heaps in flight have
 *           completed. Then the node fails.
 *           The stream itself can fail, or a thread other than that of the node can stop it. Then the node fails under
 *           every policy. With the policy RETRY, it fails after its retries.
 * Threads:  The thread that owns the sink calls create and destroy. Any thread may call stats. The graph calls the
 *           other functions, as for every node.
 * Lifetime: create -> add to a graph, which runs and is destroyed -> destroy. The stream must outlive the graph. */
#ifndef SPEADLINE_SEND_NODE_H
#define SPEADLINE_SEND_NODE_H

#include <stdbool.h>
#include <stddef.h>
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

/* What the sink does with a received heap that is incomplete. The sink cannot send such a heap again, because in an
 * incomplete heap nobody knows where each item ends (speadline/heap.h). */
enum spead_send_incomplete {
    SPEAD_SEND_INCOMPLETE_FAIL = 0, /* the node fails on the heap with -EBADMSG */
    SPEAD_SEND_INCOMPLETE_SKIP = 2, /* the sink releases the heap and counts it as skipped */
};

/* A function of the program that describes the heap which the sink sends for a message. It adds items to *heap, which
 * is empty and has the flavour of the configuration. It may set `destination`, `explicit_counter`, `counter`,
 * `explicit_rate` and `rate_bytes_per_s` in *options; the sink itself sets `done` and `done_arg`. The data of the items must stay valid until the sink releases
 * the message. The node calls the function in its step, so the function must not block. It returns
 *  0        when the heap is described
 *  -EAGAIN  when the message is not ready; then the node soon calls the function again
 *  other    a -errno when the heap cannot be described; then the node fails on this message */
typedef int spead_send_describe_fn(void *arg, const struct spead_message *message,
                                   struct spead_send_heap *heap,
                                   struct spead_send_options *options);

/* The configuration of a send sink. Start from SPEAD_SEND_SINK_CONFIG_INIT. */
struct spead_send_sink_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */

    /* The stream that the sink sends to; borrowed. Only one sink at a time can use a stream, but other producers may
     * submit to it too. The sink holds at most heaps_max messages (heaps_max of this stream). If the messages are heaps
     * of a receive stream, the `held_heaps` of that receive stream must be at least this number. */
    struct spead_send_stream *stream;
    int type; /* type of the messages; default SPEAD_TYPE_HEAP */

    /* The function that describes the heap for a message. NULL (default): the sink itself describes messages of two
     * types. It sends a received heap (SPEAD_TYPE_HEAP) again, with the same items, flavour and heap counter. For a
     * region (SPEAD_TYPE_REGION) it sends a heap with the items that data_id, sequence_id and time_id below choose. For
     * other types the caller must set a function. */
    spead_send_describe_fn *describe;
    void *describe_arg; /* first argument of describe() */

    /* The owner thread of the stream calls this function when a heap has completed, with or without an error. During
     * the call the sink still holds the message. The function must not block. A program can use it to give back the
     * ticket of a throttle, or to count. NULL (default): no call. */
    void (*done)(void *arg, const struct spead_message *message,
                 const struct spead_send_result *result);
    void *done_arg; /* first argument of done() */

    /* Index of the endpoint or link in the arrays of the stream; default 0. */
    uint32_t destination;
    /* The flavour of the heaps that the sink sends; default SPEAD-64-40. A received heap is sent in its own flavour. */
    struct spead_flavour flavour;
    /* What the sink does with an incomplete heap; default SPEAD_SEND_INCOMPLETE_FAIL. */
    enum spead_send_incomplete incomplete;

    /* The id of the item whose value is the bytes of the region; default 0x1000. This field and the two fields below
     * are for messages of the type region. The node fails with -ENOTSUP on a region that the CPU cannot read. If a
     * message has a device event, the sink sends the message only after the device has reported that event. */
    uint64_t data_id;
    /* The id of an immediate item whose value is the sequence number of the message, modulo 2^N (N is the number of
     * heap-address bits of the flavour). 0 (default) means that there is no such item. */
    uint64_t sequence_id;
    /* The id of an item whose value is the time_ns of the message, as 8 bytes in big-endian order. 0 (default) means
     * that there is no such item. */
    uint64_t time_id;

    /* True (default): the sink runs the stream on a thread of its own from the start of the graph to its end. At the
     * end it stops the stream, and the stream cannot be started again. False: the caller must run the stream, on a
     * thread that does not wait for the graph. After a cancel, the caller must then complete or abandon the heaps that
     * are still in flight. The sink sends no stop heap, and a receive stream hands none over. A program that must end
     * its receivers behind a graph sets false, runs the stream by a spead_send_runner, and submits a stop heap when the
     * graph has ended. */
    bool own_thread;
    int cpu; /* the CPU to which the sink pins its thread; -1 (default): not pinned */
};
/* clang-format off */
#define SPEAD_SEND_SINK_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_send_sink_config), .type = SPEAD_TYPE_HEAP, \
    .flavour = SPEAD_FLAVOUR_64_40, .data_id = 0x1000, .own_thread = true, .cpu = -1 }
/* clang-format on */
/* Does what SPEAD_SEND_SINK_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_send_sink_config_init(struct spead_send_sink_config *config, size_t size);

/* Creates a sink. The sink has memory for the largest number of heaps that can be in flight in the stream (heaps_max).
 * Returns 0 and gives *out to the caller, -EINVAL (err names the field) or -ENOMEM. err may be NULL. Any
 * thread, which then owns the sink. */
int spead_send_sink_create(struct spead_send_sink **out,
                           const struct spead_send_sink_config *config, struct spead_err *err);

/* Destroys the sink. The caller should destroy the graph first. In two cases this function does not free the memory of
 * the sink: the graph still runs, or heaps are still in flight (after a cancel with own_thread = false). The sink then
 * still calls `done`, and frees its memory when the graph has ended and the last heap has completed. NULL is
 * ignored. */
void spead_send_sink_destroy(struct spead_send_sink *sink);

/* Fills *config with the configuration of the node. The caller must have set config->struct_size. After this call the
 * caller may set the policies, and then calls spead_graph_add(). The caller still owns the sink. The start of the node
 * fails with -EBUSY when another sink uses the stream, or when own_thread is true and another thread already runs the
 * stream. It fails with -ESHUTDOWN when the stream was stopped before. */
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

/* What has happened to the messages of a sink. At any moment: in = sent + failed + abandoned + skipped + pending +
 * dropped_local. */
struct spead_send_sink_stats {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t reserved;
    uint64_t in;   /* messages that the sink received from its input */
    uint64_t sent; /* messages whose heap completed without an error */
    /* Messages on which the node has failed finally. Such a message could not be described, or the network refused its
     * heap, and the node does not retry the message any more. */
    uint64_t failed;
    /* Messages whose heap was not sent completely, because the graph was cancelled or the stream was stopped. */
    uint64_t abandoned;
    /* Incomplete heaps that were not sent, because `incomplete` is SPEAD_SEND_INCOMPLETE_SKIP. */
    uint64_t skipped;
    uint64_t pending; /* messages that the sink holds now */
    uint64_t waits;   /* how often the node had to wait for room in the stream */
    /* Messages that were sent, but a full queue of this host has dropped packets of their heaps (the bucket
     * SPEAD_SEND_DROPPED_LOCAL of the stream). The node does not fail on them. */
    uint64_t dropped_local;
};
/* clang-format off */
#define SPEAD_SEND_SINK_STATS_INIT { .struct_size = sizeof(struct spead_send_sink_stats) }
/* clang-format on */
/* Does what SPEAD_SEND_SINK_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_send_sink_stats_init(struct spead_send_sink_stats *stats, size_t size);
/* Fills *stats. The caller must have set stats->struct_size by SPEAD_SEND_SINK_STATS_INIT. Any thread. */
void spead_send_sink_stats(const struct spead_send_sink *sink, struct spead_send_sink_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
