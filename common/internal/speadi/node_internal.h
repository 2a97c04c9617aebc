/* Functions that tell a node of the library how it is joined to its graph. The thread that steps the node may call
 * them, also in start(). */
#ifndef SPEADI_NODE_INTERNAL_H
#define SPEADI_NODE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/node.h>

/* Returns true when spead_graph_next() steps the node. Then its thread has other nodes to step too, so the node must
 * not block that thread. */
bool speadi_node_is_pulled(const struct spead_node *self);

/* Returns the channel that an output is joined to, or NULL when there is none. */
struct spead_channel *speadi_node_channel(const struct spead_node *self, uint32_t output);

/* Returns what speadi_sender_room() returns for the channel of an output. When it returns 0, the node waits for this
 * port. It also returns UINT32_MAX when the output is joined to no channel. */
uint32_t speadi_node_room(struct spead_node *self, uint32_t output);

#endif
