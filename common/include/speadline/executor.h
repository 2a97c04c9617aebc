/* SPDX-License-Identifier: Apache-2.0 */
/* An executor is a set of worker threads, which can be pinned to CPUs. The workers step the nodes of any number of
 * graphs.
 *
 * Fairness: When a runnable node waits for its turn, its worker steps each other runnable node at most once before it
 * steps the waiting node. A worker without a runnable node sleeps in the kernel; no worker polls in a loop. Each
 * blocking node has a thread of its own. That thread belongs to the graph of the node, and the executor does not count
 * it.
 *
 * Threads: The owner of an executor creates and destroys it. Any thread may start a graph on it. */
#ifndef SPEADLINE_EXECUTOR_H
#define SPEADLINE_EXECUTOR_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_executor; /* opaque */

/* The configuration of an executor. Start from SPEAD_EXECUTOR_CONFIG_INIT. */
struct spead_executor_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t workers;     /* number of workers; 1 to 256, default 1 */
    /* The CPU to which each worker is pinned, as an array of `workers` numbers; -1 means that this worker is not
     * pinned. NULL (default): no worker is pinned. */
    const int *cpus;
    /* The name of the executor. The names of its threads begin with the first 10 characters of this name. NULL
     * (default): "spead". */
    const char *name;
};
/* clang-format off */
#define SPEAD_EXECUTOR_CONFIG_INIT { .struct_size = sizeof(struct spead_executor_config), .workers = 1 }
/* clang-format on */
/* Does what SPEAD_EXECUTOR_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_executor_config_init(struct spead_executor_config *config, size_t size);

/* Makes an executor and starts its workers. Returns 0 and gives *out to the caller, -EINVAL (err says why, such as a
 * CPU that does not exist), -ENOMEM or -EAGAIN (the system allows no more threads). err may be NULL. Any thread. */
int spead_executor_create(struct spead_executor **out, const struct spead_executor_config *config,
                          struct spead_err *err);

/* Ends the workers and frees the executor. Before this call, every graph that was started on the executor must have
 * ended (spead_graph_wait()). The call waits until the threads have ended; no thread of the executor may call it. NULL
 * is ignored. */
void spead_executor_destroy(struct spead_executor *executor);

/* The statistics of an executor since it was made. */
struct spead_executor_stats {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t workers;     /* number of workers */
    uint64_t steps;       /* steps that all workers together have made */
    uint64_t sleeps;      /* how often a worker found no runnable node and went to sleep */
    uint64_t wakes;       /* how often a sleeping worker was woken through the kernel */
    uint64_t busy_ns;     /* time that all workers together have spent in steps */
    uint64_t nodes;       /* nodes of all workers that have not finished yet */
    uint64_t runnable;    /* nodes of all workers that can run and wait for their turn */
};
/* clang-format off */
#define SPEAD_EXECUTOR_STATS_INIT { .struct_size = sizeof(struct spead_executor_stats) }
/* clang-format on */
/* Does what SPEAD_EXECUTOR_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_executor_stats_init(struct spead_executor_stats *stats, size_t size);
/* Fills *stats. The caller must have set stats->struct_size by SPEAD_EXECUTOR_STATS_INIT. Any thread. */
void spead_executor_stats(const struct spead_executor *executor,
                          struct spead_executor_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
