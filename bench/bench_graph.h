/* SPDX-License-Identifier: Apache-2.0 */
/* Builds graphs for the benches. Each function prints a sentence and exits when it fails. */
#ifndef SPEADLINE_BENCH_GRAPH_H
#define SPEADLINE_BENCH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/graph.h>

struct spead_graph *bench_graph(const char *name);

/* Makes an executor with `workers` workers. The array `cpus` holds one CPU for each worker. If `cpus` is NULL, the
 * workers are not pinned. */
struct spead_executor *bench_executor(uint32_t workers, const int *cpus);

/* Adds a node to the graph. If has_input is true, the node has an input "in". If has_output is true, the node has an
 * output "out". The two ports carry messages of type PLAIN. */
struct spead_node *bench_add(struct spead_graph *graph, const char *name,
                             const struct spead_node_ops *ops, void *state, bool has_input,
                             bool has_output);

/* Joins the only output of `from` to the only input of `to`. */
void bench_join(struct spead_graph *graph, struct spead_node *from, struct spead_node *to,
                uint32_t capacity);

/* Starts the graph and waits for its end. */
void bench_run(struct spead_graph *graph, struct spead_executor *executor);

#endif
