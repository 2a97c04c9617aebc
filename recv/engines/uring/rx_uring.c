/* SPDX-License-Identifier: Apache-2.0 */
/* Receive engine `uring`: io_uring with one ring, which belongs to the owner thread of the stream.
 *
 * At first a multishot receive reads a source into provided buffers. When the core reserves ranges for the source, the
 * engine changes to single-shot receives, one at a time. Each single-shot receive is spread over the ranges. The kernel
 * copies data only while the owner thread is in io_uring_enter() (DEFER_TASKRUN). So no memory changes while the owner
 * thread runs other code.
 *
 * The sockets are not registered with the ring. The kernel frees a ring some time after it is closed, and registered
 * sockets would keep their ports bound until then. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/clock.h>
#include <speadi/err.h>

#include "rx_uring.h"
#include "udp_source.h"
#include "unread.h"

/* Entries of the submission queue. This is more than all requests that can be queued at a time: a receive and a cancel
 * for each source, and the two poll requests. */
#define ENTRIES     256u
#define COMPLETIONS 1024u

/* ---- Set-up -------------------------------------------------------------------------------- */

/* Bytes of memory for each source: an odd number of cache lines, so that the buffers of the sources begin in different
 * cache sets. */
#define SOURCE_STRIDE (SPEADI_DATAGRAMS_BYTES_MAX + SPEADI_HEADS_BYTES + SPEADI_CACHE_LINE)

/* Multishot receives need provided buffers. If the kernel refuses to register the buffers, for example because of
 * RLIMIT_MEMLOCK, the engine uses single-shot receives. */
static void open_buffers(struct speadi_uring_engine *e)
{
    struct speadi_uring_features features = speadi_uring_features_of(&e->ring);

    if (!features.multishot_recvmsg || !features.buffer_rings)
        return;
    e->multishot = speadi_uring_buffers_open(&e->buffers, &e->ring, NULL) == 0;
    if (!e->multishot)
        speadi_uring_buffers_close(&e->buffers);
}

static int open_ring(struct speadi_uring_engine *e, struct spead_err *err)
{
    struct speadi_uring_features features;
    int ret = speadi_uring_probe(4, 8, &features, err);

    if (ret == 0)
        ret = speadi_uring_open(&e->ring, ENTRIES, COMPLETIONS, err);
    if (ret < 0)
        return ret;
    e->ring_open = true;
    open_buffers(e);
    return 0;
}

static int open_sources(struct speadi_uring_engine *e, const struct speadi_rx_config *config,
                        struct spead_err *err)
{
    for (uint32_t i = 0; i < config->count; i++) {
        struct speadi_uring_source *source = &e->source[i];
        int ret = speadi_udp_source_open(&source->socket, &e->interfaces, config, i, err);

        if (ret < 0)
            return ret;
        e->source_count++;
        source->single = !e->multishot;
        source->buffer = e->memory + (size_t)i * SOURCE_STRIDE;
        source->heads = source->buffer + SPEADI_DATAGRAMS_BYTES_MAX;
        source->scatter.iov = source->iov;
    }
    return 0;
}

static int uring_usable(const struct speadi_rx_config *config, struct spead_err *err)
{
    struct speadi_uring_features features;

    (void)config; /* only the kernel decides whether the engine is usable */
    return speadi_uring_probe(ENTRIES, COMPLETIONS, &features, err);
}

static int uring_open(void *self, const struct speadi_rx_config *config,
                      struct speadi_rx_facts *facts, struct spead_err *err)
{
    struct speadi_uring_engine *e = self;
    int ret = speadi_wake_fd_open(&e->wake_fd);

    if (ret < 0)
        return speadi_err_code(err, ret, "uring engine: cannot make an eventfd");
    ret = open_ring(e, err);
    if (ret < 0)
        return ret;
    e->source = calloc(config->count, sizeof *e->source);
    e->memory = speadi_alloc_lines((size_t)config->count * SOURCE_STRIDE);
    if (!e->source || !e->memory)
        return speadi_err_set(err, -ENOMEM, "uring engine: no memory for receive buffers");
    speadi_drop_causes_open(&e->causes, config);
    ret = open_sources(e, config, err);
    if (ret < 0)
        return ret;
    facts->buffer_bytes = e->source[0].socket.buffer_bytes;
    for (uint32_t i = 0; i < e->source_count; i++)
        speadi_udp_source_tell(facts, i, &e->source[i].socket);
    return 0;
}

static int uring_start(void *self, struct spead_err *err)
{
    struct speadi_uring_engine *e = self;
    int ret = speadi_uring_enable(&e->ring, err);

    e->enabled = ret == 0;
    return ret;
}

/* If quiesce() was not called, requests may still be in flight here. The kernel ends them some time later, when it
 * frees the ring. These requests cannot write to the memory that is freed here, because the kernel copies data only
 * while the owner thread is in io_uring_enter(). */
static void uring_close(void *self)
{
    struct speadi_uring_engine *e = self;

    if (e->ring_open)
        io_uring_queue_exit(&e->ring);
    e->ring_open = false;
    speadi_interface_watch_close(&e->interfaces);
    for (unsigned i = 0; i < e->source_count; i++)
        speadi_udp_close(&e->source[i].socket);
    e->source_count = 0;
    speadi_drop_causes_close(&e->causes);
    speadi_wake_fd_close(&e->wake_fd);
    speadi_uring_buffers_close(&e->buffers);
    free(e->source);
    free(e->memory);
    e->source = NULL;
    e->memory = NULL;
}

/* ---- Posting ------------------------------------------------------------------------------- */

/* Posts a poll request for a descriptor. */
static void post_poll(struct speadi_uring_engine *e, int fd, enum speadi_uring_kind kind)
{
    struct io_uring_sqe *sqe = speadi_uring_request(&e->ring);

    io_uring_prep_poll_add(sqe, fd, POLLIN);
    io_uring_sqe_set_data64(sqe, speadi_uring_tag(kind, 0));
}

/* Posts a receive for every source that has none in flight, and the poll requests for the wake descriptor and for the
 * watch of the interfaces. */
static void post(struct speadi_uring_engine *e)
{
    bool buffers = e->multishot && speadi_uring_buffers_provide(&e->buffers);

    for (unsigned i = 0; i < e->source_count; i++) {
        struct speadi_uring_source *source = &e->source[i];

        if (source->posted || (!source->single && !e->draining && !buffers))
            continue;
        speadi_uring_source_post(source, &e->ring, i, e->draining);
    }
    if (e->draining)
        return;
    if (!e->wake_posted)
        post_poll(e, e->wake_fd.fd, SPEADI_URING_WAKE);
    e->wake_posted = true;
    if (!e->news_posted && speadi_interface_watch_fd(&e->interfaces) >= 0) {
        post_poll(e, speadi_interface_watch_fd(&e->interfaces), SPEADI_URING_NEWS);
        e->news_posted = true;
    }
}

static void await(struct speadi_uring_engine *e, uint64_t sources)
{
    int ret = speadi_uring_sources_await(e->source, &e->ring, sources);

    if (ret < 0)
        e->error = ret;
}

/* ---- Operations ---------------------------------------------------------------------------- */

/* Enters the kernel, which takes the queued requests and delivers completions. Does nothing if no request is queued and
 * completions are there already. */
static void enter(struct speadi_uring_engine *e)
{
    int ret = 0;

    if (io_uring_sq_ready(&e->ring) || !io_uring_cq_ready(&e->ring))
        ret = io_uring_submit_and_get_events(&e->ring);
    if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
        e->error = ret;
}

static int uring_poll(void *self, struct speadi_rx_burst *burst)
{
    struct speadi_uring_engine *e = self;

    speadi_rx_burst_begin(burst);
    if (e->has_pending) {
        /* Post nothing now: the buffer of the pending datagrams must not change until give_back(). */
        speadi_uring_lend_pending(e, burst);
    } else {
        /* A completion may bring no data and only say that its receive has ended. Then post the receive again and read
         * the ring again, at most three times in all. */
        for (unsigned tries = 0, consumed = 1; tries < 3 && consumed && !burst->count; tries++) {
            post(e);
            enter(e);
            consumed = speadi_uring_reap(e, burst);
        }
    }
    burst->reservations_ended[0] = e->reservations.ended;
    return burst->count ? (int)burst->count : e->error;
}

static void uring_give_back(void *self, struct speadi_rx_burst *burst)
{
    struct speadi_uring_engine *e = self;

    while (e->lent_count)
        speadi_uring_buffers_give_back(&e->buffers, e->lent[--e->lent_count]);
    burst->count = 0;
}

static unsigned uring_reserve(void *self, uint16_t index, uint16_t queue, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count)
{
    struct speadi_uring_engine *e = self;
    struct speadi_uring_source *source = &e->source[index];
    unsigned room = speadi_reservations_room(&e->reservations);

    (void)queue;
    if (e->draining || e->has_pending || !head_bytes || head_bytes > SPEADI_HEAD_BYTES_MAX)
        return 0;
    if (!source->single) {
        source->single = true; /* this has an effect after the multishot receive has ended */
        source->unreserved = 0;
        speadi_uring_source_cancel(source, &e->ring, index);
    }
    if (source->posted || source->scatter.slots || !room)
        return 0;
    speadi_scatter_build(&source->scatter, ranges, count < room ? count : room, head_bytes,
                         source->heads, source->buffer);
    source->scatter.first_place = e->reservations.accepted;
    e->reservations.accepted += source->scatter.slots;
    return source->scatter.slots;
}

/* Ends the reservations of a placed receive that was cancelled and has completed. If the receive got data before the
 * cancel, copies the data from the ranges to the source's own buffer. The reason is that the core may use the ranges
 * immediately. */
static void end_cancelled(struct speadi_uring_engine *e, struct speadi_uring_source *source)
{
    struct speadi_datagrams datagrams = {.held_bytes = speadi_uring_source_room(source)};

    if (source->posted && source->result > 0) {
        if (datagrams.held_bytes > (uint32_t)source->result)
            datagrams.held_bytes = (uint32_t)source->result;
        speadi_scatter_gather(&source->scatter, 0, &datagrams);
    }
    speadi_uring_finish_reservations(e, source);
}

static void uring_unreserve(void *self)
{
    struct speadi_uring_engine *e = self;
    uint64_t posted = 0;

    for (unsigned i = 0; i < e->source_count; i++) {
        if (!e->source[i].scatter.slots || !e->source[i].posted)
            continue;
        posted |= 1ull << i;
        speadi_uring_source_cancel(&e->source[i], &e->ring, i);
    }
    await(e, posted);
    for (unsigned i = 0; i < e->source_count; i++)
        if (e->source[i].scatter.slots)
            end_cancelled(e, &e->source[i]);
}

/* Takes all reservations back and cancels all receives. After this call every new receive ends immediately, with or
 * without data. So no receive is in flight at close(). */
static void uring_quiesce(void *self)
{
    struct speadi_uring_engine *e = self;
    uint64_t posted = 0;

    e->causes.urgent = true; /* the stream ends, so few more readings come */
    if (!e->enabled)
        return;
    uring_unreserve(e);
    e->draining = true;
    for (unsigned i = 0; i < e->source_count; i++) {
        if (e->source[i].posted)
            posted |= 1ull << i;
        speadi_uring_source_cancel(&e->source[i], &e->ring, i);
    }
    await(e, posted);
}

static void uring_wait(void *self, uint64_t deadline_ns)
{
    struct speadi_uring_engine *e = self;
    uint64_t now = speadi_clock_mono_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
    struct __kernel_timespec limit = {.tv_sec = (int64_t)(left / 1000000000u),
                                      .tv_nsec = (long long)(left % 1000000000u)};
    struct io_uring_cqe *cqe;
    bool woken = e->woken;

    e->woken = false;
    if (e->has_pending || woken)
        return;
    e->sleeps++;
    if (e->draining) {
        int fds[SPEADI_RX_SOURCES_MAX];

        for (unsigned i = 0; i < e->source_count; i++)
            fds[i] = e->source[i].socket.fd;
        speadi_wake_fd_wait(&e->wake_fd, fds, e->source_count, POLLIN, deadline_ns);
        return;
    }
    post(e);
    /* Ignore the result: the next poll() reads all completions, also that of the wake descriptor. */
    io_uring_submit_and_wait_timeout(&e->ring, &cqe, 1, deadline_ns == UINT64_MAX ? NULL : &limit,
                                     NULL);
}

static bool uring_unread(void *self, struct speadi_rx_burst *scratch,
                         struct speadi_rx_unread *unread)
{
    struct speadi_uring_engine *e = self;
    unsigned consumed = e->enabled;
    bool more = false;

    /* First count what the ring has received already. After quiesce() no receive is in flight, so no more comes. */
    while (e->has_pending || consumed) {
        scratch->count = 0;
        if (e->has_pending)
            speadi_uring_lend_pending(e, scratch);
        else
            consumed = speadi_uring_reap(e, scratch);
        speadi_rx_unread_add(unread, scratch);
        uring_give_back(e, scratch);
    }
    for (unsigned i = 0; i < e->source_count; i++)
        more |= speadi_unread_count(e->source[i].socket.fd, unread);
    return more;
}

static void uring_wake(void *self)
{
    struct speadi_uring_engine *e = self;

    speadi_wake_fd_signal(&e->wake_fd);
}

static double uring_fill(void *self)
{
    struct speadi_uring_engine *e = self;
    double most = 0;

    for (unsigned i = 0; i < e->source_count; i++) {
        double fill = speadi_udp_fill(e->source[i].socket.fd);

        most = fill > most ? fill : most;
    }
    return most;
}

static void uring_refresh(void *self)
{
    struct speadi_uring_engine *e = self;

    speadi_interface_watch_read(&e->interfaces);
}

static void uring_counters(void *self, struct speadi_rx_counters *counters)
{
    struct speadi_uring_engine *e = self;
    uint64_t drops = 0;

    *counters = (struct speadi_rx_counters){
        .messages = e->receives,
        .sleeps = e->sleeps,
        .rejoins = e->interfaces.rejoins,
        .link_downs = e->interfaces.link_downs,
        .memory_bytes = e->source_count * (sizeof *e->source + SOURCE_STRIDE) +
                        speadi_uring_buffers_bytes(&e->buffers)};
    for (unsigned i = 0; i < e->source_count; i++)
        drops += speadi_udp_drops(e->source[i].socket.fd);
    speadi_drop_causes_update(&e->causes, drops, speadi_clock_mono_ns());
    speadi_drop_causes_report(&e->causes, drops, counters);
}

const struct speadi_rx_engine_ops speadi_rx_engine_uring = {
    .about = {.name = "uring", .endpoint = SPEAD_ENDPOINT_UDP, .rank = 30},
    .state_size = sizeof(struct speadi_uring_engine),
    .caps = SPEADI_RX_CAP_PLACED,
    .usable = uring_usable,
    .open = uring_open,
    .close = uring_close,
    .start = uring_start,
    .poll = uring_poll,
    .give_back = uring_give_back,
    .reserve = uring_reserve,
    .unreserve = uring_unreserve,
    .wait = uring_wait,
    .wake = uring_wake,
    .quiesce = uring_quiesce,
    .unread = uring_unread,
    .fill = uring_fill,
    .refresh = uring_refresh,
    .counters = uring_counters,
};
