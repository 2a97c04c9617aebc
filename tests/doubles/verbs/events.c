/* SPDX-License-Identifier: Apache-2.0 */
/* Completion channels and asynchronous events, on which a program sleeps.
 *
 * Both are pipes. So a program can poll the descriptor in the public struct and make it non-blocking, as with a real
 * device. The pipe is the queue of events. Each record in the pipe of a channel is a pointer to a completion queue.
 * Each record in the other pipe is an asynchronous event. */
#include "double.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int vd_event_pipe_open(struct vd_event_pipe *events)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    *events = (struct vd_event_pipe){ends[0], ends[1]};
    /* If a test never reads events, the pipe becomes full. Even then the thread of the device must not block. */
    fcntl(events->write_fd, F_SETFL, O_NONBLOCK);
    return 0;
}

void vd_event_pipe_close(struct vd_event_pipe *events)
{
    close(events->read_fd);
    close(events->write_fd);
}

/* Writes one record. A record is smaller than PIPE_BUF, so the kernel writes and reads it as a whole. */
static void put(struct vd_event_pipe *events, const void *record, size_t bytes)
{
    if (write(events->write_fd, record, bytes) != (ssize_t)bytes)
        vd_abort("thousands of events are unread; a program must read them");
}

static bool take(struct vd_event_pipe *events, void *record, size_t bytes)
{
    return read(events->read_fd, record, bytes) == (ssize_t)bytes;
}

static size_t waiting(const struct vd_event_pipe *events, size_t record_bytes)
{
    int bytes = 0;

    return ioctl(events->read_fd, FIONREAD, &bytes) == 0 ? (size_t)bytes / record_bytes : 0;
}

/* Removes the unread events of a completion queue that is being destroyed. The kernel does this too. An event that
 * stayed would point to freed memory. The function reads only records that are already in the pipe, so it never
 * blocks. */
void vd_channel_forget(struct vd_cq *cq)
{
    struct vd_channel *channel = (struct vd_channel *)cq->cq.channel;

    for (size_t left = waiting(&channel->events, sizeof(void *)); left > 0; left--) {
        struct ibv_cq *record;

        if (take(&channel->events, &record, sizeof record) && record != &cq->cq)
            put(&channel->events, &record, sizeof record);
    }
}

void vd_async_forget(struct vd_context *context, const void *element)
{
    struct ibv_async_event event;

    for (size_t left = waiting(&context->async, sizeof event); left > 0; left--)
        if (take(&context->async, &event, sizeof event) &&
            (event.event_type == IBV_EVENT_PORT_ERR || event.event_type == IBV_EVENT_PORT_ACTIVE ||
             event.event_type == IBV_EVENT_DEVICE_FATAL || (void *)event.element.cq != element))
            put(&context->async, &event, sizeof event);
}

void vd_channel_notify(struct vd_cq *cq)
{
    struct ibv_cq *record = &cq->cq;

    put(&((struct vd_channel *)cq->cq.channel)->events, &record, sizeof record);
    VD_COUNT(channel_events, 1);
}

void vd_async_notify(struct vd_context *context, struct ibv_async_event event)
{
    put(&context->async, &event, sizeof event);
    VD_COUNT(async_events, 1);
}

/* Waits until the program has acknowledged every event that it has read. The real libibverbs would wait for ever. A
 * test must not hang, so this function aborts after ack_wait_ms with a text that names the object. */
void vd_wait_acked(const char *verb, pthread_mutex_t *mutex, pthread_cond_t *cond,
                   const uint32_t *completed, const unsigned *read)
{
    uint64_t wait_ms = VD_SETTING(ack_wait_ms);
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(mutex);
    while (*completed != *read)
        if (pthread_cond_timedwait(cond, mutex, &until) != 0 && *completed != *read)
            vd_abort("%s: %u events read, %u acknowledged; it would wait for ever", verb, *read,
                     *completed);
    pthread_mutex_unlock(mutex);
}

VD_EXPORT struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *ibv)
{
    struct vd_context *context = vd_context(ibv);
    struct vd_channel *channel;
    int err = vd_call("create_comp_channel");

    if (err)
        return vd_null(err);
    channel = calloc(1, sizeof *channel);
    if (!channel)
        return vd_null(ENOMEM);
    err = vd_event_pipe_open(&channel->events);
    if (err) {
        free(channel);
        return vd_null(err);
    }
    channel->channel.context = ibv;
    channel->channel.fd = channel->events.read_fd;
    pthread_mutex_lock(&context->lock);
    context->channel_count++;
    pthread_mutex_unlock(&context->lock);
    VD_COUNT(channels, 1);
    return &channel->channel;
}

VD_EXPORT int ibv_destroy_comp_channel(struct ibv_comp_channel *ibv)
{
    struct vd_channel *channel = (struct vd_channel *)ibv;
    struct vd_context *context = vd_context(ibv->context);
    int err = vd_call("destroy_comp_channel"), users;

    if (err)
        return err;
    pthread_mutex_lock(&context->lock);
    users = ibv->refcnt;
    if (!users)
        context->channel_count--;
    pthread_mutex_unlock(&context->lock);
    if (users)
        return vd_refuse(EBUSY, "destroy_comp_channel: %d completion queues still use it", users);
    vd_event_pipe_close(&channel->events);
    free(channel);
    VD_COUNT(channels, -1);
    return 0;
}

/* Counts an event when the program reads it, not when the double sends it. So an unread event does not delay
 * destroy_cq. */
VD_EXPORT int ibv_get_cq_event(struct ibv_comp_channel *ibv, struct ibv_cq **cq, void **cq_context)
{
    struct vd_channel *channel = (struct vd_channel *)ibv;
    int err = vd_call("get_cq_event");
    struct ibv_cq *record;

    if (err) {
        errno = err;
        return -1;
    }
    if (!take(&channel->events, &record, sizeof record))
        return -1;
    pthread_mutex_lock(&record->mutex);
    ((struct vd_cq *)record)->events_read++;
    pthread_mutex_unlock(&record->mutex);
    *cq = record;
    *cq_context = record->cq_context;
    return 0;
}

static bool acknowledge(pthread_mutex_t *mutex, pthread_cond_t *cond, uint32_t *completed,
                        const unsigned *read, unsigned count)
{
    bool known;

    pthread_mutex_lock(mutex);
    *completed += count;
    known = *completed <= *read;
    pthread_cond_signal(cond);
    pthread_mutex_unlock(mutex);
    return known;
}

VD_EXPORT void ibv_ack_cq_events(struct ibv_cq *ibv, unsigned count)
{
    struct vd_cq *cq = (struct vd_cq *)ibv;

    vd_call("ack_cq_events");
    if (!acknowledge(&ibv->mutex, &ibv->cond, &ibv->comp_events_completed, &cq->events_read, count))
        vd_abort("ack_cq_events: more acknowledged than were read");
}

/* Finds two counters of the object that an event names. One counts the events of this object that were read, and the
 * other counts those that were acknowledged. Returns false if the object has no counters. */
static bool element(const struct ibv_async_event *event, pthread_mutex_t **mutex,
                    pthread_cond_t **cond, uint32_t **completed, unsigned **read)
{
    switch (event->event_type) {
    case IBV_EVENT_CQ_ERR:
        *mutex = &event->element.cq->mutex;
        *cond = &event->element.cq->cond;
        *completed = &event->element.cq->async_events_completed;
        *read = &((struct vd_cq *)event->element.cq)->async_events_read;
        return true;
    case IBV_EVENT_QP_FATAL:
        *mutex = &event->element.qp->mutex;
        *cond = &event->element.qp->cond;
        *completed = &event->element.qp->events_completed;
        *read = &((struct vd_qp *)event->element.qp)->async_events_read;
        return true;
    case IBV_EVENT_WQ_FATAL:
        *mutex = &event->element.wq->mutex;
        *cond = &event->element.wq->cond;
        *completed = &event->element.wq->events_completed;
        *read = &((struct vd_wq *)event->element.wq)->async_events_read;
        return true;
    default:
        /* Nobody counts the acknowledgements of events of a port or a device. */
        return false;
    }
}

VD_EXPORT int ibv_get_async_event(struct ibv_context *ibv, struct ibv_async_event *event)
{
    int err = vd_call("get_async_event");
    pthread_mutex_t *mutex;
    pthread_cond_t *cond;
    uint32_t *completed;
    unsigned *read;

    if (err) {
        errno = err;
        return -1;
    }
    if (!take(&vd_context(ibv)->async, event, sizeof *event))
        return -1;
    if (element(event, &mutex, &cond, &completed, &read)) {
        pthread_mutex_lock(mutex);
        ++*read;
        pthread_mutex_unlock(mutex);
    }
    return 0;
}

VD_EXPORT void ibv_ack_async_event(struct ibv_async_event *event)
{
    pthread_mutex_t *mutex;
    pthread_cond_t *cond;
    uint32_t *completed;
    unsigned *read;

    vd_call("ack_async_event");
    if (element(event, &mutex, &cond, &completed, &read) &&
        !acknowledge(mutex, cond, completed, read, 1))
        vd_abort("ack_async_event: more acknowledged than were read");
}
