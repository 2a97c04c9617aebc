/* SPDX-License-Identifier: Apache-2.0 */
/* The builder of graphs: it adds stages one after the other, and keeps the first error. */
#include <speadline/pipeline.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/node_internal.h>
#include <speadi/struct_size.h>

#include "pipeline_parts.h"

struct spead_pipeline *spead_pipeline_create(const char *name)
{
    struct spead_graph_config config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_pipeline *pipeline = calloc(1, sizeof *pipeline);

    if (!pipeline)
        return NULL;
    config.name = name;
    pipeline->capacity = 1;
    if (spead_graph_create(&pipeline->graph, &config, &pipeline->err) == 0)
        pipeline->err.code = 0;
    return pipeline;
}

void spead_pipeline_destroy(struct spead_pipeline *pipeline)
{
    if (!pipeline)
        return;
    spead_graph_destroy(pipeline->graph);
    free(pipeline);
}

static bool goes_on(const struct spead_pipeline *pipeline)
{
    return pipeline && pipeline->err.code == 0;
}

struct spead_graph *spead_pipeline_graph(struct spead_pipeline *pipeline)
{
    return goes_on(pipeline) ? pipeline->graph : NULL;
}

void spead_pipeline_set_capacity(struct spead_pipeline *pipeline, uint32_t capacity)
{
    if (!goes_on(pipeline))
        return;
    if (capacity < 1 || capacity > SPEAD_CHANNEL_CAPACITY_MAX)
        speadi_err_range(&pipeline->err, "capacity", capacity, 1, SPEAD_CHANNEL_CAPACITY_MAX);
    else
        pipeline->capacity = capacity;
}

/* ---- Stages --------------------------------------------------------------------------------- */

static int read_stage(struct spead_stage *own, const struct spead_stage *stage,
                      struct spead_err *err)
{
    static const struct spead_stage defaults = SPEAD_STAGE_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "stage",
        .init = "SPEAD_STAGE_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_stage, capacity),
    };

    if (stage)
        return speadi_struct_read(own, stage, &kind, err);
    *own = defaults;
    return 0;
}

bool speadi_pipeline_read_stage(struct spead_pipeline *pipeline, struct spead_stage *own,
                                const struct spead_stage *stage)
{
    if (!goes_on(pipeline) || read_stage(own, stage, &pipeline->err) < 0)
        return false;
    if (own->capacity == 0)
        own->capacity = pipeline->capacity;
    return true;
}

int speadi_pipeline_type(const struct spead_pipeline *pipeline)
{
    if (!pipeline->at.node || !pipeline->at.port)
        return SPEAD_CHANNEL_ANY_TYPE;
    return speadi_node_output_type(pipeline->graph, pipeline->at, NULL);
}

/* Returns the configuration of the channel that a stage asks for. It is *room, unless the stage has its own. */
static const struct spead_channel_config *edge_of(const struct spead_stage *stage,
                                                  struct spead_channel_config *room)
{
    if (stage->edge)
        return stage->edge;
    *room = (struct spead_channel_config)SPEAD_CHANNEL_CONFIG_INIT;
    room->capacity = stage->capacity;
    room->on_full = stage->on_full;
    room->sample_n = stage->sample_n;
    room->lanes = stage->lanes ? stage->lanes : 1;
    return room;
}

/* Joins where the pipeline stands to an input. `edge` is NULL if the channel of the input exists already. */
static int join_input(struct spead_pipeline *pipeline, struct spead_graph_end input,
                      const struct spead_channel_config *edge)
{
    struct spead_err *err = &pipeline->err;

    if (pipeline->channel)
        return spead_graph_join_input(pipeline->graph, pipeline->channel, input, err);
    if (!pipeline->at.node)
        return speadi_err_set(err, -EINVAL,
                              "node \"%s\" has an input, but the pipeline stands at no output: "
                              "begin with a source",
                              spead_node_name(input.node));
    if (!speadi_node_has_outputs(pipeline->at.node))
        return speadi_err_set(err, -EINVAL,
                              "node \"%s\" has no output: nothing can stand behind it",
                              spead_node_name(pipeline->at.node));
    return spead_graph_join(pipeline->graph, pipeline->at, input, edge, err);
}

static void stand_behind(struct spead_pipeline *pipeline, struct spead_node *node)
{
    pipeline->channel = NULL;
    pipeline->at.port = speadi_node_port(node, true, "out");
    pipeline->at.node = node;
}

int speadi_pipeline_add_read(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                             const struct spead_node_config *node, const char *input,
                             struct spead_node **added)
{
    struct spead_channel_config room;
    int ret;

    *added = NULL;
    ret = spead_graph_add(pipeline->graph, node, added, &pipeline->err);
    if (ret == 0 && input)
        ret = join_input(pipeline, (struct spead_graph_end){*added, input}, edge_of(stage, &room));
    if (ret == 0)
        stand_behind(pipeline, *added);
    return ret;
}

void spead_pipeline_add(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                        const struct spead_node_config *node)
{
    struct spead_channel_config room;
    struct spead_node *added = NULL;
    struct spead_stage own;
    const char *input;

    if (!speadi_pipeline_read_stage(pipeline, &own, stage) ||
        spead_graph_add(pipeline->graph, node, &added, &pipeline->err) < 0)
        return;
    input = speadi_node_port(added, false, "in");
    if (!input)
        input = speadi_node_free_input(added);
    if (input)
        if (join_input(pipeline, (struct spead_graph_end){added, input}, edge_of(&own, &room)) < 0)
            return;
    stand_behind(pipeline, added);
}

/* ---- Branches and joins --------------------------------------------------------------------- */

static struct spead_node *find(struct spead_pipeline *pipeline, const char *name)
{
    struct spead_node *node = spead_graph_find(pipeline->graph, name);

    if (!node)
        speadi_err_set(&pipeline->err, -ENOENT, "there is no node \"%s\" yet", name);
    return node;
}

void spead_pipeline_from(struct spead_pipeline *pipeline, const char *node, const char *port)
{
    struct spead_node *found = goes_on(pipeline) ? find(pipeline, node) : NULL;

    if (!found)
        return;
    stand_behind(pipeline, found);
    if (port)
        pipeline->at.port = speadi_node_output_named(found, port);
    if (!pipeline->at.port) {
        struct spead_graph_end end = {found, port};

        (void)speadi_node_output_type(pipeline->graph, end, &pipeline->err);
    }
}

void spead_pipeline_into(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                         const char *node, const char *port)
{
    struct spead_channel_config room;
    struct spead_graph_end input;
    struct spead_stage own;

    if (!speadi_pipeline_read_stage(pipeline, &own, stage))
        return;
    input.node = find(pipeline, node);
    if (!input.node)
        return;
    input.port = port ? port : speadi_node_free_input(input.node);
    if (join_input(pipeline, input,
                   !stage && speadi_node_is_joined(input.node, input.port)
                       ? NULL
                       : edge_of(&own, &room)) < 0)
        return;
    pipeline->at = (struct spead_graph_end){NULL, NULL};
    pipeline->channel = NULL;
}

void spead_pipeline_to_channel(struct spead_pipeline *pipeline, struct spead_channel *channel)
{
    if (!goes_on(pipeline))
        return;
    if (!pipeline->at.node) {
        speadi_err_set(&pipeline->err, -EINVAL,
                       "channel \"%s\" cannot be joined: the pipeline stands at no output",
                       spead_channel_name(channel));
        return;
    }
    if (spead_graph_join_output(pipeline->graph, pipeline->at, channel, &pipeline->err) == 0)
        pipeline->at = (struct spead_graph_end){NULL, NULL};
}

void spead_pipeline_from_channel(struct spead_pipeline *pipeline, struct spead_channel *channel)
{
    if (!goes_on(pipeline))
        return;
    pipeline->at = (struct spead_graph_end){NULL, NULL};
    pipeline->channel = channel;
}

/* ---- Finishing ------------------------------------------------------------------------------ */

static int check(struct spead_pipeline *pipeline)
{
    int ret;

    if (pipeline->err.code != 0)
        return pipeline->err.code;
    ret = spead_graph_plan(pipeline->graph, SPEAD_REPORT_TEXT, NULL, 0, &pipeline->err);
    if (ret < 0)
        return ret;
    return speadi_graph_check_outputs(pipeline->graph, pipeline->at, &pipeline->err);
}

int spead_pipeline_finish(struct spead_pipeline *pipeline, struct spead_graph **graph,
                          struct spead_err *err)
{
    int ret;

    *graph = NULL;
    if (!pipeline)
        return speadi_err_set(err, -ENOMEM, "cannot make a pipeline: out of memory");
    ret = check(pipeline);
    if (ret < 0) {
        speadi_err_copy(err, &pipeline->err);
    } else {
        *graph = pipeline->graph;
        pipeline->graph = NULL;
    }
    spead_pipeline_destroy(pipeline);
    return ret;
}
