/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses and opens a send engine. CMake writes the list of the engines: tx_engines.c in the build folder. */
#include "tx_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

static const struct speadi_engine_list list = {
    .direction = "send", .verb = "sends to", .engine = speadi_tx_engines};

/* Returns the table of operations that begins with this struct speadi_engine_about. */
static const struct speadi_tx_engine_ops *ops_of(const struct speadi_engine_about *engine)
{
    return (const struct speadi_tx_engine_ops *)(const void *)engine;
}

int spead_send_engine_info(uint32_t index, struct spead_engine_info *info)
{
    return speadi_engine_describe(&list, index, info);
}

int spead_send_engine_usable(const char *name, struct spead_err *err)
{
    const struct speadi_engine_about *engine = speadi_engine_find(&list, name);

    if (!engine)
        return speadi_engine_unknown(&list, name, err);
    return ops_of(engine)->usable ? ops_of(engine)->usable(NULL, err) : 0;
}

/* The arguments of speadi_tx_engine_open() that the callbacks below need. */
struct opening {
    const struct speadi_tx_engine_ops **ops;
    void **state;
    const struct speadi_tx_config *config;
    struct speadi_tx_facts *facts;
};

/* Returns the configuration of the stream, with `options` set to the options for this engine. */
static struct speadi_tx_config config_for(const struct opening *opening,
                                          const struct speadi_engine_about *engine)
{
    struct speadi_tx_config config = *opening->config;

    config.options = speadi_engine_options_find(config.engine_options, engine->name);
    return config;
}

static int usable(void *arg, const struct speadi_engine_about *engine, struct spead_err *err)
{
    const struct speadi_tx_config config = config_for(arg, engine);
    const struct speadi_tx_engine_ops *ops = ops_of(engine);

    return ops->usable ? ops->usable(&config, err) : 0;
}

/* Writes an error sentence into *err: the engine cannot do what the configuration field `field` asks for, because it
 * lacks `capability`, for the reason `why`. The sentence also names the engines that have the capability. Returns
 * -ENOTSUP. */
static int lacks(const struct speadi_engine_about *engine, uint32_t capability, const char *field,
                 const char *why, struct spead_err *err)
{
    const struct speadi_engine_about *other;
    char others[80] = "";

    for (uint32_t i = 0; (other = speadi_engine_by_rank(&list, i)) != NULL; i++) {
        size_t used = strlen(others);

        if (ops_of(other)->caps & capability)
            snprintf(others + used, sizeof others - used, "%s%s", used ? ", " : "; try ",
                     other->name);
    }
    return speadi_err_field(err, -ENOTSUP, field, ": engine %s %s%s", engine->name, why, others);
}

static int check_caps(const struct speadi_engine_about *engine,
                      const struct speadi_tx_config *config, struct spead_err *err)
{
    static const char no_device[] = "has no device for this";
    uint32_t caps = ops_of(engine)->caps;

    if (config->hardware_rate && !(caps & SPEADI_TX_CAP_PACES))
        return lacks(engine, SPEADI_TX_CAP_PACES, "hardware_rate", no_device, err);
    if (config->hardware_tso && !(caps & SPEADI_TX_CAP_SEGMENTS))
        return lacks(engine, SPEADI_TX_CAP_SEGMENTS, "hardware_tso", no_device, err);
    if (config->wants_trains && !(caps & SPEADI_TX_CAP_TRAINS) && !config->hardware_tso)
        return lacks(engine, SPEADI_TX_CAP_TRAINS, "mix_heaps", "builds no trains", err);
    if (config->send_path != SPEAD_SEND_PATH_AUTO && !(caps & SPEADI_TX_CAP_GATHERS))
        return lacks(engine, SPEADI_TX_CAP_GATHERS, "send_path", "has no kernel socket for this",
                     err);
    for (uint32_t i = 0; i < config->memory_count; i++)
        if (config->memory[i].is_dma_buf && !(caps & SPEADI_TX_CAP_DEVICE))
            return lacks(engine, SPEADI_TX_CAP_DEVICE, "memory", no_device, err);
    return 0;
}

static int open_engine(void *arg, const struct speadi_engine_about *engine, struct spead_err *err)
{
    const struct opening *opening = arg;
    const struct speadi_tx_config config = config_for(opening, engine);
    const struct speadi_tx_engine_ops *ops = ops_of(engine);
    int ret = check_caps(engine, &config, err);
    void *self;

    if (ret < 0)
        return ret;
    self = calloc(1, ops->state_size);
    if (!self)
        return speadi_err_set(err, -ENOMEM, "no memory for send engine %s", engine->name);
    *opening->facts = (struct speadi_tx_facts){0};
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

int speadi_tx_engine_open(const struct speadi_tx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_tx_config *config,
                          char reason[SPEADI_ENGINE_REASON_MAX], struct speadi_tx_facts *facts,
                          struct spead_err *err)
{
    struct opening opening = {ops, state, config, facts};
    const struct speadi_engine_choice choice = {.list = &list,
                                                .endpoint = config->links ? SPEAD_ENDPOINT_MEM_LINK
                                                                          : SPEAD_ENDPOINT_UDP,
                                                .shape = facts->shape,
                                                .arg = &opening,
                                                .usable = usable,
                                                .open = open_engine};

    if (config->count == 0 || config->count > SPEADI_TX_DESTINATIONS_MAX)
        return speadi_err_range(err, "endpoint_count", config->count, 1,
                                SPEADI_TX_DESTINATIONS_MAX);
    if (speadi_engine_options_check(config->engine_options, err) < 0)
        return -EINVAL;
    return speadi_engine_choose(&choice, name, reason, err);
}
