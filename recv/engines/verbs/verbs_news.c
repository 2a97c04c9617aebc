/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the events of the device, and notes what they mean for the engine. */
#include <errno.h>

#include "rx_verbs.h"

void speadi_verbs_read_events(struct speadi_verbs_engine *e)
{
    struct ibv_cq *cqs[SPEADI_RX_QUEUES_MAX];
    const struct speadi_verbs_queues queues = {
        .qp = e->set.qp,
        .cq = cqs,
        .cq_count = e->set.cq_count,
        .wq = e->set.wq,
        .wq_count = e->set.wq_count,
    };
    struct speadi_verbs_news news;

    for (unsigned i = 0; i < e->set.cq_count; i++)
        cqs[i] = ibv_cq_ex_to_cq(e->set.cq[i].ex);
    news = speadi_verbs_take_events(&e->device, &queues, &e->log);

    e->link_downs += news.link_downs;
    if (news.queue_failed || news.cq_overrun)
        e->failed = true;
    if (news.device_gone)
        e->error = -ENODEV;
}
