/* Faults between a receive engine and the core: loss, duplicates, late and damaged packets, delay,
 * stalls, as a seeded specification says.
 *
 * A packet passes three stages: the dice (it is dropped, changed or doubled), the delay line, and the
 * list of those that others overtake. What is changed or held is a copy, so that the inner engine's loan
 * can end; when the store of copies is full, a packet passes as it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/fault.h>
#include <speadi/fault_hold.h>
#include <speadi/numbers.h>
#include <speadi/wake_fd.h>

#include "rx_engine.h"

#define COPIES_MAX 2048u
#define NO_COPY    (-1)

/* A packet on its way through the stages. */
struct passing {
    struct speadi_rx_packet packet;
    int copy;            /* its number in the hold, or NO_COPY: it is the inner engine's loan */
    uint32_t overtakers; /* packets that go first, once its delay is over */
};

struct fault_engine {
    struct speadi_rx_engine_ops ops; /* the inner engine's, with our functions */
    const struct speadi_rx_engine_ops *inner_ops;
    void *inner;
    struct speadi_fault_dice dice;
    struct speadi_wake_fd wake_fd; /* ends a wait in a stall */
    uint64_t start_ns;
    bool hurry;  /* after quiesce(): nothing is held or stalled any more */
    bool report; /* after unreserve(): the next poll must ask the inner engine */
    int error;   /* the inner engine's last word */

    struct speadi_fault_hold hold;
    struct passing kept[COPIES_MAX]; /* what is delayed or late, by the number of its copy */

    struct speadi_rx_burst in;          /* the inner engine's loan */
    unsigned in_left;                   /* packets of it still to be looked at */
    uint16_t lent[SPEADI_RX_BURST_MAX]; /* copies in the burst that is out */
    unsigned lent_count;
};

/* ---- Stages -------------------------------------------------------------------------------- */

/* How many packets can be added while each one still to be looked at keeps its room. */
static unsigned room(const struct fault_engine *e, const struct speadi_rx_burst *out)
{
    return SPEADI_RX_BURST_MAX - out->count - e->in_left;
}

static void lend(struct fault_engine *e, const struct speadi_rx_packet *packet, int copy,
                 struct speadi_rx_burst *out)
{
    out->packet[out->count++] = *packet;
    if (copy != NO_COPY)
        e->lent[e->lent_count++] = (uint16_t)copy;
}

/* Lends the late packets that enough others have overtaken; all: every one. */
static void lend_late(struct fault_engine *e, bool all, struct speadi_rx_burst *out)
{
    uint16_t copies[SPEADI_RX_BURST_MAX];
    uint32_t count = speadi_fault_hold_take_late(&e->hold, all, copies, room(e, out));

    for (uint32_t i = 0; i < count; i++)
        lend(e, &e->kept[copies[i]].packet, copies[i], out);
}

/* Last stage: to the burst, past the late ones, or among them. */
static void pass(struct fault_engine *e, const struct passing *passing, struct speadi_rx_burst *out)
{
    if (passing->overtakers && !e->hurry) {
        speadi_fault_hold_back(&e->hold, (uint16_t)passing->copy, passing->overtakers);
        return;
    }
    lend(e, &passing->packet, passing->copy, out);
    speadi_fault_hold_overtaken(&e->hold, 1);
    lend_late(e, false, out);
}

/* Second stage. A packet that is no copy cannot wait, and its room is kept; a duplicate that finds none
 * waits for the next burst. */
static void delay(struct fault_engine *e, const struct passing *passing, uint64_t now,
                  struct speadi_rx_burst *out)
{
    bool undelayed = !e->dice.spec.delay_ns || e->hurry;

    if (passing->copy == NO_COPY) {
        pass(e, passing, out);
        return;
    }
    e->kept[passing->copy] = *passing;
    if (undelayed && room(e, out) > 0)
        pass(e, passing, out);
    else
        speadi_fault_hold_delay(&e->hold, (uint16_t)passing->copy, now + e->dice.spec.delay_ns);
}

static void lend_delayed(struct fault_engine *e, uint64_t now, struct speadi_rx_burst *out)
{
    uint64_t due_by = e->hurry || e->error ? UINT64_MAX : now;
    int copy;

    while (room(e, out) > 0 && (copy = speadi_fault_hold_due(&e->hold, due_by)) >= 0) {
        speadi_fault_hold_pop(&e->hold);
        pass(e, &e->kept[copy], out);
    }
}

/* Copies a packet, changed as the verdict says, into *copied: linear and UNPLACED. Returns the copy's number,
 * or NO_COPY when the hold is full. */
static int copy_packet(struct fault_engine *e, const struct speadi_rx_packet *packet,
                       const struct speadi_fault_decision *verdict, struct speadi_rx_packet *copied)
{
    const struct iovec pieces[] = {
        {(uint8_t *)(uintptr_t)packet->head, packet->head_bytes}, /* only read */
        {(uint8_t *)(uintptr_t)packet->body, packet->body_bytes},
        {(uint8_t *)(uintptr_t)packet->tail, packet->tail_bytes},
    };
    struct iovec bytes;
    int copy = speadi_fault_hold_take(&e->hold, pieces, 3, verdict, &bytes);

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

static void drop(struct fault_engine *e, const struct speadi_rx_packet *packet,
                 struct speadi_rx_burst *out)
{
    struct speadi_rx_packet dropped = {
        .datagram_bytes = packet->datagram_bytes,
        .source = packet->source,
        .flags = packet->flags | SPEADI_RX_INJECTED_DROP,
        .segments = packet->segments,
        .time_ns = packet->time_ns,
        .place = SPEADI_RX_UNPLACED,
    };

    lend(e, &dropped, NO_COPY, out);
}

static void duplicate(struct fault_engine *e, const struct speadi_rx_packet *packet,
                      const struct speadi_fault_decision *verdict, uint64_t now,
                      struct speadi_rx_burst *out)
{
    struct passing passing = {0};

    passing.copy = copy_packet(e, packet, verdict, &passing.packet);
    if (passing.copy != NO_COPY)
        delay(e, &passing, now, out);
}

/* First stage. */
static void judge(struct fault_engine *e, const struct speadi_rx_packet *packet, uint64_t now,
                  struct speadi_rx_burst *out)
{
    uint32_t bytes = packet->datagram_bytes;
    struct speadi_fault_decision verdict = speadi_fault_roll(&e->dice, bytes);
    bool changed = verdict.keep_bytes < bytes || verdict.flip_bit / 8 < bytes;
    struct passing passing = {.packet = *packet, .copy = NO_COPY};

    e->in_left--;
    if (verdict.drop) {
        drop(e, packet, out);
        return;
    }
    if (packet->flags & (SPEADI_RX_TRUNCATED | SPEADI_RX_REFUSED)) {
        pass(e, &passing, out);
        return;
    }
    if (changed || verdict.hold || e->dice.spec.delay_ns)
        passing.copy = copy_packet(e, packet, &verdict, &passing.packet);
    if (passing.copy != NO_COPY)
        passing.overtakers = verdict.hold;
    delay(e, &passing, now, out);
    if (verdict.duplicate)
        duplicate(e, packet, &verdict, now, out);
}

/* ---- Polling ------------------------------------------------------------------------------- */

static uint64_t stall_end(const struct fault_engine *e, uint64_t now)
{
    return e->hurry ? 0 : speadi_fault_stall_end(&e->dice.spec, e->start_ns, now);
}

/* One burst of the inner engine through the stages. Returns what its poll() said. */
static int take_burst(struct fault_engine *e, uint64_t now, struct speadi_rx_burst *out)
{
    int ret = e->error ? e->error : e->inner_ops->poll(e->inner, &e->in);

    e->in_left = ret > 0 ? (unsigned)ret : 0;
    e->error = ret < 0 ? ret : 0;
    lend_delayed(e, now, out);
    for (int i = 0; i < ret; i++)
        judge(e, &e->in.packet[i], now, out);
    if (ret <= 0) /* nothing follows that could overtake them */
        lend_late(e, true, out);
    if (ret > 0 && !out->count) /* all are held, as copies: the caller will see no loan */
        e->inner_ops->give_back(e->inner, &e->in);
    return ret;
}

static int fault_poll(void *self, struct speadi_rx_burst *out)
{
    struct fault_engine *e = self;
    uint64_t now = speadi_clock_mono_ns();
    bool asked = e->report || !stall_end(e, now);
    int ret;

    out->count = 0;
    if (asked) {
        e->report = false;
        do
            ret = take_burst(e, now, out);
        while (ret > 0 && !out->count);
    }
    out->reservations_ended = e->in.reservations_ended;
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
    if (e->hold.late_count || (e->hold.delayed_count && e->hurry))
        return;
    e->inner_ops->wait(e->inner, speadi_min_u64(deadline_ns, due_ns));
}

static void fault_wake(void *self)
{
    struct fault_engine *e = self;

    speadi_wake_fd_signal(&e->wake_fd);
    e->inner_ops->wake(e->inner);
}

/* ---- The rest is the inner engine's -------------------------------------------------------- */

/* Most faults are made on copies, and those on the CPU. */
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

static unsigned fault_reserve(void *self, uint16_t source, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count)
{
    struct fault_engine *e = self;

    return e->inner_ops->reserve(e->inner, source, head_bytes, ranges, count);
}

static unsigned fault_ahead(void *self)
{
    struct fault_engine *e = self;

    return e->inner_ops->ahead(e->inner);
}

static void fault_unreserve(void *self)
{
    struct fault_engine *e = self;

    e->inner_ops->unreserve(e->inner);
    e->report = true;
}

static void fault_quiesce(void *self)
{
    struct fault_engine *e = self;

    e->inner_ops->quiesce(e->inner);
    e->hurry = true;
}

static uint64_t fault_now(void *self)
{
    struct fault_engine *e = self;

    return e->inner_ops->now(e->inner);
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

static void set_ops(struct fault_engine *e, const struct speadi_rx_engine_ops *inner)
{
    e->inner_ops = inner;
    e->ops = *inner;
    e->ops.state_size = sizeof *e;
    e->ops.open = NULL; /* it is open */
    e->ops.close = fault_close;
    e->ops.attach = fault_attach;
    e->ops.start = fault_start;
    e->ops.poll = fault_poll;
    e->ops.give_back = fault_give_back;
    e->ops.reserve = fault_reserve;
    e->ops.ahead = inner->ahead ? fault_ahead : NULL;
    e->ops.unreserve = fault_unreserve;
    e->ops.wait = fault_wait;
    e->ops.wake = fault_wake;
    e->ops.now = inner->now ? fault_now : NULL;
    e->ops.quiesce = fault_quiesce;
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
        return speadi_err_set(err, ret, "injecting faults: eventfd: %s", strerror(-ret));
    }
    speadi_fault_dice_init(&e->dice, &spec);
    e->start_ns = speadi_clock_mono_ns();
    e->inner = *state;
    set_ops(e, *ops);
    *ops = &e->ops;
    *state = e;
    return 0;
}
