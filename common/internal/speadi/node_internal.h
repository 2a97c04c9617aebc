/* SPDX-License-Identifier: Apache-2.0 */
/* Functions by which a node of the library asks how it is joined to its graph. Only the thread that steps the node may
 * call them. It may also call them in start(). */
#ifndef SPEADI_NODE_INTERNAL_H
#define SPEADI_NODE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/node.h>

#include <speadi/wake_fd.h>

/* Returns true when spead_graph_next() steps the node. The thread that called spead_graph_next() then has other nodes
 * to step too, so the node must not block that thread. */
bool speadi_node_is_pulled(const struct spead_node *self);

/* Returns the channel that the output with the index `output` is joined to, or NULL when it is joined to none. */
struct spead_channel *speadi_node_channel(const struct spead_node *self, uint32_t output);

/* Returns what speadi_sender_room() returns for the channel of the output. When the result is 0, the library steps the
 * node again after the channel has changed. When the output is joined to no channel, returns UINT32_MAX. */
uint32_t speadi_node_room(struct spead_node *self, uint32_t output);

/* Does what speadi_sender_sleep_at() does, with the channel of the output. Returns false if the output is joined to no
 * channel. */
bool speadi_node_sleep_at(struct spead_node *self, uint32_t output, uint32_t room,
                          const struct speadi_wake_fd *wake_fd, uint64_t deadline_ns);

/* These two do what speadi_sender_shed() and speadi_sender_shed_oldest() do, with the channel of the output. If the
 * output is joined to no channel, speadi_node_shed() releases the messages. */
void speadi_node_shed(struct spead_node *self, uint32_t output,
                      const struct spead_message *messages, uint32_t count);
bool speadi_node_shed_oldest(struct spead_node *self, uint32_t output);

#endif
