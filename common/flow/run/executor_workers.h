/* SPDX-License-Identifier: Apache-2.0 */
/* Access to the workers of an executor. A graph uses it to choose a worker for each node. */
#ifndef SPEADI_EXECUTOR_WORKERS_H
#define SPEADI_EXECUTOR_WORKERS_H

#include <stdint.h>

#include <speadline/executor.h>

#include "worker.h"

#define SPEADI_EXECUTOR_WORKERS_MAX 256u

/* Returns the number of workers, 1 to SPEADI_EXECUTOR_WORKERS_MAX. */
uint32_t speadi_executor_workers(const struct spead_executor *executor);

/* Returns the worker with this index. The executor owns the worker. `index` must be less than
 * speadi_executor_workers(). */
struct speadi_worker *speadi_executor_worker(struct spead_executor *executor, uint32_t index);

#endif
