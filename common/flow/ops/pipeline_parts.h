/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline, for the operators that add themselves to it. */
#ifndef SPEADI_PIPELINE_PARTS_H
#define SPEADI_PIPELINE_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/pipeline.h>

struct spead_pipeline {
    struct spead_graph *graph;
    /* The output at which the pipeline stands. The node is NULL if it stands nowhere. The port is NULL if the node has
     * several outputs and spead_pipeline_from() has not said which one is meant. */
    struct spead_graph_end at;
    /* borrowed: the channel of the program at which it stands, or NULL */
    struct spead_channel *channel;
    uint32_t capacity;
    struct spead_err err; /* the first error; the code is 0 if there was none */
};

/* Reads the stage of a caller into *own. Returns false, and keeps the error, if there was an error before or if the
 * stage is not valid. */
bool speadi_pipeline_read_stage(struct spead_pipeline *pipeline, struct spead_stage *own,
                                const struct spead_stage *stage);

/* Returns the type of the messages that come from where the pipeline stands, or SPEAD_CHANNEL_ANY_TYPE. */
int speadi_pipeline_type(const struct spead_pipeline *pipeline);

/* Adds the node, and joins its input `input` (NULL: it has no input) to where the pipeline stands. *stage was read by
 * speadi_pipeline_read_stage(). Returns 0, or -errno if there was an error, which the pipeline keeps; the state of the
 * node then belongs to the caller if *added is NULL, and to the graph otherwise. */
int speadi_pipeline_add_read(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                             const struct spead_node_config *node, const char *input,
                             struct spead_node **added);

#endif
