/* Receive engine `socket`: recvmmsg with UDP_GRO. Works everywhere.
 *
 * What arrives un-predicted goes through bounce buffers, about 64 KiB of them a receive: one buffer for
 * a 64 KiB train, many for single packets. On one core a single buffer that stays in L2 took 7.7 GB per
 * CPU second, 32 of 64 KiB took 5.3; and single packets must not cost a system call each. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/wakeup.h>

#include "gro.h"
#include "rx_engine.h"
#include "scatter.h"
#include "train_guess.h"
#include "udp_source.h"

#define BUFFERS 64u
/* An odd number of cache lines beyond 64 KiB, so that the beginnings share no cache sets. */
#define BUFFER_STRIDE (SPEADI_MESSAGE_BYTES_MAX + 25u * 64u)
#define BURST_BYTES   (64u << 10) /* received in one burst: stays in L2 */
#define BELL          UINT32_MAX

struct source {
    struct speadi_udp_socket socket;
    uint32_t message_bytes; /* recent mean */
    struct speadi_train_guess train;
    unsigned offered;     /* ranges reserved for the next receive ... */
    unsigned first_offer; /* ... from this one of the engine's */
    uint32_t head_bytes;
};

/* A message received and not wholly lent. slots == 0: nothing of it was placed, or that part is lent. */
struct entry {
    struct speadi_message message;
    struct speadi_scatter scatter;
};

struct socket_engine {
    struct source source[SPEADI_RX_SOURCES_MAX];
    unsigned source_count;
    int epoll;
    struct speadi_wakeup bell;
    uint64_t round; /* bit set of sources with data that have not had their turn */

    struct speadi_rx_range offer[SPEADI_RX_RESERVE_MAX];
    unsigned offer_count;
    uint64_t accepted, ended;

    struct entry entry[BUFFERS]; /* entry i uses buffer i */
    unsigned entry_count, entry_next;
    uint32_t round_bytes;
    struct mmsghdr header[BUFFERS];
    struct iovec iov[2 * SPEADI_RX_RESERVE_MAX + BUFFERS];
    unsigned iov_count;
    _Alignas(64) uint8_t control[BUFFERS][SPEADI_GRO_CONTROL_BYTES];
    uint8_t *buffers;
    uint8_t *heads;
    int error; /* of a receive beside others that brought data: the next poll's */
    uint64_t messages, sleeps;
};

/* ---- Set-up -------------------------------------------------------------------------------- */

static int watch(const struct socket_engine *e, int fd, uint32_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = tag};

    return epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_sources(struct socket_engine *e, const struct speadi_rx_config *config,
                        struct spead_err *err)
{
    for (uint32_t i = 0; i < config->count; i++) {
        struct source *source = &e->source[i];
        int rc = speadi_udp_source_open(&source->socket, config, i, err);

        if (rc < 0)
            return rc;
        e->source_count++;
        if (watch(e, source->socket.fd, i) < 0)
            return speadi_err_errno(err, "socket engine: epoll_ctl");
    }
    return 0;
}

static int socket_open(void *self, const struct speadi_rx_config *config,
                       struct speadi_rx_facts *facts, struct spead_err *err)
{
    struct socket_engine *e = self;
    int rc;

    e->bell.fd = -1;
    e->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (e->epoll < 0)
        return speadi_err_errno(err, "socket engine: epoll_create1");
    rc = speadi_wakeup_open(&e->bell);
    if (rc < 0)
        return speadi_err_set(err, rc, "socket engine: eventfd: %s", strerror(-rc));
    if (watch(e, e->bell.fd, BELL) < 0)
        return speadi_err_errno(err, "socket engine: epoll_ctl");
    e->buffers = aligned_alloc(64, (size_t)BUFFERS * BUFFER_STRIDE);
    e->heads = aligned_alloc(64, SPEADI_HEADS_BYTES);
    if (!e->buffers || !e->heads)
        return speadi_err_set(err, -ENOMEM, "socket engine: no memory for receive buffers");
    rc = open_sources(e, config, err);
    if (rc == 0)
        facts->buffer_bytes = e->source[0].socket.buffer_bytes;
    return rc;
}

static void socket_close(void *self)
{
    struct socket_engine *e = self;

    for (unsigned i = 0; i < e->source_count; i++)
        speadi_udp_close(&e->source[i].socket);
    e->source_count = 0;
    speadi_wakeup_close(&e->bell);
    if (e->epoll >= 0)
        close(e->epoll);
    e->epoll = -1;
    free(e->buffers);
    free(e->heads);
    e->buffers = e->heads = NULL;
}

/* ---- One receive --------------------------------------------------------------------------- */

static uint8_t *buffer(const struct socket_engine *e, unsigned entry)
{
    return e->buffers + (size_t)entry * BUFFER_STRIDE;
}

/* Asks for one more message, into iov_count iovecs from e->iov_count on. */
static void add_entry(struct socket_engine *e, unsigned entry, unsigned iov_count)
{
    e->header[entry].msg_hdr = (struct msghdr){
        .msg_iov = &e->iov[e->iov_count],
        .msg_iovlen = iov_count,
        .msg_control = e->control[entry],
        .msg_controllen = SPEADI_GRO_CONTROL_BYTES,
    };
    e->iov_count += iov_count;
}

/* Messages as before, about as many as fill BURST_BYTES. */
static unsigned ask_bounce(struct socket_engine *e, const struct source *source, unsigned room)
{
    uint32_t each = source->message_bytes ? source->message_bytes : SPEADI_MESSAGE_BYTES_MAX;
    unsigned count = BURST_BYTES / each;

    count = count ? count : 1;
    count = count < room ? count : room;
    for (unsigned i = e->entry_count; i < e->entry_count + count; i++) {
        e->entry[i].scatter.slots = 0;
        e->iov[e->iov_count] = (struct iovec){buffer(e, i), SPEADI_MESSAGE_BYTES_MAX};
        add_entry(e, i, 1);
    }
    return count;
}

/* Spreads the source's ranges over messages of as many packets as trains had of late. */
static unsigned ask_placed(struct socket_engine *e, const struct source *source, unsigned room)
{
    unsigned train = source->train.packets ? source->train.packets : source->offered;
    unsigned count = 0;

    for (unsigned done = 0; done < source->offered && count < room; count++) {
        unsigned at = source->first_offer + done, left = source->offered - done;
        struct speadi_scatter *scatter = &e->entry[e->entry_count + count].scatter;

        *scatter =
            (struct speadi_scatter){.iov = &e->iov[e->iov_count], .first_place = e->ended + at};
        speadi_scatter_build(scatter, &e->offer[at], left < train ? left : train,
                             source->head_bytes, e->heads + at * SPEADI_HEAD_STRIDE,
                             buffer(e, e->entry_count + count));
        add_entry(e, e->entry_count + count, 2 * scatter->slots + 1);
        done += scatter->slots;
    }
    return count;
}

static void learn(struct source *source, const struct speadi_message *message)
{
    uint32_t bytes = message->true_bytes ? message->true_bytes : 1;

    source->message_bytes = source->message_bytes ? (3 * source->message_bytes + bytes) / 4 : bytes;
    speadi_train_guess_learn(&source->train, speadi_message_segments(message));
}

static void take_message(struct socket_engine *e, unsigned index, uint64_t now)
{
    struct entry *entry = &e->entry[e->entry_count];
    struct mmsghdr *header = &e->header[e->entry_count];
    uint32_t room = 0, bytes = header->msg_len; /* the true length, by MSG_TRUNC */

    for (size_t i = 0; i < header->msg_hdr.msg_iovlen; i++)
        room += (uint32_t)header->msg_hdr.msg_iov[i].iov_len;
    entry->message = (struct speadi_message){
        .data = buffer(e, e->entry_count),
        .held_bytes = bytes < room ? bytes : room,
        .true_bytes = bytes,
        .segment_bytes = speadi_gro_segment_bytes(&header->msg_hdr, bytes),
        .source = (uint16_t)index,
        .time_ns = now,
    };
    learn(&e->source[index], &entry->message);
    e->round_bytes += bytes;
    e->entry_count++;
    e->messages++;
}

/* Returns 0 or -errno. */
static int receive_source(struct socket_engine *e, unsigned index)
{
    struct source *source = &e->source[index];
    unsigned first = e->entry_count, room = BUFFERS - first, first_iov = e->iov_count;
    unsigned asked = source->offered ? ask_placed(e, source, room) : ask_bounce(e, source, room);
    int got = recvmmsg(source->socket.fd, &e->header[first], asked, MSG_DONTWAIT | MSG_TRUNC, NULL);
    uint64_t now;

    e->iov_count = first_iov;
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    now = speadi_clock_utc_ns();
    for (int i = 0; i < got; i++) {
        e->iov_count += (unsigned)e->header[e->entry_count].msg_hdr.msg_iovlen;
        take_message(e, index, now);
    }
    return 0;
}

/* ---- Rounds over the sources --------------------------------------------------------------- */

/* Adds the sources that have data to the round. timeout NULL: no limit. Returns whether the bell rang. */
static bool look(struct socket_engine *e, const struct timespec *timeout)
{
    struct epoll_event event[SPEADI_RX_SOURCES_MAX + 1];
    int count = epoll_pwait2(e->epoll, event, SPEADI_RX_SOURCES_MAX + 1, timeout, NULL);
    bool rang = false;

    for (int i = 0; i < count; i++) {
        if (event[i].data.u32 == BELL)
            rang = true;
        else
            e->round |= 1ull << event[i].data.u32;
    }
    return rang;
}

/* One receive from each source of the round, until the burst's bytes are there. */
static int serve(struct socket_engine *e)
{
    while (e->round && e->entry_count < BUFFERS && e->round_bytes < BURST_BYTES) {
        unsigned index = (unsigned)__builtin_ctzll(e->round);
        int rc = receive_source(e, index);

        e->round &= e->round - 1;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int receive(struct socket_engine *e)
{
    int rc;

    e->entry_count = e->entry_next = 0;
    e->iov_count = 0;
    e->round_bytes = 0;
    if (e->source_count == 1) {
        e->round = 1;
        return serve(e);
    }
    rc = serve(e);
    if (rc == 0 && e->entry_count == 0) {
        (void)look(e, &(struct timespec){0}); /* the bell is for wait(): it rings on */
        rc = serve(e);
    }
    return rc;
}

/* ---- Operations ---------------------------------------------------------------------------- */

static void lend(struct socket_engine *e, struct speadi_rx_burst *burst)
{
    for (; e->entry_next < e->entry_count; e->entry_next++) {
        struct entry *entry = &e->entry[e->entry_next];
        unsigned slots = entry->scatter.slots;

        if (slots) {
            if (burst->count + slots > SPEADI_RX_BURST_MAX)
                return;
            entry->scatter.slots = 0;
            if (!speadi_scatter_settle(
                    &(struct speadi_scatter){entry->scatter.iov, slots, entry->scatter.first_place},
                    &entry->message, burst))
                continue;
        }
        if (!speadi_message_lend(&entry->message, burst))
            return;
    }
}

static void end_reservations(struct socket_engine *e)
{
    for (unsigned i = 0; i < e->source_count; i++)
        e->source[i].offered = 0;
    e->offer_count = 0;
    e->ended = e->accepted;
}

static bool all_lent(const struct socket_engine *e)
{
    return e->entry_next == e->entry_count;
}

static int socket_poll(void *self, struct speadi_rx_burst *burst)
{
    struct socket_engine *e = self;

    burst->count = 0;
    if (all_lent(e) && !e->error)
        e->error = receive(e);
    lend(e, burst);
    if (all_lent(e) && e->ended != e->accepted)
        end_reservations(e);
    burst->reservations_ended = e->ended;
    return burst->count ? (int)burst->count : e->error;
}

static void socket_give_back(void *self, struct speadi_rx_burst *burst)
{
    (void)self; /* buffers are used again by the next receive, not before */
    burst->count = 0;
}

static unsigned socket_reserve(void *self, uint16_t source, uint32_t head_bytes,
                               const struct speadi_rx_range *ranges, unsigned count)
{
    struct socket_engine *e = self;
    struct source *s = &e->source[source];
    unsigned room = SPEADI_RX_RESERVE_MAX - e->offer_count;

    /* One offer a source and receive; and none while its last message is not wholly lent. */
    if (!all_lent(e) || s->offered || !head_bytes || head_bytes > SPEADI_HEAD_BYTES_MAX)
        return 0;
    count = count < room ? count : room;
    memcpy(&e->offer[e->offer_count], ranges, count * sizeof *ranges);
    s->offered = count;
    s->first_offer = e->offer_count;
    s->head_bytes = head_bytes;
    e->offer_count += count;
    e->accepted += count;
    return count;
}

/* Nothing is posted between polls: dropping the offers is enough. */
static void socket_unreserve(void *self)
{
    struct socket_engine *e = self;

    if (all_lent(e))
        end_reservations(e);
}

static void socket_wait(void *self, uint64_t deadline_ns)
{
    struct socket_engine *e = self;
    struct timespec left = {0};
    uint64_t now = speadi_clock_mono_ns();

    if (!all_lent(e))
        return;
    if (deadline_ns > now)
        left = speadi_clock_timespec(deadline_ns - now);
    e->sleeps++;
    if (look(e, deadline_ns == UINT64_MAX ? NULL : &left))
        speadi_wakeup_clear(&e->bell);
}

static void socket_wake(void *self)
{
    struct socket_engine *e = self;

    speadi_wakeup_ring(&e->bell);
}

static void socket_counters(void *self, struct speadi_rx_counters *counters)
{
    struct socket_engine *e = self;

    *counters = (struct speadi_rx_counters){.messages = e->messages,
                                            .sleeps = e->sleeps,
                                            .memory_bytes = (uint64_t)BUFFERS * BUFFER_STRIDE +
                                                            SPEADI_HEADS_BYTES};
    for (unsigned i = 0; i < e->source_count; i++)
        counters->kernel_drops += speadi_udp_drops(e->source[i].socket.fd);
}

const struct speadi_rx_engine_ops speadi_rx_engine_socket = {
    .name = "socket",
    .state_size = sizeof(struct socket_engine),
    .caps = SPEADI_RX_CAP_PLACED | SPEADI_RX_CAP_UDP,
    .open = socket_open,
    .close = socket_close,
    .poll = socket_poll,
    .give_back = socket_give_back,
    .reserve = socket_reserve,
    .unreserve = socket_unreserve,
    .wait = socket_wait,
    .wake = socket_wake,
    .quiesce = socket_unreserve,
    .counters = socket_counters,
};
