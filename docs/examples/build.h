/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that build a graph. When one of them fails, it prints the reason and ends the program. */
#include <stdio.h>
#include <stdlib.h>

#include <speadline/graph.h>

static struct spead_err err;
static struct spead_graph *graph;

static void must(int ret)
{
    if (ret >= 0)
        return;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

static struct spead_node *add(struct spead_node_config config)
{
    struct spead_node *node;

    must(spead_graph_add(graph, &config, &node, &err));
    return node;
}

/* Joins the output `port` of a node to the only input of another node. NULL as `port` means the only
 * output. */
static inline void join(struct spead_node *from, const char *port, struct spead_node *to,
                        uint32_t capacity)
{
    struct spead_channel_config edge = SPEAD_CHANNEL_CONFIG_INIT;

    edge.capacity = capacity;
    must(spead_graph_join(graph, (struct spead_graph_end){from, port},
                          (struct spead_graph_end){to, NULL}, &edge, &err));
}
