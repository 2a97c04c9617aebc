/* An executor is a set of workers, which may be pinned to CPUs. They step the nodes of any number of graphs.
 *
 * Fairness: While a runnable node waits for its turn, its worker steps each other runnable node at most once. A worker
 * without a runnable node sleeps in the kernel; no worker spins. Each blocking node has a thread of its own. That
 * thread belongs to the graph of the node and is not counted here.
 *
 * Threads: The owner of an executor creates and destroys it. Any thread may start a graph on it. */
#ifndef SPEADLINE_EXECUTOR_H
#define SPEADLINE_EXECUTOR_H

#include <stdint.h>

#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_executor; /* opaque */

struct spead_executor_config {
    uint32_t struct_size; /* set by _INIT */
    uint32_t workers;     /* default 1; at most 256 */
    const int *cpus;      /* one CPU for each worker, -1: not pinned; NULL: none is pinned */
    const char *name;     /* its threads get names from it; NULL: "spead" */
};
/* clang-format off */
#define SPEAD_EXECUTOR_CONFIG_INIT { .struct_size = sizeof(struct spead_executor_config), .workers = 1 }
/* clang-format on */

/* Makes an executor and starts its workers. Returns 0, -EINVAL (err names the field, such as a CPU that does not
 * exist), -ENOMEM or -EAGAIN (the system gives no more threads). err may be NULL. */
int spead_executor_create(struct spead_executor **out, const struct spead_executor_config *config,
                          struct spead_err *err);

/* Ends the workers and frees the executor. Every graph that was started on the executor must have ended before
 * (spead_graph_wait()). NULL is ignored. */
void spead_executor_destroy(struct spead_executor *executor);

struct spead_executor_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t workers;
    uint64_t steps;    /* steps that all workers have made */
    uint64_t sleeps;   /* how often a worker found no runnable node and went to sleep */
    uint64_t wakes;    /* how often a sleeping worker was woken through the kernel */
    uint64_t busy_ns;  /* time spent in steps, added up over all workers */
    uint64_t nodes;    /* nodes that have not finished yet */
    uint64_t runnable; /* how many of these nodes wait for their turn */
};
/* clang-format off */
#define SPEAD_EXECUTOR_STATS_INIT { .struct_size = sizeof(struct spead_executor_stats) }
/* clang-format on */
/* Fills *stats. Any thread. */
void spead_executor_stats(const struct spead_executor *executor,
                          struct spead_executor_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
