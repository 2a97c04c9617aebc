/* A node's turn: one step, then again, asleep, or over. The states are those of its task, see task.h. */
#include <errno.h>
#include <string.h>

#include <speadi/channel_internal.h>
#include <speadi/clock.h>
#include <speadi/count.h>

#include "channel_parts.h"
#include "graph_parts.h"

/* ---- Announcing (docs/adr/0013) ------------------------------------------------------------- */

static struct speadi_end *end_of(const struct speadi_node_port *port)
{
    return port->is_output ? &port->sender->end : &port->receiver->end;
}

static int announce(struct speadi_node_port *port, uint64_t now_ns)
{
    /* relaxed: the announcement orders it before the ring */
    atomic_store_explicit(&port->waiter.state, SPEADI_WAKER_IDLE, memory_order_relaxed);
    return speadi_end_announce(end_of(port), &port->waiter.waker, now_ns);
}

/* Whether others wait at the same side of the channel. */
static bool shares(const struct speadi_node_port *port)
{
    const struct spead_channel *channel = end_of(port)->channel;

    return (port->is_output ? channel->waiting_senders : channel->waiting_receivers).many != NULL;
}

static void retract(struct speadi_node_port *port, uint64_t now_ns)
{
    /* Mostly this wake is what the turn is for, and the thread that woke is through with it. WAKER2 acquire: as in
     * speadi_node_waker_join(). */
    if (atomic_load_explicit(&port->waiter.state, memory_order_acquire) == SPEADI_WAKER_CALLED) {
        speadi_end_woken(end_of(port), now_ns);
    } else {
        if (speadi_end_retract(end_of(port), &port->waiter.waker, now_ns))
            return;
        speadi_node_waker_join(&port->waiter);
    }
    port->woken = shares(port);
    speadi_node_of(port)->woken_for_all |= port->woken;
}

/* False: one of them can go on now. */
static bool announce_all(struct spead_node *node)
{
    for (struct speadi_node_port *port = node->waiting; port; port = port->waiting_next) {
        if (announce(port, node->task.worker->now_ns) != 0)
            return false;
        port->announced = true;
    }
    return true;
}

static void retract_waiting(struct spead_node *node)
{
    for (struct speadi_node_port *port = node->waiting; port; port = port->waiting_next) {
        if (port->announced)
            retract(port, node->task.worker->now_ns);
        port->announced = port->waits = false;
    }
    node->waiting = NULL;
}

static inline void retract_all(struct spead_node *node)
{
    if (node->waiting)
        retract_waiting(node);
}

static void pass_on(struct speadi_node_port *ports, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!ports[i].woken)
            continue;
        ports[i].woken = false;
        if (ports[i].is_output)
            speadi_sender_pass_on(ports[i].sender);
        else
            speadi_receiver_pass_on(ports[i].receiver);
    }
}

/* Of many who wait for a change this node alone was woken; its step may have had no use for it, or was not
 * taken at all. Where a try has left nothing, this finds nothing. */
static void pass_on_wakes(struct spead_node *node)
{
    if (!node->woken_for_all)
        return;
    node->woken_for_all = false;
    pass_on(node->inputs, node->input_count);
    pass_on(node->outputs, node->output_count);
}

/* ---- Finishing ------------------------------------------------------------------------------ */

static void give_up_ticket(struct spead_node *node)
{
    struct spead_throttle *throttle = node->ticket;

    if (!throttle)
        return;
    node->ticket = NULL;
    if (spead_throttle_retract(throttle, &node->ticket_waiter.waker))
        return;
    speadi_node_waker_join(&node->ticket_waiter);
    if (!spead_throttle_is_cancelled(throttle))
        spead_throttle_give(throttle);
}

static void close_ends(struct spead_node *node, int error)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        spead_receiver_close(node->inputs[i].receiver);
        node->inputs[i].receiver = NULL;
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        spead_sender_close(node->outputs[i].sender, error);
        node->outputs[i].sender = NULL;
    }
}

void speadi_node_finish(struct spead_node *node, int error)
{
    struct speadi_worker *worker = node->task.worker;
    struct spead_graph *graph = node->graph;

    retract_all(node);
    give_up_ticket(node);
    speadi_timers_remove(&worker->timers, &node->task.timer);
    speadi_node_drop_diverted(node);
    if (node->started && node->ops->finish)
        node->ops->finish(node->step_state);
    node->started = false;
    close_ends(node, error);
    if (worker->kind == SPEADI_WORKER_OWN)
        speadi_counter_add(&node->cpu_ns, speadi_clock_read(CLOCK_THREAD_CPUTIME_ID));
    atomic_store(&node->task.state, SPEADI_TASK_FINISHED);
    /* relaxed: a count, of many writers */
    atomic_fetch_sub_explicit(&worker->tasks, 1, memory_order_relaxed);
    speadi_graph_node_ended(graph);
}

/* ---- The turn ------------------------------------------------------------------------------- */

static void have_another(struct spead_node *node)
{
    speadi_worker_collect(
        node->task.worker); /* who was made runnable during this turn comes before it */
    speadi_worker_queue(node->task.worker, &node->task);
}

static void suspend(struct spead_node *node)
{
    if (!announce_all(node)) {
        retract_all(node);
        have_another(node);
        return;
    }
    if (node->wait_until_ns)
        speadi_timers_add(&node->task.worker->timers, &node->task.timer, node->wait_until_ns);
    if (!speadi_task_suspend(&node->task))
        have_another(node);
}

/* The outcome of a step that ended with an error which it was told of, or of its own. */
static int judge(struct spead_node *node, int ret)
{
    if (ret < 0 && ret == node->told)
        return SPEAD_STEP_DONE;
    if (ret >= SPEAD_STEP_WAITING && ret <= SPEAD_STEP_DONE)
        return ret;
    return speadi_node_failed(node, ret < 0 ? ret : -EPROTO);
}

static int step(struct spead_node *node)
{
    struct speadi_worker *worker = node->task.worker;
    uint64_t began_ns = worker->now_ns;
    int ret;

    node->told = 0;
    node->wait_until_ns = 0;
    worker->cause[0] = '\0';
    /* relaxed, twice: read only for reports */
    atomic_store_explicit(&node->is_running, true, memory_order_relaxed);
    ret = node->ops->step(node->step_state, node);
    atomic_store_explicit(&node->is_running, false, memory_order_relaxed);
    worker->now_ns = speadi_clock_mono_ns();
    speadi_counter_add(&node->busy_ns, worker->now_ns - began_ns);
    speadi_counter_add(&node->steps, 1);
    speadi_counter_add(&worker->busy_ns, worker->now_ns - began_ns);
    speadi_counter_add(&worker->steps, 1);
    return judge(node, ret);
}

/* Still in its back-off: something else woke it. */
static bool is_backing_off(struct spead_node *node)
{
    if (node->not_before_ns == 0)
        return false;
    if (node->not_before_ns <= node->task.worker->now_ns) {
        node->not_before_ns = 0;
        return false;
    }
    node->wait_until_ns = node->not_before_ns;
    return true;
}

void speadi_node_turn(struct speadi_task *task)
{
    struct spead_node *node = speadi_node_of_task(task);
    int ret;

    speadi_task_begin_turn(task);
    retract_all(node);
    speadi_timers_remove(&node->task.worker->timers, &node->task.timer);
    /* relaxed: cancel() wakes every node after it has said so (TASK1) */
    if (atomic_load_explicit(&node->graph->cancelled, memory_order_relaxed))
        ret = -ECANCELED;
    else if (is_backing_off(node) || (node->diverting && !speadi_node_divert(node)))
        ret = SPEAD_STEP_WAITING;
    else
        ret = step(node);
    pass_on_wakes(node);

    if (ret == SPEAD_STEP_WAITING)
        suspend(node);
    else if (ret == SPEAD_STEP_AGAIN)
        have_another(node);
    else
        speadi_node_finish(node, ret == SPEAD_STEP_DONE ? node->input_error : ret);
}
