/* SPDX-License-Identifier: Apache-2.0 */
/* Making nodes. Also the functions that the step of a node calls: for its ports, its tickets and the time. */
#include <speadline/node.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/channel_internal.h>
#include <speadi/count.h>
#include <speadi/deadline.h>
#include <speadi/err.h>
#include <speadi/node_internal.h>
#include <speadi/struct_size.h>

#include "graph_parts.h"

/* ---- Making a node --------------------------------------------------------------------------- */

static size_t names_bytes(const struct spead_port *ports, uint32_t count)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += strlen(ports[i].name) + 1;
    return bytes;
}

static const char *put_name(char **room, const char *name)
{
    char *put = *room;

    *room = stpcpy(put, name) + 1;
    return put;
}

static void fill_ports(struct spead_node *node, struct speadi_node_port *ports, char **room,
                       const struct spead_port *from, uint32_t count, bool is_output)
{
    for (uint32_t i = 0; i < count; i++) {
        ports[i] = (struct speadi_node_port){.type = from[i].type, .is_output = is_output};
        ports[i].name = put_name(room, from[i].name);
        speadi_node_waker_init(&ports[i].node_waker, &node->task);
    }
}

static void fill_node(struct spead_node *node, const struct spead_node_config *config)
{
    node->ops = config->ops;
    node->step_state = config->state;
    node->input_count = config->input_count;
    node->output_count = config->output_count;
    node->blocking = config->blocking;
    node->cpu = config->cpu;
    node->on_error = (uint8_t)config->on_error;
    node->after_retries = (uint8_t)config->after_retries;
    node->retries = config->retries;
    node->backoff_ns = config->backoff_ns;
    node->memory_bytes = config->memory_bytes;
    speadi_node_waker_init(&node->ticket_waker, &node->task);
}

static struct speadi_node_port *find_error_port(struct spead_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        if (strcmp(node->outputs[i].name, "error") == 0)
            return &node->outputs[i];
    return NULL;
}

int speadi_node_create(struct spead_node **out, const struct spead_node_config *config,
                       struct spead_err *err)
{
    size_t ports = (size_t)config->input_count + config->output_count;
    bool diverts =
        config->on_error == SPEAD_ON_ERROR_DIVERT || config->after_retries == SPEAD_ON_ERROR_DIVERT;
    size_t bytes = sizeof(struct spead_node) + ports * sizeof(struct speadi_node_port) +
                   (diverts ? sizeof(struct spead_message) : 0) + strlen(config->name) + 1 +
                   names_bytes(config->inputs, config->input_count) +
                   names_bytes(config->outputs, config->output_count);
    struct spead_node *node = calloc(1, bytes);
    char *room;

    if (!node)
        return speadi_err_set(err, -ENOMEM, "cannot add node \"%s\": out of memory", config->name);
    fill_node(node, config);
    node->own_bytes = (uint32_t)bytes;
    node->inputs = (struct speadi_node_port *)(void *)(node + 1);
    node->outputs = node->inputs + config->input_count;
    room = (char *)(node->outputs + config->output_count);
    if (diverts) {
        node->diverted = (struct spead_message *)(void *)room;
        room += sizeof *node->diverted;
    }
    node->name = put_name(&room, config->name);
    fill_ports(node, node->inputs, &room, config->inputs, config->input_count, false);
    fill_ports(node, node->outputs, &room, config->outputs, config->output_count, true);
    node->error_port = find_error_port(node);
    *out = node;
    return 0;
}

/* ---- Ports ---------------------------------------------------------------------------------- */

void speadi_node_port_waits(struct spead_node *self, struct speadi_node_port *port)
{
    if (port->waits)
        return;
    port->waits = true;
    port->waiting_next = self->waiting;
    self->waiting = port;
}

/* Records that an input has ended with `code`: the end of stream, an error from upstream, or -ECANCELED. The function
 * is not inlined, because otherwise every receive would reserve stack for `cause`. */
__attribute__((noinline, cold)) static int input_ended(struct spead_node *self,
                                                       struct speadi_node_port *port, int code)
{
    self->reported_end = code;
    if (code == -ESHUTDOWN || self->input_error != 0)
        return code;
    self->input_error = code;
    if (port->edge->outside && code != -ECANCELED) {
        char cause[SPEAD_ERR_TEXT_MAX];

        snprintf(cause, sizeof cause, "input \"%s\" ended with: %s", port->name, strerror(-code));
        speadi_graph_fail(self, code, cause);
    }
    return code;
}

int speadi_node_nothing_received(struct spead_node *self, struct speadi_node_port *port, int code)
{
    if (code == -EAGAIN && port->edge->outside && spead_node_is_stopping(self)) {
        /* After the stop the input is empty, so the node has taken all messages that were sent before the stop. The
         * node does not wait for more messages. */
        port->ended = true;
        code = -ESHUTDOWN;
    }
    if (code != -EAGAIN)
        return input_ended(self, port, code);
    speadi_node_port_waits(self, port);
    return code;
}

static inline void work_on(struct spead_node *self, const struct spead_message *message)
{
    self->working_stream = message->stream;
    self->working_sequence = message->sequence;
    self->has_working = true;
}

int spead_node_receive(struct spead_node *self, uint32_t input, struct spead_message *messages,
                       uint32_t max)
{
    struct speadi_node_port *port = &self->inputs[input];
    int ret;

    if (port->ended)
        return input_ended(self, port, -ESHUTDOWN);
    ret = spead_receiver_try_receive(port->receiver, messages, max);
    if (ret <= 0)
        return speadi_node_nothing_received(self, port, ret);
    speadi_counter_add(&self->in, (uint64_t)ret);
    /* relaxed: the value is only a hint for a thread that writes the path to a failure. */
    atomic_store_explicit(&self->last_input, input, memory_order_relaxed);
    work_on(self, messages);
    return ret;
}

void spead_node_wait_input(struct spead_node *self, uint32_t input)
{
    struct speadi_node_port *port = &self->inputs[input];

    if (port->receiver)
        speadi_node_port_waits(self, port);
}

static int send_nowhere(struct spead_node *self, const struct spead_message *messages,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        spead_message_unref(&messages[i]);
    speadi_counter_add(&self->out, count);
    return (int)count;
}

int spead_node_send(struct spead_node *self, uint32_t output, const struct spead_message *messages,
                    uint32_t count)
{
    struct speadi_node_port *port = &self->outputs[output];
    int ret;

    if (!port->sender)
        return send_nowhere(self, messages, count);
    ret = spead_sender_try_send(port->sender, messages, count);
    if (ret > 0)
        speadi_counter_add(&self->out, (uint64_t)ret);
    if (ret == (int)count)
        return ret;
    if (ret >= 0 || ret == -EAGAIN)
        speadi_node_port_waits(self, port);
    else
        self->reported_end = ret;
    return ret;
}

/* ---- For nodes of the library's own ---------------------------------------------------------- */

bool speadi_node_is_pulled(const struct spead_node *self)
{
    return self->task.worker->kind == SPEADI_WORKER_PULLED;
}

struct spead_channel *speadi_node_channel(const struct spead_node *self, uint32_t output)
{
    return self->outputs[output].edge ? self->outputs[output].edge->channel : NULL;
}

uint32_t speadi_node_room(struct spead_node *self, uint32_t output)
{
    struct speadi_node_port *port = &self->outputs[output];
    uint32_t room = port->sender ? speadi_sender_room(port->sender) : UINT32_MAX;

    if (room == 0)
        speadi_node_port_waits(self, port);
    return room;
}

bool speadi_node_sleep_at(struct spead_node *self, uint32_t output, uint32_t room,
                          const struct speadi_wake_fd *wake_fd, uint64_t deadline_ns)
{
    struct spead_sender *sender = self->outputs[output].sender;

    return sender && speadi_sender_sleep_at(sender, room, wake_fd, deadline_ns);
}

void speadi_node_shed(struct spead_node *self, uint32_t output,
                      const struct spead_message *messages, uint32_t count)
{
    struct speadi_node_port *port = &self->outputs[output];

    if (!port->sender) {
        send_nowhere(self, messages, count);
        return;
    }
    speadi_sender_shed(port->sender, messages, count);
    speadi_counter_add(&self->out, count);
}

bool speadi_node_shed_oldest(struct spead_node *self, uint32_t output)
{
    struct speadi_node_port *port = &self->outputs[output];

    return port->sender && speadi_sender_shed_oldest(port->sender);
}

/* ---- Tickets -------------------------------------------------------------------------------- */

/* Checks whether the node has got the ticket for which it waits. Returns 0 if it has got the ticket, -EAGAIN if it has
 * not, and -ECANCELED if the throttle was cancelled. */
static int ticket_arrived(struct spead_node *self)
{
    struct spead_throttle *throttle = self->ticket;

    /* relaxed: TASK1 gives the order. IDLE means that wake() has not been called yet. */
    if (atomic_load_explicit(&self->ticket_waker.state, memory_order_relaxed) == SPEADI_WAKER_IDLE)
        return -EAGAIN;
    speadi_node_waker_join(&self->ticket_waker);
    self->ticket = NULL;
    return spead_throttle_is_cancelled(throttle) ? -ECANCELED : 0;
}

static int ask_for_ticket(struct spead_node *self, struct spead_throttle *throttle)
{
    int ret;

    /* relaxed: the lock of the throttle makes this store visible before wake() is called */
    atomic_store_explicit(&self->ticket_waker.state, SPEADI_WAKER_IDLE, memory_order_relaxed);
    ret = spead_throttle_announce(throttle, &self->ticket_waker.waker);
    if (ret != 0)
        return ret > 0 ? 0 : ret;
    self->ticket = throttle;
    return -EAGAIN;
}

static bool nobody_takes_results(const struct spead_node *self)
{
    bool joined = false;

    for (uint32_t i = 0; i < self->output_count; i++) {
        if (!self->outputs[i].sender)
            continue;
        if (!speadi_sender_is_stopped(self->outputs[i].sender))
            return false;
        joined = true;
    }
    return joined;
}

/* Says why the node must not wait for a ticket that perhaps never comes. Returns 0 if the node may wait. Whatever
 * changes this answer also wakes the node (TASK1). */
static int why_not_wait(const struct spead_node *self)
{
    /* relaxed: speadi_graph_fail() sets this flag before it wakes the nodes. */
    if (atomic_load_explicit(&self->graph->failed, memory_order_relaxed))
        return -ECANCELED;
    if (nobody_takes_results(self))
        return -EPIPE;
    if (self->input_count == 0 && spead_node_is_stopping(self))
        return -ESHUTDOWN;
    return 0;
}

/* Ends the wait for a ticket with `code`. Returns `code`, or the result of ticket_arrived() if the ticket has come in
 * the meantime. */
static int stop_waiting(struct spead_node *self, int code)
{
    struct spead_throttle *throttle = self->ticket;

    if (spead_throttle_retract(throttle, &self->ticket_waker.waker)) {
        self->ticket = NULL;
        return code;
    }
    speadi_node_waker_join(&self->ticket_waker);
    return ticket_arrived(self);
}

int spead_node_take_ticket(struct spead_node *self, struct spead_throttle *throttle)
{
    int ret, code;

    if (self->ticket && self->ticket != throttle)
        return -EINVAL;
    ret = self->ticket ? ticket_arrived(self) : ask_for_ticket(self, throttle);
    if (ret == -EAGAIN && (code = why_not_wait(self)) < 0)
        ret = stop_waiting(self, code);
    if (ret < 0 && ret != -EAGAIN)
        self->reported_end = ret;
    return ret;
}

int spead_node_take_ticket_for(struct spead_node *self, struct spead_throttle *throttle,
                               struct spead_message *message)
{
    int ret;

    if (spead_throttle_is_attached(throttle, message))
        return 0;
    if (message->flags & SPEAD_MESSAGE_TICKET)
        return -EEXIST;
    ret = spead_node_take_ticket(self, throttle);
    if (ret < 0)
        return ret;
    ret = spead_throttle_attach(throttle, message);
    if (ret < 0)
        spead_throttle_give(throttle);
    return ret;
}

/* ---- Waking, waiting, reporting ---------------------------------------------------------------- */

void spead_node_wake(struct spead_node *node)
{
    speadi_task_wake(&node->task);
}

int spead_node_wait_until(struct spead_node *self, uint64_t deadline_ns)
{
    self->wait_until_ns = deadline_ns;
    return speadi_deadline_is_duration(deadline_ns) ? -EINVAL : 0;
}

void spead_node_waited_for(struct spead_node *self, const char *what)
{
    self->step_waited = true;
    /* relaxed: the text itself does not change */
    atomic_store_explicit(&self->waited_for, what, memory_order_relaxed);
}

void speadi_node_was_short_of(struct spead_node *self, const char *what, uint64_t ns)
{
    speadi_counter_add(&self->short_ns, ns);
    /* relaxed: the text itself does not change */
    atomic_store_explicit(&self->short_of, what, memory_order_relaxed);
}

void spead_node_working_on(struct spead_node *self, const struct spead_message *message)
{
    work_on(self, message);
}

void spead_node_explain(struct spead_node *self, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(self->task.worker->cause, sizeof self->task.worker->cause, format, args);
    va_end(args);
}

bool spead_node_is_stopping(const struct spead_node *self)
{
    /* relaxed: a node that spead_graph_stop() has woken sees the flag (TASK1). If a step is already running, it can see
     * the flag a little later. */
    return atomic_load_explicit(&self->graph->stopping, memory_order_relaxed);
}

uint64_t spead_node_now_ns(const struct spead_node *self)
{
    return self->task.worker->now_ns;
}

const char *spead_node_name(const struct spead_node *node)
{
    return node->name;
}

static uint32_t public_state(const struct spead_node *node)
{
    switch (speadi_task_state(&node->task)) {
    case SPEADI_TASK_BUILT:
        return SPEAD_NODE_BUILT;
    case SPEADI_TASK_SUSPENDED:
        return atomic_load(&node->task.state) & SPEADI_TASK_WOKEN ? SPEAD_NODE_RUNNABLE
                                                                  : SPEAD_NODE_SUSPENDED;
    case SPEADI_TASK_FINISHED:
        return SPEAD_NODE_FINISHED;
    default:
        return atomic_load(&node->is_running) ? SPEAD_NODE_RUNNING : SPEAD_NODE_RUNNABLE;
    }
}

void spead_node_stats(const struct spead_node *node, struct spead_node_stats *stats)
{
    struct spead_node_stats now = {
        .state = public_state(node),
        .steps = speadi_counter_read(&node->steps),
        .busy_ns = speadi_counter_read(&node->busy_ns),
        .in = speadi_counter_read(&node->in),
        .out = speadi_counter_read(&node->out),
        .retried = speadi_counter_read(&node->retried),
        .skipped = speadi_counter_read(&node->skipped),
        .logged = speadi_counter_read(&node->logged),
        .diverted = speadi_counter_read(&node->diverted_count),
        .fatal = speadi_counter_read(&node->fatal),
        .cpu_ns = speadi_counter_read(&node->cpu_ns),
        .waited_ns = speadi_counter_read(&node->waited_ns),
    };
    now.failed = now.retried + now.skipped + now.logged + now.diverted + now.fatal;
    (void)speadi_struct_write(stats, &now, sizeof now);
}
