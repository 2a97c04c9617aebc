/* SPDX-License-Identifier: Apache-2.0 */
/* An executor: as many workers as the config says, each with a thread of its own. */
#include "executor_workers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/count.h>
#include <speadi/err.h>
#include <speadi/struct_size.h>
#include <speadi/thread.h>

struct spead_executor {
    uint32_t count;
    struct speadi_worker *workers;
};

static int work(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    (void)err;
    speadi_runner_ready(self);
    speadi_worker_run(arg);
    return 0;
}

static int start_workers(struct spead_executor *executor,
                         const struct spead_executor_config *config, struct spead_err *err)
{
    for (uint32_t i = 0; i < config->workers; i++) {
        struct speadi_worker *worker = &executor->workers[i];
        char name[32];
        int ret;

        snprintf(name, sizeof name, "%.10s-%u", config->name ? config->name : "spead", i);
        speadi_worker_init(worker, SPEADI_WORKER_SHARED, config->cpus ? config->cpus[i] : -1);
        ret = speadi_runner_start(&worker->thread, name, worker->cpu, work, worker, err);
        if (ret < 0)
            return ret;
        executor->count = i + 1;
    }
    return 0;
}

static int read_config(struct spead_executor_config *config,
                       const struct spead_executor_config *from, struct spead_err *err)
{
    static const struct spead_executor_config defaults = SPEAD_EXECUTOR_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "executor",
        .init = "SPEAD_EXECUTOR_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_executor_config, cpus),
    };

    return speadi_struct_read(config, from, &kind, err);
}

int spead_executor_create(struct spead_executor **out, const struct spead_executor_config *config,
                          struct spead_err *err)
{
    struct spead_executor_config own;
    struct spead_executor *executor;
    int ret = read_config(&own, config, err);

    if (ret < 0)
        return ret;
    if (own.workers == 0 || own.workers > SPEADI_EXECUTOR_WORKERS_MAX)
        return speadi_err_range(err, "workers", own.workers, 1, SPEADI_EXECUTOR_WORKERS_MAX);
    executor = calloc(1, sizeof *executor);
    if (!executor)
        return speadi_err_set(err, -ENOMEM, "cannot make an executor: out of memory");
    executor->workers = speadi_alloc_lines(own.workers * sizeof *executor->workers);
    if (!executor->workers)
        ret = speadi_err_set(err, -ENOMEM, "cannot make %u workers: out of memory", own.workers);
    else
        ret = start_workers(executor, &own, err);
    if (ret < 0) {
        spead_executor_destroy(executor);
        return ret;
    }
    *out = executor;
    return 0;
}

void spead_executor_destroy(struct spead_executor *executor)
{
    if (!executor)
        return;
    for (uint32_t i = 0; i < executor->count; i++)
        speadi_worker_quit(&executor->workers[i]);
    for (uint32_t i = 0; i < executor->count; i++)
        speadi_runner_join(executor->workers[i].thread, NULL);
    free(executor->workers);
    free(executor);
}

void spead_executor_stats(const struct spead_executor *executor, struct spead_executor_stats *stats)
{
    struct spead_executor_stats sum = {.workers = executor->count};

    for (uint32_t i = 0; i < executor->count; i++) {
        const struct speadi_worker *worker = &executor->workers[i];

        sum.steps += speadi_counter_read(&worker->steps);
        sum.sleeps += speadi_counter_read(&worker->sleeps);
        sum.wakes += speadi_counter_read(&worker->wakes);
        sum.busy_ns += speadi_counter_read(&worker->busy_ns);
        sum.nodes += speadi_counter_read(&worker->tasks);
        sum.runnable += speadi_counter_read(&worker->queued);
    }
    (void)speadi_struct_write(stats, &sum, sizeof sum);
}

uint32_t speadi_executor_workers(const struct spead_executor *executor)
{
    return executor->count;
}

struct speadi_worker *speadi_executor_worker(struct spead_executor *executor, uint32_t index)
{
    return &executor->workers[index];
}
