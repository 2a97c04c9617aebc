/* Graphs as the programs here build them. Each call exits with a sentence on failure. */
#ifndef SPEADLINE_BENCH_GRAPH_H
#define SPEADLINE_BENCH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/graph.h>

struct spead_graph *bench_graph(const char *name);
struct spead_executor *bench_executor(uint32_t workers, const int *cpus); /* cpus NULL: any */

/* A node of at most one plain input ("in") and one plain output ("out"). */
struct spead_node *bench_add(struct spead_graph *graph, const char *name,
                             const struct spead_node_ops *ops, void *state, bool has_input,
                             bool has_output);

/* Joins the only output of one to the only input of the other. */
void bench_join(struct spead_graph *graph, struct spead_node *from, struct spead_node *to,
                uint32_t capacity);

/* Starts the graph and waits for its end. */
void bench_run(struct spead_graph *graph, struct spead_executor *executor);

#endif
