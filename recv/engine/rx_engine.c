/* SPDX-License-Identifier: Apache-2.0 */
/* Finds, describes and opens the receive engines of this library. The list of engines is in another file, rx_engines.c,
 * which CMake writes in the build folder. */
#include "rx_engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/err.h>

static const struct speadi_engine_list list = {
    .direction = "receive", .verb = "reads", .engine = speadi_rx_engines};

/* The description of an engine is the first member of its table of operations. */
static const struct speadi_rx_engine_ops *ops_of(const struct speadi_engine_about *engine)
{
    return (const struct speadi_rx_engine_ops *)(const void *)engine;
}

const struct speadi_rx_engine_ops *speadi_rx_engine_find(const char *name)
{
    const struct speadi_engine_about *engine = name ? speadi_engine_find(&list, name) : NULL;

    return engine ? ops_of(engine) : NULL;
}

int spead_recv_engine_info(uint32_t index, struct spead_engine_info *info)
{
    return speadi_engine_describe(&list, index, info);
}

int spead_recv_engine_usable(const char *name, struct spead_err *err)
{
    const struct speadi_rx_engine_ops *ops = speadi_rx_engine_find(name);

    if (!ops)
        return speadi_engine_unknown(&list, name, err);
    return ops->usable ? ops->usable(NULL, err) : 0;
}

/* The arguments of speadi_rx_engine_open(), for the functions below. */
struct opening {
    const struct speadi_rx_engine_ops **ops;
    void **state;
    const struct speadi_rx_config *config;
    struct speadi_rx_facts *facts;
};

/* Returns the configuration of the stream with the options of this engine filled in. */
static struct speadi_rx_config config_for(const struct opening *opening,
                                          const struct speadi_engine_about *engine)
{
    struct speadi_rx_config config = *opening->config;

    config.options = speadi_engine_options_find(config.engine_options, engine->name);
    return config;
}

static int usable(void *arg, const struct speadi_engine_about *engine, struct spead_err *err)
{
    const struct speadi_rx_config config = config_for(arg, engine);
    const struct speadi_rx_engine_ops *ops = ops_of(engine);

    return ops->usable ? ops->usable(&config, err) : 0;
}

static int open_engine(void *arg, const struct speadi_engine_about *engine, struct spead_err *err)
{
    const struct opening *opening = arg;
    const struct speadi_rx_config config = config_for(opening, engine);
    const struct speadi_rx_engine_ops *ops = ops_of(engine);
    void *self;
    int ret;

    if (config.path == SPEAD_PATH_PLACED && !(ops->caps & SPEADI_RX_CAP_PLACED))
        return speadi_err_set(err, -ENOTSUP, "receive engine %s cannot place payload",
                              engine->name);
    self = speadi_alloc_lines(ops->state_size);
    if (!self)
        return speadi_err_set(err, -ENOMEM, "no memory for receive engine %s", engine->name);
    memset(self, 0, ops->state_size);
    *opening->facts = (struct speadi_rx_facts){0};
    ret = ops->open(self, &config, opening->facts, err);
    if (ret < 0) {
        ops->close(self);
        free(self);
        return ret;
    }
    *opening->ops = ops;
    *opening->state = self;
    return 0;
}

static enum spead_endpoint_kind endpoint_of(const struct speadi_rx_config *config)
{
    if (config->links)
        return SPEAD_ENDPOINT_MEM_LINK;
    return config->addresses ? SPEAD_ENDPOINT_UDP : SPEAD_ENDPOINT_TEXT;
}

int speadi_rx_engine_open(const struct speadi_rx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_rx_config *config,
                          char reason[SPEADI_ENGINE_REASON_MAX], struct speadi_rx_facts *facts,
                          struct spead_err *err)
{
    struct opening opening = {ops, state, config, facts};
    const struct speadi_engine_choice choice = {.list = &list,
                                                .endpoint = endpoint_of(config),
                                                .shape = facts->shape,
                                                .arg = &opening,
                                                .usable = usable,
                                                .open = open_engine};

    if (!config->count || config->count > SPEADI_RX_SOURCES_MAX)
        return speadi_err_range(err, "endpoint_count", config->count, 1, SPEADI_RX_SOURCES_MAX);
    if (speadi_engine_options_check(config->engine_options, err) < 0)
        return -EINVAL;
    return speadi_engine_choose(&choice, name, reason, err);
}
