/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a receive stream in a graph, as the tool spead-recv does. One node is the stream. The second node takes its
 * heaps and checks them, with the heap check of spead-recv. Here one worker runs both nodes, so that instruction counts
 * are the same in each run. */
#ifndef SPEADLINE_BENCH_RECV_NULL_GRAPH_H
#define SPEADLINE_BENCH_RECV_NULL_GRAPH_H

#include <stdint.h>

#include <speadline/recv.h>

/* Runs the graph until the stream has ended. Returns the number of heaps that were taken. If the graph fails, the
 * function prints a line on stderr and returns 0. */
uint64_t receive_in_a_graph(struct spead_recv_stream *stream);

#endif
