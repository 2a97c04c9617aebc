/* Ports of nodes, and edges: an edge is a channel with the ports that it joins. */
#ifndef SPEADI_EDGE_H
#define SPEADI_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/graph.h>

#include "task.h"

/* A port of a node. While the graph runs, the port has one end of a channel. */
struct speadi_node_port {
    struct speadi_node_waker node_waker;   /* wakes the node of this port: speadi_node_of() */
    struct speadi_edge *edge;              /* NULL: joined to nothing */
    struct speadi_node_port *edge_next;    /* next port at the same side of the edge */
    struct speadi_node_port *waiting_next; /* next port in node->waiting */
    union {
        struct spead_sender *sender;     /* of an output */
        struct spead_receiver *receiver; /* of an input */
    };
    const char *name;
    int type;
    bool is_output;

    /* Only the thread of the node's worker reads and writes these: */
    bool waits : 1;        /* the port has answered -EAGAIN in this step */
    bool announced : 1;    /* its waker is announced at the channel */
    bool ended : 1;        /* input from the program's channel, found empty after the stop */
    bool must_pass_on : 1; /* its wake may help other ports that wait at the same side */
};

/* A channel with the ports that it joins. */
struct speadi_edge {
    struct speadi_edge *next; /* in graph->edges */
    /* The graph makes the channel at start. If `outside` is set, the program has made the channel, and the join
     * stores it here. */
    struct spead_channel *channel;
    struct spead_channel_config config;
    char *name; /* name of the channel; NULL: it is built from the names of the ports */
    struct speadi_node_port *senders, *receivers;
    uint32_t sender_count, receiver_count;
    uint32_t unready; /* for the sort: receiving nodes that are not in the order yet */
    int type;
    bool outside;                  /* the channel was made by the program */
    struct spead_receiver *pulled; /* the end that spead_graph_next() reads */
};

/* Finds a port of end->node. Returns NULL if there is no such port; *err then says why. */
struct speadi_node_port *speadi_node_port_find(const struct spead_graph_end *end, bool is_output,
                                               struct spead_err *err);
void speadi_edge_add(struct spead_graph *graph, struct speadi_edge *edge);
void speadi_edge_attach(struct speadi_edge *edge, struct speadi_node_port *port);
void speadi_edge_destroy(struct speadi_edge *edge);
enum spead_channel_form speadi_edge_form(const struct speadi_edge *edge);
/* Writes the name of an edge, such as "a.out > b.in", "(outside) > b.in" or "a.out x 100 > b.in". */
void speadi_edge_describe(const struct speadi_edge *edge, char *out, size_t max);
/* Makes the channel if the edge has none, and opens the ends of all its ports. */
int speadi_edge_open(struct spead_graph *graph, struct speadi_edge *edge, struct spead_err *err);
const char *speadi_type_name(int type);
const char *speadi_policy_name(unsigned policy);

#endif
