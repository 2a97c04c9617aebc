/* The fault decorator: an engine around another one that loses, repeats, delays and damages packets, by
 * the dice of a seed. A debugging aid; docs/faults.md is the user's page.
 *
 * Stretches that nothing happens to pass through as the core's own arrays. A packet that is changed, held
 * or repeated is copied; the original counts as done once copied, so what becomes of the copy in the
 * transport is not reported. Packets that are dropped are reaped with SPEADI_TX_INJECTED. */
#include "tx_engine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/fault.h>
#include <speadi/fault_hold.h>
#include <speadi/numbers.h>

#include "fault_under_way.h"
#include "tx_done_queue.h"

#define COPIES_MAX 1024u
#define LATE_MAX   512u       /* of them, late at a time: some are always free to move */
#define IDLE_NS    10000000u  /* the source is idle: nothing more will overtake what is held */
#define QUIESCE_NS 100000000u /* most time to get rid of copies at the end */
#define PASSED_ON  1          /* a fate's error: whatever the inner engine says */

struct fault_engine {
    struct speadi_tx_engine_ops
        ops; /* with the inner engine's name: it is what carries the packets */
    const struct speadi_tx_engine_ops *inner_ops;
    void *inner;
    struct speadi_fault_dice dice;
    struct speadi_fault_hold hold;            /* late first, then delayed, then under way */
    struct speadi_tx_packet copy[COPIES_MAX]; /* by number; each is one iovec */
    struct iovec copied[COPIES_MAX];
    unsigned copies_lacking; /* the last send() stopped because it needed so many; 0: it did not */
    uint64_t start_ns,
        last_ns; /* of the first and the last packet taken; for stalls and idleness */

    /* Dice are rolled ahead, to find how far nothing happens: so many of the next packets are clean, and
     * after them comes one with this verdict. */
    unsigned clean;
    bool rolled;
    struct speadi_fault_decision verdict;

    struct speadi_fault_under_way under_way; /* what the inner engine has been given, in order */
    struct speadi_tx_done_queue fates;       /* of all packets taken, in order */
    struct speadi_tx_done_queue passed;      /* how those passed on have ended, in order */
    bool inner_full;                         /* the inner engine took less than it was given */
};

/* ---- Time ---------------------------------------------------------------------------------- */

static uint64_t now_if_it_matters(const struct fault_engine *engine)
{
    const struct speadi_fault_spec *spec = &engine->dice.spec;

    return spec->delay_ns || spec->stall_ns || spec->reorder ? speadi_clock_mono_ns() : 0;
}

static uint64_t stall_end(const struct fault_engine *engine, uint64_t now_ns)
{
    return engine->start_ns == 0
               ? 0
               : speadi_fault_stall_end(&engine->dice.spec, engine->start_ns, now_ns);
}

/* ---- Towards the inner engine -------------------------------------------------------------- */

/* Books what the inner engine has finished: copies are free again, the core's packets await their turn
 * in passed. */
static void settle(struct fault_engine *engine, struct speadi_tx_done done)
{
    while (done.packets) {
        const struct speadi_fault_run *run = speadi_fault_under_way_first(&engine->under_way);
        uint32_t settled = 1;

        if (run->packets == SPEADI_FAULT_OWN_COPY) {
            speadi_fault_hold_give_back(&engine->hold, run->copy);
        } else {
            settled = speadi_min_u32(done.packets, run->packets);
            speadi_tx_done_put(&engine->passed, settled, done.error);
        }
        done.packets -= settled;
        speadi_fault_under_way_drop(&engine->under_way, settled);
    }
}

static void reap_inner(struct fault_engine *engine)
{
    struct speadi_tx_done done;

    while (speadi_tx_done_has_room(&engine->passed, 1) &&
           engine->inner_ops->reap(engine->inner, &done, 1) == 1)
        settle(engine, done);
}

/* Sends the copies that are due. Returns 0 when none is left that is due, -EAGAIN when there is no room,
 * or the inner engine's error. */
static int send_copies(struct fault_engine *engine, uint64_t now_ns)
{
    int copy;

    while ((copy = speadi_fault_hold_due(&engine->hold, now_ns)) >= 0) {
        int ret = -EAGAIN;

        if (speadi_fault_under_way_has_room(&engine->under_way)) {
            ret = engine->inner_ops->send(engine->inner, &engine->copy[copy], 1);
            ret = ret == 0 ? -EAGAIN : ret;
        }
        engine->inner_full = ret == -EAGAIN;
        if (ret < 0)
            return ret;
        speadi_fault_hold_pop(&engine->hold);
        speadi_fault_under_way_put(&engine->under_way, SPEADI_FAULT_OWN_COPY, (uint16_t)copy);
    }
    return 0;
}

/* Passes the core's own packets on; returns how many were taken, or -errno. */
static int pass_on(struct fault_engine *engine, const struct speadi_tx_packet *packets,
                   unsigned count)
{
    int ret = 0;

    if (speadi_fault_under_way_has_room(&engine->under_way))
        ret = engine->inner_ops->send(engine->inner, packets, count);
    engine->inner_full = ret >= 0 && (unsigned)ret < count;
    if (ret > 0) {
        speadi_fault_under_way_put(&engine->under_way, (uint32_t)ret, 0);
        speadi_tx_done_put(&engine->fates, (uint32_t)ret, PASSED_ON);
    }
    return ret;
}

/* ---- Fates --------------------------------------------------------------------------------- */

static bool is_clean(const struct fault_engine *engine, const struct speadi_fault_decision *verdict,
                     uint32_t bytes)
{
    return !verdict->drop && !verdict->duplicate && verdict->hold == 0 &&
           verdict->keep_bytes == bytes && verdict->flip_bit == UINT32_MAX &&
           engine->dice.spec.delay_ns == 0;
}

/* Rolls until something happens to a packet, or all are clean. What was rolled for packets that were then
 * not taken still holds: the core comes back with the same ones. */
static void roll_ahead(struct fault_engine *engine, const struct speadi_tx_packet *packets,
                       unsigned count)
{
    while (!engine->rolled && engine->clean < count) {
        uint32_t bytes = packets[engine->clean].bytes;

        engine->verdict = speadi_fault_roll(&engine->dice, bytes);
        engine->rolled = !is_clean(engine, &engine->verdict, bytes);
        engine->clean += !engine->rolled;
    }
}

/* ---- Copies -------------------------------------------------------------------------------- */

/* A copy must be free. */
static uint16_t copy_packet(struct fault_engine *engine, const struct speadi_tx_packet *packet)
{
    struct iovec bytes;
    int copy = speadi_fault_hold_take(&engine->hold, packet->iov, packet->iov_count,
                                      &engine->verdict, &bytes);

    assert(copy >= 0);
    engine->copied[copy] = bytes;
    engine->copy[copy] = (struct speadi_tx_packet){
        .iov = &engine->copied[copy],
        .bytes = (uint32_t)bytes.iov_len,
        .iov_count = 1,
        .destination = packet->destination,
    };
    return (uint16_t)copy;
}

/* Late copies that enough packets have overtaken, or all, are to leave at due_ns. */
static void end_lateness(struct fault_engine *engine, bool all, uint64_t due_ns)
{
    uint16_t copies[LATE_MAX];
    uint32_t count = speadi_fault_hold_take_late(&engine->hold, all, copies, LATE_MAX);

    for (uint32_t i = 0; i < count; i++)
        speadi_fault_hold_delay(&engine->hold, copies[i], due_ns);
}

/* So many of the core's packets have gone past the late copies. */
static void overtake(struct fault_engine *engine, uint32_t packets, uint64_t due_ns)
{
    speadi_fault_hold_overtaken(&engine->hold, packets);
    end_lateness(engine, false, due_ns);
}

/* ---- Fates, made true ---------------------------------------------------------------------- */

/* Passes on as many clean packets as may go before a held one; returns how many, or -errno. */
static int send_clean(struct fault_engine *engine, const struct speadi_tx_packet *packets,
                      unsigned count, uint64_t now_ns)
{
    uint32_t slack = speadi_fault_hold_slack(&engine->hold);
    int ret = pass_on(engine, packets, speadi_min_u32(speadi_min_u32(engine->clean, count), slack));

    if (ret > 0) {
        engine->clean -= (unsigned)ret;
        overtake(engine, (uint32_t)ret, now_ns);
    }
    return ret;
}

/* Does to a packet what the dice said. Returns 1, or 0 when too few copies are free. */
static int send_faulty(struct fault_engine *engine, const struct speadi_tx_packet *packet,
                       uint64_t now_ns)
{
    const struct speadi_fault_decision *verdict = &engine->verdict;
    struct speadi_fault_hold *hold = &engine->hold;
    uint64_t due_ns = now_ns + engine->dice.spec.delay_ns;
    unsigned copies = verdict->drop ? 0 : 1 + verdict->duplicate;
    bool late = verdict->hold && hold->late_count < LATE_MAX;

    if (hold->spare_count < copies) {
        engine->copies_lacking = copies;
        return 0;
    }
    engine->rolled = false;
    speadi_tx_done_put(&engine->fates, 1, verdict->drop ? SPEADI_TX_INJECTED : 0);
    if (verdict->drop)
        return 1;
    if (late)
        speadi_fault_hold_back(hold, copy_packet(engine, packet),
                               verdict->hold + 1); /* it is about to count as going itself */
    else
        speadi_fault_hold_delay(hold, copy_packet(engine, packet), due_ns);
    if (verdict->duplicate)
        speadi_fault_hold_delay(hold, copy_packet(engine, packet), due_ns);
    overtake(engine, 1, due_ns);
    return 1;
}

/* ---- The operations ------------------------------------------------------------------------ */

static int fault_send(void *self, const struct speadi_tx_packet *packets, unsigned count)
{
    struct fault_engine *engine = self;
    uint64_t now_ns = now_if_it_matters(engine);
    unsigned taken = 0;
    int ret;

    reap_inner(engine);
    engine->copies_lacking = 0;
    engine->start_ns = engine->start_ns ? engine->start_ns : now_ns;
    if (stall_end(engine, now_ns))
        return 0;
    for (;;) {
        ret = send_copies(engine, now_ns);
        if (ret < 0 || taken == count || !speadi_tx_done_has_room(&engine->fates, 1))
            break;
        roll_ahead(engine, packets + taken, count - taken);
        ret = engine->clean ? send_clean(engine, packets + taken, count - taken, now_ns)
                            : send_faulty(engine, packets + taken, now_ns);
        if (ret <= 0)
            break;
        taken += (unsigned)ret;
        engine->last_ns = now_ns;
    }
    return taken || ret == -EAGAIN ? (int)taken : ret;
}

/* Time passes for what is held and delayed. */
static void move_on(struct fault_engine *engine)
{
    uint64_t now_ns = now_if_it_matters(engine);

    reap_inner(engine);
    if (engine->hold.late_count && now_ns - engine->last_ns >= IDLE_NS)
        end_lateness(engine, true, now_ns);
    if (!stall_end(engine, now_ns))
        send_copies(engine, now_ns); /* an error comes back at the next send() */
}

static unsigned fault_reap(void *self, struct speadi_tx_done *done, unsigned max)
{
    struct fault_engine *engine = self;
    unsigned runs = 0;

    move_on(engine);
    while (runs < max && engine->fates.count) {
        struct speadi_tx_done *fate = &engine->fates.run[engine->fates.first];
        struct speadi_tx_done *passed = &engine->passed.run[engine->passed.first];
        struct speadi_tx_done out = *fate;

        if (fate->error == PASSED_ON) {
            if (engine->passed.count == 0)
                break;
            out.error = passed->error;
            out.packets = speadi_min_u32(passed->packets, fate->packets);
            speadi_tx_done_drop(&engine->passed, out.packets);
        }
        speadi_tx_done_drop(&engine->fates, out.packets);
        done[runs++] = out;
    }
    return runs;
}

/* True when reap() would report something. */
static bool has_news(const struct fault_engine *engine)
{
    const struct speadi_tx_done_queue *fates = &engine->fates;

    return fates->count && (fates->run[fates->first].error != PASSED_ON || engine->passed.count);
}

/* When time alone changes something: a stall ends, a copy is due, or the source counts as idle. */
static uint64_t next_event(const struct fault_engine *engine, uint64_t now_ns)
{
    const struct speadi_fault_hold *hold = &engine->hold;
    uint64_t event_ns = stall_end(engine, now_ns);

    if (event_ns)
        return event_ns;
    event_ns = UINT64_MAX;
    if (hold->late_count)
        event_ns = engine->last_ns + IDLE_NS;
    return speadi_min_u64(event_ns, speadi_fault_hold_next_due_ns(hold));
}

/* True when the last send() lacked free copies, and would not lack them now. Then there is room that the inner
 * engine knows nothing of: it may have had some all the time. */
static bool has_copies_again(const struct fault_engine *engine)
{
    return engine->copies_lacking != 0 && engine->hold.spare_count >= engine->copies_lacking;
}

/* What has become due goes here too: a core that waits for no result and has nothing to send calls neither
 * reap() nor send(), and would wait for a time that has passed already. */
static void fault_wait(void *self, uint64_t deadline_ns, bool for_room)
{
    struct fault_engine *engine = self;
    uint64_t now_ns, event_ns;
    bool blocked, awaited;

    move_on(engine);
    if (has_news(engine) || (for_room && has_copies_again(engine)))
        return;
    now_ns = now_if_it_matters(engine);
    event_ns = next_event(engine, now_ns);
    blocked = engine->inner_full && !stall_end(engine, now_ns);
    /* A copy that is due and has no room waits for room, not for its time. */
    if (blocked && event_ns <= now_ns)
        event_ns = UINT64_MAX;
    /* What is under way brings results of the core's packets, or free copies. */
    awaited = for_room && engine->under_way.count > 0;
    engine->inner_ops->wait(engine->inner, speadi_min_u64(deadline_ns, event_ns),
                            awaited || (blocked && (for_room || engine->hold.delayed_count)));
}

static void fault_wake(void *self)
{
    struct fault_engine *engine = self;

    engine->inner_ops->wake(engine->inner);
}

/* Lets all copies go, whatever their time; those that find no room for too long are lost, as late packets
 * of a sender that ends would be. */
static void fault_quiesce(void *self)
{
    struct fault_engine *engine = self;
    uint64_t give_up_ns = speadi_clock_mono_ns() + QUIESCE_NS;

    end_lateness(engine, true, 0);
    while (send_copies(engine, UINT64_MAX) == -EAGAIN && speadi_clock_mono_ns() < give_up_ns) {
        engine->inner_ops->wait(engine->inner, give_up_ns, true);
        reap_inner(engine);
    }
    engine->inner_ops->quiesce(engine->inner);
    reap_inner(engine);
}

static void fault_counters(void *self, struct speadi_tx_counters *counters)
{
    struct fault_engine *engine = self;

    engine->inner_ops->counters(engine->inner, counters);
    counters->memory_bytes +=
        engine->inner_ops->state_size + speadi_fault_hold_bytes(&engine->hold);
}

static int fault_start(void *self, struct spead_err *err)
{
    struct fault_engine *engine = self;

    return engine->inner_ops->start ? engine->inner_ops->start(engine->inner, err) : 0;
}

static int fault_open(void *self, const struct speadi_tx_config *config, uint32_t *buffer_bytes,
                      struct spead_err *err)
{
    (void)self, (void)config, (void)buffer_bytes;
    return speadi_err_set(err, -EINVAL, "the fault decorator wraps an open engine");
}

static void fault_close(void *self)
{
    struct fault_engine *engine = self;

    engine->inner_ops->close(engine->inner);
    free(engine->inner);
    speadi_fault_hold_release(&engine->hold);
}

static const struct speadi_tx_engine_ops fault_ops = {
    .state_size = sizeof(struct fault_engine),
    .open = fault_open,
    .close = fault_close,
    .start = fault_start,
    .send = fault_send,
    .reap = fault_reap,
    .wait = fault_wait,
    .wake = fault_wake,
    .quiesce = fault_quiesce,
    .counters = fault_counters,
};

int speadi_tx_engine_wrap_fault(const struct speadi_tx_engine_ops **ops, void **state,
                                const char *fault, struct spead_err *err)
{
    struct fault_engine *engine;
    struct speadi_fault_spec spec;
    int ret = speadi_fault_parse(&spec, fault, err);

    if (ret < 0)
        return ret;
    engine = calloc(1, sizeof *engine);
    if (!engine || speadi_fault_hold_init(&engine->hold, COPIES_MAX) < 0) {
        free(engine);
        return speadi_err_set(err, -ENOMEM, "no memory for the fault decorator");
    }
    speadi_fault_dice_init(&engine->dice, &spec);
    engine->ops = fault_ops;
    engine->ops.about = (*ops)->about;
    engine->ops.caps = (*ops)->caps;
    engine->inner_ops = *ops;
    engine->inner = *state;
    *ops = &engine->ops;
    *state = engine;
    return 0;
}
