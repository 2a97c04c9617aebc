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
#include <speadi/wakeup.h>

#include "packet_copies.h"
#include "rx_engine.h"

#define NO_COPY (-1)

struct held {
    struct speadi_rx_packet packet;
    int copy;           /* number in the store */
    uint32_t overtakes; /* packets that go first, once its delay is over */
    uint64_t due_ns;    /* end of its delay */
};

struct fault_engine {
    struct speadi_rx_engine_ops ops; /* the inner engine's, with our functions */
    const struct speadi_rx_engine_ops *inner_ops;
    void *inner;
    struct speadi_fault_dice dice;
    struct speadi_wakeup bell; /* ends a wait in a stall */
    uint64_t start_ns;
    bool hurry;  /* after quiesce(): nothing is held or stalled any more */
    bool report; /* after unreserve(): the next poll must ask the inner engine */
    int error;   /* the inner engine's last word */

    struct speadi_packet_copies copies;
    struct held delayed[SPEADI_COPIES_MAX]; /* the delay line, a ring in order of arrival */
    unsigned delayed_first, delayed_count;
    struct held late[SPEADI_COPIES_MAX]; /* being overtaken, in order of arrival */
    unsigned late_count;

    struct speadi_rx_burst in;     /* the inner engine's loan */
    unsigned in_left;              /* packets of it still to be looked at */
    int lent[SPEADI_RX_BURST_MAX]; /* copies in the burst that is out */
    unsigned lent_count;
};

/* ---- Stages -------------------------------------------------------------------------------- */

/* Whether a packet can be added while each one still to be looked at keeps its room. */
static bool has_room(const struct fault_engine *e, const struct speadi_rx_burst *out)
{
    return out->count + e->in_left < SPEADI_RX_BURST_MAX;
}

static void lend(struct fault_engine *e, const struct speadi_rx_packet *packet, int copy,
                 struct speadi_rx_burst *out)
{
    out->packet[out->count++] = *packet;
    if (copy != NO_COPY)
        e->lent[e->lent_count++] = copy;
}

/* Lends the late packets that enough others have overtaken; all: every one. */
static void lend_late(struct fault_engine *e, bool all, struct speadi_rx_burst *out)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < e->late_count; i++) {
        struct held *held = &e->late[i];

        if ((all || !held->overtakes) && has_room(e, out))
            lend(e, &held->packet, held->copy, out);
        else
            e->late[kept++] = *held;
    }
    e->late_count = kept;
}

/* Last stage: to the burst, past the late ones, or among them. */
static void pass(struct fault_engine *e, const struct held *held, struct speadi_rx_burst *out)
{
    if (held->overtakes && !e->hurry) {
        e->late[e->late_count++] = *held;
        return;
    }
    lend(e, &held->packet, held->copy, out);
    for (unsigned i = 0; i < e->late_count; i++)
        if (e->late[i].overtakes)
            e->late[i].overtakes--;
    lend_late(e, false, out);
}

/* Second stage. A packet that is no copy cannot wait, and its room is kept; a duplicate that finds none
 * waits for the next burst. */
static void delay(struct fault_engine *e, struct held *held, uint64_t now,
                  struct speadi_rx_burst *out)
{
    bool undelayed = !e->dice.spec.delay_ns || e->hurry;

    if (held->copy == NO_COPY || (undelayed && has_room(e, out))) {
        pass(e, held, out);
        return;
    }
    held->due_ns = now + e->dice.spec.delay_ns;
    e->delayed[(e->delayed_first + e->delayed_count++) % SPEADI_COPIES_MAX] = *held;
}

static void lend_delayed(struct fault_engine *e, uint64_t now, struct speadi_rx_burst *out)
{
    while (e->delayed_count && has_room(e, out)) {
        const struct held *held = &e->delayed[e->delayed_first];

        if (held->due_ns > now && !e->hurry && !e->error)
            return;
        e->delayed_first = (e->delayed_first + 1) % SPEADI_COPIES_MAX;
        e->delayed_count--;
        pass(e, held, out);
    }
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
                      const struct speadi_fault_verdict *verdict, uint64_t now,
                      struct speadi_rx_burst *out)
{
    struct held held = {0};

    held.copy = speadi_packet_copies_take(&e->copies, packet, verdict, &held.packet);
    if (held.copy != NO_COPY)
        delay(e, &held, now, out);
}

/* First stage. */
static void judge(struct fault_engine *e, const struct speadi_rx_packet *packet, uint64_t now,
                  struct speadi_rx_burst *out)
{
    uint32_t bytes = packet->datagram_bytes;
    struct speadi_fault_verdict verdict = speadi_fault_roll(&e->dice, bytes);
    bool changed = verdict.keep_bytes < bytes || verdict.flip_bit / 8 < bytes;
    struct held held = {.packet = *packet, .copy = NO_COPY};

    e->in_left--;
    if (verdict.drop) {
        drop(e, packet, out);
        return;
    }
    if (packet->flags & (SPEADI_RX_TRUNCATED | SPEADI_RX_REFUSED)) {
        pass(e, &held, out);
        return;
    }
    if (changed || verdict.hold || e->dice.spec.delay_ns)
        held.copy = speadi_packet_copies_take(&e->copies, packet, &verdict, &held.packet);
    if (held.copy != NO_COPY)
        held.overtakes = verdict.hold;
    delay(e, &held, now, out);
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
    int rc = e->error ? e->error : e->inner_ops->poll(e->inner, &e->in);

    e->in_left = rc > 0 ? (unsigned)rc : 0;
    e->error = rc < 0 ? rc : 0;
    lend_delayed(e, now, out);
    for (int i = 0; i < rc; i++)
        judge(e, &e->in.packet[i], now, out);
    if (rc <= 0) /* nothing follows that could overtake them */
        lend_late(e, true, out);
    if (rc > 0 && !out->count) /* all are held, as copies: the caller will see no loan */
        e->inner_ops->give_back(e->inner, &e->in);
    return rc;
}

static int fault_poll(void *self, struct speadi_rx_burst *out)
{
    struct fault_engine *e = self;
    uint64_t now = speadi_clock_mono_ns();
    bool asked = e->report || !stall_end(e, now);
    int rc;

    out->count = 0;
    if (asked) {
        e->report = false;
        do
            rc = take_burst(e, now, out);
        while (rc > 0 && !out->count);
    }
    out->reservations_ended = e->in.reservations_ended;
    return out->count ? (int)out->count : e->error;
}

static void fault_give_back(void *self, struct speadi_rx_burst *out)
{
    struct fault_engine *e = self;

    while (e->lent_count)
        speadi_packet_copies_give_back(&e->copies, e->lent[--e->lent_count]);
    if (e->in.count)
        e->inner_ops->give_back(e->inner, &e->in);
    e->in.count = 0;
    out->count = 0;
}

static void fault_wait(void *self, uint64_t deadline_ns)
{
    struct fault_engine *e = self;
    uint64_t stalled_until = stall_end(e, speadi_clock_mono_ns());
    uint64_t until = deadline_ns;

    if (stalled_until) {
        until = until < stalled_until ? until : stalled_until;
        speadi_wakeup_wait(&e->bell, NULL, 0, 0, until);
        return;
    }
    if (e->late_count || (e->delayed_count && e->hurry))
        return;
    if (e->delayed_count && e->delayed[e->delayed_first].due_ns < until)
        until = e->delayed[e->delayed_first].due_ns;
    e->inner_ops->wait(e->inner, until);
}

static void fault_wake(void *self)
{
    struct fault_engine *e = self;

    speadi_wakeup_ring(&e->bell);
    e->inner_ops->wake(e->inner);
}

/* ---- The rest is the inner engine's -------------------------------------------------------- */

/* Most faults are made on copies, and those on the CPU. */
static int fault_attach(void *self, const struct spead_region_info *memory, struct spead_err *err)
{
    struct fault_engine *e = self;
    const struct speadi_fault_spec *spec = &e->dice.spec;

    if (memory->data == NULL && (spec->duplicate > 0 || spec->reorder > 0 || spec->truncate > 0 ||
                                 spec->flip > 0 || spec->delay_ns > 0))
        return speadi_err_set(err, -ENOTSUP,
                              "fault: payload placed into memory that the CPU cannot touch can be "
                              "lost (loss, burst) or stalled, nothing else; or use path bounce");
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
    counters->memory_bytes +=
        e->inner_ops->state_size + (uint64_t)SPEADI_COPIES_MAX * SPEADI_COPY_BYTES;
}

static void fault_close(void *self)
{
    struct fault_engine *e = self;

    e->inner_ops->close(e->inner);
    free(e->inner);
    speadi_packet_copies_close(&e->copies);
    speadi_wakeup_close(&e->bell);
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
    int rc = speadi_fault_parse(&spec, fault, err);

    if (rc < 0)
        return rc;
    e = calloc(1, sizeof *e);
    if (!e || speadi_packet_copies_open(&e->copies) < 0) {
        free(e);
        return speadi_err_set(err, -ENOMEM, "no memory for injecting faults");
    }
    rc = speadi_wakeup_open(&e->bell);
    if (rc < 0) {
        speadi_packet_copies_close(&e->copies);
        free(e);
        return speadi_err_set(err, rc, "injecting faults: eventfd: %s", strerror(-rc));
    }
    speadi_fault_dice_init(&e->dice, &spec);
    e->start_ns = speadi_clock_mono_ns();
    e->inner = *state;
    set_ops(e, *ops);
    *ops = &e->ops;
    *state = e;
    return 0;
}
