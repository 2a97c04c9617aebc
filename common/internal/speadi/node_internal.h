/* SPDX-License-Identifier: Apache-2.0 */
/* Functions by which a node of the library asks how it is joined to its graph. Only the thread that steps the node may
 * call them, also in start(). The functions at the end are for the code that builds a graph. */
#ifndef SPEADI_NODE_INTERNAL_H
#define SPEADI_NODE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/graph.h>
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

/* ---- For operators: messages where they lie in the channel (channel_internal.h) ---------------- */

/* The four functions do what the functions of the ends do, and count and wait as spead_node_receive() and
 * spead_node_send() do. An output that is joined to nothing cannot reserve. */
bool speadi_node_can_peek(const struct spead_node *self, uint32_t input);
int speadi_node_peek(struct spead_node *self, uint32_t input, struct spead_message **messages,
                     uint32_t max);
void speadi_node_advance(struct spead_node *self, uint32_t input, uint32_t count);
bool speadi_node_can_reserve(const struct spead_node *self, uint32_t output);
int speadi_node_reserve(struct spead_node *self, uint32_t output, struct spead_message **slots,
                        uint32_t max);
void speadi_node_commit(struct spead_node *self, uint32_t output, uint32_t count);

/* ---- For the builder of pipelines (the thread that builds the graph) -------------------------- */

/* Return the operations and the state of the configuration with which the node was added. Any thread. */
const struct spead_node_ops *speadi_node_ops(const struct spead_node *node);
void *speadi_node_state(const struct spead_node *node);

/* Returns the name of the only port of one side, or `usual` if one of several ports is called so, or NULL. The name
 * lives as long as the node. */
const char *speadi_node_port(const struct spead_node *node, bool is_output, const char *usual);

/* Returns the name of the output with this name, as a text that lives as long as the node, or NULL. */
const char *speadi_node_output_named(const struct spead_node *node, const char *name);

bool speadi_node_has_outputs(const struct spead_node *node);

/* Returns true if the node has an input of this name and it is joined. `input` may be NULL. */
bool speadi_node_is_joined(const struct spead_node *node, const char *input);

/* Returns the name of the first input that is joined to nothing, or else of the only input, or NULL. */
const char *speadi_node_free_input(const struct spead_node *node);

/* Returns the type of an output, which can be SPEAD_CHANNEL_ANY_TYPE (-1), or -EINVAL with a sentence in *err. */
int speadi_node_output_type(const struct spead_graph *graph, struct spead_graph_end end,
                            struct spead_err *err);

/* Checks that every output except `open` is joined. open.port is NULL if there is no such exception. Returns 0 or
 * -EINVAL with a sentence in *err. */
int speadi_graph_check_outputs(const struct spead_graph *graph, struct spead_graph_end open,
                               struct spead_err *err);
/* Says that the node was held up for so many nanoseconds more, because the nodes behind it hold all of something that it
 * needs: `what`, in the singular. The text must live as long as the program. The verdict of the graph names it. */
void speadi_node_was_short_of(struct spead_node *self, const char *what, uint64_t ns);

#endif
