/* An executor: a few pinned workers that step the nodes of any number of graphs.
 *
 * Fair: a runnable node is stepped after at most one step of each other runnable node of its worker. Idle
 * workers sleep in the kernel; none spins. Blocking nodes have threads of their own, made with their
 * graph and not counted here.
 * Threads: create and destroy by the owner; graphs may be started from any thread. */
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
    const int *cpus;      /* workers of them, -1: not pinned; NULL: none is pinned */
    const char *name;     /* of its threads, NULL: "spead" */
};
/* clang-format off */
#define SPEAD_EXECUTOR_CONFIG_INIT { .struct_size = sizeof(struct spead_executor_config), .workers = 1 }
/* clang-format on */

/* Starts the workers. Returns 0, -EINVAL (err names the field: no such CPU), -ENOMEM or -EAGAIN (no
 * threads). err may be NULL. */
int spead_executor_create(struct spead_executor **out, const struct spead_executor_config *config,
                          struct spead_err *err);

/* Ends the workers. Every graph that ran on it has ended (spead_graph_wait()). NULL is ignored. */
void spead_executor_destroy(struct spead_executor *executor);

struct spead_executor_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t workers;
    uint64_t steps;    /* of all workers */
    uint64_t sleeps;   /* times a worker found nothing to do */
    uint64_t wakes;    /* times that one was woken in the kernel */
    uint64_t busy_ns;  /* time in steps, all workers added up */
    uint64_t nodes;    /* alive now */
    uint64_t runnable; /* of these, waiting for their turn */
};
/* clang-format off */
#define SPEAD_EXECUTOR_STATS_INIT { .struct_size = sizeof(struct spead_executor_stats) }
/* clang-format on */
void spead_executor_stats(const struct spead_executor *executor,
                          struct spead_executor_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
