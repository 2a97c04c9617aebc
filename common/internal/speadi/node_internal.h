/* What nodes of the library's own ask about their place in a graph. The node's thread, and start(). */
#ifndef SPEADI_NODE_INTERNAL_H
#define SPEADI_NODE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/node.h>

/* True when spead_graph_next() steps it: its thread has other nodes to step. */
bool speadi_node_is_pulled(const struct spead_node *self);

/* The channel that an output is joined to; NULL: none. */
struct spead_channel *speadi_node_channel(const struct spead_node *self, uint32_t output);

/* As speadi_sender_room(); 0 makes the port one that the node waits for. UINT32_MAX also when the output is
 * joined to nothing. */
uint32_t speadi_node_room(struct spead_node *self, uint32_t output);

#endif
