/* SPDX-License-Identifier: Apache-2.0 */
/* Making operators and adding them to a pipeline. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/numbers.h>

#include "op.h"
#include "pipeline_parts.h"

#define BATCH_DEFAULT 256u
#define BATCH_MAX     4096u

struct spead_err *speadi_op_err(struct spead_pipeline *pipeline)
{
    return &pipeline->err;
}

/* Returns the type with this name, or `otherwise` if the name is NULL, or -EINVAL with a sentence (a name is not
 * known). */
static int type_named(const char *name, int otherwise, const char *field, const char *stage,
                      int *type, struct spead_err *err)
{
    *type = name ? spead_message_type_find(name) : otherwise;
    if (!name || *type >= 0)
        return 0;
    return speadi_err_field(err, -EINVAL, field, " of stage \"%s\": there is no type \"%s\"", stage,
                            name);
}

static int choose_types(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                        struct speadi_op *op)
{
    const char *name = stage->name ? stage->name : "";
    int ret =
        type_named(stage->takes, op->inputs ? speadi_pipeline_type(pipeline) : SPEAD_TYPE_PLAIN,
                   "takes", name, &op->takes, &pipeline->err);

    if (ret == 0)
        ret = type_named(stage->gives, op->takes, "gives", name, &op->gives, &pipeline->err);
    if (ret == 0 && stage->gives && !op->kind->makes)
        ret = speadi_err_field(&pipeline->err, -EINVAL, "gives",
                               " of stage \"%s\": \"%s\" passes messages on as they are", name,
                               op->kind->node.kind);
    return ret;
}

static int choose_batch(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                        struct speadi_op *op)
{
    uint32_t capacity = stage->edge ? stage->edge->capacity : stage->capacity;

    if (stage->batch > BATCH_MAX)
        return speadi_err_range(&pipeline->err, "batch", stage->batch, 0, BATCH_MAX);
    op->batch = stage->batch ? stage->batch : speadi_clamp_u32(capacity, 1, BATCH_DEFAULT);
    return 0;
}

void *speadi_op_new(struct spead_pipeline *pipeline, struct spead_stage *own,
                    const struct spead_stage *stage, const struct speadi_op_kind *kind,
                    size_t bytes, void *arg)
{
    struct speadi_op *op;

    if (!pipeline || !speadi_pipeline_read_stage(pipeline, own, stage))
        return NULL;
    op = calloc(1, bytes);
    if (!op) {
        speadi_err_set(&pipeline->err, -ENOMEM, "cannot add a stage: out of memory");
        return NULL;
    }
    op->kind = kind;
    op->arg = arg;
    op->inputs = op->outputs = 1;
    op->throttle = own->throttle ? spead_throttle_ref(own->throttle) : NULL;
    op->clock = own->clock;
    op->more_bytes = bytes;
    if (choose_batch(pipeline, own, op) == 0)
        return op;
    speadi_op_destroy(op);
    return NULL;
}

/* ---- Ports ---------------------------------------------------------------------------------- */

struct ports {
    struct spead_port input[SPEADI_OP_PORTS_MAX], output[SPEADI_OP_PORTS_MAX + 1];
    char input_name[SPEADI_OP_PORTS_MAX][16], output_name[SPEADI_OP_PORTS_MAX][16];
};

static void name_ports(struct spead_port *ports, char (*room)[16], uint32_t count, const char *only,
                       const char *const *names, int type)
{
    for (uint32_t i = 0; i < count; i++) {
        if (count > 1 || names)
            snprintf(room[i], sizeof room[i], "%s%u", only, i);
        ports[i].name = names ? names[i] : count > 1 ? room[i] : only;
        ports[i].type = type;
    }
}

static bool diverts(const struct spead_stage *stage)
{
    return stage->on_error == SPEAD_ON_ERROR_DIVERT ||
           (stage->on_error == SPEAD_ON_ERROR_RETRY &&
            stage->after_retries == SPEAD_ON_ERROR_DIVERT);
}

static struct spead_node_config node_of(const struct spead_stage *stage, struct speadi_op *op,
                                        struct ports *ports, const char *const *names)
{
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    uint32_t buffers;

    name_ports(ports->input, ports->input_name, op->inputs, "in", NULL, op->takes);
    name_ports(ports->output, ports->output_name, op->outputs, "out", names, op->gives);
    config.name = stage->name;
    config.ops = &op->kind->node;
    config.state = op;
    config.inputs = ports->input;
    config.input_count = op->inputs;
    config.outputs = ports->output;
    config.output_count = op->outputs;
    if (diverts(stage))
        ports->output[config.output_count++] = (struct spead_port){"error", op->takes};
    config.blocking = stage->blocking;
    config.cpu = stage->pinned ? stage->cpu : -1;
    config.on_error = stage->on_error;
    config.after_retries = stage->after_retries;
    config.retries = stage->retries;
    config.backoff_ns = stage->backoff_ns;
    buffers = (op->inputs == 1 ? 1u : 0u) + (op->outputs == 1 ? 1u : 0u);
    config.memory_bytes = op->more_bytes + buffers * op->batch * sizeof(struct spead_message);
    return config;
}

void speadi_op_add(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                   struct speadi_op *op, const char *const *names)
{
    struct spead_node *added = NULL;
    struct spead_node_config config;
    struct ports ports;

    if (choose_types(pipeline, stage, op) == 0) {
        config = node_of(stage, op, &ports, names);
        (void)speadi_pipeline_add_read(pipeline, stage, &config,
                                       op->inputs ? ports.input[0].name : NULL, &added);
    }
    if (!added)
        op->kind->node.destroy(op);
}
