/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of nodes, and edges: an edge is a channel with the ports that it joins. */
#ifndef SPEADI_EDGE_H
#define SPEADI_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/graph.h>

#include "task.h"

/* A port of a node. If the port belongs to an edge, it owns one end of the channel of that edge as long as the graph
 * runs. */
struct speadi_node_port {
    struct speadi_node_waker node_waker;   /* the waker of this port; it wakes the port's node */
    struct speadi_edge *edge;              /* NULL if the port is not joined */
    struct speadi_node_port *edge_next;    /* next port at the same side of this edge */
    struct speadi_node_port *waiting_next; /* next port in the list node->waiting */
    union {
        struct spead_sender *sender;     /* the end of an output port */
        struct spead_receiver *receiver; /* the end of an input port */
    };
    const char *name;
    int type;
    bool is_output;

    /* Only the thread of the node's worker reads and writes these four fields. */
    bool waits : 1;     /* true if the port has returned -EAGAIN in this step */
    bool announced : 1; /* true if the waker of this port is announced */
    /* True if the port is an input of a channel that the program has made, and the node has found this channel empty
     * after the stop of the graph. */
    bool ended : 1;
    /* True if the waker of this port was called, and other ends can be waiting at the same side of the channel. At the
     * end of the turn, if there is still a message or a free place, the node must wake the next of these ends. */
    bool must_pass_on : 1;
};

/* A channel with the ports that it joins. */
struct speadi_edge {
    struct speadi_edge *next; /* next edge in the list graph->edges */
    /* The graph makes the channel when it starts. But if `outside` is true, the program has made the channel, and the
     * function that joins the channel to a port stores it here. */
    struct spead_channel *channel;
    struct spead_channel_config config;
    /* The name of the channel. If it is NULL, the channel gets a name that is built from the names of the ports. */
    char *name;
    struct speadi_node_port *senders, *receivers;
    uint32_t sender_count, receiver_count;
    /* How many receiving ports of this edge belong to nodes that are not in graph->order yet. Only speadi_graph_sort()
     * uses this field. */
    uint32_t unready;
    bool reached; /* true if a message can come into this edge; only graph_sources.c uses it */
    int type;
    bool outside;                  /* true if the program has made the channel */
    struct spead_receiver *pulled; /* the end that spead_graph_next() reads, or NULL */
};

/* Returns the port of end->node that end->port names. Returns NULL if there is no such port, or if the node belongs to
 * another graph; then *err says why. */
struct speadi_node_port *speadi_node_port_find(const struct spead_graph *graph,
                                               const struct spead_graph_end *end, bool is_output,
                                               struct spead_err *err);
void speadi_edge_add(struct spead_graph *graph, struct speadi_edge *edge);
void speadi_edge_attach(struct speadi_edge *edge, struct speadi_node_port *port);
void speadi_edge_destroy(struct speadi_edge *edge);
enum spead_channel_form speadi_edge_form(const struct speadi_edge *edge);
/* Writes the name of an edge, such as "a.out > b.in", "(outside) > b.in" or "a.out x 100 > b.in". */
void speadi_edge_describe(const struct speadi_edge *edge, char *out, size_t max);
/* Makes the channel of the edge if there is none yet, and opens an end of that channel for each port of the edge.
 * Returns 0 or -errno. */
int speadi_edge_open(struct spead_graph *graph, struct speadi_edge *edge, struct spead_err *err);
const char *speadi_type_name(int type);
const char *speadi_policy_name(unsigned policy);

#endif
