/* SPDX-License-Identifier: Apache-2.0 */
/* Running a graph on an executor of its own. */
#include <speadline/graph.h>

int spead_graph_run(struct spead_graph *graph, uint32_t workers, struct spead_err *err)
{
    struct spead_executor_config config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_executor *executor;
    int ret;

    config.workers = workers;
    ret = spead_executor_create(&executor, &config, err);
    if (ret < 0)
        return ret;
    ret = spead_graph_start(graph, executor, err);
    if (ret == 0)
        ret = spead_graph_wait(graph, SPEAD_DEADLINE_NEVER, err);
    spead_executor_destroy(executor);
    return ret;
}
