/* SPDX-License-Identifier: Apache-2.0 */
/* The fault decorator is an engine around another engine, the inner engine. It loses, repeats, delays and damages
 * packets; seeded dice decide which packets. It is for debugging, and docs/faults.md describes it for users.
 *
 * Packets without a fault go to the inner engine directly from the arrays of the core, many at a time. A packet that is
 * changed, held back, delayed or repeated is copied. The core's packet is done as soon as the decorator has copied it,
 * so the core does not learn how the sending of the copy ends. For packets that the decorator drops, reap() reports
 * SPEADI_TX_INJECTED. */
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
/* The largest number of late copies. A late copy waits until enough packets have overtaken it. */
#define LATE_MAX 512u
/* if no packet comes for this time, the copies that wait to be overtaken are sent */
#define IDLE_NS    10000000u
#define QUIESCE_NS 100000000u /* the longest time for which quiesce() tries to send copies */
/* A special value in `outcomes`. It says that the packet was passed on, and that the inner engine will report the error
 * of the packet. */
#define PASSED_ON 1

struct fault_engine {
    /* the table of the decorator; name and capabilities are those of the inner engine */
    struct speadi_tx_engine_ops ops;
    const struct speadi_tx_engine_ops *inner_ops;
    void *inner;
    struct speadi_fault_dice dice;
    /* The copies that wait. There are two kinds. A *late* copy waits until enough packets have overtaken it, and then
     * it becomes a delayed copy. A *delayed* copy waits for its time, and then it goes into the inner engine. Copies
     * that no packet must overtake are delayed from the beginning. */
    struct speadi_fault_hold hold;
    /* copy[i] is the packet of the copy with the index i. It has one iovec, which is copied[i]. */
    struct speadi_tx_packet copy[COPIES_MAX];
    struct iovec copied[COPIES_MAX];
    /* How many free copies the last send() needed, if it stopped because too few copies were free. Otherwise this is
     * 0. */
    unsigned copies_lacking;
    /* when the core offered the first packet; stalls are counted from this time */
    uint64_t start_ns;
    uint64_t last_ns; /* when the decorator last took a packet; an idle core offers none */

    /* The decorator rolls the dice for several packets before it sends them. The next `clean` packets of the core have
     * no fault. If `rolled` is true, the packet behind them has the faults that `decision` says. */
    unsigned clean;
    bool rolled;
    struct speadi_fault_decision decision;

    /* the packets and copies that the inner engine has taken and not yet finished, in order */
    struct speadi_fault_under_way under_way;
    /* The result of each packet that the decorator has taken, in order: 0, SPEADI_TX_INJECTED or PASSED_ON. */
    struct speadi_tx_done_queue outcomes;
    /* The results of the packets that were passed on to the inner engine, in order. */
    struct speadi_tx_done_queue passed;
    bool inner_full; /* true if the inner engine did not take all that it was given */
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

/* Handles a result of the inner engine. A result for a copy makes this copy free again. A result for packets of the
 * core goes into `passed`, and reap() reports it later. */
static void handle_done(struct fault_engine *engine, struct speadi_tx_done done)
{
    while (done.packets) {
        const struct speadi_fault_run *run = speadi_fault_under_way_first(&engine->under_way);
        uint32_t handled = 1;

        if (run->packets == SPEADI_FAULT_OWN_COPY) {
            speadi_fault_hold_give_back(&engine->hold, run->copy);
        } else {
            handled = speadi_min_u32(done.packets, run->packets);
            speadi_tx_done_put(&engine->passed, handled, done.error);
        }
        done.packets -= handled;
        speadi_fault_under_way_drop(&engine->under_way, handled);
    }
}

static void reap_inner(struct fault_engine *engine)
{
    struct speadi_tx_done done;

    while (speadi_tx_done_has_room(&engine->passed, 1) &&
           engine->inner_ops->reap(engine->inner, &done, 1) == 1)
        handle_done(engine, done);
}

/* Sends the copies that are due. Returns 0 when all of them were sent, -EAGAIN when the inner engine has no room, or
 * the error of the inner engine. */
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

/* Passes packets of the core to the inner engine. Returns how many packets the inner engine took, or -errno. */
static int pass_on(struct fault_engine *engine, const struct speadi_tx_packet *packets,
                   unsigned count)
{
    int ret = 0;

    if (speadi_fault_under_way_has_room(&engine->under_way))
        ret = engine->inner_ops->send(engine->inner, packets, count);
    engine->inner_full = ret >= 0 && (unsigned)ret < count;
    if (ret > 0) {
        speadi_fault_under_way_put(&engine->under_way, (uint32_t)ret, 0);
        speadi_tx_done_put(&engine->outcomes, (uint32_t)ret, PASSED_ON);
    }
    return ret;
}

/* ---- Rolling the dice ---------------------------------------------------------------------- */

static bool is_clean(const struct fault_engine *engine,
                     const struct speadi_fault_decision *decision, uint32_t bytes)
{
    return !decision->drop && !decision->duplicate && decision->hold == 0 &&
           decision->keep_bytes == bytes && decision->flip_bit == UINT32_MAX &&
           engine->dice.spec.delay_ns == 0;
}

/* Rolls the dice for one packet after another. It stops at the first packet that has a fault, or after `count` packets.
 * Even if send() then does not take this packet, the decision stays valid, because the core offers the same packets
 * again. */
static void roll_ahead(struct fault_engine *engine, const struct speadi_tx_packet *packets,
                       unsigned count)
{
    while (!engine->rolled && engine->clean < count) {
        uint32_t bytes = packets[engine->clean].bytes;

        engine->decision = speadi_fault_roll(&engine->dice, bytes);
        engine->rolled = !is_clean(engine, &engine->decision, bytes);
        engine->clean += !engine->rolled;
    }
}

/* ---- Copies -------------------------------------------------------------------------------- */

/* Copies a packet with the faults of `decision`, and returns the index of the copy. There must be a free copy. */
static uint16_t copy_packet(struct fault_engine *engine, const struct speadi_tx_packet *packet)
{
    struct iovec bytes;
    int copy = speadi_fault_hold_take(&engine->hold, packet->iov, packet->iov_count,
                                      &engine->decision, &bytes);

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

/* Gives late copies the time due_ns, at which send_copies() sends them. If `all` is true, all late copies get this
 * time. Otherwise only the late copies that enough packets have overtaken get this time. */
static void end_lateness(struct fault_engine *engine, bool all, uint64_t due_ns)
{
    uint16_t copies[LATE_MAX];
    uint32_t count = speadi_fault_hold_take_late(&engine->hold, all, copies, LATE_MAX);

    for (uint32_t i = 0; i < count; i++)
        speadi_fault_hold_delay(&engine->hold, copies[i], due_ns);
}

/* Records that `packets` packets of the core have overtaken the late copies. A late copy that enough packets have now
 * overtaken becomes due at due_ns. */
static void overtake(struct fault_engine *engine, uint32_t packets, uint64_t due_ns)
{
    speadi_fault_hold_overtaken(&engine->hold, packets);
    end_lateness(engine, false, due_ns);
}

/* ---- Applying the decisions ---------------------------------------------------------------- */

/* Passes packets without a fault to the inner engine. It stops when enough packets have overtaken one of the late
 * copies, because that copy must be sent before any more packets. Returns how many packets the inner engine took, or
 * -errno. */
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

/* Applies the decision to a packet. Returns 1 when it has taken the packet, or 0 when too few copies are free. */
static int send_faulty(struct fault_engine *engine, const struct speadi_tx_packet *packet,
                       uint64_t now_ns)
{
    const struct speadi_fault_decision *decision = &engine->decision;
    struct speadi_fault_hold *hold = &engine->hold;
    uint64_t due_ns = now_ns + engine->dice.spec.delay_ns;
    unsigned copies = decision->drop ? 0 : 1 + decision->duplicate;
    bool late = decision->hold && hold->late_count < LATE_MAX;

    if (hold->spare_count < copies) {
        engine->copies_lacking = copies;
        return 0;
    }
    engine->rolled = false;
    speadi_tx_done_put(&engine->outcomes, 1, decision->drop ? SPEADI_TX_INJECTED : 0);
    if (decision->drop)
        return 1;
    if (late)
        /* One more than `decision` says, because the call of overtake() below counts this packet too. */
        speadi_fault_hold_back(hold, copy_packet(engine, packet), decision->hold + 1);
    else
        speadi_fault_hold_delay(hold, copy_packet(engine, packet), due_ns);
    if (decision->duplicate)
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
        if (ret < 0 || taken == count || !speadi_tx_done_has_room(&engine->outcomes, 1))
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

/* Reaps the inner engine and sends the copies that have become due. */
static void run_copies(struct fault_engine *engine)
{
    uint64_t now_ns = now_if_it_matters(engine);

    reap_inner(engine);
    if (engine->hold.late_count && now_ns - engine->last_ns >= IDLE_NS)
        end_lateness(engine, true, now_ns);
    if (!stall_end(engine, now_ns))
        /* an error is ignored here, because the next send() returns it */
        send_copies(engine, now_ns);
}

static unsigned fault_reap(void *self, struct speadi_tx_done *done, unsigned max)
{
    struct fault_engine *engine = self;
    unsigned runs = 0;

    run_copies(engine);
    while (runs < max && engine->outcomes.count) {
        struct speadi_tx_done *outcome = &engine->outcomes.run[engine->outcomes.first];
        struct speadi_tx_done *passed = &engine->passed.run[engine->passed.first];
        struct speadi_tx_done out = *outcome;

        if (outcome->error == PASSED_ON) {
            if (engine->passed.count == 0)
                break;
            out.error = passed->error;
            out.packets = speadi_min_u32(passed->packets, outcome->packets);
            speadi_tx_done_drop(&engine->passed, out.packets);
        }
        speadi_tx_done_drop(&engine->outcomes, out.packets);
        done[runs++] = out;
    }
    return runs;
}

/* Returns true when reap() would report something. */
static bool is_reapable(const struct fault_engine *engine)
{
    const struct speadi_tx_done_queue *outcomes = &engine->outcomes;

    return outcomes->count &&
           (outcomes->run[outcomes->first].error != PASSED_ON || engine->passed.count);
}

/* Returns the next time at which something changes without the inner engine: a stall ends, a copy is due, or the core
 * has offered no packet for IDLE_NS. */
static uint64_t next_change_ns(const struct fault_engine *engine, uint64_t now_ns)
{
    const struct speadi_fault_hold *hold = &engine->hold;
    uint64_t change_ns = stall_end(engine, now_ns);

    if (change_ns)
        return change_ns;
    change_ns = UINT64_MAX;
    if (hold->late_count)
        change_ns = engine->last_ns + IDLE_NS;
    return speadi_min_u64(change_ns, speadi_fault_hold_next_due_ns(hold));
}

/* Returns true when the last send() stopped because too few copies were free, and enough copies are free now. send()
 * can then take packets again. The wait() of the inner engine does not notice this, because the inner engine perhaps
 * had room all the time. */
static bool has_copies_again(const struct fault_engine *engine)
{
    return engine->copies_lacking != 0 && engine->hold.spare_count >= engine->copies_lacking;
}

/* Sends the copies that are due, and then sleeps. A core that has no packet to send and waits for no result calls only
 * wait(), not reap() or send(). So no other function would send the copies. If wait() did not send them either, its
 * sleep would always end immediately, because the time of the copies has already passed. */
static void fault_wait(void *self, uint64_t deadline_ns, bool for_room)
{
    struct fault_engine *engine = self;
    uint64_t now_ns, change_ns;
    bool blocked, awaited;

    run_copies(engine);
    if (is_reapable(engine) || (for_room && has_copies_again(engine)))
        return;
    now_ns = now_if_it_matters(engine);
    change_ns = next_change_ns(engine, now_ns);
    blocked = engine->inner_full && !stall_end(engine, now_ns);
    /* If a copy is due and the inner engine has no room, change_ns lies in the past, and a sleep until then would end
     * immediately. So here change_ns is ignored, and only new room in the inner engine ends the sleep. */
    if (blocked && change_ns <= now_ns)
        change_ns = UINT64_MAX;
    /* The sleep must also end when the inner engine finishes packets: then reap() has results, or copies become
     * free. */
    awaited = for_room && engine->under_way.count > 0;
    engine->inner_ops->wait(engine->inner, speadi_min_u64(deadline_ns, change_ns),
                            awaited || (blocked && (for_room || engine->hold.delayed_count)));
}

static void fault_wake(void *self)
{
    struct fault_engine *engine = self;

    engine->inner_ops->wake(engine->inner);
}

/* Sends all copies now, also those that are not due yet. If the inner engine has no room for a copy within QUIESCE_NS,
 * the copy is lost. This is permitted, because a real network can also lose delayed packets when a sender ends. */
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

static int fault_open(void *self, const struct speadi_tx_config *config,
                      struct speadi_tx_facts *facts, struct spead_err *err)
{
    (void)self, (void)config, (void)facts;
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
