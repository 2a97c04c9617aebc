/* SPDX-License-Identifier: Apache-2.0 */
/* The fault decorator for receive engines. It stands between an engine (the inner engine) and the core, and makes
 * faults as a seeded specification says: loss, duplicates, late packets, damaged packets, delay, stalls.
 *
 * Each packet passes three stages. First the dice drop it, change it or repeat it. Then it waits in the delay line.
 * Last it may be held back until other packets have overtaken it. The decorator changes and holds only copies of
 * packets, so it can give the burst of the inner engine back. When it has no free buffer for a copy, the packet passes
 * unchanged.
 *
 * Threads: only the owner thread of the stream uses the decorator; other threads may only call wake(). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/fault.h>
#include <speadi/fault_hold.h>
#include <speadi/numbers.h>
#include <speadi/wake_fd.h>

#include "rx_from.h"

#define COPIES_MAX 2048u
#define NO_COPY    (-1)

/* A packet between two stages. */
struct staged {
    struct speadi_rx_packet packet;
    /* The sender of the packet. A packet that is held is lent in a later burst, which has other entries. */
    struct speadi_rx_from from;
    /* Number of the packet's copy in fault_engine.hold. NO_COPY if it was not copied, and the inner engine lends it. */
    int copy;
    uint32_t overtakers; /* how many other packets must overtake it after the delay */
};

struct fault_engine {
    /* The operations of the decorator. It is a copy of the operations of the inner engine, in which functions of this
     * file replace some. */
    struct speadi_rx_engine_ops ops;
    const struct speadi_rx_engine_ops *inner_ops;
    void *inner;
    struct speadi_fault_dice dice;
    struct speadi_wake_fd wake_fd; /* wake() signals it to end a wait() during a stall */
    uint64_t start_ns;
    bool quiesced; /* quiesce() was called: packets are no longer delayed, held back or stalled */
    /* unreserve() was called, so the next poll() must poll the inner engine even during a stall. */
    bool ask_inner;
    int error; /* -errno that poll() of the inner engine has returned, or 0 */

    struct speadi_fault_hold hold;
    struct staged kept[COPIES_MAX]; /* the held packets; the index is the number of the copy */

    struct speadi_rx_burst in; /* the burst that the inner engine lends */
    unsigned in_left;          /* number of packets of `in` that have not passed the first stage */
    uint16_t lent[SPEADI_RX_BURST_MAX]; /* numbers of the copies in the burst that is lent now */
    unsigned lent_count;
};

/* ---- Stages -------------------------------------------------------------------------------- */

/* Returns how many held packets the burst can take now. It keeps room for the in_left packets that have not passed the
 * first stage. */
static unsigned room(const struct fault_engine *e, const struct speadi_rx_burst *out)
{
    return SPEADI_RX_BURST_MAX - out->count - e->in_left;
}

static void lend(struct fault_engine *e, const struct staged *staged, struct speadi_rx_burst *out)
{
    struct speadi_rx_packet *packet = &out->packet[out->count++];

    *packet = staged->packet;
    packet->from = speadi_rx_from_add(out, &staged->from);
    if (staged->copy != NO_COPY)
        e->lent[e->lent_count++] = (uint16_t)staged->copy;
}

/* Late packets are packets that are held back until others have overtaken them. Lends those that enough others have
 * overtaken, or all late packets if `all` is true. */
static void lend_late(struct fault_engine *e, bool all, struct speadi_rx_burst *out)
{
    uint16_t copies[SPEADI_RX_BURST_MAX];
    uint32_t count = speadi_fault_hold_take_late(&e->hold, all, copies, room(e, out));

    for (uint32_t i = 0; i < count; i++)
        lend(e, &e->kept[copies[i]], out);
}

/* Third stage. Either holds the packet back until others have overtaken it (the packet is then "late"), or adds the
 * packet to the burst. A packet that is added overtakes all late packets. */
static void reorder(struct fault_engine *e, const struct staged *staged,
                    struct speadi_rx_burst *out)
{
    if (staged->overtakers && !e->quiesced) {
        speadi_fault_hold_back(&e->hold, (uint16_t)staged->copy, staged->overtakers);
        return;
    }
    lend(e, staged, out);
    speadi_fault_hold_overtaken(&e->hold, 1);
    lend_late(e, false, out);
}

/* Second stage. A packet that was not copied cannot wait, but the burst always has room for such a packet. If the burst
 * has no room for a copy (a duplicate, for example), the copy waits for the next burst. */
static void delay(struct fault_engine *e, const struct staged *staged, uint64_t now,
                  struct speadi_rx_burst *out)
{
    bool undelayed = !e->dice.spec.delay_ns || e->quiesced;

    if (staged->copy == NO_COPY) {
        reorder(e, staged, out);
        return;
    }
    e->kept[staged->copy] = *staged;
    if (undelayed && room(e, out) > 0)
        reorder(e, staged, out);
    else
        speadi_fault_hold_delay(&e->hold, (uint16_t)staged->copy, now + e->dice.spec.delay_ns);
}

static void lend_delayed(struct fault_engine *e, uint64_t now, struct speadi_rx_burst *out)
{
    uint64_t due_by = e->quiesced || e->error ? UINT64_MAX : now;
    int copy;

    while (room(e, out) > 0 && (copy = speadi_fault_hold_due(&e->hold, due_by)) >= 0) {
        speadi_fault_hold_pop(&e->hold);
        reorder(e, &e->kept[copy], out);
    }
}

/* Copies a packet and changes the copy as the decision says. *copied describes the copy: all its bytes are in its head,
 * and it is UNPLACED. Returns the number of the copy, or NO_COPY when no buffer is free. */
static int copy_packet(struct fault_engine *e, const struct speadi_rx_packet *packet,
                       const struct speadi_fault_decision *decision,
                       struct speadi_rx_packet *copied)
{
    const struct iovec pieces[] = {
        /* the cast drops const, but the bytes are only read */
        {(uint8_t *)(uintptr_t)packet->head, packet->head_bytes},
        {(uint8_t *)(uintptr_t)packet->body, packet->body_bytes},
        {(uint8_t *)(uintptr_t)packet->tail, packet->tail_bytes},
    };
    struct iovec bytes;
    int copy = speadi_fault_hold_take(&e->hold, pieces, 3, decision, &bytes);

    if (copy < 0)
        return NO_COPY;
    *copied = *packet;
    copied->head = bytes.iov_base;
    copied->head_bytes = copied->datagram_bytes = (uint32_t)bytes.iov_len;
    copied->body = copied->tail = NULL;
    copied->body_bytes = copied->tail_bytes = 0;
    copied->place = SPEADI_RX_UNPLACED;
    return copy;
}

/* Lends the packet as an injected drop: its bytes are gone, but the core still counts it. */
static void drop(struct fault_engine *e, const struct staged *staged, struct speadi_rx_burst *out)
{
    const struct speadi_rx_packet *packet = &staged->packet;
    const struct staged dropped = {
        .packet =
            {
                .datagram_bytes = packet->datagram_bytes,
                .source = packet->source,
                .flags = packet->flags | SPEADI_RX_INJECTED_DROP,
                .segments = packet->segments,
                .time_ns = packet->time_ns,
                .place = SPEADI_RX_UNPLACED,
            },
        .from = staged->from,
        .copy = NO_COPY,
    };

    lend(e, &dropped, out);
}

static void duplicate(struct fault_engine *e, const struct speadi_rx_packet *packet,
                      const struct speadi_fault_decision *decision, uint64_t now,
                      struct speadi_rx_burst *out)
{
    struct staged staged = {.from = e->in.from[packet->from]};

    staged.copy = copy_packet(e, packet, decision, &staged.packet);
    if (staged.copy != NO_COPY)
        delay(e, &staged, now, out);
}

/* First stage: the dice decide what happens to the packet. */
static void roll(struct fault_engine *e, const struct speadi_rx_packet *packet, uint64_t now,
                 struct speadi_rx_burst *out)
{
    uint32_t bytes = packet->datagram_bytes;
    struct speadi_fault_decision decision = speadi_fault_roll(&e->dice, bytes);
    bool changed = decision.keep_bytes < bytes || decision.flip_bit / 8 < bytes;
    struct staged staged = {.packet = *packet, .from = e->in.from[packet->from], .copy = NO_COPY};

    e->in_left--;
    if (decision.drop) {
        drop(e, &staged, out);
        return;
    }
    if (packet->flags & (SPEADI_RX_TRUNCATED | SPEADI_RX_REFUSED)) {
        reorder(e, &staged, out);
        return;
    }
    if (changed || decision.hold || e->dice.spec.delay_ns)
        staged.copy = copy_packet(e, packet, &decision, &staged.packet);
    if (staged.copy != NO_COPY)
        staged.overtakers = decision.hold;
    delay(e, &staged, now, out);
    if (decision.duplicate)
        duplicate(e, packet, &decision, now, out);
}

/* ---- Polling ------------------------------------------------------------------------------- */

static uint64_t stall_end(const struct fault_engine *e, uint64_t now)
{
    return e->quiesced ? 0 : speadi_fault_stall_end(&e->dice.spec, e->start_ns, now);
}

/* Polls the inner engine and takes its packets through the stages. Returns the result of the inner poll(). */
static int poll_inner(struct fault_engine *e, uint64_t now, struct speadi_rx_burst *out)
{
    int ret = e->error ? e->error : e->inner_ops->poll(e->inner, &e->in);

    e->in_left = ret > 0 ? (unsigned)ret : 0;
    e->error = ret < 0 ? ret : 0;
    lend_delayed(e, now, out);
    for (int i = 0; i < ret; i++)
        roll(e, &e->in.packet[i], now, out);
    if (ret <= 0) /* no packet comes now that could overtake the late packets */
        lend_late(e, true, out);
    /* When all packets are held as copies, nothing is lent, and the core will not call give_back(). So this function
     * gives the inner burst back. */
    if (ret > 0 && !out->count)
        e->inner_ops->give_back(e->inner, &e->in);
    return ret;
}

static int fault_poll(void *self, struct speadi_rx_burst *out)
{
    struct fault_engine *e = self;
    uint64_t now = speadi_clock_mono_ns();
    bool asked = e->ask_inner || !stall_end(e, now);
    int ret;

    speadi_rx_burst_begin(out);
    if (asked) {
        e->ask_inner = false;
        do
            ret = poll_inner(e, now, out);
        while (ret > 0 && !out->count);
    }
    memcpy(out->reservations_ended, e->in.reservations_ended, sizeof out->reservations_ended);
    out->clock = e->in.clock;
    out->clock_error_ns = e->in.clock_error_ns;
    return out->count ? (int)out->count : e->error;
}

static void fault_give_back(void *self, struct speadi_rx_burst *out)
{
    struct fault_engine *e = self;

    while (e->lent_count)
        speadi_fault_hold_give_back(&e->hold, e->lent[--e->lent_count]);
    if (e->in.count)
        e->inner_ops->give_back(e->inner, &e->in);
    e->in.count = 0;
    out->count = 0;
}

static void fault_wait(void *self, uint64_t deadline_ns)
{
    struct fault_engine *e = self;
    uint64_t stalled_until = stall_end(e, speadi_clock_mono_ns());
    uint64_t due_ns = speadi_fault_hold_next_due_ns(&e->hold);

    if (stalled_until) {
        speadi_wake_fd_wait(&e->wake_fd, NULL, 0, 0, speadi_min_u64(deadline_ns, stalled_until));
        return;
    }
    if (e->hold.late_count || (e->hold.delayed_count && e->quiesced))
        return;
    e->inner_ops->wait(e->inner, speadi_min_u64(deadline_ns, due_ns));
}

static void fault_wake(void *self)
{
    struct fault_engine *e = self;

    speadi_wake_fd_signal(&e->wake_fd);
    e->inner_ops->wake(e->inner);
}

/* ---- Operations that mostly call the inner engine ------------------------------------------- */

/* Tells the inner engine where the heap memory lies. Most faults need copies of packets, and the CPU makes these
 * copies. So this function refuses memory that the CPU cannot touch if the specification has other faults than loss and
 * stalls. */
static int fault_attach(void *self, const struct spead_region_info *memory, struct spead_err *err)
{
    struct fault_engine *e = self;
    const struct speadi_fault_spec *spec = &e->dice.spec;

    if (!memory->data && (spec->duplicate > 0 || spec->reorder > 0 || spec->truncate > 0 ||
                          spec->flip > 0 || spec->delay_ns > 0))
        return speadi_err_field(
            err, -ENOTSUP, "fault",
            ": payload placed into memory that the CPU cannot touch can be lost (loss, burst) or "
            "stalled, nothing else; or use path bounce");
    return e->inner_ops->attach ? e->inner_ops->attach(e->inner, memory, err) : 0;
}

static int fault_start(void *self, struct spead_err *err)
{
    struct fault_engine *e = self;

    return e->inner_ops->start ? e->inner_ops->start(e->inner, err) : 0;
}

static unsigned fault_reserve(void *self, uint16_t source, uint16_t queue, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count)
{
    struct fault_engine *e = self;

    return e->inner_ops->reserve(e->inner, source, queue, head_bytes, ranges, count);
}

static unsigned fault_ahead(void *self, uint16_t queue)
{
    struct fault_engine *e = self;

    return e->inner_ops->ahead(e->inner, queue);
}

static void fault_unreserve(void *self)
{
    struct fault_engine *e = self;

    e->inner_ops->unreserve(e->inner);
    e->ask_inner = true;
}

static void fault_quiesce(void *self)
{
    struct fault_engine *e = self;

    e->inner_ops->quiesce(e->inner);
    e->quiesced = true;
}

static uint64_t fault_now(void *self)
{
    struct fault_engine *e = self;

    return e->inner_ops->now(e->inner);
}

static double fault_fill(void *self)
{
    struct fault_engine *e = self;

    return e->inner_ops->fill(e->inner);
}

static void fault_refresh(void *self)
{
    struct fault_engine *e = self;

    e->inner_ops->refresh(e->inner);
}

static void fault_counters(void *self, struct speadi_rx_counters *counters)
{
    struct fault_engine *e = self;

    e->inner_ops->counters(e->inner, counters);
    counters->memory_bytes += e->inner_ops->state_size + speadi_fault_hold_bytes(&e->hold);
}

static void fault_close(void *self)
{
    struct fault_engine *e = self;

    e->inner_ops->close(e->inner);
    free(e->inner);
    speadi_fault_hold_release(&e->hold);
    speadi_wake_fd_close(&e->wake_fd);
}

static void fault_halt(void *self)
{
    struct fault_engine *e = self;

    e->inner_ops->halt(e->inner);
}

static void set_ops(struct fault_engine *e, const struct speadi_rx_engine_ops *inner)
{
    e->inner_ops = inner;
    e->ops = *inner;
    e->ops.state_size = sizeof *e;
    e->ops.open = NULL; /* the inner engine is open already */
    e->ops.close = fault_close;
    e->ops.attach = fault_attach;
    e->ops.start = fault_start;
    e->ops.poll = fault_poll;
    e->ops.give_back = fault_give_back;
    e->ops.reserve = fault_reserve;
    e->ops.ahead = inner->ahead ? fault_ahead : NULL;
    e->ops.unreserve = inner->unreserve ? fault_unreserve : NULL;
    e->ops.halt = inner->halt ? fault_halt : NULL;
    e->ops.wait = fault_wait;
    e->ops.wake = fault_wake;
    e->ops.now = inner->now ? fault_now : NULL;
    e->ops.fill = inner->fill ? fault_fill : NULL;
    e->ops.quiesce = fault_quiesce;
    e->ops.unread = NULL; /* poll() also lends what this decorator has held back */
    e->ops.refresh = inner->refresh ? fault_refresh : NULL;
    e->ops.counters = fault_counters;
}

int speadi_rx_engine_wrap_fault(const struct speadi_rx_engine_ops **ops, void **state,
                                const char *fault, struct spead_err *err)
{
    struct speadi_fault_spec spec;
    struct fault_engine *e;
    int ret = speadi_fault_parse(&spec, fault, err);

    if (ret < 0)
        return ret;
    e = calloc(1, sizeof *e);
    if (!e || speadi_fault_hold_init(&e->hold, COPIES_MAX) < 0) {
        free(e);
        return speadi_err_set(err, -ENOMEM, "no memory for injecting faults");
    }
    ret = speadi_wake_fd_open(&e->wake_fd);
    if (ret < 0) {
        speadi_fault_hold_release(&e->hold);
        free(e);
        return speadi_err_code(err, ret, "injecting faults: cannot make an eventfd");
    }
    speadi_fault_dice_init(&e->dice, &spec);
    e->start_ns = speadi_clock_mono_ns();
    e->inner = *state;
    set_ops(e, *ops);
    *ops = &e->ops;
    *state = e;
    return 0;
}
