/* SPDX-License-Identifier: Apache-2.0 */
/* How a node reads messages where they lie in the channel of an input, and writes them where they will lie in the
 * channel of an output. */
#include <errno.h>

#include <speadi/channel_internal.h>
#include <speadi/count.h>
#include <speadi/node_internal.h>

#include "graph_parts.h"

bool speadi_node_can_peek(const struct spead_node *self, uint32_t input)
{
    return speadi_receiver_can_peek(self->inputs[input].receiver);
}

int speadi_node_peek(struct spead_node *self, uint32_t input, struct spead_message **messages,
                     uint32_t max)
{
    struct speadi_node_port *port = &self->inputs[input];
    int ret;

    if (port->ended)
        return speadi_node_nothing_received(self, port, -ESHUTDOWN);
    ret = speadi_receiver_peek(port->receiver, messages, max);
    if (ret <= 0)
        return speadi_node_nothing_received(self, port, ret);
    /* relaxed: the value is only a hint for a thread that writes the path to a failure. */
    atomic_store_explicit(&self->last_input, input, memory_order_relaxed);
    spead_node_working_on(self, *messages);
    return ret;
}

void speadi_node_advance(struct spead_node *self, uint32_t input, uint32_t count)
{
    speadi_receiver_advance(self->inputs[input].receiver, count);
    speadi_counter_add(&self->in, count);
}

bool speadi_node_can_reserve(const struct spead_node *self, uint32_t output)
{
    const struct spead_sender *sender = self->outputs[output].sender;

    return sender && speadi_sender_can_reserve(sender);
}

int speadi_node_reserve(struct spead_node *self, uint32_t output, struct spead_message **slots,
                        uint32_t max)
{
    struct speadi_node_port *port = &self->outputs[output];
    int ret = speadi_sender_reserve(port->sender, slots, max);

    if (ret == -EAGAIN)
        speadi_node_port_waits(self, port);
    else if (ret < 0)
        self->reported_end = ret;
    return ret;
}

void speadi_node_commit(struct spead_node *self, uint32_t output, uint32_t count)
{
    speadi_sender_commit(self->outputs[output].sender, count);
    speadi_counter_add(&self->out, count);
}
