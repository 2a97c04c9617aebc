/* SPDX-License-Identifier: Apache-2.0 */
/* Translates the asynchronous events of libibverbs into the events of the library (enum speadi_verbs_event_kind). */
#include <speadi/verbs_device.h>

#include <errno.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>

static bool of_queue_pair(enum ibv_event_type type)
{
    return type == IBV_EVENT_QP_FATAL || type == IBV_EVENT_QP_REQ_ERR ||
           type == IBV_EVENT_QP_ACCESS_ERR;
}

static enum speadi_verbs_event_kind kind_of(const struct ibv_async_event *event, uint8_t port)
{
    if (of_queue_pair(event->event_type) || event->event_type == IBV_EVENT_WQ_FATAL)
        return SPEADI_VERBS_QP_FATAL;
    if (event->event_type == IBV_EVENT_CQ_ERR)
        return SPEADI_VERBS_CQ_OVERRUN;
    if (event->event_type == IBV_EVENT_DEVICE_FATAL)
        return SPEADI_VERBS_DEVICE_GONE;
    if (event->event_type == IBV_EVENT_PORT_ERR && event->element.port_num == port)
        return SPEADI_VERBS_PORT_DOWN;
    if (event->event_type == IBV_EVENT_PORT_ACTIVE && event->element.port_num == port)
        return SPEADI_VERBS_PORT_UP;
    return SPEADI_VERBS_OTHER;
}

int speadi_verbs_next_event(struct speadi_verbs_device *device, struct speadi_verbs_event *event)
{
    struct ibv_async_event raw;

    *event = (struct speadi_verbs_event){0};
    if (device->verbs->get_async_event(device->context, &raw) != 0) {
        if (errno == EAGAIN || errno == EINTR)
            return 0;
        /* When the device has been removed, get_async_event() fails with EIO. Every later call fails too, so the
         * library reports only the first failure. */
        if (device->removed)
            return 0;
        device->removed = true;
        event->kind = SPEADI_VERBS_DEVICE_GONE;
        event->text = "device removed";
        return 1;
    }
    event->kind = kind_of(&raw, device->report.port);
    event->text = device->verbs->event_type_str(raw.event_type);
    if (of_queue_pair(raw.event_type))
        event->qp = raw.element.qp;
    else if (raw.event_type == IBV_EVENT_WQ_FATAL)
        event->wq = raw.element.wq;
    else if (raw.event_type == IBV_EVENT_CQ_ERR)
        event->cq = raw.element.cq;
    /* Acknowledge the event immediately, because destroying a queue waits until its events are acknowledged. */
    device->verbs->ack_async_event(&raw);
    return 1;
}

static bool is_cq_of(const struct speadi_verbs_queues *queues, const struct ibv_cq *cq)
{
    for (unsigned i = 0; i < queues->cq_count; i++)
        if (queues->cq[i] == cq)
            return true;
    return false;
}

static bool is_ours(const struct speadi_verbs_queues *queues,
                    const struct speadi_verbs_event *event)
{
    if (event->qp)
        return event->qp == queues->qp;
    for (unsigned i = 0; i < queues->wq_count; i++)
        if (queues->wq[i] == event->wq)
            return true;
    return false;
}

/* Says an event that can come again and again, at most once a second. */
static void say(struct speadi_verbs_device *device, struct speadi_log_pause *pause,
                const struct speadi_verbs_event *event, const struct spead_log *log)
{
    bool is_down = event->kind == SPEADI_VERBS_PORT_DOWN;
    char rest[SPEADI_LOG_PAUSE_TEXT_MAX];

    if (speadi_log_pause_ends(pause, speadi_clock_mono_ns(), rest))
        speadi_log_line(log, is_down ? SPEAD_LOG_WARNING : SPEAD_LOG_INFO,
                        "verbs device %s: %s%s%s", device->report.device, event->text,
                        is_down ? "; frames are lost until it is up" : "", rest);
}

static void take_event(struct speadi_verbs_news *news, const struct speadi_verbs_event *event,
                       const struct speadi_verbs_queues *queues, struct speadi_verbs_device *device,
                       const struct spead_log *log)
{
    switch (event->kind) {
    case SPEADI_VERBS_QP_FATAL:
        news->queue_failed |= is_ours(queues, event);
        break;
    case SPEADI_VERBS_CQ_OVERRUN:
        news->cq_overrun |= is_cq_of(queues, event->cq);
        break;
    case SPEADI_VERBS_DEVICE_GONE:
        news->device_gone = true;
        speadi_log_line(log, SPEAD_LOG_WARNING, "verbs device %s: %s; the stream ends",
                        device->report.device, event->text);
        break;
    case SPEADI_VERBS_PORT_DOWN:
        news->link_downs++;
        say(device, &device->down_said, event, log);
        break;
    case SPEADI_VERBS_PORT_UP:
        say(device, &device->up_said, event, log);
        break;
    case SPEADI_VERBS_OTHER:
        say(device, &device->other_said, event, log);
        break;
    }
}

struct speadi_verbs_news speadi_verbs_take_events(struct speadi_verbs_device *device,
                                                  const struct speadi_verbs_queues *queues,
                                                  const struct spead_log *log)
{
    struct speadi_verbs_news news = {0};
    struct speadi_verbs_event event;

    while (speadi_verbs_next_event(device, &event) > 0)
        take_event(&news, &event, queues, device, log);
    return news;
}
