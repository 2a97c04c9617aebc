/* SPDX-License-Identifier: Apache-2.0 */
/* The turn of a node. The node makes one step. Then it is queued again, suspended or finished. task.h describes
 * these states. */
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
    /* relaxed: the announcement makes this store visible before wake() is called */
    atomic_store_explicit(&port->node_waker.state, SPEADI_WAKER_IDLE, memory_order_relaxed);
    return speadi_end_announce(end_of(port), &port->node_waker.waker, now_ns);
}

/* Returns true if the channel can have other ends at the same side as this port. Such ends can be waiting. */
static bool is_shared(const struct speadi_node_port *port)
{
    const struct spead_channel *channel = end_of(port)->channel;

    return (port->is_output ? channel->waiting_senders : channel->waiting_receivers).many != NULL;
}

static void retract(struct speadi_node_port *port, uint64_t now_ns)
{
    /* In most cases, wake() of this waker has caused the present turn, and the call of wake() has already returned.
     * WAKER2 acquire: as in speadi_node_waker_join(). */
    if (atomic_load_explicit(&port->node_waker.state, memory_order_acquire) ==
        SPEADI_WAKER_CALLED) {
        speadi_end_woken(end_of(port), now_ns);
    } else {
        if (speadi_end_retract(end_of(port), &port->node_waker.waker, now_ns))
            return;
        speadi_node_waker_join(&port->node_waker);
    }
    port->must_pass_on = is_shared(port);
    speadi_node_of(port)->must_pass_on |= port->must_pass_on;
}

/* Announces the wakers of all ports that the node waits for. Returns false if one of these ports can send or receive
 * now. */
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

static void pass_on_ports(struct speadi_node_port *ports, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!ports[i].must_pass_on)
            continue;
        ports[i].must_pass_on = false;
        if (ports[i].is_output)
            speadi_sender_pass_on(ports[i].sender);
        else
            speadi_receiver_pass_on(ports[i].receiver);
    }
}

/* Passes wakes on to other nodes. When several ends wait at one side of a channel, a change of the channel wakes only
 * one of them. In this turn, such a change has woken an end of this node. But perhaps the node has not used the change.
 * So this function wakes the next end, if there is still a message or a free place for that end. */
static void pass_on_wakes(struct spead_node *node)
{
    if (!node->must_pass_on)
        return;
    node->must_pass_on = false;
    pass_on_ports(node->inputs, node->input_count);
    pass_on_ports(node->outputs, node->output_count);
}

/* ---- Finishing ------------------------------------------------------------------------------ */

static void give_up_ticket(struct spead_node *node)
{
    struct spead_throttle *throttle = node->ticket;

    if (!throttle)
        return;
    node->ticket = NULL;
    if (spead_throttle_retract(throttle, &node->ticket_waker.waker))
        return;
    speadi_node_waker_join(&node->ticket_waker);
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
    /* relaxed: `tasks` is only a count, which several threads change. */
    atomic_fetch_sub_explicit(&worker->tasks, 1, memory_order_relaxed);
    speadi_graph_node_ended(graph);
}

/* ---- The turn ------------------------------------------------------------------------------- */

static void queue_again(struct spead_node *node)
{
    /* Nodes that became runnable during this turn are queued before this node. */
    speadi_worker_collect(node->task.worker);
    speadi_worker_queue(node->task.worker, &node->task);
}

static void suspend(struct spead_node *node)
{
    if (!announce_all(node)) {
        retract_all(node);
        queue_again(node);
        return;
    }
    if (node->wait_until_ns)
        speadi_timers_add(&node->task.worker->timers, &node->task.timer, node->wait_until_ns);
    if (!speadi_task_suspend(&node->task))
        queue_again(node);
}

/* Returns the result with which the turn continues after a step that returned `ret`. If `ret` is the code of an ended
 * port or throttle, the node is done. Any other error is a failure of the node. */
static int step_outcome(struct spead_node *node, int ret)
{
    if (ret < 0 && ret == node->reported_end)
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

    node->reported_end = 0;
    node->wait_until_ns = 0;
    node->step_waited = false;
    worker->cause[0] = '\0';
    /* relaxed, here and below: is_running is read only for reports */
    atomic_store_explicit(&node->is_running, true, memory_order_relaxed);
    ret = node->ops->step(node->step_state, node);
    atomic_store_explicit(&node->is_running, false, memory_order_relaxed);
    worker->now_ns = speadi_clock_mono_ns();
    speadi_counter_add(&node->busy_ns, worker->now_ns - began_ns);
    if (node->step_waited)
        speadi_counter_add(&node->waited_ns, worker->now_ns - began_ns);
    speadi_counter_add(&node->steps, 1);
    speadi_counter_add(&worker->busy_ns, worker->now_ns - began_ns);
    speadi_counter_add(&worker->steps, 1);
    return step_outcome(node, ret);
}

/* Returns true if the back-off before a retry has not ended yet. Something else has then woken the node too early. */
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
    /* relaxed: spead_graph_cancel() sets this flag before it wakes every node (TASK1). */
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
        queue_again(node);
    else
        speadi_node_finish(node, ret == SPEAD_STEP_DONE ? node->input_error : ret);
}
