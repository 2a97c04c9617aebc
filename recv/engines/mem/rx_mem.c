/* SPDX-License-Identifier: Apache-2.0 */
/* Receive engine `mem`: it lends packets directly from memory links, without loss.
 *
 * On the placed path it behaves as a NIC that posts receives ahead: a reservation stays outstanding, also over several
 * polls, until a packet of its source has used it. */
#include "rx_mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/mem_wire.h>
#include <speadi/wake_fd.h>

#include "reservations.h"
#include "rx_from.h"
#include "scatter.h"

/* at most so many packets are lent from one link before the next link is read */
#define LINK_PACKETS_MAX 64u

struct reservation {
    struct speadi_rx_range range;
    uint32_t head_bytes;
    uint16_t source;
    bool done;
};

struct mem_engine {
    struct spead_mem_link *link[SPEADI_RX_SOURCES_MAX];
    /* for each link: number of its packets in the burst that is lent now */
    size_t lent[SPEADI_RX_SOURCES_MAX];
    unsigned link_count;
    unsigned first_link; /* the link that the next poll reads first */
    unsigned poll_max, window;
    struct speadi_wake_fd wake_fd;
    uint8_t *heads;
    /* Reservation number r is at r % SPEADI_RX_RESERVE_USUAL. */
    struct reservation reservation[SPEADI_RX_RESERVE_USUAL];
    struct speadi_reservations numbers;
    uint64_t receives, sleeps;
};

static int mem_open(void *self, const struct speadi_rx_config *config,
                    struct speadi_rx_facts *facts, struct spead_err *err)
{
    /* the zeros in *facts are right: no socket, clock of the host, no limit of length */
    (void)facts;
    struct mem_engine *e = self;
    int ret = speadi_wake_fd_open(&e->wake_fd);

    if (ret < 0)
        return speadi_err_code(err, ret, "mem engine: cannot make an eventfd");
    e->heads = speadi_alloc_lines(SPEADI_HEADS_BYTES);
    if (!e->heads)
        return speadi_err_set(err, -ENOMEM, "mem engine: no memory for packet heads");
    for (uint32_t i = 0; i < config->count; i++) {
        e->link[i] = spead_mem_link_ref(config->links[i]);
        speadi_mem_wire_set_consumer_wake_fd(e->link[i], &e->wake_fd);
    }
    e->link_count = config->count;
    e->poll_max = SPEADI_RX_BURST_MAX;
    e->window = SPEADI_RX_RESERVE_USUAL;
    return 0;
}

static void mem_close(void *self)
{
    struct mem_engine *e = self;

    for (unsigned i = 0; i < e->link_count; i++) {
        speadi_mem_wire_set_consumer_wake_fd(e->link[i], NULL);
        spead_mem_link_unref(e->link[i]);
    }
    e->link_count = 0;
    speadi_wake_fd_close(&e->wake_fd);
    free(e->heads);
    e->heads = NULL;
}

void speadi_rx_mem_set_poll_max(void *self, unsigned packets)
{
    struct mem_engine *e = self;

    e->poll_max = packets < SPEADI_RX_BURST_MAX ? packets : SPEADI_RX_BURST_MAX;
}

void speadi_rx_mem_set_window(void *self, unsigned reservations)
{
    struct mem_engine *e = self;

    e->window = reservations < SPEADI_RX_RESERVE_USUAL ? reservations : SPEADI_RX_RESERVE_USUAL;
}

/* ---- Reservations -------------------------------------------------------------------------- */

/* Returns the oldest reservation of the source that waits for a packet, or numbers.accepted if there is none. */
static uint64_t oldest_waiting(const struct mem_engine *e, unsigned source)
{
    uint64_t r = e->numbers.ended;

    while (r < e->numbers.accepted) {
        const struct reservation *x = &e->reservation[r % SPEADI_RX_RESERVE_USUAL];

        if (!x->done && x->source == source)
            break;
        r++;
    }
    return r;
}

/* Copies the payload of the packet to the range of the oldest waiting reservation of its source. If the packet does not
 * fit, the packet stays where it is, and the reservation ends unused. */
static void place(struct mem_engine *e, struct speadi_rx_packet *packet)
{
    uint64_t r = oldest_waiting(e, packet->source);
    struct reservation *x = &e->reservation[r % SPEADI_RX_RESERVE_USUAL];
    uint8_t *head = e->heads + (r % SPEADI_RX_RESERVE_USUAL) * SPEADI_HEAD_STRIDE;
    uint32_t body_bytes;

    if (r == e->numbers.accepted)
        return;
    x->done = true;
    speadi_reservations_finish(&e->numbers, r);
    if (packet->head_bytes <= x->head_bytes || packet->head_bytes - x->head_bytes > x->range.bytes)
        return;
    body_bytes = packet->head_bytes - x->head_bytes;
    memcpy(head, packet->head, x->head_bytes);
    memcpy(x->range.data, packet->head + x->head_bytes, body_bytes);
    packet->head = head;
    packet->head_bytes = x->head_bytes;
    packet->body = x->range.data;
    packet->body_bytes = body_bytes;
    packet->place = r;
}

static unsigned mem_reserve(void *self, uint16_t source, uint16_t queue, uint32_t head_bytes,
                            const struct speadi_rx_range *ranges, unsigned count)
{
    struct mem_engine *e = self;
    unsigned accepted = 0;

    (void)queue;
    if (!head_bytes || head_bytes > SPEADI_HEAD_BYTES_MAX)
        return 0;
    while (accepted < count && e->numbers.accepted - e->numbers.ended < e->window)
        e->reservation[e->numbers.accepted++ % SPEADI_RX_RESERVE_USUAL] = (struct reservation){
            .range = ranges[accepted++], .head_bytes = head_bytes, .source = source};
    return accepted;
}

static void mem_unreserve(void *self)
{
    struct mem_engine *e = self;

    speadi_reservations_finish_all(&e->numbers);
}

/* ---- Operations ---------------------------------------------------------------------------- */

static void lend_from(struct mem_engine *e, unsigned index, uint64_t now,
                      struct speadi_rx_burst *burst)
{
    uint16_t from = 0;

    for (unsigned lent = 0; lent < LINK_PACKETS_MAX && burst->count < e->poll_max; lent++) {
        uint32_t bytes;
        const uint8_t *data = speadi_mem_wire_peek(e->link[index], e->lent[index], &bytes);

        if (!data)
            return;
        if (lent == 0)
            from = speadi_rx_from_add_unknown(burst, (uint16_t)index);
        burst->packet[burst->count] = (struct speadi_rx_packet){
            .head = data,
            .head_bytes = bytes,
            .datagram_bytes = bytes,
            .source = (uint16_t)index,
            .segments = 1,
            .from = from,
            .time_ns = now,
            .place = SPEADI_RX_UNPLACED,
        };
        place(e, &burst->packet[burst->count++]);
        e->lent[index]++;
        e->receives++;
    }
}

static bool ended(const struct mem_engine *e)
{
    for (unsigned i = 0; i < e->link_count; i++)
        if (!speadi_mem_wire_ended(e->link[i]))
            return false;
    return true;
}

static int mem_poll(void *self, struct speadi_rx_burst *burst)
{
    struct mem_engine *e = self;
    uint64_t now = speadi_clock_utc_ns();
    unsigned before;

    speadi_rx_burst_begin(burst);
    do { /* read all links again, until none of them has a packet */
        before = burst->count;
        for (unsigned i = 0; i < e->link_count; i++)
            lend_from(e, (e->first_link + i) % e->link_count, now, burst);
    } while (burst->count > before && burst->count < e->poll_max);
    e->first_link = (e->first_link + 1) % e->link_count;
    burst->reservations_ended[0] = e->numbers.ended;
    return !burst->count && ended(e) ? -ESHUTDOWN : (int)burst->count;
}

static void mem_give_back(void *self, struct speadi_rx_burst *burst)
{
    struct mem_engine *e = self;

    for (unsigned i = 0; i < e->link_count; i++) {
        if (e->lent[i])
            speadi_mem_wire_pop(e->link[i], e->lent[i]);
        e->lent[i] = 0;
    }
    burst->count = 0;
}

static void mem_wait(void *self, uint64_t deadline_ns)
{
    struct mem_engine *e = self;
    unsigned empty = 0;

    for (unsigned i = 0; i < e->link_count; i++) {
        if (speadi_mem_wire_consumer_may_sleep(e->link[i]))
            empty++;
        else if (!speadi_mem_wire_ended(e->link[i]))
            return;
    }
    if (!empty)
        return; /* all links have ended */
    e->sleeps++;
    speadi_wake_fd_wait(&e->wake_fd, NULL, 0, 0, deadline_ns);
}

/* The packets stay in their links, which may outlive the stream. */
static bool mem_unread(void *self, struct speadi_rx_burst *scratch, struct speadi_rx_unread *unread)
{
    struct mem_engine *e = self;

    (void)scratch;
    for (unsigned i = 0; i < e->link_count; i++) {
        struct spead_count count = speadi_mem_wire_waiting(e->link[i]);

        unread->count.packets += count.packets;
        unread->count.bytes += count.bytes;
    }
    return false;
}

static void mem_wake(void *self)
{
    struct mem_engine *e = self;

    speadi_wake_fd_signal(&e->wake_fd);
}

static double mem_fill(void *self)
{
    struct mem_engine *e = self;
    double most = 0;

    for (unsigned i = 0; i < e->link_count; i++) {
        double fill = speadi_mem_wire_fill(e->link[i]);

        most = fill > most ? fill : most;
    }
    return most;
}

static void mem_counters(void *self, struct speadi_rx_counters *counters)
{
    struct mem_engine *e = self;

    *counters = (struct speadi_rx_counters){
        .messages = e->receives, .sleeps = e->sleeps, .memory_bytes = SPEADI_HEADS_BYTES};
}

const struct speadi_rx_engine_ops speadi_rx_engine_mem = {
    .about = {.name = "mem", .endpoint = SPEAD_ENDPOINT_MEM_LINK, .rank = 40},
    .state_size = sizeof(struct mem_engine),
    .caps = SPEADI_RX_CAP_PLACED | SPEADI_RX_CAP_LOSSLESS | SPEADI_RX_CAP_AHEAD,
    .open = mem_open,
    .close = mem_close,
    .poll = mem_poll,
    .give_back = mem_give_back,
    .reserve = mem_reserve,
    .unreserve = mem_unreserve,
    .wait = mem_wait,
    .wake = mem_wake,
    .quiesce = mem_unreserve,
    .unread = mem_unread,
    .fill = mem_fill,
    .counters = mem_counters,
};
