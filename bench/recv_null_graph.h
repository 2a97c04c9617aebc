/* The stream as spead-recv runs it: a node, and the tool's check after it; here both on one worker, so that counts are
 * the same each time. */
#ifndef SPEADLINE_BENCH_RECV_NULL_GRAPH_H
#define SPEADLINE_BENCH_RECV_NULL_GRAPH_H

#include <stdint.h>

#include <speadline/recv.h>

/* Until the stream ends. Returns how many heaps came; a message if it failed. */
uint64_t receive_in_a_graph(struct spead_recv_stream *stream);

#endif
