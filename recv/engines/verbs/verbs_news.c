/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the events of the device, and notes what they mean for the engine. */
#include <errno.h>

#include "rx_verbs.h"

void speadi_verbs_read_events(struct speadi_verbs_engine *e)
{
    const struct speadi_verbs_queues queues = {
        .qp = e->queue.qp,
        .cq = ibv_cq_ex_to_cq(e->queue.cq.ex),
        .wq = e->queue.wq,
        .wq_count = e->queue.wq_count,
    };
    const struct speadi_verbs_news news = speadi_verbs_take_events(&e->device, &queues, &e->log);

    e->link_downs += news.link_downs;
    if (news.queue_failed || news.cq_overrun)
        e->failed = true;
    if (news.device_gone)
        e->error = -ENODEV;
}
