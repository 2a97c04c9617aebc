/* SPDX-License-Identifier: Apache-2.0 */
/* The send engine `verbs`. It builds frames and sends them through a raw packet queue pair, which bypasses the sockets
 * of the kernel. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/numbers.h>

#include "verbs_runs.h"
#include "verbs_sender.h"

/* The engine reads the events of the device and the changes of the neighbour table once in each period of this
 * length. */
#define CHECK_NS 1000000000u

/* When no event would wake the engine, it sleeps for this time before it polls again. */
#define RETRY_NS 200000u

/* ---- Opening ------------------------------------------------------------------------------- */

static int verbs_usable(const struct speadi_tx_config *config, struct spead_err *err)
{
    struct spead_send_verbs_config own;
    int ret;

    if (!config)
        return speadi_verbs_probe(&(struct speadi_verbs_wish){0}, NULL, err);
    ret = speadi_tx_verbs_options_read(&own, config->options, err);
    if (ret < 0)
        return ret;
    if (config->interfaces)
        return speadi_verbs_refuse_interfaces(err);
    return speadi_verbs_suits(own.device, config->interface, config->addresses, config->count, err);
}

static void describe_shape(const struct speadi_verbs_sender *engine, struct speadi_tx_facts *facts)
{
    if (engine->slots_asked > engine->frames.slots)
        snprintf(facts->shape, sizeof facts->shape,
                 "its send queue holds %u packets, not the %u that the buffer has room for",
                 engine->frames.slots, engine->slots_asked);
}

static int verbs_open(void *self, const struct speadi_tx_config *config,
                      struct speadi_tx_facts *facts, struct spead_err *err)
{
    struct speadi_verbs_sender *engine = self;
    int ret = speadi_wake_fd_open(&engine->wake_fd);

    engine->log = config->log;
    if (ret < 0)
        return speadi_err_code(err, ret, "cannot make an eventfd");
    ret = speadi_verbs_sender_open(engine, config, err);
    if (ret < 0)
        return ret;
    engine->counters.memory_bytes = engine->frames.memory_bytes;
    facts->queue_packets = engine->frames.slots;
    facts->queue_bytes = engine->frames.slots * engine->frames.slot_bytes;
    describe_shape(engine, facts);
    return 0;
}

/* Closes the queue first, because the device reads the frames through the queue. Closes the device last, because the
 * queue and the frames were made from the device. */
static void verbs_close(void *self)
{
    struct speadi_verbs_sender *engine = self;

    speadi_verbs_send_queue_close(&engine->queue);
    speadi_verbs_frames_release(&engine->frames);
    speadi_verbs_paths_close(&engine->paths);
    if (engine->device.context)
        speadi_verbs_device_close(&engine->device);
    speadi_wake_fd_close(&engine->wake_fd);
}

/* ---- Events, neighbours and failures --------------------------------------------------------- */

static void take_events(struct speadi_verbs_sender *engine)
{
    const struct speadi_verbs_queues queues = {
        .qp = engine->queue.qp, .cq = &engine->queue.cq, .cq_count = 1};
    const struct speadi_verbs_news news =
        speadi_verbs_take_events(&engine->device, &queues, engine->log);

    engine->counters.link_downs += news.link_downs;
    if (news.queue_failed)
        speadi_verbs_send_queue_fail(&engine->queue, false);
    if (news.cq_overrun || news.device_gone)
        speadi_verbs_send_queue_fail(&engine->queue, true);
    if (news.device_gone)
        engine->broken = -ENODEV;
}

/* Reads the events of the device and the changes of the neighbour table, at most once a second. This takes one or two
 * system calls. In the rest of the second the function makes no system call. */
static void check_events_and_neighbours(struct speadi_verbs_sender *engine)
{
    const uint64_t now_ns = speadi_clock_mono_ns();

    if (now_ns < engine->check_ns)
        return;
    engine->check_ns = now_ns + CHECK_NS;
    take_events(engine);
    speadi_verbs_paths_refresh(&engine->paths, now_ns);
}

static void rebuild(struct speadi_verbs_sender *engine)
{
    struct spead_err err = {0};
    int ret = speadi_verbs_send_queue_rebuild(&engine->queue, &engine->done, &err);

    engine->counters.rebuilds++;
    if (ret < 0) {
        engine->broken = ret;
        speadi_verbs_send_queue_fail(&engine->queue, true);
        speadi_log_line(engine->log, SPEAD_LOG_WARNING, "the send queue cannot be rebuilt: %s",
                        err.text);
    } else if (!engine->said_rebuilt) {
        engine->said_rebuilt = true;
        speadi_log_line(engine->log, SPEAD_LOG_WARNING,
                        "the send queue of %s failed and was rebuilt; more of that is only counted",
                        engine->device.report.device);
    }
}

/* Rebuilds a failed queue, but only when the queue is allowed to be rebuilt and `done` has space. If the device is gone
 * or cannot make a new queue, the function completes the posted frames with an error. */
static void recover(struct speadi_verbs_sender *engine)
{
    if (!speadi_verbs_send_queue_may_rebuild(&engine->queue, speadi_clock_mono_ns()) ||
        !speadi_tx_done_has_room(&engine->done, 1))
        return;
    /* read the events of the old queue, because they can say that the device is gone */
    take_events(engine);
    if (engine->broken)
        speadi_verbs_send_queue_drain(&engine->queue, &engine->done, engine->broken);
    else
        rebuild(engine);
}

enum { PADDING_MAX = 8 }; /* the largest number of bytes of padding in a packet without payload */

static void log_copied(struct speadi_verbs_sender *engine)
{
    const struct speadi_verbs_frames *frames = &engine->frames;

    /* Do not log the message below if only padding was copied. Packets without payload carry padding, which always lies
     * in memory of the library. The user cannot register that memory. */
    if (engine->said_copied || frames->copied_bytes <= PADDING_MAX * frames->copied_packets)
        return;
    engine->said_copied = true;
    speadi_log_line(engine->log, SPEAD_LOG_INFO,
                    "payload is copied: it lies outside of the stream's registered memory "
                    "(config.memory), or in more than %u pieces a packet",
                    frames->sge_max - 1);
}

/* ---- Sending -------------------------------------------------------------------------------- */

/* Returns how many requests of the chain that begins with `first` carry the first `frames` frames. */
static unsigned count_requests(const struct ibv_send_wr *first, unsigned frames)
{
    unsigned count = 0, carried = 0;

    for (; carried < frames; first = first->next, count++)
        carried += speadi_verbs_request_frames(first->wr_id);
    return count;
}

/* Posts the `count` frames that were built. The requests of all slots are linked in a ring. So this function cuts the
 * ring behind `last` before the call of the queue, and joins it again after the call. Returns how many frames the queue
 * accepted, or -errno. */
static int post(struct speadi_verbs_sender *engine, struct ibv_send_wr *last, unsigned count)
{
    const uint64_t number = engine->queue.posted;
    struct ibv_send_wr *first = speadi_verbs_frames_request(&engine->frames, number);
    struct ibv_send_wr *next = last->next;
    int ret;

    last->next = NULL;
    last->send_flags |= IBV_SEND_SIGNALED;
    ret = speadi_verbs_send_queue_post(&engine->queue, first, count);
    last->next = next;
    if (ret > 0) {
        engine->counters.messages +=
            engine->frames.run_bytes_max ? count_requests(first, (unsigned)ret) : (unsigned)ret;
        engine->counters.batches++;
    }
    return ret;
}

/* Completes the next packet with -EMSGSIZE. It is called when no frame can carry this packet. It does nothing until all
 * earlier packets have completed, because packets must complete in order. Returns 1 if it has completed the packet,
 * else 0. */
static unsigned refuse(struct speadi_verbs_sender *engine)
{
    if (speadi_verbs_send_queue_posted(&engine->queue) ||
        !speadi_tx_done_has_room(&engine->done, 1))
        return 0;
    speadi_tx_done_put(&engine->done, 1, -EMSGSIZE);
    return 1;
}

/* Sends packets from the beginning of the array, at most one chain. Returns how many packets it has taken, 0 when the
 * queue has no space, or -errno. */
static int send_chain(struct speadi_verbs_sender *engine, const struct speadi_tx_packet *packets,
                      unsigned count)
{
    const uint32_t room = engine->frames.slots - speadi_verbs_send_queue_posted(&engine->queue);
    const uint64_t number = engine->queue.posted;
    struct ibv_send_wr *last;
    unsigned made;

    count = speadi_min_u32(count, speadi_min_u32(room, engine->chain_max));
    if (engine->frames.run_bytes_max) {
        made = speadi_verbs_runs_make(&engine->frames, number, engine->paths.frame, packets, count,
                                      &last);
    } else {
        made =
            speadi_verbs_frames_make(&engine->frames, number, engine->paths.frame, packets, count);
        last = speadi_verbs_frames_request(&engine->frames, number + made - 1);
    }
    if (made)
        return post(engine, last, made);
    return count ? (int)refuse(engine) : 0;
}

static int verbs_send(void *self, const struct speadi_tx_packet *packets, unsigned count)
{
    struct speadi_verbs_sender *engine = self;
    unsigned taken = 0;
    int ret = 0;

    check_events_and_neighbours(engine);
    if (engine->queue.failed)
        recover(engine);
    if (engine->broken)
        return engine->broken;
    while (taken < count && !engine->queue.failed) {
        ret = send_chain(engine, packets + taken, count - taken);
        if (ret <= 0)
            break;
        taken += (unsigned)ret;
    }
    log_copied(engine);
    if (ret < 0) {
        engine->broken = ret;
        speadi_log_line(engine->log, SPEAD_LOG_WARNING, "post_send on %s: %s; the stream ends",
                        engine->device.report.device, strerror(-ret));
    }
    return taken ? (int)taken : ret;
}

static unsigned verbs_reap(void *self, struct speadi_tx_done *done, unsigned max)
{
    struct speadi_verbs_sender *engine = self;

    speadi_verbs_send_queue_poll(&engine->queue, &engine->done);
    /* send() recovers a failed queue too, but perhaps the core has no more packets and does not call send() again. */
    if (engine->queue.failed)
        recover(engine);
    return speadi_tx_done_take(&engine->done, done, max);
}

/* ---- Waiting -------------------------------------------------------------------------------- */

static bool poll_some(struct speadi_verbs_sender *engine, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        if (speadi_verbs_send_queue_poll(&engine->queue, &engine->done))
            return true;
    return false;
}

static void sleep_on(struct speadi_verbs_sender *engine, bool completions, uint64_t deadline_ns)
{
    int fds[3] = {engine->device.context->async_fd, engine->paths.watch.netlink};
    unsigned count = engine->paths.is_watching ? 2 : 1;

    if (completions)
        fds[count++] = engine->queue.channel->fd;
    speadi_wake_fd_wait(&engine->wake_fd, fds, count, POLLIN, deadline_ns);
    if (completions)
        speadi_verbs_send_queue_take_events(&engine->queue);
    engine->check_ns = 0;
    check_events_and_neighbours(engine);
}

/* Returns true when the engine must poll, because no event would tell that the queue has space again. There are three
 * cases:
 *   - The queue accepted only a part of a chain, and the signalled request is not in that part.
 *   - The queue has failed, and can complete its requests without an event.
 *   - The queue refuses requests although it has space. Possibly it accepts them later. */
static bool must_be_polled(const struct speadi_verbs_sender *engine)
{
    return engine->queue.failed || engine->queue.refusals ||
           engine->queue.signalled <= engine->queue.completed;
}

static void wait_for_room(struct speadi_verbs_sender *engine, uint64_t deadline_ns)
{
    const bool is_empty = speadi_verbs_send_queue_posted(&engine->queue) == 0;

    if (is_empty && !engine->queue.failed && !engine->queue.refusals)
        return;
    if (poll_some(engine, engine->options.max_poll + 1))
        return;
    if (must_be_polled(engine)) {
        sleep_on(engine, false, speadi_min_u64(deadline_ns, speadi_clock_mono_ns() + RETRY_NS));
        return;
    }
    if (!engine->queue.channel)
        /* There is no channel, because the user has chosen polling. So this function does not sleep, and the core calls
         * wait() again. */
        return;
    speadi_verbs_send_queue_arm(&engine->queue);
    /* A completion that came before speadi_verbs_send_queue_arm() gives no event, so the engine polls once more. */
    if (!poll_some(engine, 1) && !engine->queue.failed)
        sleep_on(engine, true, deadline_ns);
}

static void verbs_wait(void *self, uint64_t deadline_ns, bool for_room)
{
    struct speadi_verbs_sender *engine = self;

    if (engine->done.count || engine->broken)
        return;
    if (for_room)
        wait_for_room(engine, deadline_ns);
    else
        sleep_on(engine, false, deadline_ns);
}

static void verbs_wake(void *self)
{
    struct speadi_verbs_sender *engine = self;

    speadi_wake_fd_signal(&engine->wake_fd);
}

static void verbs_quiesce(void *self)
{
    struct speadi_verbs_sender *engine = self;

    speadi_verbs_send_queue_drain(&engine->queue, &engine->done, -ECANCELED);
}

static void verbs_counters(void *self, struct speadi_tx_counters *counters)
{
    const struct speadi_verbs_sender *engine = self;

    *counters = engine->counters;
    counters->copied_bytes = engine->frames.copied_bytes;
    counters->neighbours_lost = engine->paths.neighbours_lost;
}

const struct speadi_tx_engine_ops speadi_tx_engine_verbs = {
    .about = {.name = "verbs",
              .endpoint = SPEAD_ENDPOINT_UDP,
              .rank = 10,
              .caveat = SPEADI_VERBS_CAVEAT,
              .gives_way = true},
    .state_size = sizeof(struct speadi_verbs_sender),
    .caps = SPEADI_TX_CAP_DEVICE | SPEADI_TX_CAP_PACES | SPEADI_TX_CAP_SEGMENTS,
    .usable = verbs_usable,
    .open = verbs_open,
    .close = verbs_close,
    .send = verbs_send,
    .reap = verbs_reap,
    .wait = verbs_wait,
    .wake = verbs_wake,
    .quiesce = verbs_quiesce,
    .counters = verbs_counters,
};
