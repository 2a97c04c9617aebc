/* What the nodes of the library ask about their place in a graph. The thread that steps the node may call these
 * functions, also in start(). */
#ifndef SPEADI_NODE_INTERNAL_H
#define SPEADI_NODE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/node.h>

/* True when spead_graph_next() steps the node. Then the thread has other nodes to step too, so the node must not block
 * it. */
bool speadi_node_is_pulled(const struct spead_node *self);

/* Returns the channel that an output is joined to; NULL: it is joined to none. */
struct spead_channel *speadi_node_channel(const struct spead_node *self, uint32_t output);

/* As speadi_sender_room() for an output port. When it returns 0, the node waits for this port. It also returns
 * UINT32_MAX when the output is joined to no channel. */
uint32_t speadi_node_room(struct spead_node *self, uint32_t output);

#endif
