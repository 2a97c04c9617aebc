/* Ports and edges: which ports share a channel. */
#ifndef SPEADI_EDGE_H
#define SPEADI_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/graph.h>

#include "task.h"

/* A port of a node, and its end of the edge while the graph runs. */
struct speadi_node_port {
    struct speadi_node_waker waiter;       /* wakes the node whose port this is: speadi_node_of() */
    struct speadi_edge *edge;              /* NULL: joined to nothing */
    struct speadi_node_port *edge_next;    /* at the same side of the edge */
    struct speadi_node_port *waiting_next; /* in node->waiting */
    union {
        struct spead_sender *sender;     /* of an output */
        struct spead_receiver *receiver; /* of an input */
    };
    const char *name;
    int type;
    bool is_output;
    /* Its worker's: */
    bool waits : 1;     /* answered -EAGAIN in this step */
    bool announced : 1; /* and the channel knows */
    bool ended : 1;     /* outside input of a stopped graph: found empty */
    bool woken : 1;     /* for a change that other waiting ports may use as well */
};

/* Ports that share a channel. */
struct speadi_edge {
    struct speadi_edge *next;      /* in graph->edges */
    struct spead_channel *channel; /* made at start; outside: from the beginning, the caller's */
    struct spead_channel_config config;
    char *name; /* of the channel; NULL: made of its ports */
    struct speadi_node_port *senders, *receivers;
    uint32_t sender_count, receiver_count;
    uint32_t unready; /* while the order of starting is found: receivers not placed yet */
    int type;
    bool outside;
    struct spead_receiver *pulled; /* the end that spead_graph_next() reads */
};

struct speadi_node_port *speadi_node_port_find(const struct spead_graph_end *end, bool is_output,
                                               struct spead_err *err);
void speadi_edge_add(struct spead_graph *graph, struct speadi_edge *edge);
void speadi_edge_attach(struct speadi_edge *edge, struct speadi_node_port *port);
void speadi_edge_destroy(struct speadi_edge *edge);
enum spead_channel_form speadi_edge_form(const struct speadi_edge *edge);
/* "a.out > b.in", "(outside) > b.in", "a.out x 100 > b.in". */
void speadi_edge_describe(const struct speadi_edge *edge, char *out, size_t max);
int speadi_edge_open(struct spead_graph *graph, struct speadi_edge *edge, struct spead_err *err);
const char *speadi_type_name(int type);
const char *speadi_policy_name(unsigned policy);

#endif
