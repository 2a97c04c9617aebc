/* SPDX-License-Identifier: Apache-2.0 */
/* Sends messages to a receive stream, through a send sink and a memory link. */
#ifndef TEST_RELAY_RIG_H
#define TEST_RELAY_RIG_H

#include <stdint.h>

#include <speadline/graph.h>
#include <speadline/mem_link.h>
#include <speadline/probe.h>
#include <speadline/recv.h>
#include <speadline/send_node.h>

/* the largest number of heaps that the receive stream can hold */
enum { RELAY_HEAPS_MAX = 20 };

/* A memory link with a send stream and a receive stream. The test polls both streams. */
struct relay_hop {
    struct spead_mem_link *link;
    struct spead_send_stream *send;
    struct spead_recv_stream *recv;
};

void relay_hop_open(struct relay_hop *hop);
void relay_hop_close(struct relay_hop *hop);

/* Polls the receive stream until it has a heap, and returns that heap. */
struct spead_heap *relay_hop_take(struct relay_hop *hop);

/* Makes a send sink with this configuration, and runs a graph that sends the messages through the sink. Returns the
 * result of the graph. */
int relay_messages(const struct spead_send_sink_config *config,
                   const struct spead_message *messages, uint64_t count,
                   enum spead_on_error on_error, struct spead_send_sink_stats *stats,
                   struct spead_err *err);

#endif
