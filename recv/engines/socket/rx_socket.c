/* SPDX-License-Identifier: Apache-2.0 */
/* Receive engine `socket`: it reads sockets with recvmmsg() and UDP_GRO, and works on every Linux kernel that the
 * library supports. socket_receive.c makes the receive calls. */
#include "rx_socket.h"

#include <errno.h>
#include <linux/time_types.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <speadi/cache_line.h>
#include <speadi/clock.h>
#include <speadi/err.h>

#include "udp_source.h"
#include "unread.h"

/* The epoll tags of wake_fd and of the watch; other tags are indexes of sources. */
#define WAKE_TAG UINT32_MAX
#define NEWS_TAG (UINT32_MAX - 1)

/* ---- Set-up -------------------------------------------------------------------------------- */

static int watch(const struct speadi_socket_engine *e, int fd, uint32_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = tag};

    return epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_sources(struct speadi_socket_engine *e, const struct speadi_rx_config *config,
                        struct spead_err *err)
{
    int news;

    for (uint32_t i = 0; i < config->count; i++) {
        struct speadi_socket_source *source = &e->source[i];
        int ret = speadi_udp_source_open(&source->socket, &e->interfaces, config, i, err);

        if (ret < 0)
            return ret;
        e->source_count++;
        if (watch(e, source->socket.fd, i) < 0)
            return speadi_err_errno(err, "socket engine: epoll_ctl");
    }
    news = speadi_interface_watch_fd(&e->interfaces);
    if (news >= 0 && watch(e, news, NEWS_TAG) < 0)
        return speadi_err_errno(err, "socket engine: epoll_ctl");
    return 0;
}

/* Makes the epoll descriptor and the wake descriptor. */
static int open_waits(struct speadi_socket_engine *e, struct spead_err *err)
{
    int ret;

    e->wake_fd.fd = -1;
    e->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (e->epoll < 0)
        return speadi_err_errno(err, "socket engine: cannot make an epoll descriptor");
    ret = speadi_wake_fd_open(&e->wake_fd);
    if (ret < 0)
        return speadi_err_code(err, ret, "socket engine: cannot make an eventfd");
    if (watch(e, e->wake_fd.fd, WAKE_TAG) < 0)
        return speadi_err_errno(err, "socket engine: epoll_ctl");
    return 0;
}

static void close_waits(struct speadi_socket_engine *e)
{
    speadi_wake_fd_close(&e->wake_fd);
    if (e->epoll >= 0)
        close(e->epoll);
    e->epoll = -1;
}

static int socket_usable(const struct speadi_rx_config *config, struct spead_err *err)
{
    struct speadi_socket_engine *e = calloc(1, sizeof *e);
    int ret;

    (void)config; /* only the kernel decides whether the engine is usable */
    if (!e)
        return speadi_err_set(err, -ENOMEM, "socket engine: out of memory");
    ret = open_waits(e, err);
    if (ret == 0)
        ret = speadi_udp_try_receive(err);
    close_waits(e);
    free(e);
    return ret;
}

static int socket_open(void *self, const struct speadi_rx_config *config,
                       struct speadi_rx_facts *facts, struct spead_err *err)
{
    struct speadi_socket_engine *e = self;
    int ret = open_waits(e, err);

    if (ret < 0)
        return ret;
    e->buffers = speadi_alloc_lines((size_t)SPEADI_SOCKET_BUFFERS * SPEADI_SOCKET_STRIDE);
    e->heads = speadi_alloc_lines(SPEADI_HEADS_BYTES);
    if (!e->buffers || !e->heads)
        return speadi_err_set(err, -ENOMEM, "socket engine: no memory for receive buffers");
    speadi_drop_causes_open(&e->causes, config);
    ret = open_sources(e, config, err);
    if (ret < 0)
        return ret;
    facts->buffer_bytes = e->source[0].socket.buffer_bytes;
    for (uint32_t i = 0; i < e->source_count; i++)
        speadi_udp_source_tell(facts, i, &e->source[i].socket);
    return 0;
}

static void socket_close(void *self)
{
    struct speadi_socket_engine *e = self;

    speadi_interface_watch_close(&e->interfaces);
    for (unsigned i = 0; i < e->source_count; i++)
        speadi_udp_close(&e->source[i].socket);
    e->source_count = 0;
    speadi_drop_causes_close(&e->causes);
    close_waits(e);
    free(e->buffers);
    free(e->heads);
    e->buffers = e->heads = NULL;
}

/* ---- Rounds over the sources --------------------------------------------------------------- */

/* Does what epoll_pwait2(2) does, without a signal mask. glibc has this function only since version 2.35. */
static int wait_ns(int epoll, struct epoll_event *event, int max, uint64_t ns)
{
#ifdef SYS_epoll_pwait2
    const struct __kernel_timespec timeout = {.tv_sec = (int64_t)(ns / 1000000000u),
                                              .tv_nsec = (long long)(ns % 1000000000u)};

    return (int)syscall(SYS_epoll_pwait2, epoll, event, max, ns == UINT64_MAX ? NULL : &timeout,
                        NULL, 0);
#else
    (void)epoll, (void)event, (void)max, (void)ns;
    errno = ENOSYS;
    return -1;
#endif
}

/* Waits for events of the epoll descriptor, at most for `ns`; UINT64_MAX means no limit. Linux has epoll_pwait2() since
 * version 5.11, and older containers refuse it (ENOSYS or EPERM). Then the engine waits whole milliseconds, so that a
 * wait can end up to 1 ms late. Returns what epoll_wait() returns. */
static int wait_for_events(struct speadi_socket_engine *e, struct epoll_event *event, int max,
                           uint64_t ns)
{
    if (!e->coarse_wait) {
        int count = wait_ns(e->epoll, event, max, ns);

        if (count >= 0 || (errno != ENOSYS && errno != EPERM))
            return count;
        e->coarse_wait = true;
    }
    return epoll_wait(e->epoll, event, max, ns == UINT64_MAX ? -1 : speadi_clock_ms_up(ns));
}

/* Waits until a source has data, the wake descriptor is signalled, or `ns` have passed; UINT64_MAX means no limit. Sets
 * the bits of the sources that have data in e->round. If the kernel refuses to wait, sets e->error, so that the stream
 * ends and does not spin. Returns true if the wake descriptor is signalled, and leaves it signalled. */
static bool add_ready_sources(struct speadi_socket_engine *e, uint64_t ns)
{
    struct epoll_event event[SPEADI_RX_SOURCES_MAX + 2];
    int count = wait_for_events(e, event, SPEADI_RX_SOURCES_MAX + 2, ns);
    bool woken = false;

    if (count < 0 && errno != EINTR)
        e->error = -errno;
    for (int i = 0; i < count; i++) {
        if (event[i].data.u32 == WAKE_TAG)
            woken = true;
        else if (event[i].data.u32 != NEWS_TAG) /* the core calls refresh(), which reads the news */
            e->round |= 1ull << event[i].data.u32;
    }
    return woken;
}

/* Makes one receive call for each source whose bit is set in e->round. Stops earlier when the received bytes are enough
 * for a burst. */
static int receive_round(struct speadi_socket_engine *e)
{
    while (e->round && e->entry_count < SPEADI_SOCKET_BUFFERS &&
           e->round_bytes < SPEADI_SOCKET_BURST_BYTES) {
        unsigned index = (unsigned)__builtin_ctzll(e->round);
        int ret = speadi_socket_receive(e, index);

        e->round &= e->round - 1;
        if (ret < 0)
            return ret;
    }
    return 0;
}

static int receive_burst(struct speadi_socket_engine *e)
{
    int ret;

    e->entry_count = e->entry_next = 0;
    e->iov_count = 0;
    e->round_bytes = 0;
    if (e->source_count == 1) {
        e->round = 1;
        return receive_round(e);
    }
    ret = receive_round(e);
    if (ret == 0 && e->entry_count == 0) {
        /* The wake descriptor stays signalled: only wait() clears it. */
        (void)add_ready_sources(e, 0);
        ret = e->error ? e->error : receive_round(e);
    }
    return ret;
}

/* ---- Operations ---------------------------------------------------------------------------- */

static void lend(struct speadi_socket_engine *e, struct speadi_rx_burst *burst)
{
    for (; e->entry_next < e->entry_count; e->entry_next++) {
        struct speadi_socket_entry *entry = &e->entry[e->entry_next];
        unsigned slots = entry->scatter.slots;

        if (slots) {
            if (burst->count + slots > SPEADI_RX_BURST_MAX)
                return;
            entry->scatter.slots = 0;
            if (!speadi_scatter_lend_placed(
                    &(struct speadi_scatter){entry->scatter.iov, slots, entry->scatter.first_place},
                    &entry->datagrams, burst))
                continue;
        }
        if (!speadi_datagrams_lend(&entry->datagrams, burst))
            return;
    }
}

static void end_reservations(struct speadi_socket_engine *e)
{
    for (unsigned i = 0; i < e->source_count; i++)
        e->source[i].reserved = 0;
    e->range_count = 0;
    e->ended = e->accepted;
}

static bool all_lent(const struct speadi_socket_engine *e)
{
    return e->entry_next == e->entry_count;
}

static int socket_poll(void *self, struct speadi_rx_burst *burst)
{
    struct speadi_socket_engine *e = self;

    speadi_rx_burst_begin(burst);
    if (all_lent(e) && !e->error)
        e->error = receive_burst(e);
    lend(e, burst);
    if (all_lent(e) && e->ended != e->accepted)
        end_reservations(e);
    burst->reservations_ended[0] = e->ended;
    return burst->count ? (int)burst->count : e->error;
}

static void socket_give_back(void *self, struct speadi_rx_burst *burst)
{
    (void)self; /* nothing to do: only the next receive call writes to the buffers */
    burst->count = 0;
}

static unsigned socket_reserve(void *self, uint16_t source, uint16_t queue, uint32_t head_bytes,
                               const struct speadi_rx_range *ranges, unsigned count)
{
    struct speadi_socket_engine *e = self;
    struct speadi_socket_source *s = &e->source[source];
    unsigned room = SPEADI_RX_RESERVE_USUAL - e->range_count;

    (void)queue;
    /* A source can get ranges only once before each receive call, and only when all received packets are lent. */
    if (!all_lent(e) || s->reserved || !head_bytes || head_bytes > SPEADI_HEAD_BYTES_MAX)
        return 0;
    count = count < room ? count : room;
    memcpy(&e->range[e->range_count], ranges, count * sizeof *ranges);
    s->reserved = count;
    s->first_range = e->range_count;
    s->head_bytes = head_bytes;
    e->range_count += count;
    e->accepted += count;
    return count;
}

/* Takes all reservations back. No receive is in flight between polls, so it is enough to forget the ranges. */
static void socket_unreserve(void *self)
{
    struct speadi_socket_engine *e = self;

    if (all_lent(e))
        end_reservations(e);
}

static void socket_quiesce(void *self)
{
    struct speadi_socket_engine *e = self;

    socket_unreserve(self);
    e->causes.urgent = true; /* the stream ends, so few more readings come */
}

static void socket_wait(void *self, uint64_t deadline_ns)
{
    struct speadi_socket_engine *e = self;
    uint64_t now = speadi_clock_mono_ns(), left = UINT64_MAX;

    if (!all_lent(e))
        return;
    if (deadline_ns != UINT64_MAX)
        left = deadline_ns > now ? deadline_ns - now : 0;
    e->sleeps++;
    if (add_ready_sources(e, left))
        speadi_wake_fd_clear(&e->wake_fd);
}

static bool socket_unread(void *self, struct speadi_rx_burst *scratch,
                          struct speadi_rx_unread *unread)
{
    struct speadi_socket_engine *e = self;
    bool more = false;

    while (!all_lent(e)) {
        scratch->count = 0;
        lend(e, scratch);
        speadi_rx_unread_add(unread, scratch);
    }
    for (unsigned i = 0; i < e->source_count; i++)
        more |= speadi_unread_count(e->source[i].socket.fd, unread);
    return more;
}

static void socket_wake(void *self)
{
    struct speadi_socket_engine *e = self;

    speadi_wake_fd_signal(&e->wake_fd);
}

static double socket_fill(void *self)
{
    struct speadi_socket_engine *e = self;
    double most = 0;

    for (unsigned i = 0; i < e->source_count; i++) {
        double fill = speadi_udp_fill(e->source[i].socket.fd);

        most = fill > most ? fill : most;
    }
    return most;
}

static void socket_refresh(void *self)
{
    struct speadi_socket_engine *e = self;

    speadi_interface_watch_read(&e->interfaces);
}

static void socket_counters(void *self, struct speadi_rx_counters *counters)
{
    struct speadi_socket_engine *e = self;
    uint64_t drops = 0;

    *counters = (struct speadi_rx_counters){
        .messages = e->receives,
        .sleeps = e->sleeps,
        .rejoins = e->interfaces.rejoins,
        .link_downs = e->interfaces.link_downs,
        .memory_bytes =
            (uint64_t)SPEADI_SOCKET_BUFFERS * SPEADI_SOCKET_STRIDE + SPEADI_HEADS_BYTES};
    for (unsigned i = 0; i < e->source_count; i++)
        drops += speadi_udp_drops(e->source[i].socket.fd);
    speadi_drop_causes_update(&e->causes, drops, speadi_clock_mono_ns());
    speadi_drop_causes_report(&e->causes, drops, counters);
}

const struct speadi_rx_engine_ops speadi_rx_engine_socket = {
    .about = {.name = "socket", .endpoint = SPEAD_ENDPOINT_UDP, .rank = 20},
    .state_size = sizeof(struct speadi_socket_engine),
    .caps = SPEADI_RX_CAP_PLACED,
    .usable = socket_usable,
    .open = socket_open,
    .close = socket_close,
    .poll = socket_poll,
    .give_back = socket_give_back,
    .reserve = socket_reserve,
    .unreserve = socket_unreserve,
    .wait = socket_wait,
    .wake = socket_wake,
    .quiesce = socket_quiesce,
    .unread = socket_unread,
    .fill = socket_fill,
    .refresh = socket_refresh,
    .counters = socket_counters,
};
